"""Carries out calls through trunks: rights and limits, the way, the INVITE, what it cost.

All calls to the outside pass through `_dial_trunk`, whoever wants them and by whatever way they
came here: dialled, transferred, forwarded. So there is one place that says no.
"""

from typing import TYPE_CHECKING, Final

from pbx.calls import commands as do
from pbx.calls.causes import Cause
from pbx.calls.fork import Fork
from pbx.calls.leg import LegAnswered, LegEnded, LegEvent
from pbx.calls.media_pool import NoPorts
from pbx.dialling import Dialling
from pbx.dialplan import Outward
from pbx.events import OfferStarted, OutsideRefused, TollAlarm
from pbx.flow.outgoing import OutgoingBlock
from pbx.switchboard import Item
from pbx.tolls import Denial
from pbx.trunks.rewriting import ANONYMOUS, Caller
from pbx.trunks.selection import Way
from pbx.trunks.trunks import Paid
from sip.errors import ParseError
from sip.headers import parse_contacts

if TYPE_CHECKING:
    from pbx.calls.call import Call
    from pbx.trunks.trunks import TrunkCall
    from sip.events import SessionEnded

OUT_OF_DAY: Final = frozenset({Denial.MINUTES, Denial.MONEY})


def payer_of(call: "Call") -> str:
    """Whose rights count for where the call goes next: who forwards or transfers it, else who
    calls."""
    if call.diversions and getattr(call.block, "extension", "") == call.diversions[-1].extension:
        return call.diversions[-1].extension
    return call.sent_by or call.caller_extension


