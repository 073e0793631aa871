"""How long something lasts: drawn from a law, from what was observed, or from both.

`Survival` is the estimator of Kaplan and Meier (1958): how long people would have waited, learnt
also from those of whom is known only that they waited longer than we let them.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from random import Random
from typing import Final, Generic, NamedTuple, Protocol, TypeVar


class Durations(Protocol):
    """Seconds, one draw at a time."""

    @property
    def mean(self) -> float: ...

    def draw(self, rng: Random) -> float: ...


@dataclass(frozen=True, slots=True)
class Fixed:
    seconds: float

    @property
    def mean(self) -> float:
        return self.seconds

    def draw(self, rng: Random) -> float:
        return self.seconds


NEVER: Final = Fixed(inf)
"""Of patience: it does not end."""


@dataclass(frozen=True, slots=True)
class Exponential:
    mean: float

    def draw(self, rng: Random) -> float:
        # 1 - u is never 0. (Random.expovariate does the same with two more calls.)
        return -log(1.0 - rng.random()) * self.mean


@dataclass(frozen=True, slots=True)
class Lognormal:
    """What handling times look like: `variation` is their standard deviation ÷ mean."""

    mean: float
    variation: float

    def draw(self, rng: Random) -> float:
        spread = log(1.0 + self.variation * self.variation)
        return self.mean * exp(rng.gauss(0.0, 1.0) * sqrt(spread) - spread / 2)


@dataclass(frozen=True, slots=True)
class Observed:
    """One of those that were seen, each as likely as the other."""

    seconds: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.seconds) / len(self.seconds)

    def draw(self, rng: Random) -> float:
        return self.seconds[int(rng.random() * len(self.seconds))]


def varying(mean: float, variation: float) -> Durations:
    """The usual law for handling times that vary so much: 0 not at all, 1 exponential."""
    if variation == 0 or mean == 0:
        return Fixed(mean)
    return Exponential(mean) if variation == 1 else Lognormal(mean, variation)


T = TypeVar("T")


class Seen(NamedTuple, Generic[T]):
    """After so many seconds this happened; None: nothing had until then, and we looked away."""

    seconds: float
    outcome: T | None


class Survival(Generic[T]):
    """When what happens, given observations of which some were cut short.

    Beyond the last observation: with `tail` at the average rate of all observations, else never.
    """

    __slots__ = ("_chances", "_outcomes", "_seconds", "events", "tail_mean")

    def __init__(self, seen: Iterable[Seen[T]], *, tail: bool) -> None:
        # What happened at the very moment when another was cut short counts as before it.
        ordered = sorted(seen, key=lambda one: (one.seconds, one.outcome is None))
        self._seconds: list[float] = []
        self._chances: list[float] = []  # That it has happened by then.
        self._outcomes: list[T] = []
        surviving, at_risk = 1.0, len(ordered)
        for seconds, outcome in ordered:
            if outcome is not None:
                surviving *= 1.0 - 1.0 / at_risk
                self._seconds.append(seconds)
                self._chances.append(1.0 - surviving)
                self._outcomes.append(outcome)
            at_risk -= 1
        self.events = len(self._seconds)
        exposure = sum(one.seconds for one in ordered)
        self.tail_mean = exposure / self.events if tail and self.events else inf

    def happened_by(self, seconds: float) -> float:
        """The chance that it has happened by then."""
        count = bisect_right(self._seconds, seconds)
        return self._chances[count - 1] if count else 0.0

    def draw(self, rng: Random, after: float = 0.0) -> Seen[T]:
        """Of somebody to whom nothing has happened before `after`."""
        seconds = self._seconds
        before = self.happened_by(after) if after > 0 else 0.0
        level = before + (1.0 - before) * rng.random()
        number = bisect_right(self._chances, level)
        if number < len(seconds) and before < 1.0:
            return Seen(seconds[number], self._outcomes[number])
        if self.tail_mean == inf:
            return Seen(inf, None)
        last = max(after, seconds[-1])
        later = last - log(1.0 - rng.random()) * self.tail_mean
        return Seen(later, self._outcomes[int(rng.random() * len(seconds))])
