"""A call to the outside: try the trunks of its route in order until one of them carries it.

    ASKING --a way--> TRYING --rings--> RINGING --answer--> TALKING
       |                 |  \\             |
     denied        the trunk fails:     early media
       |           the next way            |
       v                 v                 v
    REFUSED            OVER <--------------+

Who may call there, and which way is next, is not known here: `DialTrunk` is answered by
`on_way`, or by `on_denied` and `on_no_way`. Another way is tried only while nothing of the far
side has been heard, and only for causes that are about the trunk (RFC 3261 §21.5, RFC 3263 §4.3).
"""

from enum import Enum
from typing import TYPE_CHECKING, Final

from pbx.calls.causes import Cause
from pbx.calls.commands import (
    AnswerCaller,
    Bridge,
    Command,
    DialTrunk,
    Drop,
    EarlyMedia,
    Finish,
    PlayToCaller,
    RingCaller,
)
from pbx.flow.block import Block, hung_up_by
from pbx.flow.dial import VERDICTS
from pbx.history.records import Hangup, Verdict

if TYPE_CHECKING:
    from pbx.calls.call import Call

PARTY: Final = "outside"
WAYS_MAX: Final = 8  # Tried for one call: a caller who waits longer has hung up.
FAIL_OVER: Final = frozenset({Cause.UNREACHABLE, Cause.CONGESTION, Cause.FAILED})
"""What a leg says when the trouble is the trunk's: silence, 408, 5xx."""


class OutgoingState(Enum):
    ASKING = "asking"
    TRYING = "trying"
    RINGING = "ringing"
    TALKING = "talking"
    REFUSED = "refused"  # The caller hears why.
    OVER = "over"


_S = OutgoingState
TRANSITIONS: Final[dict[OutgoingState, frozenset[OutgoingState]]] = {
    _S.ASKING: frozenset({_S.TRYING, _S.REFUSED, _S.OVER}),
    _S.TRYING: frozenset({_S.ASKING, _S.RINGING, _S.TALKING, _S.OVER}),
    _S.RINGING: frozenset({_S.TALKING, _S.OVER}),
    _S.TALKING: frozenset({_S.OVER}),
    _S.REFUSED: frozenset({_S.OVER}),
    _S.OVER: frozenset(),
}


class OutgoingBlock(Block):
    name = "outgoing"

    def __init__(self, number: str, payer: str, *, diverted: bool = False) -> None:
        """`payer`: the extension whose rights and money count; "" for a caller from outside."""
        self.number = number  # As it was dialled.
        self.payer = payer
        self.diverted = diverted
        self.state = OutgoingState.ASKING
        self.tried: list[str] = []  # Ways, the last one is being tried.
        self.last = Cause.UNREACHABLE  # Why the last way failed.
        self.ring_seconds = 60.0
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return [DialTrunk(PARTY, self.number, self.payer, tuple(self.tried))]

    # --- what came of asking

    def on_way(self, way: str, ring_seconds: float, now: float) -> None:
        """An INVITE is on its way there."""
        self._become(OutgoingState.TRYING)
        self.tried.append(way)
        if len(self.tried) == 1:
            self.ring_seconds = ring_seconds
            self.next_deadline = now + ring_seconds

    def on_no_way(self, cause: Cause) -> list[Command]:
        """All have been tried, or there is no room. What the last one said counts."""
        self.last = self.last if self.tried else cause
        return self._finish(VERDICTS.get(self.last, Verdict.FAILED), self.last, Hangup.SYSTEM)

    def on_denied(self, files: tuple[str, ...]) -> list[Command]:
        if not files:
            return self._finish(Verdict.REJECTED, Cause.FORBIDDEN, Hangup.SYSTEM)
        self._become(OutgoingState.REFUSED)
        return [AnswerCaller(), PlayToCaller(files)]

    # --- what becomes of the call

    def on_party_ringing(self, call: "Call", party: str, now: float) -> list[Command]:
        if self.state is OutgoingState.TRYING:
            self._become(OutgoingState.RINGING)
        return [RingCaller()]

    def on_party_early(self, call: "Call", party: str, now: float) -> list[Command]:
        # An announcement may still be one of the trunk itself ("all circuits are busy"), so
        # another way may follow; what was heard until then does no harm.
        return [EarlyMedia(party)]

    def on_party_answered(self, call: "Call", party: str, now: float) -> list[Command]:
        self._become(OutgoingState.TALKING)
        self.next_deadline = None
        return [Bridge(party)]

    def on_party_ended(self, call: "Call", party: str, cause: Cause, now: float) -> list[Command]:
        if call.bridged == party:
            return self._finish(Verdict.ANSWERED, cause, hung_up_by(cause))
        if self.state is OutgoingState.TRYING:
            self.last = cause
            if cause in FAIL_OVER and len(self.tried) < WAYS_MAX:
                self._become(OutgoingState.ASKING)
                return self.start(call, now)
        if self.state in (OutgoingState.OVER, OutgoingState.REFUSED):
            return []
        return self._finish(VERDICTS.get(cause, Verdict.FAILED), cause, Hangup.CALLEE)

    def on_played(self, call: "Call", now: float) -> list[Command]:
        if self.state is not OutgoingState.REFUSED:
            return []
        return self._finish(Verdict.REJECTED, Cause.FORBIDDEN, Hangup.SYSTEM)

    def on_time(self, call: "Call", now: float) -> list[Command]:
        if self.state not in (OutgoingState.TRYING, OutgoingState.RINGING):
            return []
        drop = Drop(PARTY, Cause.NO_ANSWER)
        return [drop, *self._finish(Verdict.NO_ANSWER, Cause.NO_ANSWER, Hangup.SYSTEM)]

    def _finish(self, verdict: Verdict, cause: Cause, by: Hangup) -> list[Command]:
        self._become(OutgoingState.OVER)
        self.next_deadline = None
        return [Finish(verdict, cause, by)]

    def _become(self, state: OutgoingState) -> None:
        assert state in TRANSITIONS[self.state], (self.number, self.state, state)
        self.state = state
