"""The tables of an endpoint: its transactions, its sessions, their deadlines.

Carries out what sessions ask for, and tells sessions what became of it. All state is
plain data, and a tree: transactions and sessions know each other only by their keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, assert_never

from sip.auth import Gate
from sip.client_invite import InviteClientTransaction
from sip.client_non_invite import NonInviteClientTransaction
from sip.deadlines import Deadlines
from sip.events import EndedBy, Output, RequestDone, Send, SessionEnded
from sip.flow import Flow
from sip.matching import client_key
from sip.message import Request, Response
from sip.server_invite import InviteServerTransaction
from sip.server_non_invite import NonInviteServerTransaction
from sip.session import Limit, Reply, SessionOutput, Start
from sip.session_client import ClientSession
from sip.session_server import ServerSession
from sip.timers import TimerConfig
from sip.tokens import Tokens
from sip.transaction import ClientOutput, Received, TimedOut, TransportFailed

Client = InviteClientTransaction | NonInviteClientTransaction
Server = InviteServerTransaction | NonInviteServerTransaction
AnySession = ClientSession | ServerSession

ALLOW: Final = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE"),
    *("REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "REGISTER"),
)
COUNTERS: Final = (
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


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    timers: TimerConfig = field(default_factory=TimerConfig)
    user_agent: str = "Dzvin"
    allow: tuple[str, ...] = ALLOW
    supported: tuple[str, ...] = ()  # Option tags, in lower case.
    # About 4 kB each; as most last 32 s, enough for 600 new ones a second. Requests within the
    # calls that we have may fill as many again.
    transactions_max: int = 20_000
    sessions_max: int = 10_000  # 5,000 calls of two legs: ten times what one core carries.


class Core:
    """Not to be used alone: `Endpoint` adds what comes in."""

    def __init__(self, config: EndpointConfig, tokens: Tokens, gate: Gate | None) -> None:
        self.counters: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        self.gate = gate  # None: everybody may call. `gate.replace` changes it.
        self._config = config
        self._abilities = _abilities(config)  # Headers, in what may make or change a dialog.
        self._tokens = tokens  # Ours alone: what is read back has its own copy.
        self._clients: dict[str, Client] = {}
        self._servers: dict[str, Server] = {}
        self._sessions: dict[str, AnySession] = {}
        self._names: dict[str, str] = {}  # What the user calls a session -> its key.
        self._requests: dict[str, str] = {}  # Client key -> the user's key, outside sessions.
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
            "dialogs": sum(s.dialog is not None for s in self._sessions.values()),
            "requests": len(self._requests),
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
        return outputs

    def on_flow_failed(self, flow: Flow, now: float) -> list[Output]:
        """The connection is lost, or the peer's port is closed (ICMP).

        Answered calls stay: their sound may still flow, and the peer may come back.
        """
        outputs: list[Output] = []
        for key, client in list(self._clients.items()):
            if client.flow == flow:
                outputs += self._after_client(key, client, client.on_transport_error(), now)
        for key, server in list(self._servers.items()):
            if server.flow == flow:
                outputs += self._after_server(key, server, server.on_transport_error(), now)
        return outputs

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
        self._deadlines.arm(key, deadline)
        if deadline is None and session.gone:
            _ = self._sessions.pop(key, None)
        return outputs

    def _add_session(self, session: AnySession) -> None:
        self._sessions[session.local_tag] = session
        self._names[session.name] = session.local_tag

    # --- client transactions --------------------------------------------------------------------

    def _start(self, request: Request, flow: Flow, user: str, now: float) -> list[Output]:
        key = client_key(request.branch, request.method)
        timers = self._config.timers
        client: Client
        if request.method == "INVITE":
            client = InviteClientTransaction(request, flow, timers, user)
        else:
            client = NonInviteClientTransaction(request, flow, timers, user)
        self._clients[key] = client
        return self._after_client(key, client, client.start(now), now)

    def _after_client(
        self, key: str, client: Client, items: Iterable[ClientOutput], now: float
    ) -> list[Output]:
        if client.terminated:
            self._forget_client(key)
        else:
            self._deadlines.arm(key, client.next_deadline)
        outputs: list[Output] = []
        for item in items:
            match item:
                case Send():
                    outputs.append(item)
                case Received():
                    outputs += self._on_answer(key, client, item.response, now)
                case TimedOut():
                    outputs += self._on_no_answer(key, client, EndedBy.TIMEOUT, now)
                case TransportFailed():
                    outputs += self._on_no_answer(key, client, EndedBy.TRANSPORT, now)
                case _:
                    assert_never(item)
        return outputs

    def _on_answer(self, key: str, client: Client, response: Response, now: float) -> list[Output]:
        session = self._sessions.get(client.user)
        if session is not None:
            invite = isinstance(client, InviteClientTransaction)
            handle = session.on_invite_response if invite else session.on_response
            return self._after_session(session, handle(client.branch, response, now), now)
        if response.status < 200 or key not in self._requests:
            return []  # Its session is over.
        return [RequestDone(self._requests.pop(key), response)]

    def _on_no_answer(self, key: str, client: Client, by: EndedBy, now: float) -> list[Output]:
        session = self._sessions.get(client.user)
        if session is not None:
            invite = isinstance(client, InviteClientTransaction)
            handle = session.on_invite_failure if invite else session.on_failure
            return self._after_session(session, handle(client.branch, by, now), now)
        if key not in self._requests:
            return []
        return [RequestDone(self._requests.pop(key), None)]

    def _limit(self, key: str, now: float) -> None:
        client = self._clients.get(key)
        if isinstance(client, InviteClientTransaction):
            client.limit(now)
            self._deadlines.arm(key, client.next_deadline)

    def _forget_client(self, key: str) -> None:
        _ = self._clients.pop(key, None)
        self._deadlines.arm(key, None)

    # --- server transactions --------------------------------------------------------------------

    def _add_server(self, key: str, server: Server, now: float) -> list[Output]:
        self._servers[key] = server
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
            self._deadlines.arm(key, server.next_deadline)
        outputs: list[Output] = []
        for item in items:
            match item:
                case Send():
                    outputs.append(item)
                case TransportFailed():
                    session = self._sessions.get(server.user)
                    if isinstance(session, ServerSession):
                        lost = session.on_transport_failed()
                        outputs += self._after_session(session, lost, now)
                case _:
                    assert_never(item)
        return outputs

    def _forget_server(self, key: str) -> None:
        _ = self._servers.pop(key, None)
        self._deadlines.arm(key, None)
        merge = self._merge_keys.pop(key, None)
        if merge is not None:
            _ = self._merges.pop(merge, None)


def _abilities(config: EndpointConfig) -> tuple[tuple[str, str], ...]:
    lines = [("Allow", ", ".join(config.allow))]
    if config.supported:
        lines.append(("Supported", ", ".join(config.supported)))
    return tuple(lines)
