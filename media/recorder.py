"""The recordings of a worker: commands in, one `RecordingEnded` out for each of them.

Whom a recording hears is put together here, with taps; the rest is done by the writer's thread.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from media import protocol
from media.department import Department
from media.recording import UNIT_RATE, Share, Source, rate_for
from media.take import Take
from media.writer import Done, Job, Writer

if TYPE_CHECKING:
    from media.engine import Engine

# Each wants a file that is open, and a third of a call's share of the processor.
RECORDINGS_MAX: Final = 2000
# At the end of a worker: then a disk that does not take the rest is left alone.
CLOSE_SECONDS: Final = 2.0


class _Recording:
    """What the loop knows of one."""

    __slots__ = ("command", "dropped", "heard", "job", "left", "limit")

    def __init__(self, command: protocol.Record, job: Job) -> None:
        self.command = command
        self.job = job
        self.dropped = 0  # Packets that the disk was too slow for.
        self.left = 0  # That were still to be written when it ended.
        self.heard: dict[tuple[int, str], Source] = {}  # By channel and session.
        self.limit: asyncio.TimerHandle | None = None


class Recorder(Department):
    def __init__(self, engine: "Engine") -> None:
        super().__init__(engine)
        self._recordings: dict[str, _Recording] = {}
        self._writer: Writer | None = None
        self._share = Share()
        self._loop = asyncio.get_running_loop()
        self._done: deque[Done] = deque()

    def leftovers(self) -> int:
        return len(self._recordings) + (self._writer is not None)

    def on_command(self, command: protocol.Command) -> None:
        match command:
            case protocol.Record():
                self._begin(command, time.monotonic())
            case protocol.PauseRecording(name, paused) if name in self._recordings:
                job = self._recordings[name].job
                job.take.pause(job.units(time.monotonic()), paused=paused)
            case protocol.EndRecording(name) if name in self._recordings:
                self._end(self._recordings[name], "stopped")
            case _:
                pass  # It has ended by itself, and told.

    def on_key(self, session: str, digit: str) -> None:
        for recording in list(self._recordings.values()):
            if recording.command.left == session and digit in recording.command.keys:
                self._end(recording, "key")

    def on_closed(self, session: str) -> None:
        for recording in list(self._recordings.values()):
            command = recording.command
            if session in (command.left, command.right):
                self._end(recording, "closed")
            elif command.room:
                self._listen(recording)

    def on_room(self, room: str) -> None:
        """Who is in it, or who hears whom, has changed."""
        for recording in list(self._recordings.values()):
            command = recording.command
            if command.room != room:
                continue
            self._listen(recording)
            if not (command.left or recording.heard):
                self._end(recording, "closed")  # The conference is over.

    def close(self) -> None:
        for recording in list(self._recordings.values()):
            self._end(recording, "closed")
        if self._writer is not None:
            _ = self._writer.stop(CLOSE_SECONDS)
            self._writer = None
        self._collect()
        for recording in list(self._recordings.values()):  # The disk has not taken their end.
            seconds = recording.job.take.written / UNIT_RATE
            self._tell(Done(recording.job, "closed", seconds, "the disk is too slow"))

    # --- inside

    def _begin(self, command: protocol.Record, now: float) -> None:
        name, lines = command.recording, self.engine.lines
        wanted = [session for session in (command.left, command.right) if session]
        why = ""
        if name in self._recordings:
            why = "it is being recorded already"
        elif len(self._recordings) >= RECORDINGS_MAX:
            why = f"more than {RECORDINGS_MAX} recordings"
        elif not wanted and not command.room:
            why = "there is nobody to be heard"
        elif any(session not in lines for session in wanted):
            why = "there is no such session"
        if why:
            self.engine.emit(protocol.RecordingEnded(name, "closed", error=why))
            return
        rate = rate_for(*(lines[session].session.leg.codec for session in wanted))
        stereo = bool(command.left and (command.right or command.room))
        take = Take(2 if stereo else 1, rate, listens=not stereo and not command.room)
        job = Job(name, command.path, take, now, command.silence_seconds)
        recording = self._recordings[name] = _Recording(command, job)
        recording.limit = self._loop.call_later(
            command.seconds_max, partial(self._end, recording, "limit")
        )
        self._listen(recording)
        if self._writer is None:
            self._writer = Writer(self._on_done)
        self._writer.begin(job)

    def _listen(self, recording: _Recording) -> None:
        """Tap whom it is to hear now, and nobody else."""
        command, take = recording.command, recording.job.take
        wanted = dict.fromkeys(self._wanted(command))
        for place in [place for place in recording.heard if place not in wanted]:
            self._untap(recording, place)
        for channel, session in wanted:
            if (channel, session) in recording.heard or session not in self.engine.lines:
                continue
            leg = self.engine.lines[session].session.leg
            source = Source(leg, recording.job.started, self._share, take.rate)
            source.muted = take.paused
            take.channels[channel].append(source)
            recording.heard[channel, session] = source
            self._share.add(1)
            self.engine.tap(session, source)

    def _wanted(self, command: protocol.Record) -> Iterable[tuple[int, str]]:
        """Channel and session."""
        if command.left:
            yield 0, command.left
        if command.right:
            yield 1, command.right
        if command.room:
            second = 1 if command.left else 0
            for session in self._others(command):
                yield second, session

    def _others(self, command: protocol.Record) -> tuple[str, ...]:
        rooms = self.engine.departments.get("rooms")
        members: Mapping[str, tuple[str, ...]] = {}
        if rooms is not None:
            members = rooms.members(command.room)
        if command.whisper or not command.left:
            heard = tuple(members)
        else:
            heard = members.get(command.left, ())
        return tuple(session for session in heard if session != command.left)

    def _untap(self, recording: _Recording, place: tuple[int, str]) -> None:
        source = recording.heard.pop(place)
        source.gone = True
        recording.dropped += source.dropped
        self.engine.counters["recording_packets_dropped"] += source.dropped
        self._share.add(-1)
        self.engine.untap(place[1], source)

    def _end(self, recording: _Recording, reason: str) -> None:
        job = recording.job
        if job.end is not None or self._writer is None:
            return
        limit = round(recording.command.seconds_max * UNIT_RATE)
        now = job.units(time.monotonic())
        job.end = (limit if reason == "limit" else min(now, limit), reason)
        self._let_go(recording)
        self._writer.end(job)

    def _let_go(self, recording: _Recording) -> None:
        if recording.limit is not None:
            recording.limit.cancel()
        left = sum(source.waiting for source in recording.heard.values())
        for place in list(recording.heard):
            self._untap(recording, place)
        recording.left += left
        self._share.add(0, left)

    def _on_done(self, done: Done) -> None:
        """On the writer's thread."""
        self._done.append(done)
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody wants to know.
            _ = self._loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
        while self._done:
            self._tell(self._done.popleft())

    def _tell(self, done: Done) -> None:
        job = done.job
        recording = self._recordings.pop(job.name, None)
        if recording is None:
            return
        self._let_go(recording)
        self._share.add(0, -recording.left)
        error = done.error
        if recording.dropped and not error:
            error = f"{recording.dropped} packets are missing: the disk was too slow"
        spoken = job.take.spoken / UNIT_RATE
        self.engine.emit(
            protocol.RecordingEnded(job.name, done.reason, done.seconds, error, spoken)
        )
        if not self._recordings and self._writer is not None:
            # An idle thread would make every system call of the relay dearer.
            _ = self._writer.stop()
            self._writer = None
