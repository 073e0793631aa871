"""What caller and called hear: each other, ringing, music, prompts."""

from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.dialling import Dialling
from pbx.events import CallAnswered
from pbx.switchboard import Item


class Connecting(Dialling):
    def _ring_caller(self, call: Call, command: do.RingCaller, now: float) -> list[Item]:
        return [*self.legs.ring(call.caller_leg, now)]

    def _answer_caller(self, call: Call, command: do.AnswerCaller, now: float) -> list[Item]:
        if call.caller_leg not in self.legs or self.pool.is_open(call.caller_leg):
            return []
        worker = self.pool.worker(call.far_media) if call.far_media else None
        items = self.legs.answer(call.caller_leg, call.codecs, worker, now)
        if self.pool.is_open(call.caller_leg):
            self._own_media(call, call.caller_leg)
        return [*items]

    def _bridge(self, call: Call, command: do.Bridge, now: float) -> list[Item]:
        fork = call.forks[command.party]
        assert fork.leg in self.legs, (call, fork)
        remote = self.legs[fork.leg].remote
        if remote is not None:
            call.codecs = (remote.codec, *(c for c in call.codecs if c != remote.codec))
        items = self._answer_caller(call, do.AnswerCaller(), now)
        if call.caller_leg not in self.legs or not self.pool.is_open(call.caller_leg):
            return items  # The caller could not be answered: its end follows.
        call.talk_to(fork, now)
        waited = now - (call.waiting_since if call.waiting_since is not None else call.started)
        items += self.legs.take_over(fork.leg)
        items += self.legs.join(call.caller_leg, fork.leg)
        if self.legs[call.caller_leg].held:  # The caller put us on hold while waiting.
            items += self._hold(call, do.Hold(call.caller_leg, True), now)
        items.append(self._offer_over(call, fork, None, now))
        at = self._wall(now)
        items.append(CallAnswered(call.id, call.queue, fork.agent, fork.extension, waited, at))
        return items

    def _play(self, call: Call, command: do.PlayToCaller, now: float) -> list[Item]:
        if not self.pool.is_open(call.caller_leg):
            return []
        call.plays += 1
        return [
            *self.legs.play(
                call.caller_leg,
                call.plays,
                command.files,
                repeat=command.repeat,
                resume=command.resume,
            )
        ]

    def _echo(self, call: Call, command: do.EchoCaller, now: float) -> list[Item]:
        return [*self.legs.echo(call.caller_leg)]

    def _hold(self, call: Call, command: do.Hold, now: float) -> list[Item]:
        fork = call.forks.get(call.bridged)
        if fork is None or fork.leg not in self.legs or call.caller_leg not in self.legs:
            return []
        waits = [leg for leg in (call.caller_leg, fork.leg) if not self.legs[leg].held]
        if len(waits) == 2:
            return [*self.legs.join(call.caller_leg, fork.leg)]
        items: list[Item] = [*self.legs.part(command.leg)]
        music = self.plan.sounds.get("music/hold")
        for other in waits if music is not None else ():
            call.plays += 1
            items += self.legs.play(other, call.plays, (str(music),), repeat=True, resume=True)
        return items
