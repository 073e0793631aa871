"""A sound of a user's own: checked, converted to what is played best, put where it is found.

Edge: reads and writes files.
"""

import math
import os
import re
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

UPLOAD_BYTES_MAX: Final = 64 << 20  # Ten minutes of studio sound; more is a wrong file.
SECONDS_MAX: Final = 3600.0
RATES: Final = (8_000, 384_000)
CHANNELS_MAX: Final = 8
RATE: Final = 16_000  # Wide band; G.711 takes half of it.
MUSIC_RATE: Final = 8_000
ENDING: Final = ".flac"
FORMATS: Final = frozenset({"WAV", "WAVEX", "FLAC", "OGG", "MP3"})

# "welcome", "menus/sales-2": nothing that leads anywhere else, and no hidden files.
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}(/[a-z0-9][a-z0-9_-]{0,63}){0,2}")
LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
MUSIC: Final = "music"

# What ours have (sounds/README.md), and what is still good to hear.
LOUD_DBFS: Final = (-26.0, -14.0)
PEAK_MAX_DBFS: Final = -1.0
SILENCE_MAX_SECONDS: Final = 0.5
SILENT_DBFS: Final = -50.0


class UploadError(Exception):
    """Why a file cannot be a sound."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a file is like."""

    seconds: float
    rate: int
    channels: int
    format: str
    rms_dbfs: float
    peak_dbfs: float
    silence_before: float
    silence_after: float

    def remarks(self) -> list[str]:
        """What callers would not like."""
        said: list[str] = []
        if self.rms_dbfs < LOUD_DBFS[0]:
            said.append(f"it is quiet: {self.rms_dbfs:.0f} dBFS, ours have -20")
        if self.rms_dbfs > LOUD_DBFS[1]:
            said.append(f"it is loud: {self.rms_dbfs:.0f} dBFS, ours have -20")
        if self.peak_dbfs > PEAK_MAX_DBFS:
            said.append(f"it may be clipped: its peak is {self.peak_dbfs:.1f} dBFS")
        for seconds, where in ((self.silence_before, "begins"), (self.silence_after, "ends")):
            if seconds > SILENCE_MAX_SECONDS:
                said.append(f"it {where} with {seconds:.1f} s of silence")
        return said


def folder_of(root: Path, language: str) -> Path:
    """Where the sounds of a language are, or the music. Raises `UploadError`."""
    if LANGUAGE.fullmatch(language) is None and language != MUSIC:
        raise UploadError(f'"{language}" is no language such as en')
    return root / language


def checked_name(name: str) -> str:
    """Raises `UploadError`."""
    if NAME.fullmatch(name) is None:
        raise UploadError(
            f'"{name}" cannot be the name of a sound: small letters, digits, - and _,'
            " such as welcome or menus/sales"
        )
    return name


def measure(path: Path) -> Measured:
    """Raises `UploadError` and nothing else."""
    return _read(path)[0]


def add(path: Path, root: Path, language: str, name: str) -> tuple[Path, Measured]:
    """Convert the file and put it in its place; where it is now, and what it was like.

    Raises `UploadError` and nothing else. What was there under that name is replaced at one stroke.
    """
    target = folder_of(root, language) / f"{checked_name(name)}{ENDING}"
    measured, samples = _read(path)
    rate = MUSIC_RATE if language == MUSIC else RATE
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _stay_inside(target.parent, root)
        _write(target, _resampled(samples, measured.rate, rate), rate)
        _drop_others(target)
    except (OSError, RuntimeError) as error:
        raise UploadError(f"{target}: {error}") from error
    return target, measured


def _stay_inside(folder: Path, root: Path) -> None:
    """A link may lead anywhere."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise UploadError(f"{folder} is a link to somewhere else")


def _write(target: Path, samples: "Samples", rate: int) -> None:
    soundfile: Any = import_module("soundfile")
    handle, part = tempfile.mkstemp(prefix=".", suffix=ENDING, dir=target.parent)
    os.close(handle)
    try:
        soundfile.write(part, samples, rate, subtype="PCM_16", format="FLAC")
        os.chmod(part, 0o644)
        os.replace(part, target)
    except BaseException:
        os.unlink(part)
        raise


def _drop_others(target: Path) -> None:
    """The same name with another ending would win over it."""
    from pbx.config.sounds import ENDINGS

    for ending in ENDINGS:
        if ending != ENDING:
            target.with_suffix(ending).unlink(missing_ok=True)


def _read(path: Path) -> tuple[Measured, "Samples"]:
    import numpy as np

    soundfile: Any = import_module("soundfile")  # It has no types.
    try:
        if path.stat().st_size > UPLOAD_BYTES_MAX:
            raise UploadError(f"{path} is larger than {UPLOAD_BYTES_MAX >> 20} MB")
        with soundfile.SoundFile(path) as file:
            rate, channels, kind = int(file.samplerate), int(file.channels), str(file.format)
            _check_format(path, rate, channels, kind)
            room = int(SECONDS_MAX * rate)
            block: NDArray[np.float32] = file.read(room + 1, dtype="float32", always_2d=True)
    except (RuntimeError, OSError, ValueError, TypeError, MemoryError) as error:
        raise UploadError(f"{path} cannot be read as sound: {error}") from error
    if len(block) > room:
        raise UploadError(f"{path} is longer than {SECONDS_MAX / 60:.0f} minutes")
    samples = np.nan_to_num(block.mean(axis=1, dtype=np.float32))
    if not samples.size or not np.any(samples):
        raise UploadError(f"{path}: there is no sound in it")
    return _measured(samples, rate, channels, kind), samples


def _check_format(path: Path, rate: int, channels: int, kind: str) -> None:
    if kind not in FORMATS:
        raise UploadError(f"{path} is {kind}: WAV, FLAC, OGG or MP3 is needed")
    if not RATES[0] <= rate <= RATES[1] or not 1 <= channels <= CHANNELS_MAX:
        raise UploadError(f"{path}: {channels} channels at {rate} Hz cannot be used")


def _measured(samples: "Samples", rate: int, channels: int, kind: str) -> Measured:
    import numpy as np

    loud = np.flatnonzero(np.abs(samples) > 10 ** (SILENT_DBFS / 20))
    first, last = (int(loud[0]), int(loud[-1])) if loud.size else (len(samples), -1)
    return Measured(
        seconds=len(samples) / rate,
        rate=rate,
        channels=channels,
        format=kind,
        rms_dbfs=_decibels(float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))),
        peak_dbfs=_decibels(float(np.abs(samples).max())),
        silence_before=first / rate,
        silence_after=(len(samples) - 1 - last) / rate,
    )


def _decibels(value: float) -> float:
    return 20 * math.log10(max(value, 1e-9))


def _resampled(samples: "Samples", rate: int, wanted: int) -> "Samples":
    if rate == wanted:
        return samples
    soxr: Any = import_module("soxr")
    resampled: Samples = soxr.resample(samples, rate, wanted, quality="HQ")
    return resampled.clip(-1.0, 1.0)
