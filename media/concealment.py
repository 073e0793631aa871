"""Sound in place of lost packets: the last pitch period goes on and fades out within 60 ms.

As ITU-T G.711 Appendix I does it, but without its delay of 3.75 ms: the seam is smoothed on the
side of what is made up, since what was heard before the loss is gone already.
"""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
_Wave = NDArray[np.float32]

# The pitch of voices: 200 Hz down to 66 Hz (G.711 Appendix I §I.2). A higher one is found at a
# multiple of its period.
_LAG_MIN_SECONDS: Final = 0.005
_LAG_MAX_SECONDS: Final = 0.015
_MATCH_SECONDS: Final = 0.02  # So much of the last sound must look like that one lag earlier.
# Correlation of those two. Tones have more; of a voice hardly anything has.
_STEADY: Final = 0.995
# The first 10 ms are as loud as before; nothing is left after 60 ms.
_FULL_SECONDS: Final = 0.01
_FADED_SECONDS: Final = 0.06
# The way back into real sound: 4 ms and 4 more for each 10 ms that were lost, at most 10.
_BLEND_SECONDS: Final = 0.004
_BLEND_GROWTH: Final = 0.4
_BLEND_MAX_SECONDS: Final = 0.01
# Packets remembered: of the shortest (10 ms) these hold the longest lag and its match.
_PACKETS: Final = 4


class Concealment:
    """For one stream of mono sound at `rate`: give it what was heard, ask it for what was lost."""

    __slots__ = ("_likeness", "_lost", "_past", "_period", "_rate", "_seam")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._past: deque[Pcm] = deque(maxlen=_PACKETS)
        self._lost = 0  # Samples made up since the last packet.
        self._period: _Wave | None = None
        self._likeness = 0.0  # Of the last period to the one before.
        self._seam = 0.0  # The step that the first made-up sample would make.

    def heard(self, pcm: Pcm) -> Pcm:
        """The sound of a packet that came, led in smoothly if one was lost before it."""
        if self._lost:
            pcm = self._blended(pcm)
            self._lost = 0
            self._period = None
        self._past.append(pcm)
        return pcm

    def lost(self, samples: int) -> Pcm:
        """So much sound in place of a packet that did not come."""
        if not self._lost:
            self._find_period()
        return self._go_on(samples)

    def lost_of_tone(self, samples: int) -> Pcm | None:
        """As `lost`, if what was heard is as steady as a tone; else None, and nothing changes."""
        if not self._lost:
            self._find_period()
            if self._likeness < _STEADY:
                return None
        return self._go_on(samples)

    def _go_on(self, samples: int) -> Pcm:
        made = np.rint(self._made_up(samples))
        pcm = np.clip(made, -32_768, 32_767).astype(np.int16)
        self._lost += samples
        self._past.append(pcm)
        return pcm

    @property
    def period(self) -> int:
        """Samples of what is repeated; 0: there is nothing to repeat."""
        return 0 if self._period is None else len(self._period)

    def _find_period(self) -> None:
        shortest, longest = self._samples(_LAG_MIN_SECONDS), self._samples(_LAG_MAX_SECONDS)
        window = self._samples(_MATCH_SECONDS)
        past = np.concatenate(self._past)[-(window + 2 * longest) :] if self._past else None
        if past is None or len(past) < window + longest:
            self._period, self._likeness = None, 0.0
            return
        wave = past.astype(np.float32)
        # Row n begins n samples after the one that is the longest lag before the last window.
        earlier = np.lib.stride_tricks.sliding_window_view(wave[-(window + longest) :], window)
        earlier = earlier[: longest - shortest + 1]
        likeness = earlier @ wave[-window:]
        energy = np.einsum("ij,ij->i", earlier, earlier)
        alike = likeness / np.sqrt(energy + 1.0)
        best = int(np.argmax(alike))
        loudness = float(np.sqrt(wave[-window:] @ wave[-window:] + 1.0))
        self._likeness = float(alike[best]) / loudness
        lag = longest - best
        self._take_period(wave, lag)

    def _take_period(self, wave: _Wave, lag: int) -> None:
        period = wave[-lag:].copy()
        # Its end leads over to its beginning, as the sample before that did.
        quarter = min(lag // 4, len(wave) - lag)
        rising = _ramp(quarter)
        before = wave[-lag - quarter : -lag]
        period[-quarter:] = period[-quarter:] * (1.0 - rising) + before * rising
        self._period = period
        self._seam = float(wave[-1] - wave[-lag - 1]) if len(wave) > lag else 0.0

    def _made_up(self, samples: int) -> _Wave:
        """From where the last call ended. Changes nothing."""
        if self._period is None or self._lost >= self._samples(_FADED_SECONDS):
            return np.zeros(samples, np.float32)
        at = np.arange(self._lost, self._lost + samples)
        wave = self._period.take(at, mode="wrap")
        full, faded = self._samples(_FULL_SECONDS), self._samples(_FADED_SECONDS)
        if not self._lost:
            length = min(samples, len(self._period) // 4)
            wave[:length] += self._seam * (1.0 - _ramp(length))
        gain = np.clip((faded - at) / (faded - full), 0.0, 1.0).astype(np.float32)
        made: _Wave = wave * gain
        return made

    def _blended(self, pcm: Pcm) -> Pcm:
        growth = int(self._lost * _BLEND_GROWTH)
        most = self._samples(_BLEND_MAX_SECONDS)
        length = min(self._samples(_BLEND_SECONDS) + growth, most, len(pcm))
        rising = _ramp(length)
        blended = pcm.copy()
        mixed = self._made_up(length) * (1.0 - rising) + pcm[:length] * rising
        blended[:length] = np.rint(mixed).astype(np.int16)
        return blended

    def _samples(self, seconds: float) -> int:
        return int(seconds * self._rate)


def _ramp(length: int) -> _Wave:
    """From just above 0 to just below 1."""
    return (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(max(length, 1))
