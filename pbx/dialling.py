"""Ringing people: a fork for each, an INVITE to each of their devices."""

from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.calls.causes import Cause
from pbx.calls.fork import Fork
from pbx.calls.media_pool import NoPorts
from pbx.events import OfferEnded, OfferStarted
from pbx.history.records import OfferRecord
from pbx.switchboard import Item, Switchboard
from sip.flow import Flow
from sip.headers import NameAddr
from sip.uri import Uri


class Dialling(Switchboard):
    def _dial(self, call: Call, command: do.Dial, now: float) -> list[Item]:
        fork = Fork(command.party, command.extension, command.agent, started=now, why=command.why)
        call.forks[command.party] = fork
        call.left_at = None
        if call.waiting_since is None:
            call.waiting_since = now
        started = OfferStarted(
            call.id, call.queue, command.agent, command.extension, command.why, self._wall(now)
        )
        items: list[Item] = [started]
        if not command.agent:
            fork.occupies = self.plan.agent_of.get(command.extension, "")
            items += self._occupy(fork.occupies, now)
        devices = self._contacts(command.extension)
        nobody = Cause.UNREACHABLE
        try:
            if devices and not call.far_media:
                items += self._open_far(call)
        except NoPorts:
            devices, nobody = [], Cause.CONGESTION
        for uri, flow in devices:
            items += self._dial_device(call, fork, uri, flow, now)
        if not devices:
            del call.forks[fork.party]
            items.append((call, do.PartyOver(fork, nobody)))
            told = call.block.on_party_ended(call, fork.party, nobody, now)
            items += self._commands(call, told)
        return items

    def _dial_device(self, call: Call, fork: Fork, uri: str, flow: Flow, now: float) -> list[Item]:
        call.legs_made += 1
        leg = f"{call.id}.{call.legs_made}"
        fork.legs.append(leg)
        call.party_of[leg] = fork.party
        self._call_by_leg[leg] = call.id
        host, port = flow.local
        from_ = NameAddr(call.caller_name, Uri("sip", call.caller, host, port), ())
        to = NameAddr("", Uri("sip", fork.extension, flow.remote[0], None), ())
        return self.legs.dial(
            leg,
            call.id,
            uri=uri,
            flow=flow,
            from_=from_,
            to=to,
            media=call.far_media,
            codecs=call.codecs,
            now=now,
        )

    def _contacts(self, extension: str) -> list[tuple[str, Flow]]:
        plan = self.plan.extensions.get(extension)
        if plan is None:
            return []
        if plan.contact:
            return [(plan.contact, plan.flow)] if plan.flow is not None else []
        return [(b.contact, b.flow) for b in self.registrar.bindings(extension)]

    def _open_far(self, call: Call) -> list[Item]:
        near = self.legs[call.caller_leg].media if call.caller_leg in self.legs else ""
        # A caller whose worker has just died is about to be hung up.
        worker = self.pool.worker(near) if self.pool.is_open(near) else self.pool.pick_worker()
        name = f"{call.id}.far"
        opened = self.pool.open(name, worker)
        call.far_media = name
        self._own_media(call, name)
        return [opened]

    def _drop(self, call: Call, command: do.Drop, now: float) -> list[Item]:
        fork = call.forks.pop(command.party, None)
        if fork is None:
            return []
        items: list[Item] = []
        for leg in fork.drop():
            items += self.legs.hangup(leg, command.cause, now)
        return [*items, *self._party_over(call, do.PartyOver(fork, command.cause), now)]

    def _party_over(self, call: Call, command: do.PartyOver, now: float) -> list[Item]:
        fork = command.fork
        items: list[Item] = []
        if fork.party != call.bridged:
            items.append(self._offer_over(call, fork, command.cause, now))
        return [*items, *self._vacate(fork.occupies, now)]

    def _hang_up_legs(self, call: Call, command: do.HangUpLegs, now: float) -> list[Item]:
        return [item for leg in command.legs for item in self.legs.hangup(leg, command.cause, now)]

    def _offer_over(self, call: Call, fork: Fork, cause: Cause | None, now: float) -> OfferEnded:
        rang = 0.0 if fork.ringing_since is None else (fork.answered or now) - fork.ringing_since
        outcome = "answered" if cause is None else cause.value
        at = self._wall(fork.started)
        call.note_offer(OfferRecord(fork.agent, fork.extension, at, rang, outcome, fork.why))
        return OfferEnded(
            call.id, call.queue, fork.agent, fork.extension, outcome, rang, self._wall(now)
        )
