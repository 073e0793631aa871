"""Legs that go from one call to another: attended transfers, picking up, parking.

Everything here is made of one step: a leg takes the place of another one (RFC 3891), or the place
of a phone that still rings. The call that it came from ends with a record of its own.
"""

from pbx.calls import commands as do
from pbx.calls.call import Call, CallState
from pbx.calls.causes import Cause
from pbx.calls.fork import Fork, ForkState
from pbx.calls.leg import LegAnswered, LegState
from pbx.calls.lines import Line
from pbx.distribution import inputs
from pbx.events import CallRegrouped, OfferStarted, Regrouped
from pbx.flow.block import Block
from pbx.flow.park import ParkBlock
from pbx.flow.talk import TalkBlock
from pbx.history.records import Hangup, Verdict
from pbx.switchboard import Item
from pbx.transferring import Transferring


class Regrouping(Transferring):
    # --- attended transfer

    def _transfer_attended(self, call: Call, command: do.Transfer, now: float) -> list[Item]:
        """The other side of `call` takes the place of the transferor in their other call."""
        other = self.calls.get(self._call_by_leg.get(command.replaces, ""))
        mine = self._extension_of(call, command.leg)
        if (
            other is None
            or other is call
            or self._extension_of(other, command.replaces) != mine
            or not self._may_be_replaced(other, command.replaces)
        ):
            return [*self.legs.transfer_failed(command.leg, Cause.FORBIDDEN, now)]
        at = self._wall(now)
        items: list[Item] = [CallRegrouped(call.id, mine, other.id, Regrouped.ATTENDED, at)]
        if command.leg == call.caller_leg:
            items += self._change_sides(call, now)
        stays, call_leg = call.caller_leg, command.leg
        who = (call.caller_extension, call.occupies, call.shown)
        call.occupies = ""
        items += self._take_out(call, stays)
        items += self._let_go(call, call_leg, now)
        items += self._replace(other, command.replaces, stays, who, now)
        return [*items, (call, do.Finish(Verdict.ANSWERED, Cause.TRANSFERRED, Hangup.SYSTEM))]

    def _may_be_replaced(self, call: Call, leg: str) -> bool:
        """Who dialled, even if nobody has answered yet, or who talks."""
        fork = call.forks.get(call.bridged)
        up = leg in self.legs and self.legs[leg].state is LegState.UP
        if leg == call.caller_leg:
            return not call.consults
        return up and fork is not None and fork.leg == leg

    def _take_out(self, call: Call, leg: str) -> list[Item]:
        """This leg and its sound leave the call."""
        media = self.legs[leg].media
        if leg == call.caller_leg:
            call.caller_leg = ""
        if media in call.media:
            call.media.remove(media)
        _ = self._call_by_media.pop(media, None)
        _ = self._call_by_leg.pop(leg, None)
        return [*self.legs.part(leg)]

    def _bring_in(self, call: Call, leg: str, remote: tuple[str, str]) -> None:
        self._call_by_leg[leg] = call.id
        media = self.legs[leg].media
        if media:
            self._own_media(call, media)
        self.legs.give(leg, call.id, *remote)

    def _replace(
        self,
        call: Call,
        old: str,
        new: str,
        who: tuple[str, str, tuple[str, str]],
        now: float,
    ) -> list[Item]:
        """`who`: the newcomer's extension, the agent it occupies, number and name."""
        extension, occupies, shown = who
        items: list[Item] = []
        call.keys = None  # Whatever one of them was typing.
        if old == call.caller_leg:
            items += self._vacate(call.occupies, now)
            call.caller_leg, call.caller_extension = new, extension
            call.occupies, call.shown = occupies, shown
            self._bring_in(call, new, (call.called, ""))
        else:
            fork = call.forks[call.bridged]
            items += self._end_conversation(call, now)
            items += self._vacate(fork.occupies, now)
            del call.party_of[old]
            call.party_of[new] = fork.party
            fork.leg, fork.legs, fork.agent = new, [new], ""
            fork.extension, fork.occupies = extension, occupies
            self._bring_in(call, new, call.shown)
            if call.block.name != "talk":
                call.block = TalkBlock(extension)
        _ = self._call_by_leg.pop(old, None)
        if old in self.legs:
            if self.legs[old].media:
                items += self.pool.close(self.legs[old].media)
            self.legs.give(old, "", "", "")
            items += self.legs.hangup(old, Cause.NORMAL, now)
        if call.state is CallState.TALKING:
            return [*items, *self._hear_each_other(call, call.forks[call.bridged], now)]
        return [*items, *self._commands(call, call.block.on_caller_replaced(call, now))]

    def _end_conversation(self, call: Call, now: float) -> list[Item]:
        """The agent leaves a call that goes on without him."""
        agent = call.conversation
        if not agent:
            return []
        call.queued, call.conversation = False, ""
        return self._tell(inputs.ConversationEnded(call.id, agent), now)

    # --- picking up

    def _pick_up(self, call: Call, command: do.PickUp, now: float) -> list[Item]:
        """`call` is that of who dialled the code."""
        if command.leg:
            return self._take_place(call, command.leg, now)
        found = self._rings_at(command.extension, call.caller_extension)
        if found is None:
            return [(call, do.Finish(Verdict.NOT_FOUND, Cause.NOT_FOUND, Hangup.SYSTEM))]
        ringing, fork = found
        return self._join_in(ringing, fork, call, now)

    def _take_place(self, own: Call, leg: str, now: float) -> list[Item]:
        """RFC 3891 §3: of a phone that rings (picking up), or of one that talks (attended)."""
        call = self.calls.get(self._call_by_leg.get(leg, ""))
        fork = None if call is None else call.forks.get(call.party_of.get(leg, ""))
        refused = (own, do.Finish(Verdict.NOT_FOUND, Cause.NOT_FOUND, Hangup.SYSTEM))
        if call is None or call is own:
            return [refused]
        if fork is not None and fork.state is ForkState.RINGING and not fork.agent:
            return self._join_in(call, fork, own, now)
        if not self._may_be_replaced(call, leg):
            return [refused]
        new, who = own.caller_leg, (own.caller_extension, own.occupies, own.shown)
        worker = self.pool.worker(self.legs[leg].media)
        items = [*self.legs.answer(new, call.codecs, worker, now)]
        if new not in self.legs:
            return items
        own.occupies, own.caller_leg = "", ""
        _ = self._call_by_leg.pop(new, None)
        items += self._replace(call, leg, new, who, now)
        return [*items, (own, do.Finish(Verdict.SERVED, Cause.PICKED_UP, Hangup.SYSTEM))]

    def _rings_at(self, extension: str, by: str) -> tuple[Call, Fork] | None:
        """The call that rings longest there; agents' calls from queues are theirs alone."""
        wanted = {extension} if extension else set(self.plan.phones.groups.get(by, ()))
        for call in self.calls.values():
            for fork in call.forks.values():
                rings = fork.state is ForkState.RINGING and not fork.agent
                if rings and fork.extension in wanted and call.caller_extension != by:
                    return call, fork
        return None

    def _join_in(self, call: Call, fork: Fork, own: Call, now: float) -> list[Item]:
        """The caller of `own` answers for this fork of `call`; `own` is over."""
        leg, extension, occupies = own.caller_leg, own.caller_extension, own.occupies
        if leg not in self.legs:
            return []
        own.occupies = ""
        told = CallRegrouped(call.id, extension, own.id, Regrouped.PICKED_UP, self._wall(now))
        items: list[Item] = [told, *(self._take_out(own, leg) if self.legs[leg].media else ())]
        own.caller_leg = ""
        if fork.legs:
            items.append(self._offer_over(call, fork, Cause.PICKED_UP, now))
        fork.legs.append(leg)
        call.party_of[leg] = fork.party
        items += self._vacate(fork.occupies, now)
        fork.extension, fork.occupies, fork.started, fork.ringing_since = (
            extension,
            occupies,
            now,
            None,
        )
        at = self._wall(now)
        items.append(OfferStarted(call.id, call.queue, "", extension, "picked up", at))
        self._bring_in(call, leg, call.shown)
        near = self._near(call)
        worker = self.pool.worker(near or call.far_media) if near or call.far_media else None
        items += self.legs.answer(leg, call.codecs, worker, now)
        if leg in self.legs and self.legs[leg].media not in self._call_by_media:
            self._own_media(call, self.legs[leg].media)
        over = do.Finish(Verdict.SERVED, Cause.PICKED_UP, Hangup.SYSTEM)
        return [*items, LegAnswered(leg), (own, over)]

    # --- parking

    def _park_call(self, call: Call, command: do.ParkCall, now: float) -> list[Item]:
        """By transfer: the caller stays there. By dialling an occupied slot: it is taken up."""
        block = call.block
        assert isinstance(block, ParkBlock), block
        waiting = self.calls.get(self.parked.get(command.slot, ""))
        transferred = call.transferor is not None
        if command.slot and not transferred:
            if waiting is not None:
                return self._take_up(waiting, call, now)
            return [(call, do.Finish(Verdict.NOT_FOUND, Cause.NOT_FOUND, Hangup.SYSTEM))]
        slots = self.plan.parking.slots
        slot = command.slot or next((s for s in slots if s not in self.parked), "")
        if slot not in slots or slot in self.parked:
            return [(call, do.Finish(Verdict.BUSY, Cause.BUSY, Hangup.SYSTEM))]
        self.parked[slot] = call.id
        self.legs.lines.begin(slot, Line(call.id, call.id, False, True, *call.shown))
        transferor = call.transferor
        by = call.caller_extension if transferor is None else transferor.fork.extension
        told = block.on_parked(slot, by, now, says=not transferred)
        event = CallRegrouped(call.id, by, slot, Regrouped.PARKED, self._wall(now))
        return [event, *self._commands(call, [do.Transferred(), *told])]

    def _take_up(self, waiting: Call, by: Call, now: float) -> list[Item]:
        self._unpark(waiting)
        fork = Fork(by.caller_extension, by.caller_extension, started=now)
        waiting.forks[fork.party] = fork
        waiting.block = TalkBlock(fork.extension)
        waiting.path.append(f"talk {fork.extension}")
        return self._join_in(waiting, fork, by, now)

    def _unpark(self, call: Call) -> None:
        for slot in [slot for slot, parked in self.parked.items() if parked == call.id]:
            del self.parked[slot]
            self.legs.lines.end(slot, call.id)

    def _enter(self, call: Call, block: Block, now: float) -> list[Item]:
        self._unpark(call)
        return super()._enter(call, block, now)

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        self._unpark(call)
        return super()._tear_down(call, now)
