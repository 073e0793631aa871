"""The journal's files: days, segments, torn lines, full disks, and what is read back from them."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from pbx import journal as files
from pbx.day_file import DayFile, Interrupted
from pbx.distribution import journal
from pbx.distribution.config import DistributionConfig, Strategy
from pbx.distribution.core import Distribution
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    CallJoined,
    CallLeft,
    Configured,
    Input,
    WrapUpExtended,
)
from pbx.distribution.journal import Clock, Told
from pbx.history.replay import Began, Replay, Step
from pbx.journal import CoreCopy, Journal
from pbx.snapshot import freeze, thaw
from pbx.status import Alarm
from tests.distribution.desk import config_of, queue

SOON = 10.0
DAY, NEXT = "2026-11-21", "2026-11-22"
CLOCK = Clock(0.0, 1_795_219_200.0)


class Alarms:
    """Collects what a journal reports; `wait` until something has been."""

    def __init__(self) -> None:
        self.told: list[Alarm] = []
        self._changed = threading.Condition()

    def __call__(self, alarm: Alarm) -> None:
        with self._changed:
            self.told.append(alarm)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Alarm]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= count, SOON)
            return list(self.told)


class Desk:
    """A core that writes down what it is told."""

    def __init__(self, directory: Path, days: int = 90) -> None:
        self.core = Distribution(DistributionConfig(), 7)
        self.alarms = Alarms()
        self.journal = Journal(directory, days, self.alarms)
        self.now = 0.0
        self.count = 0

    def begin(self, day: str = DAY, *, fresh: bool = False) -> None:
        self.journal.begin(self.core, day, Clock(self.now, CLOCK.unix + self.now), fresh=fresh)

    def tell(self, *events: Input) -> None:
        told = []
        for event in events:
            self.now += 1.0
            told.append(Told(self.now, event, self.core.apply(event, self.now)))
        self.journal.put(told)

    def open(self) -> None:
        config = config_of(queue(Strategy.RING_ALL, "anna", "bohdan"))
        self.begin(fresh=True)
        self.tell(Configured(config), AgentReachable("anna"), AgentSignedIn("anna"))

    def call(self) -> None:
        self.count += 1
        self.tell(CallJoined(f"c{self.count}", "q"), CallLeft(f"c{self.count}"))

    def flush(self) -> None:
        assert self.journal.flush(SOON)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "journal")
    yield made
    made.journal.close()


def replayed(path: Path) -> tuple[Replay, list[Step | Began]]:
    replay = Replay()
    return replay, list(replay.run(files.lines(path)))


def inputs(steps: list[Step | Began]) -> list[Input]:
    return [step.event for step in steps if isinstance(step, Step)]


def test_a_day_in_a_file(desk: Desk) -> None:
    desk.open()
    desk.call()
    assert desk.journal.close() == 0
    path = files.path_of(desk.journal.directory, DAY)
    lines = list(files.lines(path))
    assert [next(iter(json.loads(line))) for line in lines] == [
        "journal", *["at"] * 5, "digest",
    ]  # fmt: skip
    head = journal.read(lines[0])
    assert isinstance(head, journal.Header)
    assert (head.seed, head.clock, head.state) == (7, CLOCK, None)
    replay, steps = replayed(path)
    assert steps[0] == Began(CLOCK.unix, True, head.by)
    assert [step.at for step in steps[1:]] == [CLOCK.unix + n for n in range(1, 6)]
    assert (replay.inputs, replay.checked, replay.differing, replay.problems) == (5, 5, 0, [])
    assert replay.decisions == 2  # Ring, and stop ringing.
    assert journal.read(lines[-1]) == journal.Digest(replay.digest, 5, 2)
    assert desk.journal.written == 5


def test_a_day_that_follows_begins_with_the_state(desk: Desk) -> None:
    desk.open()
    desk.tell(CallJoined("late", "q"))
    desk.begin(NEXT)
    desk.tell(CallLeft("late"))
    desk.call()
    desk.journal.close()
    directory = desk.journal.directory
    assert files.days(directory) == [DAY, NEXT]
    replay, steps = replayed(files.path_of(directory, NEXT))
    assert isinstance(steps[0], Began)
    assert not steps[0].fresh
    assert (replay.inputs, replay.differing, replay.problems) == (3, 0, [])
    assert replay.decisions > 0  # It knew that Anna was rung.
    # The snapshot and the later inputs come to the same as the whole.
    assert json.dumps(freeze(replay.core)) == json.dumps(freeze(desk.core))
    both = Replay()
    for day in (DAY, NEXT):
        for _ in both.run(files.lines(files.path_of(directory, day))):
            pass
    assert json.dumps(freeze(both.core)) == json.dumps(freeze(desk.core))


def test_a_copy_of_a_core_is_as_the_core(desk: Desk) -> None:
    desk.open()
    desk.tell(CallJoined("x1", "q", number="380 \N{CYRILLIC SMALL LETTER ZHE} \ud800"))
    copy, before = CoreCopy(desk.core), json.dumps(freeze(desk.core))
    desk.call()
    assert json.dumps(json.loads(copy.json())) == before
    core = thaw(json.loads(copy.json()))
    assert core.apply(CallLeft("x1"), 50.0) == desk.core.apply(CallLeft("x1"), 50.0)


def test_an_infinite_number_in_the_state_raises_the_alarm_and_costs_the_segment(
    desk: Desk,
) -> None:
    desk.open()
    desk.core.world.agents["anna"].free_since = float("inf")
    desk.begin(NEXT)
    desk.call()
    desk.flush()
    assert "the state cannot be written" in desk.alarms.wait(1)[0].text
    assert desk.journal.lost == 2


def test_an_input_that_cannot_be_written_ends_the_segment(desk: Desk) -> None:
    desk.open()
    desk.journal.put([Told(desk.now, WrapUpExtended("anna", float("nan")), [])])
    desk.call()
    desk.flush()
    assert "an input cannot be written" in desk.alarms.wait(1)[0].text
    assert desk.journal.lost == 3
    assert desk.journal.gap
    desk.begin()
    desk.call()
    desk.journal.close()
    replay, steps = replayed(files.path_of(desk.journal.directory, DAY))
    assert replay.problems == []
    assert [isinstance(step, Began) for step in steps].count(True) == 2


def test_starting_again_on_the_same_day(tmp_path: Path) -> None:
    for _ in range(2):
        desk = Desk(tmp_path)
        desk.open()
        desk.call()
        desk.journal.close()
    replay, steps = replayed(files.path_of(tmp_path, DAY))
    assert [step.fresh for step in steps if isinstance(step, Began)] == [True, True]
    assert (replay.inputs, replay.differing, replay.problems) == (10, 0, [])
    assert len(replay.digests) == 2
    assert replay.digest not in replay.digests


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_line_torn_by_a_crash(tmp_path: Path, cut: int) -> None:
    desk = Desk(tmp_path)
    desk.open()
    desk.call()
    desk.flush()
    path = files.path_of(tmp_path, DAY)
    whole = path.read_bytes()
    desk.journal.close()
    path.write_bytes(whole[:-cut])
    replay, steps = replayed(path)
    if cut == 1:  # Only the line break is missing.
        assert (len(steps), replay.problems) == (6, [])
        return
    assert len(steps) == 5
    (problem,) = replay.problems
    assert problem.startswith("line 6 is not whole: not JSON")
    assert problem.endswith("it was being written when the journal ended")
    again = Desk(tmp_path)
    again.open()
    again.journal.close()
    replay, steps = replayed(path)
    assert len(steps) == 9
    (problem,) = replay.problems
    assert problem.endswith("the PBX was stopped while it wrote it")
    assert replay.differing == 0


def test_only_so_many_days_are_kept(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "2026-11-01.jsonl.bak").touch()
    for day in range(1, 20):
        (tmp_path / f"2026-11-{day:02}.jsonl").touch()
    # A day of a clock that was wrong deletes no more than any other.
    desk = Desk(tmp_path, days=3)
    desk.begin("2031-01-01", fresh=True)
    desk.flush()
    assert files.days(tmp_path) == ["2026-11-18", "2026-11-19", "2031-01-01"]
    assert {path.name for path in tmp_path.iterdir()} >= {"notes.txt", "2026-11-01.jsonl.bak"}
    desk.journal.close()


def test_all_days_are_kept(tmp_path: Path) -> None:
    (tmp_path / "2001-01-01.jsonl").touch()
    desk = Desk(tmp_path, days=0)
    desk.open()
    desk.journal.close()
    assert files.days(tmp_path) == ["2001-01-01", DAY]


class Disk:
    """A directory that can be made unusable, as by a disk that is full or gone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def fail(self) -> None:
        """A file stands where the directory should be."""
        self.directory.rename(self.directory.with_name("away"))
        self.directory.touch()

    def heal(self) -> None:
        self.directory.unlink()
        self.directory.with_name("away").rename(self.directory)


