"""A simulated phone: registers, calls, answers, hangs up. Real SIP in and out, no sockets and no
clock of its own.

One line, one call at a time; a second call is busy. Used by the demo and by the simulation of
whole days.
"""

import heapq
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import quote

from media.errors import MediaError
from media.negotiation import Remote, make_answer, make_offer, read_answer
from sip import events as sip
from sip.auth import answer_challenge
from sip.endpoint import Endpoint, EndpointConfig
from sip.flow import Address, Flow
from sip.headers import NameAddr
from sip.message import Response
from sip.tokens import Tokens
from sip.uri import Uri

CODECS: Final = ("PCMU", "PCMA")
REGISTER_SECONDS: Final = 600
REFRESH: Final = 0.5  # Register again after this share of the time given.


class PhoneState(Enum):
    IDLE = "idle"
    CALLING = "calling"
    RINGING = "ringing"  # Somebody calls us.
    TALKING = "talking"


_S = PhoneState
TRANSITIONS: Final[dict[PhoneState, frozenset[PhoneState]]] = {
    _S.IDLE: frozenset({_S.CALLING, _S.RINGING}),
    _S.CALLING: frozenset({_S.TALKING, _S.IDLE}),
    _S.RINGING: frozenset({_S.TALKING, _S.IDLE}),
    _S.TALKING: frozenset({_S.IDLE}),
}


@dataclass(frozen=True, slots=True)
class Registered:
    user: str


@dataclass(frozen=True, slots=True)
class RegisterFailed:
    user: str
    status: int


@dataclass(frozen=True, slots=True)
class Ringing:
    """Our phone rings, or (`outgoing`) the other one does."""

    user: str
    outgoing: bool


@dataclass(frozen=True, slots=True)
class Talking:
    user: str
    remote: Remote  # Where to send sound, and in which codec.


@dataclass(frozen=True, slots=True)
class Idle:
    """The call is over."""

    user: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """How a transfer goes: the status of the call to the new destination (RFC 3515 §2.4.5)."""

    user: str
    status: int


PhoneEvent = Registered | RegisterFailed | Ringing | Talking | Idle | Told
Output = sip.Send | PhoneEvent


@dataclass(slots=True)
class Habits:
    """What the person at this phone does with calls. Seconds; None: never."""

    answer_after: float | None = 1.0
    reject_after: float | None = None
    hang_up_after: float | None = None  # Of talking.
    reject_status: int = 486
    refuses_offers: bool = False  # Its sound follows no re-INVITE of ours.


