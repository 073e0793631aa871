"""Who hears whom, as numbers: all rooms of a worker in one tick.

Every member is a row of samples, the members of a room are next to each other, and rooms of one
size are next to each other too, so that all of them are mixed by one product of hearing matrices
(1 where the row's member hears the column's) with sounds. Sums of whole numbers below 2^24 are
exact in float32: what is not heard leaks nothing, and one voice alone leaves as it came.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media import g711
from media.codecs import Encoder, Pcm, encoder
from media.relay import Leg
from media.resample import Resampler
from media.talker import FRAME_BYTES, LAW_RATE, SILENCE, TICKS_PER_SECOND, Talker

Wave = NDArray[np.float32]
Gains = NDArray[np.float32]
Rows = NDArray[np.intp]

# The loudest that A-law can say: one telephone alone is never too loud.
CEILING: Final = 32_256.0
# After a loud moment the gain comes back: 6 dB take half a second.
_RELEASE_PER_TICK: Final = 0.02
# How fast it goes down, if there is time for that.
_ATTACK_SECONDS: Final = 0.002
# Over so much the old hearing fades into the new one.
FADE_SECONDS: Final = 0.005


class Seat:
    """A member of a room, as a row: what it says, and whom it hears."""

    __slots__ = ("before", "encoder", "gain", "hears", "law", "resampler", "row", "talker")

    def __init__(self) -> None:
        self.row = -1
        self.talker: Talker | None = None  # None: nobody needs it.
        self.hears: tuple[Seat, ...] = ()
        self.before: tuple[Seat, ...] | None = None  # Whom it heard, if that must fade.
        self.gain = 1.0
        self.law: g711.Law | None = None
        self.encoder: Encoder | None = None
        self.resampler: Resampler | None = None

    def listen(self, leg: Leg, rate: int) -> None:
        """Encode for this peer from now on. Raises `CodecError`."""
        self.law = g711.LAWS.get(leg.codec) if rate == LAW_RATE else None
        self.encoder = self.resampler = None
        if self.law is None:
            self.encoder = encoder(leg.codec, rate, leg.fmtp)
            if self.encoder.rate != rate:
                self.resampler = Resampler(rate, self.encoder.rate)

    def encode(self, sound: Pcm) -> bytes:
        """A payload, if the codec is not a law of the room's rate."""
        assert self.encoder is not None
        return self.encoder.encode(sound if self.resampler is None else self.resampler.feed(sound))


