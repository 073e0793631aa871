"""Tones and recordings: make a tone, say how clean it arrived, find a prompt in what was heard.

Of the tones used neither 20, 40 nor 60 ms is a whole number of periods: so packets that were lost
without leaving silence still show, as a jump of the phase.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE = 8000
CALLER_HZ, FIRST_AGENT_HZ, SECOND_AGENT_HZ = 1013.0, 437.0, 613.0
WINDOW = RATE // 100  # 10 ms
NEAR_HZ = 12.0  # how far from the tone still counts as the tone
JUMP_RADIANS = 0.6
HEADER_BYTES = 44


@dataclass(frozen=True, slots=True)
class Heard:
    """How one tone arrived, from the first to the last moment that it was there."""

    begin: float  # seconds into the recording
    seconds: float
    share: float  # of all energy in between that is the tone's
    gaps: tuple[float, ...]  # silences over 20 ms: their lengths in ms
    jumps: int  # phase jumps: something was cut out or put in


@dataclass(frozen=True, slots=True)
class Match:
    at: float  # seconds into the place searched
    likeness: float  # normalised correlation, 1.0 = the same


def write_tone(path: Path, hz: float, seconds: float, level: float = 0.3) -> None:
    t = np.arange(round(RATE * seconds)) / RATE
    soundfile.write(path, level * np.sin(2 * np.pi * hz * t), RATE, subtype="PCM_16")


def read(path: Path) -> Samples:
    """A recording or sound file, one channel at 8 kHz. A WAV cut short by kill is read as it is."""
    try:
        samples, rate = soundfile.read(path, dtype="float64")
    except soundfile.LibsndfileError:
        samples, rate = np.zeros(0), RATE
    if len(samples) == 0 and path.suffix == ".wav":
        raw = path.read_bytes()[HEADER_BYTES:]
        samples = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<i2") / 32768.0
    if samples.ndim == 2:
        samples = samples.mean(axis=1)
    return samples if rate == RATE else np.asarray(soxr.resample(samples, rate, RATE))


def carrier(samples: Samples, hz: float) -> NDArray[np.complex128]:
    """Amplitude and phase of the tone, averaged over 10 ms around each sample."""
    turned = samples * np.exp(-2j * np.pi * hz * np.arange(len(samples)) / RATE)
    return np.convolve(turned, np.ones(WINDOW) / WINDOW, mode="same")


def power(samples: Samples) -> Samples:
    return np.convolve(samples**2, np.ones(WINDOW) / WINDOW, mode="same")


def tone_share(samples: Samples, hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    total = float(spectrum.sum())
    if total == 0.0:
        return 0.0
    return float(spectrum[np.abs(frequencies - hz) <= NEAR_HZ].sum()) / total


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def measure(samples: Samples, hz: float) -> Heard | None:
    """How the tone arrived, or None when it is not in there for at least 100 ms."""
    if len(samples) < 2 * WINDOW:
        return None
    tone = carrier(samples, hz)
    present = (2 * np.abs(tone) ** 2 > 0.8 * power(samples)) & (np.abs(tone) > 0.005)
    stretches = [(a, b) for a, b in runs(present) if b - a >= 10 * WINDOW]
    if not stretches:
        return None
    begin, end = stretches[0][0] + WINDOW, stretches[-1][1] - WINDOW
    part, phase = samples[begin:end], np.angle(tone[begin:end])
    loudness = power(part)
    silent = loudness < 0.01 * np.median(loudness)
    # The averaging eats half a window on either side of a silence.
    gaps = [1000 * (b - a + WINDOW) / RATE for a, b in runs(silent)]
    turn = np.angle(np.exp(1j * (phase[2 * WINDOW :] - phase[: -2 * WINDOW])))
    return Heard(
        begin=begin / RATE,
        seconds=(end - begin) / RATE,
        share=tone_share(part, hz),
        gaps=tuple(gap for gap in gaps if gap > 20.0),
        jumps=len(runs(np.abs(turn) > JUMP_RADIANS)),
    )


def find(piece: Samples, place: Samples) -> Match:
    """Where `piece` is most like a part of `place`."""
    if len(piece) == 0 or len(piece) > len(place):
        return Match(0.0, 0.0)
    size = 1 << (len(place) + len(piece)).bit_length()
    product = np.fft.rfft(place, size) * np.conj(np.fft.rfft(piece, size))
    correlation = np.fft.irfft(product, size)[: len(place) - len(piece) + 1]
    sums = np.concatenate([[0.0], np.cumsum(place**2)])
    energy = sums[len(piece) :] - sums[: -len(piece)]
    scale = np.sqrt(np.maximum(energy, 1e-9) * np.sum(piece**2) + 1e-12)
    likeness = correlation / scale
    best = int(np.argmax(likeness))
    return Match(best / RATE, float(likeness[best]))
