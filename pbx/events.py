"""What happens in the exchange, as values: one stream for history, metrics, pages and logs.

`at` is Unix seconds. Ids are those of the configuration.
"""

from dataclasses import dataclass
from enum import Enum

from pbx.history.records import CallRecord
from pbx.recording.records import RecordingRecord
from sip.registration import Binding


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


class Regrouped(Enum):
    """How the people of a call changed."""

    BLIND = "transferred"  # One side is sent to a number.
    ATTENDED = "transferred after asking"  # One side takes the place of another phone.
    CONSULT = "asking somebody first"  # The other side waits meanwhile.
    BACK = "given back"  # Nobody was there: both talk again.
    PICKED_UP = "picked up"  # Somebody else answers what rings, or what is parked.
    PARKED = "parked"
    TAKEN_OVER = "taken over"  # A supervisor talks instead of the agent.
    CONFERENCE = "added to a conversation"  # Its other side is the third one of another call.
    STEPPED_IN = "stepped in"  # One of three has gone: the other two go on.


@dataclass(frozen=True, slots=True)
class CallRegrouped:
    call: str
    by: str  # The extension that did it; "" for somebody outside.
    to: str  # The number, slot or call where it leads.
    how: Regrouped
    at: float


@dataclass(frozen=True, slots=True)
class Supervised:
    """What a supervisor does, or is not allowed to do: the audit of monitoring."""

    call: str  # Of the supervisor.
    supervisor: str  # An extension.
    extension: str  # Who is watched.
    agent: str
    what: str  # A mode, "waits", "ended", "refused", "nobody"
    heard: str  # The call that is listened to; "" for none.
    at: float


@dataclass(frozen=True, slots=True)
class ConferenceChanged:
    """Somebody came, went, or changed something."""

    conference: str
    call: str
    extension: str  # "" for somebody outside.
    what: str  # "joined", "left", "muted", "unmuted", "locked", "unlocked", "removed", "refused"
    members: int  # Who are there now.
    at: float


@dataclass(frozen=True, slots=True)
class CallEnded:
    call: str
    record: CallRecord
    at: float


@dataclass(frozen=True, slots=True)
class RecordingChanged:
    """It began, ended, was put into its format, copied elsewhere, or deleted."""

    record: RecordingRecord
    at: float
    deleted: bool = False


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
    kind: str  # "added", "refreshed", "removed", "expired", "unreachable", "reachable"
    devices: int  # Bindings this extension has now, but for those that do not answer.
    at: float
    kept: Binding | None = None  # What is to outlive a restart; its times are Unix seconds.


@dataclass(frozen=True, slots=True)
class PhoneSettingChanged:
    """Somebody changed what an extension prefers, by a feature code or from outside."""

    extension: str
    setting: str
    value: str | None  # None: what the configuration says holds again.
    at: float


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """Somebody was not let in, or sent what we do not do."""

    method: str
    source: str
    status: int
    at: float


@dataclass(frozen=True, slots=True)
class SourceBanned:
    """An address or a network that nothing is heard from any more, or not for this user."""

    source: str
    user: str  # "" for everybody there.
    reason: str  # "password", "scan", "scanner", "by hand"
    until: float | None  # Unix seconds; None: until it is lifted.
    at: float


@dataclass(frozen=True, slots=True)
class SourceUnbanned:
    source: str
    user: str
    by: str  # "time", "hand"
    at: float


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    worker: int
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class TrunkChanged:
    """Something about a trunk came up, or went away."""

    trunk: str
    what: str  # "registration", "server", "address"
    server: str
    up: bool
    why: str  # "" when it is well.
    at: float


@dataclass(frozen=True, slots=True)
class OutsideEnded:
    """A call to the outside is over, or a day in the middle of it: what it used."""

    call: str
    extension: str  # Who pays; "" for a call from one trunk to another.
    trunk: str
    number: str
    call_class: str
    seconds: float
    money: float
    at: float


@dataclass(frozen=True, slots=True)
class OutsideRefused:
    """Somebody may not call there, or not any more today."""

    call: str
    extension: str
    number: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class TollAlarm:
    """Refusals in a row, or the end of a day's money: somebody should look at this extension."""

    extension: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class VoicemailLeft:
    """A message is in a mailbox, on disk for good."""

    mailbox: str
    message: str
    call: str
    caller: str
    seconds: float
    new: int  # Messages there that nobody has heard.
    at: float


Event = (
    CallStarted
    | CallQueued
    | QueueLeft
    | OfferStarted
    | OfferEnded
    | CallAnswered
    | CallRegrouped
    | Supervised
    | ConferenceChanged
    | CallEnded
    | RecordingChanged
    | AgentStateChanged
    | AgentRefused
    | BreakTooLong
    | RegistrationChanged
    | PhoneSettingChanged
    | RequestRefused
    | SourceBanned
    | SourceUnbanned
    | WorkerFailed
    | TrunkChanged
    | OutsideEnded
    | OutsideRefused
    | TollAlarm
    | VoicemailLeft
)
