"""The sounds that come with the PBX: all that is said in all languages; level, silence, length,
clipping; music whose loop has no seam."""

from pathlib import Path
from typing import Final

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from pbx.config.model import SoundsSettings
from pbx.config.sounds import find_sounds
from sounds.texts import LANGUAGES, TEXTS
from sounds.texts.listing import listing
from sounds.texts.mailboxes import MAILBOXES
from sounds.texts.rooms import ROOMS
from sounds.texts.sentences import SENTENCES
from sounds.texts.words import WORDS

SOUNDS: Final = Path(__file__).parents[2] / "sounds"
FILES: Final = sorted(SOUNDS.rglob("*.flac"))
MUSIC: Final = ("hold", "evening")
# Not spoken; in English alone, because they are the same everywhere.
TONES: Final = ("beep", "ringing", "pause")

PEAK_MAX_DBFS: Final = -3.0
RMS_DBFS: Final = -20.0
RMS_TOLERANCE_DB: Final = 1.0
SILENCE_MAX_SECONDS: Final = 0.1
SILENT_BELOW_PEAK_DB: Final = 40.0
# A menu of eight choices; nobody listens to more.
PROMPT_SECONDS_MAX: Final = 20.0
# Of a vowel with all that belongs to it: shorter is swallowed, longer is drawn out.
SYLLABLE_SECONDS: Final = (0.08, 0.7)
VOWELS: Final = frozenset("aeiouyąęóаеёиіїоуыэюяє")
MUSIC_SECONDS_MIN: Final = 120.0
MUSIC_SWELL_MAX_DB: Final = 8.0
FILE_BYTES_MAX: Final = 1_500_000
ALL_BYTES_MAX: Final = 25_000_000

Samples = NDArray[np.float64]


def decibels(value: float) -> float:
    return float(20 * np.log10(value))


def load(path: Path) -> tuple[Samples, int]:
    samples, rate = soundfile.read(path, dtype="float64")
    return samples, rate


def name_of(path: Path) -> str:
    return path.relative_to(SOUNDS).as_posix()


# Ringing is mostly silence, as everybody knows it, and a pause is nothing else.
HEARD: Final = [path for path in FILES if path.stem not in ("ringing", "pause")]


def test_no_text_stands_twice() -> None:
    names = [*SENTENCES, *MAILBOXES, *ROOMS, *WORDS["en"]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_has_its_file_and_every_file_its_text(language: str) -> None:
    folder = SOUNDS / language
    files = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.flac")}
    tones = set(TONES) if language == "en" else set[str]()
    assert files == TEXTS[language].keys() | tones


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_what_english_says(language: str) -> None:
    """Whole sentences; words differ with the grammar."""
    grammar = ("digits/", "number/", "ordinals/", "units/", "money/", "time/", "queue-position-end")
    sentences = {name for name in TEXTS["en"] if not name.startswith(grammar)}
    forms = ("messages/new-", "messages/old-", "date/")
    assert TEXTS[language].keys() >= {name for name in sentences if not name.startswith(forms)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_finds_all_of_them(language: str) -> None:
    found = find_sounds(SoundsSettings(language=language))
    assert found.prompts.keys() == TEXTS[language].keys() | TEXTS["en"].keys() | set(TONES)
    assert found.music.keys() == set(MUSIC)
    assert found.missing == {language: ()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_swallowed_or_drawn_out(language: str) -> None:
    for name, text in TEXTS[language].items():
        samples, rate = load(SOUNDS / language / f"{name}.flac")
        seconds = len(samples) / rate
        assert 0.15 <= seconds <= PROMPT_SECONDS_MAX, name
        syllables = max(1, sum(letter in VOWELS for letter in text.lower()))
        least, most = SYLLABLE_SECONDS
        assert least <= seconds / syllables <= most, (name, text, seconds)


@pytest.mark.parametrize("path", HEARD, ids=name_of)
def test_format_and_level(path: Path) -> None:
    samples, rate = load(path)
    assert rate in (8000, 16000)
    assert samples.ndim == 1
    assert path.stat().st_size <= FILE_BYTES_MAX
    assert decibels(float(np.abs(samples).max())) <= PEAK_MAX_DBFS
    rms = decibels(float(np.sqrt(np.mean(samples**2))))
    assert abs(rms - RMS_DBFS) <= RMS_TOLERANCE_DB
    assert abs(float(samples.mean())) < 0.002, "a constant offset clicks at both ends"


@pytest.mark.parametrize("path", HEARD, ids=name_of)
def test_no_silence_and_no_click_at_the_ends(path: Path) -> None:
    samples, rate = load(path)
    limit = np.abs(samples).max() * 10 ** (-SILENT_BELOW_PEAK_DB / 20)
    sounding = np.flatnonzero(np.abs(samples) > limit)
    assert sounding[0] / rate < SILENCE_MAX_SECONDS
    assert (len(samples) - 1 - sounding[-1]) / rate < SILENCE_MAX_SECONDS
    if path.parent.name != "music":  # It goes on from its end to its beginning.
        assert abs(samples[0]) < 0.01
        assert abs(samples[-1]) < 0.01


def test_the_document_has_all_of_them() -> None:
    document = (SOUNDS.parent / "docs/prompts.md").read_text()
    assert document.endswith(listing()), "python3 -m sounds.texts.listing writes its tables"


def test_all_of_them_are_small() -> None:
    assert sum(path.stat().st_size for path in FILES) <= ALL_BYTES_MAX


@pytest.mark.parametrize("name", MUSIC)
def test_music_is_long_and_steady(name: str) -> None:
    samples, rate = load(SOUNDS / "music" / f"{name}.flac")
    assert len(samples) / rate >= MUSIC_SECONDS_MIN
    seconds = samples[: len(samples) // rate * rate].reshape(-1, rate)
    levels = [decibels(float(np.sqrt(np.mean(second**2)))) for second in seconds]
    assert max(levels) - min(levels) < MUSIC_SWELL_MAX_DB, "it may swell, not come and go"


@pytest.mark.parametrize("name", MUSIC)
def test_music_loops_without_a_seam(name: str) -> None:
    """A jump or a kink shows in the second difference, far above the piece's own."""
    samples, _ = load(SOUNDS / "music" / f"{name}.flac")
    bend = np.abs(np.diff(samples, n=2))
    seam = np.abs(np.diff(np.concatenate([samples[-3:], samples[:3]]), n=2))
    assert seam.max() < np.percentile(bend, 80)


@pytest.mark.parametrize("name", MUSIC)
def test_music_is_in_the_band_of_a_telephone(name: str) -> None:
    samples, rate = load(SOUNDS / "music" / f"{name}.flac")
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / rate)
    heard = power[(hertz >= 300) & (hertz <= 3400)].sum() / power.sum()
    assert heard > 0.6
