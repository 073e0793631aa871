"""What the endpoint tells the edge (`Send`) and its transaction user (all the rest)."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from sip.flow import Flow
from sip.guard import Banned, Unbanned
from sip.message import Request, Response


class Send(NamedTuple):
    """Put these bytes on the wire."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """A call comes in; 100 has been sent. Answer with `ring`, `answer` or `reject`."""

    session: str
    request: Request
    flow: Flow
    username: str | None  # None: a trusted source.


@dataclass(frozen=True, slots=True)
class SessionProgress:
    """101-199 to our INVITE."""

    session: str
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class SessionAnswered:
    """The first 2xx to our INVITE. The ACK is on its way."""

    session: str
    body: bytes
    response: Response


@dataclass(frozen=True, slots=True)
class SessionAcked:
    """The ACK of our 2xx to an INVITE. The body has the SDP if we made the offer."""

    session: str
    body: bytes


@dataclass(frozen=True, slots=True)
class SessionOffered:
    """A re-INVITE or UPDATE of the peer: `accept_offer` or `reject_offer` it.

    An empty body asks us for an offer (RFC 3261 §14.2): give it to `accept_offer`;
    the peer's answer comes as `OfferAnswered`.
    """

    session: str
    body: bytes
    method: str


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """The peer's answer to an offer that we made within a session."""

    session: str
    body: bytes


@dataclass(frozen=True, slots=True)
class OfferRejected:
    """Our offer was refused; the session goes on as it was (RFC 3261 §14.1).

    491 means: the peer's own offer came between. Make a new one if it is still wanted.
    """

    session: str
    status: int


class EndedBy(Enum):
    REMOTE = "remote"
    LOCAL = "local"
    TIMEOUT = "timeout"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The last word about a session, exactly once. Its name may be used again.

    `status` is the final status of an unanswered session (487: cancelled), else 200;
    408 and 503 also where silence or the transport ended an answered one.
    """

    session: str
    status: int
    reason: str  # The peer's Reason header as it came (RFC 3326), or "".
    by: EndedBy
    message: Request | Response | None = None  # What of the peer's ended it.


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request outside any dialog, not an INVITE. Answer with `respond`."""

    transaction: str
    request: Request
    flow: Flow
    username: str | None  # None: a trusted source, or OPTIONS.


@dataclass(frozen=True, slots=True)
class InDialogRequest:
    """INFO, REFER, NOTIFY, MESSAGE, SUBSCRIBE within a session. Answer with `respond`."""

    session: str
    transaction: str
    request: Request


@dataclass(frozen=True, slots=True)
class RequestDone:
    """The final response to a request of ours; None: silence, or the transport failed."""

    key: str
    response: Response | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Somebody wants to be told (RFC 6665). Answer with `accept_subscription`, and `notify` at
    once; or with `reject_subscription`."""

    subscription: str
    event: str  # The package.
    aor: str  # Whose state: the user part of the Request-URI.
    accept: tuple[str, ...]  # Media types, in lower case; () when the request does not say.
    request: Request
    username: str | None  # None: a trusted source.
    flow: Flow


@dataclass(frozen=True, slots=True)
class SubscriptionRefreshed:
    """It goes on, or asks for the last time: `notify` with the whole state (RFC 6665 §4.2.1.4)."""

    subscription: str


@dataclass(frozen=True, slots=True)
class Notified:
    """The last NOTIFY was answered, and no other one waits."""

    subscription: str


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """The last word about an accepted subscription, exactly once."""

    subscription: str


Event = (
    InviteReceived
    | SessionProgress
    | SessionAnswered
    | SessionAcked
    | SessionOffered
    | OfferAnswered
    | OfferRejected
    | SessionEnded
    | RequestReceived
    | InDialogRequest
    | RequestDone
    | Subscribed
    | SubscriptionRefreshed
    | Notified
    | SubscriptionEnded
    | Banned
    | Unbanned
)
Output = Send | Event
