"""`python -m tests.sim.theory`: the distribution core beside Erlang's formulas, row by row.

One queue, Poisson arrivals, exponential talk, phones that are answered at once: then chance,
service level, wait, abandonment and occupancy have closed formulas, and whatever loses, holds back
or favours a call shows as a difference.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from math import sqrt
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from pbx.distribution.config import AgentConfig, DistributionConfig, Member, QueueConfig, Strategy
from pbx.simulation.day import Day
from pbx.simulation.durations import NEVER, Exponential
from pbx.simulation.erlang import Theory, erlang_a, erlang_c
from pbx.simulation.phones import Phones
from pbx.simulation.ranges import Scope, study
from pbx.simulation.traffic import Stream, Traffic, all_day

THRESHOLD: Final = 20.0
SHORT: Final = 5.0
ALL: Final = tuple(field.name for field in fields(Theory))


@dataclass(frozen=True, slots=True)
class Row:
    """Enough calls that the standard error is a few percent; more of them near saturation."""

    calls_per_hour: float
    handling: float
    agents: int
    patience: float | None  # None: Erlang-C.
    hours: float
    seeds: int
    warm_up_hours: float = 1.5

    @property
    def name(self) -> str:
        model = "C" if self.patience is None else "A"
        return f"Erlang-{model}, {self.calls_per_hour:g}/h, {self.handling:g} s, {self.agents}"

    @property
    def theory(self) -> Theory:
        if self.patience is None:
            return erlang_c(self.calls_per_hour, self.handling, self.agents, THRESHOLD)
        return erlang_a(
            self.calls_per_hour, self.handling, self.agents, self.patience, THRESHOLD, SHORT
        )


ROWS: Final = (
    Row(360, 240, 28, None, hours=30, seeds=8),
    Row(100, 180, 7, None, hours=75, seeds=8),
    Row(120, 300, 12, None, hours=75, seeds=8),
    Row(2880, 60, 50, None, hours=5, seeds=12),
    Row(2880, 60, 50, 120, hours=3, seeds=8, warm_up_hours=0.5),
    Row(2880, 60, 45, 120, hours=3, seeds=8, warm_up_hours=0.5),
    Row(360, 240, 24, 120, hours=25, seeds=8, warm_up_hours=0.5),
)


@dataclass(frozen=True, slots=True)
class Measured:
    mean: float
    error: float  # Standard error of the mean.


def simulate(row: Row, advance: Callable[[], None] = lambda: None) -> dict[str, Measured]:
    """Every figure that theory knows, by name."""
    traffic = traffic_of(row)
    loads: list[float] = []

    def day_of(seed: int) -> Day:
        day = traffic.day(seed)
        talks = (caller.talk for caller in day.callers if caller.at >= day.counted_from)
        loads.append(sum(talks) / (row.hours * 3600 * row.agents))
        return day

    scope = Scope(interval=traffic.seconds)
    found = study(day_of, Phones(), scope, runs=row.seeds, seed=1, advance=advance)
    expected = row.calls_per_hour / 3600 * row.handling / row.agents
    return {
        name: adjusted([run[name] or 0.0 for run in found.runs], loads, expected) for name in ALL
    }


def adjusted(values: list[float], loads: list[float], expected_load: float) -> Measured:
    """The mean had the seeds drawn exactly the expected load (a control variate).

    Most of what differs between two runs is how much talk chance has put into them, and that is
    known; so the rest can be seen three times as sharply.
    """
    count = len(values)
    mean, load = sum(values) / count, sum(loads) / count
    away = [one - load for one in loads]
    spread = sum(one * one for one in away)
    slope = sum(one * value for one, value in zip(away, values, strict=True)) / spread
    rest = sum(
        (value - mean - slope * one) ** 2 for one, value in zip(away, values, strict=True)
    ) / (count - 2)
    error = sqrt(rest * (1 / count + (load - expected_load) ** 2 / spread))
    return Measured(mean - slope * (load - expected_load), error)


def traffic_of(row: Row) -> Traffic:
    agents = tuple(AgentConfig(f"a{number}") for number in range(row.agents))
    members = tuple(Member(agent.id) for agent in agents)
    queue = QueueConfig("q", Strategy.LONGEST_IDLE, members, leave_empty_after=None)
    config = DistributionConfig((queue,), agents)
    patience = NEVER if row.patience is None else Exponential(row.patience)
    return Traffic(
        config,
        (Stream("q", (row.calls_per_hour,), Exponential(row.handling), patience),),
        (row.hours + row.warm_up_hours) * 3600,
        all_day(config),
        warm_up=row.warm_up_hours * 3600,
    )


def tolerance(found: Measured, expected: float) -> float:
    """Three standard errors, and a hundredth for what is no chance: the ends of a run."""
    return 3 * found.error + 0.01 * abs(expected)


def main() -> int:
    console = Console(highlight=False, width=100)
    started, failed = time.process_time(), 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=sum(row.seeds for row in ROWS))
        for row in ROWS:
            found = simulate(row, lambda: progress.advance(task))
            failed += _report(row, found, console)
    console.print(f"{time.process_time() - started:.0f} s of CPU, {failed} figures differ")
    return 1 if failed else 0


def _report(row: Row, found: dict[str, Measured], console: Console) -> int:
    table = Table(title=row.name, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("", "simulated", "std. error", "theory", "difference", "allowed"):
        table.add_column(column, justify="right" if column else "left", min_width=12, no_wrap=True)
    failed = 0
    for name, measured in found.items():
        expected: float = getattr(row.theory, name)
        if expected == 0:
            continue
        difference, allowed = measured.mean - expected, tolerance(measured, expected)
        failed += abs(difference) > allowed
        numbers = (measured.mean, measured.error, expected, difference, allowed)
        table.add_row(name, *(f"{number:.5f}" for number in numbers))
    console.print(table)
    return failed


if __name__ == "__main__":
    sys.exit(main())
