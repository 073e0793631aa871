"""What comes in: match it, check it, admit it (RFC 3261 §8.2, §9.2, §17, §18).

The order of the checks: transaction, sense, dialog, room, support, credentials. Nothing is
kept of a request before all of them are passed.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from sip import brakes
from sip.admission import RETRY_SECONDS, Refusal, check_hops, refusal
from sip.auth import Refused
from sip.core import AnySession
from sip.errors import ParseError, RemoteError
from sip.events import InviteReceived, Output, RequestReceived, Send
from sip.flow import Flow
from sip.matching import client_key_of, merge_key, server_key
from sip.message import Request, Response, respond
from sip.parser import parse, validate
from sip.prack import names_reliable
from sip.server_invite import InviteServerTransaction
from sip.server_non_invite import NonInviteServerTransaction
from sip.session_server import ServerSession
from sip.subscribing import Subscribing
from sip.subscription import Subscription

KEEP_ALIVE_BYTES_MAX: Final = 4  # CRLF, CRLF CRLF, a few zeros: not worth a parse.


class Receiver(Subscribing):
    """Not to be used alone: `Endpoint` adds the commands."""

    def on_datagram(self, data: bytes, flow: Flow, now: float) -> list[Output]:
        """Any bytes at all."""
        if self.guard is not None and (dropped := self.guard.drops(data, flow, now)) is not None:
            return [*dropped]
        if len(data) <= KEEP_ALIVE_BYTES_MAX:
            self.counters["keep_alives"] += 1
            return []
        try:
            message = parse(data)
        except ParseError as error:
            return self.on_garbage(error, flow)
        return self._on_message(message, flow, now)

    def on_garbage(self, error: ParseError, flow: Flow) -> list[Output]:
        """What could not be parsed, from a datagram or a stream: answered if possible."""
        self.counters["garbage"] += 1
        if error.request is None:
            return []
        return self._refuse(error.request, flow, error.status)

    def on_message(self, message: Request | Response, flow: Flow, now: float) -> list[Output]:
        """One of a stream."""
        if self.guard is not None:
            agent = b"User-Agent:" + message.first.get("User-Agent", "").encode("utf-8", "replace")
            dropped = self.guard.drops(agent, flow, now)
            if dropped is not None:
                return [*dropped]
        return self._on_message(message, flow, now)

    def _on_message(self, message: Request | Response, flow: Flow, now: float) -> list[Output]:
        self.counters["received"] += 1
        counters = self.counters
        before = counters["refused"] - counters["overload"]
        outputs = self._on_either(message, flow, now)
        # That we are full is no fault of the caller's.
        if self.guard is not None and counters["refused"] - counters["overload"] > before:
            outputs += self.guard.on_refused(flow, now)
        return outputs

    def _on_either(self, message: Request | Response, flow: Flow, now: float) -> list[Output]:
        try:
            if isinstance(message, Response):
                return self._on_response(message, flow, now)
            if message.method == "ACK":
                return self._on_ack(message, flow, now)
            return self._on_request(message, flow, now)
        except RemoteError as error:
            if isinstance(message, Response) or message.method == "ACK":
                self.counters["garbage"] += 1
                return []
            return self._refuse(message, flow, error.status)

    def _on_response(self, response: Response, flow: Flow, now: float) -> list[Output]:
        key = client_key_of(response)
        client = self._clients.get(key)
        if client is None:
            self.counters["stray_responses"] += 1
            return []
        return self._after_client(key, client, client.on_response(response, now), now)

    def _on_ack(self, ack: Request, flow: Flow, now: float) -> list[Output]:
        key = server_key(ack, "INVITE")
        server = self._servers.get(key)
        if isinstance(server, InviteServerTransaction) and server.refused:
            return self._after_server(key, server, server.on_ack(now), now)
        session = self._session_of(ack)
        if session is None:
            self.counters["stray_acks"] += 1
            return []
        return self._after_session(session, session.on_ack(ack, flow, now), now)

    def _on_request(self, request: Request, flow: Flow, now: float) -> list[Output]:
        key = server_key(request, request.method)
        server = self._servers.get(key)
        if server is not None:
            self.counters["retransmissions"] += 1
            return self._after_server(key, server, server.on_request(now), now)
        stamped = request.stamp(*flow.remote)
        validate(request, stamped=stamped)
        if request.method == "CANCEL":
            return self._on_cancel(key, request, flow, now)
        if request.to_tag and request.method != "REGISTER":
            return self._on_in_dialog(key, request, flow, now)
        return self._on_outside(key, request, flow, now)

    # --- within dialogs -----------------------------------------------------------------------

    def _on_cancel(self, key: str, cancel: Request, flow: Flow, now: float) -> list[Output]:
        target = server_key(cancel, "INVITE")
        server = self._servers.get(target)
        if server is None:
            return self._refuse(cancel, flow, 481)
        own = NonInviteServerTransaction(cancel, flow, self._config.timers)
        outputs = self._add_server(key, own, now)
        # §9.2: 200 whatever becomes of the INVITE, with the tag that its answers have.
        outputs += self._reply(key, respond(cancel, 200, to_tag=server.user), now)
        session = self._sessions.get(server.user)
        if session is not None:
            outputs += self._after_session(session, session.on_cancel(target, cancel, now), now)
        return outputs

    def _on_in_dialog(self, key: str, request: Request, flow: Flow, now: float) -> list[Output]:
        session = self._session_of(request)
        if session is None:
            subscription = self._subscriptions.get(request.to_tag)
            if subscription is not None and subscription.belongs(request):
                return self._on_in_subscription(key, subscription, request, flow, now)
            return self._refuse(request, flow, 481)
        if self._is_full(2 * self._config.transactions_max):
            return self._refuse_overload(request, flow)
        refused = self._unsupported(request)
        if refused is not None:
            return self._refuse(request, flow, *refused)
        items = session.on_request(key, request, flow, now)  # May raise: nothing is kept then.
        server: InviteServerTransaction | NonInviteServerTransaction
        if request.method == "INVITE":
            server = InviteServerTransaction(request, flow, self._config.timers, session.local_tag)
        else:
            server = NonInviteServerTransaction(request, flow, self._config.timers)
        outputs = self._add_server(key, server, now)
        outputs += self._after_session(session, items, now)
        return outputs

    def _on_in_subscription(
        self, key: str, subscription: Subscription, request: Request, flow: Flow, now: float
    ) -> list[Output]:
        if self._is_full(2 * self._config.transactions_max):
            return self._refuse_overload(request, flow)
        refused = self._too_short(request)
        if refused is not None:
            return self._refuse(request, flow, *refused)
        subscription.check(request)
        return self._on_resubscribe(key, subscription, request, flow, now)

    def _session_of(self, request: Request) -> AnySession | None:
        session = self._sessions.get(request.to_tag)
        return session if session is not None and session.belongs(request) else None

    # --- outside dialogs ----------------------------------------------------------------------

    def _on_outside(self, key: str, request: Request, flow: Flow, now: float) -> list[Output]:
        method = request.method
        if method in brakes.METHODS and self.brakes.holds(flow.remote, method, now):
            self.counters["braked"] += 1
            return []
        merge = merge_key(request)
        if merge in self._merges:
            return self._refuse(request, flow, 482)
        if self._is_full(self._config.transactions_max) or (
            request.method == "INVITE" and len(self._sessions) >= self._config.sessions_max
        ):
            return self._refuse_overload(request, flow)
        check_hops(request)
        refused = self._unsupported(request)
        if refused is not None:
            return self._refuse(request, flow, *refused)
        username = None
        if self.gate is not None and request.method != "OPTIONS":
            if self._is_quarantined(request, flow):
                return []
            verdict = self.gate.check(request, flow, now)
            if isinstance(verdict, Refused):
                return self._challenge(verdict, flow, now)
            username = verdict.username
            if self.guard is not None:
                self.guard.on_admitted(flow, username or "", now)
        if request.method == "INVITE" and self.admission is not None:
            seconds = self.admission.admit(len(self._sessions), now)
            if seconds:
                return self._refuse_overload(request, flow, seconds)
        if method == "SUBSCRIBE" and self.packages:
            refused = self._subscribe_refusal(request)
            if refused is not None:
                self.brakes.refused(flow.remote, method, now)
                return self._refuse(request, flow, *refused)
        outputs = self._admit(key, request, flow, username, now)
        self._merges[merge] = key
        self._merge_keys[key] = merge
        return outputs

    def _admit(
        self, key: str, request: Request, flow: Flow, username: str | None, now: float
    ) -> list[Output]:
        timers = self._config.timers
        if request.method == "SUBSCRIBE" and self.packages:
            return self._on_subscribe(key, request, flow, username, now)
        if request.method != "INVITE":
            outputs = self._add_server(key, NonInviteServerTransaction(request, flow, timers), now)
            return [*outputs, RequestReceived(key, request, flow, username)]
        local_tag = self._tokens.token()
        session = ServerSession(key, request, local_tag, flow, timers)
        if self._timing:
            session.use_timer(self._config.session_expires, self._config.min_se)
        if self._config.reliable_ringing and names_reliable(request, "Supported"):
            session.ring_reliably()
        server = InviteServerTransaction(request, flow, timers, local_tag)
        outputs = self._add_server(key, server, now)
        self._add_session(session)
        return [*outputs, InviteReceived(session.name, request, flow, username)]

    # --- answers without a transaction ----------------------------------------------------------

    def _unsupported(self, request: Request) -> Refusal | None:
        config = self._config
        min_se = config.min_se if self._timing else 0
        return refusal(request, config.allow, config.supported, min_se)

    def _is_full(self, limit: int) -> bool:
        return len(self._clients) + len(self._servers) >= limit

    def _refuse_overload(
        self, request: Request, flow: Flow, seconds: int = RETRY_SECONDS
    ) -> list[Output]:
        self.counters["overload"] += 1
        return self._refuse(request, flow, 503, [("Retry-After", str(seconds))])

    def _is_quarantined(self, request: Request, flow: Flow) -> bool:
        guard, gate = self.guard, self.gate
        if guard is None or gate is None or not guard.bans.users:
            return False
        return guard.is_quarantined(flow, gate.claimed(request))

    def _challenge(self, verdict: Refused, flow: Flow, now: float) -> list[Output]:
        self.counters["challenged"] += 1
        outputs: list[Output] = [Send(flow, bytes(verdict.response))]
        if self.guard is None:
            return outputs
        if verdict.wrong:
            return [*outputs, *self.guard.on_wrong(flow, verdict.username, verdict.proven, now)]
        if not verdict.username:
            return [*outputs, *self.guard.on_unanswered(flow, now)]
        return outputs

    def _refuse(
        self,
        request: Request,
        flow: Flow,
        status: int,
        headers: Iterable[tuple[str, str]] = (),
    ) -> list[Output]:
        """The same answer, tag included, however often the request comes (§8.2.7)."""
        if request.method == "ACK":
            return []
        self.counters["refused"] += 1
        try:
            _ = request.stamp(*flow.remote)
        except RemoteError:
            return []  # Without a Via that can be read the client could not match it.
        text = f"{request.get('Call-ID')} {request.get('CSeq')} {request.get('From')}"
        seed = text.encode("utf-8", "surrogateescape")
        tag = blake2b(seed, key=self._stateless_key, digest_size=8).hexdigest()
        response = respond(request, status, to_tag=tag, headers=headers)
        return [Send(flow, bytes(response))]
