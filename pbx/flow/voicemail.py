"""A caller leaves a message.

OPENING --> GREETING --end, or #--> BEEPING --> RECORDING --> THANKING --> the end
    |          |
    |          +--0--> the operator      +--*--> the mailbox itself, for its owner
    +--full--> REFUSING --> the end

What was recorded is kept or thrown away by `pbx.voicemail.boxes`, whoever hangs up first.
"""

from enum import Enum
from typing import TYPE_CHECKING, Final, cast

from pbx.calls.causes import Cause
from pbx.calls.commands import AnswerCaller, Command, Finish, GoTo, Mail
from pbx.flow.block import Block
from pbx.forwarding import Reason
from pbx.history.records import Hangup, Verdict
from pbx.plan import Destination
from pbx.voicemail import words
from pbx.voicemail.actions import (
    Answer,
    Begun,
    Open,
    Opened,
    Record,
    Recorded,
    Say,
    StopRecording,
    View,
)
from pbx.voicemail.messages import Greeting, Purpose

if TYPE_CHECKING:
    from pbx.calls.call import Call

SAY_SECONDS_MAX: Final = 600.0
"""Should the end of a greeting never be told, the call goes on all the same."""

BUSY: Final = frozenset({Reason.BUSY, Reason.DO_NOT_DISTURB})


class LeaveState(Enum):
    OPENING = "opening"
    GREETING = "greeting"
    BEEPING = "beeping"
    RECORDING = "recording"
    THANKING = "thanking"
    REFUSING = "refusing"
    OVER = "over"


_S = LeaveState
TRANSITIONS: Final[dict[LeaveState, frozenset[LeaveState]]] = {
    _S.OPENING: frozenset({_S.GREETING, _S.REFUSING, _S.OVER}),
    _S.GREETING: frozenset({_S.GREETING, _S.BEEPING, _S.RECORDING, _S.OVER}),
    _S.BEEPING: frozenset({_S.GREETING, _S.RECORDING, _S.OVER}),
    _S.RECORDING: frozenset({_S.GREETING, _S.THANKING, _S.OVER}),
    _S.THANKING: frozenset({_S.GREETING, _S.OVER}),
    _S.REFUSING: frozenset({_S.OVER}),
    _S.OVER: frozenset(),
}


