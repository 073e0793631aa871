"""Wait in a queue: greeting, music, announcements, and the agents that the distribution rings.

GREETING --played--> JOINING --Proceed--> WAITING --Connect--> TALKING
   |                    |                    |                   |
   +--------------------+------- Leave ------+--> LEFT           +--> the call ends with either side

A call begins with GREETING only if nobody may be rung before the greeting has been heard.
"""

from typing import TYPE_CHECKING, Final, assert_never

from pbx.callers import number_of
from pbx.calls.causes import Cause
from pbx.calls.commands import (
    AnswerCaller,
    Bridge,
    Command,
    Dial,
    Drop,
    Finish,
    GoTo,
    PlayToCaller,
    Proceed,
    SayToCaller,
    Tell,
)
from pbx.distribution.effects import (
    AgentChanged,
    Announce,
    BreakOverdue,
    Connect,
    Effect,
    Leave,
    PickRefused,
    Release,
    Ring,
    StatusRefused,
    StopCause,
    StopRinging,
)
from pbx.distribution.explain import summary
from pbx.distribution.inputs import (
    CallJoined,
    CallLeft,
    ConversationEnded,
    LeaveReason,
    RingEnded,
    RingOutcome,
    RingStarted,
)
from pbx.flow.block import Block, hung_up_by
from pbx.history.records import Verdict
from pbx.plan import HANGUP, Destination
from pbx.speech import Sounds, queue_position, wait
from sip.states import Named

if TYPE_CHECKING:
    from pbx.calls.call import Call

OUTCOMES: Final[dict[Cause, RingOutcome]] = {
    Cause.BUSY: RingOutcome.BUSY,
    Cause.REJECTED: RingOutcome.REJECTED,
    Cause.FORBIDDEN: RingOutcome.REJECTED,
    Cause.NO_ANSWER: RingOutcome.NO_ANSWER,
    Cause.UNREACHABLE: RingOutcome.UNREACHABLE,
    Cause.NOT_FOUND: RingOutcome.UNREACHABLE,
}

STOPS: Final[dict[StopCause, Cause]] = {
    StopCause.ANSWERED_ELSEWHERE: Cause.ANSWERED_ELSEWHERE,
    StopCause.NO_ANSWER: Cause.NO_ANSWER,
    StopCause.CALLER_LEFT: Cause.CALLER_GONE,
    StopCause.WITHDRAWN: Cause.WITHDRAWN,
}

VERDICTS: Final[dict[LeaveReason, Verdict]] = {
    LeaveReason.TIMED_OUT: Verdict.TIMED_OUT,
    LeaveReason.QUEUE_FULL: Verdict.QUEUE_FULL,
    LeaveReason.NOBODY_SIGNED_IN: Verdict.NOBODY_SIGNED_IN,
    LeaveReason.NO_MATCH: Verdict.NOBODY_SUITABLE,
    LeaveReason.ALL_MISSED: Verdict.ALL_MISSED,
    LeaveReason.KEY: Verdict.KEY_PRESSED,
    LeaveReason.BLACKLISTED: Verdict.BLACKLISTED,
}


GREETING_SECONDS_MAX: Final = 600.0
"""Should the end of a greeting that must be heard never be told."""


class QueueState(Named):
    GREETING = "greeting"  # The distribution does not know this call yet.
    JOINING = "joining"
    WAITING = "waiting"
    TALKING = "talking"
    LEFT = "left"


_S = QueueState
TRANSITIONS: Final[dict[QueueState, frozenset[QueueState]]] = {
    _S.GREETING: frozenset({_S.JOINING, _S.LEFT}),
    _S.JOINING: frozenset({_S.WAITING, _S.TALKING, _S.LEFT}),
    _S.WAITING: frozenset({_S.TALKING, _S.LEFT}),
    _S.TALKING: frozenset({_S.LEFT}),
    _S.LEFT: frozenset(),
}


