"""Sessions that we begin: INVITE, CANCEL, forked answers (RFC 3261 §9.1, §13.2)."""

from typing import Final

from sip.building import MAGIC_COOKIE, MAX_FORWARDS, via_of
from sip.dialog import Dialog
from sip.events import EndedBy, Send, SessionAnswered, SessionProgress
from sip.flow import Flow
from sip.message import Request, Response
from sip.session import Limit, SessionOutput, Start, State, Timer
from sip.session_reinvite import OfferingSession
from sip.timers import TimerConfig

FORKS_MAX: Final = 16  # Answers to one INVITE. More is an attack: each costs us an ACK and a BYE.


def first_branch(local_tag: str) -> str:
    """The branch of the INVITE whose From has this tag."""
    return f"{MAGIC_COOKIE}{local_tag}.1"


def make_cancel(invite: Request, reason: str) -> Request:
    """RFC 3261 §9.1: the INVITE's own Via, so that it takes the same way to the same place."""
    headers = [("Via", invite.get("Via") or "")]
    headers += [("Route", route) for route in invite.get_all("Route")]
    headers += [
        ("Max-Forwards", MAX_FORWARDS),
        ("From", invite.get("From") or ""),
        ("To", invite.get("To") or ""),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq.number} CANCEL"),
    ]
    if reason:
        headers.append(("Reason", reason))
    return Request("CANCEL", invite.uri, headers)


class ClientSession(OfferingSession):
    """A call that we make."""

    __slots__ = ("_acks", "_invite", "_invite_branch")

    owns_call_id = True

    def __init__(self, name: str, invite: Request, flow: Flow, config: TimerConfig) -> None:
        """The branch of `invite` is `first_branch` of its From tag."""
        super().__init__(name, State.CALLING, invite.call_id, invite.from_tag, flow, config)
        self._invite: Request | None = invite  # Until no more 2xx can come.
        self._invite_branch = self._new_branch()
        self._acks: dict[str, bytes] = {}  # Remote tag -> ACK, for each fork that answered.

    def start(self) -> list[SessionOutput]:
        assert self._invite is not None, self
        return [Start(self._invite)]

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
        self._become(State.CANCELLING)
        return [Start(make_cancel(self._invite, reason)), Limit(self._invite_branch)]

    def _on_early_bye(self, request: Request, now: float) -> list[SessionOutput]:
        if self.state not in (State.CALLING, State.PROCEEDING):
            return []
        # The callee may not do so (§15), yet some do, and their 2xx may be on its way.
        outputs = self._cancel(now, "")
        return [*outputs, *self._report(480, EndedBy.REMOTE, request)]

    def on_invite_response(
        self, branch: str, response: Response, now: float
    ) -> list[SessionOutput]:
        if branch != self._invite_branch:
            return super().on_invite_response(branch, response, now)
        if response.status < 200:
            return self._on_progress(response, now)
        if response.status < 300:
            return self._on_answer(response, now)
        if self.state not in (
            State.CALLING,
            State.PROCEEDING,
            State.CANCEL_WAITS,
            State.CANCELLING,
        ):
            return []
        return [*self._become_ended(), *self._report(response.status, EndedBy.REMOTE, response)]

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
        return [SessionProgress(self.name, response.status, response.body)]

    def _on_answer(self, response: Response, now: float) -> list[SessionOutput]:
        known = self._acks.get(response.to_tag)
        if known is not None:
            return [Send(self.flow, known)]  # Our ACK was lost.
        if self._invite is None or len(self._acks) >= FORKS_MAX:
            return []
        if not self._acks:
            # RFC 6026 §7.2: after the first 2xx, others come for as long as timer M runs.
            self._timers.start(Timer.LINGER, now + 64 * self._config.t1)
        dialog = Dialog.uac(self._invite, response)
        ack = self._acknowledge(dialog, response)
        match self.state:
            case State.CALLING | State.PROCEEDING:
                self.dialog = dialog
                self._become(State.CONFIRMED)
                return [ack, SessionAnswered(self.name, response.body, response)]
            case State.CANCEL_WAITS | State.CANCELLING:
                self.dialog = dialog  # It answered before it knew (§9.1): hang up.
                return [ack, *self._bye(now, self._reason)]
            case _:
                bye = dialog.request("BYE", via_of(self.flow, self._new_branch()))
                return [ack, Start(bye)]  # Another fork: only one can have the call (§13.2.2.4).

    def _acknowledge(self, dialog: Dialog, response: Response) -> Send:
        ack = bytes(dialog.ack(response.cseq.number, via_of(self.flow, self._new_branch())))
        self._acks[response.to_tag] = ack
        return Send(self.flow, ack)

    def on_invite_failure(self, branch: str, by: EndedBy, now: float) -> list[SessionOutput]:
        if branch != self._invite_branch:
            return super().on_invite_failure(branch, by, now)
        status = 408 if by is EndedBy.TIMEOUT else 503  # §8.1.3.1
        return [*self._become_ended(), *self._report(status, by)]

    def _on_timer(self, timer: Timer, now: float) -> list[SessionOutput]:
        match timer:
            case Timer.LINGER:
                self._invite = None
                self._acks.clear()
                return []
            case _:
                return super()._on_timer(timer, now)
