"""Ring one extension and connect the caller to it."""

from typing import TYPE_CHECKING, Final

from pbx.calls.causes import Cause
from pbx.calls.commands import Bridge, Command, Dial, Drop, Finish, RingCaller
from pbx.flow.block import Block, hung_up_by
from pbx.history.records import Hangup, Verdict

if TYPE_CHECKING:
    from pbx.calls.call import Call

VERDICTS: Final[dict[Cause, Verdict]] = {
    Cause.BUSY: Verdict.BUSY,
    Cause.REJECTED: Verdict.REJECTED,
    Cause.NO_ANSWER: Verdict.NO_ANSWER,
    Cause.UNREACHABLE: Verdict.UNREACHABLE,
    Cause.NOT_FOUND: Verdict.NOT_FOUND,
}


class DialBlock(Block):
    name = "dial"

    def __init__(self, extension: str, agent: str, ring_seconds: float) -> None:
        self.extension = extension
        self.agent = agent
        self.ring_seconds = ring_seconds
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        self.next_deadline = now + self.ring_seconds
        return [Dial(self.extension, self.extension)]

    def on_party_ringing(self, call: "Call", party: str, now: float) -> list[Command]:
        return [RingCaller()]

    def on_party_answered(self, call: "Call", party: str, now: float) -> list[Command]:
        self.next_deadline = None
        return [Bridge(party)]

    def on_party_ended(self, call: "Call", party: str, cause: Cause, now: float) -> list[Command]:
        self.next_deadline = None
        if call.bridged == party:
            return [Finish(Verdict.ANSWERED, cause, hung_up_by(cause))]
        return [Finish(VERDICTS.get(cause, Verdict.FAILED), cause, Hangup.CALLEE)]

    def on_time(self, call: "Call", now: float) -> list[Command]:
        self.next_deadline = None
        return [
            Drop(self.extension, Cause.NO_ANSWER),
            Finish(Verdict.NO_ANSWER, Cause.NO_ANSWER, Hangup.SYSTEM),
        ]
