"""Conversations are recorded: begun when two people are put together, ended when they are not.

One recording is one conversation: a transfer ends it and begins the next one of the same call. What
ends a media session ends its recording too, so none can be forgotten; what is said by whom is the
media worker's business, also when others come to the conversation.
"""

from dataclasses import replace
from typing import Any, Final

from media.protocol import EndRecording, PauseRecording, PlayEnded, Record, RecordingEnded
from pbx.anchoring import Anchoring
from pbx.calls.call import Call, CallState
from pbx.calls.fork import Fork
from pbx.calls.keys import CallKeys, Typed
from pbx.calls.media_pool import ToWorker
from pbx.events import CallEnded, RecordingChanged
from pbx.recording.plan import Mode, Policy, is_chosen
from pbx.recording.records import RecordingRecord, State
from pbx.recording.tapes import SEGMENTS_MAX, PauseOver, Running, Tape, Tapes
from pbx.switchboard import Item

TRUNK: Final = "trunk:"
_STATES: Final = {"disk": State.CUT}


class Taping(Anchoring):
    tapes: Tapes  # Made with the other parts.

    # --- by policy

    def _join(self, call: Call, leg: str, now: float) -> list[Item]:
        items = super()._join(call, leg, now)
        if not self.plan.recording.active:
            return items
        fork = call.forks.get(call.bridged)
        if call.state is not CallState.TALKING or fork is None or fork.leg != leg:
            return items  # Sound from before the answer is no conversation.
        return [*items, *self._record_talk(call, fork, now)]

    def _record_talk(self, call: Call, fork: Fork, now: float) -> list[Item]:
        sides = (self.legs[call.caller_leg].media, self.legs[fork.leg].media)
        tape = self.tapes.of.get(call.id)
        if tape is not None and tape.running and tape.sides == sides:
            return []
        items = self._end_tape(call)
        policy = self._policy(call, fork)
        wanted = None if tape is None else tape.wanted
        if policy.mode is Mode.NEVER or not (is_chosen(policy, call.id) or wanted):
            return items
        if wanted is False:
            return items
        return [*items, *self._begin_tape(call, fork, sides, now), *self._tell_them(call, fork)]

    def _policy(self, call: Call, fork: Fork) -> Policy:
        trunks = [name for name in (call.trunk, _trunk_of(fork)) if name]
        outward = None
        if _trunk_of(fork):
            outward = self.plan.outside.dial_plan.find(call.called)
        extensions = [name for name in (call.caller_extension, fork.extension) if name]
        route = "" if outward is None else outward.route
        return self.plan.recording.policy(call.queue, extensions, trunks, route)

    def _begin_tape(self, call: Call, fork: Fork, sides: tuple[str, str], now: float) -> list[Item]:
        tape = self.tapes.of.setdefault(call.id, Tape(call.id))
        if len(tape.ids) >= SEGMENTS_MAX:
            return []
        plan, worker = self.plan.recording, self.pool.worker(sides[0])
        number = len(tape.ids) + 1
        record = RecordingRecord(
            id=f"{call.id}-{number}",
            call=call.id,
            segment=number,
            begun_at=self._wall(now),
            queue=call.queue,
            agent=fork.agent,
            left=call.caller_extension,
            right="" if _trunk_of(fork) else fork.extension,
            caller=call.caller,
            called=call.called,
        )
        tape.ids.append(record.id)
        tape.running, tape.sides, tape.paused = record.id, sides, False
        self.tapes.running[record.id] = Running(worker, record)
        command = Record(
            recording=record.id,
            path=f"{plan.root}/{record.file}",
            left=sides[0],
            right=sides[1],
            room=f"{call.id}.room",  # Of its guests, should there be any.
            seconds_max=plan.seconds_max,
            whisper=plan.whisper,
        )
        return [RecordingChanged(record, self._wall(now)), ToWorker(worker, command)]

    def _end_tape(self, call: Call) -> list[Item]:
        tape = self.tapes.of.get(call.id)
        if tape is None or not tape.running:
            return []
        name, tape.running, tape.sides, tape.paused = tape.running, "", ("", ""), False
        self.tapes.deadlines.stop("pause", call.id)
        running = self.tapes.running.get(name)
        return [] if running is None else [ToWorker(running.worker, EndRecording(name))]

    # --- the ends of a conversation

    def _set_aside(self, call: Call, leg: str, now: float) -> list[Item]:
        return [*self._end_tape(call), *super()._set_aside(call, leg, now)]

    def _take_out(self, call: Call, leg: str) -> list[Item]:
        return [*self._end_tape(call), *super()._take_out(call, leg)]

    def _tear_down(self, call: Call, now: float) -> list[Item]:
        return [*self._end_tape(call), *super()._tear_down(call, now)]

    def _record_event(self, call: Call, now: float) -> CallEnded:
        event = super()._record_event(call, now)
        tape = self.tapes.of.pop(call.id, None)
        if tape is None or not tape.ids:
            return event
        return replace(event, record=replace(event.record, recordings=tuple(tape.ids)))

    def _recording_ended(self, event: RecordingEnded, now: float) -> list[Item]:
        running = self.tapes.running.pop(event.recording, None)
        if running is None:
            return []
        state = _STATES.get(event.reason, State.WRITTEN)
        record = replace(running.record, seconds=event.seconds, state=state, error=event.error)
        return [*self._forget_tape(record), RecordingChanged(record, self._wall(now))]

    def _recordings_lost(self, worker: int, now: float) -> list[Item]:
        """The worker has died: what it had written is put right by who looks after the files."""
        items: list[Item] = []
        for name in [n for n, r in self.tapes.running.items() if r.worker == worker]:
            record = replace(self.tapes.running.pop(name).record, state=State.RECOVERED)
            items += [*self._forget_tape(record), RecordingChanged(record, self._wall(now))]
        return items

    def _forget_tape(self, record: RecordingRecord) -> list[Item]:
        tape = self.tapes.of.get(record.call)
        if tape is not None and tape.running == record.id:
            tape.running, tape.sides = "", ("", "")
        return []

    # --- by hand

    def on_record(self, call_id: str, on: bool, now: float) -> list[Any]:
        """Begin or end the recording of a conversation. ValueError when that cannot be."""
        call = self.calls.get(call_id)
        fork = None if call is None else call.forks.get(call.bridged)
        if call is None or fork is None or call.state is not CallState.TALKING:
            raise ValueError("nobody talks in this call")
        if self._policy(call, fork).mode is Mode.NEVER:
            raise ValueError("this conversation may not be recorded")
        return self._run(self._want(call, fork, on, now), now)

    def on_pause_recording(self, call_id: str, paused: bool, now: float) -> list[Any]:
        """ValueError when nothing is recorded there."""
        tape = self.tapes.of.get(call_id)
        if tape is None or not tape.running:
            raise ValueError("this call is not being recorded")
        return self._run(self._pause(tape, paused, now), now)

    def _want(self, call: Call, fork: Fork, on: bool, now: float) -> list[Item]:
        tape = self.tapes.of.setdefault(call.id, Tape(call.id))
        tape.wanted = on
        return self._record_talk(call, fork, now) if on else self._end_tape(call)

    def _pause(self, tape: Tape, paused: bool, now: float) -> list[Item]:
        running = self.tapes.running.get(tape.running)
        if running is None or paused == tape.paused:
            return []
        tape.paused = paused
        if paused and self.plan.recording.pause_seconds:
            until = now + self.plan.recording.pause_seconds
            self.tapes.deadlines.start("pause", tape.call, until)
        else:
            self.tapes.deadlines.stop("pause", tape.call)
        return [ToWorker(running.worker, PauseRecording(tape.running, paused))]

    def _pause_over(self, event: PauseOver, now: float) -> list[Item]:
        tape = self.tapes.of.get(event.call)
        return [] if tape is None else self._pause(tape, False, now)

    # --- by keys

    def _key_codes(self, call: Call, leg: str) -> tuple[str, ...]:
        codes = super()._key_codes(call, leg)
        fork = call.forks.get(call.bridged)
        plan = self.plan.recording
        talking = call.state is CallState.TALKING and fork is not None
        if not talking or fork is None or not plan.active:
            return codes
        if self._policy(call, fork).mode is Mode.NEVER:
            return codes
        return (*codes, *filter(None, (plan.record_keys, plan.pause_keys)))

    def _typed(self, call: Call, keys: CallKeys, typed: Typed, now: float) -> list[Item]:
        plan = self.plan.recording
        fork = call.forks.get(call.bridged)
        ours = typed is Typed.CODE and keys.code in (plan.record_keys, plan.pause_keys)
        if not ours or fork is None:
            return super()._typed(call, keys, typed, now)
        call.keys = None
        tape = self.tapes.of.get(call.id)
        running = tape is not None and bool(tape.running)
        if keys.code == plan.record_keys:
            return self._want(call, fork, not running, now)
        return [] if tape is None or not running else self._pause(tape, not tape.paused, now)

    # --- what the caller is told

    def _tell_them(self, call: Call, fork: Fork) -> list[Item]:
        """Who is outside hears the notice before the conversation. Those of queues have heard it
        while they waited."""
        tape, plan = self.tapes.of[call.id], self.plan.recording
        if tape.told or not plan.notice or (call.queue and plan.tells(call.queue)):
            return []
        outside = call.caller_leg if not call.caller_extension else ""
        leg = outside or (fork.leg if _trunk_of(fork) else "")
        files = self.plan.files((plan.notice,), call.language)
        if not leg or not files:
            return []
        tape.told = True
        call.plays += 1
        tape.telling = call.plays
        return [*self.legs.play(leg, call.plays, files, repeat=False, resume=False)]

    def _notice_played(self, call: Call, event: PlayEnded, now: float) -> list[Item]:
        """Now they talk."""
        tape = self.tapes.of.get(call.id)
        if tape is None or not tape.telling or event.play != tape.telling:
            return []
        tape.telling = 0
        fork = call.forks.get(call.bridged)
        if fork is None or fork.leg not in self.legs or call.caller_leg not in self.legs:
            return []
        return self._hear_each_other(call, fork, now)


def _trunk_of(fork: Fork) -> str:
    """The trunk that a called side is reached through; "" for one of our extensions."""
    return fork.extension.removeprefix(TRUNK) if fork.extension.startswith(TRUNK) else ""
