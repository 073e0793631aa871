"""Everything that can happen to the queues, as values: what the journal keeps, and nothing else.

The core has one door, `Distribution.apply(event, now)`. An input about a call, agent or queue that
it does not know (any more) is counted and otherwise ignored: such inputs cross ours on the wire.
"""

from dataclasses import dataclass
from enum import Enum

from pbx.distribution.config import DistributionConfig, Member, Strategy


class AgentStatus(Enum):
    """What an agent who is signed in chooses; "inactive" is signing out."""

    ACTIVE = "active"
    BREAK = "break"


class RingOutcome(Enum):
    ANSWERED = "answered"
    REJECTED = "rejected"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


class LeaveReason(Enum):
    """How a call's stay in a queue ends; each stay ends exactly once."""

    __hash__ = object.__hash__  # Enum's own is written in Python; members are singletons anyway.

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    TIMED_OUT = "timed_out"
    KEY = "key"
    QUEUE_FULL = "queue_full"
    NOBODY_SIGNED_IN = "nobody_signed_in"
    MOVED = "moved"
    CALLBACK = "callback"
    SYSTEM = "system"  # Hung up by the system, or its queue was deleted.
    NO_MATCH = "no_match"  # Nobody who is signed in has the required tags.
    ALL_MISSED = "all_missed"  # Everybody who was ready was tried, as often as `rounds` says.
    BLACKLISTED = "blacklisted"


@dataclass(frozen=True, slots=True)
class CallJoined:
    call: str
    queue: str
    number: str = ""
    priority: int = 0  # Highest first.
    requires: str = ""  # Of the agent: "sales & (french >= 50 | english)"; see requirements.py.
    preferred_agent: str = ""  # The caller's own, who gets it first; need not be a member.
    joined_at: float | None = None  # When its wait began, if not now: it keeps its place.
    callback: bool = False  # A placeholder: the agent is rung first, then the customer is called.


@dataclass(frozen=True, slots=True)
class CallLeft:
    """The caller hung up, pressed the overflow key or was taken away."""

    call: str
    reason: LeaveReason = LeaveReason.ABANDONED


@dataclass(frozen=True, slots=True)
class CallbackBooked:
    """The caller hangs up, and a placeholder waits on at exactly his place."""

    call: str
    callback: str  # The placeholder's id.


@dataclass(frozen=True, slots=True)
class AgentSignedIn:
    agent: str


@dataclass(frozen=True, slots=True)
class AgentSignedOut:
    agent: str


@dataclass(frozen=True, slots=True)
class AgentStatusSet:
    agent: str
    status: AgentStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentReachable:
    """A device of the agent can be rung. Until this is said, it cannot."""

    agent: str


@dataclass(frozen=True, slots=True)
class AgentUnreachable:
    agent: str


@dataclass(frozen=True, slots=True)
class AgentOccupied:
    """A call outside the queues began. Calls are counted: each needs its AgentVacated."""

    agent: str


@dataclass(frozen=True, slots=True)
class AgentVacated:
    agent: str


@dataclass(frozen=True, slots=True)
class RingStarted:
    """The first 18x of this agent's phone."""

    call: str
    agent: str


@dataclass(frozen=True, slots=True)
class RingEnded:
    """The phone's answer to a Ring. After StopRinging only a late ANSWERED matters."""

    call: str
    agent: str
    outcome: RingOutcome


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    """The agent's leg failed after it answered; the caller keeps his place."""

    call: str
    agent: str


@dataclass(frozen=True, slots=True)
class ConversationEnded:
    call: str
    agent: str


@dataclass(frozen=True, slots=True)
class WrapUpEnded:
    agent: str


@dataclass(frozen=True, slots=True)
class WrapUpExtended:
    agent: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CallPicked:
    """The agent takes this call from the list of waiting ones.

    The effects hold a Ring for him, or he cannot have it: taken already, or he is not free.
    """

    call: str
    agent: str


@dataclass(frozen=True, slots=True)
class CallMoved:
    """A supervisor moved the call to another queue; its original join time goes along."""

    call: str
    queue: str


class Period(Enum):
    DAY = "day"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class PeriodBegan:
    """Midnight has passed, or the hour has struck, where the company is."""

    period: Period


@dataclass(frozen=True, slots=True)
class OperatorsSet:
    """The main operator of the day gets each call first, the backup if that one cannot.

    Forgotten when the day ends; "": nobody.
    """

    queue: str
    main: str = ""
    backup: str = ""


@dataclass(frozen=True, slots=True)
class MemberSet:
    """A supervisor adds a member to a queue, or changes one; it outlives `Configured`."""

    queue: str
    member: Member
    until: float | None = None  # When it is undone.


@dataclass(frozen=True, slots=True)
class MemberDropped:
    """A supervisor takes a member out of a queue."""

    queue: str
    agent: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class MemberRestored:
    """As configured again."""

    queue: str
    agent: str


@dataclass(frozen=True, slots=True)
class TagsSet:
    """A supervisor changes an agent's tags; None: as configured again."""

    agent: str
    tags: tuple[tuple[str, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class StrategySet:
    """A supervisor changes a queue's strategy; None: as configured again."""

    queue: str
    strategy: Strategy | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """Who last talked with this number, and when: known from before this core began."""

    number: str
    agent: str
    at: float


@dataclass(frozen=True, slots=True)
class Configured:
    config: DistributionConfig


@dataclass(frozen=True, slots=True)
class TimePassed:
    """`Distribution.on_time`: whatever is due now."""


Input = (
    CallJoined
    | CallLeft
    | AgentSignedIn
    | AgentSignedOut
    | AgentStatusSet
    | AgentReachable
    | AgentUnreachable
    | AgentOccupied
    | AgentVacated
    | RingStarted
    | RingEnded
    | AnswerFailed
    | ConversationEnded
    | WrapUpEnded
    | WrapUpExtended
    | CallPicked
    | CallMoved
    | CallbackBooked
    | PeriodBegan
    | OperatorsSet
    | MemberSet
    | MemberDropped
    | MemberRestored
    | TagsSet
    | StrategySet
    | Remembered
    | Configured
    | TimePassed
)
