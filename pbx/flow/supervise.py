"""Guests of a conversation: supervisors who listen, whisper or speak, and third ones who were
added. Which conversation it is, and what is heard there, is decided in `pbx/mixing.py`.

    ASKING --nobody talks--> WAITING --they talk--> WITHIN
      |  \\--------- they talk ----------------------^  |
      |                        ^---- the call ends ----+
      +-- not allowed, nobody to listen to --> SAYING (why), then the end
"""

from enum import Enum
from typing import TYPE_CHECKING, Final

from pbx.calls.causes import Cause
from pbx.calls.commands import (
    AnswerCaller,
    ChangeMode,
    Command,
    Dial,
    Drop,
    Finish,
    GoTo,
    RingCaller,
    SayToCaller,
    Seat,
    Watch,
)
from pbx.codes import SEPARATOR
from pbx.flow.block import Block
from pbx.flow.dial import VERDICTS
from pbx.history.records import Hangup, Verdict
from pbx.plan import Destination, Plan
from pbx.room_plan import Mode

if TYPE_CHECKING:
    from pbx.calls.call import Call

REFUSED: Final = "supervision/not-allowed"
NOBODY: Final = "supervision/nobody"
WAITS: Final = "supervision/waits"
CALL_SECONDS: Final = 30.0  # How long a supervisor's phone rings.


class GuestState(Enum):
    ASKING = "asking"  # Whether there is a conversation, and whether one may listen to it.
    WAITING = "waiting for a conversation"
    WITHIN = "within"
    SAYING = "saying why not"


_S = GuestState
TRANSITIONS: Final[dict[GuestState, frozenset[GuestState]]] = {
    _S.ASKING: frozenset({_S.WAITING, _S.WITHIN, _S.SAYING}),
    _S.WAITING: frozenset({_S.WITHIN, _S.SAYING}),
    _S.WITHIN: frozenset({_S.WAITING, _S.WITHIN, _S.SAYING}),
    _S.SAYING: frozenset(),
}


class GuestBlock(Block):
    """`host`: the call whose conversation it is, "" while there is none."""

    name = "guest"

    def __init__(self, mode: Mode, host: str = "") -> None:
        self.mode = mode
        self.host = host
        self.watched = ""  # The extension that hears a whisper; "": nobody.
        self.next_deadline = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return []

    def on_host_gone(self, call: "Call", now: float) -> list[Command]:
        """The conversation is over, or its guest is no more."""
        self.host = ""
        return [Finish(Verdict.ANSWERED, Cause.NORMAL, Hangup.SYSTEM)]


class SuperviseBlock(GuestBlock):
    """A supervisor's own call."""

    name = "supervise"

    def __init__(
        self,
        watched: str,
        mode: Mode,
        *,
        agent: str = "",
        follow: bool = True,
        keys: dict[str, Mode | None] | None = None,
    ) -> None:
        """`keys`: what changes the mode; None leaves."""
        super().__init__(mode)
        self.watched = watched
        self.agent = agent
        self.follow = follow
        self.keys = keys or {}
        self.state = GuestState.ASKING

    def start(self, call: "Call", now: float) -> list[Command]:
        call.verdict = Verdict.SERVED
        return [Watch()]

    def on_refused(self, call: "Call") -> list[Command]:
        call.verdict = Verdict.REJECTED
        return self._say(REFUSED)

    def on_nobody(self) -> list[Command]:
        """There is no conversation now."""
        if not self.follow:
            return self._say(NOBODY)
        self._become(GuestState.WAITING)
        return [AnswerCaller(), SayToCaller((WAITS,))]

    def on_within(self, host: str) -> None:
        self._become(GuestState.WITHIN)
        self.host = host

    def on_host_gone(self, call: "Call", now: float) -> list[Command]:
        self.host = ""
        if not self.follow:
            return [Finish(Verdict.SERVED, Cause.NORMAL, Hangup.SYSTEM)]
        self._become(GuestState.WAITING)  # In silence: a voice between the calls is a nuisance.
        return []

    def on_digit(self, call: "Call", digit: str, now: float) -> list[Command]:
        if digit not in self.keys or self.state is GuestState.SAYING:
            return []
        wanted = self.keys[digit]
        if wanted is None:
            return [Finish(Verdict.SERVED, Cause.NORMAL, Hangup.CALLER)]
        return [ChangeMode(wanted)]

    def on_played(self, call: "Call", now: float) -> list[Command]:
        if self.state is not GuestState.SAYING:
            return []
        return [Finish(call.verdict or Verdict.SERVED, Cause.NORMAL, Hangup.SYSTEM)]

    def on_caller_replaced(self, call: "Call", now: float) -> list[Command]:
        return self.on_played(call, now)

    def _say(self, sound: str) -> list[Command]:
        self._become(GuestState.SAYING)
        return [AnswerCaller(), SayToCaller((sound,))]

    def _become(self, state: GuestState) -> None:
        assert state in TRANSITIONS[self.state], (self.watched, self.state, state)
        self.state = state


def supervise_block(plan: Plan, target: str) -> SuperviseBlock:
    """`target`: mode, extension or agent, and "follow" or "once" if it is not as usual."""
    mode, watched, follow = [*target.split(SEPARATOR), ""][:3]
    extension = watched if watched in plan.extensions else plan.extension_of.get(watched, "")
    settings = plan.rooms.supervision
    return SuperviseBlock(
        extension,
        Mode(mode),
        agent=plan.agent_of.get(extension, ""),
        follow=settings.follow if not follow else follow == "follow",
        keys=dict(settings.keys),
    )


class SummonBlock(Block):
    """Ring somebody who is to be the caller of a call of ours; then it goes on to `then`."""

    name = "summon"

    def __init__(self, extension: str, then: Destination) -> None:
        self.extension = extension
        self.then = then
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        self.next_deadline = now + CALL_SECONDS
        return [Dial(self.extension, self.extension)]

    def on_party_ringing(self, call: "Call", party: str, now: float) -> list[Command]:
        return [RingCaller()]

    def on_party_answered(self, call: "Call", party: str, now: float) -> list[Command]:
        self.next_deadline = None
        return [Seat(party), GoTo(self.then)]

    def on_party_ended(self, call: "Call", party: str, cause: Cause, now: float) -> list[Command]:
        return [Finish(VERDICTS.get(cause, Verdict.FAILED), cause, Hangup.CALLEE)]

    def on_time(self, call: "Call", now: float) -> list[Command]:
        self.next_deadline = None
        drop = Drop(self.extension, Cause.NO_ANSWER)
        return [drop, Finish(Verdict.NO_ANSWER, Cause.NO_ANSWER, Hangup.SYSTEM)]
