"""The tables of an endpoint: its transactions, its sessions, their deadlines.

Carries out what sessions ask for, and tells sessions what became of it. All state is
plain data, and a tree: transactions and sessions know each other only by their keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sip.auth import Gate
from sip.brakes import Brakes
from sip.building import again, contact_of, via_of
from sip.client_invite import InviteClientTransaction
from sip.client_non_invite import NonInviteClientTransaction
from sip.deadlines import Deadlines
from sip.events import EndedBy, Output, RequestDone, Send, SessionEnded
from sip.flow import Flow
from sip.login import CHALLENGES, CREDENTIALS, Identity, Login, Tries
from sip.matching import client_key
from sip.message import Request, Response
from sip.server_invite import InviteServerTransaction
from sip.server_non_invite import NonInviteServerTransaction
from sip.session import Limit, Reply, SessionOutput, Start
from sip.session_client import ClientSession, first_branch
from sip.session_server import ServerSession
from sip.session_timer import SECONDS_MIN
from sip.subscription import Subscription, SubscriptionOutput
from sip.timers import TimerConfig
from sip.tokens import Tokens
from sip.transaction import ClientOutput, Received, TimedOut, TransportFailed

if TYPE_CHECKING:
    from sip.admission import Admission
    from sip.guard import Guard

Client = InviteClientTransaction | NonInviteClientTransaction
Server = InviteServerTransaction | NonInviteServerTransaction
AnySession = ClientSession | ServerSession

ALLOW: Final = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK"),
    *("REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "REGISTER"),
)
COUNTERS: Final = (
    "braked",  # Not answered, after many refusals.
    "challenged",  # 401 sent.
    "commands_too_late",  # For sessions and transactions that are over.
    "garbage",  # Not SIP, or not readable enough to answer.
    "keep_alives",
    "overload",  # Refused because a table is full.
    "received",  # Messages.
    "refused",  # Answered without a transaction.
    "retransmissions",  # Requests that came again.
    "stray_acks",
    "stray_responses",
)

DATAGRAM_REQUEST_BYTES_MAX: Final = 1_300  # RFC 3261 §18.1.1: path MTU unknown.
SCAN_PAUSE_SECONDS: Final = 0.1  # Between looks at everything, for a datagram that came back.


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    timers: TimerConfig = field(default_factory=TimerConfig)
    user_agent: str = "Dzvin"
    allow: tuple[str, ...] = ALLOW
    supported: tuple[str, ...] = ()  # Option tags, in lower case.
    # About 4 kB each; a plain call has two that begin outside of it and last 32 s, so this is for
    # 600 calls a second. Requests within the calls that we have may fill as many again.
    transactions_max: int = 40_000
    sessions_max: int = 10_000  # 5,000 calls of two legs: ten times what one core carries.
    subscriptions_max: int = 20_000  # About 3 kB each: 1,000 desks with 20 lamps.
    subscription_seconds_min: int = 60
    # Session timers (RFC 4028): the interval that we ask for and grant; 0: none. Needs "timer" in
    # `supported`, as reliable ringing needs "100rel".
    session_expires: int = 0
    min_se: int = 90
    reliable_ringing: bool = False  # 18x by PRACK wherever the caller can, not only where it must.


class Core:
    """Not to be used alone: `Endpoint` adds what comes in."""

    def __init__(self, config: EndpointConfig, tokens: Tokens, gate: Gate | None) -> None:
        self.counters: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        self.gate = gate  # None: everybody may call. `gate.replace` changes it.
        self.packages: tuple[str, ...] = ()  # Of events that may be subscribed to; set by the user.
        self.brakes = Brakes()
        self.guard: Guard | None = None  # None: everybody is listened to.
        self.admission: Admission | None = None  # None: as many calls as the tables hold.
        self._config = config
        self._abilities = _abilities(config)  # Headers, in what may make or change a dialog.
        self._timing = _timing(config)  # Headers of an INVITE; empty without session timers.
        self._tokens = tokens  # Ours alone: what is read back has its own copy.
        self._clients: dict[str, Client] = {}
        self._servers: dict[str, Server] = {}
        self._sessions: dict[str, AnySession] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._names: dict[str, str] = {}  # What the user calls a session -> its key.
        self._requests: dict[str, str] = {}  # Client key -> the user's key, outside sessions.
        self._identities: dict[str, Identity] = {}  # Who has a login: session key or client key.
        # What is under way on a connection. Datagrams rarely fail, so they keep no such lists.
        self._by_flow: dict[Flow, dict[str, None]] = {}
        # Ways over a connection beside those by datagram, for what is large; and back.
        self._streams: dict[Flow, Flow] = {}
        self._datagrams: dict[Flow, Flow] = {}
        self._scan_after = 0.0
        self._merges: dict[str, str] = {}  # Merge key -> server key (§8.2.2.2) ...
        self._merge_keys: dict[str, str] = {}  # ... and back.
        self._deadlines = Deadlines()
        # For the tags of answers that leave no state behind (§8.2.7).
        self._stateless_key = tokens.token(32).encode()

    @property
    def next_deadline(self) -> float | None:
        """Monotonic seconds: call `on_time` no later."""
        return self._deadlines.next

    def leftovers(self) -> dict[str, int]:
        """What is still kept; all zero when every call is over and its timers have run out."""
        return {
            "transactions": len(self._clients) + len(self._servers),
            "sessions": len(self._sessions),
            "subscriptions": len(self._subscriptions),
            "dialogs": sum(s.dialog is not None for s in self._sessions.values()),
            "requests": len(self._requests),
            "identities": len(self._identities),
            "flows": len(self._by_flow),
            "merges": len(self._merges) + len(self._merge_keys),
            "timers": len(self._deadlines),
        }

    def on_time(self, now: float) -> list[Output]:
        outputs: list[Output] = []
        for key in self._deadlines.take_due(now):
            if key[0] == "<":
                client = self._clients.get(key)
                if client is not None:
                    outputs += self._after_client(key, client, client.on_time(now), now)
            elif key[0] == ">":
                server = self._servers.get(key)
                if server is not None:
                    outputs += self._after_server(key, server, server.on_time(now), now)
            else:
                session = self._sessions.get(key)
                if session is not None:
                    outputs += self._after_session(session, session.on_time(now), now)
                elif (subscription := self._subscriptions.get(key)) is not None:
                    items = subscription.on_time(now)
                    outputs += self._after_subscription(subscription, items, now)
        return outputs

    def on_flow_failed(self, flow: Flow, now: float) -> list[Output]:
        """The connection is lost, or the peer's port is closed (ICMP).

        Answered calls stay: their sound may still flow, and the peer may come back.
        """
        outputs: list[Output] = []
        for key in self._under_way(flow, now):
            client = self._clients.get(key)
            if client is not None:
                outputs += self._after_client(key, client, client.on_transport_error(), now)
            elif (server := self._servers.get(key)) is not None:
                outputs += self._after_server(key, server, server.on_transport_error(), now)
        return outputs

    def _under_way(self, flow: Flow, now: float) -> list[str]:
        """The keys of its transactions."""
        if flow.connection:
            return list(self._by_flow.get(flow, ()))
        if now < self._scan_after:
            return []  # One more report will come: whoever hears nothing asks again.
        self._scan_after = now + SCAN_PAUSE_SECONDS
        clients = [key for key, client in self._clients.items() if client.flow == flow]
        return clients + [key for key, server in self._servers.items() if server.flow == flow]

    def _note_flow(self, flow: Flow, key: str) -> None:
        if flow.connection:
            self._by_flow.setdefault(flow, {})[key] = None

    def _forget_flow(self, flow: Flow, key: str) -> None:
        keys = self._by_flow.get(flow)
        if keys is not None:
            _ = keys.pop(key, None)
            if not keys:
                del self._by_flow[flow]

    def use_stream(self, datagrams: Flow, stream: Flow | None) -> None:
        """For large requests to this peer (RFC 3261 §18.1.1); None: it takes datagrams only."""
        before = self._streams.pop(datagrams, None)
        if before is not None:
            _ = self._datagrams.pop(before, None)
        if stream is not None:
            self._streams[datagrams], self._datagrams[stream] = stream, datagrams

    def _fit(self, request: Request, flow: Flow) -> tuple[Request, Flow]:
        """Over a connection if it is too large for one packet of the network (§18.1.1)."""
        stream = self._streams.get(flow)
        if stream is None or len(bytes(request)) <= DATAGRAM_REQUEST_BYTES_MAX:
            return request, flow
        contact = (("Contact", contact_of(stream)),) if "Contact" in request.first else ()
        via = via_of(stream, request.branch)
        return again(request, via, request.cseq.number, contact), stream

    def _by_datagram(self, client: Client, now: float) -> list[Output] | None:
        """The peer does not take connections after all: once more without (§18.1.1)."""
        flow = self._datagrams.get(client.flow)
        session = self._sessions.get(client.user)
        if flow is None or session is None or not isinstance(client, InviteClientTransaction):
            return None
        session.flow = flow
        renewed = session.resend(client.invite)
        if renewed is None:
            return None
        renewed.set("Contact", contact_of(flow))
        return self._start(renewed, flow, client.user, now)

    # --- sessions -----------------------------------------------------------------------------

    def _after_session(
        self, session: AnySession, items: Iterable[SessionOutput], now: float
    ) -> list[Output]:
        """Carry out what a session wants."""
        outputs: list[Output] = []
        key = session.local_tag
        for item in items:
            if isinstance(item, Reply):
                outputs += self._reply(item.transaction, item.response, now)
            elif isinstance(item, Start):
                outputs += self._start(item.request, session.flow, key, now)
            elif isinstance(item, Limit):
                self._limit(client_key(item.branch, "INVITE"), now)
            else:
                if isinstance(item, SessionEnded):
                    _ = self._names.pop(item.session, None)
                outputs.append(item)
        deadline = session.next_deadline
        self._deadlines.arm(key, deadline, now)
        if deadline is None and session.gone:
            _ = self._sessions.pop(key, None)
            if self._identities:
                _ = self._identities.pop(key, None)
        return outputs

    def _add_session(self, session: AnySession) -> None:
        self._sessions[session.local_tag] = session
        self._names[session.name] = session.local_tag

    # --- subscriptions --------------------------------------------------------------------------

    def _after_subscription(
        self, subscription: Subscription, items: Iterable[SubscriptionOutput], now: float
    ) -> list[Output]:
        """Carry out what a subscription wants."""
        outputs: list[Output] = []
        key = subscription.local_tag
        for item in items:
            if isinstance(item, Reply):
                outputs += self._reply(item.transaction, item.response, now)
            elif isinstance(item, Start):
                outputs += self._start(item.request, subscription.flow, key, now)
            else:
                outputs.append(item)
        self._deadlines.arm(key, subscription.next_deadline, now)
        if subscription.gone:
            _ = self._subscriptions.pop(key, None)
        return outputs

    # --- client transactions --------------------------------------------------------------------

    def _start(self, request: Request, flow: Flow, user: str, now: float) -> list[Output]:
        key = client_key(request.branch, request.method)
        timers = self._config.timers
        identity = self._identities.get(user or key) if self._identities else None
        if identity is not None and request.method != "CANCEL":
            self._sign(request, identity, user)
        client: Client
        if request.method == "INVITE":
            client = InviteClientTransaction(request, flow, timers, user)
        else:
            client = NonInviteClientTransaction(request, flow, timers, user)
            if identity is not None:
                client.request = request
        self._clients[key] = client
        if flow.connection:
            self._note_flow(flow, key)
        if self.guard is not None:
            self.guard.on_called(flow, now)
        return self._after_client(key, client, client.start(now), now)

    def _after_client(
        self, key: str, client: Client, items: Iterable[ClientOutput], now: float
    ) -> list[Output]:
        if client.terminated:
            self._forget_client(key)
        else:
            self._deadlines.arm(key, client.next_deadline, now)
        outputs: list[Output] = []
        for item in items:  # Measured: a match statement takes three times as long.
            if isinstance(item, Received):
                outputs += self._on_answer(key, client, item.response, now)
            elif isinstance(item, Send):
                outputs.append(item)
            elif isinstance(item, TimedOut):
                outputs += self._on_no_answer(key, client, EndedBy.TIMEOUT, now)
            else:  # TransportFailed.
                instead = self._by_datagram(client, now) if self._datagrams else None
                if instead is None:
                    instead = self._on_no_answer(key, client, EndedBy.TRANSPORT, now)
                outputs += instead
        return outputs

    def _on_answer(self, key: str, client: Client, response: Response, now: float) -> list[Output]:
        if self._identities and response.status in CHALLENGES:
            again = self._on_challenge(key, client, response, now)
            if again is not None:
                return again
        session = self._sessions.get(client.user)
        if session is not None:
            invite = isinstance(client, InviteClientTransaction)
            handle = session.on_invite_response if invite else session.on_response
            return self._after_session(session, handle(client.branch, response, now), now)
        subscription = self._subscriptions.get(client.user)
        if subscription is not None:
            items = subscription.on_response(client.branch, response, now)
            return self._after_subscription(subscription, items, now)
        if response.status < 200 or key not in self._requests:
            return []  # Its session is over.
        return self._request_done(key, response)

    def _on_no_answer(self, key: str, client: Client, by: EndedBy, now: float) -> list[Output]:
        session = self._sessions.get(client.user)
        if session is not None:
            invite = isinstance(client, InviteClientTransaction)
            handle = session.on_invite_failure if invite else session.on_failure
            return self._after_session(session, handle(client.branch, by, now), now)
        subscription = self._subscriptions.get(client.user)
        if subscription is not None:
            items = subscription.on_failure(client.branch, by, now)
            return self._after_subscription(subscription, items, now)
        if key not in self._requests:
            return []
        return self._request_done(key, None)

    # --- logins ---------------------------------------------------------------------------------

    def _log_in(self, key: str, login: Login | None) -> None:
        """What this session, or this request, is asked for its password."""
        if login is not None:
            self._identities[key] = Identity(login, self._tokens.token(32))

    def _sign(self, request: Request, identity: Identity, user: str) -> None:
        identity.sign(request)
        session = self._sessions.get(user)
        if session is not None and request.method == "INVITE":
            session.ack_headers = tuple(
                header for header in request.headers if header[0] in CREDENTIALS
            )

    def _on_challenge(
        self, key: str, client: Client, response: Response, now: float
    ) -> list[Output] | None:
        """Send the request again if we have the password (§22.2); None: this is its outcome."""
        identity = self._identities.get(client.user or key)
        request = client.invite if isinstance(client, InviteClientTransaction) else client.request
        if identity is None or request is None:
            return None
        tries = identity.learn(request, response)
        if tries is None:
            return None
        if not client.user:
            return self._request_again(key, request, client.flow, identity, tries, now)
        session = self._sessions.get(client.user)
        renewed = None if session is None else session.resend(request)
        if session is None or renewed is None:
            return None
        identity.expect(renewed, tries)
        return self._start(renewed, session.flow, client.user, now)

    def _request_again(
        self, key: str, request: Request, flow: Flow, identity: Identity, tries: Tries, now: float
    ) -> list[Output] | None:
        if key not in self._requests:
            return None
        branch = first_branch(self._tokens.token())
        renewed = again(request, via_of(flow, branch), request.cseq.number + 1)
        new = client_key(branch, request.method)
        self._requests[new] = self._requests.pop(key)
        self._identities[new] = self._identities.pop(key)
        identity.expect(renewed, tries)
        return self._start(renewed, flow, "", now)

    def _request_done(self, key: str, response: Response | None) -> list[Output]:
        if self._identities:
            _ = self._identities.pop(key, None)
        return [RequestDone(self._requests.pop(key), response)]

    def _limit(self, key: str, now: float) -> None:
        client = self._clients.get(key)
        if isinstance(client, InviteClientTransaction):
            client.limit(now)
            self._deadlines.arm(key, client.next_deadline, now)

    def _forget_client(self, key: str) -> None:
        client = self._clients.pop(key, None)
        if client is not None and client.flow.connection:
            self._forget_flow(client.flow, key)
        self._deadlines.arm(key, None)

    # --- server transactions --------------------------------------------------------------------

    def _add_server(self, key: str, server: Server, now: float) -> list[Output]:
        self._servers[key] = server
        if server.flow.connection:
            self._note_flow(server.flow, key)
        return self._after_server(key, server, server.start(now), now)

    def _reply(self, key: str, response: Response, now: float) -> list[Output]:
        server = self._servers.get(key)
        if server is None or not server.unanswered:
            return []  # Its connection failed, or the client has given up.
        return self._after_server(key, server, server.respond(response, now), now)

    def _after_server(
        self, key: str, server: Server, items: Iterable[Send | TransportFailed], now: float
    ) -> list[Output]:
        if server.terminated:
            self._forget_server(key)
        else:
            self._deadlines.arm(key, server.next_deadline, now)
        outputs: list[Output] = []
        for item in items:
            if isinstance(item, Send):
                outputs.append(item)
            else:  # TransportFailed.
                session = self._sessions.get(server.user)
                if isinstance(session, ServerSession):
                    lost = session.on_transport_failed()
                    outputs += self._after_session(session, lost, now)
        return outputs

    def _forget_server(self, key: str) -> None:
        server = self._servers.pop(key, None)
        if server is not None and server.flow.connection:
            self._forget_flow(server.flow, key)
        self._deadlines.arm(key, None)
        merge = self._merge_keys.pop(key, None)
        if merge is not None:
            _ = self._merges.pop(merge, None)


def _abilities(config: EndpointConfig) -> tuple[tuple[str, str], ...]:
    lines = [("Allow", ", ".join(config.allow))]
    if config.supported:
        lines.append(("Supported", ", ".join(config.supported)))
    return tuple(lines)


def _timing(config: EndpointConfig) -> tuple[tuple[str, str], ...]:
    """RFC 4028 §7.1; who refreshes is left to the peer."""
    if not config.session_expires or "timer" not in config.supported:
        return ()
    lines = [("Session-Expires", str(max(config.session_expires, config.min_se)))]
    if config.min_se > SECONDS_MIN:
        lines.append(("Min-SE", str(config.min_se)))
    return tuple(lines)
