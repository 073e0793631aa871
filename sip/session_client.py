"""Sessions that we begin: INVITE, CANCEL, early dialogs, forked answers (RFC 3261 §9.1, §13.2)."""

from typing import Final

from sip.bodies import session_description
from sip.building import MAGIC_COOKIE, again, along, via_of
from sip.dialog import Dialog
from sip.errors import RemoteError
from sip.events import EndedBy, Send, SessionAnswered, SessionProgress
from sip.flow import Flow
from sip.message import Request, Response, respond
from sip.prack import RAck, reliable_number
from sip.session import Limit, Reply, SessionOutput, Start, State, Timer
from sip.session_reinvite import Offering
from sip.session_timer import TimedSession, least_seconds
from sip.timers import TimerConfig

FORKS_MAX: Final = 16  # Answers to one INVITE. More is an attack: each costs us an ACK and a BYE.

_UNANSWERED: Final = frozenset(
    {State.CALLING, State.PROCEEDING, State.CANCEL_WAITS, State.CANCELLING}
)


def first_branch(local_tag: str) -> str:
    """The branch of the INVITE whose From has this tag."""
    return f"{MAGIC_COOKIE}{local_tag}.1"


def make_cancel(invite: Request, reason: str) -> Request:
    """RFC 3261 §9.1: the INVITE's own Via, so that it takes the same way to the same place."""
    cancel = along(invite, "CANCEL")
    if reason:
        cancel.headers.append(("Reason", reason))
    return cancel


class Early:
    """What one of the phones that ring has told us (§12.1.2)."""

    __slots__ = ("body", "dialog", "number", "response")

    def __init__(self, response: Response) -> None:
        self.response = response  # Its first.
        self.body = b""  # Its description, the last one.
        self.number = 0  # RSeq of the last one that we have acknowledged.
        self.dialog: Dialog | None = None  # Made when we, or the peer, need it.


