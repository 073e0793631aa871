"""A journal of the PBX as a day that can be lived again. Times count from where it begins."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from pbx.commands.journals import company, days
from pbx.distribution.inputs import Input, MemberDropped, MemberSet, Remembered
from pbx.history.replay import Began, Replay, Step
from pbx.journal import path_of
from pbx.local_time import LocalTime
from pbx.simulation.errors import SimulationError
from pbx.simulation.recorded import RecordedDay, learn
from pbx.simulation.recorder import Recorder

PROBLEMS_SHOWN: Final = 3


def find(day: str, config: Path | None) -> tuple[Path, LocalTime]:
    """The journal of a day, or the file so named, and the time zone of the company."""
    file = Path(day)
    if not file.is_file() and (file.suffix or len(file.parts) > 1):
        raise SimulationError(f"--day: {day}: no such file")
    place = company(config, file.parent if file.is_file() and not config else None)
    if file.is_file():
        return file, place.local
    wanted, known = place.day(day), days(place.directory)
    if wanted not in known:
        raise SimulationError(
            f"--day: no journal of {wanted}; there are {known[0]} to {known[-1]}"
            f" in {place.directory}"
        )
    return path_of(place.directory, wanted), place.local


def read(path: Path) -> tuple[RecordedDay, float, tuple[str, ...]]:
    """The day, when it begins (Unix seconds), and what is wrong with the file.

    Raises SimulationError if there is no day in it.
    """
    replay = Replay()
    recorder, begins = None, 0.0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for found in replay.run(lines):
            core = replay.core
            assert core is not None
            match found:
                case Began(at) if recorder is None:
                    begins = at
                    recorder = Recorder(core, 0.0)
                case Began(at):
                    assert recorder is not None
                    recorder.restarted(core, at - begins)
                case Step():
                    assert recorder is not None
                    shift = found.at - begins - found.moment
                    event = _shifted(found.event, shift)
                    recorder.input(found.at - begins, event, found.effects)
    problems = tuple(f"{path.name}: {problem}" for problem in replay.problems[:PROBLEMS_SHOWN])
    if recorder is None:
        raise SimulationError(problems[0] if problems else f"{path}: no journal of the PBX")
    recorder.finish()
    return learn(recorder), begins, problems


def _shifted(event: Input, shift: float) -> Input:
    """The moments that are in an input itself."""
    match event:
        case MemberSet() | MemberDropped() if event.until is not None:
            return replace(event, until=event.until + shift)
        case Remembered():
            return replace(event, at=event.at + shift)
        case _:
            return event
