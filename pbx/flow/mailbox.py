"""A mailbox by phone: new and heard messages, what is done with them, greetings, the PIN.

What each key does in each place is one table, at the end. Nothing is deleted before the owner has
left: until then every key can be taken back. Whatever keys come in whatever order, this ends: who
presses nothing is asked three times, and nobody stays longer than an hour.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from pbx.calls.commands import AnswerCaller, Command, GoTo, Mail
from pbx.flow.mailbox_talk import IDLE_SECONDS, SESSION_SECONDS_MAX, At, Do, Item, MailboxTalk, Row
from pbx.history.records import Verdict
from pbx.plan import Destination
from pbx.voicemail import actions as mail
from pbx.voicemail import words
from pbx.voicemail.messages import Greeting, Purpose, Status
from pbx.voicemail.pins import TRIES, is_weak

if TYPE_CHECKING:
    from pbx.calls.call import Call

GREETING_SECONDS_MAX: Final = 120.0
GREETING_SECONDS_MIN: Final = 1.0
SLOW_SECONDS: Final = 2.0  # After the first wrong PIN; twice as long after the second.

_IN_MESSAGE: Final = frozenset(
    {At.ENVELOPE, At.BODY, At.MESSAGE, At.FORWARD, At.MAIN, At.ENDING, At.OVER}
)


class MailboxBlock(MailboxTalk):
    def start(self, call: "Call", now: float) -> list[Command]:
        call.verdict = call.verdict or Verdict.SERVED
        self.until = now + SESSION_SECONDS_MAX
        if not self.extension:
            return [AnswerCaller(), *self._ask(now)]
        return [AnswerCaller(), *self._open(self.extension, now)]

    def on_mail(self, call: "Call", answer: mail.Answer, now: float) -> list[Command]:
        match answer:
            case mail.Opened(view) if self.at is At.OPENING:
                return self._opened(view, now)
            case mail.PinChecked(right) if self.at is At.PIN:
                return self._pin_checked(right, now)
            case mail.Begun(draft):
                self.draft = draft
            case mail.Recorded(draft, seconds, file) if draft == self.draft:
                return self._recorded(seconds, file, now)
            case mail.Forwarded(done) if self.at in (At.COMMENT, At.COMMENTING):
                said = words.FORWARDED if done else words.NO_MAILBOX
                return [*self._drop_draft(), *self._to_message(now, said)]
            case mail.CallsBack(to) if self.at is At.MESSAGE:
                return self._called_back(to, now)
            case mail.Opened(view) if self.at is At.MAIN:
                return self._opened_again(view, now)
            case mail.Opened(view) if self.at is At.GREETING and view is not None:
                self.view = replace(self._view, greetings=view.greetings)
            case _:
                pass
        return []

    def on_played(self, call: "Call", now: float) -> list[Command]:
        recording = self.at in (At.COMMENTING, At.RECORDING) and not self.saying
        self.saying = False
        match self.at:
            case _ if recording:
                return []
            case At.ENVELOPE:
                return self._play_body(now)
            case At.BODY:
                return self._to_message(now)
            case At.COMMENTING | At.RECORDING:
                return self._record(now)
            case At.GREETING_HEARD:
                return self._heard_greeting(now)
            case At.ENDING:
                return self._finish()
            case _:
                self._wait(now, IDLE_SECONDS)
                return []

    def _back(self, now: float) -> list[Command]:
        """Star before any digit: to where one came from, or out."""
        match self.at:
            case At.NEW_PIN | At.NEW_PIN_AGAIN if not self._must_change:
                return self._go(At.OPTIONS, now)
            case At.FORWARD:
                return self._to_message(now)
            case _:
                return self._bye(now)

    def on_sound_lost(self, call: "Call", now: float) -> list[Command]:
        return []  # As if it had ended: the menu follows, from which it can be heard again.

    # --- the door -------------------------------------------------------------------------------

    def _whose(self, typed: str, now: float) -> list[Command]:
        return self._open(typed, now) if typed else self._ask(now)

    def _open(self, mailbox: str, now: float) -> list[Command]:
        self.extension = mailbox
        self._become(At.OPENING)
        self._wait(now, SESSION_SECONDS_MAX)
        return [Mail(mail.Open(mailbox))]

    def _opened(self, view: mail.View | None, now: float) -> list[Command]:
        self.view = view
        if view is None and self.own:
            return self._bye(now, words.NO_MAILBOX)
        if view is not None:
            self.items = [Item(message, view.files[message.id]) for message in view.messages]
            if self.own and not view.pin_on_own_phone:
                return self._to_main(now)
            if self.own and not view.has_pin:
                return self._go(At.NEW_PIN, now, words.CHOOSE_PIN)
        return self._go(At.PIN, now)  # Strangers do not learn which mailboxes there are.

    def _pin(self, typed: str, now: float) -> list[Command]:
        return [Mail(mail.CheckPin(self.extension, typed, self.own))] if typed else self._ask(now)

    def _pin_checked(self, right: bool, now: float) -> list[Command]:
        if right and self.view is not None:
            return self._enter(now)
        self.wrong += 1
        if self.wrong >= TRIES:
            failed = Mail(mail.PinFailed(self.extension, self.own))
            return [failed, *self._bye(now, words.WRONG_PIN)]
        self._become(At.SLOWED)
        self._wait(now, SLOW_SECONDS * 2 ** (self.wrong - 1))
        return []

    def _enter(self, now: float) -> list[Command]:
        if self._must_change:
            return self._go(At.NEW_PIN, now, words.CHOOSE_PIN)
        return self._to_main(now)

    def _first_pin(self, typed: str, now: float) -> list[Command]:
        if is_weak(typed, self.extension, self._view.pin_digits):
            return self._ask(now, words.WEAK_PIN if typed else ())
        self.new_pin = typed
        return self._go(At.NEW_PIN_AGAIN, now)

    def _second_pin(self, typed: str, now: float) -> list[Command]:
        if typed != self.new_pin:
            return self._go(At.NEW_PIN, now, words.PINS_DIFFER)
        self.view = replace(self._view, must_change_pin=False, has_pin=True)
        self.new_pin = ""
        changed: list[Command] = [Mail(mail.SetPin(self.extension, typed))]
        return [*changed, *self._to_main(now, words.PIN_CHANGED)]

    def _to_main(self, now: float, said: words.Words = ()) -> list[Command]:
        """The main menu, with what has come and gone meanwhile."""
        if self.at is not At.MAIN:
            self._become(At.MAIN)
        self.said = said
        return [Mail(mail.Open(self.extension))]

    def _opened_again(self, view: mail.View | None, now: float) -> list[Command]:
        if view is not None:
            deleted = {item.message.id for item in self.items if item.deleted}
            self.items = [
                Item(message, view.files[message.id], message.id in deleted)
                for message in view.messages
            ]
        said, self.said = self.said, ()
        return self._ask(now, said)

    # --- messages -------------------------------------------------------------------------------

    def _hear_new(self, now: float) -> list[Command]:
        return self._hear(now, new=True)

    def _hear_old(self, now: float) -> list[Command]:
        return self._hear(now, new=False)

    def _hear(self, now: float, *, new: bool) -> list[Command]:
        self.chosen = [
            place
            for place, item in enumerate(self.items)
            if (item.message.status is Status.NEW) is new
        ]
        self.place = 0
        return self._play(now) if self.chosen else self._ask(now, words.NO_MORE)

    def _play(self, now: float) -> list[Command]:
        """Whose it is, then the message."""
        self._become(At.ENVELOPE)
        message = self._item.message
        said = words.envelope(message, self.place + 1, self._view.now, self._view.language)
        return self._say(said, now)

    def _play_body(self, now: float) -> list[Command]:
        self._become(At.BODY)
        return [*self._mark(Status.HEARD), *self._say((self._item.file,), now)]

    def _next(self, now: float) -> list[Command]:
        if self.place + 1 >= len(self.chosen):
            return self._to_main(now, words.NO_MORE)
        self.place += 1
        return self._play(now)

    def _previous(self, now: float) -> list[Command]:
        self.place = max(0, self.place - 1)
        return self._play(now)

    def _delete(self, now: float) -> list[Command]:
        """Pressed again it is taken back."""
        self._item.deleted = not self._item.deleted
        return self._to_message(now, words.DELETED if self._item.deleted else words.UNDELETED)

    def _save(self, now: float) -> list[Command]:
        self._item.deleted = False
        return [*self._mark(Status.SAVED), *self._to_message(now, words.SAVED)]

    def _mark(self, status: Status) -> list[Command]:
        item = self._item
        if item.message.status is Status.SAVED or item.message.status is status:
            return []
        item.message = replace(item.message, status=status)
        return [Mail(mail.Mark(self.extension, item.message.id, status))]

    def _call_back(self, now: float) -> list[Command]:
        self._become(At.MESSAGE)
        return [Mail(mail.CallBack(self._item.message.caller))]

    def _called_back(self, to: Destination | None, now: float) -> list[Command]:
        if to is None:
            return self._ask(now, words.NO_CALL_BACK)
        settled = self._settle()
        self._become(At.OVER)
        self.next_deadline = None
        return [*settled, GoTo(to)]

    def _to_message(self, now: float, said: words.Words = ()) -> list[Command]:
        return self._go(At.MESSAGE, now, said)

    @property
    def _item(self) -> Item:
        return self.items[self.chosen[self.place]]

    # --- forwarding -----------------------------------------------------------------------------

    def _forward(self, now: float) -> list[Command]:
        return self._go(At.FORWARD, now)

    def _forward_to(self, typed: str, now: float) -> list[Command]:
        if not typed:
            return self._ask(now)
        self.target = typed
        return self._go(At.COMMENT, now)

    def _comment(self, now: float) -> list[Command]:
        self._become(At.COMMENTING)
        return self._say(words.RECORD, now)

    def _send(self, now: float) -> list[Command]:
        draft, self.draft = self.draft, ""
        return [Mail(mail.Forward(self._item.message, self.target, draft))]

    # --- greetings ------------------------------------------------------------------------------

    def _options(self, now: float) -> list[Command]:
        return self._go(At.OPTIONS, now)

    def _main(self, now: float) -> list[Command]:
        return self._to_main(now)

    def _of_unavailable(self, now: float) -> list[Command]:
        return self._greeting_menu(Greeting.UNAVAILABLE, now)

    def _of_busy(self, now: float) -> list[Command]:
        return self._greeting_menu(Greeting.BUSY, now)

    def _of_temporary(self, now: float) -> list[Command]:
        return self._greeting_menu(Greeting.TEMPORARY, now)

    def _greeting_menu(self, greeting: Greeting, now: float) -> list[Command]:
        self.greeting = greeting
        asked = self._go(At.GREETING, now)
        return [Mail(mail.Open(self.extension)), *asked]  # For those there are now.

    def _change_pin(self, now: float) -> list[Command]:
        return self._go(At.NEW_PIN, now)

    def _record_greeting(self, now: float) -> list[Command]:
        dropped = self._drop_draft()
        self._become(At.RECORDING)
        return [*dropped, *self._say(words.RECORD, now)]

    def _hear_greeting(self, now: float) -> list[Command]:
        file = self.file if self.draft else self._view.greetings.get(self.greeting, "")
        if not file:
            return self._ask(now, words.NO_GREETING)
        self._become(At.GREETING_HEARD)
        return self._say((file,), now)

    def _heard_greeting(self, now: float) -> list[Command]:
        return self._go(At.REVIEW if self.draft else At.GREETING, now)

    def _delete_greeting(self, now: float) -> list[Command]:
        if self.greeting not in self._view.greetings:
            return self._ask(now, words.NO_GREETING)
        deleted = Mail(mail.DeleteGreeting(self.extension, self.greeting))
        return [deleted, *self._go(At.OPTIONS, now, words.GREETING_DELETED)]

    def _keep_greeting(self, now: float) -> list[Command]:
        kept = Mail(mail.KeepGreeting(self.extension, self.greeting, self.draft))
        self.draft = ""
        return [kept, *self._go(At.OPTIONS, now, words.GREETING_KEPT)]

    def _no_greeting(self, now: float) -> list[Command]:
        return [*self._drop_draft(), *self._go(At.OPTIONS, now)]

    # --- recording ------------------------------------------------------------------------------

    def _record(self, now: float) -> list[Command]:
        self._wait(now, SESSION_SECONDS_MAX)
        purpose = Purpose.COMMENT if self.at is At.COMMENTING else Purpose.GREETING
        return [Mail(mail.Record(self.extension, purpose, GREETING_SECONDS_MAX))]

    def _stop_recording(self, now: float) -> list[Command]:
        """The worker has heard the key by itself, unless it came by SIP INFO."""
        return [Mail(mail.StopRecording())]

    def _recorded(self, seconds: float, file: str, now: float) -> list[Command]:
        self.file = file
        if self.at not in (At.COMMENTING, At.RECORDING):
            return self._drop_draft()
        short = seconds < GREETING_SECONDS_MIN
        dropped = self._drop_draft() if short else []
        said = words.TOO_SHORT if short else ()
        if self.at is At.COMMENTING:
            if short:
                return [*dropped, *self._go(At.COMMENT, now, said)]
            return self._send(now)
        return [*dropped, *self._go(At.GREETING if short else At.REVIEW, now, said)]

    def _leave(self, now: float) -> list[Command]:
        return self._bye(now)

    _OF_MESSAGE: ClassVar[dict[str, Do]] = {
        "3": _call_back,
        "4": _previous,
        "5": _play,
        "6": _next,
        "7": _delete,
        "8": _forward,
        "9": _save,
        "*": _main,
        "#": _next,
    }

    # Where it may lead, and what keys do. The keys of messages are those that Asterisk made known.
    TABLE: ClassVar[dict[At, Row]] = {
        At.WHOSE: Row(frozenset({At.OPENING, At.ENDING}), typed=_whose),
        At.OPENING: Row(frozenset({At.PIN, At.NEW_PIN, At.MAIN, At.ENDING})),
        At.PIN: Row(
            frozenset({At.SLOWED, At.NEW_PIN, At.MAIN, At.ENDING}),
            typed=_pin,
        ),
        At.SLOWED: Row(frozenset({At.PIN, At.ENDING})),
        At.NEW_PIN: Row(
            frozenset({At.NEW_PIN_AGAIN, At.OPTIONS, At.ENDING}),
            typed=_first_pin,
        ),
        At.NEW_PIN_AGAIN: Row(
            frozenset({At.NEW_PIN, At.OPTIONS, At.MAIN, At.ENDING}),
            typed=_second_pin,
        ),
        At.MAIN: Row(
            frozenset({At.ENVELOPE, At.OPTIONS, At.ENDING}),
            {"1": _hear_new, "2": _hear_old, "0": _options, "*": _main, "#": _leave},
        ),
        At.ENVELOPE: Row(_IN_MESSAGE, _OF_MESSAGE),
        At.BODY: Row(_IN_MESSAGE, _OF_MESSAGE),
        At.MESSAGE: Row(_IN_MESSAGE, _OF_MESSAGE),
        At.FORWARD: Row(
            frozenset({At.COMMENT, At.MESSAGE, At.ENDING}),
            typed=_forward_to,
        ),
        At.COMMENT: Row(
            frozenset({At.COMMENTING, At.MESSAGE, At.ENDING}),
            {"1": _comment, "#": _send, "*": _to_message},
        ),
        At.COMMENTING: Row(
            frozenset({At.COMMENT, At.MESSAGE, At.ENDING}),
            {"#": _stop_recording},
        ),
        At.OPTIONS: Row(
            frozenset({At.GREETING, At.NEW_PIN, At.MAIN, At.ENDING}),
            {
                "1": _of_unavailable,
                "2": _of_busy,
                "3": _of_temporary,
                "4": _change_pin,
                "*": _main,
            },
        ),
        At.GREETING: Row(
            frozenset({At.RECORDING, At.GREETING_HEARD, At.OPTIONS, At.ENDING}),
            {"1": _record_greeting, "2": _hear_greeting, "3": _delete_greeting, "*": _options},
        ),
        At.GREETING_HEARD: Row(
            frozenset({At.REVIEW, At.GREETING, At.ENDING}),
            dict.fromkeys("0123456789*#", _heard_greeting),
        ),
        At.RECORDING: Row(
            frozenset({At.REVIEW, At.GREETING, At.ENDING}),
            {"#": _stop_recording},
        ),
        At.REVIEW: Row(
            frozenset({At.RECORDING, At.GREETING_HEARD, At.OPTIONS, At.ENDING}),
            {"1": _keep_greeting, "2": _hear_greeting, "3": _record_greeting, "*": _no_greeting},
        ),
        At.ENDING: Row(frozenset({At.OVER})),
        At.OVER: Row(frozenset()),
    }
