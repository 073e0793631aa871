"""Sessions that begin with an INVITE to us (RFC 3261 §9.2, §13.3), reliable 18x (RFC 3262)."""

from collections.abc import Iterable
from typing import Final

from sip.bodies import SDP, session_description
from sip.building import body_headers, contact_of
from sip.dialog import Dialog
from sip.errors import LocalError
from sip.events import EndedBy, OfferAnswered, SessionAcked
from sip.flow import Flow
from sip.message import Request, Response, respond
from sip.prack import WAITING_MAX, Ringing, names_reliable
from sip.session import Reply, SessionOutput, State, Timer
from sip.session_reinvite import Offering
from sip.session_timer import TimedSession
from sip.timers import TimerConfig

STILL_RINGING_SECONDS: Final = 60.0  # §13.3.1.1: proxies give up after three minutes of silence.


class ServerSession(TimedSession):
    """A call that we get."""

    __slots__ = ("_invite", "_invite_transaction", "_reliable", "_ringing")

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
        self._reliable: Ringing | None = None  # The caller wants to be sure of them.
        if "Require" in invite.first and names_reliable(invite, "Require"):
            self.ring_reliably()

    def ring_reliably(self) -> None:
        """Before the first 18x, and only if the caller knows 100rel (RFC 3262 §3)."""
        assert self._invite is not None, self
        self._reliable = Ringing(self._invite, self.local_tag)

    def ring(
        self, status: int, body: bytes, headers: Iterable[tuple[str, str]], now: float
    ) -> list[SessionOutput]:
        """180, or another 101-199."""
        if self._invite is None or not 100 < status < 200:
            raise LocalError(f"ring {status} in {self}")
        if self.state is State.INCOMING:
            self._become(State.RINGING)
        response = self._response(self._invite, status, body, headers)
        self._timers.start(Timer.STILL_RINGING, now + STILL_RINGING_SECONDS)
        if self._reliable is not None:
            return self._ring_reliably(self._reliable, response, now)
        self._ringing = response
        return [Reply(self._invite_transaction, response)]

    def answer(
        self, body: bytes, headers: Iterable[tuple[str, str]], now: float
    ) -> list[SessionOutput]:
        invite, ringing = self._invite, self._reliable
        if invite is None or self.dialog is None:
            raise LocalError(f"answer in {self}")
        if ringing is not None:
            if ringing.sent is not None and ringing.sent.body:
                # RFC 3262 §3: not before it is known that what we described has arrived.
                ringing.answer, ringing.waiting = (body, tuple(headers)), []
                return []
            self._timers.stop(Timer.RELIABLE, Timer.NO_PRACK)
            ringing.waiting = []
        if ringing is not None and ringing.agreed:
            body = b""  # §5: one answer is enough.
        else:
            self._local_body = body
        if self._timing is not None:
            headers = [*headers, *self._refreshed_by_peer(invite, now)]
        response = self._response(invite, 200, body, headers)
        self._become(State.ANSWERED)
        self.dialog.confirm()
        self._forget_invite()
        self._start_ok(response, invite.cseq.number, now)
        return [Reply(self._invite_transaction, response)]

    def reject(self, status: int, headers: Iterable[tuple[str, str]]) -> list[SessionOutput]:
        """Any final status from 300."""
        if self._invite is None or status < 300:
            raise LocalError(f"reject {status} in {self}")
        return [*self._refuse(status, headers), *self._report(status, EndedBy.LOCAL)]

    def on_cancel(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        if transaction != self._invite_transaction or self._invite is None:
            return super().on_cancel(transaction, request, now)
        return [*self._refuse(487), *self._report(487, EndedBy.REMOTE, request)]

    def on_transport_failed(self) -> list[SessionOutput]:
        """The caller cannot be reached any more, before we answered."""
        if self._invite is None:
            return []
        self._forget_invite()
        return [*self._become_ended(), *self._report(503, EndedBy.TRANSPORT)]

    # --- reliable 18x -------------------------------------------------------------------------

    def _ring_reliably(
        self, ringing: Ringing, response: Response, now: float
    ) -> list[SessionOutput]:
        if ringing.answer is not None:
            raise LocalError(f"ring after the answer in {self}")
        if len(ringing.waiting) < WAITING_MAX:
            ringing.waiting.append(response)
        return self._ring_next(ringing, now)

    def _ring_next(self, ringing: Ringing, now: float) -> list[SessionOutput]:
        response = ringing.take_next()
        if response is None:
            return []
        ringing.interval = self._config.t1
        self._timers.start(Timer.RELIABLE, now + ringing.interval)
        self._timers.start(Timer.NO_PRACK, now + 64 * self._config.t1)
        return [Reply(self._invite_transaction, response)]

    def _on_prack(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        ringing = self._reliable
        ringed = None if ringing is None else ringing.acknowledge(request)
        if ringing is None or ringed is None:
            return [Reply(transaction, respond(request, 481))]
        self._timers.stop(Timer.RELIABLE, Timer.NO_PRACK)
        outputs: list[SessionOutput] = []
        if ringed.body:
            self.agreed = ringing.agreed = True
            self._local_body = ringed.body
        if ringed.body and ringing.offers:
            outputs = [Reply(transaction, respond(request, 200))]
            outputs.append(OfferAnswered(self.name, request.body))
        elif request.body:
            outputs = self._on_offer(transaction, request, now)
        else:
            outputs = [Reply(transaction, respond(request, 200))]
        return [*outputs, *self._after_prack(ringing, now)]

    def _after_prack(self, ringing: Ringing, now: float) -> list[SessionOutput]:
        if self._invite is None:
            return []
        if ringing.answer is not None:
            body, headers = ringing.answer
            return self.answer(body, headers, now)
        return [*self._ring_next(ringing, now), *self._next_offer(now)]

    def _update_dialog(self) -> Dialog | None:
        invite = self._invite
        if invite is None or "UPDATE" not in invite.values("Allow"):
            return None
        return self.dialog

    def _early_dialog(self, remote_tag: str) -> Dialog | None:
        return None  # Ours is there from the beginning.

    # --- ends ---------------------------------------------------------------------------------

    def _hangup_early(self, now: float, status: int, reason: str) -> list[SessionOutput]:
        if self.state is State.ANSWERED:
            # §15: the callee's BYE waits for the ACK, or for the end of waiting.
            outputs = self._close_offers() if self.offering is not Offering.IDLE else []
            self._become(State.BYE_WAITS)
            self._reason = reason
            return [*outputs, *self._report(200, EndedBy.LOCAL)]
        return self.reject(status, [("Reason", reason)] if reason else [])

    def _on_early_bye(self, request: Request, now: float) -> list[SessionOutput]:
        # A caller may do so instead of CANCEL (§15); the INVITE still wants its answer.
        return [*self._refuse(487), *self._report(487, EndedBy.REMOTE, request)]

    def _on_acked(self, request: Request, now: float) -> list[SessionOutput]:
        match self.state:
            case State.ANSWERED:
                self._become(State.CONFIRMED)
                body = session_description(request)
                return [SessionAcked(self.name, body), *self._next_offer(now)]
            case State.BYE_WAITS:
                return self._bye(now, self._reason)
            case _:
                return super()._on_acked(request, now)

    def _refuse(self, status: int, headers: Iterable[tuple[str, str]] = ()) -> list[SessionOutput]:
        assert self._invite is not None, self
        outputs = self._close_offers() if self.offering is not Offering.IDLE else []
        response = respond(self._invite, status, to_tag=self.local_tag, headers=headers)
        self._become(State.ENDED)
        self._forget_invite()
        return [*outputs, Reply(self._invite_transaction, response)]

    def _forget_invite(self) -> None:
        self._invite = self._ringing = None
        self._timers.stop(Timer.STILL_RINGING)

    def _response(
        self, invite: Request, status: int, body: bytes, headers: Iterable[tuple[str, str]]
    ) -> Response:
        lines = [("Contact", contact_of(self.flow)), *headers, *body_headers(body, SDP)]
        return respond(invite, status, to_tag=self.local_tag, headers=lines, body=body)

    def _on_timer(self, timer: Timer, now: float) -> list[SessionOutput]:
        invite, ringing = self._invite, self._reliable
        if timer is Timer.STILL_RINGING and invite is not None:
            self._timers.start(Timer.STILL_RINGING, now + STILL_RINGING_SECONDS)
            if ringing is not None:
                more = self._response(invite, 180, b"", ())
                return self._ring_reliably(ringing, more, now) if ringing.answer is None else []
            return [] if self._ringing is None else [Reply(self._invite_transaction, self._ringing)]
        if timer is Timer.RELIABLE and ringing is not None and ringing.sent is not None:
            ringing.interval *= 2
            self._timers.start(Timer.RELIABLE, now + ringing.interval)
            return [Reply(self._invite_transaction, ringing.sent)]
        if timer is Timer.NO_PRACK and invite is not None:
            return [*self._refuse(504), *self._report(504, EndedBy.TIMEOUT)]
        return super()._on_timer(timer, now)