class QueueBlock(Block):
    name = "queue"

    def __init__(
        self,
        queue: str,
        *,
        greeting: tuple[str, ...] = (),
        must_finish: bool = False,
        music: tuple[str, ...] = (),
        says_position: bool = False,
        says_wait: bool = False,
        language: str = "",
        ways_out: dict[LeaveReason, Destination] | None = None,
        keys: dict[str, Destination] | None = None,
    ) -> None:
        """`must_finish`: nobody is rung before the greeting has come to its end.

        `language`: of the company, or a wish of the caller or the queue.
        """
        self.queue = queue
        self.greeting = greeting
        self.music = music
        self.says_position = says_position
        self.says_wait = says_wait
        self.language = language
        self.ways_out = ways_out or {}
        self.keys = keys or {}
        must_wait = must_finish and bool(greeting)
        self.state = QueueState.GREETING if must_wait else QueueState.JOINING
        self.came = 0.0
        self.agent = ""  # Who was connected.
        self.music_plays = False
        self.greets = bool(greeting)  # It has not been heard to its end yet.
        self.to_say: Sounds = ()  # After the greeting.
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        call.language = self.language
        self.came = now
        if self.state is QueueState.GREETING:
            return [AnswerCaller(), *self._greet(now)]
        # Agents are rung before the caller is answered: it is the agent's phone that takes time.
        return self._join(call, None)

    def _greet(self, now: float) -> list[Command]:
        self.next_deadline = now + GREETING_SECONDS_MAX
        return [PlayToCaller(self.greeting)]

    def _join(self, call: "Call", joined_at: float | None) -> list[Command]:
        wishes = call.wishes
        joined = CallJoined(
            call=call.id,
            queue=self.queue,
            number=number_of(call.caller),
            priority=wishes.priority,
            requires=wishes.requires,
            preferred_agent="" if call.queue else wishes.agent,
            joined_at=joined_at,
        )
        return [Tell(joined), Proceed()]

    def on_proceed(self, call: "Call", now: float) -> list[Command]:
        if self.state is not QueueState.JOINING:
            return []
        self._become(QueueState.WAITING)
        return [AnswerCaller(), *self._entertain()]

    def _entertain(self) -> list[Command]:
        if self.greets:
            return [PlayToCaller(self.greeting)]
        return self._music()

    def _greeted(self, call: "Call") -> list[Command]:
        """Who was greeted longer than others, in another language perhaps, loses no place."""
        self.next_deadline = None
        self.greets = False
        self._become(QueueState.JOINING)
        return self._join(call, self.came)

    def on_time(self, call: "Call", now: float) -> list[Command]:
        return self._greeted(call) if self.state is QueueState.GREETING else []

    def _music(self) -> list[Command]:
        self.music_plays, self.greets = bool(self.music), False
        return [PlayToCaller(self.music, repeat=True, resume=True)] if self.music else []

    def on_played(self, call: "Call", now: float) -> list[Command]:
        if self.state is QueueState.GREETING:
            return self._greeted(call)
        if self.state is not QueueState.WAITING or self.music_plays:
            return []  # Music ends by itself only if it cannot be played: trying again is no use.
        self.greets = False
        said, self.to_say = self.to_say, ()
        return [SayToCaller(said)] if said else self._music()

    def on_digit(self, call: "Call", digit: str, now: float) -> list[Command]:
        destination = self.keys.get(digit)
        if destination is None or self.state not in (QueueState.GREETING, QueueState.WAITING):
            return []
        known = self.state is QueueState.WAITING
        self._become(QueueState.LEFT)
        self.next_deadline = None
        call.verdict = Verdict.KEY_PRESSED
        if not known:
            return [GoTo(destination)]
        return [Tell(CallLeft(call.id, LeaveReason.KEY)), GoTo(destination)]

    def on_caller_gone(self, call: "Call", now: float) -> list[Command]:
        if self.state is QueueState.TALKING:
            return [Tell(ConversationEnded(call.id, self.agent))]
        if self.state is QueueState.LEFT:
            return []
        known = self.state is not QueueState.GREETING
        self._become(QueueState.LEFT)
        return [Tell(CallLeft(call.id, LeaveReason.ABANDONED))] if known else []

    def on_caller_replaced(self, call: "Call", now: float) -> list[Command]:
        if self.state is QueueState.GREETING:
            return self._greet(now)
        return self._music() if self.state is QueueState.WAITING else []

    def on_party_ringing(self, call: "Call", party: str, now: float) -> list[Command]:
        return [Tell(RingStarted(call.id, party))]

    def on_party_answered(self, call: "Call", party: str, now: float) -> list[Command]:
        return [Tell(RingEnded(call.id, party, RingOutcome.ANSWERED))]

    def on_party_ended(self, call: "Call", party: str, cause: Cause, now: float) -> list[Command]:
        if call.bridged == party:
            return [
                Tell(ConversationEnded(call.id, party)),
                Finish(Verdict.ANSWERED, cause, hung_up_by(cause)),
            ]
        return [Tell(RingEnded(call.id, party, OUTCOMES.get(cause, RingOutcome.FAILED)))]

    def on_effect(self, call: "Call", effect: Effect, now: float) -> list[Command]:
        match effect:
            case Ring():
                extension = call.extension_of.get(effect.agent, "")
                return [Dial(effect.agent, extension, effect.agent, summary(effect.explanation))]
            case StopRinging():
                return [Drop(effect.agent, STOPS[effect.cause])]
            case Connect():
                if self.state is QueueState.JOINING:
                    self._become(QueueState.WAITING)
                self._become(QueueState.TALKING)
                self.agent = effect.agent
                return [Bridge(effect.agent)]
            case Release():
                return [Drop(effect.agent, Cause.ANSWERED_ELSEWHERE)]
            case Leave():
                return self._leave(call, effect)
            case Announce():
                return self._announce(effect)
            case AgentChanged() | PickRefused() | StatusRefused() | BreakOverdue():
                return []
            case _:
                assert_never(effect)

    def _leave(self, call: "Call", effect: Leave) -> list[Command]:
        if self.state in (QueueState.LEFT, QueueState.TALKING):
            return []
        self._become(QueueState.LEFT)
        call.verdict = VERDICTS.get(effect.reason, Verdict.SYSTEM)
        return [GoTo(self.ways_out.get(effect.reason, HANGUP))]

    def _announce(self, effect: Announce) -> list[Command]:
        """The caller's place, and how long it may take, behind a greeting that still plays."""
        said: Sounds = ()
        if self.says_position:
            said = queue_position(effect.position, self.language)
        if self.says_wait and effect.expected_wait is not None:
            said = (*said, *wait(effect.expected_wait))
        if self.greets and self.state in (QueueState.JOINING, QueueState.WAITING):
            self.to_say = said
            return []
        if not said or self.state is not QueueState.WAITING:
            return []
        self.music_plays = False
        return [SayToCaller(said)]

    def _become(self, state: QueueState) -> None:
        assert state in TRANSITIONS[self.state], (self.queue, self.state, state)
        self.state = state
