"""One caller's stay in one queue.

WAITING <--> RINGING --> TALKING --> (gone)
   ^                        |
   +---- AnswerFailed ------+
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final


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
    picked: bool = False


@dataclass(slots=True)
class Call:
    id: str
    queue: str
    place: Place
    entered_at: float  # This queue; `place` says when the whole wait began.
    number: str = ""
    tags: tuple[str, ...] = ()
    preferred_agent: str = ""
    state: CallState = CallState.WAITING
    legs: dict[str, Leg] = field(default_factory=dict[str, Leg])  # By agent.
    agent: str = ""  # Whom the caller talks to.
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
    announced_wait: float | None = None

    def become(self, state: CallState) -> None:
        assert state in TRANSITIONS[self.state], (self.id, self.state, state)
        self.state = state
        self.step_until = None