class ClientSession(TimedSession):
    """A call that we make."""

    __slots__ = ("_acks", "_early", "_invite", "_invite_branch")

    owns_call_id = True

    def __init__(self, name: str, invite: Request, flow: Flow, config: TimerConfig) -> None:
        """The branch of `invite` is `first_branch` of its From tag."""
        super().__init__(name, State.CALLING, invite.call_id, invite.from_tag, flow, config)
        self._invite: Request | None = invite  # Until no more 2xx can come.
        self._invite_branch = self._new_branch()
        self._local_body = invite.body
        self._acks: dict[str, bytes] = {}  # Remote tag -> ACK, for each fork that answered.
        self._early: dict[str, Early] = {}  # By remote tag.

    def start(self) -> list[SessionOutput]:
        assert self._invite is not None, self
        return [Start(self._invite)]

    def resend(self, request: Request) -> Request | None:
        if request.branch != self._invite_branch:
            return super().resend(request)
        return self._invite_again() if self.state in (State.CALLING, State.PROCEEDING) else None

    def _invite_again(self, *changed: tuple[str, str]) -> Request:
        """It was refused for a reason that we can remedy (§8.1.3.5)."""
        assert self._invite is not None, self
        if self.state is State.PROCEEDING:
            self._become(State.CALLING)
        self._invite_branch = self._new_branch()
        cseq = self._invite.cseq.number + 1
        self._invite = again(self._invite, via_of(self.flow, self._invite_branch), cseq, changed)
        self._early.clear()
        self.agreed = False
        return self._invite

    # --- hanging up before the answer ---------------------------------------------------------

    def _hangup_early(self, now: float, status: int, reason: str) -> list[SessionOutput]:
        outputs = self._cancel(now, reason)
        return [*outputs, *self._report(487, EndedBy.LOCAL)]

    def _cancel(self, now: float, reason: str) -> list[SessionOutput]:
        if self.state is State.CALLING:
            # §9.1: it might overtake the INVITE, so the first response must come before it.
            self._become(State.CANCEL_WAITS)
            self._reason = reason
            return []
        if self.state not in (State.PROCEEDING, State.CANCEL_WAITS):
            return []
        assert self._invite is not None, self
        outputs = self._close_offers() if self.offering is not Offering.IDLE else []
        self._become(State.CANCELLING)
        return [*outputs, Start(make_cancel(self._invite, reason)), Limit(self._invite_branch)]

    def _on_early_bye(self, request: Request, now: float) -> list[SessionOutput]:
        if self.state not in (State.CALLING, State.PROCEEDING):
            return []
        # The callee may not do so (§15), yet some do, and their 2xx may be on its way.
        outputs = self._cancel(now, "")
        return [*outputs, *self._report(480, EndedBy.REMOTE, request)]

    # --- responses to the INVITE --------------------------------------------------------------

    def on_invite_response(
        self, branch: str, response: Response, now: float
    ) -> list[SessionOutput]:
        if branch != self._invite_branch:
            return super().on_invite_response(branch, response, now)
        if response.status < 200:
            return self._on_progress(response, now)
        if response.status < 300:
            return self._on_answer(response, now)
        if self.state not in _UNANSWERED:
            return []
        if response.status == 422 and (longer := self._ask_longer(response)) is not None:
            return [Start(longer)]
        outputs = self._close_offers() if self.offering is not Offering.IDLE else []
        self._early.clear()
        ended = self._report(response.status, EndedBy.REMOTE, response)
        return [*outputs, *self._become_ended(), *ended]

    def _ask_longer(self, response: Response) -> Request | None:
        """A session interval that suits the peer, once (RFC 4028 §7.3)."""
        timing = self._timing
        if timing is None or timing.retried or self.state not in (State.CALLING, State.PROCEEDING):
            return None
        timing.retried = True
        timing.least = max(timing.least, least_seconds(response))
        timing.wanted = max(timing.wanted, timing.least)
        wanted, least = str(timing.wanted), str(timing.least)
        return self._invite_again(("Session-Expires", wanted), ("Min-SE", least))

    def _on_progress(self, response: Response, now: float) -> list[SessionOutput]:
        match self.state:
            case State.CALLING:
                self._become(State.PROCEEDING)
            case State.CANCEL_WAITS:
                return self._cancel(now, self._reason)
            case State.PROCEEDING:
                pass
            case _:
                return []
        if response.status == 100:
            return []
        early = self._early_of(response)
        if response.status == 199:
            _ = self._early.pop(response.to_tag, None)  # One phone has given up (RFC 6228).
            return []
        body = session_description(response)
        outputs: list[SessionOutput] = []
        if early is not None:
            number = reliable_number(response)
            if number is not None and early.number not in (0, number - 1):
                return []  # Again, or its predecessor was lost (RFC 3262 §4).
            early.body = body or early.body
            if number is not None:
                outputs = self._acknowledge_early(early, number, body, now)
        if response.status == 183 and not body:
            return outputs  # It says nothing: nobody rings, and there is nothing to hear.
        return [*outputs, SessionProgress(self.name, response.status, body)]

    def _on_answer(self, response: Response, now: float) -> list[SessionOutput]:
        known = self._acks.get(response.to_tag)
        if known is not None:
            return [Send(self.flow, known)]  # Our ACK was lost.
        if self._invite is None or len(self._acks) >= FORKS_MAX:
            return []
        if not self._acks:
            # RFC 6026 §7.2: after the first 2xx, others come for as long as timer M runs.
            self._timers.start(Timer.LINGER, now + 64 * self._config.t1)
        dialog, body = self._answered(self._invite, response)
        ack = self._acknowledge(dialog, response)
        match self.state:
            case State.CALLING | State.PROCEEDING:
                self.dialog = dialog
                self._become(State.CONFIRMED)
                if len(self._early) > 1:
                    self._recall_offer()  # It may have gone to another phone.
                if self._timing is not None:
                    self._on_refreshed(response, now)
                return [
                    ack,
                    SessionAnswered(self.name, body, response),
                    *(() if self._waiting is None else self._next_offer(now)),
                ]
            case State.CANCEL_WAITS | State.CANCELLING:
                self.dialog = dialog  # It answered before it knew (§9.1): hang up.
                return [ack, *self._bye(now, self._reason)]
            case _:
                bye = dialog.request("BYE", via_of(self.flow, self._new_branch()))
                return [ack, Start(bye)]  # Another fork: only one can have the call (§13.2.2.4).

    def _recall_offer(self) -> None:
        """The UPDATE that is under way is not waited for; the offer goes out anew."""
        if self.offering in (Offering.SENT, Offering.GLARE):
            self._waiting, self._offer = self._waiting or self._offer, b""
            self._timers.stop(Timer.GLARE)
            self._shift(Offering.IDLE)

    def _answered(self, invite: Request, response: Response) -> tuple[Dialog, bytes]:
        """The dialog, and the answer: it may have come before the 2xx (RFC 3262 §5)."""
        dialog = Dialog.uac(invite, response)
        body = session_description(response)
        early = self._early.get(response.to_tag)
        if early is None:
            return dialog, body
        if early.dialog is not None:
            dialog.local_cseq = early.dialog.local_cseq
            dialog.remote_cseq = early.dialog.remote_cseq
        else:
            del self._early[response.to_tag]
        return dialog, body or early.body

    def _acknowledge(self, dialog: Dialog, response: Response) -> Send:
        via = via_of(self.flow, self._new_branch())
        ack = bytes(dialog.ack(response.cseq.number, via, self.ack_headers))
        self._acks[response.to_tag] = ack
        return Send(self.flow, ack)

    def on_invite_failure(self, branch: str, by: EndedBy, now: float) -> list[SessionOutput]:
        if branch != self._invite_branch:
            return super().on_invite_failure(branch, by, now)
        status = 408 if by is EndedBy.TIMEOUT else 503  # §8.1.3.1
        return [*self._become_ended(), *self._report(status, by)]

    # --- early dialogs ------------------------------------------------------------------------

    @property
    def remote_tags(self) -> list[str]:
        return super().remote_tags or list(self._early)

    def _early_of(self, response: Response) -> Early | None:
        try:
            tag = response.to_tag
        except RemoteError:
            return None
        early = self._early.get(tag)
        if early is None and tag and len(self._early) < FORKS_MAX:
            early = self._early[tag] = Early(response)
        return early

    def _early_dialog(self, remote_tag: str) -> Dialog | None:
        early = self._early.get(remote_tag)
        return None if early is None else self._dialog_of(early)

    def _dialog_of(self, early: Early) -> Dialog:
        if early.dialog is None:
            assert self._invite is not None, self
            early.dialog = Dialog.uac(self._invite, early.response)
        return early.dialog

    def _acknowledge_early(
        self, early: Early, number: int, body: bytes, now: float
    ) -> list[SessionOutput]:
        """PRACK (RFC 3262 §4)."""
        assert self._invite is not None, self
        early.number = number
        dialog = self._dialog_of(early)
        rack = RAck(number, self._invite.cseq.number, "INVITE")
        via = via_of(self.flow, self._new_branch())
        outputs: list[SessionOutput] = [Start(dialog.request("PRACK", via, [("RAck", str(rack))]))]
        if body and self._invite.body:
            self.agreed = True
        return [*outputs, *self._next_offer(now)]

    def _update_dialog(self) -> Dialog | None:
        """Of the phone whose description came last."""
        for early in reversed(self._early.values()):
            if early.number and early.body:
                allowed = early.response.values("Allow")
                return self._dialog_of(early) if "UPDATE" in allowed else None
        return None

    def _on_prack(self, transaction: str, request: Request, now: float) -> list[SessionOutput]:
        return [Reply(transaction, respond(request, 481))]  # It is we who call.

    def _on_timer(self, timer: Timer, now: float) -> list[SessionOutput]:
        match timer:
            case Timer.LINGER:
                self._invite = None
                self._acks.clear()
                self._early.clear()
                return []
            case _:
                return super()._on_timer(timer, now)