def test_while_the_disk_is_away_inputs_wait(desk: Desk) -> None:
    desk.open()
    desk.flush()
    disk = Disk(desk.journal.directory)
    disk.fail()
    desk.call()
    (alarm,) = desk.alarms.wait(1)
    assert (alarm.name, alarm.active) == ("journal", True)
    assert "Not a directory" in alarm.text
    for _ in range(3):
        desk.call()
    disk.heal()
    assert [alarm.active for alarm in desk.alarms.wait(2)] == [True, False]
    assert desk.journal.close() == 0
    replay, steps = replayed(files.path_of(desk.journal.directory, DAY))
    assert (len(inputs(steps)), replay.problems) == (11, [])


def test_a_new_segment_begins_when_inputs_were_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SPOOL_MAX", 5)
    desk.open()
    desk.flush()
    disk = Disk(desk.journal.directory)
    disk.fail()
    desk.call()
    desk.alarms.wait(1)
    for _ in range(4):
        desk.call()
    assert desk.journal.lost == 6
    assert not desk.journal.gap  # Not while the disk is away.
    disk.heal()
    desk.alarms.wait(2)
    desk.flush()
    assert desk.journal.gap
    desk.call()  # Of no use where something is missing before it.
    assert desk.journal.lost == 8
    desk.begin()
    assert not desk.journal.gap
    desk.call()
    desk.journal.close()
    replay, steps = replayed(files.path_of(desk.journal.directory, DAY))
    assert [step.fresh for step in steps if isinstance(step, Began)] == [True, False]
    assert (len(inputs(steps)), replay.differing, replay.problems) == (3 + 4 + 2, 0, [])
    assert json.dumps(freeze(replay.core)) == json.dumps(freeze(desk.core))


