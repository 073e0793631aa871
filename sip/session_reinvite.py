"""Offers within a session: re-INVITE, UPDATE and PRACK, ours and the peer's.

       our offer                       the peer's offer
    IDLE -----> SENT -- 2xx ----> IDLE <-- ACK, timer H: BYE -- ACK_DUE
     ^            |                |                               ^
     |           491             re-INVITE, UPDATE                 |
     |            v                v                              2xx
     +-- later: GLARE -------> RECEIVED ---------------------------+

Only one offer is under way at a time, in either direction (RFC 3261 §14, RFC 3311 §5).
One of ours that comes too early waits; of two that wait, the newer one counts. Before the
call is answered an offer can go by UPDATE, once the first one has been answered reliably.
"""

from contextlib import suppress
from typing import Final
from zlib import crc32

from sip.bodies import SDP, session_description
from sip.building import body_headers, contact_of, via_of
from sip.dialog import Dialog
from sip.errors import RemoteError
from sip.events import EndedBy, OfferAnswered, OfferRejected, Send, SessionOffered
from sip.flow import Flow
from sip.message import Request, Response, respond
from sip.session import Limit, Reply, Session, SessionOutput, Start, State, Timer
from sip.states import Named
from sip.timers import TimerConfig

GLARES_MAX: Final = 5  # In a row. More is a peer that always answers 491.

RETRY_SECONDS_MAX: Final = 10  # RFC 3311 §5.2: what a Retry-After may ask of us.

_EARLY: Final = frozenset({State.PROCEEDING, State.INCOMING, State.RINGING})


class Offering(Named):
    IDLE = "idle"
    SENT = "our re-INVITE waits for its answer"
    GLARE = "491: ours goes out again later"
    RECEIVED = "the user thinks about the peer's offer"
    ACK_DUE = "our 2xx to a re-INVITE waits for its ACK"


_O = Offering
OFFERINGS: Final[dict[Offering, frozenset[Offering]]] = {
    _O.IDLE: frozenset({_O.SENT, _O.RECEIVED}),
    _O.SENT: frozenset({_O.IDLE, _O.GLARE}),
    _O.GLARE: frozenset({_O.SENT, _O.RECEIVED, _O.IDLE}),
    _O.RECEIVED: frozenset({_O.IDLE, _O.ACK_DUE}),
    _O.ACK_DUE: frozenset({_O.IDLE}),
}