class Bank:
    """All rooms of one sample rate."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.seats: list[Seat] = []
        self._frame = rate // TICKS_PER_SECOND
        self._blocks: list[tuple[slice, Wave]] = []  # Rows of all rooms of one size, matrices.
        self._wave: Wave = np.zeros((0, self._frame), np.float32)
        self._gains: Gains = np.ones(0, np.float32)
        self._laws: dict[g711.Law, Rows] = {}  # Rows of the talkers of each.
        self._ears: dict[g711.Law, list[Seat]] = {}
        self._beginning: list[Seat] = []  # Who was silent until now.
        self._fade = _rise(round(FADE_SECONDS * rate))

    def __len__(self) -> int:
        return len(self.seats)

    def clear(self) -> None:
        for seat, gain in zip(self.seats, self._gains.tolist(), strict=True):
            seat.gain = gain
            seat.row = -1
        self.seats = []

    def arrange(self, rooms: Iterable[Sequence[Seat]]) -> None:
        """From now on these are the rooms, and everybody hears whom `hears` says."""
        assert not self.seats
        ordered = sorted(rooms, key=len)
        self.seats = [seat for room in ordered for seat in room]
        for row, seat in enumerate(self.seats):
            seat.row = row
        self._gains = np.array([seat.gain for seat in self.seats], np.float32)
        self._wave = np.zeros((len(self.seats), self._frame), np.float32)
        self._blocks = list(_blocks(ordered))
        self._laws = {}
        for law in g711.LAWS.values():
            rows = [s.row for s in self.seats if s.talker is not None and s.talker.law == law]
            if rows:
                self._laws[law] = np.array(rows, np.intp)

    def gather(self, now: float) -> None:
        """Take what everybody says in this tick."""
        self._beginning.clear()
        said: dict[g711.Law, list[bytes]] = {law: [] for law in self._laws}
        samples: list[tuple[int, Pcm]] = []
        for seat in self.seats:
            talker = seat.talker
            if talker is None:
                continue
            frame = talker.take(now)
            law = talker.law
            if not isinstance(frame, bytes):
                samples.append((seat.row, frame))
                if talker.begins:
                    self._beginning.append(seat)
                frame = b"" if law is None else SILENCE[law]
            if law is not None:
                said[law].append(frame)
        self._decode(said)
        for row, pcm in samples:
            self._wave[row] = pcm

    def _decode(self, said: dict[g711.Law, list[bytes]]) -> None:
        for law, frames in said.items():
            rows = self._laws[law]
            codes = np.frombuffer(b"".join(frames), np.uint8)
            wave = _DECODE[law].take(codes).reshape(-1, FRAME_BYTES)
            if len(rows) == len(self._wave):
                self._wave = wave
            else:
                self._wave[rows] = wave

    def mix(self) -> Pcm:
        """What everybody hears in this tick, by row."""
        wave = self._wave
        mixed = np.empty_like(wave)
        for rows, matrices in self._blocks:
            count, size, _ = matrices.shape
            shape = count, size, self._frame
            _ = np.matmul(matrices, wave[rows].reshape(shape), out=mixed[rows].reshape(shape))
        if self._beginning:
            self._begin_softly(mixed)
        for seat in self.seats:
            if seat.before is not None:
                self._fade_in(mixed[seat.row], seat.before)
                seat.before = None
        limit(mixed, self._gains, self.rate)
        return mixed.astype(np.int16)

    def _begin_softly(self, mixed: Wave) -> None:
        """For all but those who have heard the packets before this one already."""
        size = len(self._fade)
        for speaker in self._beginning:
            missing = self._wave[speaker.row, :size] * (1.0 - self._fade)
            for seat in self.seats:
                if speaker in seat.hears and speaker not in (seat.before or ()):
                    mixed[seat.row, :size] -= missing

    def _fade_in(self, heard: Wave, before: tuple[Seat, ...]) -> None:
        size = len(self._fade)
        old = np.zeros(size, np.float32)
        for seat in before:
            if seat.row >= 0:
                old += self._wave[seat.row, :size]
        heard[:size] = old + (heard[:size] - old) * self._fade


def encode_laws(mixed: Pcm, law: g711.Law) -> bytes:
    """All rows at once; row n is at n · 160."""
    return g711.ENCODE[law].take(mixed.view(np.uint16)).tobytes()


def limit(mixed: Wave, gains: Gains, rate: int) -> None:
    """Make quieter what is too loud, in place; `gains` are those of the rows, and go on.

    Below the ceiling nothing is touched. The gain goes down before the first sample that would be
    too loud, and comes back slowly, so that no wave is cut off.
    """
    peaks = np.abs(mixed).max(axis=1, initial=0.0)
    rows = np.flatnonzero((peaks > CEILING) | (gains < 1.0))
    if not len(rows):
        return
    loud = mixed[rows]
    before = gains[rows]
    bearable = CEILING / np.maximum(peaks[rows], CEILING)
    after = np.minimum(bearable, before + _RELEASE_PER_TICK).astype(np.float32)
    time = np.arange(mixed.shape[1], dtype=np.float32)
    first = np.argmax(np.abs(loud) * before[:, None] > CEILING, axis=1)
    down = np.minimum(first, round(_ATTACK_SECONDS * rate)).astype(np.float32)
    length = np.where(after < before, down, np.float32(mixed.shape[1]))
    steps = np.minimum(1.0, time / np.maximum(length, 1.0)[:, None])
    done = np.where(length[:, None] > 0, steps, 1.0).astype(np.float32)
    mixed[rows] = loud * (before[:, None] + (after - before)[:, None] * done)
    gains[rows] = after


def _blocks(ordered: Sequence[Sequence[Seat]]) -> Iterator[tuple[slice, Wave]]:
    """Of rooms in order of their size: the rows of all rooms of one size, and their matrices."""
    start = at = 0
    while at < len(ordered):
        size = len(ordered[at])
        same = [room for room in ordered[at:] if len(room) == size]
        at += len(same)
        if size:
            yield slice(start, start + size * len(same)), _matrices(same, size)
        start += size * len(same)


def _matrices(rooms: Sequence[Sequence[Seat]], size: int) -> Wave:
    matrices = np.zeros((len(rooms), size, size), np.float32)
    for number, room in enumerate(rooms):
        first = room[0].row
        for seat in room:
            for heard in seat.hears:
                matrices[number, seat.row - first, heard.row - first] = 1.0
    return matrices


def _rise(samples: int) -> Wave:
    """From 0 to 1, smooth at both ends."""
    steps = (np.arange(samples) + 0.5) / samples
    rise: Wave = (0.5 - 0.5 * np.cos(np.pi * steps)).astype(np.float32)
    return rise


_DECODE: Final[dict[g711.Law, Wave]] = {
    law: table.astype(np.float32) for law, table in g711.DECODE.items()
}
