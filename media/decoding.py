"""Sounds for the playlists of a worker: from the cache at once, or decoded beside the calls."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from typing import Final, TypeVar

from media import sounds
from media.player import Frames

T = TypeVar("T")
Supply = Callable[[str, sounds.SoundKey, Frames, str], None]
"""For a session: a sound, or why there is none."""
# One thread: decoding must not take the cores of those who talk.
THREADS: Final = 1


def _warm() -> None:
    sounds.warm()
    for department in ("media.rooms", "media.recorder"):
        _ = import_module(department)


class Decoding:
    def __init__(self, loop: asyncio.AbstractEventLoop, supply: Supply) -> None:
        self._loop = loop
        self._supply = supply
        self._shelf = sounds.Shelf()
        self._threads: ThreadPoolExecutor | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._shelf)

    def warm(self) -> None:
        """Import what is slow to import: the first room or recording shall stop nobody's sound."""
        self._in_background(_warm).add_done_callback(lambda _: self._rest())

    def close(self) -> None:
        self._closed = True
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def fetch(self, session: str, files: tuple[str, ...], codec: str) -> None:
        """Supply these, now or soon."""
        for file in dict.fromkeys(files):
            try:
                found = self._shelf.take(session, file, codec)
            except sounds.SoundError as error:
                self._supply(session, sounds.SoundKey(file, 0, 0, codec), (), str(error))
                continue
            if isinstance(found, sounds.SoundKey):
                future = self._in_background(partial(sounds.load, found))
                future.add_done_callback(partial(self._on_loaded, found))
            elif found is not None:
                self._supply(session, sounds.SoundKey(file, 0, 0, codec), found, "")

    def _in_background(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        self._threads = self._threads or ThreadPoolExecutor(THREADS, "decoder")
        return self._loop.run_in_executor(self._threads, work)

    def _rest(self) -> None:
        """An idle thread would make every system call of the relay dearer."""
        if not len(self._shelf) and self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    def _on_loaded(self, key: sounds.SoundKey, future: "asyncio.Future[Frames]") -> None:
        if self._closed or future.cancelled():
            return
        error = future.exception()
        frames: Frames = () if error is not None else future.result()
        waiting = self._shelf.put(key, frames)
        self._rest()
        for session in waiting:
            self._supply(session, key, frames, "" if error is None else str(error))
