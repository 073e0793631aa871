"""The day as lines of text: a bar for each interval, its parts in the eighths of a character."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from pbx.simulation.figures import Counts

ROWS_MAX: Final = 24
_STEPS: Final = (300.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 14400.0, 21600.0, 43200.0, 86400.0)
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


class Bar(NamedTuple):
    """`answered` ends in a part of a character, `abandoned` is whole ones: another pattern."""

    time: str
    answered: str
    abandoned: str
    words: str
    level: str


def interval_for(seconds: float, rows: int = ROWS_MAX) -> float:
    """The shortest usual interval that so long a time has at most so many of."""
    return next((step for step in _STEPS if seconds <= step * rows), _STEPS[-1])


def bars(
    intervals: Sequence[Counts],
    runs: int,
    *,
    interval: float,
    clock: Callable[[float], str],
    width: int,
) -> list[Bar]:
    """The longest bar is `width` characters wide. Means of the runs."""
    most = max((counts.answered + counts.abandoned for counts in intervals), default=0)
    scale = width / most if most else 0.0
    return [
        Bar(
            clock(number * interval),
            _bar(counts.answered * scale),
            "░" * round(counts.abandoned * scale),
            _words(counts, runs),
            "-" if counts.service_level is None else f"{counts.service_level:.0%}",
        )
        for number, counts in enumerate(intervals)
    ]


def _bar(length: float) -> str:
    whole, part = divmod(round(length * 8), 8)
    return "█" * whole + (_EIGHTHS[part] if part else "")


def _words(counts: Counts, runs: int) -> str:
    answered, abandoned = counts.answered / runs, counts.abandoned / runs
    return f"{answered:.0f} + {abandoned:.0f}" if counts.abandoned else f"{answered:.0f}"
