"""Unix sockets that lie deep: their names are longer than the kernel has room for (unix(7))."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

PATH_BYTES_MAX: Final = 100  # Of 108; asyncio may add a few.


@contextlib.contextmanager
def short(path: Path) -> Generator[str]:
    """A name of the socket that fits into a socket address."""
    whole = str(path)
    if len(os.fsencode(whole)) <= PATH_BYTES_MAX:
        yield whole
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
