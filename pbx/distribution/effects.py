"""What the core wants done, as values; the call layer carries them out in the order given."""

from enum import Enum

from pbx.distribution.config import Strategy
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.values import value


class AgentState(Enum):
    """What an agent is doing; exactly one at any moment. `code` numbers them for counting."""

    INACTIVE = "inactive"
    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    BREAK = "break"
    UNREACHABLE = "unreachable"
    DELAYED = "delayed"
    OCCUPIED = "occupied"

    code: int
    __hash__ = object.__hash__  # Enum's own is written in Python; members are singletons anyway.

    def __init__(self, value: str) -> None:
        self.code = len(type(self).__members__)


class StopCause(Enum):
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    NO_ANSWER = "no_answer"
    CALLER_LEFT = "caller_left"
    WITHDRAWN = "withdrawn"


class How(Enum):
    """Which rule made the choice."""

    FIRST = "first by the strategy's order"
    EVERYBODY = "everybody who is ready rings"
    TIER = "everybody ready in the first tier that has somebody"
    NEXT_STEP = "the earlier ones go on ringing, these ring too"
    JOINED = "became ready while the call was ringing"
    SHARED = "taken from a call that many ring for"
    PICKED = "took the call from the list"
    PERSONAL = "is the caller's own agent"
    STICKY = "talked with this caller last"
    MAIN = "is the main operator of the day"
    BACKUP = "is the backup operator of the day"


class WhyNot(Enum):
    """Why a member was not chosen."""

    INACTIVE = "is signed out"
    RINGING = "is ringing"
    TALKING = "is talking"
    WRAP_UP = "is in wrap-up"
    BREAK = "is on break"
    UNREACHABLE = "has no phone that can be reached"
    DELAYED = "is left in peace after a failed offer"
    OCCUPIED = "is in a call outside the queues"
    RANKED_BEHIND = "is ready, but stands behind"
    TRIED = "was already offered this call"
    LATER_TIER = "belongs to a later tier"
    RINGS_IT = "is ringing for this very call"
    TALKS_IT = "is talking to this very caller"
    FROZEN = "came too late: nobody joins this queue's ringing calls"
    SERVED_FIRST = "another call goes first"
    TAKEN = "came too late: another agent has answered"
    NOT_A_MEMBER = "is not a member of the queue"
    LACKS_TAG = "lacks a required tag"
    MANUAL = "must pick the call himself"
    RESERVED = "is somebody else: the call is kept for one agent for now"
    NOT_YET = "is offered only calls that have waited longer"


@value
class Other:
    """A member who was not chosen. `value`: what was compared, or since when he is in his state."""

    agent: str
    why: WhyNot
    value: float
    detail: str = ""  # LACKS_TAG: what is lacking; RESERVED: for whom it is kept.


@value
class Explanation:
    """Why these agents: references and numbers only; `explain.describe` puts it into words.

    `key` holds the values compared (see `strategies.KEY_NAMES`), lowest first; empty when
    everybody rings, or was ringing for another call. `states` counts the queue's members by
    AgentState.code at that moment.
    `others` lists all other members of a small queue, of a large one only the next in line.
    """

    at: float
    queue: str
    strategy: Strategy
    how: How
    key: tuple[float, ...]
    round: int
    ready: int
    states: tuple[int, ...]
    others: tuple[Other, ...]
    requires: str = ""  # Of the agent, at that moment.


@value
class Ring:
    """Ring this agent. The core itself says when to stop; `until` is what it expects now.

    It may turn out earlier (the ring time counts from the first 18x) or later (`keep_ringing`).
    """

    call: str
    agent: str
    until: float
    explanation: Explanation
    auto_answer: bool = False  # The agent picked the call.


@value
class StopRinging:
    call: str
    agent: str
    cause: StopCause
    missed: bool = False  # Counts as a miss of this agent.


@value
class Connect:
    call: str
    agent: str


@value
class Release:
    """An answer that came too late: hang up on the agent, "completed elsewhere"."""

    call: str
    agent: str


@value
class Leave:
    """The call leaves the queue by itself: carry out the queue's destination for this reason."""

    call: str
    queue: str
    reason: LeaveReason


@value
class Announce:
    call: str
    position: int  # 1 = next.
    expected_wait: float | None  # Seconds; None: not known well enough to be said.


@value
class PickRefused:
    """The agent cannot have the call that he wanted to take from the list."""

    call: str
    agent: str
    why: WhyNot


class Refusal(Enum):
    """Why an agent may not do what he wants."""

    UNKNOWN_REASON = "there is no such reason for a break"
    TOO_FEW_AT_WORK = "too few others are at work"
    NO_SEAT = "all seats are taken"


@value
class StatusRefused:
    """The agent stays as he is."""

    agent: str
    why: Refusal


@value
class BreakOverdue:
    """The agent is on break for longer than its reason allows."""

    agent: str
    reason: str
    since: float


@value
class AgentChanged:
    agent: str
    state: AgentState
    reason: str
    since: float
    call: str = ""  # The one he rings for or talks to.


Effect = (
    Ring
    | StopRinging
    | Connect
    | Release
    | Leave
    | Announce
    | PickRefused
    | StatusRefused
    | BreakOverdue
    | AgentChanged
)
