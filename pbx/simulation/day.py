"""One day from outside: who calls when, how long he will wait and talk, and what agents do.

All that chance decides about a caller is decided here, so that the same day can be lived with
another strategy or one more agent, and the difference is due to that alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final, NamedTuple

from pbx.distribution.config import DistributionConfig
from pbx.distribution.inputs import Input, LeaveReason, RingOutcome
from pbx.simulation.durations import Seen

DAY_SECONDS_MAX: Final = 8 * 86_400.0  # A week, and a day of warm-up.
CALLS_MAX: Final = 1_000_000  # About one gigabyte; the largest centres have 100,000 a day.
AGENTS_MAX: Final = 10_000
DRAIN_SECONDS: Final = 4 * 3600.0

Response = Seen[RingOutcome]
"""What the agent's phone does so many seconds after it began to ring."""


class Timed(NamedTuple):
    """Something an agent or a supervisor does, whatever the callers do."""

    at: float
    event: Input


@dataclass(frozen=True, slots=True)
class Caller:
    call: str
    queue: str
    at: float
    talk: float
    patience: float = inf  # From `at` on; it lasts across queues.
    gives_up: LeaveReason = LeaveReason.ABANDONED  # How he leaves then.
    number: str = ""
    priority: int = 0
    requires: str = ""
    preferred_agent: str = ""
    callback: bool = False
    # The agent ends his wrap-up after so long, or extends it by so much.
    wrap_up_ends: float | None = None
    wrap_up_more: float = 0.0
    # Of a recorded day: what each agent did when he was offered this call, first offer first.
    responses: Mapping[str, tuple[Response, ...]] = field(
        default_factory=dict[str, tuple[Response, ...]]
    )


@dataclass(frozen=True, slots=True)
class Day:
    """`callers` and `script` are in the order of their times."""

    config: DistributionConfig
    start: float
    end: float
    callers: tuple[Caller, ...]
    script: tuple[Timed, ...]
    # Where a call goes that leaves a queue for this reason; otherwise it has gone.
    overflow: Mapping[tuple[str, LeaveReason], str] = field(
        default_factory=dict[tuple[str, LeaveReason], str]
    )
    counted_from: float = -inf  # Whoever calls before belongs to the warm-up.
    # After the end no more calls come; who still waits or talks then is waited for so long.
    drain: float = DRAIN_SECONDS
