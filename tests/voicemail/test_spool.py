"""Messages on a real disk: whole or not there, whatever happens; names that cannot leave the
directory."""

import contextlib
import os
import shutil
import threading
import wave
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pbx.speech.times import Moment
from pbx.voicemail import files, jobs, spool
from pbx.voicemail.messages import Draft, Greeting, Mailbox, Message, Purpose, Status
from pbx.voicemail.places import (
    BadName,
    box_directory,
    draft_file,
    draft_note,
    greeting_file,
    greeting_of,
    note_file,
    settings_file,
    sound_file,
)
from pbx.voicemail.spool import Spool

if TYPE_CHECKING:
    from pbx.status import Alarm

RATE = 8000
LOCAL = Moment(2026, 11, 22, 7, 5)
DRAFT = Draft(
    "1700000000-abcdef",
    "102",
    Purpose.MESSAGE,
    1_700_000_000.25,
    LOCAL,
    caller="0501234567",
    name="Olena",
    call="c1",
    seconds_min=2.0,
)


class Disk:
    """A spool whose thread is the test."""

    def __init__(self, root: Path, ending: str = "flac") -> None:
        self.root = str(root)
        self.reports: list[jobs.Report] = []
        self.alarms: list[Alarm] = []
        self.ending = ending
        self.spool = Spool(self.root, ending, self.reports.append, self.alarms.append)

    def run(self, *wanted: jobs.Job) -> list[jobs.Report]:
        """Each until it is done; then what was reported."""
        self.reports.clear()
        for job in wanted:
            self.spool.put(job)
        self.spool.start(recover=False)
        assert self.spool.close() == 0
        self.spool = Spool(self.root, self.ending, self.reports.append, self.alarms.append)
        return list(self.reports)

    def recover(self) -> list[jobs.Report]:
        self.reports.clear()
        self.spool.start()
        assert self.spool.close() == 0
        self.spool = Spool(self.root, self.ending, self.reports.append, self.alarms.append)
        return list(self.reports)

    def load(self) -> dict[str, Mailbox]:
        return self.spool.load()

    def files(self) -> set[str]:
        return {str(p.relative_to(self.root)) for p in Path(self.root).rglob("*") if p.is_file()}

    def leave(self, draft: Draft = DRAFT, seconds: float = 3.0, begin: bool = True) -> None:
        """What a worker writes."""
        if begin:
            assert self.run(jobs.Begin(draft)) == []
        write_wav(draft_file(self.root, draft.id), seconds)


def write_wav(path: str, seconds: float, hz: float = 440.0) -> None:
    t = np.arange(round(seconds * RATE)) / RATE
    pcm = np.rint(8000 * np.sin(2 * np.pi * hz * t)).astype("<i2")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "voicemail")


def kept(disk: Disk, draft: Draft = DRAFT, seconds: float = 3.0) -> Message:
    disk.leave(draft, seconds)
    (report,) = disk.run(jobs.Keep(draft, seconds))
    assert isinstance(report, jobs.Kept)
    return report.message


@pytest.mark.parametrize("ending", ["flac", "wav"])
def test_a_message_is_kept(tmp_path: Path, ending: str) -> None:
    disk = Disk(tmp_path, ending)
    message = kept(disk)
    assert message == Message(
        DRAFT.id, "102", "0501234567", "Olena", DRAFT.at, LOCAL, 3.0, ending, call="c1"
    )
    pcm, rate = soundfile.read(sound_file(disk.root, message))
    assert (len(pcm), rate) == (3 * RATE, RATE)
    assert disk.files() == {f"boxes/102/{DRAFT.id}.{ending}", f"boxes/102/{DRAFT.id}.json"}
    assert disk.load() == {"102": Mailbox({message.id: message})}


def test_only_what_is_worth_keeping(disk: Disk) -> None:
    disk.leave(seconds=9.0)
    (report,) = disk.run(jobs.Keep(DRAFT, 4.0))
    assert isinstance(report, jobs.Kept)
    assert report.message.seconds == 4.0


def test_too_short_and_unreadable_ones_are_thrown_away(disk: Disk) -> None:
    disk.leave(seconds=1.5)
    assert disk.run(jobs.Keep(DRAFT)) == [jobs.Thrown(DRAFT.id)]
    assert disk.files() == set()
    _ = disk.run(jobs.Begin(DRAFT))
    Path(draft_file(disk.root, DRAFT.id)).write_bytes(b"no sound")
    assert disk.run(jobs.Keep(DRAFT, 3.0)) == [jobs.Thrown(DRAFT.id)]
    assert disk.files() == set()
    assert disk.run(jobs.Keep(DRAFT, 3.0)) == [jobs.Thrown(DRAFT.id)]  # Nothing was recorded.