class Phone:
    def __init__(
        self,
        user: str,
        password: str,
        *,
        address: Address,
        server: Address,
        rtp_port: int,
        tokens: Tokens,
        habits: Habits,
        transport: str = "udp",
    ) -> None:
        self.user = user
        self.aor = user  # Whose calls it wants.
        self.password = password
        self.address = address
        self.habits = habits
        self.state = PhoneState.IDLE
        self.session = ""
        self.called = False  # The present call came in.
        self.calls_answered = 0
        self.calls_made = 0
        self._flow = Flow(transport, address, server)
        self._rtp = (address[0], rtp_port)
        self._endpoint = Endpoint(EndpointConfig(user_agent="Dzvin phone"), tokens, None)
        self._tokens = tokens
        self._deadlines: list[tuple[float, str, str]] = []
        self._dialled = ""
        self._replaces = ""
        self._offer = b""
        self._authenticated = False  # This INVITE or REGISTER already carries credentials.
        self._expires = 0
        self._call_id = tokens.token()
        self._cseq = 0
        self._invite_id = ""  # Call-ID and CSeq of the INVITE, kept for the one with credentials.
        self._invite_cseq = 0
        self._sdp_version = 1
        self.remote: Remote | None = None  # Where our sound goes.

    def __repr__(self) -> str:
        return f"<Phone {self.user} {self.state.name}>"

    # --- what its user does

    def register(self, now: float, expires: int = REGISTER_SECONDS) -> list[Output]:
        """Now, and again in time; with `expires` 0 not any more."""
        self._authenticated, self._expires = False, expires
        self._deadlines = [entry for entry in self._deadlines if entry[1] != "register"]
        heapq.heapify(self._deadlines)
        return self._register(now, ())

    def dial(self, number: str, now: float, replaces: str = "") -> list[Output]:
        assert self.state is PhoneState.IDLE, self
        self._become(PhoneState.CALLING)
        self.called = False
        self.calls_made += 1
        self._dialled, self._authenticated, self._replaces = number, False, replaces
        self._invite_id, self._invite_cseq = self._tokens.token(32), 0
        return self._invite(now, ())

    def answer(self, now: float) -> list[Output]:
        if self.state is not PhoneState.RINGING:
            return []
        try:
            body, remote = make_answer(self._offer, self._rtp, CODECS, session_id=1, version=1)
        except MediaError:
            return self._events(self._endpoint.reject(self.session, 488, now), now)
        self._become(PhoneState.TALKING)
        self.calls_answered += 1
        self.remote = remote
        self._talk(now)
        return [
            *self._events(self._endpoint.answer(self.session, body, now), now),
            Talking(self.user, remote),
        ]

    def reject(self, now: float) -> list[Output]:
        if self.state is not PhoneState.RINGING:
            return []
        status = self.habits.reject_status
        return self._events(self._endpoint.reject(self.session, status, now), now)

    def hang_up(self, now: float) -> list[Output]:
        if self.state is PhoneState.IDLE:
            return []
        return self._events(self._endpoint.hangup(self.session, now), now)

    def hold(self, held: bool, now: float) -> list[Output]:
        """Put the other side on hold, or take it back (RFC 3264 §8.4)."""
        if self.state is not PhoneState.TALKING:
            return []
        self._sdp_version += 1
        self._offer = make_offer(
            self._rtp,
            CODECS,
            session_id=1,
            version=self._sdp_version,
            direction="sendonly" if held else "sendrecv",
        )
        return self._events(self._endpoint.offer(self.session, self._offer, now), now)

    @property
    def dialog(self) -> str:
        """The present call as a Replaces header names it to the other side (RFC 3891 §3)."""
        ours = self._endpoint.local_tag(self.session)
        theirs = self._endpoint.remote_tag(self.session)
        return f"{self._endpoint.call_id(self.session)};to-tag={theirs};from-tag={ours}"

    def transfer(self, number: str, now: float, replaces: str = "") -> list[Output]:
        """Send the other side to a number, or to the other end of another call (RFC 5589)."""
        if self.state is not PhoneState.TALKING:
            return []
        asked = f"?Replaces={quote(replaces, safe='')}" if replaces else ""
        headers = (
            ("Refer-To", f"<{self._uri(number)}{asked}>"),
            ("Contact", f"<sip:{self.user}@{self.address[0]}:{self.address[1]}>"),
        )
        return self._events(
            self._endpoint.request_in_dialog(self.session, "REFER", now, headers), now
        )

    def press(self, digit: str, now: float) -> list[Output]:
        """A key, by SIP INFO."""
        if self.state is not PhoneState.TALKING:
            return []
        body = f"Signal={digit}\r\nDuration=160\r\n".encode()
        headers = (("Content-Type", "application/dtmf-relay"),)
        return self._events(
            self._endpoint.request_in_dialog(self.session, "INFO", now, headers, body), now
        )

    # --- what the network and the clock bring

    def on_datagram(self, data: bytes, now: float) -> list[Output]:
        return self._events(self._endpoint.on_datagram(data, self._flow, now), now)

    @property
    def next_deadline(self) -> float | None:
        own = self._deadlines[0][0] if self._deadlines else None
        theirs = self._endpoint.next_deadline
        return min((at for at in (own, theirs) if at is not None), default=None)

    def on_time(self, now: float) -> list[Output]:
        outputs = self._events(self._endpoint.on_time(now), now)
        while self._deadlines and self._deadlines[0][0] <= now:
            _, what, session = heapq.heappop(self._deadlines)
            if what == "register":
                outputs += self.register(now)
            elif session == self.session and self.state is not PhoneState.IDLE:
                outputs += {"answer": self.answer, "reject": self.reject, "hang up": self.hang_up}[
                    what
                ](now)
        return outputs

    def leftovers(self) -> dict[str, int]:
        return self._endpoint.leftovers()

    # --- inside

    def _events(self, outputs: list[sip.Output], now: float) -> list[Output]:
        done: list[Output] = []
        for output in outputs:
            if isinstance(output, sip.Send):
                done.append(output)
            else:
                done += self._on_event(output, now)
        return done

    def _on_event(self, event: sip.Event, now: float) -> list[Output]:
        match event:
            case sip.InviteReceived():
                return self._on_invite(event, now)
            case sip.SessionProgress() if event.session == self.session and event.status > 100:
                return [Ringing(self.user, outgoing=True)]
            case sip.SessionAnswered() if event.session == self.session:
                return self._on_answered(event, now)
            case sip.SessionOffered():
                return self._on_offered(event, now)
            case sip.OfferAnswered() if event.session == self.session:
                return self._on_offer_answered(event, now)
            case sip.SessionEnded() if event.session == self.session:
                return self._on_ended(event, now)
            case sip.RequestDone("register", response):
                return self._on_registered(response, now)
            case sip.InDialogRequest() if event.request.method == "NOTIFY":
                return self._on_notify(event, now)
            case sip.RequestReceived() | sip.InDialogRequest():
                return self._events(self._endpoint.respond(event.transaction, 200, now), now)
            case _:
                return []

    def _on_invite(self, event: sip.InviteReceived, now: float) -> list[Output]:
        if self.state is not PhoneState.IDLE:
            return self._events(self._endpoint.reject(event.session, 486, now), now)
        self._become(PhoneState.RINGING)
        self.session, self._offer = event.session, event.request.body
        self.called = True
        habits = self.habits
        if habits.reject_after is not None:
            self._later("reject", now + habits.reject_after)
        elif habits.answer_after is not None:
            self._later("answer", now + habits.answer_after)
        rings = self._events(self._endpoint.ring(event.session, now), now)
        return [*rings, Ringing(self.user, outgoing=False)]

    def _on_notify(self, event: sip.InDialogRequest, now: float) -> list[Output]:
        """As phones do: hang up when the other side has arrived."""
        outputs = self._events(self._endpoint.respond(event.transaction, 200, now), now)
        _, _, rest = event.request.body.decode("utf-8", "replace").partition(" ")
        status = int(rest[:3]) if rest[:3].isdigit() else 0
        outputs.append(Told(self.user, status))
        return [*outputs, *self.hang_up(now)] if status == 200 else outputs

    def _on_answered(self, event: sip.SessionAnswered, now: float) -> list[Output]:
        try:
            remote = read_answer(self._offer, event.body)
        except MediaError:
            return self.hang_up(now)
        self._become(PhoneState.TALKING)
        self.remote = remote
        self._talk(now)
        return [Talking(self.user, remote)]

    def _on_offer_answered(self, event: sip.OfferAnswered, now: float) -> list[Output]:
        try:
            self.remote = read_answer(self._offer, event.body)
        except MediaError:
            return self.hang_up(now)
        return []

    def _on_offered(self, event: sip.SessionOffered, now: float) -> list[Output]:
        if self.habits.refuses_offers:
            return self._events(self._endpoint.reject_offer(event.session, 488, now), now)
        try:
            self._sdp_version += 1
            body, remote = make_answer(
                event.body, self._rtp, CODECS, session_id=1, version=self._sdp_version
            )
        except MediaError:
            return self._events(self._endpoint.reject_offer(event.session, 488, now), now)
        self.remote = remote
        return self._events(self._endpoint.accept_offer(event.session, body, now), now)

    def _on_ended(self, event: sip.SessionEnded, now: float) -> list[Output]:
        message = event.message
        challenged = event.status in (401, 407) and isinstance(message, Response)
        if challenged and not self._authenticated:
            assert isinstance(message, Response)
            self._authenticated = True
            header = self._credentials(message, "INVITE", self._uri(self._dialled))
            return self._invite(now, (header,))
        self._become(PhoneState.IDLE)
        self.session, self.remote = "", None
        return [Idle(self.user, event.status, event.reason)]

    def _on_registered(self, response: Response | None, now: float) -> list[Output]:
        if response is not None and response.status == 401 and not self._authenticated:
            self._authenticated = True
            return self._register(now, (self._credentials(response, "REGISTER", self._uri("")),))
        if response is None or response.status >= 300:
            if self._expires:
                self._later("register", now + 5.0)
            return [RegisterFailed(self.user, 408 if response is None else response.status)]
        if not self._expires:
            return []
        self._later("register", now + self._expires * REFRESH)
        return [Registered(self.user)]

    def _register(self, now: float, headers: tuple[tuple[str, str], ...]) -> list[Output]:
        self._cseq += 1
        me = NameAddr("", Uri("sip", self.aor, self._flow.remote[0], None), ())
        contact = f"<sip:{self.user}@{self._flow.local[0]}:{self._flow.local[1]}>"
        outputs = self._endpoint.request(
            "register",
            "REGISTER",
            uri=self._uri(""),
            flow=self._flow,
            from_=me,
            to=me,
            headers=(("Contact", contact), ("Expires", str(self._expires)), *headers),
            now=now,
            call_id=self._call_id,
            cseq=self._cseq,
        )
        return self._events(outputs, now)

    def _invite(self, now: float, headers: tuple[tuple[str, str], ...]) -> list[Output]:
        self.session = self._tokens.token(8)
        self._invite_cseq += 1
        self._sdp_version = 1
        self._offer = make_offer(self._rtp, CODECS, session_id=1, version=1)
        host = self._flow.remote[0]
        outputs = self._endpoint.invite(
            self.session,
            uri=self._uri(self._dialled),
            flow=self._flow,
            from_=NameAddr("", Uri("sip", self.user, host, None), ()),
            to=NameAddr("", Uri("sip", self._dialled, host, None), ()),
            body=self._offer,
            headers=(*headers, ("Replaces", self._replaces)) if self._replaces else headers,
            now=now,
            call_id=self._invite_id,
            cseq=self._invite_cseq,
        )
        return self._events(outputs, now)

    def _credentials(self, response: Response, method: str, uri: str) -> tuple[str, str]:
        return answer_challenge(
            response,
            method,
            uri,
            self.user,
            password=self.password,
            cnonce=self._tokens.token(8),
        )

    def _uri(self, user: str) -> str:
        host, port = self._flow.remote
        return str(Uri("sip", user or None, host, port))

    def _talk(self, now: float) -> None:
        if self.habits.hang_up_after is not None:
            self._later("hang up", now + self.habits.hang_up_after)

    def _later(self, what: str, at: float) -> None:
        heapq.heappush(self._deadlines, (at, what, self.session))

    def _become(self, state: PhoneState) -> None:
        assert state in TRANSITIONS[self.state], (self, state)
        self.state = state
