"""The sounds that come with the PBX: level, silence, length, clipping, a loop without a seam."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

SOUNDS = Path(__file__).parents[2] / "sounds"
FILES = sorted(SOUNDS.rglob("*.flac"))
PROMPTS = (
    *("welcome", "all-busy", "queue-position", "sorry-nobody-free", "sorry-queue-full"),
    *("sorry-closed", "sorry-empty", "no-such-number", "echo-test", "signed-in", "signed-out"),
    *("on-break", "back-from-break", "goodbye", "connecting", "beep"),
    *("enter-number", "forward-on", "forward-off", "do-not-disturb-on", "do-not-disturb-off"),
    *("number-hidden", "number-shown"),
)
NUMBERS = [*range(21), *range(30, 101, 10)]

PEAK_MAX_DBFS = -3.0
RMS_DBFS, RMS_TOLERANCE_DB = -20.0, 1.5
SILENCE_MAX_SECONDS = 0.1
SILENT_BELOW_PEAK_DB = 40.0
PROMPT_SECONDS_MAX = 6.0  # nobody listens to more
MUSIC_SECONDS_MIN = 120.0
BYTES_MAX = 1_500_000

Samples = NDArray[np.float64]


def decibels(value: float) -> float:
    return float(20 * np.log10(value))


def load(path: Path) -> tuple[Samples, int]:
    samples, rate = soundfile.read(path, dtype="float64")
    return samples, rate


def name_of(path: Path) -> str:
    return path.relative_to(SOUNDS).as_posix()


@pytest.mark.parametrize("name", [*PROMPTS, *(f"digits/{n}" for n in NUMBERS)])
def test_prompt_is_there_and_short(name: str) -> None:
    samples, rate = load(SOUNDS / "en" / f"{name}.flac")
    assert 0.2 <= len(samples) / rate <= PROMPT_SECONDS_MAX


# Ringing is mostly silence, as everybody knows it.
VOICES = [path for path in FILES if name_of(path) != "en/ringing.flac"]


@pytest.mark.parametrize("path", VOICES, ids=name_of)
def test_format_and_level(path: Path) -> None:
    samples, rate = load(path)
    assert rate in (8000, 16000)
    assert samples.ndim == 1
    assert path.stat().st_size <= BYTES_MAX
    assert decibels(float(np.abs(samples).max())) <= PEAK_MAX_DBFS
    rms = decibels(float(np.sqrt(np.mean(samples**2))))
    assert abs(rms - RMS_DBFS) <= RMS_TOLERANCE_DB
    assert abs(float(samples.mean())) < 0.002, "a constant offset clicks at both ends"


@pytest.mark.parametrize("path", VOICES, ids=name_of)
def test_no_silence_at_the_ends(path: Path) -> None:
    samples, rate = load(path)
    limit = np.abs(samples).max() * 10 ** (-SILENT_BELOW_PEAK_DB / 20)
    sounding = np.flatnonzero(np.abs(samples) > limit)
    assert sounding[0] / rate < SILENCE_MAX_SECONDS
    assert (len(samples) - 1 - sounding[-1]) / rate < SILENCE_MAX_SECONDS


@pytest.mark.parametrize("name", PROMPTS)
def test_prompt_begins_and_ends_softly(name: str) -> None:
    samples, _ = load(SOUNDS / "en" / f"{name}.flac")
    assert abs(samples[0]) < 0.01
    assert abs(samples[-1]) < 0.01


def test_music_is_long_steady_and_loops_without_a_seam() -> None:
    samples, rate = load(SOUNDS / "music" / "hold.flac")
    assert len(samples) / rate >= MUSIC_SECONDS_MIN
    seconds = samples[: len(samples) // rate * rate].reshape(-1, rate)
    levels = [decibels(float(np.sqrt(np.mean(second**2)))) for second in seconds]
    assert max(levels) - min(levels) < 8, "music on hold may swell a little, not come and go"
    # A seam shows in the second difference: a jump or a kink is far above the piece's own.
    bend = np.abs(np.diff(samples, n=2))
    seam = np.abs(np.diff(np.concatenate([samples[-3:], samples[:3]]), n=2))
    assert seam.max() < np.percentile(bend, 60)
