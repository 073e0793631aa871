"""What all places of a mailbox have in common: prompts, keys, numbers that are typed, waiting, and
the end. What is done there is `pbx.flow.mailbox`'s."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

from pbx.calls.causes import Cause
from pbx.calls.commands import Command, Finish, Mail, StopPlaying
from pbx.flow.block import Block
from pbx.history.records import Hangup, Verdict
from pbx.message_summary import Counts
from pbx.voicemail import actions as mail
from pbx.voicemail import words
from pbx.voicemail.messages import Greeting, Message, Status

if TYPE_CHECKING:
    from pbx.calls.call import Call

IDLE_SECONDS: Final = 7.0  # After a prompt; then it is said again.
IDLE_MAX: Final = 3  # Times in a row that nothing was pressed.
DIGIT_SECONDS: Final = 4.0  # After a digit: then the number is complete.
DIGITS_MAX: Final = 32
SESSION_SECONDS_MAX: Final = 3600.0  # A phone that was left lying ends.
SAY_SECONDS_MAX: Final = 660.0  # Should the end of a prompt or message never be told.


class At(Enum):
    """Where in the mailbox somebody is."""

    WHOSE = "asked for the mailbox"
    OPENING = "opening"
    PIN = "asked for the PIN"
    SLOWED = "waiting after a wrong PIN"
    NEW_PIN = "asked for a new PIN"
    NEW_PIN_AGAIN = "asked for it again"
    MAIN = "the main menu"
    ENVELOPE = "hearing whose message it is"
    BODY = "hearing the message"
    MESSAGE = "the menu of a message"
    FORWARD = "asked where to forward it"
    COMMENT = "asked for a comment"
    COMMENTING = "recording a comment"
    OPTIONS = "the menu of options"
    GREETING = "the menu of a greeting"
    GREETING_HEARD = "hearing a greeting"
    RECORDING = "recording a greeting"
    REVIEW = "asked whether the greeting is good"
    ENDING = "goodbye"
    OVER = "over"


@dataclass(slots=True)
class Item:
    message: Message
    file: str
    deleted: bool = False


PROMPTS: Final[dict[At, words.Words]] = {
    At.WHOSE: words.ENTER_MAILBOX,
    At.PIN: words.ENTER_PIN,
    At.NEW_PIN: words.NEW_PIN,
    At.NEW_PIN_AGAIN: words.NEW_PIN_AGAIN,
    At.MAIN: words.MAIN_MENU,
    At.MESSAGE: words.MESSAGE_MENU,
    At.FORWARD: words.FORWARD_TO,
    At.COMMENT: words.FORWARD_COMMENT,
    At.OPTIONS: words.OPTIONS_MENU,
    At.GREETING: words.GREETING_MENU,
    At.REVIEW: words.REVIEW_MENU,
}


Do = Callable[..., list[Command]]
"""A method of the block; it gets the time, one of `typed` what was typed before that."""


@dataclass(frozen=True, slots=True)
class Row:
    """One place: where it may lead, what its keys do, or what is done with a number typed there."""

    then: frozenset[At]
    keys: Mapping[str, Do] = field(default_factory=dict[str, Do])
    typed: Do | None = None


class MailboxTalk(Block):
    name = "mailbox"
    TABLE: ClassVar[dict[At, Row]]

    def __init__(self, mailbox: str, *, own: bool) -> None:
        """`mailbox` "": it is asked for. `own`: its own phone calls."""
        self.extension = mailbox
        self.own = own
        self.at = At.WHOSE
        self.view: mail.View | None = None
        self.items: list[Item] = []  # All that there are.
        self.chosen: list[int] = []  # The places of those that are gone through now.
        self.place = 0  # Among these.
        self.greeting = Greeting.UNAVAILABLE
        self.said: words.Words = ()  # Before the main menu.
        self.typed = ""
        self.new_pin = ""
        self.target = ""  # Where a message is forwarded to.
        self.draft = ""  # What was recorded last.
        self.file = ""
        self.wrong = 0  # PINs.
        self.idle = 0
        self.saying = False
        self.until = 0.0
        self.next_deadline: float | None = None

    def on_digit(self, call: "Call", digit: str, now: float) -> list[Command]:
        self.idle = 0
        row = self.TABLE[self.at]
        if row.typed is not None:
            return self._on_typed(row.typed, digit, now)
        action = row.keys.get(digit)
        return [] if action is None else action(self, now)

    def on_time(self, call: "Call", now: float) -> list[Command]:
        if self.at is At.SLOWED:
            return self._go(At.PIN, now, words.WRONG_PIN)
        if self.at is At.ENDING:
            return self._finish()
        if now >= self.until:
            return self._bye(now)
        if self.saying:
            return self.on_played(call, now)
        if self.at in (At.RECORDING, At.COMMENTING, At.OPENING, At.OVER):
            self._wait(now, SESSION_SECONDS_MAX)
            return []
        typed = self.TABLE[self.at].typed
        if typed is not None and self.typed:
            return self._complete(typed, now)
        self.idle += 1
        return self._bye(now) if self.idle >= IDLE_MAX else self._ask(now)

    def on_caller_gone(self, call: "Call", now: float) -> list[Command]:
        return self._settle()

    def on_caller_replaced(self, call: "Call", now: float) -> list[Command]:
        """Somebody else is on the phone now, who has shown no PIN."""
        if self.at is At.ENDING:
            return self._say((words.GOODBYE,), now)
        return self._bye(now)

    # --- numbers that are typed -----------------------------------------------------------------

    def _on_typed(self, done: Do, digit: str, now: float) -> list[Command]:
        stop: list[Command] = [StopPlaying()] if self.saying else []
        self.saying = False
        if digit == "#":
            return [*stop, *self._complete(done, now)]
        if digit == "*":
            if self.typed:
                return [*stop, *self._ask(now)]
            return [*stop, *self._back(now)]
        self.typed = (self.typed + digit)[:DIGITS_MAX]
        self._wait(now, DIGIT_SECONDS)
        return stop

    def _complete(self, done: Do, now: float) -> list[Command]:
        typed, self.typed = self.typed, ""
        return done(self, typed, now)

    def _back(self, now: float) -> list[Command]:
        """Star before any digit."""
        raise NotImplementedError

    # --- saying ---------------------------------------------------------------------------------

    def _go(self, at: At, now: float, said: words.Words = ()) -> list[Command]:
        if at is not self.at:
            self._become(at)
        return self._ask(now, said)

    def _ask(self, now: float, said: words.Words = ()) -> list[Command]:
        """What this place asks, after what is to be said first."""
        self.typed = ""
        prompt = PROMPTS.get(self.at, ())
        if self.at is At.MAIN:
            prompt = (*words.how_many(self._counts, self._view.language), *prompt)
        return self._say((*said, *prompt), now)

    def _say(self, said: words.Words, now: float) -> list[Command]:
        self.saying = True
        self._wait(now, SAY_SECONDS_MAX)
        return [Mail(mail.Say(said, self.view.language if self.view is not None else ""))]

    def _wait(self, now: float, seconds: float) -> None:
        self.next_deadline = min(now + seconds, max(self.until, now))

    @property
    def _counts(self) -> Counts:
        left = [item.message for item in self.items if not item.deleted]
        new = sum(message.status is Status.NEW for message in left)
        return Counts(new, len(left) - new)

    @property
    def _view(self) -> mail.View:
        assert self.view is not None, self.at
        return self.view

    @property
    def _must_change(self) -> bool:
        return self._view.must_change_pin

    # --- the end --------------------------------------------------------------------------------

    def _settle(self) -> list[Command]:
        """What was deleted goes now; what was recorded for nothing, too."""
        gone = tuple(item.message.id for item in self.items if item.deleted)
        self.items = [item for item in self.items if not item.deleted]
        self.chosen = []
        deleted: list[Command] = [Mail(mail.Delete(self.extension, gone))] if gone else []
        return [*deleted, *self._drop_draft()]

    def _drop_draft(self) -> list[Command]:
        draft, self.draft = self.draft, ""
        return [Mail(mail.Discard(draft))] if draft else []

    def _bye(self, now: float, said: words.Words = ()) -> list[Command]:
        settled = self._settle()
        stop: list[Command] = []
        if self.at in (At.RECORDING, At.COMMENTING):
            stop = [Mail(mail.StopRecording())]
        self._become(At.ENDING)
        self.until = now + SAY_SECONDS_MAX
        return [*stop, *settled, *self._say((*said, words.GOODBYE), now)]

    def _finish(self) -> list[Command]:
        self._become(At.OVER)
        self.next_deadline = None
        return [Finish(Verdict.SERVED, Cause.NORMAL, Hangup.SYSTEM)]

    def _become(self, at: At) -> None:
        assert at in self.TABLE[self.at].then, (self.extension, self.at, at)
        self.at = at
