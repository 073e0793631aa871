"""WAV files of 16-bit samples that can be played at any moment while they grow.

RIFF/WAVE as Microsoft and IBM wrote it down in 1991 ("Multimedia Programming Interface and Data
Specifications 1.0"), the plain header of 44 bytes. After a crash `repair` makes the header say
what the file really holds.
"""

import contextlib
import errno
import fcntl
import os
import struct
from dataclasses import dataclass
from typing import Final

from media.errors import MediaError

HEADER_SIZE: Final = 44
SAMPLE_BYTES: Final = 2
# The size of a RIFF file is a number of 32 bits: 37 hours of stereo at 8 kHz.
DATA_BYTES_MAX: Final = 0xFFFF_FFFF - HEADER_SIZE
MODE: Final = 0o640  # Conversations are nobody's business: the owner's, and those of a backup.
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM: Final = 1


class WavError(MediaError):
    """No recording of ours, or one that cannot be read."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is in a file."""

    rate: int
    channels: int
    data_bytes: int

    @property
    def seconds(self) -> float:
        return self.data_bytes / (self.rate * self.channels * SAMPLE_BYTES)


def header(rate: int, channels: int, data_bytes: int) -> bytes:
    align = channels * SAMPLE_BYTES
    size = min(data_bytes, DATA_BYTES_MAX)
    return _HEADER.pack(
        *(b"RIFF", HEADER_SIZE - 8 + size, b"WAVE"),
        *(b"fmt ", 16, _PCM, channels, rate, rate * align, align, 8 * SAMPLE_BYTES),
        *(b"data", size),
    )


def read_header(data: bytes) -> Shape:
    """Of a header that `header` made. Raises `WavError`."""
    if len(data) < HEADER_SIZE:
        raise WavError("too short for a recording")
    riff, _, wave, fmt, size, kind, channels, rate, _, _, bits, name, length = _HEADER.unpack_from(
        data
    )
    ours = (riff, wave, fmt, size, kind, bits, name) == (
        *(b"RIFF", b"WAVE", b"fmt ", 16, _PCM, 8 * SAMPLE_BYTES, b"data"),
    )
    if not ours or not 0 < channels <= 8 or not 0 < rate <= 384_000:
        raise WavError("no header of a recording")
    return Shape(rate, channels, length)


class WavWriter:
    """One file that grows. Every method may raise OSError, and may wait for a slow disk."""

    __slots__ = ("_fd", "channels", "data_bytes", "rate")

    def __init__(self, path: str, rate: int, channels: int) -> None:
        self.rate = rate
        self.channels = channels
        self.data_bytes = 0
        os.makedirs(os.path.dirname(path) or ".", mode=0o750, exist_ok=True)
        # A link that somebody put there is not followed.
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, MODE)
        try:
            # Who looks for what a crash has left sees that this one is being written.
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(header(rate, channels, 0), 0)
        except OSError:
            os.close(self._fd)
            raise

    @property
    def seconds(self) -> float:
        return self.data_bytes / (self.rate * self.channels * SAMPLE_BYTES)

    def append(self, data: bytes | memoryview) -> None:
        """The sound first, the header after it: a crash in between loses only these samples."""
        if self.data_bytes + len(data) > DATA_BYTES_MAX:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        self._write(data, HEADER_SIZE + self.data_bytes)
        self._grow(len(data))

    def append_silence(self, size: int) -> None:
        """A hole: silence of any length costs a slow disk nothing."""
        end = HEADER_SIZE + self.data_bytes + size
        if self.data_bytes + size > DATA_BYTES_MAX:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        os.ftruncate(self._fd, end)
        self._grow(size)

    def close(self) -> None:
        os.close(self._fd)

    def cut(self) -> None:
        """What was written only in part, as the disk was full, is not sound."""
        os.ftruncate(self._fd, HEADER_SIZE + self.data_bytes)

    def _grow(self, size: int) -> None:
        total = self.data_bytes + size
        self._write(header(self.rate, self.channels, total), 0)
        self.data_bytes = total

    def _write(self, data: bytes | memoryview, at: int) -> None:
        view = memoryview(data)
        while len(view):
            written = os.pwrite(self._fd, view, at)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            at += written
            view = view[written:]


def is_being_written(path: str) -> bool:
    """Does a worker hold it? OSError if it cannot be opened."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def repair(path: str) -> Shape:
    """Make the header of a file that nobody writes any more say what is in it.

    Raises `WavError` for what is no recording of ours, and OSError.
    """
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        shape = read_header(os.pread(fd, HEADER_SIZE, 0))
        align = shape.channels * SAMPLE_BYTES
        size = os.fstat(fd).st_size - HEADER_SIZE
        whole = min(size - size % align, DATA_BYTES_MAX)
        if whole != size:
            os.ftruncate(fd, HEADER_SIZE + whole)
        if whole != shape.data_bytes:
            with contextlib.suppress(InterruptedError):
                _ = os.pwrite(fd, header(shape.rate, shape.channels, whole), 0)
    finally:
        os.close(fd)
    return Shape(shape.rate, shape.channels, whole)
