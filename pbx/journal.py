"""The journal on disk: one file for each local day, so that every day can be replayed.

`put` only queues. One thread writes what has come together every 200 ms; no call waits for a disk.
While the disk is full or gone, inputs wait in the queue and the alarm is up. If some were lost
meanwhile (`gap`), a new segment begins with the state that the core has then.
Edge: the file system, a thread.
"""

import contextlib
import copyreg
import io
import json
import pickle
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeGuard

from pbx import __version__
from pbx.day_file import DayFile, Interrupted
from pbx.distribution import config as configs
from pbx.distribution import journal
from pbx.distribution.config import DistributionConfig
from pbx.distribution.core import Distribution
from pbx.distribution.journal import Clock, Tally, Told
from pbx.snapshot import SnapshotError, freeze
from pbx.status import Alarm

BATCH_SECONDS: Final = 0.2  # What a kill -9 may cost.
BATCH_INPUTS: Final = 1000  # Written at once: 5 ms of formatting.
SPOOL_MAX: Final = 100_000  # Inputs kept while the disk is away: 60 MB; half an hour at 5 calls/s.
DIGEST_INPUTS: Final = 1000  # So often the file says what its inputs came to.
RETRY_SECONDS_MIN: Final = 0.1
RETRY_SECONDS_MAX: Final = 2.0
CLOSE_SECONDS: Final = 3.0  # With the history's 5 s well inside the 10 s before Docker kills.

