"""Queues, members and agents as the core needs them: plain frozen values, seconds everywhere.

The names that other systems use for our strategies are in `ALIASES`; spec: "Strategies".
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pbx.distribution.errors import ConfigError

# Announcing more often than this would talk over the music without end.
ANNOUNCE_EVERY_MIN: Final = 1.0
# More often would only keep the core busy.
RECALCULATE_MIN: Final = 1.0
RISE_EVERY_MIN: Final = 0.5


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
    """`in_order`: who of one tier rings; `by_rank`: who of one rank."""

    ALL = "all"
    ONE_BY_ONE = "one_by_one"


class Window(Enum):
    """Which answered calls `fewest_calls` and `least_talk_time` compare."""

    DAY = "day"  # Since the input PeriodBegan(DAY): the edge knows time zones.
    HOUR = "hour"  # By the clock: since PeriodBegan(HOUR).
    SHIFT = "shift"  # Since the agent signed in.
    ROLLING = "rolling"  # The last `window_seconds`.


class Newcomer(Enum):
    """With how many calls (or how much talk) an agent begins who signs in after the others."""

    MINIMUM = "minimum"  # As many as the member who has the fewest, so he is not flooded.
    ZERO = "zero"  # His own.


class TagCount(Enum):
    """`fewest_tags`: which tags of an agent count."""

    TOTAL = "total"
    FOREIGN = "foreign"  # Those that the call does not ask for.


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
    "tier level": _S.BY_RANK,
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
class Tag:
    """What may be required of an agent."""

    name: str
    dimension: str = "skill"  # Department, skill, knowledge, language, location, …


DROP_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Relax:
    """After so many seconds in the queue a part of what is required is required no more."""

    after: float
    drop: str  # A dimension, a tag, or DROP_ALL.


@dataclass(frozen=True, slots=True)
class Member:
    """An agent's place in one queue."""

    agent: str
    order: int = 1  # The tier, lowest first.
    rank: int = 0  # Competence, highest first.
    weight: int = 1  # Share of the calls.
    ring_timeout: float | None = None  # None: the queue's.
    delay: float = 0.0  # He is not offered a call before it has waited so long in the queue.


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
    rounds: int = 0  # So often through all who are ready; then the call leaves: all missed it.
    announce_every: float = 0.0
    announce_wait: bool = True  # Position always; the expected wait only if wished and known.
    # What is required of the agent, beside what the call itself requires (requirements.py).
    requires: str = ""
    relax: tuple[Relax, ...] = ()
    leave_unmatched_after: float | None = 60.0  # Nobody signed in has what is required.
    # `fewest_calls` and `least_talk_time`.
    window: Window = Window.DAY
    window_seconds: float = 3600.0  # Of a rolling one.
    recalculate: float = 0.0  # The ranking stands still for so long; 0: it never does.
    newcomer: Newcomer = Newcomer.MINIMUM
    # `by_rank`.
    rank_timeout: float = 0.0  # How long one rank rings; 0: only ring_timeout ends it.
    within_rank: WithinTier = WithinTier.ONE_BY_ONE
    count_tags: TagCount = TagCount.TOTAL  # `fewest_tags`.
    # `manual`: who took no call from the list gets it by another strategy.
    auto_after: float = 0.0  # Counted from entering this queue; 0: never.
    then: Strategy = Strategy.LONGEST_IDLE
    # Before the strategy.
    personal_for: float = 20.0  # How long a call waits for its preferred agent; 0: not at all.
    sticky_for: float = 0.0  # So long after a talk the caller is kept for the same agent ...
    sticky_wait: float = 30.0  # ... and waits so long for him.
    sticky_ignore_status: bool = False  # Even if that agent is signed out or on break.
    # Priority that rises by one every so many seconds of waiting, at most by `rise_max`.
    rise_every: float = 0.0
    rise_max: int = 10
    wrap_up_max: float | None = None  # The most that an agent's own wrap_up may be here.


@dataclass(frozen=True, slots=True)
class AgentConfig:
    id: str
    tags: tuple[tuple[str, int], ...] = ()  # Name and level 0-100.
    max_calls: int = 1
    max_no_answer: int = 0  # Consecutive misses that lead to a break; 0: never.
    wrap_up: float | None = None  # None: the queue's.
    wrap_up_max: float = 300.0  # As far as the agent may extend it, from its start.
    wrap_up_extensions: int = 0  # How often he may extend it; 0: without limit.
    ring_in_use: bool = False  # Ring although in a call outside the queues.


