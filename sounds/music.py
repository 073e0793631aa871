"""Hold music, composed here and synthesised with numpy: nobody else's work, nobody's licence.

Soft pads under a slow arpeggio, 75 beats a minute, 40 bars, 128 s. Everything wraps around: a note
or an echo that rings past the end goes on at the beginning, so the loop has no seam. It all stays
within the band of a telephone (300-3400 Hz carries the tune; the bass is heard by its harmonics).
"""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE = 8_000  # the piece has nothing above 4 kHz, and G.711 then needs no resampling at the seam
BEAT_SECONDS = 0.8
BEATS_PER_BAR = 4
BEAT = round(BEAT_SECONDS * RATE)
BAR = BEAT * BEATS_PER_BAR

# A chord a bar, as MIDI notes: the bass first, then the voices of the pad from below.
CHORDS: dict[str, tuple[int, ...]] = {
    "D": (50, 62, 66, 69, 73),
    "Bm": (47, 62, 66, 69, 71),
    "G": (43, 62, 66, 67, 71),
    "A": (45, 62, 64, 69, 71),
    "Em": (52, 62, 64, 67, 71),
    "F#m": (54, 61, 64, 66, 69),
    "C": (48, 62, 64, 67, 71),
}
SECTIONS = (
    "D D Bm Bm G G A A D D F#m Bm G Em A A",
    "Bm Bm G G D D A A Em Em G G C C A A",
    "G G D D Em G A A",
)
BARS = [chord for section in SECTIONS for chord in section.split()]

# Which voice of the pad each eighth note of a bar plays, an octave up; None rests.
ARPEGGIOS: tuple[tuple[int | None, ...], ...] = (
    (0, 1, 2, 3, 2, 1, None, 2),
    (0, 2, 1, 3, None, 2, 1, None),
    (3, 2, 1, 0, 1, 2, 3, None),
    (1, None, 2, 3, None, 2, None, 1),
)
HARMONICS = {
    "pad": (1.0, 0.34, 0.16, 0.06),
    "pluck": (1.0, 0.42, 0.13, 0.05, 0.02),
    "bass": (1.0, 0.75, 0.45, 0.22, 0.1),
}


def frequency(note: float) -> float:
    """Hz of a MIDI note."""
    return float(440.0 * 2 ** ((note - 69) / 12))


def tone(note: float, length: int, voice: str) -> Samples:
    """A steady tone of one of the voices, `length` samples, before any envelope."""
    t = np.arange(length) / RATE
    out = np.zeros(length)
    for number, level in enumerate(HARMONICS[voice], start=1):
        out += level * np.sin(2 * np.pi * frequency(note) * number * t)
    return out


def swell(length: int, attack: float, release: float) -> Samples:
    """Raised-cosine rise and fall (seconds), flat between: has no corner, so nothing clicks."""
    rise, fall = round(attack * RATE), round(release * RATE)
    shape = np.ones(length)
    shape[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    shape[length - fall :] = 0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / fall)
    return shape


def add(track: Samples, start: int, sound: Samples) -> None:
    """Mix `sound` in at `start`; what reaches past the end goes on at the beginning."""
    places = (start + np.arange(len(sound))) % len(track)
    np.add.at(track, places, sound)


def pad_chord(track: Samples, start: int, notes: tuple[int, ...]) -> None:
    length = BAR + round(1.4 * RATE)
    shape = swell(length, 1.1, 1.4)
    for note in notes:
        for cents in (-4.0, 3.0):  # two voices slightly apart: a slow, warm beating
            add(track, start, 0.05 * shape * tone(note + cents / 100, length, "pad"))


def pluck(track: Samples, start: int, note: int, level: float) -> None:
    length = round(2.6 * RATE)
    decay = np.exp(-np.arange(length) / (0.55 * RATE))
    add(track, start, level * decay * swell(length, 0.008, 0.4) * tone(note, length, "pluck"))


def bass(track: Samples, start: int, note: int) -> None:
    length = round(2.8 * RATE)
    decay = np.exp(-np.arange(length) / (1.2 * RATE))
    add(track, start, 0.10 * decay * swell(length, 0.03, 0.8) * tone(note, length, "bass"))


def reverb(track: Samples, rng: np.random.Generator) -> Samples:
    """The track plus a small hall: circular convolution with decaying, softened noise."""
    length = round(1.8 * RATE)
    tail = rng.standard_normal(length) * np.exp(-np.arange(length) / (0.42 * RATE))
    tail = np.convolve(tail, np.hanning(9) / np.hanning(9).sum(), mode="same")
    tail[: round(0.012 * RATE)] = 0.0
    tail *= 0.35 / np.sqrt(np.sum(tail**2))
    spectrum = np.fft.rfft(track) * np.fft.rfft(tail, len(track))
    return track + np.fft.irfft(spectrum, len(track))


def telephone_band(track: Samples) -> Samples:
    """Without what a telephone loses anyway (it would only eat level): 90 Hz up to 3.6 kHz."""
    frequencies = np.fft.rfftfreq(len(track), 1 / RATE)
    low = np.clip((frequencies - 60) / 60, 0, 1)
    high = np.clip((4000 - frequencies) / 600, 0, 1)
    return np.fft.irfft(np.fft.rfft(track) * low * high, len(track))


def compose(seed: int = 20) -> Samples:
    """The whole piece, one channel at `RATE`, not yet levelled."""
    rng = np.random.default_rng(seed)
    track = np.zeros(BAR * len(BARS))
    for number, name in enumerate(BARS):
        root, *voices = CHORDS[name]
        start = number * BAR
        if number == 0 or BARS[number - 1] != name or number % 2 == 0:
            bass(track, start, root)
        pad_chord(track, start, tuple(voices))
        pattern = ARPEGGIOS[(number // 4) % len(ARPEGGIOS)]
        for eighth, voice in enumerate(pattern):
            if voice is None:
                continue
            accent = 0.13 if eighth % 4 == 0 else 0.09
            level = accent * float(rng.uniform(0.85, 1.0))
            pluck(track, start + eighth * BEAT // 2, voices[voice] + 12, level)
    return telephone_band(reverb(track, rng))
