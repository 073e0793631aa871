"""What happens in the exchange, as values: one stream for history, metrics, pages and logs.

`at` is Unix seconds. Ids are those of the configuration.
"""

from dataclasses import dataclass

from pbx.history.records import CallRecord


@dataclass(frozen=True, slots=True)
class CallStarted:
    call: str
    caller: str
    caller_name: str
    called: str
    at: float


@dataclass(frozen=True, slots=True)
class CallQueued:
    call: str
    queue: str
    caller: str
    waiting: int  # Calls waiting in this queue now, this one included.
    at: float


@dataclass(frozen=True, slots=True)
class QueueLeft:
    """The call no longer waits in this queue."""

    call: str
    queue: str
    reason: str  # A leave reason: "answered", "abandoned", "timed out", …
    wait_seconds: float
    waiting: int  # Calls still waiting there.
    at: float


@dataclass(frozen=True, slots=True)
class OfferStarted:
    call: str
    queue: str  # "" for a direct call.
    agent: str  # "" when a plain extension is rung.
    extension: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class OfferEnded:
    call: str
    queue: str
    agent: str
    extension: str
    outcome: str
    rang_seconds: float
    at: float


@dataclass(frozen=True, slots=True)
class CallAnswered:
    call: str
    queue: str
    agent: str
    extension: str
    wait_seconds: float
    at: float


@dataclass(frozen=True, slots=True)
class CallEnded:
    call: str
    record: CallRecord
    at: float


@dataclass(frozen=True, slots=True)
class AgentStateChanged:
    agent: str
    state: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class AgentRefused:
    """An agent wanted to sign in or take a break and may not."""

    agent: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class BreakTooLong:
    agent: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    extension: str
    contact: str
    kind: str  # "added", "refreshed", "removed", "expired"
    devices: int  # Bindings this extension has now.
    at: float


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """Somebody was not let in, or sent what we do not do."""

    method: str
    source: str
    status: int
    at: float


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    worker: int
    error: str
    at: float


Event = (
    CallStarted
    | CallQueued
    | QueueLeft
    | OfferStarted
    | OfferEnded
    | CallAnswered
    | CallEnded
    | AgentStateChanged
    | AgentRefused
    | BreakTooLong
    | RegistrationChanged
    | RequestRefused
    | WorkerFailed
)
