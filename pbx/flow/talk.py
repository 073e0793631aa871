"""Two who were put together by a transfer or by picking up: until one of them hangs up."""

from typing import TYPE_CHECKING

from pbx.calls.causes import Cause
from pbx.calls.commands import Bridge, Command, Finish
from pbx.flow.block import Block, hung_up_by
from pbx.history.records import Hangup, Verdict

if TYPE_CHECKING:
    from pbx.calls.call import Call


class TalkBlock(Block):
    name = "talk"

    def __init__(self, extension: str) -> None:
        self.extension = extension
        self.next_deadline = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return []

    def on_party_answered(self, call: "Call", party: str, now: float) -> list[Command]:
        return [Bridge(party)]

    def on_party_ended(self, call: "Call", party: str, cause: Cause, now: float) -> list[Command]:
        if call.bridged == party:
            return [Finish(Verdict.ANSWERED, cause, hung_up_by(cause))]
        return [Finish(Verdict.FAILED, cause, Hangup.CALLEE)]
