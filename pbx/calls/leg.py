"""One device in one call: a SIP session and its sound, seen as neutral events.

      OFFERED (it calls us)      DIALLING (we call it)
          |      \\              /      |
          |      RINGING <------       |
          +---------> UP <-------------+        any --> ENDED

This is the only file of `pbx` that knows SIP status codes: above it there are causes.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from media.negotiation import Remote
from media.sdp_security import Secrets
from pbx.calls.causes import Cause
from pbx.codec_plan import ANY, PeerCodecs
from pbx.encryption import Policy
from sip.flow import Flow
from sip.headers import NameAddr
from sip.login import Login
from sip.states import Named


@dataclass(frozen=True, slots=True)
class Invitation:
    """What is needed to invite a device once more."""

    uri: str
    from_: NameAddr
    to: NameAddr
    headers: tuple[tuple[str, str], ...]
    login: Login | None


class LegState(Named):
    OFFERED = "offered"
    DIALLING = "dialling"
    RINGING = "ringing"
    UP = "up"
    ENDED = "ended"


_S = LegState
TRANSITIONS: Final[dict[LegState, frozenset[LegState]]] = {
    _S.OFFERED: frozenset({_S.RINGING, _S.UP, _S.ENDED}),
    _S.DIALLING: frozenset({_S.RINGING, _S.UP, _S.ENDED}),
    _S.RINGING: frozenset({_S.UP, _S.ENDED}),
    _S.UP: frozenset({_S.ENDED}),
    _S.ENDED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class LegRinging:
    leg: str


@dataclass(frozen=True, slots=True)
class LegAnswered:
    leg: str


@dataclass(frozen=True, slots=True)
class LegEnded:
    leg: str
    cause: Cause
    by_peer: bool  # False: we ended it, or it never replied.


@dataclass(frozen=True, slots=True)
class LegDigit:
    leg: str
    digit: str
    signalled: bool = False  # By SIP INFO: the other side has not heard of it.


@dataclass(frozen=True, slots=True)
class LegHeld:
    """The phone put us on hold, or took us back."""

    leg: str
    held: bool


@dataclass(frozen=True, slots=True)
class LegEarly:
    """It sends sound before it answers: an announcement, the ringing of another country."""

    leg: str


@dataclass(frozen=True, slots=True)
class LegTransfer:
    """It wants the other side to talk to somebody else (RFC 3515)."""

    leg: str
    number: str  # Whom; "" with `replaces`.
    replaces: str = ""  # Our leg whose place the other side takes (RFC 3891): attended.


LegEvent = LegRinging | LegEarly | LegAnswered | LegEnded | LegDigit | LegHeld | LegTransfer


@dataclass(slots=True)
class Leg:
    """State of one leg. `id` is also the id of its SIP session."""

    id: str
    call: str
    state: LegState
    flow: Flow
    media: str = ""  # Media session; outbound legs of one attempt share it until one answers.
    offer: bytes = b""  # The SDP offer that waits for an answer, theirs or ours.
    sdp_id: int = 0  # The o= line of our SDP: same id, growing version (RFC 3264 §8).
    sdp_version: int = 0
    awaits_answer: bool = False  # We made the offer; theirs comes with the ACK.
    remote: Remote | None = None
    held: bool = False
    heard_of: bool = False  # The device has replied to our INVITE with anything at all.
    look_at: float = 0.0  # When we see whether it has,
    looks_left: int = 0  # and how often more, once a second.
    started: float = 0.0
    ringing_since: float | None = None
    connected: bool = False  # The media worker knows the peer's address.
    extension: str = ""  # Whose device it is; "" for somebody outside.
    answer: bytes = b""  # Our SDP to its INVITE, once it is made.
    transferring: bool = False  # Its REFER waits for the outcome.
    moves: int = 0  # Media sessions that it had before this one.
    displaced: bool = False  # It rings, and was told of a port that is no more.
    codecs: PeerCodecs = ANY  # What it may use.
    trunk: bool = False  # A line to the outside: its refusals may be about itself.
    why: Cause = Cause.NORMAL  # Of our own hang-up.
    policy: Policy = Policy.ALLOWED  # Whether its sound is encrypted.
    secrets: Secrets | None = None  # Ours of its media session, if it is.
    plainly: Invitation | None = None  # It may be invited again without encryption.

    def become(self, state: LegState) -> None:
        assert state in TRANSITIONS[self.state], (self.id, self.state, state)
        self.state = state


_STATUS_OF: Final[dict[Cause, int]] = {
    Cause.BUSY: 486,
    Cause.NO_ANSWER: 480,
    Cause.REJECTED: 603,
    Cause.UNREACHABLE: 480,
    Cause.NOT_FOUND: 404,
    Cause.FORBIDDEN: 403,
    Cause.NOT_ACCEPTABLE: 488,
    Cause.CONGESTION: 503,
    Cause.FAILED: 500,
    Cause.SHUTDOWN: 503,
}

_CAUSE_OF: Final[dict[int, Cause]] = {
    403: Cause.FORBIDDEN,
    404: Cause.NOT_FOUND,
    408: Cause.NO_ANSWER,
    410: Cause.NOT_FOUND,
    415: Cause.NOT_ACCEPTABLE,
    480: Cause.UNREACHABLE,
    486: Cause.BUSY,
    487: Cause.CALLER_GONE,
    488: Cause.NOT_ACCEPTABLE,
    503: Cause.UNREACHABLE,
    600: Cause.BUSY,
    603: Cause.REJECTED,
    604: Cause.NOT_FOUND,
    606: Cause.NOT_ACCEPTABLE,
}

_REASON_OF: Final[dict[Cause, str]] = {
    # RFC 3326 §3.1: phones log no missed call for this one.
    Cause.ANSWERED_ELSEWHERE: 'SIP;cause=200;text="Call completed elsewhere"',
    Cause.WITHDRAWN: 'SIP;cause=200;text="Call completed elsewhere"',
    Cause.SILENT: 'SIP;cause=408;text="No sound"',
    Cause.NO_ANSWER: 'SIP;cause=408;text="No answer"',
    Cause.SHUTDOWN: 'SIP;cause=503;text="Restarting"',
}


def status_of(cause: Cause) -> int:
    """The final answer to an INVITE that we refuse for this cause (RFC 3261 §21)."""
    return _STATUS_OF.get(cause, 480)


def cause_of(status: int) -> Cause:
    """Why a device refused our INVITE."""
    found = _CAUSE_OF.get(status)
    if found is not None:
        return found
    return Cause.REJECTED if status >= 600 else Cause.FAILED


def trunk_cause_of(status: int) -> Cause:
    """Why a call through a trunk failed: CONGESTION and FAILED are about the trunk, and another
    one may do better; all else is about who was called (RFC 3261 §21, RFC 3398 §8.2.6)."""
    found = _TRUNK_CAUSE_OF.get(status) or _CAUSE_OF.get(status)
    if found is not None:
        return found
    if status >= 600:
        return Cause.REJECTED
    return Cause.FAILED if status >= 500 else Cause.REJECTED


_TRUNK_CAUSE_OF: Final[dict[int, Cause]] = {
    401: Cause.FAILED,  # It does not know us any more.
    407: Cause.FAILED,
    408: Cause.FAILED,
    480: Cause.NO_ANSWER,  # The telephone called is switched off, or nobody is there.
    484: Cause.NOT_FOUND,
    503: Cause.CONGESTION,
}


def reason_of(cause: Cause) -> str:
    """The Reason header of the CANCEL or BYE (RFC 3326), empty for none."""
    return _REASON_OF.get(cause, "")


def learn_from(remote: Remote, flow: Flow) -> str:
    """The only IP address whose packets may tell us where the peer's sound comes from, "" for none.

    A private address in the SDP of a peer that reached us from another one is behind NAT: its
    sound will come
    from where its signalling comes from (RFC 4961, symmetric RTP). Everybody else is where the SDP
    says.
    """
    host, source = remote.address[0], flow.remote[0]
    if host == source:
        return ""
    try:
        return source if not ip_address(host).is_global else ""
    except ValueError:
        return source
