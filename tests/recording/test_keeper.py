"""The files of recordings after the calls: converted, recovered, deleted, copied."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from media.wav import WavWriter, header
from pbx.config import Config
from pbx.events import Event, RecordingChanged
from pbx.recording import index
from pbx.recording.files import orphan, scan
from pbx.recording.keeper import Keeper
from pbx.recording.records import RecordingRecord, State
from pbx.recording.tapes import Tapes
from pbx.store import Store

if TYPE_CHECKING:
    from pbx.status import Alarm

PATIENCE_SECONDS = 20.0
DAY = 86_400.0
NOW = time.time()


class House:
    """A store and a keeper over a directory, and what they tell."""

    def __init__(self, directory: Path, **recording: object) -> None:
        database = directory / "pbx.sqlite"
        self.config = Config.model_validate(
            {
                "company": "Example",
                "storage": {"path": database},
                "recording": {"free_space": 0, **recording},
            }
        )
        self.root = directory / "recordings"
        self.alarms: list[Alarm] = []
        self.tapes = Tapes()
        self.store = Store(database, self.alarms.append)
        self.changed = asyncio.Event()
        self.keeper = Keeper(
            self.config, self.store, lambda: self.tapes, self.publish, self.alarms.append
        )

    def publish(self, event: Event) -> None:
        self.store.put(event)
        self.keeper.on_event(event)
        self.changed.set()

    def wrote(self, number: int, *, state: State = State.WRITTEN, age: float = 0.0,
              seconds: float = 1.0) -> RecordingRecord:  # fmt: skip
        """A worker has closed a file, and the exchange says so."""
        record = RecordingRecord(
            f"{number:08x}-1", f"{number:08x}", 1, NOW - age, seconds=seconds, state=state
        )
        file = WavWriter(str(self.root / record.file), 8000, 2)
        tone = np.rint(8000 * np.sin(np.arange(int(16_000 * seconds)) / 9)).astype(np.int16)
        file.append(tone.tobytes())
        file.close()
        self.publish(RecordingChanged(record, NOW))
        return record

    def found(self) -> list[RecordingRecord]:
        assert self.store.flush(5.0)
        return self.store.history.recordings(index.READ_FOUND, "", "", "", "", 0.0, 1000)

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.found(), self.alarms)
            self.changed.clear()
            try:
                async with asyncio.timeout(0.1):
                    _ = await self.changed.wait()
            except TimeoutError:
                continue

    def kept(self) -> set[str]:
        return {path.name for path in self.root.rglob("*") if path.is_file()}


def run(house: House, story: Callable[[], Any]) -> None:
    async def main() -> None:
        house.changed = asyncio.Event()
        await house.keeper.start()
        try:
            await story()
        finally:
            await house.keeper.stop()
            _ = house.store.close()

    asyncio.run(main())


@pytest.mark.parametrize(("kind", "ending"), [("wav", "wav"), ("flac", "flac"), ("opus", "ogg")])
def test_what_is_finished_is_kept_in_its_format(tmp_path: Path, kind: str, ending: str) -> None:
    house = House(tmp_path, format=kind)

    async def story() -> None:
        record = house.wrote(1)
        await house.until(lambda: house.found()[0].state is State.KEPT)
        (kept,) = house.found()
        path = house.root / kept.file
        assert house.kept() == {f"{record.id}.{ending}"} == {path.name}
        assert kept.size == path.stat().st_size
        with soundfile.SoundFile(path) as file:
            assert (file.samplerate, file.channels) == (8000, 2)
            assert abs(file.frames - 8000) <= (0 if kind != "opus" else 160)
            if kind != "wav":
                assert (file.title, file.artist) == (record.id, "Example")
        assert path.stat().st_mode & 0o777 == 0o640

    run(house, story)


def test_what_cannot_be_converted_stays(tmp_path: Path) -> None:
    house = House(tmp_path, format="flac")

    async def story() -> None:
        record = RecordingRecord("00000001-1", "00000001", 1, NOW, seconds=1, state=State.WRITTEN)
        path = house.root / record.file
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no sound at all")
        house.publish(RecordingChanged(record, NOW))
        await house.until(lambda: house.found()[0].state is State.KEPT)
        assert house.kept() == {path.name}
        assert house.found()[0].format == "wav"

    run(house, story)


def test_a_crash_loses_no_entry_and_no_file(tmp_path: Path) -> None:
    """Control was killed: what was running is repaired, what has no entry gets one, what is still
    written by a worker that lives on is left alone."""
    house = House(tmp_path, format="wav")
    running = house.wrote(1, state=State.RUNNING)
    path = house.root / running.file
    path.write_bytes(header(8000, 2, 0) + path.read_bytes()[44:] + b"\x01")
    gone = RecordingRecord("00000002-1", "00000002", 1, NOW)
    house.publish(RecordingChanged(gone, NOW))
    lost = house.root / "2026/01/01/00000003-2.wav"
    lost.parent.mkdir(parents=True)
    lost.write_bytes(header(8000, 1, 0) + bytes(16_000))
    os.utime(lost, (NOW - 60, NOW - 60))
    (lost.parent / "00000003-2.flac.part").write_bytes(b"half a conversion")
    (lost.parent / "notes.txt").write_text("somebody's")
    alive = RecordingRecord("00000004-1", "00000004", 1, NOW)
    writer = WavWriter(str(house.root / alive.file), 8000, 2)
    house.publish(RecordingChanged(alive, NOW))
    assert house.store.flush(5.0)

    async def story() -> None:
        await house.until(lambda: len([r for r in house.found() if r.size]) == 2)
        await house.until(lambda: len(house.found()) == 4)
        states = {record.id: (record.state, record.seconds) for record in house.found()}
        assert states == {
            running.id: (State.RECOVERED, 1.0),
            gone.id: (State.LOST, 0.0),
            "00000003-2": (State.RECOVERED, 1.0),
            alive.id: (State.RUNNING, 0.0),
        }
        (found,) = [record for record in house.found() if record.id == "00000003-2"]
        assert house.root / found.file == lost
        assert (found.call, found.segment) == ("00000003", 2)
        assert soundfile.info(path).frames == 8000
        assert not (lost.parent / "00000003-2.flac.part").exists()
        assert (lost.parent / "notes.txt").exists()
        writer.append(bytes(32_000))
        writer.close()
        await house.keeper._recover()  # pyright: ignore[reportPrivateUsage]
        await house.until(
            lambda: [r.state for r in house.found() if r.id == alive.id] == [State.RECOVERED]
        )

    run(house, story)


def test_what_the_exchange_records_now_is_left_alone(tmp_path: Path) -> None:
    house = House(tmp_path, format="wav")
    record = house.wrote(1, state=State.RUNNING)
    house.tapes.running[record.id] = None  # type: ignore[assignment]
    assert house.store.flush(5.0)

    async def story() -> None:
        await house.keeper._recover()  # pyright: ignore[reportPrivateUsage]
        await house.keeper._find_orphans(time.time())  # pyright: ignore[reportPrivateUsage]
        assert [found.state for found in house.found()] == [State.RUNNING]

    run(house, story)


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    house = House(tmp_path, format="wav", keep="90d")
    old, young = house.wrote(1, age=91 * DAY), house.wrote(2, age=89 * DAY)

    async def story() -> None:
        await house.until(lambda: [r.id for r in house.found()] == [young.id])
        await house.until(lambda: house.kept() == {f"{young.id}.wav"})
        assert not (house.root / old.file).parent.exists()

    run(house, story)


def test_what_is_too_much_goes_the_oldest_first(tmp_path: Path) -> None:
    house = House(tmp_path, format="wav", keep_size="100 kB")
    records = [house.wrote(n, age=(10 - n) * DAY) for n in range(1, 6)]  # 32 kB each.

    async def story() -> None:
        await house.until(lambda: len(house.found()) == 3)
        assert {r.id for r in house.found()} == {record.id for record in records[2:]}
        await house.until(lambda: len(house.kept()) == 3)

    run(house, story)


def test_a_full_disk_raises_an_alarm(tmp_path: Path) -> None:
    house = House(tmp_path, free_space="1000000 TB")

    async def story() -> None:
        await house.until(lambda: bool(house.alarms))
        assert house.alarms[0].name == "recordings"
        assert "are left" in house.alarms[0].text
        assert house.keeper.free > 0

    run(house, story)


def test_a_recording_that_was_cut_off_raises_an_alarm(tmp_path: Path) -> None:
    house = House(tmp_path, format="wav")

    async def story() -> None:
        record = replace(house.wrote(1), state=State.CUT, error="No space left on device")
        house.publish(RecordingChanged(record, NOW))
        assert house.alarms[0].active
        assert "No space left" in house.alarms[0].text

    run(house, story)


@pytest.fixture
def s3() -> Iterator[tuple[str, Any]]:
    """A server that speaks S3, with a bucket, and a client of its own."""
    server_module = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    with ExitStack() as stack:
        server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        _ = stack.callback(server.stop)
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1",
            aws_access_key_id="key", aws_secret_access_key="secret",
        )  # fmt: skip
        _ = client.create_bucket(Bucket="tapes")
        yield url, client
        client.close()


def bucket(url: str, **more: object) -> dict[str, object]:
    return {
        "endpoint": url,
        "bucket": "tapes",
        "prefix": "kyiv/",
        "access_key": "key",
        "secret_key": "secret",
        **more,
    }


@pytest.mark.filterwarnings("ignore")
def test_copies_go_to_s3(tmp_path: Path, s3: tuple[str, Any]) -> None:
    url, client = s3
    house = House(tmp_path, format="flac", s3=bucket(url, delete_here=True))

    async def story() -> None:
        _ = house.wrote(1)
        await house.until(lambda: house.found()[0].uploaded)
        (record,) = house.found()
        stored = client.get_object(Bucket="tapes", Key=f"kyiv/{record.file}")["Body"].read()
        assert stored[:4] == b"fLaC"
        assert house.kept() == set()

    run(house, story)


@pytest.mark.filterwarnings("ignore")
def test_a_bucket_that_is_away_is_tried_again(tmp_path: Path, s3: tuple[str, Any]) -> None:
    url, client = s3
    house = House(tmp_path, format="wav", s3=bucket(url, bucket="elsewhere"))

    async def story() -> None:
        _ = house.wrote(1)
        await house.until(lambda: any(a.name == "recordings-upload" for a in house.alarms))
        assert not house.found()[0].uploaded
        _ = client.create_bucket(Bucket="elsewhere")
        house.keeper._upload_at = 0.0  # pyright: ignore[reportPrivateUsage]
        house.keeper._kick.set()  # pyright: ignore[reportPrivateUsage]
        await house.until(lambda: house.found()[0].uploaded)
        assert [a.active for a in house.alarms if a.name == "recordings-upload"] == [True, False]
        assert len(house.kept()) == 1

    run(house, story)


def test_files_that_are_none_of_ours_are_not_looked_at(tmp_path: Path) -> None:
    day = tmp_path / "2026/11/22"
    day.mkdir(parents=True)
    for name in ("../x.wav", "abcdef12-1.txt", "hello.wav", "abcdef12.wav"):
        (day / name).write_bytes(b"?")
    (day / "abcdef12-2.wav").symlink_to("/etc/passwd")
    (day / "abcdef12-3.wav").write_bytes(os.urandom(100))
    assert [path.name for path in scan(tmp_path, time.time() + 60)] == ["abcdef12-3.wav"]
    assert orphan(tmp_path, day / "abcdef12-3.wav") is None
