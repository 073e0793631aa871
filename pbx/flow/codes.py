"""What a feature code does: at work or not, forwards, do-not-disturb. The caller hears what came
of it."""

from typing import TYPE_CHECKING, Final

from pbx.attendance import Attendance
from pbx.calls.causes import Cause
from pbx.calls.commands import Command, FlipPhone, SetPhone
from pbx.codes import SEPARATOR, Dialled, read, write
from pbx.flow.block import Block
from pbx.flow.collect import CollectBlock
from pbx.flow.play import PlayBlock, RefuseBlock, TimeBlock
from pbx.forwarding import may_forward
from pbx.history.records import Verdict
from pbx.phone_settings import FORWARDS, PhoneSet, Setting, is_possible
from pbx.plan import Destination, Plan
from pbx.room_plan import MODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.calls.call import Call
    from pbx.distribution.inputs import Input

ASK_NUMBER: Final = "enter-number"
NOT_FOUND: Final = "no-such-number"
REFUSED: Final = "not-allowed"
DONE: Final = "beep"  # For a confirmation that has not been recorded.

# Code → the setting, its value, and what is said.
SWITCHES: Final[dict[str, tuple[Setting, str | bool, str]]] = {
    "do_not_disturb_on": (Setting.DO_NOT_DISTURB, True, "do-not-disturb-on"),
    "do_not_disturb_off": (Setting.DO_NOT_DISTURB, False, "do-not-disturb-off"),
    "forward_always_off": (Setting.FORWARD_ALWAYS, "", "forward-off"),
    "forward_busy_off": (Setting.FORWARD_BUSY, "", "forward-off"),
    "forward_no_answer_off": (Setting.FORWARD_NO_ANSWER, "", "forward-off"),
    "forward_unreachable_off": (Setting.FORWARD_UNREACHABLE, "", "forward-off"),
    "hide_number": (Setting.HIDE_NUMBER, True, "number-hidden"),
    "show_number": (Setting.HIDE_NUMBER, False, "number-shown"),
}
# Code → the setting that is switched on or off by turns, and what is said then.
FLIPS: Final[dict[str, tuple[Setting, str, str]]] = {
    "do_not_disturb": (Setting.DO_NOT_DISTURB, "do-not-disturb-on", "do-not-disturb-off"),
}
AGENT_CODES: Final = frozenset({"sign_in", "break", "end_wrap_up"})

SUPERVISION_CODES: Final = frozenset(mode.value for mode in MODES)

# Codes that are blocks of their own.
_BLOCKS: Final = {
    "intercom": "intercom",
    "pick_up_group": "pickup",
    "pick_up": "pickup",
    "park": "park",
    "echo": "echo",
    "mailbox": "my_mailbox",
    "any_mailbox": "mailbox",
    "leave_message": "voicemail",
}


def destination_of(dialled: Dialled) -> Destination:
    if dialled.code in SUPERVISION_CODES:
        return Destination("supervise", write(dialled))
    kind = _BLOCKS.get(dialled.code)
    return Destination("code", write(dialled)) if kind is None else Destination(kind, dialled.rest)


class SettingBlock(PlayBlock):
    """Change a setting of the caller's own phone, and say so."""

    def __init__(self, files: tuple[str, ...], change: PhoneSet) -> None:
        super().__init__(files)
        self.change = change

    def start(self, call: "Call", now: float) -> list[Command]:
        return [SetPhone(self.change), *super().start(call, now)]


class FlipBlock(PlayBlock):
    """Switch something of the caller's own phone on or off, whatever it is not, and say so."""

    def __init__(
        self, extension: str, setting: Setting, on: tuple[str, ...], off: tuple[str, ...]
    ) -> None:
        super().__init__(())
        self.extension = extension
        self.setting = setting
        self.on = on
        self.off = off

    def start(self, call: "Call", now: float) -> list[Command]:
        return [FlipPhone(self.extension, self.setting)]

    def on_flipped(self, call: "Call", on: bool, now: float) -> list[Command]:
        self.files = self.on if on else self.off
        return super().start(call, now)


def code_block(
    plan: Plan,
    target: str,
    extension: str,
    attendance: Attendance,
    find: "Callable[[Plan, str], Destination | None]",
    language: str = "",
) -> Block:
    """`extension`: who dials the code; "" for a caller from outside. `find`: where a number
    leads."""
    if extension not in plan.extensions:
        return RefuseBlock(Verdict.REJECTED, Cause.FORBIDDEN)
    code, rest = read(target)
    if code in AGENT_CODES:
        return _agent_block(plan, code, rest, plan.agent_of.get(extension), attendance, language)
    if code == "time":
        return TimeBlock()
    if code in SWITCHES:
        setting, value, sound = SWITCHES[code]
        return SettingBlock(said(plan, sound, language), PhoneSet(extension, setting, value))
    if code in FLIPS:
        setting, *sounds = FLIPS[code]
        on, off = (said(plan, sound, language) for sound in sounds)
        return FlipBlock(extension, setting, on, off)
    if code not in FORWARDS:
        return RefuseBlock(Verdict.NOT_FOUND, Cause.NOT_FOUND)
    if not rest:
        return _ask_for_number(plan, code, language)
    return _forward_block(plan, PhoneSet(extension, Setting(code), rest), find, language)


def _agent_block(
    plan: Plan, code: str, rest: str, agent: str | None, attendance: Attendance, language: str
) -> Block:
    reason = plan.phones.break_codes.get(rest, "") if rest else "break"
    if agent is None:
        return RefuseBlock(Verdict.REJECTED, Cause.FORBIDDEN)
    if not reason:
        return PlayBlock(said(plan, NOT_FOUND, language))
    inputs: list[Input]
    inputs, sound = attendance.on_code(agent, code, reason)
    return PlayBlock(said(plan, sound, language), tuple(inputs))


def _ask_for_number(plan: Plan, code: str, language: str) -> Block:
    return CollectBlock(
        said(plan, ASK_NUMBER, language),
        Destination("code", f"{code}{SEPARATOR}"),
        otherwise=Destination("play", "goodbye"),
        verdict=Verdict.SERVED,
    )


def _forward_block(
    plan: Plan,
    change: PhoneSet,
    find: "Callable[[Plan, str], Destination | None]",
    language: str,
) -> Block:
    to = find(plan, str(change.value))
    if to is None:
        return PlayBlock(said(plan, NOT_FOUND, language))
    allowed = may_forward(plan, change.extension, to)
    if not (allowed and is_possible(change, plan.extensions)):
        return PlayBlock(said(plan, REFUSED, language))
    return SettingBlock(said(plan, "forward-on", language), change)


def said(plan: Plan, sound: str, language: str = "") -> tuple[str, ...]:
    """The file of this sound; a beep where there is none."""
    return plan.files((sound,), language) or plan.files((DONE,))
