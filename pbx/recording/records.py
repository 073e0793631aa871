"""What the index says of one recording: one conversation of one call, in one file."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

DAY_SECONDS: Final = 86_400


class State(Enum):
    RUNNING = "running"  # Being written.
    WRITTEN = "written"  # Complete, as the worker wrote it.
    KEPT = "kept"  # In the format that it is kept in.
    CUT = "cut"  # The disk was full: it ends before the conversation.
    RECOVERED = "recovered"  # After a crash: at most a second is missing at its end.
    LOST = "lost"  # There is no file.


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """`id` is also the name of its file, and says where that is: no other text is in a path."""

    id: str
    call: str
    segment: int  # 1 is the first conversation of the call.
    begun_at: float  # Unix seconds.
    queue: str = ""
    agent: str = ""
    left: str = ""  # The extension on the left channel; "" for somebody outside.
    right: str = ""
    caller: str = ""
    called: str = ""
    seconds: float = 0.0
    format: str = "wav"
    size: int = 0  # Bytes, once it is kept.
    state: State = State.RUNNING
    error: str = ""
    uploaded: bool = False  # To S3.

    @property
    def file(self) -> str:
        """Below the directory of all recordings."""
        return f"{self.place}.{ENDINGS.get(self.format, self.format)}"

    @property
    def place(self) -> str:
        """The same without its ending."""
        return place_of(self.id, self.begun_at)


ENDINGS: Final = {"opus": "ogg"}
_ID: Final = re.compile(r"([0-9a-f]{8,64})-([1-9][0-9]{0,3})")


def place_of(recording: str, begun_at: float) -> str:
    """`2026/11/22/3f2a9c01b4de-1`: the day is that of UTC, so that no clock change matters."""
    year, month, day = civil(int(begun_at // DAY_SECONDS))
    return f"{year:04}/{month:02}/{day:02}/{recording}"


def parse_id(recording: str) -> tuple[str, int] | None:
    """Call and segment; None for a name that we never gave."""
    found = _ID.fullmatch(recording)
    return None if found is None else (found[1], int(found[2]))


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of the Gregorian calendar, from the days since 1970.

    Eras of 400 years that begin with March, so that the leap day is the last one.
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return era * 400 + year + (month <= 2), month, day
