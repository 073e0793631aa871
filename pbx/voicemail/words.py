"""What is said of messages: names of prompts, in the order of the language.

Numbers, dates and times are `pbx.speech`'s; prompts that are not recorded are left out by whoever
plays them.
"""

from typing import Final

from pbx import speech
from pbx.message_summary import Counts
from pbx.speech.times import Moment
from pbx.voicemail.messages import Message

BEEP: Final = "beep"
GOODBYE: Final = "goodbye"

Words = tuple[str, ...]


def how_many(counts: Counts, language: str) -> Words:
    """You have 2 new messages and 1 old one."""
    return speech.messages(counts.new, counts.old, language)


def envelope(message: Message, place: int, now: Moment, language: str) -> Words:
    """Message one, from 050 123 45 67, today, 14 hours 3 minutes."""
    number = speech.phone_number(message.caller, language)
    caller = (_of("from"), *number) if number else (_of("from-unknown"),)
    return (
        *speech.message_number(place, language),
        *caller,
        *speech.received(message.local, now, language),
    )


def greeting(mailbox: str, language: str, *, busy: bool) -> Words:
    """For a mailbox without a greeting of its own."""
    why = _of("is-busy") if busy else _of("is-unavailable")
    number = speech.extension(mailbox, language)
    return (_of("person-at"), *number, why, *LEAVE) if number else LEAVE


def _of(name: str) -> str:
    return f"voicemail/{name}"


LEAVE: Final[Words] = (_of("leave-message"),)
MAIN_MENU: Final[Words] = (_of("main-menu"),)
MESSAGE_MENU: Final[Words] = (_of("message-menu"),)
OPTIONS_MENU: Final[Words] = (_of("options-menu"),)
GREETING_MENU: Final[Words] = (_of("greeting-menu"),)
REVIEW_MENU: Final[Words] = (_of("review-menu"),)
ENTER_MAILBOX: Final[Words] = (_of("enter-mailbox"),)
ENTER_PIN: Final[Words] = (_of("enter-pin"),)
NEW_PIN: Final[Words] = (_of("new-pin"),)
NEW_PIN_AGAIN: Final[Words] = (_of("new-pin-again"),)
FORWARD_TO: Final[Words] = (_of("forward-to"),)
FORWARD_COMMENT: Final[Words] = (_of("forward-comment"),)
RECORD: Final[Words] = (_of("record"), BEEP)
CHOOSE_PIN: Final[Words] = (_of("choose-pin"),)
WRONG_PIN: Final[Words] = (_of("wrong-pin"),)
PINS_DIFFER: Final[Words] = (_of("pins-differ"),)
WEAK_PIN: Final[Words] = (_of("weak-pin"),)
PIN_CHANGED: Final[Words] = (_of("pin-changed"),)
NO_MAILBOX: Final[Words] = (_of("no-mailbox"),)
NO_MORE: Final[Words] = (_of("no-more"),)
DELETED: Final[Words] = (_of("deleted"),)
UNDELETED: Final[Words] = (_of("undeleted"),)
SAVED: Final[Words] = (_of("saved"),)
FORWARDED: Final[Words] = (_of("forwarded"),)
NO_CALL_BACK: Final[Words] = (_of("no-call-back"),)
GREETING_KEPT: Final[Words] = (_of("greeting-kept"),)
GREETING_DELETED: Final[Words] = (_of("greeting-deleted"),)
NO_GREETING: Final[Words] = (_of("no-greeting"),)
FULL: Final[Words] = (_of("full"),)
THANK_YOU: Final[Words] = (_of("thank-you"),)
TOO_SHORT: Final[Words] = (_of("too-short"),)
