"""The second piece of hold music: a slow waltz in F for a soft electric piano over strings.

84 beats a minute, 64 bars of 3, 137 s. A tune of sixteen bars is heard three times, each time
another way, with a middle part before the last. The instruments, the hall and the way in which all
wraps around at the end are those of `music.py`.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from music import RATE, Samples, add, frequency, reverb, swell, telephone_band, tone

BEAT: Final = round(60 / 84 * RATE)
BAR: Final = 3 * BEAT

# As MIDI notes: the bass first, then what the strings hold.
CHORDS: Final[dict[str, tuple[int, ...]]] = {
    "F": (53, 60, 65, 69),
    "Dm": (50, 62, 65, 69),
    "Bb": (46, 62, 65, 70),
    "C": (48, 60, 64, 67),
    "C7": (48, 58, 64, 67),
    "Am": (57, 60, 64, 69),
    "Gm": (55, 62, 67, 70),
    "A7": (57, 61, 64, 67),
    "Eb": (51, 63, 67, 70),
}
TUNE_CHORDS: Final = [
    "F",
    "Am",
    "Dm",
    "Am",
    "Bb",
    "F",
    "Gm",
    "C7",
    "F",
    "Am",
    "Dm",
    "Bb",
    "Gm",
    "C7",
    "F",
    "F",
]
MIDDLE_CHORDS: Final = [
    "Dm",
    "A7",
    "Dm",
    "F",
    "Gm",
    "Dm",
    "Eb",
    "C",
    "Bb",
    "C",
    "Am",
    "Dm",
    "Gm",
    "Gm",
    "C",
    "C7",
]
CHORD_NAMES: Final = [*TUNE_CHORDS, *TUNE_CHORDS, *MIDDLE_CHORDS, *TUNE_CHORDS]

# Bars of "note:beats"; a dot rests.
TUNE: Final = (
    "72:2 69:1 | 76:2 72:1 | 77:1.5 76:.5 74:1 | 72:3 | 74:2 70:1 | 72:1 69:1 65:1 | 67:2 70:1 |"
    "67:3 | 72:2 69:1 | 76:1.5 77:.5 79:1 | 81:2 77:1 | 74:3 | 70:1 74:1 79:1 | 76:1.5 74:.5 70:1 |"
    "69:3 | .:3"
)
MIDDLE: Final = (
    "77:3 | 76:2 73:1 | 74:2 69:1 | 72:3 | 70:1 74:1 79:1 | 77:3 | 75:2 79:1 | 76:3 | 74:2 77:1 |"
    "76:2 79:1 | 72:2 76:1 | 74:3 | 70:1.5 74:.5 79:1 | 82:2 79:1 | 79:3 | .:1 76:1 74:1"
)
Note = tuple[float, int, float]
"""The beat it begins at, the MIDI note, its length in beats."""


def notes(bars: str, first_bar: int) -> Iterator[Note]:
    for number, bar in enumerate(bars.split("|")):
        at = 3.0 * (first_bar + number)
        for word in bar.split():
            pitch, _, beats = word.partition(":")
            if pitch != ".":
                yield at, int(pitch), float(beats)
            at += float(beats)


def ornamented(tune: Iterator[Note]) -> Iterator[Note]:
    """Long notes are left by way of a neighbour and come back."""
    for at, pitch, beats in tune:
        if beats < 2:
            yield at, pitch, beats
            continue
        yield at, pitch, beats - 1
        yield at + beats - 1, pitch + (2 if pitch % 12 not in (4, 9, 11) else 1), 0.5
        yield at + beats - 0.5, pitch, 0.5


def harmonised(tune: Iterator[Note]) -> Iterator[Note]:
    """On the first beat of a bar also the note of the chord next below."""
    for at, pitch, beats in tune:
        yield at, pitch, beats
        if at % 3 == 0:
            chord = CHORDS[CHORD_NAMES[int(at) // 3]]
            below = [note + 12 * up for note in chord[1:] for up in (0, 1)]
            near = [note for note in below if pitch - 10 <= note <= pitch - 3]
            if near:
                yield at, max(near), beats


def piano(track: Samples, start: int, pitch: int, beats: float, level: float) -> None:
    """A struck tine: the second partial is bright at first and soon gone."""
    length = round(beats * BEAT) + round(1.1 * RATE)
    t = np.arange(length) / RATE
    hertz = frequency(pitch)
    struck = 0.9 * np.exp(-t / 0.25) * np.sin(2 * np.pi * 2 * hertz * t)
    body = np.sin(2 * np.pi * hertz * t + struck)
    decay = np.exp(-t / 0.9) * (1 + 0.06 * np.sin(2 * np.pi * 4.7 * t))
    add(track, start, level * body * decay * swell(length, 0.006, 1.0))


def strings(track: Samples, start: int, chord: tuple[int, ...]) -> None:
    length = BAR + round(1.2 * RATE)
    shape = swell(length, 1.0, 1.2)
    for note in chord:
        for cents in (-5.0, 4.0):
            add(track, start, 0.042 * shape * tone(note + cents / 100, length, "pad"))


def accompany(track: Samples, rng: np.random.Generator) -> None:
    """The bass on one, the chord on two and three, the strings throughout."""
    for number, name in enumerate(CHORD_NAMES):
        root, *upper = CHORDS[name]
        start = number * BAR
        strings(track, start, tuple(upper))
        piano(track, start, root, 2.0, 0.09)
        for beat in (1, 2):
            for note in upper:
                level = 0.035 * float(rng.uniform(0.85, 1.0))
                piano(track, start + beat * BEAT, note, 0.8, level)


def compose(seed: int = 7) -> Samples:
    """The whole piece, one channel at `RATE`, not yet levelled."""
    rng = np.random.default_rng(seed)
    track = np.zeros(BAR * len(CHORD_NAMES))
    accompany(track, rng)
    melody = (
        *notes(TUNE, 0),
        *ornamented(notes(TUNE, 16)),
        *notes(MIDDLE, 32),
        *harmonised(notes(TUNE, 48)),
    )
    for at, pitch, beats in melody:
        level = 0.14 * float(rng.uniform(0.9, 1.0))
        piano(track, round(at * BEAT), pitch, beats, level)
    piece = telephone_band(reverb(track, rng))
    return np.roll(piece, BEAT // 2)  # The end meets the beginning between two notes.