ALARM: Final = "journal"
_UNWRITABLE: Final = (ValueError, TypeError, LookupError, AttributeError)
SUFFIX: Final = ".jsonl"
_HEADER: Final = b'{"journal"'
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Of a segment. A core that has done nothing yet needs no copy of its state."""

    day: str
    seed: int
    clock: Clock
    config: DistributionConfig
    core: "CoreCopy | None"


@dataclass(frozen=True, slots=True)
class _Barrier:
    last: bool
    done: threading.Event = field(default_factory=threading.Event)


class Journal:
    """The write side. `on_alarm` is called in the writer's thread, all else in the loop's."""

    def __init__(self, directory: Path, days: int, on_alarm: Callable[[Alarm], None]) -> None:
        """`days`: so many files are kept; 0: all."""
        self.directory = directory
        self.lost = 0  # Inputs that are not in the files.
        self.written = 0  # Inputs that are.
        self.failing = False
        self._days = days
        self._on_alarm = on_alarm
        self._queue: SimpleQueue[list[Told] | _Beginning | Clock | _Barrier] = SimpleQueue()
        self._put = 0  # Inputs that went into the queue; only the loop counts these ...
        self._taken = 0  # ... and only the thread those that came out.
        self._gap = False
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._give_up_at = 0.0  # Monotonic seconds; counts once `_closing` is set.
        # What the thread has: the file, the segment's tally (None: no segment that can go on).
        self._file: DayFile | None = None
        self._tally: Tally | None = None
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    # --- the loop's side

    @property
    def waiting(self) -> int:
        """Inputs not yet taken by the writer."""
        return self._put - self._taken

    @property
    def gap(self) -> bool:
        """Inputs were lost, and now there is room again: `begin` anew."""
        return self._gap and not self.failing and not self.waiting

    def begin(self, core: Distribution, day: str, clock: Clock, *, fresh: bool = False) -> None:
        """A segment begins, in this day's file, with `core` as it is now. Between two inputs.

        Copying 1,500 agents takes 25 ms; `fresh`: it has had no input yet, and needs no copy.
        """
        self._gap = False
        copy = None if fresh else CoreCopy(core)
        config = core.world.config if fresh else DistributionConfig()
        self._queue.put(_Beginning(day, core.seed, clock, config, copy))

    def put(self, told: list[Told]) -> None:
        """Queue inputs for writing; the list is ours from now on. Never waits."""
        count = len(told)
        if self._gap or self.waiting + count > SPOOL_MAX or self._closing.is_set():
            self._gap = True
            self.lost += count
            return
        self._put += count
        self._queue.put(told)

    def set_clock(self, clock: Clock) -> None:
        """The wall clock was put right."""
        if not self._gap:
            self._queue.put(clock)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put so far is in the file. Not for the event loop."""
        barrier = _Barrier(last=False)
        self._queue.put(barrier)
        self._hurry.set()
        return barrier.done.wait(timeout)

    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """Write what is left, for about `timeout` seconds at most; returns the inputs lost."""
        if not self._closing.is_set():
            self._give_up_at = time.monotonic() + timeout
            self._closing.set()
            self._queue.put(_Barrier(last=True))
            self._hurry.set()
        self._thread.join(timeout + 1.0)
        return self.lost + (self.waiting if self._thread.is_alive() else 0)

    # --- the thread's side

    def _run(self) -> None:
        barrier: _Barrier | None = None
        while barrier is None or not barrier.last:
            barrier = self._work()
            if barrier is not None:
                self._hurry.clear()
                barrier.done.set()
        self._end_segment()
        if self._file is not None:
            self._file.close()

    def _work(self) -> _Barrier | None:
        """Wait for something, let more come together, and write at most one batch."""
        item = self._queue.get()
        if self._queue.empty():
            _ = self._hurry.wait(BATCH_SECONDS)
        count = 0
        while not isinstance(item, _Barrier):
            match item:
                case _Beginning():
                    self._begin_segment(item)
                case Clock():
                    self._note(journal.clock_line(item))
                case _:
                    count += len(item)
                    self._add(item)
            if count >= BATCH_INPUTS or self._queue.empty():
                break
            item = self._queue.get()
        self._flush()
        self._taken += count
        return item if isinstance(item, _Barrier) else None

    def _add(self, told: list[Told]) -> None:
        tally = self._tally
        if tally is None:
            self._interrupt(len(told))
            return
        for number, (at, event, effects) in enumerate(told):
            try:
                text = journal.line(at, event, tally.add(at, effects))
            except _UNWRITABLE as error:  # A bug of ours.
                self._alarm(active=True, text=f"an input cannot be written: {error}")
                self._tally = None
                self._interrupt(len(told) - number)
                return
            self._lines.append(text)
            self.written += 1
            if tally.inputs % DIGEST_INPUTS == 0:
                self._lines.append(journal.digest_line(tally.digest()))

    def _note(self, line: str) -> None:
        if self._tally is not None:
            self._lines.append(line)

    def _begin_segment(self, beginning: _Beginning) -> None:
        self._end_segment()
        path = self.directory / f"{beginning.day}{SUFFIX}"
        if self._file is None or self._file.path != path:
            if self._file is not None:
                self._file.close()
            self._file = DayFile(path)
        try:
            state = beginning.core.json() if beginning.core is not None else ""
        except (
            SnapshotError,
            ValueError,
        ) as error:  # A bug of ours; the next day it is tried again.
            self._alarm(active=True, text=f"the state cannot be written: {error}")
            return
        head = (beginning.config, beginning.seed, beginning.clock)
        self._tally = Tally()
        self._lines.append(journal.header(*head, by=__version__, state=state))
        self._flush()
        self._delete_old()

    def _end_segment(self) -> None:
        if self._tally is not None and self._tally.inputs % DIGEST_INPUTS:
            self._lines.append(journal.digest_line(self._tally.digest()))
        self._flush()
        self._tally = None

    def _flush(self) -> None:
        """Return when all lines are written, or cannot be."""
        if not self._lines or self._file is None:
            return
        data = "\n".join([*self._lines, ""]).encode("ascii")
        inputs = sum(line.startswith('{"at"') for line in self._lines)
        self._lines.clear()
        delay = RETRY_SECONDS_MIN
        while True:
            try:
                self._file.append(data)
            except Interrupted:
                self._tally = None
                self.written -= inputs
                self._interrupt(inputs)
                return
            except OSError as error:
                self._alarm(active=True, text=f"cannot write {self._file.path}: {error.strerror}")
                if not self._may_retry():
                    self.written -= inputs
                    self.lost += inputs
                    return
            else:
                self._alarm(active=False, text=f"{self._file.path} is written again")
                return
            if self._closing.wait(delay):
                time.sleep(RETRY_SECONDS_MIN)
            delay = min(delay * 2, RETRY_SECONDS_MAX)

    def _may_retry(self) -> bool:
        return not self._closing.is_set() or time.monotonic() < self._give_up_at

    def _interrupt(self, inputs: int) -> None:
        """The file lacks inputs: those that follow are of no use before a new segment."""
        self.lost += inputs
        self._gap = True

    def _delete_old(self) -> None:
        """By their number, not by today's date: a wrong clock must not delete everything."""
        if self._days:
            with contextlib.suppress(OSError):
                for day in days(self.directory)[: -self._days]:
                    (self.directory / f"{day}{SUFFIX}").unlink(missing_ok=True)

    def _alarm(self, *, active: bool, text: str) -> None:
        if active is not self.failing:
            self.failing = active
            with contextlib.suppress(Exception):  # A listener that fails costs no inputs.
                self._on_alarm(Alarm(ALARM, active, text))


