"""Everything that can happen to the queues, as values: what the journal keeps, and nothing else.

The core has one door, `Distribution.apply(event, now)`. An input about a call, agent or queue that
it does not know (any more) is counted and otherwise ignored: such inputs cross ours on the wire.
"""

from dataclasses import dataclass
from enum import Enum

from pbx.distribution.config import DistributionConfig


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


@dataclass(frozen=True, slots=True)
class CallJoined:
    call: str
    queue: str
    number: str = ""
    priority: int = 0  # Highest first.
    tags: tuple[str, ...] = ()  # Required of the agent.
    preferred_agent: str = ""
    joined_at: float | None = None  # When its wait began, if not now: it keeps its place.


@dataclass(frozen=True, slots=True)
class CallLeft:
    """The caller hung up, pressed the overflow key or was taken away."""

    call: str
    reason: LeaveReason = LeaveReason.ABANDONED


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
    | Configured
    | TimePassed
)
