"""What the oracle keeps of agents, phones, callers and queues, and the words it speaks."""

from dataclasses import dataclass, field

from pbx.distribution.config import AgentConfig, Member
from pbx.distribution.effects import (
    AgentChanged,
    Announce,
    BreakOverdue,
    Connect,
    Effect,
    Leave,
    PickRefused,
    Release,
    Ring,
    StatusRefused,
    StopRinging,
)

Word = tuple[str | float | None, ...]


def words(effects: list[Effect]) -> list[Word]:
    """The core's effects in the oracle's terms. Agents' states are compared apart."""
    found: list[Word] = []
    for effect in effects:
        match effect:
            case Ring(call, agent, until, why, auto):
                found.append(("ring", call, agent, until, str(auto), why.how.name))
            case StopRinging(call, agent, cause, missed):
                found.append(("stop", call, agent, cause.value, str(missed)))
            case Connect(call, agent):
                found.append(("connect", call, agent))
            case Release(call, agent):
                found.append(("release", call, agent))
            case Leave(call, queue, reason):
                found.append(("leave", call, queue, reason.value))
            case Announce(call, position, expected):
                found.append(("announce", call, position, rounded(expected)))
            case PickRefused(call, agent, why_not):
                found.append(("refused", call, agent, why_not.name))
            case StatusRefused(agent, refusal):
                found.append(("status refused", agent, refusal.name))
            case BreakOverdue(agent, reason, since):
                found.append(("overdue", agent, reason, since))
            case AgentChanged():
                pass
    return sorted(found, key=repr)


def rounded(seconds: float | None) -> float | None:
    """An expected wait: two ways of adding up the same numbers may differ in the last digit."""
    return None if seconds is None else round(seconds, 6)


@dataclass
class Person:
    config: AgentConfig
    signed_in: bool = False
    on_break: bool = False
    break_reason: str = ""
    break_since: float = 0.0
    overdue_at: float | None = None  # When the break will have been too long.
    reachable: bool = False
    outside: int = 0
    ringing: str = ""
    talking: list[str] = field(default_factory=list[str])
    wrap_since: float = 0.0
    wrap_until: float | None = None
    extensions: int = 0
    delay_until: float | None = None
    delay_reason: str = ""
    misses: int = 0
    idle: float = 0.0
    free: float = 0.0
    removed: bool = False
    shift: int = 0  # The number of his sign-ins.
    was_ready: bool = False  # When last looked at.

    def ready(self) -> bool:
        if not self.present() or self.ringing:
            return False
        if self.wrap_until is not None or self.delay_until is not None:
            return False
        if self.outside and not self.config.ring_in_use:
            return False
        return len(self.talking) < self.config.max_calls

    def present(self) -> bool:
        return self.signed_in and not self.on_break and self.reachable

    def state(self) -> tuple[str, str]:
        if self.talking:
            return "talking", ""
        if self.ringing:
            return "ringing", ""
        if not self.signed_in:
            return "inactive", ""
        if self.outside:
            return "occupied", ""
        if self.on_break:
            return "break", self.break_reason
        if not self.reachable:
            return "unreachable", ""
        if self.wrap_until is not None:
            return "wrap_up", ""
        if self.delay_until is not None:
            return "delayed", self.delay_reason
        return "ready", ""


@dataclass
class RungPhone:
    offered: float
    started: float | None
    timeout: float
    until: float | None
    picked: bool = False
    personal: bool = False  # He need not be a member to ring.


@dataclass
class Tally:
    """One answered call, or one talk: what `fewest_calls` and `least_talk_time` count."""

    agent: str
    at: float
    talk: bool
    amount: int  # 1, or milliseconds.
    day: int
    hour: int
    shift: int
    rolling: bool  # Was there a rolling window that its moment was noted for?


@dataclass
class Talked:
    """Who talked with a number last."""

    agent: str
    at: float


@dataclass
class Caller:
    id: str
    queue: str
    priority: int  # His own, without the queue's.
    queue_priority: int  # As configured when he entered.
    joined: float
    serial: int
    entered: float
    number: str = ""
    requires: str = ""
    preferred: str = ""
    callback: bool = False
    state: str = "waiting"
    phones: dict[str, RungPhone] = field(default_factory=dict[str, RungPhone])
    agent: str = ""
    answered: float = 0.0
    tally: Tally | None = None
    round: int = 1
    tried: dict[str, int] = field(default_factory=dict[str, int])
    level: tuple[int, int] = (0, 0)
    alone: bool = False  # The one who rings is a reserved agent or an operator.
    step_until: float | None = None
    leave_at: float | None = None
    overdue: bool = False
    reopened: bool = False
    stepping: bool = False
    announce_at: float | None = None
    told: float | None = None
    told_at: float = 0.0
    risen: int = 0
    seen: float = 0.0  # When it was last looked at which stage it is in.
    reserve: str = "new"  # Then "personal", "sticky", "over": never back.
    kept_for: str = ""
    personal_was: str = ""
    sticky: Talked | None = None
    sticky_since: float = 0.0
    unmatched_since: float | None = None


@dataclass
class Credit:
    amount: int
    until: float | None


@dataclass
class Edit:
    """What a supervisor made of somebody's membership; None: he is no member."""

    member: Member | None
    until: float | None


@dataclass
class Sample:
    ended: float
    talk: float
    wrap: float


@dataclass
class Notes:
    """What is remembered of a queue beside its configuration."""

    turns: list[str] = field(default_factory=list[str])  # `round_robin`: who is next, and so on.
    empty_since: float | None = None
    main: str = ""
    backup: str = ""
    samples: list[Sample] = field(default_factory=list[Sample])
    share: float = 1.0  # Of its members' answers.
    errors: list[tuple[float, bool]] = field(default_factory=list[tuple[float, bool]])
    credits: dict[str, Credit] = field(default_factory=dict[str, Credit])
    frozen: dict[str, int] = field(default_factory=dict[str, int])
    anchor: float = 0.0
    ranked_at: float | None = None
    recalculate_at: float | None = None
    passes: dict[str, int] = field(default_factory=dict[str, int])  # `weighted`.
    furthest: int = 0
