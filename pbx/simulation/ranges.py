"""Many runs of a day: the mean of each figure and the range that nine of ten runs are in.

A single day says little: near saturation two days with the same traffic differ by a factor of two.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

from pbx.distribution.config import DistributionConfig
from pbx.simulation.day import Day
from pbx.simulation.errors import SimulationError
from pbx.simulation.figures import USUAL, Counts, Thresholds, Values, measure
from pbx.simulation.ledger import Ledger
from pbx.simulation.phones import Phones
from pbx.simulation.run import live

RUNS_MAX: Final = 10_000
INTERVALS_MAX: Final = 7 * 24 * 4
_OUTSIDE: Final = 0.05  # Of the runs, at each end of the range.


@dataclass(frozen=True, slots=True)
class Range:
    mean: float
    low: float
    high: float
    error: float  # Standard error of the mean.
    runs: int


def range_of(values: Sequence[float]) -> Range:
    """Of at least one value."""
    count = len(values)
    mean = sum(values) / count
    squares = sum((value - mean) ** 2 for value in values)
    error = sqrt(squares / (count - 1) / count) if count > 1 else 0.0
    ordered = sorted(values)
    return Range(mean, _quantile(ordered, _OUTSIDE), _quantile(ordered, 1 - _OUTSIDE), error, count)


def _quantile(ordered: Sequence[float], part: float) -> float:
    """Between neighbours on the straight line between them."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@dataclass(frozen=True, slots=True)
class Scope:
    """What is measured: these queues (None: all) and their members, by so many seconds."""

    thresholds: Thresholds = USUAL
    queues: tuple[str, ...] | None = None
    interval: float = 3600.0


@dataclass(slots=True)
class Study:
    """The same day, or days alike, again and again."""

    scope: Scope
    runs: list[Values] = field(default_factory=list[Values])
    of_queue: dict[str, list[Values]] = field(default_factory=dict[str, list[Values]])
    intervals: list[Counts] = field(default_factory=list[Counts])  # Of all runs together.

    def add(self, ledger: Ledger, config: DistributionConfig) -> None:
        """One more run, that was lived with these queues."""
        scope, members = self.scope, members_of(config, self.scope.queues)
        people = {agent: None for agents in members.values() for agent in agents}
        self.runs.append(measure(ledger, scope.thresholds, members, people))
        for queue, agents in members.items():
            values = measure(ledger, scope.thresholds, (queue,), agents)
            self.of_queue.setdefault(queue, []).append(values)
        for visit in ledger.visits:
            number = int((visit.joined_at - ledger.start) / scope.interval)
            if visit.queue in members and not visit.callback and number < INTERVALS_MAX:
                while len(self.intervals) <= number:
                    self.intervals.append(Counts())
                self.intervals[number].add(visit, scope.thresholds)

    def range(self, name: str) -> Range | None:
        return _range(self.runs, name)

    def queue_range(self, queue: str, name: str) -> Range | None:
        return _range(self.of_queue.get(queue, []), name)

    def difference(self, before: "Study", name: str) -> Range | None:
        """Of each run to the run with the same seed: both lived the same day."""
        return range_or_none(
            [
                after - value
                for one, other in zip(before.runs, self.runs, strict=True)
                if (value := one[name]) is not None and (after := other[name]) is not None
            ]
        )


def members_of(
    config: DistributionConfig, queues: Iterable[str] | None
) -> dict[str, tuple[str, ...]]:
    """By queue, of these queues or of all."""
    chosen = None if queues is None else frozenset(queues)
    return {
        queue.id: tuple(member.agent for member in queue.members)
        for queue in config.queues
        if chosen is None or queue.id in chosen
    }


def range_or_none(values: Sequence[float]) -> Range | None:
    return range_of(values) if values else None


def _range(runs: Iterable[Values], name: str) -> Range | None:
    return range_or_none([value for run in runs if (value := run[name]) is not None])


def study(
    day_of: Callable[[int], Day],
    phones: Phones,
    scope: Scope,
    *,
    runs: int,
    seed: int,
    advance: Callable[[], None] | None = None,
) -> Study:
    """`advance` is called after each run: for a progress bar."""
    if not 1 <= runs <= RUNS_MAX:
        raise SimulationError(f"from 1 to {RUNS_MAX:,} runs")
    found = Study(scope)
    for number in range(runs):
        day = day_of(seed + number)
        ledger = live(day, seed + number, phones)
        found.add(ledger, day.config)
        if advance is not None:
            advance()
    return found
