"""Queues, members and agents as the core needs them: plain frozen values, seconds everywhere.

The names that other systems use for our strategies are in `ALIASES`; spec: "Strategies".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pbx.distribution.errors import ConfigError

# Announcing more often than this would talk over the music without end.
ANNOUNCE_EVERY_MIN: Final = 1.0


class Strategy(Enum):
    """An ordering of the ready members plus how wide an offer is."""

    RING_ALL = "ring_all"
    IN_ORDER = "in_order"
    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    WEIGHTED = "weighted"
    FEWEST_CALLS = "fewest_calls"
    LONGEST_IDLE = "longest_idle"
    LEAST_TALK_TIME = "least_talk_time"
    BY_RANK = "by_rank"
    FEWEST_TAGS = "fewest_tags"
    MANUAL = "manual"


class WithinTier(Enum):
    """`in_order`: who of one tier rings."""

    ALL = "all"
    ONE_BY_ONE = "one_by_one"


_S = Strategy
ALIASES: Final[dict[str, Strategy]] = {
    **{strategy.value: strategy for strategy in Strategy},
    # Asterisk app_queue.
    "ringall": _S.RING_ALL,
    "linear": _S.IN_ORDER,
    "rrmemory": _S.ROUND_ROBIN,
    "rrordered": _S.ROUND_ROBIN,
    "wrandom": _S.WEIGHTED,
    "fewestcalls": _S.FEWEST_CALLS,
    "leastrecent": _S.LONGEST_IDLE,
    "penalty": _S.BY_RANK,
    # FreeSWITCH mod_callcenter, Webitel.
    "ring-all": _S.RING_ALL,
    "top-down": _S.IN_ORDER,
    "sequentially-by-agent-order": _S.IN_ORDER,
    "ring-progressively": _S.IN_ORDER,
    "round-robin": _S.ROUND_ROBIN,
    "agent-with-fewest-calls": _S.FEWEST_CALLS,
    "fewest-calls": _S.FEWEST_CALLS,
    "longest-idle-agent": _S.LONGEST_IDLE,
    "longest-idle-time": _S.LONGEST_IDLE,
    "agent-with-least-talk-time": _S.LEAST_TALK_TIME,
    "least-talk-time": _S.LEAST_TALK_TIME,
    # The words of the people who ask for them.
    "in turn": _S.ROUND_ROBIN,
}
"""Every accepted spelling of a strategy. Look a name up with `strategy_named`."""

# Aliases that say more than the strategy: the settings of QueueConfig that come with them.
_ONE: Final[dict[str, object]] = {"within_tier": WithinTier.ONE_BY_ONE}
ALIAS_SETTINGS: Final[dict[str, dict[str, object]]] = {
    "linear": _ONE,
    "top-down": _ONE,
    "sequentially-by-agent-order": _ONE,
    "ring-progressively": {**_ONE, "keep_ringing": True, "tier_timeout": 10.0},
}


def strategy_named(name: str) -> tuple[Strategy, dict[str, object]]:
    """The strategy of any of its names, and the queue settings that this name implies."""
    strategy = ALIASES.get(name)
    if strategy is None:
        raise ConfigError(f"unknown strategy {name!r}; known: {', '.join(sorted(ALIASES))}")
    return strategy, dict(ALIAS_SETTINGS.get(name, {}))


@dataclass(frozen=True, slots=True)
class RetryDelays:
    """How long an agent is left in peace after an offer that failed, seconds by cause."""

    no_answer: float = 5.0
    busy: float = 5.0
    rejected: float = 5.0
    unreachable: float = 10.0  # Also when the phone or its leg fails.


@dataclass(frozen=True, slots=True)
class Member:
    """An agent's place in one queue."""

    agent: str
    order: int = 1  # The tier, lowest first.
    rank: int = 0  # Competence, highest first.
    weight: int = 1  # Share of the calls.
    ring_timeout: float | None = None  # None: the queue's.


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """One waiting line. Zero means "no limit" or "off" wherever a limit may be absent."""

    id: str
    strategy: Strategy
    members: tuple[Member, ...] = ()
    ring_timeout: float = 15.0
    wrap_up: float = 0.0
    retry_after: RetryDelays = field(default_factory=RetryDelays)
    max_wait: float = 0.0  # Counted from entering this queue.
    grace_if_ringing: bool = False  # Phones that ring at `max_wait` may finish their ring time.
    max_length: int = 0  # Calls not yet answered.
    join_empty: bool = True  # May a call join while nobody is signed in?
    leave_empty_after: float | None = 60.0  # None: stay until somebody signs in.
    weight: int = 0  # Between queues, highest first.
    priority: int = 0  # Added to the priority of each call that joins.
    join_ringing: bool = True
    share_ringing: bool = True  # `ring_all`: who waits gets phones that ring for others.
    outbound_resets_idle: bool = True
    tier_timeout: float = 0.0  # How long one step rings; 0: only ring_timeout ends it.
    keep_ringing: bool = False
    within_tier: WithinTier = WithinTier.ALL
    rounds: int = 0  # Through all tiers; then the call leaves as timed out.
    announce_every: float = 0.0
    announce_wait: bool = True  # Position always; the expected wait only if wished and known.


