"""One INVITE usage with one peer, from its first message to its last (RFC 3261 §9, §13-15).

    we call                               we are called
    CALLING -> PROCEEDING                 INCOMING -> RINGING
      |  \\          |  \\                     |           |
      |   \\-- 2xx --+   \\                    +--- 2xx ---+--> ANSWERED
      |             |    \\                                  |    |
    hang up         |   hang up                            ACK  hang up
      v             |     v                                 |    v
    CANCEL_WAITS ---|-> CANCELLING          CONFIRMED <-----+   BYE_WAITS
                    v                        |    ^                |
                    +---> CONFIRMED ---------+    |     ACK, timer H
                                             v    |                v
                                            hang up -----------> ENDING -> ENDED

Only the two sides' own ways lead to ENDED from elsewhere: a refusal, a timeout, the
peer's BYE. `SessionEnded` is reported once, as soon as the outcome is known; what
lingers after it (a CANCEL, a BYE, a late 2xx) is this file's business alone.

`session_client` and `session_server` have the ways to CONFIRMED, `session_reinvite`
what happens there.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from sip.building import MAGIC_COOKIE, again, via_of
from sip.errors import LocalError
from sip.events import EndedBy, Event, InDialogRequest, RequestDone, Send, SessionEnded
from sip.flow import Flow
from sip.message import Request, Response, respond
from sip.states import Named
from sip.timers import TimerConfig, Timers

if TYPE_CHECKING:
    from sip.dialog import Dialog

IN_DIALOG_REQUESTS_MAX: Final = 16  # Ours at a time: a flood of digits must not fill the memory.


class State(Named):
    CALLING = "calling"
    PROCEEDING = "proceeding"
    CANCEL_WAITS = "hung up before any response"
    CANCELLING = "cancelling"
    INCOMING = "incoming"
    RINGING = "ringing"
    ANSWERED = "answered, no ACK yet"
    BYE_WAITS = "hung up before the ACK"
    CONFIRMED = "confirmed"
    ENDING = "BYE sent"
    ENDED = "ended"


_S = State
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    _S.CALLING: frozenset({_S.PROCEEDING, _S.CANCEL_WAITS, _S.CONFIRMED, _S.ENDED}),
    # Back: the INVITE goes out again, with credentials or another session interval.
    _S.PROCEEDING: frozenset({_S.CALLING, _S.CANCELLING, _S.CONFIRMED, _S.ENDED}),
    _S.CANCEL_WAITS: frozenset({_S.CANCELLING, _S.ENDING, _S.ENDED}),
    _S.CANCELLING: frozenset({_S.ENDING, _S.ENDED}),
    _S.INCOMING: frozenset({_S.RINGING, _S.ANSWERED, _S.ENDED}),
    _S.RINGING: frozenset({_S.ANSWERED, _S.ENDED}),
    _S.ANSWERED: frozenset({_S.CONFIRMED, _S.BYE_WAITS, _S.ENDING, _S.ENDED}),
    _S.BYE_WAITS: frozenset({_S.ENDING, _S.ENDED}),
    _S.CONFIRMED: frozenset({_S.ENDING, _S.ENDED}),
    _S.ENDING: frozenset({_S.ENDED}),
    _S.ENDED: frozenset(),
}


_FINISHED: Final = frozenset({State.ENDING, State.ENDED})
# Requests that are not the user's: the session makes them.
_OURS: Final = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"})


class Timer(Named):
    EXPIRES = "nobody has refreshed the session (RFC 4028 §10)"
    GLARE = "try our offer again (§14.1)"
    LINGER = "no more 2xx can come (RFC 6026 §7.2, timer M)"
    NO_ACK = "the 2xx was never acknowledged (§13.3.1.4)"
    NO_PRACK = "nor our reliable 18x (RFC 3262 §3)"
    REFRESH = "half of the session interval is over (RFC 4028 §10)"
    RELIABLE = "reliable 18x again (RFC 3262 §3)"
    RETRANSMIT = "2xx again (§13.3.1.4)"
    STILL_RINGING = "18x again (§13.3.1.1)"


class Start(NamedTuple):
    """Send this request, on the flow of the session, in a new client transaction."""

    request: Request


class Reply(NamedTuple):
    """Give this response to the server transaction."""

    transaction: str
    response: Response


class Limit(NamedTuple):
    """Wait no longer than 64*T1 for the final response to the INVITE with this branch (§9.1)."""

    branch: str


SessionOutput = Send | Start | Reply | Limit | Event


class Session:
    """What calling and being called have in common: everything after the answer but offers.

    Its key is its local tag: unguessable, and in every message of its dialogs.
    """

    __slots__ = (
        "_bye_branch",
        "_config",
        "_ok",
        "_ok_cseq",
        "_ok_interval",
        "_reason",
        "_requests",
        "_sent",
        "_timers",
        "ack_headers",
        "call_id",
        "dialog",
        "flow",
        "local_tag",
        "name",
        "over",
        "state",
    )

    def __init__(
        self, name: str, state: State, call_id: str, local_tag: str, flow: Flow, config: TimerConfig
    ) -> None:
        self.name = name  # What the transaction user calls it; free again when `over`.
        self.state = state
        self.call_id = call_id
        self.local_tag = local_tag
        self.flow = flow  # Where the peer was last heard in this session.
        self.dialog: Dialog | None = None
        self.over = False  # SessionEnded is reported.
        # Of the ACK of a 2xx: the credentials that its INVITE had (§13.2.2.4).
        self.ack_headers: tuple[tuple[str, str], ...] = ()
        self._config = config
        self._timers: Timers[Timer] = Timers()
        self._sent = 0  # Requests, for the next branch.
        self._bye_branch = ""
        self._reason = ""  # Of a CANCEL or BYE that waits.
        self._requests: dict[str, str] = {}  # Branch -> key, of the user's own requests.
        self._ok: Response | None = None  # The 2xx that waits for its ACK.
        self._ok_cseq = 0
        self._ok_interval = 0.0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.call_id} {self.state.name}>"

    @property
    def next_deadline(self) -> float | None:
        return self._timers.next_deadline

    @property
    def gone(self) -> bool:
        """Ended, and nothing can come that we would have to answer."""
        return self._timers.next_deadline is None and self.state is State.ENDED

    @property
    def remote_tags(self) -> list[str]:
        """Of its dialog; of all early ones before the answer."""
        return [] if self.dialog is None else [self.dialog.remote_tag]

    @property
    def answered(self) -> bool:
        """A 2xx was sent or has come, and nobody has hung up."""
        return self.state in (State.ANSWERED, State.CONFIRMED)

    # --- commands ---------------------------------------------------------------------------

    def hangup(self, now: float, *, status: int = 480, reason: str = "") -> list[SessionOutput]:
        """End it, whatever is right in its state. The peer reads `reason` (RFC 3326)."""
        if self.over:
            return []
        if self.state is State.CONFIRMED:
            return [*self._bye(now, reason), *self._report(200, EndedBy.LOCAL)]
        return self._hangup_early(now, status, reason)

    def request(
        self, method: str, key: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> list[SessionOutput]:
        """A request of the user within the dialog: INFO, NOTIFY, OPTIONS."""
        if self.dialog is None or self.over or method in _OURS:
            raise LocalError(f"{method} in {self}")
        if len(self._requests) >= IN_DIALOG_REQUESTS_MAX:
            return [RequestDone(key, None)]
        branch = self._new_branch()
        self._requests[branch] = key
        return [Start(self.dialog.request(method, via_of(self.flow, branch), headers, body))]

    # --- what the peer sends ----------------------------------------------------------------

    def belongs(self, request: Request) -> bool:
        """Whether a request with our tag is of this session's dialog (§12.2.2)."""
        if request.call_id != self.call_id or self.state is State.ENDED:
            return False
        dialog = self.dialog
        if dialog is None or request.first.get("From") == dialog.remote:
            return True
        return request.from_tag == dialog.remote_tag

    def on_request(
        self, transaction: str, request: Request, flow: Flow, now: float
    ) -> list[SessionOutput]:
        """A new request within the dialog. May raise RemoteError: answer it with the status."""
        dialog = self.dialog or self._early_dialog(request.from_tag)
        if dialog is not None:
            dialog.check_remote_cseq(request)
        self.flow = flow
        match request.method:
            case "BYE":
                return self._on_bye(transaction, request, now)
            case _ if self.over:
                return [Reply(transaction, respond(request, 481))]
            case "INVITE" | "UPDATE":
                return self._on_offer(transaction, request, now)
            case "OPTIONS":
                return [Reply(transaction, respond(request, 200))]
            case "PRACK":
                return self._on_prack(transaction, request, now)
            case _:
                return [InDialogRequest(self.name, transaction, request)]

    def on_ack(self, request: Request, flow: Flow, now: float) -> list[SessionOutput]:
        """The ACK of a 2xx."""
        if self._ok is None or request.cseq.number != self._ok_cseq:
            return []
        self.flow = flow
        self._stop_ok()
        return self._on_acked(request, now)

    def on_response(self, branch: str, response: Response, now: float) -> list[SessionOutput]:
        """To a request of ours other than INVITE."""
        if response.status < 200:
            return []
        if branch == self._bye_branch:
            return self._become_ended()
        return self._on_request_done(branch, response, now)

    def on_failure(self, branch: str, by: EndedBy, now: float) -> list[SessionOutput]:
        """Such a request ended without an answer: TIMEOUT or TRANSPORT."""
        if branch == self._bye_branch:
            return self._become_ended()
        return self._on_request_done(branch, None, now)

    def resend(self, request: Request) -> Request | None:
        """The same request again, as its challenge will be answered; None if nobody wants it."""
        dialog = self.dialog or self._early_dialog(request.to_tag)
        ours = request.branch == self._bye_branch or request.branch in self._requests
        if dialog is None or not (ours or (request.method == "PRACK" and not self.over)):
            return None
        renewed = self._renew(request, dialog)
        if request.branch == self._bye_branch:
            self._bye_branch = renewed.branch
        elif request.branch in self._requests:
            self._requests[renewed.branch] = self._requests.pop(request.branch)
        return renewed

    def on_time(self, now: float) -> list[SessionOutput]:
        outputs: list[SessionOutput] = []
        for timer in self._timers.take_expired(now):
            outputs += self._on_timer(timer, now)
        return outputs

    # --- ends -------------------------------------------------------------------------------

    def _report(
        self, status: int, by: EndedBy, message: Request | Response | None = None
    ) -> list[SessionOutput]:
        if self.over:
            return []
        self.over = True
        self._requests.clear()
        reason = "" if message is None else message.first.get("Reason", "")
        return [SessionEnded(self.name, status, reason, by, message)]

    def _bye(self, now: float, reason: str = "") -> list[SessionOutput]:
        assert self.dialog is not None, self
        outputs = self._close_offers()
        self._become(State.ENDING)
        self._bye_branch = self._new_branch()
        headers = [("Reason", reason)] if reason else []
        bye = self.dialog.request("BYE", via_of(self.flow, self._bye_branch), headers)
        return [*outputs, Start(bye)]

    def _on_bye(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        reply = Reply(transaction, respond(request, 200))
        match self.state:
            case State.ENDING | State.CANCEL_WAITS | State.CANCELLING:
                return [reply]  # Crossed ours: each ends by its own answer.
            case State.CONFIRMED | State.ANSWERED | State.BYE_WAITS:
                outputs = self._close_offers()
                ended = self._report(200, EndedBy.REMOTE, request)
                return [reply, *outputs, *self._become_ended(), *ended]
            case _:
                return [reply, *self._on_early_bye(request, now)]

    def _become_ended(self) -> list[SessionOutput]:
        if self.state is not State.ENDED:
            self._become(State.ENDED)
        return []

    def _become(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], (self, state)
        self.state = state
        if state in _FINISHED:
            self._stop_ok()
            self._timers.stop_but(Timer.LINGER)

    # --- small parts ------------------------------------------------------------------------

    def _new_branch(self) -> str:
        self._sent += 1
        return f"{MAGIC_COOKIE}{self.local_tag}.{self._sent}"

    def _renew(self, request: Request, dialog: "Dialog") -> Request:
        dialog.local_cseq += 1
        return again(request, via_of(self.flow, self._new_branch()), dialog.local_cseq)

    def _on_request_done(
        self, branch: str, response: Response | None, now: float
    ) -> list[SessionOutput]:
        key = self._requests.pop(branch, None)
        if key is None:
            return []  # A CANCEL, or the BYE of a fork.
        done = RequestDone(key, response)
        if response is not None and response.status == 481 and self.state is State.CONFIRMED:
            # The peer has lost the call (§12.2.1.2; RFC 5057 §5.1).
            bye = self._bye(now)
            return [done, *bye, *self._report(481, EndedBy.REMOTE, response)]
        return [done]

    def _start_ok(self, response: Response, cseq: int, now: float) -> None:
        """Repeat this 2xx until its ACK comes (§13.3.1.4), on any transport."""
        self._ok = response
        self._ok_cseq = cseq
        self._ok_interval = self._config.t1
        self._timers.start(Timer.RETRANSMIT, now + self._ok_interval)
        self._timers.start(Timer.NO_ACK, now + 64 * self._config.t1)

    def _stop_ok(self) -> None:
        if self._ok is None:
            return
        self._ok = None
        self._timers.stop(Timer.RETRANSMIT, Timer.NO_ACK)

    def _repeat_ok(self, response: Response, now: float) -> list[SessionOutput]:
        self._ok_interval = min(2 * self._ok_interval, self._config.t2)
        self._timers.start(Timer.RETRANSMIT, now + self._ok_interval)
        return [Send(self.flow, bytes(response))]

    def _on_timer(self, timer: Timer, now: float) -> list[SessionOutput]:
        if timer is Timer.RETRANSMIT and self._ok is not None:
            return self._repeat_ok(self._ok, now)
        if timer is Timer.NO_ACK:
            return self._on_no_ack(now)
        return []

    def _on_no_ack(self, now: float) -> list[SessionOutput]:
        if self.state in (State.ENDING, State.ENDED):
            return []
        return [*self._bye(now, self._reason), *self._report(408, EndedBy.TIMEOUT)]

    # --- what the parts of the class in the other files fill in -------------------------------

    def _early_dialog(self, remote_tag: str) -> "Dialog | None":
        raise NotImplementedError

    def _on_prack(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        raise NotImplementedError

    def _hangup_early(self, now: float, status: int, reason: str) -> list[SessionOutput]:
        raise NotImplementedError

    def _on_early_bye(self, request: Request, now: float) -> list[SessionOutput]:
        raise NotImplementedError

    def _on_offer(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        raise NotImplementedError

    def _on_acked(self, request: Request, now: float) -> list[SessionOutput]:
        raise NotImplementedError

    def _close_offers(self) -> list[SessionOutput]:
        raise NotImplementedError
