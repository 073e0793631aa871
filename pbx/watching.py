"""What can be watched by a lamp, and how it looks.

    NUMBER            the phones of an extension; a parking slot; any other number stays dark
    QUEUE             a queue, by its name or number: lit while somebody waits there
    agent-AGENT       dark: ready for a call; blinking: a call rings; lit: no call would be offered
    SIGN_IN[AGENT]    the feature code for signing in: lit while the agent is signed in
    BREAK[AGENT]      the feature code for a break: lit while the agent is on break, whatever for
    SWITCH[NUMBER]    one that switches something on a phone on or off: lit while it is on, there
    FORWARD[TARGET]   the feature code of a forward: lit while there is one, to that target

A key with a feature code dials it when pressed, so its lamp shows what pressing it changes. Without
an agent or number it means whose phone it is; an agent may also be named by his extension.
"""

from typing import Final, NamedTuple

from pbx.dialog_info import DialogInfo, DialogState
from pbx.distribution.core import Distribution
from pbx.distribution.effects import AgentState
from pbx.flow.codes import FLIPS, SWITCHES
from pbx.phone_settings import FORWARDS, PhoneSettings, Setting
from pbx.plan import Plan

LINE: Final = "line"
QUEUE: Final = "queue"
AGENT: Final = "agent"
SIGN_IN: Final = "sign_in"  # As the feature code is called.
BREAK: Final = "break"
MAILBOX: Final = "mailbox"

OF_AGENTS: Final = (AGENT, SIGN_IN, BREAK)
AGENT_PREFIX: Final = "agent-"


# Feature codes → what each of them changes on a phone.
SETTINGS: Final[dict[str, Setting]] = {
    **{name: setting for name, (setting, _, _) in SWITCHES.items()},
    **{name: setting for name, (setting, _, _) in FLIPS.items()},
    **{setting.value: setting for setting in FORWARDS},
}
_KINDS: Final = frozenset(setting.value for setting in SETTINGS.values())


class Subject(NamedTuple):
    kind: str  # One of those above, or the name of a setting.
    id: str
    target: str = ""  # Of a forward that is asked for; "": whatever it is.


def subject_of(plan: Plan, name: str, watcher: str) -> Subject | None:
    """What `watcher` (an extension, or "") means by this name; None: nothing that there is."""
    if name in plan.extensions or name in plan.parking.slots:
        return Subject(LINE, name)
    if name in plan.queues:
        return Subject(QUEUE, name)
    if name.startswith(AGENT_PREFIX):
        agent = name[len(AGENT_PREFIX) :]
        return Subject(AGENT, agent) if agent in plan.agents else None
    found = _code(plan, name, watcher)
    to = plan.numbers.get(name)
    if found is not None or to is None:
        return found
    return Subject(QUEUE, to.target) if to.kind == "queue" else Subject(LINE, name)


def mailbox_of(plan: Plan, name: str, watcher: str) -> Subject | None:
    """A phone asks for its own mailbox by its extension, or by the number of the voicemail."""
    if name in plan.extensions or name in plan.voicemail.boxes:
        return Subject(MAILBOX, name)
    return Subject(MAILBOX, watcher) if watcher in plan.extensions else None


def is_private(plan: Plan, subject: Subject, watcher: str) -> bool:
    return (
        subject.id in plan.registrar.private
        and (subject.kind in (LINE, MAILBOX) or is_setting(subject))
        and (subject.id != watcher)
    )


def agent_look(subject: Subject, distribution: Distribution) -> tuple[DialogInfo, ...]:
    if subject.id not in distribution.world.agents:
        return ()
    state = distribution.agent(subject.id).state
    match subject.kind, state:
        case "agent", AgentState.READY:
            return ()
        case "agent", AgentState.RINGING:
            return (DialogInfo(subject.id, DialogState.EARLY),)
        case "agent", _:
            return _lit(subject)
        case "break", AgentState.BREAK:
            return _lit(subject)
        case "sign_in", _ if state is not AgentState.INACTIVE:
            return _lit(subject)
        case _:
            return ()


def is_setting(subject: Subject) -> bool:
    return subject.kind in _KINDS


def setting_look(subject: Subject, phones: PhoneSettings) -> tuple[DialogInfo, ...]:
    value = getattr(phones.of(subject.id), subject.kind)
    return _lit(subject) if (value == subject.target if subject.target else value) else ()


def queue_look(subject: Subject, distribution: Distribution) -> tuple[DialogInfo, ...]:
    queue = distribution.world.queues.get(subject.id)
    return _lit(subject) if queue is not None and len(queue.line) else ()


def _lit(subject: Subject) -> tuple[DialogInfo, ...]:
    return (DialogInfo(subject.id, DialogState.CONFIRMED),)


def _code(plan: Plan, name: str, watcher: str) -> Subject | None:
    dialled = plan.phones.codes.names
    for length in range(len(name), 0, -1):
        code, who = dialled.get(name[:length], ""), name[length:]
        if code in SETTINGS:
            return _setting(plan, SETTINGS[code], code, who, watcher)
        if code in (SIGN_IN, BREAK):
            if code == BREAK and who in plan.phones.break_codes and who not in plan.agents:
                who = ""  # The key for a break with a certain reason.
            agent = who if who in plan.agents else plan.agent_of.get(who or watcher)
            return None if agent is None else Subject(code, agent)
    return None


def _setting(plan: Plan, setting: Setting, code: str, rest: str, watcher: str) -> Subject | None:
    """Behind the code of a forward stands where it leads to; behind others whose phone is meant."""
    forwards = code in FORWARDS
    extension = watcher if forwards or not rest else rest
    if extension not in plan.extensions:
        return None
    return Subject(setting.value, extension, rest if forwards else "")
