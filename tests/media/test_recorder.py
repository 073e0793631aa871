"""Recordings over real sockets: who is heard where, how long it is, and what ends it."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest

from media import writer
from media.protocol import (
    Close,
    EndRecording,
    Join,
    Member,
    Mix,
    PauseRecording,
    Record,
    RecordingEnded,
)
from media.take import Take
from media.wav import WavWriter
from media.writer import Done, Job
from tests.media.rig import Rig, rig, run, turn
from tests.media.speaker import Speaker, conversation, hertz, read, share, speakers

LOW, HIGH = 440, 1000


def talk(setup: Rig) -> list[Speaker]:
    for name, host in (("a", "127.0.0.2"), ("b", "127.0.0.3")):
        _ = setup.call(name, host)
    setup.engine.command(Join("a", "b"))
    return speakers(setup, LOW, HIGH)


async def ended(setup: Rig) -> RecordingEnded:
    return await setup.event(RecordingEnded)


def test_each_side_on_its_channel_for_the_right_time(tmp_path: Path) -> None:
    path = tmp_path / "day" / "r.wav"

    async def main() -> None:
        with rig() as setup:
            both = talk(setup)
            await conversation(0.2, *both)
            setup.engine.command(Record("r", str(path), "a", "b"))
            await conversation(2.0, *both)
            setup.engine.command(EndRecording("r"))
            setup.engine.command(EndRecording("r"))
            end = await ended(setup)
            assert (end.recording, end.reason, end.error) == ("r", "stopped", "")
            assert abs(end.seconds - 2.0) < 0.1
            await setup.phones["b"].until(
                lambda: len(setup.phones["b"].heard) == 110
            )  # Nothing changed in what is heard.

    run(main)
    sound = read(path)
    assert abs(len(sound) - 16_000) < 800
    for channel, tone in ((0, LOW), (1, HIGH)):
        whole = sound[400:-400, channel]
        assert hertz(whole) == tone
        assert share(whole, tone) > 0.999
        # No gap: each 20 ms of it is as loud as any other.
        peaks = np.abs(whole[: len(whole) // 160 * 160].astype(int)).reshape(-1, 160).max(axis=1)
        assert peaks.min() > 7000


def test_while_it_goes_on_the_file_is_less_than_a_second_behind(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"

    async def main() -> None:
        with rig() as setup:
            both = talk(setup)
            setup.engine.command(Record("r", str(path), "a", "b"))
            lengths: list[int] = []
            await conversation(
                2.5, *both, at={75: lambda: lengths.append(len(read(path))),
                                120: lambda: lengths.append(len(read(path)))},
            )  # fmt: skip
            assert lengths[0] >= 0.5 * 8000
            assert lengths[1] >= 1.4 * 8000
            setup.engine.command(Close("a"))
            assert (await ended(setup)).reason == "closed"

    run(main)


def test_loss_pause_another_sender_and_silence(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"

    async def main() -> None:
        with rig() as setup:
            a, b = talk(setup)
            setup.engine.command(Record("r", str(path), "a", "b"))

            def lose() -> None:
                _ = a.packet()

            def another() -> None:
                b.phone.ssrc = b.ssrc = 99
                b.seq, b.timestamp = 50_000, 3_000_000_000

            await conversation(1.0, a, b, at=dict.fromkeys(range(5, 50, 15), lose) | {20: another})
            setup.engine.command(PauseRecording("r", paused=True))
            await conversation(0.5, a, b)
            await turn()  # The last packets belong to the pause.
            setup.engine.command(PauseRecording("r", paused=False))
            await conversation(0.5, b)  # `a` is silent.
            await conversation(0.5, a, b)
            setup.engine.command(EndRecording("r"))
            assert abs((await ended(setup)).seconds - 2.5) < 0.1

    run(main)
    sound = read(path)
    assert [hertz(sound[400:7600, n]) for n in (0, 1)] == [LOW, HIGH]
    assert share(sound[400:7600, 0], LOW) > 0.99
    assert not np.any(sound[8800:11_200])  # Nothing of what was said in the pause.
    assert [hertz(sound[13_200:15_200, n]) for n in (0, 1)] == [0, HIGH]
    assert [hertz(sound[16_400:19_600, n]) for n in (0, 1)] == [LOW, HIGH]


def test_one_channel_ends_by_silence(tmp_path: Path) -> None:
    path = tmp_path / "message.wav"

    async def main() -> None:
        with rig() as setup:
            _ = setup.call("a")
            (a,) = speakers(setup, LOW)
            setup.engine.command(Record("m", str(path), "a", silence_seconds=1.0))
            await conversation(1.0, a)
            end = await ended(setup)
            assert end.reason == "silence"
            assert 2.0 <= end.seconds < 3.5
            assert abs(end.spoken_seconds - 1.0) < 0.1

    run(main)
    assert read(path).shape[1] == 1


@pytest.mark.parametrize("reason", ["limit", "key"])
def test_one_channel_ends_by_limit_and_key(tmp_path: Path, reason: str) -> None:
    path = tmp_path / "message.wav"

    async def main() -> None:
        with rig() as setup:
            _ = setup.call("a")
            (a,) = speakers(setup, LOW)
            setup.engine.command(Record("m", str(path), "a", seconds_max=1.0, keys="#0"))

            def press(digit: str) -> None:
                for department in setup.engine.departments.values():
                    department.on_key("a", digit)

            at = {20: lambda: press("1"), 30: lambda: press("#")} if reason == "key" else None
            await conversation(1.2, a, at=at)
            end = await ended(setup)
            assert end.reason == reason
            assert end.seconds == 1.0 if reason == "limit" else abs(end.seconds - 0.6) < 0.1

    run(main)


def test_what_cannot_be_recorded_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            _ = setup.call("a")
            (tmp_path / "file").touch()
            for number, command in enumerate(
                (
                    Record("r", str(tmp_path / "r.wav"), "nobody"),
                    Record("r", str(tmp_path / "r.wav")),
                    Record("r", str(tmp_path / "file" / "r.wav"), "a"),
                ),
                start=1,
            ):
                setup.engine.command(command)
                end = await setup.event(RecordingEnded, number)
                assert (end.reason == "disk") == (number == 3)
                assert end.error
            setup.engine.command(Record("r", str(tmp_path / "r.wav"), "a"))
            setup.engine.command(Record("r", str(tmp_path / "s.wav"), "a"))
            assert (await setup.event(RecordingEnded, 4)).error == "it is being recorded already"
        assert len(setup.of(RecordingEnded)) == 5  # The last one by the end of the worker.

    run(main)


@pytest.mark.parametrize("whisper", [False, True])
def test_who_whispers_is_recorded_only_by_option(tmp_path: Path, *, whisper: bool) -> None:
    """`c` is heard by `b` alone; then by both."""
    path, both = tmp_path / "r.wav", tmp_path / "room.wav"

    async def main() -> None:
        with rig() as setup:
            for name in "abc":
                _ = setup.call(name)
            people = speakers(setup, LOW, HIGH, 2000)
            quiet = (Member("a", ("b",)), Member("b", ("a", "c")), Member("c", ("a", "b")))
            loud = (Member("a", ("b", "c")), *quiet[1:])
            setup.engine.command(Record("r", str(path), "a", "b", "room", whisper=whisper))
            setup.engine.command(Mix("room", quiet))
            setup.engine.command(Record("all", str(both), room="room"))
            await conversation(1.0, *people)
            setup.engine.command(Mix("room", loud))
            await conversation(1.0, *people)
            setup.engine.command(Mix("room"))
            assert (await setup.event(RecordingEnded)).reason == "closed"
            setup.engine.command(EndRecording("r"))
            _ = await setup.event(RecordingEnded, 2)

    run(main)
    sound = read(path)
    first, second = sound[1600:6400], sound[9600:14_400]
    assert share(first[:, 0], LOW) > 0.999
    assert (share(first[:, 1], 2000) > 0.3) == whisper
    assert share(second[:, 1], 2000) > 0.3
    assert share(second[:, 1], HIGH) > 0.3
    everybody = read(both)[1600:6400, 0]
    assert all(share(everybody, tone) > 0.2 for tone in (LOW, HIGH, 2000))


def test_no_thread_is_left(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            _ = setup.call("a")
            for number in (1, 2):
                setup.engine.command(Record("r", str(tmp_path / "r.wav"), "a"))
                assert [t.name for t in threading.enumerate()].count("recordings") == 1
                setup.engine.command(EndRecording("r"))
                _ = await setup.event(RecordingEnded, number)
                await setup.until(
                    lambda: all(t.name != "recordings" for t in threading.enumerate()),
                    meanwhile=lambda: None,
                )

    run(main)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    if subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    _ = subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_ends_the_recording_and_nothing_else(small_disk: Path) -> None:
    path = small_disk / "r.wav"
    _ = (small_disk / "ballast").write_bytes(bytes(80 << 10))

    async def main() -> None:
        with rig() as setup:
            a, b = talk(setup)
            setup.engine.command(Record("r", str(path), "a", "b"))
            await conversation(3.0, a, b)
            end = await ended(setup)
            assert (end.reason, end.error) == ("disk", "r.wav: No space left on device")
            assert end.seconds == len(read(path)) / 8000 > 0.4
            await setup.phones["b"].until(lambda: len(setup.phones["b"].heard) == 150)

    run(main)
    assert hertz(read(path)[:, 0]) == LOW


def test_a_slow_disk_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes 2.5 s for one write: what did not fit the queue meanwhile is silence."""
    gate = threading.Event()
    append = WavWriter.append

    def slow(self: WavWriter, data: bytes | memoryview) -> None:
        _ = gate.wait(30)
        append(self, data)

    monkeypatch.setattr(WavWriter, "append", slow)
    monkeypatch.setattr("media.recording.QUEUE_PACKETS_MAX", 75)

    async def main() -> None:
        with rig() as setup:
            a, b = talk(setup)
            setup.engine.command(Record("r", str(tmp_path / "r.wav"), "a", "b"))
            await conversation(3.0, a, b)
            await setup.phones["b"].until(lambda: len(setup.phones["b"].heard) == 150)
            gate.set()
            await conversation(1.0, a, b)
            setup.engine.command(EndRecording("r"))
            end = await ended(setup)
            assert end.reason == "stopped"
            assert "packets are missing" in end.error
            assert abs(end.seconds - 4.0) < 0.1
            assert setup.engine.counters["recording_packets_dropped"] > 50

    run(main)
    sound = read(tmp_path / "r.wav")
    assert hertz(sound[400:8000, 0]) == LOW
    assert hertz(sound[21_000:23_000, 0]) == 0
    assert hertz(sound[26_000:31_000, 1]) == HIGH