@dataclass(frozen=True, slots=True)
class AgentConfig:
    id: str
    tags: tuple[tuple[str, int], ...] = ()  # Name and level 0-100.
    max_calls: int = 1
    max_no_answer: int = 0  # Consecutive misses that lead to a break; 0: never.
    wrap_up: float | None = None  # None: the queue's.
    wrap_up_max: float = 300.0  # As far as the agent may extend it, from its start.
    ring_in_use: bool = False  # Ring although in a call outside the queues.


@dataclass(frozen=True, slots=True)
class DistributionConfig:
    queues: tuple[QueueConfig, ...] = ()
    agents: tuple[AgentConfig, ...] = ()


def check(config: DistributionConfig, supported: Iterable[Strategy]) -> None:
    """Raise ConfigError unless every reference is good and every number is sane."""
    agents = {agent.id for agent in config.agents}
    known = set(supported)
    if len(agents) < len(config.agents):
        raise ConfigError("two agents have the same id")
    if len({queue.id for queue in config.queues}) < len(config.queues):
        raise ConfigError("two queues have the same id")
    for agent in config.agents:
        if agent.max_calls < 1:
            raise ConfigError(f"agent {agent.id!r}: max_calls must be at least 1")
    for queue in config.queues:
        _check_queue(queue, agents, known)


def _check_queue(queue: QueueConfig, agents: set[str], supported: set[Strategy]) -> None:
    where = f"queue {queue.id!r}"
    if queue.strategy not in supported:
        raise ConfigError(f"{where}: strategy {queue.strategy.value!r} is not available")
    members = [member.agent for member in queue.members]
    if len(set(members)) < len(members):
        raise ConfigError(f"{where}: an agent is listed twice")
    for member in members:
        if member not in agents:
            raise ConfigError(f"{where}: unknown agent {member!r}")
    timeouts = [m.ring_timeout for m in queue.members if m.ring_timeout is not None]
    if min([queue.ring_timeout, *timeouts]) <= 0:
        raise ConfigError(f"{where}: ring_timeout must be above 0")
    if 0 < queue.announce_every < ANNOUNCE_EVERY_MIN:
        raise ConfigError(f"{where}: announce_every must be at least {ANNOUNCE_EVERY_MIN} s")
    delays = queue.retry_after
    seconds = (
        delays.no_answer,
        delays.busy,
        delays.rejected,
        delays.unreachable,
        queue.wrap_up,
        queue.max_wait,
        queue.tier_timeout,
        queue.announce_every,
        queue.leave_empty_after or 0.0,
    )
    if min(seconds) < 0 or queue.max_length < 0 or queue.rounds < 0:
        raise ConfigError(f"{where}: a duration or limit is negative")
