"""Sounds that nobody speaks: a beep, ringing, a pause."""

from typing import TYPE_CHECKING, Any

from shaping import RATE, RMS_DBFS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _tone(hertz: float, seconds: float) -> "NDArray[Any]":
    """With soft ends."""
    import numpy as np

    length, edge = round(seconds * RATE), RATE // 100
    sound = np.sin(2 * np.pi * hertz * np.arange(length) / RATE)
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    sound[:edge] *= ramp
    sound[-edge:] *= ramp[::-1]
    return np.asarray(sound * (10 ** (RMS_DBFS / 20) / np.sqrt(np.mean(sound**2))))


def make_beep() -> "NDArray[Any]":
    return _tone(800, 0.25)


def make_ringing() -> "NDArray[Any]":
    """The ringing tone of most of Europe (ITU-T E.180): 425 Hz, 1 s of it, then 4 s of silence."""
    import numpy as np

    return np.asarray(np.concatenate([_tone(425, 1.0), np.zeros(4 * RATE)]))


def make_pause() -> "NDArray[Any]":
    """Between the groups of a telephone number."""
    import numpy as np

    return np.zeros(round(0.2 * RATE))
