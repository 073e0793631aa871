"""Sessions that begin with an INVITE to us (RFC 3261 §9.2, §13.3)."""

from collections.abc import Iterable
from typing import Final

from sip.building import body_headers, contact_of
from sip.dialog import Dialog
from sip.errors import LocalError
from sip.events import EndedBy, SessionAcked
from sip.flow import Flow
from sip.message import Request, Response, respond
from sip.session import Reply, SessionOutput, State, Timer
from sip.session_reinvite import SDP, OfferingSession
from sip.timers import TimerConfig

STILL_RINGING_SECONDS: Final = 60.0  # §13.3.1.1: proxies give up after three minutes of silence.


class ServerSession(OfferingSession):
    """A call that we get."""

    __slots__ = ("_invite", "_invite_transaction", "_ringing")

    def __init__(
        self, transaction: str, invite: Request, local_tag: str, flow: Flow, config: TimerConfig
    ) -> None:
        """Raises RemoteError if no dialog can be made of the INVITE."""
        dialog = Dialog.uas(invite, local_tag)
        super().__init__(local_tag, State.INCOMING, invite.call_id, local_tag, flow, config)
        self.dialog = dialog
        self._invite: Request | None = invite  # Until it is answered.
        self._invite_transaction = transaction
        self._ringing: Response | None = None  # Our last 18x.

    def ring(
        self, status: int, body: bytes, headers: Iterable[tuple[str, str]], now: float
    ) -> list[SessionOutput]:
        """180, or another 101-199."""
        if self._invite is None or not 100 < status < 200:
            raise LocalError(f"ring {status} in {self}")
        if self.state is State.INCOMING:
            self._become(State.RINGING)
        self._ringing = self._response(self._invite, status, body, headers)
        self._timers.start(Timer.STILL_RINGING, now + STILL_RINGING_SECONDS)
        return [Reply(self._invite_transaction, self._ringing)]

    def answer(
        self, body: bytes, headers: Iterable[tuple[str, str]], now: float
    ) -> list[SessionOutput]:
        if self._invite is None or self.dialog is None:
            raise LocalError(f"answer in {self}")
        response = self._response(self._invite, 200, body, headers)
        self._become(State.ANSWERED)
        self.dialog.confirm()
        self._forget_invite()
        self._start_ok(response, response.cseq.number, now)
        return [Reply(self._invite_transaction, response)]

    def reject(self, status: int, headers: Iterable[tuple[str, str]]) -> list[SessionOutput]:
        """Any final status from 300."""
        if self._invite is None or status < 300:
            raise LocalError(f"reject {status} in {self}")
        return [self._refuse(status, headers), *self._report(status, EndedBy.LOCAL)]

    def on_cancel(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        if transaction != self._invite_transaction or self._invite is None:
            return super().on_cancel(transaction, request, now)
        return [self._refuse(487), *self._report(487, EndedBy.REMOTE, request)]

    def on_transport_failed(self) -> list[SessionOutput]:
        """The caller cannot be reached any more, before we answered."""
        if self._invite is None:
            return []
        self._forget_invite()
        return [*self._become_ended(), *self._report(503, EndedBy.TRANSPORT)]

    def _hangup_early(self, now: float, status: int, reason: str) -> list[SessionOutput]:
        if self.state is State.ANSWERED:
            # §15: the callee's BYE waits for the ACK, or for the end of waiting.
            self._become(State.BYE_WAITS)
            self._reason = reason
            return self._report(200, EndedBy.LOCAL)
        return self.reject(status, [("Reason", reason)] if reason else [])

    def _on_early_bye(self, request: Request, now: float) -> list[SessionOutput]:
        # A caller may do so instead of CANCEL (§15); the INVITE still wants its answer.
        return [self._refuse(487), *self._report(487, EndedBy.REMOTE, request)]

    def _on_acked(self, request: Request, now: float) -> list[SessionOutput]:
        match self.state:
            case State.ANSWERED:
                self._become(State.CONFIRMED)
                return [SessionAcked(self.name, request.body), *self._next_offer(now)]
            case State.BYE_WAITS:
                return self._bye(now, self._reason)
            case _:
                return super()._on_acked(request, now)

    def _refuse(self, status: int, headers: Iterable[tuple[str, str]] = ()) -> Reply:
        assert self._invite is not None, self
        response = respond(self._invite, status, to_tag=self.local_tag, headers=headers)
        self._become(State.ENDED)
        self._forget_invite()
        return Reply(self._invite_transaction, response)

    def _forget_invite(self) -> None:
        self._invite = self._ringing = None
        self._timers.stop(Timer.STILL_RINGING)

    def _response(
        self, invite: Request, status: int, body: bytes, headers: Iterable[tuple[str, str]]
    ) -> Response:
        lines = [("Contact", contact_of(self.flow)), *headers, *body_headers(body, SDP)]
        return respond(invite, status, to_tag=self.local_tag, headers=lines, body=body)

    def _on_timer(self, timer: Timer, now: float) -> list[SessionOutput]:
        if timer is Timer.STILL_RINGING and self._ringing is not None:
            self._timers.start(Timer.STILL_RINGING, now + STILL_RINGING_SECONDS)
            return [Reply(self._invite_transaction, self._ringing)]
        return super()._on_timer(timer, now)
