"""Recordings as they are shipped: cut to the sound, at one level, small."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
RATE = 16_000  # Wide band, ready for G.722; G.711 takes half of it.
RMS_DBFS = -20.0
PEAK_DBFS = -3.5
EDGE_SECONDS = 0.03  # Silence kept before the first and after the last sound.
SILENCE_BELOW_PEAK_DB = 35.0
# Noise 52 dB below the speech, where G.711 adds its own at 38 dB: FLAC needs half the bytes.
BITS = 12


def without_rumble(sound: "NDArray[Any]", rate: int) -> "NDArray[Any]":
    """Nothing below a voice: RHVoice lays its voiced sounds on a constant offset."""
    import numpy as np

    padded = np.pad(sound, rate // 10)
    hertz = np.fft.rfftfreq(len(padded), 1 / rate)
    keep = np.clip((hertz - 50) / 30, 0, 1)
    return np.fft.irfft(np.fft.rfft(padded) * keep, len(padded))


def trimmed(sound: "NDArray[Any]", rate: int) -> "NDArray[Any]":
    """Without silence at the ends but for EDGE_SECONDS, faded so that nothing clicks."""
    import numpy as np

    window = rate // 100
    power = np.convolve(sound**2, np.ones(window) / window, mode="same")
    loud = np.flatnonzero(power > power.max() * 10 ** (-SILENCE_BELOW_PEAK_DB / 10))
    edge = round(EDGE_SECONDS * rate)
    cut = sound[max(0, loud[0] - edge) : loud[-1] + edge].copy()
    ramp = np.linspace(0.0, 1.0, edge)
    cut[:edge] *= ramp
    cut[-edge:] *= ramp[::-1]
    return cut


def levelled(sound: "NDArray[Any]", rate: int) -> "NDArray[Any]":
    """At RMS_DBFS, with a slow limiter holding the peaks at PEAK_DBFS."""
    import numpy as np

    peak, rms = 10 ** (PEAK_DBFS / 20), 10 ** (RMS_DBFS / 20)
    out = sound
    for _ in range(6):  # Limiting lowers the RMS a little: a few rounds settle both.
        out = out * (rms / np.sqrt(np.mean(out**2)))
        need = np.minimum(1.0, peak / np.maximum(np.abs(out), 1e-9))
        half = rate // 200
        padded = np.pad(need, 2 * half, mode="edge")
        held = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).min(axis=1)
        smooth = np.hanning(2 * half + 3)[1:-1]
        out = out * np.convolve(held, smooth / smooth.sum(), mode="valid")
    return np.asarray(np.clip(out, -peak, peak))


def write(name: str, sound: "NDArray[Any]", rate: int, bits: int = BITS) -> None:
    import numpy as np
    import soundfile

    step = 1 << (16 - bits)
    samples = (np.rint(sound * (32_768 / step)) * step).clip(-32_768, 32_767).astype(np.int16)
    path = HERE / f"{name}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16", format="FLAC", compression_level=1.0)
    sys.stdout.write(f"{path.relative_to(HERE)}: {len(sound) / rate:.2f} s\n")