def test_it_is_marked_and_removed(disk: Disk) -> None:
    message = kept(disk)
    heard = replace(message, status=Status.HEARD)
    assert disk.run(jobs.Update(heard)) == []
    assert disk.load()["102"].messages == {message.id: heard}
    assert disk.run(jobs.Remove((message,))) == []
    assert disk.files() == set()
    assert disk.run(jobs.Update(message), jobs.Remove((message,))) == []  # It does not come back.
    assert disk.files() == set()


def test_a_copy_with_a_comment(disk: Disk) -> None:
    message = kept(disk)
    comment = replace(DRAFT, id="1700000001-aa", purpose=Purpose.COMMENT)
    disk.leave(comment, 1.0)
    to = replace(DRAFT, id="1700000002-bb", mailbox="103")
    (report,) = disk.run(jobs.Copy(message, to, comment))
    assert isinstance(report, jobs.Kept)
    copy = report.message
    assert (copy.mailbox, copy.forwarded_by) == ("103", "102")
    assert copy.seconds == 1.0 + spool.SILENCE_SECONDS + 3.0
    assert set(disk.load()) == {"102", "103"}
    assert not any(name.startswith("incoming") for name in disk.files())


def test_a_copy_of_what_is_gone(disk: Disk) -> None:
    message = kept(disk)
    _ = disk.run(jobs.Remove((message,)))
    to = replace(DRAFT, id="1700000002-bb", mailbox="103")
    assert disk.run(jobs.Copy(message, to)) == [jobs.Thrown(to.id)]


def test_greetings_and_pins(disk: Disk) -> None:
    first = replace(DRAFT, id="1700000001-aa", purpose=Purpose.GREETING)
    second = replace(first, id="1700000002-aa")
    disk.leave(first)
    disk.leave(second)
    file = greeting_file(disk.root, "102", Greeting.BUSY, first.id)
    assert disk.run(jobs.Greet(first, Greeting.BUSY)) == [jobs.Greets("102", Greeting.BUSY, file)]
    _ = disk.run(jobs.WritePin("102", "hashed"))
    box = disk.load()["102"]
    assert (box.greetings, box.pin) == ({Greeting.BUSY: file}, "hashed")
    _ = disk.run(jobs.Greet(second, Greeting.BUSY))  # A crash before the first one was removed:
    newer = greeting_file(disk.root, "102", Greeting.BUSY, second.id)
    assert disk.load()["102"].greetings == {Greeting.BUSY: newer}
    assert not os.path.exists(file)
    _ = disk.run(jobs.Ungreet("102", Greeting.BUSY, newer))
    assert disk.load()["102"].greetings == {}


class Killed(BaseException):
    """The power has failed."""


