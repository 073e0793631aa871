"""Transfers asked for by a phone: blind ones here, attended ones in `regrouping`.

A call has two sides. Who transfers (the transferor) is set aside, the other side is the caller from
then on and walks to the new destination like any caller. If nobody answers there, it is given back
to the transferor; should that one have hung up, its phone rings.

    talk --REFER--> set aside --new destination answers--> transferor may go
                        |
                        +--it fails--> talk again, or ring the transferor
"""

from typing import Final

from pbx.calls import commands as do
from pbx.calls.call import Call, Transferor
from pbx.calls.causes import Cause
from pbx.closing import Closing
from pbx.distribution import inputs
from pbx.events import CallRegrouped, Regrouped
from pbx.flow.block import Block
from pbx.flow.dial import DialBlock
from pbx.history.records import Hangup, Verdict
from pbx.routing import arrive, make_block
from pbx.switchboard import Item

WAITS_FOR_ANSWER: Final = frozenset({"consult", "dial", "intercom", "outgoing", "park", "refuse"})
"""Blocks that succeed when a person answers; at all others the call has arrived at once."""


class Transferring(Closing):
    def _transfer(self, call: Call, command: do.Transfer, now: float) -> list[Item]:
        mine = self._extension_of(call, command.leg)
        if mine not in self.plan.extensions:
            # Who is outside, calling or called, would make our extensions dial, and pay for it.
            return [*self.legs.transfer_failed(command.leg, Cause.FORBIDDEN, now)]
        items = self._stop_typing(call, now)
        if command.replaces:
            return [*items, *self._transfer_attended(call, command, now)]
        arrival = arrive(self.plan, command.number, call.shown[0])
        if arrival.destination is None:
            return [*items, *self.legs.transfer_failed(command.leg, Cause.NOT_FOUND, now)]
        told = CallRegrouped(call.id, mine, command.number, Regrouped.BLIND, self._wall(now))
        items += [told, *self._set_aside(call, command.leg, now)]
        call.wishes, call.sent_by = arrival.wishes, mine
        # The rights of who transfers count, not those of who is transferred.
        block = make_block(self.plan, arrival.destination, mine, self.attendance, call.language)
        return [*items, *self._enter(call, block, now)]

    def _enter(self, call: Call, block: Block, now: float) -> list[Item]:
        items: list[Item] = []
        if call.transferor is not None and block.name not in WAITS_FOR_ANSWER:
            items = self._transferred(call, do.Transferred(), now)
        return [*items, *super()._enter(call, block, now)]

    def _stop_typing(self, call: Call, now: float) -> list[Item]:
        """Whoever has a transfer key need not type: both hear each other again."""
        if call.keys is None or not call.keys.asking:
            return []
        call.keys = None
        return self._hear_each_other(call, call.forks[call.bridged], now)

    def _refuse_transfer(self, call: Call, command: do.RefuseTransfer, now: float) -> list[Item]:
        return [*self.legs.transfer_failed(command.leg, Cause.FAILED, now)]

    def _transfer_attended(self, call: Call, command: do.Transfer, now: float) -> list[Item]:
        raise NotImplementedError  # In `regrouping`.

    # --- who transfers is set aside

    def _set_aside(self, call: Call, leg: str, now: float) -> list[Item]:
        items: list[Item] = []
        if leg == call.caller_leg:
            items = self._change_sides(call, now)
        fork = call.forks[call.bridged]
        call.stop_talking(now)
        del call.forks[fork.party]
        call.transferor = Transferor(leg, self.legs[leg].media, fork, call.block)
        music = self.plan.sounds.get("music/hold")
        items += self.legs.part(leg)
        if music is not None:
            items += self._play(call, do.PlayToCaller((music,), repeat=True), now)
        return items

    def _change_sides(self, call: Call, now: float) -> list[Item]:
        """Who was called is served from now on, and who called is talked to."""
        fork = call.forks[call.bridged]
        caller, called = call.caller_leg, fork.leg
        call.caller_leg, fork.leg, fork.legs = called, caller, [caller]
        call.party_of[caller] = call.party_of.pop(called)
        call.occupies, fork.occupies = fork.occupies, call.occupies
        theirs = call.caller_extension
        call.caller_extension, fork.extension = fork.extension, theirs
        call.shown = self._identity(call.caller_extension, call.called)
        fork.agent = ""
        agent = call.conversation
        if not agent:
            return []
        # An agent who is sent elsewhere by his caller is busy, but in no conversation of a queue.
        call.queued, call.conversation, call.occupies = False, "", agent
        return [
            *self._occupy(agent, now),
            *self._tell(inputs.ConversationEnded(call.id, agent), now),
        ]

    def _identity(self, extension: str, otherwise: str) -> tuple[str, str]:
        known = self.plan.extensions.get(extension)
        return (extension, known.name) if known is not None else (otherwise, "")

    def _extension_of(self, call: Call, leg: str) -> str:
        if leg == call.caller_leg:
            return call.caller_extension
        fork = call.forks.get(call.party_of.get(leg, ""))
        return fork.extension if fork is not None else ""

    # --- and comes back, or goes

    def _transferred(self, call: Call, command: do.Transferred, now: float) -> list[Item]:
        if call.transferor is None:
            return []
        leg = call.transferor.leg
        items = self._release_transferor(call, now)
        return [*items, *self._let_go(call, leg, now)]

    def _transferor_gone(self, call: Call, command: do.TransferorGone, now: float) -> list[Item]:
        """It hung up: that is no end of the call, which rings on."""
        if call.transferor is None:
            return []
        media, call.ring_back = call.transferor.media, call.transferor.fork.extension
        return [*self._release_transferor(call, now), *self.pool.close(media)]

    def _release_transferor(self, call: Call, now: float) -> list[Item]:
        """An agent who is not in this call any more gets his wrap-up."""
        transferor, call.transferor = call.transferor, None
        assert transferor is not None, call
        items = self._vacate(transferor.fork.occupies, now)
        talked = call.conversation
        if talked and talked == transferor.fork.agent:
            call.queued, call.conversation = False, ""
            items += self._tell(inputs.ConversationEnded(call.id, talked), now)
        return items

    def _let_go(self, call: Call, leg: str, now: float) -> list[Item]:
        """This leg belongs to no call any more; it is told, and hung up when it knows."""
        if leg not in self.legs:
            return []
        _ = self._call_by_leg.pop(leg, None)
        _ = call.party_of.pop(leg, None)
        self.legs.give(leg, "", "", "")
        return [*self.pool.close(self.legs[leg].media), *self.legs.transferred(leg, now)]

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        items: list[Item] = []
        if call.transferor is not None:
            leg = call.transferor.leg
            items = [*self._release_transferor(call, now), *self.legs.hangup(leg, call.cause, now)]
        return [*items, *super()._tear_down(call, now)]

    def _finish(self, call: Call, command: do.Finish, now: float) -> list[Item]:
        """The end, unless somebody was transferred here in vain."""
        wanted = call.transferor is not None or call.ring_back
        stays = call.caller_leg in self.legs and command.cause is not Cause.SHUTDOWN
        if wanted and stays and not call.bridged:
            return self._give_back(call, command.cause, now)
        return super()._finish(call, command, now)

    def _give_back(self, call: Call, cause: Cause, now: float) -> list[Item]:
        transferor, call.transferor = call.transferor, None
        extension, call.ring_back = call.ring_back, ""
        if transferor is not None:
            return self._talk_again(call, transferor, cause, now)
        plan = self.plan.extensions.get(extension)
        if plan is None:
            return super()._finish(call, do.Finish(Verdict.NO_ANSWER, cause, Hangup.SYSTEM), now)
        return self._enter(call, DialBlock(plan.id, "", plan.ring_seconds), now)

    def _talk_again(
        self, call: Call, transferor: Transferor, cause: Cause, now: float
    ) -> list[Item]:
        fork = transferor.fork
        call.forks[fork.party] = fork
        call.block = transferor.block
        call.talk_to(fork, now)
        back = CallRegrouped(call.id, fork.extension, "", Regrouped.BACK, self._wall(now))
        items: list[Item] = [back, *self.legs.transfer_failed(fork.leg, cause, now)]
        items += self._join(call, fork.leg, now)
        return [*items, *self._hold(call, do.Hold(fork.leg, True), now)]