class CoreCopy:
    """A core as it was at one moment. Made in the loop, ten times faster than it is written.

    What never changes (the configuration) is not copied.
    """

    def __init__(self, core: Distribution) -> None:
        self._kept: list[object] = []
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = {
            **copyreg.dispatch_table,
            **dict.fromkeys(_NEVER_CHANGING, self._keep),
        }
        pickler.dump(core)
        self._data = buffer.getvalue()

    def json(self) -> str:
        """As `pbx.snapshot` writes it. Raises SnapshotError; ValueError for infinite numbers."""
        core = _Unpickler(io.BytesIO(self._data), self._kept).load()
        return _json(freeze(core), _JSON_DEPTH)

    def _keep(self, value: object) -> tuple[Callable[[int], object], tuple[int]]:
        self._kept.append(value)
        return _kept, (len(self._kept) - 1,)


_NEVER_CHANGING: Final = (
    configs.DistributionConfig,
    configs.QueueConfig,
    configs.AgentConfig,
    configs.Member,
)


def _kept(number: int) -> object:
    """Stands for a value that was kept; the unpickler below puts the value in its place."""
    raise NotImplementedError


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, kept: list[object]) -> None:
        super().__init__(file)
        self._values = kept

    def find_class(self, module_name: str, global_name: str) -> Any:  # noqa: ANN401
        if (module_name, global_name) == (_kept.__module__, _kept.__name__):
            return self._values.__getitem__
        return super().find_class(module_name, global_name)


# One agent or call at a time: the loop cannot run while the encoder works.
_JSON_DEPTH: Final = 9
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _json(value: Any, depth: int) -> str:  # noqa: ANN401
    if depth and _is_list(value):
        return f"[{','.join([_json(item, depth - 1) for item in value])}]"
    if depth and _is_object(value):
        parts = [f"{_encode(key)}:{_json(item, depth - 1)}" for key, item in value.items()]
        return f"{{{','.join(parts)}}}"
    return _encode(value)


def _is_list(value: Any) -> TypeGuard[list[Any]]:  # noqa: ANN401
    return isinstance(value, list)


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:  # noqa: ANN401
    return isinstance(value, dict)


# --- the read side


def days(directory: Path) -> list[str]:
    """The days that have a file, the oldest first. Raises OSError."""
    names = [path.stem for path in directory.iterdir() if path.suffix == SUFFIX]
    return sorted(name for name in names if _DAY.fullmatch(name))


def path_of(directory: Path, day: str) -> Path:
    return directory / f"{day}{SUFFIX}"


def lines(path: Path, read: Callable[[int], object] | None = None) -> Iterator[str]:
    """Each with its line break; the last one may lack it. `read` hears how long each was.

    Raises OSError.
    """
    with path.open(encoding="ascii", errors="replace", newline="\n") as file:
        for line in file:
            if read is not None:
                _ = read(len(line))
            yield line


def mentions(path: Path, start: str) -> dict[str, int]:
    """Each call whose id begins so, and the number of the last line that speaks of it.

    Raises OSError.
    """
    needle = f'":"{start}'.encode()
    pattern = re.compile(rb'"call(?:back)?":"(' + re.escape(start.encode()) + rb'[^"\\]*)"')
    found: dict[str, int] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if needle in line and not line.startswith(_HEADER):
                found |= dict.fromkeys((id.decode() for id in pattern.findall(line)), number)
    return found
