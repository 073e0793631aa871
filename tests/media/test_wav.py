"""WAV files that grow, that are cut off, and that are somebody else's."""

import errno
import os
import resource
import signal
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.wav import (
    HEADER_SIZE,
    Shape,
    WavError,
    WavWriter,
    header,
    is_being_written,
    read_header,
    repair,
)


def frames(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        found: bytes = file.readframes(file.getnframes())
    return found


def test_it_can_be_played_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "2026/11/22/a.wav"
    file = WavWriter(str(path), 8000, 2)
    assert frames(path) == b""
    file.append(b"\x01\x02\x03\x04")
    assert frames(path) == b"\x01\x02\x03\x04"
    file.append_silence(8)
    assert frames(path) == b"\x01\x02\x03\x04" + bytes(8)
    file.append(b"\x05\x06\x07\x08")
    assert (file.seconds, frames(path)[-4:]) == (4 / 8000, b"\x05\x06\x07\x08")
    with wave.open(str(path)) as wav:
        assert wav.getparams()[:4] == (2, 2, 8000, 4)
    assert is_being_written(str(path))
    file.close()
    assert not is_being_written(str(path))
    assert path.stat().st_mode & 0o777 == 0o640


def test_long_silence_takes_no_room(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    file = WavWriter(str(path), 8000, 2)
    file.append_silence(32_000 * 3600)
    file.close()
    assert path.stat().st_size == HEADER_SIZE + 32_000 * 3600
    assert path.stat().st_blocks * 512 < 100_000


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic") as caught:
        _ = WavWriter(str(tmp_path / "a.wav"), 8000, 1)
    assert caught.value.errno == errno.ELOOP
    assert not (tmp_path / "elsewhere").exists()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    first = WavWriter(str(tmp_path / "a.wav"), 8000, 1)
    with pytest.raises(BlockingIOError):
        _ = WavWriter(str(tmp_path / "a.wav"), 8000, 1)
    first.close()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """The limit of a file's size stands for the end of the disk."""
    path = tmp_path / "a.wav"
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = WavWriter(str(path), 8000, 1)
    file.append(b"ab" * 500)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HEADER_SIZE + 1500, hard))
    try:
        with pytest.raises(OSError, match="large"):
            file.append(b"cd" * 500)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        _ = signal.signal(signal.SIGXFSZ, ignored)
    file.cut()
    file.close()
    assert frames(path) == b"ab" * 500
    assert path.stat().st_size == HEADER_SIZE + 1000


def test_repair_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    # The header is of one moment before, and the last sample of two bytes was written by half.
    path.write_bytes(header(8000, 2, 4) + bytes(range(11)))
    assert repair(str(path)) == Shape(8000, 2, 8)
    assert frames(path) == bytes(range(8))
    assert path.stat().st_size == HEADER_SIZE + 8
    assert repair(str(path)) == Shape(8000, 2, 8)


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(header(8000, 1, 100_000) + bytes(10))
    assert repair(str(path)).seconds == 5 / 8000
    assert frames(path) == bytes(10)


@given(st.binary(max_size=100))
def test_no_header_of_ours_is_refused(data: bytes) -> None:
    try:
        shape = read_header(data)
    except WavError:
        return
    assert header(shape.rate, shape.channels, shape.data_bytes)[:4] == b"RIFF"


@given(st.integers(1, 384_000), st.integers(1, 8), st.integers(0, 2**33))
def test_headers_are_read_back(rate: int, channels: int, size: int) -> None:
    shape = read_header(header(rate, channels, size))
    assert (shape.rate, shape.channels) == (rate, channels)
    assert shape.data_bytes == min(size, 2**32 - 1 - HEADER_SIZE)


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + os.urandom(60))
    before = path.read_bytes()
    with pytest.raises(WavError):
        _ = repair(str(path))
    assert path.read_bytes() == before