class VoicemailBlock(Block):
    name = "voicemail"

    def __init__(self, mailbox: str) -> None:
        self.extension = mailbox  # As the path of the call shows it.
        self.state = LeaveState.OPENING
        self.view: View | None = None
        self.draft = ""
        self.since = 0.0  # When the recording began.
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return [Mail(Open(self.extension))]

    def on_mail(self, call: "Call", answer: Answer, now: float) -> list[Command]:
        match answer:
            case Opened(view) if self.state is LeaveState.OPENING:
                return self._opened(call, view, now)
            case Begun(draft):
                self.draft = draft
            case Recorded(draft, seconds) if draft == self.draft:
                return self._recorded(call, seconds, now)
            case _:
                pass
        return []

    def on_played(self, call: "Call", now: float) -> list[Command]:
        match self.state:
            case LeaveState.GREETING | LeaveState.BEEPING:
                return self._record(now)
            case LeaveState.THANKING | LeaveState.REFUSING:
                return self._finish(call)
            case _:
                return []

    def on_digit(self, call: "Call", digit: str, now: float) -> list[Command]:
        if self.state is LeaveState.RECORDING:
            stop: list[Command] = [Mail(StopRecording())]
            if digit == "#":  # The worker has heard it by itself, unless it came by SIP INFO.
                return stop
            return self._to_operator(stop) if digit == "0" else []
        if self.state not in (LeaveState.GREETING, LeaveState.BEEPING, LeaveState.REFUSING):
            return []
        match digit:
            case "#" if self.state is LeaveState.GREETING:
                self._become(LeaveState.BEEPING)
                return self._say((words.BEEP,), now)
            case "0":
                return self._to_operator([])
            case "*":
                self._over()
                return [GoTo(Destination("mailbox", self.extension))]
            case _:
                return []

    def on_time(self, call: "Call", now: float) -> list[Command]:
        self.next_deadline = None
        return self.on_played(call, now)

    def on_caller_gone(self, call: "Call", now: float) -> list[Command]:
        view, recording = self.view, self.state is LeaveState.RECORDING
        if recording and view is not None and now - self.since >= view.seconds_min:
            self._note_verdict(call)
        self._over()
        return []

    def on_caller_replaced(self, call: "Call", now: float) -> list[Command]:
        """What the one before said is his message; who comes now leaves another one."""
        if self.view is None or self.state not in _BEGIN_AGAIN:
            return []
        stop: list[Command] = []
        if self.state is LeaveState.RECORDING:
            stop = [Mail(StopRecording())]
        self.draft = ""
        return [*stop, *self._greet(call, self.view, now)]

    def on_sound_lost(self, call: "Call", now: float) -> list[Command]:
        if self.state is not LeaveState.GREETING or self.view is None:
            return []
        return self._greet(call, self.view, now)

    # --- steps

    def _opened(self, call: "Call", view: View | None, now: float) -> list[Command]:
        if view is None:  # It was deleted since the call was sent here.
            self._over()
            return [Finish(call.verdict or Verdict.NOT_FOUND, Cause.NOT_FOUND, Hangup.SYSTEM)]
        self.view = view
        if not view.full:
            return [AnswerCaller(), *self._greet(call, view, now)]
        self._become(LeaveState.REFUSING)
        return [AnswerCaller(), *self._say(words.FULL, now)]

    def _greet(self, call: "Call", view: View, now: float) -> list[Command]:
        self._become(LeaveState.GREETING)
        busy = bool(call.diversions) and call.diversions[-1].reason in BUSY
        return self._say((*greeting_of(view, busy=busy), words.BEEP), now)

    def _record(self, now: float) -> list[Command]:
        view = cast("View", self.view)
        self._become(LeaveState.RECORDING)
        self.next_deadline = None  # The worker and the mailboxes watch the time.
        self.since = now
        wanted = Record(
            self.extension,
            Purpose.MESSAGE,
            view.seconds_max,
            view.seconds_min,
            view.silence_seconds,
        )
        return [Mail(wanted)]

    def _recorded(self, call: "Call", seconds: float, now: float) -> list[Command]:
        if self.state is not LeaveState.RECORDING or self.view is None:
            return []
        self._become(LeaveState.THANKING)
        if seconds < self.view.seconds_min:
            return self._say(words.TOO_SHORT, now)
        self._note_verdict(call)
        return self._say((*words.THANK_YOU, words.GOODBYE), now)

    def _to_operator(self, first: list[Command]) -> list[Command]:
        if self.view is None or self.view.operator is None:
            return []
        self._over()
        return [*first, GoTo(self.view.operator)]

    def _finish(self, call: "Call") -> list[Command]:
        self._over()
        return [Finish(call.verdict or Verdict.ABANDONED, Cause.NORMAL, Hangup.SYSTEM)]

    def _note_verdict(self, call: "Call") -> None:
        call.verdict = call.verdict or Verdict.VOICEMAIL

    def _say(self, said: words.Words, now: float) -> list[Command]:
        self.next_deadline = now + SAY_SECONDS_MAX
        return [Mail(Say(said, self.view.language if self.view is not None else ""))]

    def _over(self) -> None:
        self.next_deadline = None
        if self.state is not LeaveState.OVER:
            self._become(LeaveState.OVER)

    def _become(self, state: LeaveState) -> None:
        assert state in TRANSITIONS[self.state], (self.extension, self.state, state)
        self.state = state


_BEGIN_AGAIN: Final = frozenset(
    {LeaveState.GREETING, LeaveState.BEEPING, LeaveState.RECORDING, LeaveState.THANKING}
)


def greeting_of(view: View, *, busy: bool) -> words.Words:
    """A temporary one, the one for this case, any that was recorded, the configured one, ours."""
    recorded = view.greetings
    case = Greeting.BUSY if busy else Greeting.UNAVAILABLE
    for greeting in (Greeting.TEMPORARY, case, Greeting.UNAVAILABLE):
        if greeting in recorded:
            return (recorded[greeting],)
    if view.greeting:
        return (view.greeting,)
    return words.greeting(view.mailbox, view.language, busy=busy)