def test_a_kill_at_any_moment(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each thing that is done to the disk. Afterwards the message is there, once."""
    moments = 0
    for moment in range(1, 100):
        shutil.rmtree(disk.root, ignore_errors=True)
        disk.leave()
        count = kill_at(moment, disk, monkeypatch)
        if count < moment:
            break
        moments += 1
        reports = disk.recover()
        found = disk.load()["102"].messages
        assert list(found) == [DRAFT.id], (moment, reports, disk.files())
        assert found[DRAFT.id].seconds == 3.0
        sound = sound_file(disk.root, found[DRAFT.id])
        assert len(soundfile.read(sound)[0]) == 3 * RATE
        assert disk.files() == {f"boxes/102/{DRAFT.id}.flac", f"boxes/102/{DRAFT.id}.json"}
    assert moments >= 8


def kill_at(moment: int, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> int:
    """Carry `Keep` out, but for everything from this step on; how many steps there were."""
    total = [0]
    with monkeypatch.context() as patched, contextlib.suppress(Killed):
        for name in ("replace", "fsync", "unlink"):
            counted_in(patched, name, total, moment)
        _ = list(disk.spool._carry_out(jobs.Keep(DRAFT, 3.0)))
    return total[0]


def counted_in(patched: pytest.MonkeyPatch, name: str, total: list[int], moment: int) -> None:
    real = getattr(os, name)

    def step(*args: object, **options: object) -> object:
        total[0] += 1
        if total[0] == moment:
            raise Killed
        return real(*args, **options)

    patched.setattr(os, name, step)


def test_a_crash_while_it_is_recorded(disk: Disk) -> None:
    """The header is behind the file, as the worker was killed between the two."""
    disk.leave(seconds=4.0)
    path = Path(draft_file(disk.root, DRAFT.id))
    data = bytearray(path.read_bytes())
    data[40:44] = (2 * RATE * 3).to_bytes(4, "little")
    path.write_bytes(bytes(data) + b"\x01")  # And half a sample.
    (report,) = disk.recover()
    assert isinstance(report, jobs.Kept)
    assert report.message.seconds == 4.0


def test_orphans_that_are_no_messages_are_removed(disk: Disk) -> None:
    greeting = replace(DRAFT, id="1700000001-aa", purpose=Purpose.GREETING)
    disk.leave(greeting)
    disk.leave(replace(DRAFT, id="1700000002-bb"), seconds=1.0)
    write_wav(draft_file(disk.root, "1700000003-cc"), 5.0)  # Nobody knows whose.
    incoming = Path(disk.root, "incoming")
    (incoming / "something.else").write_text("?")
    (incoming / "1700000004-dd.json").write_text("{}")
    assert [type(report) for report in disk.recover()] == [jobs.Thrown]
    assert disk.files() == set()


def test_a_full_disk_is_tried_again_and_loses_nothing(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "RETRY_SECONDS", 0.0)
    disk.leave()
    failures = iter(range(3))
    real = os.fsync

    def full(fd: int) -> None:
        if next(failures, None) is not None:
            raise OSError(28, "No space left on device")
        real(fd)

    monkeypatch.setattr(os, "fsync", full)
    reported = threading.Event()

    def on_report(report: jobs.Report) -> None:
        disk.reports.append(report)
        reported.set()

    tried = Spool(disk.root, "flac", on_report, disk.alarms.append)
    tried.put(jobs.Keep(DRAFT, 3.0))
    tried.start(recover=False)
    assert reported.wait(10.0)
    assert tried.close() == 0
    assert isinstance(disk.reports[-1], jobs.Kept)
    assert [alarm.active for alarm in disk.alarms] == [True, False]
    assert "No space left" in disk.alarms[0].text


def test_what_the_disk_does_not_take_until_the_end_is_there_at_the_next_start(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.leave()
    with monkeypatch.context() as patched:

        def full(fd: int) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr(os, "fsync", full)
        disk.spool.put(jobs.Keep(DRAFT, 3.0))
        disk.spool.start(recover=False)
        _ = disk.spool.close()
    disk.spool = Spool(disk.root, "flac", disk.reports.append, disk.alarms.append)
    (report,) = disk.recover()
    assert isinstance(report, jobs.Kept)


HOSTILE = [
    *("", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "a\0b", "a\nb", "102\n", "~", "-rf"),
    *("x" * 33, "é", "102 ", " 102", "%2e%2e", "..%2f", "con:", "a;b", "$(id)", "`id`", "\u202e"),
]


def hostile_names() -> list[str]:
    """200 of them."""
    made = [
        f"{a}{b}{c}" for a in ("../", "/", "\0", "..\\", ". ") for b in HOSTILE for c in ("", "x")
    ]
    return [*HOSTILE, *made][:200]


def test_hostile_names_make_no_file() -> None:
    names = hostile_names()
    assert len(names) == 200
    for name in names:
        for place in (box_directory, settings_file, draft_file, draft_note):
            with pytest.raises(BadName):
                _ = place("/spool", name)
        for mailbox, id in ((name, "1-a"), ("102", name)):
            with pytest.raises(BadName):
                _ = greeting_file("/spool", mailbox, Greeting.BUSY, id)


def test_hostile_callers_stay_inside(disk: Disk) -> None:
    """What they call themselves is kept as it is, in the note, and nowhere else."""
    for number, name in enumerate(hostile_names()):
        draft = replace(DRAFT, id=f"{1_700_000_000 + number}-ab", caller=name, name=name)
        message = kept(disk, draft, 2.0)
        assert (message.caller, message.name) == (name, name)
    root = os.path.realpath(disk.root)
    outside = {p for p in Path(disk.root).parent.rglob("*") if not str(p).startswith(root)}
    assert outside == set()
    assert len(disk.files()) == 400
    found = disk.load()["102"].messages
    assert [m.caller for m in found.values()] == hostile_names()


@given(st.text(max_size=40))
def test_any_name_stays_under_the_root(name: str) -> None:
    message = Message(name, name, "", "", 0.0, LOCAL, 1.0, name)
    for place in (sound_file, note_file):
        try:
            path = place("/spool", message)
        except BadName:
            continue
        assert os.path.normpath(path) == path
        assert path.startswith("/spool/boxes/")
    found = greeting_of(name)
    assert found is None or "/" not in found[1]


@given(st.binary(max_size=200))
def test_any_note_is_read_without_harm(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "note.json"
    path.write_bytes(data)
    assert files.read_note(str(path), Message) is None or data


def test_notes_that_lie_are_not_believed(disk: Disk) -> None:
    message = kept(disk)
    other = Path(box_directory(disk.root, "103"))
    other.mkdir()
    shutil.copy(note_file(disk.root, message), other)
    (other / f"{message.id}.flac").write_bytes(b"")
    lying = replace(message, id="../../102/x")
    (other / "1-a.json").write_bytes(b"[]")
    files.write(str(other / "2-b.json"), msgspec.json.encode(lying))
    assert disk.load()["103"].messages == {}


def test_jobs_without_end_are_counted(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "JOBS_MAX", 2)
    for _ in range(5):
        disk.spool.put(jobs.Throw(DRAFT))
    assert (disk.spool.waiting, disk.spool.dropped) == (2, 3)
