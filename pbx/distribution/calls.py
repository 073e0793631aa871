"""One caller's stay in one queue.

WAITING <--> RINGING --> TALKING --> (gone)
   ^                        |
   +---- AnswerFailed ------+
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pbx.distribution.work import Marks


class CallState(Enum):
    WAITING = "waiting"
    RINGING = "ringing"
    TALKING = "talking"

    __hash__ = object.__hash__  # Enum's own is written in Python; members are singletons anyway.


_S = CallState
TRANSITIONS: Final[dict[CallState, frozenset[CallState]]] = {
    _S.WAITING: frozenset({_S.RINGING}),
    _S.RINGING: frozenset({_S.WAITING, _S.TALKING}),
    _S.TALKING: frozenset({_S.WAITING}),
}


Place = tuple[int, float, int, str]
"""Priority, negated; when the wait began; serial; the call. Sorts by who is served first.

A caller handed back keeps it. (A plain tuple: it is made for each call, and compared often.)
"""


@dataclass(slots=True)
class Leg:
    """One agent rung for the call."""

    offered_at: float
    timeout: float
    deadline: float | None  # None: something else ends it (the step, or max_wait).
    started_at: float | None = None  # The first 18x.
    alone: bool = False  # Nobody may join: picked, or offered to one certain agent.
    own: bool = False  # The caller's own agent: he need not be a member.
    picked: bool = False  # He took it from the list, and nobody takes it from him.


@dataclass(slots=True, eq=False)
class Call:
    id: str
    queue: str
    place: Place
    entered_at: float  # This queue; `place` says when the whole wait began.
    number: str = ""
    requires: str = ""  # Of the agent, by the call itself.
    priority: int = 0  # The call's own; `place` has the queue's too, and what it has risen by.
    preferred_agent: str = ""  # Whom it may still be kept for first.
    callback: bool = False  # Nobody listens: no announcements, and patience without end.
    state: CallState = CallState.WAITING
    # Where it waits, or comes back to: see stages.py.
    lane: str | None = None  # None: kept for one agent, or for whoever picks it.
    reserved: str = ""  # The agent it is kept for ...
    reserved_since: float = 0.0
    sticky: bool = False  # ... because they talked before; else he is the caller's own.
    sticky_tried: bool = False  # That stage has been.
    talked_at: float = 0.0
    stage_at: float | None = None  # When the next stage begins.
    unmatched_since: float | None = None  # Nobody signed in could ever serve it.
    unmatched_at: float | None = None
    risen: int = 0  # By how much its priority has risen.
    rise_at: float | None = None
    # Who rings and rang.
    legs: dict[str, Leg] = field(default_factory=dict[str, Leg])  # By agent.
    round: int = 1
    tried: dict[str, int] = field(
        default_factory=dict[str, int]
    )  # Agent -> round of his last miss.
    level: tuple[int, int] = (0, 0)  # Of the step: round of the last miss, tier.
    step_until: float | None = None
    leave_at: float | None = None
    overdue: bool = False  # `leave_at` has passed, but phones may finish ringing.
    joinable: bool = False  # It rings, and agents who become ready may join.
    shared: int = 0  # How many rang when it was last noted among those that can share.
    announce_at: float | None = None
    announced_at: float = 0.0
    announced_wait: float | None = None
    # Whom the caller talks to.
    agent: str = ""
    answered_at: float = 0.0
    counted: Marks = (0, 0, 0)

    def become(self, state: CallState) -> None:
        assert state in TRANSITIONS[self.state], (self.id, self.state, state)
        self.state = state
        self.step_until = None
