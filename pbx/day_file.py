"""One file that grows at its end: whole batches or nothing, and nobody else may have touched it.

Edge: the file system.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o640  # Callers' numbers are in it.


class Interrupted(Exception):
    """The file is not as we left it: moved away, shortened, or written by somebody else."""


class DayFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._identity = (0, 0)
        self._size = 0

    def append(self, data: bytes) -> None:
        """Raises OSError; then nothing of `data` is in the file, as far as that is possible.

        Raises Interrupted if what was appended before is not there any more.
        """
        if self._descriptor < 0:
            data = self._open() + data
        elif not self._is_ours():
            self.close()
            raise Interrupted
        try:
            self._write(data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)

    def close(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> bytes:
        """What must be written first: the end of a line that a crash has torn."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, FILE_MODE)
        try:
            found = os.fstat(descriptor)
            last = os.pread(descriptor, 1, found.st_size - 1) if found.st_size else b"\n"
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._identity, self._size = (found.st_dev, found.st_ino), found.st_size
        return b"" if last == b"\n" else b"\n"

    def _is_ours(self) -> bool:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        return ((found.st_dev, found.st_ino), found.st_size) == (self._identity, self._size)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
