"""The thread that writes recordings: one for all of a worker, beside the loop that relays sound.

It looks at each recording every half second, takes what has come, decodes and writes it. Their
turns are spread over that time: so it wakes up at most twenty times a second, however many there
are, and never keeps the loop from the interpreter for long. When the
disk is slow it waits here, and only here: what does not fit the queues meanwhile is dropped and
becomes silence. When the disk is full the recording ends, and nothing else does.

Every method of `Writer` is for the loop, and none waits but `stop`.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from media.recording import UNIT_RATE
from media.take import Take
from media.wav import WavWriter

# With what is held back for late packets, a file is never more than a second behind.
FLUSH_SECONDS: Final = 0.5
TURNS: Final = 10  # Of this time.
_TURN_SECONDS: Final = FLUSH_SECONDS / TURNS


class Done(NamedTuple):
    """A file is closed."""

    job: "Job"
    reason: str
    seconds: float
    error: str


class Job:
    """One file and what goes into it."""

    __slots__ = ("end", "file", "name", "over", "path", "silence_units", "started", "take")

    def __init__(self, name: str, path: str, take: Take, started: float, silence: float) -> None:
        self.name = name
        self.path = path
        self.take = take
        self.started = started
        self.silence_units = round(silence * UNIT_RATE)
        self.end: tuple[int, str] | None = None  # The last unit, and why.
        # The writer's.
        self.file: WavWriter | None = None
        self.over = False

    def units(self, now: float) -> int:
        """How far the recording is."""
        return max(0, round((now - self.started) * UNIT_RATE))


class Writer:
    """`on_done` is called on the writer's thread."""

    def __init__(
        self, on_done: Callable[[Done], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_done = on_done
        self._clock = clock
        self._orders: SimpleQueue[Job | None] = SimpleQueue()
        # The jobs of each turn, and the number of the next one since the clock began.
        self._turns: tuple[list[Job], ...] = tuple([] for _ in range(TURNS))
        self._next = 0
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
        self._thread.start()

    def begin(self, job: Job) -> None:
        self._orders.put(job)

    def end(self, job: Job) -> None:
        """`job.end` is set: finish it now."""
        self._orders.put(job)

    def stop(self, timeout: float | None = 0.0) -> bool:
        """End when all files are closed. True if that was done within `timeout` seconds."""
        self._orders.put(None)
        if timeout:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- on the thread

    def _run(self) -> None:
        stopping = False
        while not stopping or any(self._turns):
            due = self._due()
            wait = None if due is None else max(0.0, due * _TURN_SECONDS - self._clock())
            try:
                job = self._orders.get(timeout=wait)
            except Empty:
                self._take_turn(due or 0)
                continue
            if job is None:
                stopping = True
            else:
                self._work(job)
            if stopping:
                for turn in self._turns:
                    turn[:] = [job for job in turn if not job.over]

    def _due(self) -> int | None:
        """The next turn that somebody has. After a slow disk nobody has more than one at once."""
        first = max(self._next, int(self._clock() / _TURN_SECONDS) - TURNS + 1)
        numbers = range(first, first + TURNS)
        return next((number for number in numbers if self._turns[number % TURNS]), None)

    def _take_turn(self, number: int) -> None:
        self._next = number + 1
        turn = self._turns[number % TURNS]
        for job in turn:
            self._work(job)
        turn[:] = [job for job in turn if not job.over]

    def _work(self, job: Job) -> None:
        if job.over:
            return  # It was ended before its turn came.
        try:
            if job.file is None:
                job.file = WavWriter(job.path, job.take.rate, len(job.take.channels))
                min(self._turns, key=len).append(job)
            ended = self._write(job, job.file)
        except OSError as error:
            self._fail(job, error)
            return
        if ended is not None:
            self._close(job, ended, "")

    def _write(self, job: Job, file: WavWriter) -> str | None:
        """Returns why it is over."""
        take, end = job.take, job.end
        now = job.units(self._clock())
        sample = 2 * len(take.channels) * take.rate // UNIT_RATE
        for block in take.blocks(now) if end is None else take.rest(end[0]):
            if block.data is None:
                file.append_silence(block.units * sample)
            else:
                file.append(block.data)
        if end is not None:
            return end[1]
        if job.silence_units and (take.silent or 0) >= job.silence_units:
            return "silence"
        return None

    def _fail(self, job: Job, error: OSError) -> None:
        if job.file is not None:
            with contextlib.suppress(OSError):
                job.file.cut()
        reason = error.strerror or str(error)
        self._close(job, "disk", f"{os.path.basename(job.path)}: {reason}")

    def _close(self, job: Job, reason: str, error: str) -> None:
        job.over = True
        seconds = 0.0
        if job.file is not None:
            seconds = job.file.seconds
            with contextlib.suppress(OSError):
                job.file.close()
        self._on_done(Done(job, reason, seconds, error))
