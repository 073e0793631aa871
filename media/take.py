"""One recording as its writer sees it: channels of sources, pauses, and how much is written.

Sans-I/O: time comes in as units of the timeline (`media/recording.py`), blocks of samples go out.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from media.codecs import Pcm
from media.recording import HOLD_BACK_UNITS, UNIT_RATE, Source

# A recording that the disk has kept waiting is written in pieces of so much.
BLOCK_UNITS_MAX: Final = 5 * UNIT_RATE
# Of one recording; who presses the key more often than that gets no more.
PAUSES_MAX: Final = 1000
# What is not louder than this is silence: -46 dBFS, the noise of a quiet room on a telephone.
SILENCE_PEAK: Final = 164
FRAME_UNITS: Final = 160  # 20 ms: so fine is speech told from silence.


class Block(NamedTuple):
    units: int
    data: bytes | None  # Interleaved samples; None: all of it is silence.


class Take:
    """`channels`: who is heard on each. The loop adds and removes sources, and pauses; the writer
    takes blocks."""

    __slots__ = ("_pauses", "_quiet_from", "channels", "rate", "silent", "spoken", "written")

    def __init__(self, channels: int, rate: int, *, listens: bool = False) -> None:
        """`listens`: tell speech from silence."""
        self.channels: tuple[list[Source], ...] = tuple([] for _ in range(channels))
        self.rate = rate
        self.written = 0  # Units.
        self.spoken = 0  # Units that are not silence, if it listens.
        self.silent: int | None = 0 if listens else None  # Units since the last sound.
        self._pauses: list[tuple[int, int]] = []  # From unit to unit.
        self._quiet_from: int | None = None

    @property
    def paused(self) -> bool:
        return self._quiet_from is not None

    def sources(self) -> Iterator[Source]:
        for channel in self.channels:
            yield from tuple(channel)

    def pause(self, at: int, *, paused: bool) -> None:
        """From unit `at` on there is silence, or there is sound again."""
        if paused == self.paused or (paused and len(self._pauses) >= PAUSES_MAX):
            return
        for source in self.sources():
            source.muted = paused
        if self._quiet_from is not None:  # First, so that the writer never sees neither.
            self._pauses.append((self._quiet_from, at))
        self._quiet_from = at if paused else None

    def blocks(self, now: int) -> Iterator[Block]:
        """What can be written at this time: late packets may still come for the rest."""
        return self._blocks(now - HOLD_BACK_UNITS, last=False)

    def rest(self, end: int) -> Iterator[Block]:
        """All until it ends there."""
        return self._blocks(end, last=True)

    def _blocks(self, end: int, *, last: bool) -> Iterator[Block]:
        while self.written < end:
            until = min(end, self.written + BLOCK_UNITS_MAX)
            block = Block(until - self.written, self._block(self.written, until, last))
            self.written = until
            yield block

    def _block(self, start: int, end: int, last: bool) -> bytes | None:
        sides = [self._channel(channel, start, end, last) for channel in self.channels]
        if self.silent is not None:
            self._listen(sides[0], end - start)
        heard = [side for side in sides if side is not None]
        if not heard:
            return None
        if len(sides) == 1:
            return heard[0].tobytes()
        block: Pcm = np.zeros((len(heard[0]), len(sides)), np.int16)
        for number, side in enumerate(sides):
            if side is not None:
                block[:, number] = side
        return block.tobytes()

    def _channel(self, channel: list[Source], start: int, end: int, last: bool) -> Pcm | None:
        sounds: list[Pcm] = []
        for source in tuple(channel):
            sound = source.read(start, end, last=last)
            if sound is not None:
                sounds.append(sound)
            elif source.over:
                channel.remove(source)
        if not sounds:
            return None
        mixed = sounds[0]
        if len(sounds) > 1:
            total = np.sum(sounds, axis=0, dtype=np.int32)
            mixed = np.clip(total, -32_768, 32_767).astype(np.int16)
        if self._pauses or self._quiet_from is not None:
            self._blank(mixed, start, end)
        return mixed

    def _blank(self, sound: Pcm, start: int, end: int) -> None:
        ratio = self.rate // UNIT_RATE
        now = self._quiet_from
        for since, until in (*self._pauses, *([(now, end)] if now is not None else ())):
            if until > start and since < end:
                sound[max(0, since - start) * ratio : max(0, until - start) * ratio] = 0

    def _listen(self, sound: Pcm | None, units: int) -> None:
        assert self.silent is not None
        if sound is None:
            self.silent += units
            return
        frame = FRAME_UNITS * self.rate // UNIT_RATE
        whole = len(sound) // frame * frame
        peaks = np.abs(sound[:whole].astype(np.int32)).reshape(-1, frame).max(axis=1)
        loud = np.flatnonzero(peaks > SILENCE_PEAK)
        if not len(loud):
            self.silent += units
            return
        self.spoken += len(loud) * FRAME_UNITS
        self.silent = units - (int(loud[-1]) + 1) * FRAME_UNITS
