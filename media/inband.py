"""Keys as tones in the sound (ITU-T Q.23, Q.24): heard, and made.

Every 5 ms the last 20 ms are looked at, with a correlation at each of the eight frequencies and a
little beside it. A key is a pair of tones that is nearly all there is, for long enough. Speech and
music hardly ever are: nothing else takes their energy into account.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from media.codecs import Pcm, decoder, encoder
from media.department import Department
from media.dtmf import Press
from media.formats import FORMATS, samples_per_packet
from media.protocol import Digit

if TYPE_CHECKING:
    from media.engine import Engine
    from media.line import Line

LOW: Final = (697, 770, 852, 941)
HIGH: Final = (1209, 1336, 1477, 1633)
KEYS: Final = ("123A", "456B", "789C", "*0#D")

WINDOW_SECONDS: Final = 0.02
STEP_SECONDS: Final = 0.005
# A tone may be 1.5 % beside its frequency, and 3.5 % is none (Q.24 table A-1).
OFFSETS: Final = (-0.015, -0.005, 0.005, 0.015)
# Four looks in a row lie within any tone of 40 ms, and never within one of 23 ms.
HITS_MIN: Final = 4
# An interruption of 10 ms is none, a pause of 40 ms always is one.
MISSES_MIN: Final = 6
# The square of the amplitude of each tone: -39 dBm0, where 0 dBm0 is an amplitude of 22,800.
LEVEL_MIN: Final = 250.0**2
# How much stronger than the low tone the high one may be, and how much weaker (Q.24: 4 and 8 dB).
TWIST_MAX: Final = 10 ** (5 / 10)
TWIST_MIN: Final = 10 ** (-9 / 10)
SHARE_MIN: Final = 0.8  # Of the energy: noise 6 dB below the tones is tolerated.
# Lost sound that is made up for, in packets; more is a pause.
LOST_MAX: Final = 3

TONE_LEVEL: Final = 4000  # Of each that we make: about -15 dBm0, as phones send.
PRESS_FRAMES: Final = 5
PAUSE_FRAMES: Final = 5
SEND_MAX: Final = 64


@cache
def _bank(rate: int) -> NDArray[np.float32]:
    """Columns for each tone and offset, cosines first: the products of a window with the two are
    the sides of its amplitude."""
    size = int(rate * WINDOW_SECONDS)
    hertz = np.array([tone * (1 + offset) for tone in LOW + HIGH for offset in OFFSETS])
    phase = 2 * np.pi * hertz * np.arange(size)[:, None] / rate
    return (np.hstack((np.cos(phase), np.sin(phase))) * 2 / size).astype(np.float32)


class ToneReceiver:
    """Sound in, each press out once: when the key is released."""

    __slots__ = ("_digit", "_hits", "_misses", "_rate", "_rest", "_seen", "_size", "_step")

    def __init__(self, rate: int = 8000) -> None:
        self._rate = rate
        self._size = int(rate * WINDOW_SECONDS)
        self._step = int(rate * STEP_SECONDS)
        self._rest: Pcm = np.zeros(0, np.int16)  # What later windows still need.
        self._seen: str = ""  # The pair of the last looks, and how often in a row.
        self._hits = 0
        self._digit: str = ""  # The key that is down.
        self._misses = 0

    def feed(self, pcm: Pcm) -> list[Press]:
        sound = np.concatenate((self._rest, pcm)) if len(self._rest) else pcm
        looks = (len(sound) - self._size) // self._step + 1
        if looks <= 0:
            self._rest = sound
            return []
        windows = np.lib.stride_tricks.sliding_window_view(sound, self._size)[:: self._step]
        self._rest = sound[looks * self._step :]
        return [press for pair in self._pairs(windows) for press in self._look(pair)]

    def _pairs(self, windows: Pcm) -> list[str]:
        """The key that is heard in each window, "" for none."""
        sound = windows.astype(np.float32)
        power = np.einsum("ij,ij->i", sound, sound) / self._size
        if power.max() < LEVEL_MIN:  # Two tones at least.
            return [""] * len(sound)
        sides = (sound @ _bank(self._rate)) ** 2
        half = sides.shape[1] // 2
        squares = sides[:, :half] + sides[:, half:]
        found = squares.reshape(-1, 2, len(LOW), len(OFFSETS)).max(axis=3)
        which = found.argmax(axis=2)
        level = found.max(axis=2)
        low, high = level[:, 0], level[:, 1]
        good = (low + high >= 2 * SHARE_MIN * power) & (low >= LEVEL_MIN) & (high >= LEVEL_MIN)
        if not good.any():
            return [""] * len(sound)
        good &= (high <= low * TWIST_MAX) & (high >= low * TWIST_MIN)
        rows, columns = which[:, 0], which[:, 1]
        return [KEYS[int(rows[n])][int(columns[n])] if good[n] else "" for n in range(len(sound))]

    def _look(self, pair: str) -> list[Press]:
        presses: list[Press] = []
        if pair and pair == self._digit:
            self._hits += 1 + self._misses
            self._misses = 0
            return presses
        if self._digit:
            self._misses += 1
            if self._misses >= MISSES_MIN or (pair and pair == self._seen):
                presses.append(self._release())
        else:
            self._hits = self._hits + 1 if pair and pair == self._seen else 1
        self._seen = pair
        if pair and not self._digit and self._hits >= HITS_MIN:
            self._digit, self._misses = pair, 0
        return presses

    def _release(self) -> Press:
        seconds = WINDOW_SECONDS + (self._hits - 1) * STEP_SECONDS
        press = Press(self._digit, round(seconds * 1000))
        self._digit, self._hits, self._misses = "", 0, 0
        return press


class Ear:
    """A tap on one session whose peer presses keys as tones."""

    def __init__(self, line: "Line", engine: "Engine") -> None:
        leg = line.session.leg
        self.codec, self._payload_type = leg.codec, leg.payload_type
        self._name = line.session.name
        self._engine = engine
        self._decoder = decoder(leg.codec, 8000)
        self._receiver = ToneReceiver(self._decoder.rate)
        self._seq = -1
        self._samples = 0

    def on_packet(
        self, payload_type: int, seq: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        if payload_type != self._payload_type:
            return
        lost = (seq - self._seq - 1) & 0xFFFF if self._seq >= 0 else 0
        if lost > 0x8000:
            return  # Twice, or too late.
        self._seq = seq
        if lost > 0:
            self._hear(self._decoder.conceal(self._samples * min(lost, LOST_MAX), payload))
        pcm = self._decoder.decode(payload)
        self._samples = len(pcm)
        self._hear(pcm)

    def _hear(self, pcm: Pcm) -> None:
        for press in self._receiver.feed(pcm):
            self._engine.report_digit(Digit(self._name, press.digit, press.ms))


class Listening(Department):
    """Founded by the first `Connect` that says `inband_dtmf`."""

    def __init__(self, engine: "Engine") -> None:
        super().__init__(engine)
        self._ears: dict[str, Ear] = {}

    def on_connected(self, line: "Line") -> None:
        name, leg = line.session.name, line.session.leg
        ear = self._ears.get(name)
        if ear is not None and (not leg.inband_dtmf or ear.codec != leg.codec):
            self.engine.untap(name, self._ears.pop(name))
            ear = None
        if ear is None and leg.inband_dtmf and leg.codec in FORMATS:
            self._ears[name] = Ear(line, self.engine)
            self.engine.tap(name, self._ears[name])

    def on_closed(self, session: str) -> None:
        _ = self._ears.pop(session, None)

    def leftovers(self) -> int:
        return len(self._ears)


def frames_of(digits: str, codec: str) -> tuple[bytes, ...]:
    """20 ms of sound each: the tones of these keys, with pauses. Unknown ones are left out."""
    rate, samples = FORMATS[codec].rate, samples_per_packet(codec)
    encode = encoder(codec).encode
    made: list[bytes] = []
    for digit in digits[:SEND_MAX].upper():
        row = next((n for n, keys in enumerate(KEYS) if digit in keys), None)
        if row is None:
            continue
        at = np.arange(PRESS_FRAMES * samples) * (2 * np.pi / rate)
        high = HIGH[KEYS[row].index(digit)]
        sound = np.rint(TONE_LEVEL * (np.sin(LOW[row] * at) + np.sin(high * at)))
        quiet = np.zeros(PAUSE_FRAMES * samples)
        whole = np.concatenate((sound, quiet)).astype(np.int16)
        made += [encode(whole[n : n + samples]) for n in range(0, len(whole), samples)]
    return tuple(made)
