"""What caller and called hear: each other, ringing, music, prompts."""

from pbx.calls import commands as do
from pbx.calls.call import Call
from pbx.calls.fork import Fork
from pbx.calls.leg import LegState
from pbx.events import CallAnswered
from pbx.phoning import Phoning
from pbx.switchboard import Item


class Connecting(Phoning):
    def _ring_caller(self, call: Call, command: do.RingCaller, now: float) -> list[Item]:
        if call.caller_leg not in self.legs:
            return []
        if self.legs[call.caller_leg].state is not LegState.UP:
            return [*self.legs.ring(call.caller_leg, now)]
        tone = self.plan.sounds.get("ringing")  # Their phone makes no sound of its own any more.
        return [] if tone is None else self._play(call, do.PlayToCaller((tone,), repeat=True), now)

    def _answer_caller(self, call: Call, command: do.AnswerCaller, now: float) -> list[Item]:
        if call.caller_leg not in self.legs:
            return []
        worker = self.pool.worker(call.far_media) if call.far_media else None
        items = self.legs.answer(call.caller_leg, call.codecs, worker, now)
        self._own_near(call)
        return [*items]

    def _own_near(self, call: Call) -> None:
        near = self._near(call)
        if near and near not in self._call_by_media:
            self._own_media(call, near)

    def _early_media(self, call: Call, command: do.EarlyMedia, now: float) -> list[Item]:
        fork = call.forks.get(command.party)
        if fork is None or len(fork.legs) != 1 or call.caller_leg not in self.legs:
            return []
        far = self.legs[fork.legs[0]]
        self._prefer(call, far.id)
        items = self.legs.early(call.caller_leg, call.codecs, self.pool.worker(far.media), now)
        self._own_near(call)
        if not self._near(call):
            return [*items]  # They asked us for an offer: there is no sound before the answer.
        return [*items, *self.legs.take_over(far.id, now), *self._join(call, far.id, now)]

    def _prefer(self, call: Call, leg: str) -> None:
        """The codec that the called side has chosen, so that nothing need be converted."""
        remote = self.legs[leg].remote
        if remote is not None:
            call.codecs = (remote.codec, *(c for c in call.codecs if c != remote.codec))

    def _join(self, call: Call, leg: str, now: float) -> list[Item]:
        """Caller and this leg hear each other."""
        return [*self._bring(call, leg, now), *self.legs.join(call.caller_leg, leg)]

    def _bring(self, call: Call, leg: str, now: float) -> list[Item]:
        """The sound of this leg comes to the caller's worker, if need be."""
        worker = self.pool.worker(self.legs[call.caller_leg].media)
        old = self.legs[leg].media
        if self.pool.worker(old) == worker:
            return []
        items: list[Item] = self.legs.move(leg, worker, now)
        self._own_media(call, self.legs[leg].media)
        return [*items, *self.pool.close(old)]

    def _bridge(self, call: Call, command: do.Bridge, now: float) -> list[Item]:
        fork = call.forks[command.party]
        assert fork.leg in self.legs, (call, fork)
        self._prefer(call, fork.leg)
        items = self._answer_caller(call, do.AnswerCaller(), now)
        if not self._near(call):
            return items  # The caller could not be answered: its end follows.
        if self.legs[fork.leg].media == call.far_media:
            call.far_media = ""  # It is this leg's own now; who is rung next gets another.
        call.talk_to(fork, now)
        waited = now - (call.waiting_since if call.waiting_since is not None else call.started)
        items += self.legs.take_over(fork.leg, now)
        items += self._hear_each_other(call, fork, now)
        items.append(self._offer_over(call, fork, None, now))
        at = self._wall(now)
        items.append(CallAnswered(call.id, call.queue, fork.agent, fork.extension, waited, at))
        return [*items, (call, do.Transferred())] if call.transferor is not None else items

    def _hear_each_other(self, call: Call, fork: Fork, now: float) -> list[Item]:
        items = self._join(call, fork.leg, now)
        # The caller may have put us on hold while waiting; so may who is given another partner.
        held = [leg for leg in (call.caller_leg, fork.leg) if self.legs[leg].held]
        return [*items, *self._hold(call, do.Hold(held[0], True), now)] if held else items

    def _play(self, call: Call, command: do.PlayToCaller, now: float) -> list[Item]:
        if not self._near(call):
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

    def _say(self, call: Call, command: do.SayToCaller, now: float) -> list[Item]:
        files = self.plan.files(command.sounds, call.language)
        if not files or not self._near(call):
            call.plays += 1  # What plays now is of no interest any more.
            return self._commands(call, call.block.on_played(call, now))
        return self._play(call, do.PlayToCaller(files), now)

    def _stop_playing(self, call: Call, command: do.StopPlaying, now: float) -> list[Item]:
        call.plays += 1  # Its end is of no interest.
        return [*self.legs.stop(call.caller_leg)]

    def _echo(self, call: Call, command: do.EchoCaller, now: float) -> list[Item]:
        return [*self.legs.echo(call.caller_leg)]

    def _hold(self, call: Call, command: do.Hold, now: float) -> list[Item]:
        fork = call.forks.get(call.bridged)
        if fork is None or fork.leg not in self.legs or call.caller_leg not in self.legs:
            return []
        if call.keys is not None and call.keys.asking:
            return []  # What is heard is put right when the number has been typed.
        waits = [leg for leg in (call.caller_leg, fork.leg) if not self.legs[leg].held]
        if len(waits) == 2:
            return [*self.legs.join(call.caller_leg, fork.leg)]
        items: list[Item] = [*self.legs.part(command.leg)]
        music = self.plan.sounds.get("music/hold")
        for other in waits if music is not None else ():
            call.plays += 1
            items += self.legs.play(other, call.plays, (str(music),), repeat=True, resume=True)
        return items
