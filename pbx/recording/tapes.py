"""What is being recorded now, and what was asked for by hand. Plain data."""

from dataclasses import dataclass, field
from typing import Any, Final

from pbx.deadlines import Deadlines
from pbx.plan import Plan
from pbx.recording.records import RecordingRecord
from sip import events as sip

SEGMENTS_MAX: Final = 999
"""Of one call: each but the first comes from a transfer, or from somebody who plays with the
keys."""


@dataclass(slots=True)
class Tape:
    """Of one call, from its first recording or key on."""

    call: str
    ids: list[str] = field(default_factory=list[str])
    running: str = ""  # A recording.
    sides: tuple[str, str] = ("", "")  # Its media sessions.
    wanted: bool | None = None  # Somebody has said so.
    paused: bool = False
    told: bool = False  # That it may be recorded.
    telling: int = 0  # The number of the notice that plays now.


@dataclass(slots=True)
class Running:
    worker: int
    record: RecordingRecord


class Tapes:
    """A part of the exchange: it owns the time of pauses."""

    def __init__(self) -> None:
        self.of: dict[str, Tape] = {}  # By call.
        self.running: dict[str, Running] = {}  # By recording, until the worker has closed the file.
        self.deadlines = Deadlines()  # Of pauses, by call.
        self.due: list[str] = []

    @property
    def next_deadline(self) -> float | None:
        return self.deadlines.next_deadline

    def on_time(self, now: float) -> list[Any]:
        return [PauseOver(call) for _, call in self.deadlines.take_expired(now)]

    def configure(self, plan: Plan, now: float) -> list[Any]:
        return []

    def on_done(self, event: sip.RequestDone, now: float) -> list[Any]:
        return []


@dataclass(frozen=True, slots=True)
class PauseOver:
    """Nobody has gone on with the recording: it goes on by itself."""

    call: str