class Outgoing(Dialling):
    def _dial_trunk(self, call: "Call", command: do.DialTrunk, now: float) -> list[Item]:
        block = call.block
        assert isinstance(block, OutgoingBlock), block
        outward = self.plan.outside.dial_plan.find(command.number)
        if outward is None:
            return self._commands(call, block.on_no_way(Cause.NOT_FOUND))
        if not command.tried:
            denial = self._denial(call, command.payer, outward, now)
            if denial is not None:
                return self._deny(call, block, outward, denial, now)
        choices = outward.trunks
        if not self._is_extension(command.payer) and not outward.emergency:
            choices = tuple(c for c in choices if c.trunk in self._onward(call))
        way = self.trunks.select(choices, command.tried, now, urgent=outward.emergency)
        if isinstance(way, Cause):
            return self._commands(call, block.on_no_way(way))
        found = self.trunks.prepare(
            way, outward.number, self._trunk_caller(call, command.payer), now
        )
        if found is None:
            return self._commands(call, block.on_no_way(Cause.UNREACHABLE))
        block.on_way(str(way), outward.ring_seconds, now)
        return self._invite_trunk(call, command, outward, way, found, now)

    def _invite_trunk(
        self,
        call: "Call",
        command: do.DialTrunk,
        outward: Outward,
        way: Way,
        found: "TrunkCall",
        now: float,
    ) -> list[Item]:
        # A colon is in no extension's id: whoever sits there never has an extension's rights.
        fork = Fork(command.party, f"trunk:{way.trunk}", started=now, why=str(way))
        call.forks[fork.party] = fork
        call.left_at = None
        if call.waiting_since is None:
            call.waiting_since = now
        items: list[Item] = [
            OfferStarted(call.id, call.queue, "", fork.extension, fork.why, self._wall(now))
        ]
        try:
            if not call.far_media:
                items += self._open_far(call)
        except NoPorts:
            del call.forks[fork.party]
            items.append((call, do.PartyOver(fork, Cause.CONGESTION)))
            told = call.block.on_party_ended(call, fork.party, Cause.CONGESTION, now)
            return [*items, *self._commands(call, told)]
        leg = self._new_leg(call, fork)
        payer = command.payer if self._is_extension(command.payer) else ""
        paid = Paid(call.id, payer, outward)
        self.trunks.begin(way.trunk, leg, way.end, paid=paid, sent=found)
        return [
            *items,
            *self.legs.dial(
                leg,
                call.id,
                uri=found.uri,
                flow=found.flow,
                from_=found.from_,
                to=found.to,
                media=call.far_media,
                codecs=call.codecs,
                now=now,
                headers=found.headers,
                login=found.login,
                trunk=way.trunk,
                policy=self.plan.encryption.of_trunk(way.trunk),
            ),
        ]

    # --- who may

    def _denial(self, call: "Call", payer: str, outward: Outward, now: float) -> Denial | None:
        if outward.emergency and not (call.trunk or call.transferor):
            return None  # Of a phone by its address, too. But nobody outside sends us there.
        if self._is_extension(payer):
            rights = self.plan.outside.dial_plan.rights_of(payer)
            return self.trunks.tolls.check(payer, rights, outward, now)
        onward = self._onward(call)
        return None if any(c.trunk in onward for c in outward.trunks) else Denial.NOBODY

    def _deny(
        self,
        call: "Call",
        block: OutgoingBlock,
        outward: Outward,
        denial: Denial,
        now: float,
    ) -> list[Item]:
        at = self._wall(now)
        payer = block.payer
        items: list[Item] = [OutsideRefused(call.id, payer, outward.number, denial.value, at)]
        if denial in OUT_OF_DAY or self.trunks.tolls.on_denied(payer, now):
            items.append(TollAlarm(payer, denial.value, at))
        says = self.plan.outside.dial_plan.say_why and not call.trunk
        files = self.plan.files(("not-allowed",), call.language) if says else ()
        return [*items, *self._commands(call, block.on_denied(files))]

    def _is_extension(self, payer: str) -> bool:
        return payer in self.plan.extensions

    def _onward(self, call: "Call") -> frozenset[str]:
        """The trunks that a call from a trunk may leave through."""
        plan = self.trunks.plan_of(call.trunk) if call.trunk else None
        return frozenset() if plan is None else plan.onward

    def _trunk_caller(self, call: "Call", payer: str) -> Caller:
        """Who is shown to the far side: who calls, unless a forward or transfer sent it out."""
        number, name = call.shown
        if call.caller_extension in self.plan.extensions:
            hidden = self.phones.of(call.caller_extension).hide_number
            return Caller(call.caller_extension, "", name, hidden)
        diversion = call.diversions[-1] if call.diversions else None
        by = payer if diversion is None else diversion.extension
        reason = "unconditional" if diversion is None else diversion.reason.value
        return Caller("", number, name, number == ANONYMOUS, by, reason)

    # --- what becomes of a leg

    def _note_trunk_leg(self, event: LegEvent, now: float) -> list[Item]:
        """For each event of a leg through a trunk, before its call hears of it."""
        known = self.trunks.leg(event.leg)
        if known is None:
            return []
        if isinstance(event, LegAnswered):
            self.trunks.answered(event.leg, now)
            return self._outcome(event.leg, None, now)
        if not isinstance(event, LegEnded):
            return []
        items = [] if known.answered else self._outcome(event.leg, event.cause, now)
        spent = self.trunks.end(event.leg, now)
        return [*items, *self.trunks.used(known, spent, now)]

    def _outcome(self, leg: str, cause: Cause | None, now: float) -> list[Item]:
        known = self.trunks.leg(leg)
        if known is None or known.end is None:
            return []
        known.answered = known.answered or cause is None
        return self.trunks.on_outcome(known.trunk, known.end, cause, now)

    def _new_toll_day(self, now: float) -> list[Item]:
        """What calls under way have used until midnight belongs to the old day."""
        items = self.trunks.bill(now)
        self.trunks.tolls.new_day(now)
        return items

    def _redirect(self, event: "SessionEnded", now: float) -> list[Item] | None:
        """Follow a 3xx of a trunk (RFC 3261 §8.1.3.4); None: it is an end like any other."""
        known = self.trunks.leg(event.session)
        if known is None or known.sent is None or event.message is None:
            return None
        if event.session not in self.legs:
            return None
        try:
            contacts = parse_contacts(event.message.get_all("Contact"))
        except ParseError:
            return None
        for contact in contacts if contacts != "*" else []:
            uri = self.trunks.redirected(event.session, contact.uri, now)
            if uri:
                sent = known.sent
                return [
                    *self.legs.dial_again(
                        event.session,
                        uri=uri,
                        flow=sent.flow,
                        from_=sent.from_,
                        to=sent.to,
                        now=now,
                        headers=sent.headers,
                        login=sent.login,
                    )
                ]
        return None
