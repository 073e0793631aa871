"""The user agent core: bytes in, match, transaction or session, outputs (RFC 3261 §8, §17, §18).

Messages, commands and time go in; `Send` and events come out. This file has the commands
of the transaction user, `receiving` what comes from the wire, `core` the tables.

A command for a session that is over does nothing: its end may have crossed the command.
"""

from collections.abc import Sequence

from sip import brakes
from sip.bodies import SDP
from sip.building import MAX_FORWARDS, body_headers, contact_of, via_of
from sip.core import AnySession, EndpointConfig
from sip.errors import LocalError
from sip.events import EndedBy, Output, RequestDone, SessionEnded
from sip.flow import Flow
from sip.headers import NameAddr, address_text
from sip.login import Login
from sip.matching import client_key
from sip.message import Request, respond
from sip.receiving import Receiver
from sip.server_non_invite import NonInviteServerTransaction
from sip.session import State
from sip.session_client import ClientSession, first_branch
from sip.session_server import ServerSession

__all__ = ["Endpoint", "EndpointConfig"]

Headers = Sequence[tuple[str, str]]


class Endpoint(Receiver):
    """A user agent with any number of calls: phone, trunk or PBX."""

    # --- calls --------------------------------------------------------------------------------

    def invite(
        self,
        session: str,
        *,
        uri: str,
        flow: Flow,
        from_: NameAddr,
        to: NameAddr,
        body: bytes,
        now: float,
        headers: Headers = (),
        content_type: str = SDP,
        call_id: str = "",
        cseq: int = 1,
        login: Login | None = None,
    ) -> list[Output]:
        """Call somebody. `login`: who we are, if the peer asks for it during the call (§22.2)."""
        if session in self._names:
            raise LocalError(f"session {session} exists")
        if len(self._sessions) >= self._config.sessions_max or self._is_full(
            self._config.transactions_max
        ):
            self.counters["overload"] += 1
            return [SessionEnded(session, 503, "", EndedBy.LOCAL)]
        tag = self._tokens.token()
        lines = self._head(flow, first_branch(tag), address_text(from_, tag), to, headers)
        lines += [
            ("Call-ID", call_id or self._tokens.token(32)),
            ("CSeq", f"{cseq} INVITE"),
            ("Contact", contact_of(flow)),
            *self._abilities,
            *self._timing,
            *headers,
            *body_headers(body, content_type),
        ]
        invite = Request("INVITE", uri, lines, body)
        if self._streams:
            invite, flow = self._fit(invite, flow)
        call = ClientSession(session, invite, flow, self._config.timers)
        if self._timing:
            call.use_timer(self._config.session_expires, self._config.min_se)
        self._add_session(call)
        self._log_in(tag, login)
        return self._after_session(call, call.start(), now)

    def ring(
        self,
        session: str,
        now: float,
        *,
        status: int = 180,
        body: bytes = b"",
        headers: Headers = (),
    ) -> list[Output]:
        """180, or 183 with early media."""
        call = self._server_session(session)
        return (
            []
            if call is None
            else self._after_session(call, call.ring(status, body, headers, now), now)
        )

    def answer(self, session: str, body: bytes, now: float, headers: Headers = ()) -> list[Output]:
        call = self._server_session(session)
        if call is None:
            return []
        return self._after_session(call, call.answer(body, (*self._abilities, *headers), now), now)

    def reject(self, session: str, status: int, now: float, headers: Headers = ()) -> list[Output]:
        """Any final status from 300; a 3xx needs a Contact among the headers."""
        call = self._server_session(session)
        return [] if call is None else self._after_session(call, call.reject(status, headers), now)

    def hangup(
        self, session: str, now: float, *, status: int = 480, reason: str = ""
    ) -> list[Output]:
        """End the session by whatever is right: CANCEL, BYE, or an error with `status`.

        `reason` is the value of a Reason header (RFC 3326).
        """
        call = self._find(session)
        if call is None:
            return []
        return self._after_session(call, call.hangup(now, status=status or 480, reason=reason), now)

    def offer(self, session: str, body: bytes, now: float) -> list[Output]:
        """Re-INVITE, or UPDATE before the answer; at once, or as soon as it is allowed."""
        call = self._find(session)
        return [] if call is None else self._after_session(call, call.offer(body, now), now)

    def accept_offer(
        self, session: str, body: bytes, now: float, headers: Headers = ()
    ) -> list[Output]:
        call = self._find(session)
        if call is None:
            return []
        return self._after_session(
            call, call.accept_offer(body, now, [*self._abilities, *headers]), now
        )

    def reject_offer(self, session: str, status: int, now: float) -> list[Output]:
        call = self._find(session)
        return (
            [] if call is None else self._after_session(call, call.reject_offer(status, now), now)
        )

    def request_in_dialog(
        self,
        session: str,
        method: str,
        now: float,
        headers: Headers = (),
        body: bytes = b"",
        key: str = "",
    ) -> list[Output]:
        """INFO, NOTIFY, OPTIONS and the like. The outcome is `RequestDone(key or session)`."""
        call = self._find(session)
        if call is None:
            return []
        return self._after_session(call, call.request(method, key or session, headers, body), now)

    # --- requests outside calls -----------------------------------------------------------------

    def request(
        self,
        key: str,
        method: str,
        *,
        uri: str,
        flow: Flow,
        from_: NameAddr,
        to: NameAddr,
        now: float,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = SDP,
        call_id: str = "",
        cseq: int = 1,
        login: Login | None = None,
    ) -> list[Output]:
        """OPTIONS, NOTIFY, MESSAGE, REGISTER. The outcome is `RequestDone(key)`.

        Who registers keeps `call_id` and raises `cseq` (RFC 3261 §10.2).
        """
        if self._is_full(self._config.transactions_max):
            self.counters["overload"] += 1
            return [RequestDone(key, None)]
        token = self._tokens.token()
        branch = first_branch(token)
        sender = str(from_) if from_.tag else address_text(from_, token)
        lines = self._head(flow, branch, sender, to, headers)
        lines += [
            ("Call-ID", call_id or self._tokens.token(32)),
            ("CSeq", f"{cseq} {method}"),
            *headers,
            *body_headers(body, content_type),
        ]
        request = Request(method, uri, lines, body)
        if self._streams:
            request, flow = self._fit(request, flow)
        self._requests[client_key(branch, method)] = key
        self._log_in(client_key(branch, method), login)
        return self._start(request, flow, "", now)

    def respond(
        self,
        transaction: str,
        status: int,
        now: float,
        headers: Headers = (),
        body: bytes = b"",
    ) -> list[Output]:
        """Answer a `RequestReceived` or an `InDialogRequest`."""
        server = self._servers.get(transaction)
        if not isinstance(server, NonInviteServerTransaction) or server.request is None:
            self.counters["commands_too_late"] += 1
            return []
        request = server.request
        refused: list[Output] = []
        if status >= 400 and self.guard is not None:
            refused = [*self.guard.on_refused(server.flow, now)]
        more = self._abilities if request.method == "OPTIONS" and status < 300 else ()
        if more and self.packages:
            more = (*more, ("Allow-Events", self._allow_events))
        if status >= 300 and request.method in brakes.METHODS and not request.to_tag:
            self.brakes.refused(server.flow.remote, request.method, now)
        tag = "" if status == 100 else self._tokens.token()
        response = respond(request, status, to_tag=tag, headers=[*more, *headers], body=body)
        return [*self._reply(transaction, response, now), *refused]

    # --- facts ----------------------------------------------------------------------------------

    @property
    def sessions(self) -> int:
        """How many are not over."""
        return len(self._names)

    def remote_tag(self, session: str) -> str:
        """Of the first of several early dialogs; "" before there is one, and after the end."""
        call = self._sessions.get(self._names.get(session, ""))
        tags = [] if call is None else call.remote_tags
        return tags[0] if tags else ""

    def local_tag(self, session: str) -> str:
        return self._names.get(session, "")

    def call_id(self, session: str) -> str:
        call = self._sessions.get(self._names.get(session, ""))
        return "" if call is None else call.call_id

    def dialog_id(self, session: str) -> tuple[str, str, str]:
        """Call-ID, our tag and the peer's, as for a Replaces header; "" for what is not known."""
        return self.call_id(session), self.local_tag(session), self.remote_tag(session)

    def find_dialog(self, call_id: str, local_tag: str, remote_tag: str) -> str | None:
        """The session with this dialog, which may be an early one (RFC 3891 §3)."""
        call = self._sessions.get(local_tag)
        if call is None or call.over or call.call_id != call_id:
            return None
        return call.name if remote_tag in call.remote_tags else None

    def is_answered(self, session: str) -> bool:
        """Whether its dialog is confirmed: one that is not can be replaced by its caller only."""
        call = self._sessions.get(self._names.get(session, ""))
        return call is not None and call.answered

    def log_in(self, session: str, login: Login) -> None:
        """What a peer that called us is asked for in requests of ours (§22.2)."""
        key = self._names.get(session)
        if key is not None:
            self._log_in(key, login)

    def reroute(self, old: Flow, new: Flow) -> int:
        """What had the connection that is gone goes on over the peer's new one: sessions, whose
        number is returned, and subscriptions."""
        moved = [call for call in self._sessions.values() if call.flow == old]
        for call in moved:
            call.flow = new
        for subscription in self._subscriptions.values():
            if subscription.flow == old:
                subscription.flow = new
        return len(moved)

    def heard(self, session: str) -> bool:
        """Whether the peer has sent anything in this session: a mere 100 to our INVITE counts."""
        call = self._sessions.get(self._names.get(session, ""))
        return call is not None and call.state not in (State.CALLING, State.CANCEL_WAITS)

    # --- small parts ------------------------------------------------------------------------------

    def _head(
        self, flow: Flow, branch: str, from_: str, to: NameAddr, headers: Headers
    ) -> list[tuple[str, str]]:
        lines = [("Via", via_of(flow, branch))]
        if not headers or all(name != "Max-Forwards" for name, _ in headers):
            lines.append(("Max-Forwards", MAX_FORWARDS))
        lines += [("From", from_), ("To", address_text(to))]
        if self._config.user_agent:
            lines.append(("User-Agent", self._config.user_agent))
        return lines

    def _find(self, session: str) -> AnySession | None:
        call = self._sessions.get(self._names.get(session, ""))
        if call is None:
            self.counters["commands_too_late"] += 1
        return call

    def _server_session(self, session: str) -> ServerSession | None:
        call = self._find(session)
        if call is not None and not isinstance(call, ServerSession):
            raise LocalError(f"{call} is not called, it calls")
        return call
