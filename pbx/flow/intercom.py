"""Ring an extension whose phone answers by itself, so that one can speak at once."""

from typing import TYPE_CHECKING

from pbx.calls.causes import Cause
from pbx.calls.commands import Command, Dial
from pbx.flow.dial import DialBlock, DialState
from pbx.forwarding import FREE, Reach
from pbx.history.records import Hangup

if TYPE_CHECKING:
    from pbx.calls.call import Call


class IntercomBlock(DialBlock):
    """No forward is followed: nobody wants to speak into another room."""

    name = "intercom"

    def on_reach(self, call: "Call", reach: Reach, now: float) -> list[Command]:
        self.reach = FREE
        if reach.refused is not None:
            return self._failed(call, Cause.BUSY, Hangup.CALLEE)
        self._become(DialState.RINGING)
        self.next_deadline = now + self.ring_seconds
        return [Dial(self.extension, self.extension, auto_answer=True)]