@dataclass(frozen=True, slots=True)
class BreakReason:
    """What agents may take a break for."""

    name: str
    longest: float = 0.0  # Seconds; then BreakOverdue. 0: without limit.
    keep_at_work: int = 0  # So many others must be signed in and not on break.
    paid: bool = True
    productive: bool = False  # Counts as work: a training, a meeting.


@dataclass(frozen=True, slots=True)
class DistributionConfig:
    queues: tuple[QueueConfig, ...] = ()
    agents: tuple[AgentConfig, ...] = ()
    tags: tuple[Tag, ...] = ()  # The dimensions of those that are no "skill"; others need no entry.
    blacklist: tuple[str, ...] = ()  # Numbers; "48*": all that begin so; "anonymous": none.
    break_reasons: tuple[BreakReason, ...] = ()  # None: any word will do.
    seats: int = 0  # So many may be signed in at a time; 0: everybody.


def check(config: DistributionConfig) -> None:
    """Raise ConfigError unless every reference is good and every number is sane."""
    agents = {agent.id for agent in config.agents}
    if len(agents) < len(config.agents):
        raise ConfigError("two agents have the same id")
    if len({queue.id for queue in config.queues}) < len(config.queues):
        raise ConfigError("two queues have the same id")
    if len({reason.name for reason in config.break_reasons}) < len(config.break_reasons):
        raise ConfigError("two break reasons have the same name")
    if config.seats < 0:
        raise ConfigError("seats must not be negative")
    for agent in config.agents:
        if agent.max_calls < 1:
            raise ConfigError(f"agent {agent.id!r}: max_calls must be at least 1")
    for queue in config.queues:
        _check_members(queue, agents)
        _check_strategy(queue)
        _check_numbers(queue)


def _check_members(queue: QueueConfig, agents: set[str]) -> None:
    where = f"queue {queue.id!r}"
    members = [member.agent for member in queue.members]
    if len(set(members)) < len(members):
        raise ConfigError(f"{where}: an agent is listed twice")
    for member in queue.members:
        if member.agent not in agents:
            raise ConfigError(f"{where}: unknown agent {member.agent!r}")
        if member.weight < 1 or member.delay < 0:
            raise ConfigError(f"{where}: {member.agent!r}: weight must be at least 1, delay 0")
    timeouts = [m.ring_timeout for m in queue.members if m.ring_timeout is not None]
    if min([queue.ring_timeout, *timeouts]) <= 0:
        raise ConfigError(f"{where}: ring_timeout must be above 0")


def _check_strategy(queue: QueueConfig) -> None:
    where = f"queue {queue.id!r}"
    if queue.then is Strategy.MANUAL:
        raise ConfigError(f"{where}: `then` must be a strategy that chooses somebody")
    if queue.window is Window.ROLLING and queue.window_seconds <= 0:
        raise ConfigError(f"{where}: a rolling window must be longer than 0 s")
    if 0 < queue.recalculate < RECALCULATE_MIN:
        raise ConfigError(f"{where}: recalculate must be at least {RECALCULATE_MIN} s")
    if 0 < queue.rise_every < RISE_EVERY_MIN:
        raise ConfigError(f"{where}: rise_every must be at least {RISE_EVERY_MIN} s")


def _check_numbers(queue: QueueConfig) -> None:
    where = f"queue {queue.id!r}"
    if 0 < queue.announce_every < ANNOUNCE_EVERY_MIN:
        raise ConfigError(f"{where}: announce_every must be at least {ANNOUNCE_EVERY_MIN} s")
    delays = queue.retry_after
    seconds = (
        *(delays.no_answer, delays.busy, delays.rejected, delays.unreachable),
        *(queue.wrap_up, queue.wrap_up_max or 0.0, queue.max_wait, queue.auto_after),
        *(queue.tier_timeout, queue.rank_timeout, queue.announce_every),
        *(queue.leave_empty_after or 0.0, queue.leave_unmatched_after or 0.0),
        *(queue.personal_for, queue.sticky_for, queue.sticky_wait),
        *(queue.rise_every, queue.recalculate, queue.window_seconds),
        *(step.after for step in queue.relax),
    )
    if min(seconds) < 0 or min(queue.max_length, queue.rounds, queue.rise_max) < 0:
        raise ConfigError(f"{where}: a duration or limit is negative")