class OfferingSession(Session):
    """A session that can change what was agreed."""

    __slots__ = (
        "_ack",
        "_glares",
        "_local_body",
        "_offer",
        "_offer_branch",
        "_offered",
        "_transaction",
        "_waiting",
        "agreed",
        "offering",
    )

    owns_call_id = False  # Whether we made it (§14.1).

    def __init__(
        self, name: str, state: State, call_id: str, local_tag: str, flow: Flow, config: TimerConfig
    ) -> None:
        super().__init__(name, state, call_id, local_tag, flow, config)
        self.offering = Offering.IDLE
        self.agreed = False  # The first offer was answered reliably, before the 2xx (RFC 3262 §5).
        self._local_body = b""  # Our side as it was last agreed.
        self._offer = b""  # Ours, while SENT or GLARE.
        self._offer_branch = ""  # Of our last re-INVITE or UPDATE with an offer.
        self._ack = b""  # Of its 2xx, which may come again.
        self._glares = 0
        self._waiting: bytes | None = None  # Our next offer.
        self._offered: Request | None = None  # The peer's, while RECEIVED or ACK_DUE.
        self._transaction = ""  # The server transaction that it came in.

    # --- commands ---------------------------------------------------------------------------

    def offer(self, body: bytes, now: float) -> list[SessionOutput]:
        """Send a re-INVITE or UPDATE with this offer, now or as soon as it is allowed."""
        if self.over:
            return []
        self._waiting = body
        return self._next_offer(now)

    def accept_offer(
        self, body: bytes, now: float, headers: list[tuple[str, str]]
    ) -> list[SessionOutput]:
        """Answer the peer's offer; with an offer of ours if theirs was empty."""
        request = self._offered
        if request is None or self.offering is not Offering.RECEIVED:
            return []  # Cancelled, or the peer hung up.
        timing = self._refreshed_by_peer(request, now)
        if request.method == "PRACK":
            lines = body_headers(body, SDP)
        else:
            self._move(request)
            contact = ("Contact", contact_of(self.flow))
            lines = [contact, *headers, *timing, *body_headers(body, SDP)]
        self._local_body = body
        response = respond(request, 200, headers=lines, body=body)
        outputs: list[SessionOutput] = [Reply(self._transaction, response)]
        if request.method == "INVITE":
            self._shift(Offering.ACK_DUE)
            self._start_ok(response, request.cseq.number, now)
            return outputs
        return [*outputs, *self._idle(now)]

    def reject_offer(self, status: int, now: float) -> list[SessionOutput]:
        if self._offered is None or self.offering is not Offering.RECEIVED:
            return []
        reply = Reply(self._transaction, respond(self._offered, status))
        return [reply, *self._idle(now)]

    # --- the peer's offers --------------------------------------------------------------------

    def _on_offer(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        if request.method == "UPDATE" and not request.body:
            return self._on_refresh(transaction, request, now)
        if self.state is not State.CONFIRMED and not self._may_offer_early(request):
            # §14.2, RFC 3311 §5.2: theirs is not answered yet, or ours not.
            early = self.state in (State.INCOMING, State.RINGING)
            return [self._not_now(transaction, request, 500 if early else 491)]
        return self._on_timely_offer(transaction, request)

    def _may_offer_early(self, request: Request) -> bool:
        return self.agreed and request.method != "INVITE" and self.state in _EARLY

    def _on_timely_offer(self, transaction: str, request: Request) -> list[SessionOutput]:
        match self.offering:
            case Offering.SENT | Offering.ACK_DUE:
                return [self._not_now(transaction, request, 491)]
            case Offering.RECEIVED:
                return [self._not_now(transaction, request, 500)]
            case Offering.IDLE | Offering.GLARE:
                self._timers.stop(Timer.GLARE)
                self._shift(Offering.RECEIVED)
                self._offered, self._transaction = request, transaction
                return [SessionOffered(self.name, request.body, request.method)]

    def _on_refresh(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        """An UPDATE without an offer: where the peer is, and that it is (RFC 3311 §5.2)."""
        self._move(request)
        timing = self._refreshed_by_peer(request, now)
        headers = [("Contact", contact_of(self.flow)), *timing]
        return [Reply(transaction, respond(request, 200, headers=headers))]

    def _move(self, request: Request) -> None:
        dialog = self.dialog or self._early_dialog(request.from_tag)
        if dialog is not None:
            dialog.refresh_target(request)

    def _not_now(self, transaction: str, request: Request, status: int) -> Reply:
        headers = [("Retry-After", str(self._chance() % 11))] if status == 500 else []
        return Reply(transaction, respond(request, status, headers=headers))

    def on_cancel(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        """A CANCEL of this INVITE, which is not answered yet (§9.2)."""
        if self._offered is None or transaction != self._transaction:
            return []
        return self.reject_offer(487, now)

    def _on_acked(self, request: Request, now: float) -> list[SessionOutput]:
        if self.state is not State.CONFIRMED or self._offered is None:
            return []
        asked = not self._offered.body  # The offer was ours, so this has the answer (§14.2).
        outputs: list[SessionOutput] = []
        if asked:
            outputs.append(OfferAnswered(self.name, session_description(request)))
        return [*outputs, *self._idle(now)]

    # --- our offers ---------------------------------------------------------------------------

    def _next_offer(self, now: float) -> list[SessionOutput]:
        if self._waiting is None or self.offering is not Offering.IDLE:
            return []
        if self._offer_dialog() is None:
            return []  # Not yet.
        self._offer, self._waiting = self._waiting, None
        return self._send_offer()

    def _offer_dialog(self) -> Dialog | None:
        """Where an offer can go now: by re-INVITE if confirmed, else by UPDATE."""
        if self.state is State.CONFIRMED:
            return self.dialog
        return self._update_dialog() if self.agreed and self.state in _EARLY else None

    def _send_offer(self) -> list[SessionOutput]:
        dialog = self._offer_dialog()
        assert dialog is not None, self
        self._shift(Offering.SENT)
        self._offer_branch, self._ack = self._new_branch(), b""
        via = via_of(self.flow, self._offer_branch)
        headers = [
            ("Contact", contact_of(self.flow)),
            *self._timing_headers(),
            *body_headers(self._offer, SDP),
        ]
        method = "INVITE" if self.state is State.CONFIRMED else "UPDATE"
        return [Start(dialog.request(method, via, headers, self._offer))]

    def resend(self, request: Request) -> Request | None:
        if request.branch != self._offer_branch:
            return super().resend(request)
        dialog = self._offer_dialog()
        if self.offering is not Offering.SENT or dialog is None:
            return None
        renewed = self._renew(request, dialog)
        self._offer_branch = renewed.branch
        return renewed

    def on_invite_response(
        self, branch: str, response: Response, now: float
    ) -> list[SessionOutput]:
        if branch != self._offer_branch or response.status < 200:
            return []
        if response.status < 300:
            return self._on_reinvite_answered(response, now)
        if self.offering is not Offering.SENT:
            return []
        return self._on_offer_refused(response, now)

    def on_response(self, branch: str, response: Response, now: float) -> list[SessionOutput]:
        if branch != self._offer_branch:
            return super().on_response(branch, response, now)
        if response.status < 200 or self.offering is not Offering.SENT:
            return []
        if response.status >= 300:
            return self._on_offer_refused(response, now)
        dialog = self.dialog or self._early_dialog(response.to_tag)
        if dialog is not None:
            follow(dialog, response)
        return self._on_offer_answered(response, now)

    def _on_reinvite_answered(self, response: Response, now: float) -> list[SessionOutput]:
        assert self.dialog is not None, self
        if self._ack:
            return [Send(self.flow, self._ack)]  # It was lost.
        if self.state is State.CONFIRMED:
            follow(self.dialog, response)
        via = via_of(self.flow, self._new_branch())
        self._ack = bytes(self.dialog.ack(response.cseq.number, via, self.ack_headers))
        outputs: list[SessionOutput] = [Send(self.flow, self._ack)]
        if self.offering is not Offering.SENT:
            return outputs  # We hung up meanwhile.
        return [*outputs, *self._on_offer_answered(response, now)]

    def _on_offer_answered(self, response: Response, now: float) -> list[SessionOutput]:
        self._glares = 0
        self._local_body = self._offer
        self._on_refreshed(response, now)
        return [*self._tell_answered(response), *self._idle(now)]

    def _tell_answered(self, response: Response) -> list[SessionOutput]:
        return [OfferAnswered(self.name, session_description(response))]

    def _on_offer_refused(self, response: Response, now: float) -> list[SessionOutput]:
        match response.status:
            case 491 if self._glares < GLARES_MAX:
                return self._try_later(now + self._glare_pause())
            case 500 if self._glares < GLARES_MAX and "Retry-After" in response.first:
                # §14.1, RFC 3311 §5.1: it has not answered its own yet.
                return self._try_later(now + _retry_after(response))
            case 408 | 481 if self.state is State.CONFIRMED:
                # §14.1, §12.2.1.2: the peer has no such call any more.
                by = EndedBy.REMOTE if response.status == 481 else EndedBy.TIMEOUT
                bye = self._bye(now)
                return [*bye, *self._report(response.status, by, response)]
            case status:
                self._glares = 0
                return [*self._tell_refused(status, now), *self._idle(now)]

    def _tell_refused(self, status: int, now: float) -> list[SessionOutput]:
        return [OfferRejected(self.name, status)]

    def _try_later(self, when: float) -> list[SessionOutput]:
        self._glares += 1
        self._shift(Offering.GLARE)
        self._timers.start(Timer.GLARE, when)
        return []

    def on_invite_failure(self, branch: str, by: EndedBy, now: float) -> list[SessionOutput]:
        if branch != self._offer_branch or self.offering is not Offering.SENT:
            return []
        if by is EndedBy.TIMEOUT and self.state is State.CONFIRMED:
            return [*self._bye(now), *self._report(408, by)]
        # The connection is gone, perhaps only for a while; the call is not.
        status = 408 if by is EndedBy.TIMEOUT else 503
        return [*self._tell_refused(status, now), *self._idle(now)]

    def on_failure(self, branch: str, by: EndedBy, now: float) -> list[SessionOutput]:
        if branch == self._offer_branch:
            return self.on_invite_failure(branch, by, now)
        return super().on_failure(branch, by, now)

    def _glare_pause(self) -> float:
        """Seconds (§14.1): the two sides' ranges do not overlap, so one of them is first."""
        if self.owns_call_id:
            return 2.1 + self._chance() % 191 / 100
        return self._chance() % 201 / 100

    def _chance(self) -> int:
        """Different for each call and each time, and the same again for the same seed."""
        return crc32(f"{self.local_tag}.{self._sent}.{self._glares}".encode())

    def _on_timer(self, timer: Timer, now: float) -> list[SessionOutput]:
        if timer is Timer.GLARE and self.offering is Offering.GLARE:
            if self._offer_dialog() is not None:
                return self._send_offer()
            # Answered meanwhile: it goes out after the ACK.
            self._waiting, self._offer = self._waiting or self._offer, b""
            self._shift(Offering.IDLE)
            return []
        return super()._on_timer(timer, now)

    # --- ends ---------------------------------------------------------------------------------

    def _idle(self, now: float) -> list[SessionOutput]:
        """One exchange is over; what waited may go."""
        outputs: list[SessionOutput] = []
        received = self.offering in (Offering.RECEIVED, Offering.ACK_DUE)
        if received and self._offer and not self.over:
            # Theirs came into our glare pause: what we offered is out of date.
            outputs += self._tell_refused(491, now)
        self._offer, self._offered, self._transaction = b"", None, ""
        if self.offering is not Offering.IDLE:
            self._shift(Offering.IDLE)
        return [*outputs, *self._next_offer(now)]

    def _close_offers(self) -> list[SessionOutput]:
        """The session ends: a request that waits for us still gets its answer (§15.1.2)."""
        outputs: list[SessionOutput] = []
        if self.offering is Offering.RECEIVED and self._offered is not None:
            outputs.append(Reply(self._transaction, respond(self._offered, 487)))
        if self.offering is Offering.SENT and self.state is State.CONFIRMED:
            outputs.append(Limit(self._offer_branch))  # The peer need not answer it any more.
        self._offer, self._offered, self._waiting = b"", None, None
        self._transaction = ""
        if self.offering is not Offering.IDLE:
            self._shift(Offering.IDLE)
        return outputs

    def _shift(self, offering: Offering) -> None:
        assert offering in OFFERINGS[self.offering], (self, self.offering, offering)
        self.offering = offering

    # --- what the parts of the class in the other files fill in --------------------------------

    def _update_dialog(self) -> Dialog | None:
        """An early dialog whose peer takes UPDATE (RFC 3311 §4)."""
        raise NotImplementedError

    def _timing_headers(self) -> list[tuple[str, str]]:
        raise NotImplementedError

    def _refreshed_by_peer(self, request: Request, now: float) -> list[tuple[str, str]]:
        raise NotImplementedError

    def _on_refreshed(self, response: Response, now: float) -> None:
        raise NotImplementedError


def follow(dialog: Dialog, response: Response) -> None:
    """The 2xx to a re-INVITE or UPDATE of ours says where the peer is now (§12.2.1.2)."""
    with suppress(RemoteError):  # An unreadable contact: the old one served so far.
        dialog.refresh_target(response)


def _retry_after(response: Response) -> int:
    digits = response.first["Retry-After"].partition(";")[0].partition("(")[0].strip()
    return min(int(digits), RETRY_SECONDS_MAX) if digits.isascii() and digits.isdigit() else 1
