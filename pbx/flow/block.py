"""The blocks a call walks through: each is data and a small machine that answers events with
commands.

A call has one current block. Blocks hold plain data only, so that a call's place in its flow can
be written down.
"""

from typing import TYPE_CHECKING

from pbx.calls.causes import Cause
from pbx.calls.commands import Command
from pbx.history.records import Hangup

if TYPE_CHECKING:
    from pbx.calls.call import Call
    from pbx.distribution.effects import Effect
    from pbx.voicemail.actions import Answer


def hung_up_by(cause: Cause) -> Hangup:
    """Who ended a conversation whose called side is gone: for any other cause it was us."""
    return Hangup.CALLEE if cause is Cause.NORMAL else Hangup.SYSTEM


class Block:
    """Every event that a block does not care about changes nothing."""

    name = "block"
    next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        raise NotImplementedError

    def on_proceed(self, call: "Call", now: float) -> list[Command]:
        return []

    def on_caller_gone(self, call: "Call", now: float) -> list[Command]:
        """The caller hung up; the call itself cleans up and ends after these commands."""
        return []

    def on_party_ringing(self, call: "Call", party: str, now: float) -> list[Command]:
        return []

    def on_party_early(self, call: "Call", party: str, now: float) -> list[Command]:
        """It sends sound before it answers."""
        return []

    def on_caller_replaced(self, call: "Call", now: float) -> list[Command]:
        """Somebody else waits here now, who hears nothing yet."""
        return []

    def on_sound_lost(self, call: "Call", now: float) -> list[Command]:
        """What the caller heard is no more, and may be begun again."""
        return self.on_caller_replaced(call, now)

    def on_party_answered(self, call: "Call", party: str, now: float) -> list[Command]:
        return []

    def on_party_ended(self, call: "Call", party: str, cause: Cause, now: float) -> list[Command]:
        return []

    def on_played(self, call: "Call", now: float) -> list[Command]:
        """What was being played to the caller has come to its end."""
        return []

    def on_digit(self, call: "Call", digit: str, now: float) -> list[Command]:
        return []

    def on_mail(self, call: "Call", answer: "Answer", now: float) -> list[Command]:
        """What a mailbox answers to a `Mail` of this block."""
        return []

    def on_effect(self, call: "Call", effect: "Effect", now: float) -> list[Command]:
        return []

    def on_time(self, call: "Call", now: float) -> list[Command]:
        return []
