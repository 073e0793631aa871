"""The files of recordings: put right after a crash, found without an entry, deleted.

Everything here may wait for the disk: not for the event loop.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from media.wav import WavError, is_being_written, repair
from pbx.recording.convert import PART
from pbx.recording.records import ENDINGS, RecordingRecord, State, parse_id

SCAN_MAX: Final = 1_000_000  # A directory that holds more is a wrong directory.


def wav_of(root: Path, record: RecordingRecord) -> Path:
    """As the worker writes it."""
    return root / f"{record.place}.wav"


def recover(root: Path, record: RecordingRecord) -> RecordingRecord | None:
    """What a crash has left of it; None while a worker still writes it."""
    path = wav_of(root, record)
    try:
        if is_being_written(str(path)):
            return None
        seconds = repair(str(path)).seconds
    except (OSError, WavError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return replace(record, state=State.LOST, error=reason or "")
    return replace(record, state=State.RECOVERED, seconds=seconds, size=path.stat().st_size)


def scan(root: Path, before: float) -> Iterator[Path]:
    """All files that workers have written, or still write, and nobody has made smaller; what a
    conversion before that time (Unix seconds) left behind is deleted."""
    for number, path in enumerate(root.glob("[0-9]*/[0-9]*/[0-9]*/*")):
        if number >= SCAN_MAX:
            return
        with contextlib.suppress(FileNotFoundError):  # It was converted meanwhile.
            found = path.lstat()
            ours = path.suffix == ".wav" and parse_id(path.stem) is not None
            if path.name.endswith(PART) and found.st_mtime < before:
                path.unlink()
            elif ours and stat.S_ISREG(found.st_mode):
                yield path


def is_held(path: Path) -> bool:
    """Does a worker still write it?"""
    try:
        return is_being_written(str(path))
    except OSError:
        return False


def orphan(root: Path, path: Path) -> RecordingRecord | None:
    """What can be said of a file without an entry: call, segment, and when. None: it is being
    written, or is none of ours."""
    named = parse_id(path.stem)
    if named is None:
        return None
    try:
        if is_being_written(str(path)):
            return None
        seconds = repair(str(path)).seconds
        found = path.stat()
    except (OSError, WavError):
        return None
    call, segment = named
    begun = found.st_mtime - seconds
    record = RecordingRecord(path.stem, call, segment, begun, seconds=seconds, size=found.st_size)
    if wav_of(root, record) != path:
        # Begun just before midnight: it stays where it is, so its day must be that of its place.
        begun = _moved_to(root, path, begun)
    return replace(record, begun_at=begun, state=State.RECOVERED, error="found without an entry")


def _moved_to(root: Path, path: Path, begun: float) -> float:
    for days in (1, -1, 2, -2):
        moved = begun + days * 86_400.0
        if wav_of(root, RecordingRecord(path.stem, "", 1, moved)) == path:
            return moved
    year, month, day = (int(part) for part in path.parent.relative_to(root).parts)
    return _noon(year, month, day)


def _noon(year: int, month: int, day: int) -> float:
    """Unix seconds; the inverse of `records.civil`."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return (era * 146_097 + day_of_era - 719_468) * 86_400.0 + 43_200.0


def delete(root: Path, record: RecordingRecord) -> None:
    """Its file in whatever format, and the directory of its day if that is empty now. OSError."""
    place = root / record.place
    for ending in {"wav", record.format, ENDINGS.get(record.format, record.format)}:
        place.with_name(f"{place.name}.{ending}").unlink(missing_ok=True)
    for parent in list(place.parents)[:3]:
        try:
            os.rmdir(parent)
        except OSError:
            return
