"""What the mailboxes want done on disk, and what comes of it.

Jobs are outputs of the exchange, carried out in their order by `pbx.voicemail.spool`; reports come
back by `Exchange.on_voicemail`.
"""

from dataclasses import dataclass
from typing import Final, get_args

from pbx.voicemail.messages import Draft, Greeting, Message, Status

UNKNOWN: Final = -1.0  # Seconds of a recording whose end nobody told.


@dataclass(frozen=True, slots=True)
class Begin:
    """It is being recorded: note whose it is, so that it can be found after a crash."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Keep:
    """A message is complete, unless it is too short. Reported by `Kept` or `Thrown`."""

    draft: Draft
    seconds: float = UNKNOWN  # What is worth keeping of it: from its beginning.


@dataclass(frozen=True, slots=True)
class Throw:
    draft: Draft


@dataclass(frozen=True, slots=True)
class Update:
    """The status of this message has changed."""

    message: Message


@dataclass(frozen=True, slots=True)
class Remove:
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """Into the mailbox of `draft`, with what was recorded in `comment` before it. Reported by
    `Kept`."""

    message: Message
    draft: Draft
    comment: Draft | None = None


@dataclass(frozen=True, slots=True)
class Greet:
    """This recording is a greeting from now on. Reported by `Greets`."""

    draft: Draft
    greeting: Greeting


@dataclass(frozen=True, slots=True)
class Ungreet:
    mailbox: str
    greeting: Greeting
    file: str


@dataclass(frozen=True, slots=True)
class WritePin:
    mailbox: str
    hashed: str


Job = Begin | Keep | Throw | Update | Remove | Copy | Greet | Ungreet | WritePin
JOBS: Final = frozenset(get_args(Job))


@dataclass(frozen=True, slots=True)
class Kept:
    """It is on the disk for good."""

    message: Message


@dataclass(frozen=True, slots=True)
class Thrown:
    """It was too short, or cannot be read."""

    draft: str


@dataclass(frozen=True, slots=True)
class Greets:
    mailbox: str
    greeting: Greeting
    file: str


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Delete this message: it was sent by e-mail, or somebody wants it so on a page."""

    mailbox: str
    message: str


@dataclass(frozen=True, slots=True)
class Marked:
    """Somebody has heard it, or saved it, on a page."""

    mailbox: str
    message: str
    status: Status


Report = Kept | Thrown | Greets | Unwanted | Marked
