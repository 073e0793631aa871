"""Is the other end of a trunk there? OPTIONS now and then (RFC 3261 §11), and what calls tell.

    UNKNOWN --any answer--> UP --no answer--> DOWN --any answer--> UP

Any final answer means that somebody is there, but for 503 and 408: a proxy that speaks for a
server that is not. An unanswered one is asked again soon, so that a lost packet is no alarm.
"""

from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final

from sip.resolver import End

ANSWER_SECONDS: Final = 4.0  # Longer takes no trunk that could carry a call.
AGAIN_SECONDS: Final = 1.0  # After the first silence.
MISSES_MAX: Final = 2  # In a row; then it is down.
AVOID_SECONDS: Final = 30.0  # Without OPTIONS: so long calls prefer other ends after a failure.
_SILENT: Final = frozenset({408, 503})


class Health(Enum):
    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


TRANSITIONS: Final[dict[Health, frozenset[Health]]] = {
    Health.UNKNOWN: frozenset({Health.UP, Health.DOWN}),
    Health.UP: frozenset({Health.DOWN}),
    Health.DOWN: frozenset({Health.UP}),
}


@dataclass(frozen=True, slots=True)
class Probe:
    """Send OPTIONS there; `number` comes back with the answer."""

    end: End
    number: int


@dataclass(frozen=True, slots=True)
class HealthMoved:
    end: End
    up: bool
    why: str


Output = Probe | HealthMoved


class Pulse:
    """The health of one end."""

    def __init__(self, end: End, interval: float) -> None:
        self.end = end
        self.interval = interval  # Seconds; 0: we never ask.
        self.health = Health.UNKNOWN
        self.round_trip: float | None = None  # Seconds.
        self.next_deadline: float | None = None
        self.avoid_until = 0.0  # A call found nobody there.
        self._number = 0
        self._asked_at: float | None = None  # A question is open since then.
        self._misses = 0

    def start(self, now: float, rng: Random) -> list[Output]:
        if self.interval <= 0:
            return []
        self.next_deadline = now + AGAIN_SECONDS * rng.random()  # Not all trunks at once.
        return []

    def usable(self, now: float) -> bool:
        return self.health is not Health.DOWN and now >= self.avoid_until

    def on_answer(self, number: int, status: int | None, now: float) -> list[Output]:
        """`status` None: silence or a broken transport."""
        if self._asked_at is None or number != self._number:
            return []  # Too late: it counted as silence already.
        if status is None or status in _SILENT:
            return self._missed("no answer" if status is None else f"answers {status}", now)
        self.round_trip = now - self._asked_at
        self._asked_at = None
        self._misses = 0
        self.avoid_until = 0.0
        self.next_deadline = now + self.interval
        return self._become(Health.UP, "")

    def on_call_failed(self, now: float) -> list[Output]:
        """A call got no answer, or was told that nobody is there: ask at once."""
        self.avoid_until = now + (self.interval or AVOID_SECONDS)
        if self.interval > 0 and self._asked_at is None:
            self.next_deadline = now
        return []

    def on_call_answered(self) -> list[Output]:
        self.avoid_until = 0.0
        return self._become(Health.UP, "") if self.health is not Health.UP else []

    def on_time(self, now: float) -> list[Output]:
        if self.next_deadline is None or self.next_deadline > now:
            return []
        if self._asked_at is not None:
            return self._missed("no answer", now)
        self._number += 1
        self._asked_at = now
        self.next_deadline = now + ANSWER_SECONDS
        return [Probe(self.end, self._number)]

    def _missed(self, why: str, now: float) -> list[Output]:
        self._asked_at = None
        self._misses += 1
        self.next_deadline = now + (AGAIN_SECONDS if self._misses < MISSES_MAX else self.interval)
        return self._become(Health.DOWN, why) if self._misses >= MISSES_MAX else []

    def _become(self, health: Health, why: str) -> list[Output]:
        if health is self.health:
            return []
        assert health in TRANSITIONS[self.health], (self.end, self.health, health)
        self.health = health
        return [HealthMoved(self.end, health is Health.UP, why)]
