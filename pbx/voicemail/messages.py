"""What a message, a greeting and a mailbox are. Times are Unix seconds."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pbx.message_summary import Counts
from pbx.speech.times import Moment


class Status(StrEnum):
    NEW = "new"
    HEARD = "heard"
    SAVED = "saved"  # Heard, and kept whatever its age.


class Greeting(StrEnum):
    """Those that the owner records. `TEMPORARY` is heard instead of the others while it exists."""

    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    TEMPORARY = "temporary"


class Purpose(StrEnum):
    """What is being recorded."""

    MESSAGE = "message"
    GREETING = "greeting"
    COMMENT = "comment"  # Said before a message that is forwarded.


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    mailbox: str
    caller: str
    name: str
    at: float  # When the caller began to speak.
    local: Moment  # The same, on the clocks of the company.
    seconds: float
    ending: str  # Of its sound file: "flac".
    status: Status = Status.NEW
    call: str = ""
    forwarded_by: str = ""  # The mailbox that it came from.


@dataclass(frozen=True, slots=True)
class Draft:
    """Something that is being recorded. Its files are named by its id."""

    id: str
    mailbox: str
    purpose: Purpose
    at: float
    local: Moment
    caller: str = ""
    name: str = ""
    call: str = ""
    seconds_min: float = 0.0  # A shorter message is thrown away.


@dataclass(slots=True)
class Mailbox:
    """What there is on disk, configured or not: so nothing is lost by a slip in a file."""

    messages: dict[str, Message] = field(default_factory=dict[str, Message])  # By id, oldest first.
    greetings: dict[Greeting, str] = field(default_factory=dict[Greeting, str])  # Files.
    pin: str = ""  # The hash of the one that its owner chose.

    @property
    def counts(self) -> Counts:
        new = sum(message.status is Status.NEW for message in self.messages.values())
        return Counts(new, len(self.messages) - new)

    def put(self, message: Message) -> None:
        """Mostly the newest one; a message that was recovered takes its old place."""
        last = next(reversed(self.messages.values()), None)
        self.messages[message.id] = message
        if last is not None and message.at < last.at:
            self.messages = in_order(self.messages.values())

    def mark(self, id: str, status: Status) -> Message | None:
        """The message as it is now; None if that is no change, or it is gone."""
        message = self.messages.get(id)
        if message is None or message.status is status:
            return None
        self.messages[id] = marked = replace(message, status=status)
        return marked

    def old(self, before: float) -> list[Message]:
        """Those that were heard and not saved, from before this time."""
        return [
            message
            for message in self.messages.values()
            if message.status is Status.HEARD and message.at < before
        ]


def in_order(messages: Iterable[Message]) -> dict[str, Message]:
    return {m.id: m for m in sorted(messages, key=lambda m: (m.at, m.id))}
