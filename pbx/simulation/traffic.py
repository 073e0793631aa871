"""Made-up traffic: Poisson arrivals at rates that change over the day, and agents' shifts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import log
from random import Random
from typing import Final

from pbx.distribution.config import DistributionConfig
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    LeaveReason,
)
from pbx.simulation.day import AGENTS_MAX, CALLS_MAX, DAY_SECONDS_MAX, Caller, Day, Timed
from pbx.simulation.durations import NEVER, Durations
from pbx.simulation.errors import SimulationError

RATES_MAX: Final = 24 * 60 * 7  # One a minute for a week.


@dataclass(frozen=True, slots=True)
class Stream:
    """Calls for one queue. The day has as many equal parts as there are rates."""

    queue: str
    calls_per_hour: tuple[float, ...]
    talk: Durations
    patience: Durations = NEVER
    priority: int = 0
    requires: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    agent: str
    start: float = 0.0
    end: float | None = None  # None: he stays until the last caller has gone.


@dataclass(frozen=True, slots=True)
class Traffic:
    """Days that differ by their seed only."""

    config: DistributionConfig
    streams: tuple[Stream, ...]
    seconds: float
    shifts: tuple[Shift, ...]
    overflow: Mapping[tuple[str, LeaveReason], str] = field(
        default_factory=dict[tuple[str, LeaveReason], str]
    )
    warm_up: float = 0.0

    def check(self) -> None:
        """Raises SimulationError if it is too large or says nothing."""
        if not 0 < self.seconds <= DAY_SECONDS_MAX:
            raise SimulationError("a day lasts more than nothing and at most a week")
        if len(self.config.agents) > AGENTS_MAX:
            raise SimulationError(f"more than {AGENTS_MAX:,} agents")
        for stream in self.streams:
            rates = stream.calls_per_hour
            if not 0 < len(rates) <= RATES_MAX or min(rates) < 0:
                raise SimulationError(f"queue {stream.queue!r}: no rates of calls, or bad ones")
        if self.expected_calls > CALLS_MAX:
            raise SimulationError(f"more than {CALLS_MAX:,} calls")

    @property
    def expected_calls(self) -> float:
        return sum(
            self.seconds / 3600 * sum(stream.calls_per_hour) / len(stream.calls_per_hour)
            for stream in self.streams
        )

    def day(self, seed: int) -> Day:
        self.check()
        callers = sorted(
            chain.from_iterable(
                _callers(stream, number, self.seconds, Random(f"{seed}/{stream.queue}/{number}"))
                for number, stream in enumerate(self.streams)
            ),
            key=lambda caller: caller.at,
        )
        return Day(
            self.config,
            0.0,
            self.seconds,
            tuple(callers),
            signed_in(self.shifts),
            self.overflow,
            self.warm_up,
        )


def signed_in(shifts: tuple[Shift, ...]) -> tuple[Timed, ...]:
    """What agents do who come, stay and go."""
    script: list[Timed] = []
    for shift in shifts:
        script.append(Timed(shift.start, AgentReachable(shift.agent)))
        script.append(Timed(shift.start, AgentSignedIn(shift.agent)))
        if shift.end is not None:
            script.append(Timed(shift.end, AgentSignedOut(shift.agent)))
    return tuple(sorted(script, key=lambda timed: timed.at))


def all_day(config: DistributionConfig) -> tuple[Shift, ...]:
    return tuple(Shift(agent.id) for agent in config.agents)


def _callers(stream: Stream, number: int, seconds: float, rng: Random) -> Iterator[Caller]:
    for count, at in enumerate(_arrivals(stream.calls_per_hour, seconds, rng), start=1):
        yield Caller(
            f"{number}-{count}",
            stream.queue,
            at,
            stream.talk.draw(rng),
            stream.patience.draw(rng),
            LeaveReason.ABANDONED,
            f"{number}{count:07d}",
            stream.priority,
            stream.requires,
        )


def _arrivals(rates: tuple[float, ...], seconds: float, rng: Random) -> Iterator[float]:
    """A Poisson process: as it has no memory, each part of the day begins it anew."""
    part = seconds / len(rates)
    for number, rate in enumerate(rates):
        at, end = number * part, (number + 1) * part
        while rate > 0:
            at -= log(1.0 - rng.random()) * 3600.0 / rate
            if at >= end:
                break
            yield at