def test_a_disk_that_stays_away_loses_what_is_left_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    desk = Desk(tmp_path / "journal")
    desk.open()
    assert [alarm.active for alarm in desk.alarms.wait(1)] == [True]
    assert desk.journal.close(0.2) == 3
    assert len(desk.alarms.told) == 1


@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: path.rename(path.with_suffix(".old")),
        lambda path: path.write_text("somebody else's\n"),
    ],
)
def test_a_file_that_was_taken_away(desk: Desk, meddle: Callable[[Path], object]) -> None:
    desk.open()
    desk.flush()
    path = files.path_of(desk.journal.directory, DAY)
    meddle(path)
    desk.call()
    desk.flush()
    assert desk.journal.gap
    assert desk.journal.lost == 2
    desk.begin()
    desk.call()
    desk.journal.close()
    replay, steps = replayed(path)
    assert (len(inputs(steps)), replay.differing) == (2, 0)
    assert len(replay.problems) == ("somebody" in path.read_text())


def test_what_was_queued_when_the_file_was_taken_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BATCH_INPUTS", 1)
    desk.open()
    desk.flush()
    files.path_of(desk.journal.directory, DAY).unlink()
    desk.call()
    desk.call()  # Written after the other one: without a beginning it would be of no use.
    desk.flush()
    assert desk.journal.lost == 4
    assert files.days(desk.journal.directory) == []


def test_a_batch_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full takes a part of it."""
    file = DayFile(tmp_path / "day")
    file.append(b"one\n")
    monkeypatch.setattr(file, "_write", _half_of(file))
    with pytest.raises(OSError, match="No space"):
        file.append(b"a line that is longer\n")
    assert file.path.read_bytes() == b"one\n"
    monkeypatch.undo()
    file.append(b"two\n")
    assert file.path.read_bytes() == b"one\ntwo\n"
    file.path.write_bytes(b"one\n")
    with pytest.raises(Interrupted):
        file.append(b"three\n")
    file.append(b"three\n")
    file.close()
    assert file.path.read_bytes() == b"one\nthree\n"
    assert file.path.stat().st_mode & 0o007 == 0


def _half_of(file: DayFile) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        os.write(file._descriptor, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    return write


def test_the_clock_is_put_right(desk: Desk) -> None:
    desk.open()
    desk.journal.set_clock(Clock(desk.now, CLOCK.unix + 5000.0))
    desk.call()
    desk.journal.close()
    _, steps = replayed(files.path_of(desk.journal.directory, DAY))
    assert [step.at - CLOCK.unix for step in steps] == [0.0, 1.0, 2.0, 3.0, 5001.0, 5002.0]


def test_calls_that_a_file_speaks_of(desk: Desk) -> None:
    desk.open()
    desk.tell(CallJoined("ab12", "q"), CallJoined("ab34", "q"), CallLeft("ab12"))
    desk.begin(NEXT)
    desk.tell(CallLeft("ab34"))
    desk.journal.close()
    path = files.path_of(desk.journal.directory, DAY)
    assert files.mentions(path, "ab") == {"ab12": 7, "ab34": 6}
    assert files.mentions(path, "ab3") == {"ab34": 6}
    assert files.mentions(path, "xy") == {}
    # The state that the next day begins with knows both, but says nothing of them.
    assert files.mentions(files.path_of(desk.journal.directory, NEXT), "ab") == {"ab34": 2}


@pytest.mark.parametrize("seed", range(3))
def test_many_inputs_in_batches_of_any_size(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    desk = Desk(tmp_path)
    desk.open()
    for _ in range(rng.randint(1500, 2500)):
        desk.call()
        if rng.random() < 0.01:
            desk.flush()
        if rng.random() < 0.001:
            desk.begin()
    assert desk.journal.close() == 0
    replay, _ = replayed(files.path_of(tmp_path, DAY))
    assert (replay.inputs, replay.differing) == (3 + 2 * desk.count, 0)
    assert replay.problems == []
