"""Ringing people: a fork for each, an INVITE to each of their devices."""

from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.calls.causes import Cause
from pbx.calls.fork import Fork
from pbx.calls.media_pool import NoPorts
from pbx.devices import Device, devices_of
from pbx.events import OfferEnded, OfferStarted
from pbx.history.records import OfferRecord
from pbx.switchboard import Item, Switchboard
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
        devices = devices_of(self.plan, self.registrar, command.extension)
        nobody = Cause.UNREACHABLE
        try:
            if devices and not call.far_media:
                items += self._open_far(call)
        except NoPorts:
            devices, nobody = [], Cause.CONGESTION
        for device in devices:
            items += self._dial_device(call, fork, device, command, now)
        if not devices:
            del call.forks[fork.party]
            items.append((call, do.PartyOver(fork, nobody)))
            told = call.block.on_party_ended(call, fork.party, nobody, now)
            items += self._commands(call, told)
        return items

    def _dial_device(
        self, call: Call, fork: Fork, device: Device, command: do.Dial, now: float
    ) -> list[Item]:
        leg = self._new_leg(call, fork)
        flow = device.flow
        host, port = flow.local
        number, name = call.shown
        from_ = NameAddr(name, Uri("sip", number, host, port), ())
        to = NameAddr("", Uri("sip", fork.extension, flow.remote[0], None), ())
        return self.legs.dial(
            leg,
            call.id,
            uri=device.uri,
            flow=flow,
            from_=from_,
            to=to,
            media=call.far_media,
            codecs=call.codecs,
            now=now,
            extension=fork.extension,
            policy=self.plan.encryption.of_extension(fork.extension),
            headers=device.routes,
            auto_answer=command.auto_answer and self.phones.of(fork.extension).intercom,
        )

    def _new_leg(self, call: Call, fork: Fork) -> str:
        call.legs_made += 1
        leg = f"{call.id}.{call.legs_made}"
        fork.legs.append(leg)
        call.party_of[leg] = fork.party
        self._call_by_leg[leg] = call.id
        return leg

    def _open_far(self, call: Call) -> list[Item]:
        near = self._near(call)
        worker = self.pool.worker(near) if near else self.pool.pick_worker()
        call.fars += 1
        name = f"{call.id}.far{call.fars}"
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
