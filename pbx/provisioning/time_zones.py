"""Time zones as phones want them: offset and rules of summer time, from the POSIX text (`EET-2EEST,
M3.5.0/3,M10.5.0/4`) at the end of each zone's file (RFC 8536 §3.3)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final
from zoneinfo import TZPATH

FILE_BYTES_MAX: Final = 1 << 20
_NAME: Final = r"(?:<[+\-0-9A-Za-z]+>|[A-Za-z]{3,})"
_OFFSET: Final = r"([+-]?\d{1,2})(?::(\d{2}))?"
_RULE: Final = r"M(\d{1,2})\.(\d)\.(\d)(?:/(-?\d{1,3})(?::\d{2})?)?"
_POSIX: Final = re.compile(rf"{_NAME}{_OFFSET}(?:{_NAME}(?:{_OFFSET})?,{_RULE},{_RULE})?")


@dataclass(frozen=True, slots=True)
class Change:
    """The beginning or end of summer time: the n-th weekday of a month; week 5 is the last."""

    month: int
    week: int
    weekday: int  # 0 is Sunday.
    hour: int


@dataclass(frozen=True, slots=True)
class Zone:
    name: str
    posix: str
    minutes: int  # East of Greenwich, in winter.
    summer: tuple[Change, Change] | None = None

    @property
    def offset(self) -> str:
        """`+2`, `-3:30`."""
        hours, minutes = divmod(abs(self.minutes), 60)
        sign = "-" if self.minutes < 0 else "+"
        return f"{sign}{hours}" + (f":{minutes:02}" if minutes else "")


def read_zone(name: str) -> Zone | None:
    """None: there is no such zone, or its rules cannot be said in one line."""
    for data in _files(name):
        posix = data.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii", "replace")
        return parse_zone(name, posix)
    return None


def parse_zone(name: str, posix: str) -> Zone | None:
    match = _POSIX.fullmatch(posix)
    if match is None:
        return None
    hours, rest, _, _, *rules = match.groups()
    minutes = abs(int(hours)) * 60 + int(rest or 0)
    # POSIX counts towards the west.
    minutes = minutes if hours.startswith("-") else -minutes
    if rules[0] is None:
        return Zone(name, posix, minutes)
    begin, end = (_change(*rules[at : at + 4]) for at in (0, 4))
    return Zone(name, posix, minutes, (begin, end))


def _change(month: str, week: str, weekday: str, hour: str | None) -> Change:
    return Change(int(month), int(week), int(weekday), 2 if hour is None else int(hour))


def _files(name: str) -> Iterator[bytes]:
    """Of the system, else of the package tzdata if it is there."""
    if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}", name):
        return
    for folder in TZPATH:
        path = Path(folder, name)
        if path.is_file() and path.stat().st_size < FILE_BYTES_MAX:
            yield path.read_bytes()
    try:
        file = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
        if file.is_file():
            yield file.read_bytes()
    except ModuleNotFoundError:
        return
