"""A member of a conference: the PIN, waiting for others, and the keys.

ASKING --PIN, or none--> COMING --a place--> WITHIN
  |                        |
  +- wrong, three times ---+-- no place --> SAYING (why), then the end
"""

from enum import Enum
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from pbx.calls.causes import Cause
from pbx.calls.commands import (
    AnswerRoom,
    Command,
    EnterRoom,
    Finish,
    PlayToCaller,
    RoomKey,
    SayToCaller,
    StopPlaying,
)
from pbx.flow.block import Block
from pbx.history.records import Hangup, Verdict
from pbx.room_plan import ConferencePlan, RoomWish

if TYPE_CHECKING:
    from pbx.calls.call import Call

PIN: Final = "conference/pin"
WRONG_PIN: Final = "conference/wrong-pin"
PIN_SECONDS: Final = 8.0  # From the last key: then what was typed counts.
TRIES: Final = 3
PIN_DIGITS_MAX: Final = 16
PREFIX: Final = "*"  # Of the keys within.
KEYS: Final[dict[str, RoomWish]] = {
    "6": RoomWish.MUTE,
    "8": RoomWish.COUNT,
    "4": RoomWish.LOCK,
    "5": RoomWish.KICK,
}
MODERATOR_ONLY: Final = frozenset({RoomWish.LOCK, RoomWish.KICK})


class MemberState(Enum):
    ASKING = "asking for the PIN"
    COMING = "coming"
    WITHIN = "within"
    SAYING = "saying why not"


_S = MemberState
TRANSITIONS: Final[dict[MemberState, frozenset[MemberState]]] = {
    _S.ASKING: frozenset({_S.COMING, _S.SAYING}),
    _S.COMING: frozenset({_S.WITHIN, _S.SAYING}),
    _S.WITHIN: frozenset({_S.SAYING}),
    _S.SAYING: frozenset(),
}


class ConferenceBlock(Block):
    name = "conference"

    def __init__(self, conference: ConferencePlan) -> None:
        self.conference = conference.id
        self.pin = conference.pin
        self.moderator_pin = conference.moderator_pin
        self.state = MemberState.ASKING
        self.digits = ""
        self.tries = TRIES
        self.prefixed = False  # The next key is a wish.
        self.moderator = False
        self.muted = False
        self.music = conference.music
        self.lonely = False  # Nobody else is heard.
        self.saying = False  # Something is said to them now.
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        call.verdict = Verdict.SERVED
        if self.pin or self.moderator_pin:
            return [AnswerRoom(), *self._ask((PIN,), now)]
        return [AnswerRoom(), *self._come()]

    # --- the PIN

    def on_digit(self, call: "Call", digit: str, now: float) -> list[Command]:
        if self.state is MemberState.WITHIN:
            return self._within(digit)
        if self.state is not MemberState.ASKING:
            return []
        if digit == "#":
            return [StopPlaying(), *self._entered(call, now)]
        self.digits = (self.digits + digit)[-PIN_DIGITS_MAX:]
        self.next_deadline = now + PIN_SECONDS
        return [StopPlaying()] if len(self.digits) == 1 else []

    def on_time(self, call: "Call", now: float) -> list[Command]:
        return self._entered(call, now) if self.state is MemberState.ASKING else []

    def on_played(self, call: "Call", now: float) -> list[Command]:
        match self.state:
            case MemberState.ASKING:
                self.next_deadline = now + PIN_SECONDS
            case MemberState.SAYING:
                return [Finish(call.verdict or Verdict.SERVED, Cause.NORMAL, Hangup.SYSTEM)]
            case MemberState.WITHIN:
                self.saying = False
                return self.on_lonely() if self.lonely else []
            case MemberState.COMING:
                pass
        return []

    def on_caller_replaced(self, call: "Call", now: float) -> list[Command]:
        """The room does what is to be done for who is within."""
        match self.state:
            case MemberState.ASKING:
                return self._ask((PIN,), now)
            case MemberState.SAYING:
                return self.on_played(call, now)
            case MemberState.COMING | MemberState.WITHIN:
                return []

    def on_sound_lost(self, call: "Call", now: float) -> list[Command]:
        self.lonely = self.saying = False  # The room sees to what is heard there.
        return self.on_caller_replaced(call, now)

    def _entered(self, call: "Call", now: float) -> list[Command]:
        typed, self.digits = self.digits, ""
        moderator = bool(self.moderator_pin) and compare_digest(typed, self.moderator_pin)
        if moderator or compare_digest(typed, self.pin):
            self.moderator = moderator
            return self._come()
        self.tries -= 1
        if self.tries:
            return self._ask((WRONG_PIN, PIN), now)
        call.verdict = Verdict.REJECTED
        return self.refuse(WRONG_PIN)

    def _ask(self, sounds: tuple[str, ...], now: float) -> list[Command]:
        # The end of the prompt sets the clock; should that never come, this one is long enough.
        self.next_deadline = now + 3 * PIN_SECONDS
        return [SayToCaller(sounds)]

    # --- within

    def _come(self) -> list[Command]:
        self.next_deadline = None
        self._become(MemberState.COMING)
        return [EnterRoom()]

    def on_within(self) -> None:
        self._become(MemberState.WITHIN)

    def on_lonely(self) -> list[Command]:
        """Nobody else is heard: music, after what is being said."""
        self.lonely = True
        if self.saying or not self.music:
            return []
        return [PlayToCaller(self.music, repeat=True, resume=True)]

    def refuse(self, sound: str) -> list[Command]:
        """There is no place, or not any more."""
        self._become(MemberState.SAYING)
        self.next_deadline = None
        return [SayToCaller((sound,))]

    def _within(self, digit: str) -> list[Command]:
        prefixed, self.prefixed = self.prefixed, digit == PREFIX
        wish = KEYS.get(digit) if prefixed else None
        if wish is None or (wish in MODERATOR_ONLY and not self.moderator):
            return []
        return [RoomKey(wish)]

    def _become(self, state: MemberState) -> None:
        assert state in TRANSITIONS[self.state], (self.conference, self.state, state)
        self.state = state
