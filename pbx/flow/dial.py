"""Ring one extension and connect the caller to it, or follow a forward of the person there.

ASKING --reach--> RINGING --answer--> TALKING
   |                 |
   +--- a forward ---+--> the next block, with a note of who sent it there
"""

from typing import TYPE_CHECKING, Final

from pbx.calls.causes import Cause
from pbx.calls.commands import (
    AskReach,
    Bridge,
    Command,
    Dial,
    Drop,
    EarlyMedia,
    Finish,
    GoTo,
    RingCaller,
)
from pbx.flow.block import Block, hung_up_by
from pbx.forwarding import FREE, Diversion, Reach, Reason
from pbx.history.records import Hangup, Verdict
from pbx.plan import Destination
from sip.states import Named

if TYPE_CHECKING:
    from pbx.calls.call import Call

VERDICTS: Final[dict[Cause, Verdict]] = {
    Cause.BUSY: Verdict.BUSY,
    Cause.REJECTED: Verdict.REJECTED,
    Cause.NO_ANSWER: Verdict.NO_ANSWER,
    Cause.UNREACHABLE: Verdict.UNREACHABLE,
    Cause.NOT_FOUND: Verdict.NOT_FOUND,
}


class DialState(Named):
    ASKING = "asking"  # How this extension wants to be reached.
    RINGING = "ringing"
    TALKING = "talking"
    OVER = "over"  # Nothing that comes late may forward the call again.


_S = DialState
TRANSITIONS: Final[dict[DialState, frozenset[DialState]]] = {
    _S.ASKING: frozenset({_S.RINGING, _S.OVER}),
    _S.RINGING: frozenset({_S.TALKING, _S.OVER}),
    _S.TALKING: frozenset({_S.OVER}),
    _S.OVER: frozenset(),
}


class DialBlock(Block):
    name = "dial"

    def __init__(self, extension: str, agent: str, ring_seconds: float) -> None:
        self.extension = extension
        self.agent = agent
        self.ring_seconds = ring_seconds
        self.state = DialState.ASKING
        self.reach: Reach = FREE
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return [AskReach(self.extension)]

    def on_reach(self, call: "Call", reach: Reach, now: float) -> list[Command]:
        self.reach = reach
        if reach.always is not None:
            return self._divert(call, reach.always, Reason.ALWAYS)
        if reach.refused is not None:
            return self._failed(call, Cause.BUSY, Hangup.CALLEE)
        self._become(DialState.RINGING)
        self.next_deadline = now + self.ring_seconds
        return [Dial(self.extension, self.extension)]

    def on_party_ringing(self, call: "Call", party: str, now: float) -> list[Command]:
        return [RingCaller()]

    def on_caller_replaced(self, call: "Call", now: float) -> list[Command]:
        return [RingCaller()] if self.state is DialState.RINGING else []

    def on_party_early(self, call: "Call", party: str, now: float) -> list[Command]:
        return [EarlyMedia(party)]

    def on_party_answered(self, call: "Call", party: str, now: float) -> list[Command]:
        self._become(DialState.TALKING)
        self.next_deadline = None
        return [Bridge(party)]

    def on_party_ended(self, call: "Call", party: str, cause: Cause, now: float) -> list[Command]:
        if call.bridged == party:
            self._become(DialState.OVER)
            return [Finish(Verdict.ANSWERED, cause, hung_up_by(cause))]
        return self._failed(call, cause, Hangup.CALLEE)

    def on_time(self, call: "Call", now: float) -> list[Command]:
        if self.state is not DialState.RINGING:
            return []
        drop = Drop(self.extension, Cause.NO_ANSWER)
        return [drop, *self._failed(call, Cause.NO_ANSWER, Hangup.SYSTEM)]

    def _failed(self, call: "Call", cause: Cause, by: Hangup) -> list[Command]:
        onward = self.reach.onward(cause) if self.state is not DialState.TALKING else None
        if onward is not None:
            return self._divert(call, *onward)
        self._over()
        return [Finish(VERDICTS.get(cause, Verdict.FAILED), cause, by)]

    def _divert(self, call: "Call", to: Destination, reason: Reason) -> list[Command]:
        self._over()
        call.diversions.append(Diversion(self.extension, reason))
        return [GoTo(to)]

    def _over(self) -> None:
        self._become(DialState.OVER)
        self.next_deadline = None

    def _become(self, state: DialState) -> None:
        assert state in TRANSITIONS[self.state], (self.extension, self.state, state)
        self.state = state