def test_the_work_is_spread_over_the_time_between_two_turns(tmp_path: Path) -> None:
    """So the writer wakes up for several, and has never much to do at once."""
    done: SimpleQueue[Done] = SimpleQueue()
    made = writer.Writer(done.put)
    jobs = [
        Job(str(n), str(tmp_path / f"{n}.wav"), Take(2, 8000), time.monotonic(), 0.0)
        for n in range(3 * writer.TURNS)
    ]
    for job in jobs:
        made.begin(job)
    last = jobs.pop()
    last.end = (800, "stopped")
    made.end(last)
    assert done.get(timeout=10) == Done(last, "stopped", 0.1, "")  # So all others have begun.
    turns = made._turns  # pyright: ignore[reportPrivateUsage]
    assert {job.name for turn in turns for job in turn} - {last.name} == {job.name for job in jobs}
    assert max(map(len, turns)) == 3
    for job in jobs:
        job.end = (1600, "closed")
        made.end(job)
    assert made.stop(10)
    ended = [done.get_nowait() for _ in jobs]
    assert {job.job.name for job in ended} == {job.name for job in jobs}
    assert {end[1:] for end in ended} == {("closed", 0.2, "")}


def test_flushing_is_fast_enough_for_the_promise() -> None:
    assert writer.FLUSH_SECONDS <= 0.5
