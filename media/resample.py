"""From one sample rate to another in mid-stream: a linear-phase FIR filter in polyphase form.

One rate must be a whole multiple of the other, as 8, 16 and 48 kHz are. The delay is 14 samples
of the lower rate: 1.75 ms at 8 kHz. Passes up to 0.43 of the lower rate within 0.1 dB; what would
be mirrored is 60 dB down from 0.57 on.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
Taps = NDArray[np.float32]

# Half the length of the filter, in samples of the lower rate.
REACH: Final = 14
_KAISER_BETA: Final = 5.65  # 60 dB.


class Resampler:
    """One stream, in pieces of any size. The first `delay` is silence."""

    __slots__ = ("_down", "_past", "_skip", "_taps", "_up", "delay_seconds")

    def __init__(self, from_rate: int, to_rate: int) -> None:
        low, high = sorted((from_rate, to_rate))
        assert high % low == 0, (from_rate, to_rate)
        self._up = to_rate // low if to_rate > low else 1
        self._down = from_rate // low if from_rate > low else 1
        self.delay_seconds = 0.0 if from_rate == to_rate else REACH / low
        ratio = self._up * self._down
        self._taps = _phases(ratio, rising=self._up > 1)
        self._past = np.zeros(len(self._taps) - 1 if ratio > 1 else 0, np.float32)
        self._skip = 0  # Samples of the next piece that make no output of their own.

    def feed(self, pcm: Pcm) -> Pcm:
        """What these samples give; over any time as many as the ratio of the rates says."""
        if self._up == self._down:
            return pcm
        wave = np.concatenate((self._past, pcm), dtype=np.float32, casting="unsafe")
        keep = len(self._past)
        self._past = wave[len(wave) - keep :]
        if len(wave) <= keep:
            return np.empty(0, np.int16)
        windows = np.lib.stride_tricks.sliding_window_view(wave, keep + 1)
        if self._down > 1:
            windows = windows[self._skip :: self._down]
            self._skip = (self._skip - len(pcm)) % self._down
        sound = np.rint(windows @ self._taps).reshape(-1)
        clipped: Pcm = np.clip(sound, -32_768, 32_767).astype(np.int16)
        return clipped


@lru_cache(8)
def _phases(ratio: int, *, rising: bool) -> Taps:
    """The filter as a column for each output sample of a window (rising), or as one column."""
    if ratio == 1:
        return np.ones((1, 1), np.float32)
    reach = REACH * ratio
    at = np.arange(-reach, reach + 1) / ratio
    taps = np.sinc(at) * np.kaiser(len(at), _KAISER_BETA) / ratio
    if not rising:
        return taps.astype(np.float32)[:, None]
    # Between two samples of the input there are `ratio` of the output, each with taps of its own.
    padded = np.zeros((2 * REACH + 1) * ratio)
    padded[: len(taps)] = taps * ratio
    columns: Taps = padded.reshape(-1, ratio)[::-1].astype(np.float32)
    return np.ascontiguousarray(columns)
