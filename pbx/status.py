"""What the exchange is doing now, as plain values: made by the app, shown by web and CLI.

Names ending in `_at` and `since` are Unix seconds, durations are seconds. A reader subtracts
`since` from `Status.at`, so that its own clock does not matter.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class CallStatus:
    id: str
    state: str
    since: float  # When it entered this state.
    started_at: float
    caller: str
    called: str
    caller_name: str = ""
    queue: str = ""
    agent: str = ""
    extension: str = ""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """`answered` and `abandoned` count the calls that joined since local midnight."""

    id: str
    waiting: int
    longest_wait_seconds: float
    answered: int
    abandoned: int
    ready: int = 0  # Members that could be rung now.
    left: dict[str, int] = field(default_factory=dict[str, int])  # All of them, by reason.
    # Of the answered calls, over the agents who were at work: 0.0 all the same, 1.0 one has all.
    gini: float = 0.0
    main: str = ""  # The operators of the day.
    backup: str = ""
    ranked_at: float | None = None  # When its agents were ranked, if the ranking stands still.


@dataclass(frozen=True, slots=True)
class AgentStatus:
    id: str
    state: str
    since: float
    name: str = ""
    reason: str = ""
    call: str = ""
    answered: int = 0  # Calls from queues, today.


class Told(NamedTuple):
    """Of the expected waits that a queue's callers were told before they were answered."""

    callers: int
    close: int  # The same spoken step, or the next to it.
    off_seconds: float  # Sum of how wrong they were, whichever way.
    over_seconds: float  # Sum of how much too long; negative: too short.


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A media worker process."""

    number: int
    alive: bool
    pid: int = 0
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class BanStatus:
    """A source that is not listened to, or a user of it."""

    source: str  # An address or a network.
    user: str
    reason: str
    since: float
    until: float | None  # None: until somebody lifts it.


@dataclass(frozen=True, slots=True)
class TrunkStatus:
    id: str
    registered: bool | None  # None: it needs no registration.
    servers_up: int  # Of those that it has addresses of; unknown ones count as up.
    servers: int
    channels: int  # In use.
    why: str = ""  # Not registered.


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something needs a person: raised once, cleared once, by `name`."""

    name: str
    active: bool
    text: str


@dataclass(frozen=True, slots=True)
class Status:
    version: str
    at: float  # When this was true.
    uptime_seconds: float
    calls: tuple[CallStatus, ...] = ()
    queues: tuple[QueueStatus, ...] = ()
    agents: tuple[AgentStatus, ...] = ()
    registrations: int = 0
    workers: tuple[WorkerStatus, ...] = ()
    counters: dict[str, int] = field(default_factory=dict[str, int])
    alarms: tuple[Alarm, ...] = ()
    bans: int = 0
    trunks: tuple[TrunkStatus, ...] = ()
