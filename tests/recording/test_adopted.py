"""What a worker still writes that an earlier control has begun: it outlived that control."""

import os
import time
from pathlib import Path

from media.wav import WavWriter
from pbx.events import RecordingChanged
from pbx.recording.files import scan
from pbx.recording.records import RecordingRecord, State
from tests.recording.test_keeper import NOW, House, run


def begin(house: House, number: int) -> tuple[RecordingRecord, WavWriter]:
    record = RecordingRecord(f"{number:08x}-1", f"{number:08x}", 1, NOW)
    writer = WavWriter(str(house.root / record.file), 8000, 2)
    writer.append(bytes(32_000))
    return record, writer


def test_a_file_that_is_still_written_gets_its_entry_when_it_is_closed(tmp_path: Path) -> None:
    """The index never heard of it, as control was killed just then."""
    house = House(tmp_path, format="wav")
    record, writer = begin(house, 1)

    async def story() -> None:
        await house.until(lambda: bool(house.keeper._strays))  # pyright: ignore[reportPrivateUsage]
        assert house.found() == []
        writer.append(bytes(32_000))
        writer.close()
        await house.until(lambda: [r.seconds for r in house.found()] == [2.0])
        assert [(r.id, r.state) for r in house.found()] == [(record.id, State.RECOVERED)]
        assert not house.keeper._strays  # pyright: ignore[reportPrivateUsage]

    run(house, story)


def test_one_that_the_index_knows_is_recovered_soon(tmp_path: Path) -> None:
    house = House(tmp_path, format="wav")
    begun = [begin(house, number) for number in range(20)]
    for record, _ in begun:
        house.store.put(RecordingChanged(record, NOW))
    assert house.store.flush(5.0)

    async def story() -> None:
        await house.until(lambda: house.keeper._held == 20)  # pyright: ignore[reportPrivateUsage]
        closed = time.monotonic()
        for _, writer in begun:
            writer.close()
        await house.until(lambda: {r.state for r in house.found()} == {State.RECOVERED})
        assert time.monotonic() - closed < 10.0  # Not at the next of the rare rounds.
        assert [r.seconds for r in house.found()] == [1.0] * 20

    run(house, story)


def test_who_is_not_ours_is_found_however_young(tmp_path: Path) -> None:
    """Control is back within a moment, as systemd does it."""
    house = House(tmp_path, format="wav")
    record, writer = begin(house, 1)
    writer.close()

    async def story() -> None:
        await house.until(lambda: [r.id for r in house.found()] == [record.id])

    run(house, story)


def test_only_what_an_earlier_conversion_left_is_deleted(tmp_path: Path) -> None:
    day = tmp_path / "2026/11/22"
    day.mkdir(parents=True)
    started = time.time()
    for name, age in (("abcdef12-1.flac.part", 1.0), ("abcdef12-2.flac.part", -1.0)):
        (day / name).touch()
        os.utime(day / name, (started - age, started - age))
    assert list(scan(tmp_path, started)) == []
    assert os.listdir(day) == ["abcdef12-2.flac.part"]


def test_a_file_that_goes_meanwhile_is_no_error(tmp_path: Path) -> None:
    """It was converted while the directory was read."""
    day = tmp_path / "2026/11/22"
    day.mkdir(parents=True)
    for number in (1, 2, 3):
        (day / f"abcdef12-{number}.wav").touch()
    found = scan(tmp_path, time.time())
    first = next(found)
    left = {path for path in day.iterdir() if path != first}
    gone = left.pop()
    gone.unlink()
    assert set(found) == left
