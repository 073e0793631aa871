"""What the blocks of voicemail want of the mailboxes, and what they are answered.

An action is carried out with `pbx.calls.commands.Mail`; `Answer`s come to the block by
`on_mail`, most of them before the command returns.
"""

from dataclasses import dataclass

from pbx.plan import Destination
from pbx.speech.times import Moment
from pbx.voicemail.messages import Greeting, Message, Purpose, Status


@dataclass(frozen=True, slots=True)
class Open:
    """Look into a mailbox. Answered by `Opened`."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Answered by `PinChecked`. Three wrong ones are to be told by `PinFailed`."""

    mailbox: str
    digits: str
    own: bool  # Its own phone calls: that is not shut out by what others tried.


@dataclass(frozen=True, slots=True)
class PinFailed:
    mailbox: str
    own: bool


@dataclass(frozen=True, slots=True)
class SetPin:
    mailbox: str
    digits: str


@dataclass(frozen=True, slots=True)
class Say:
    """Prompts by name and files by path, one after the other; `on_played` follows, whatever
    becomes of them."""

    words: tuple[str, ...]
    language: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """Record what the caller says, until #. Answered by `Begun` and, at the end, `Recorded`."""

    mailbox: str
    purpose: Purpose
    seconds_max: float
    seconds_min: float = 0.0
    silence_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StopRecording:
    pass


@dataclass(frozen=True, slots=True)
class Discard:
    """A recording that is not wanted."""

    draft: str


@dataclass(frozen=True, slots=True)
class Mark:
    mailbox: str
    message: str
    status: Status


@dataclass(frozen=True, slots=True)
class Delete:
    mailbox: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forward:
    """A copy goes into another mailbox, with what was recorded in `comment` (or "") before it.
    Answered by `Forwarded`."""

    message: Message
    to: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class KeepGreeting:
    mailbox: str
    greeting: Greeting
    draft: str


@dataclass(frozen=True, slots=True)
class DeleteGreeting:
    mailbox: str
    greeting: Greeting


@dataclass(frozen=True, slots=True)
class CallBack:
    """Where does this number lead, for who is on the phone? Answered by `CallsBack`."""

    number: str


Action = (
    Open
    | CheckPin
    | PinFailed
    | SetPin
    | Say
    | Record
    | StopRecording
    | Discard
    | Mark
    | Delete
    | Forward
    | KeepGreeting
    | DeleteGreeting
    | CallBack
)


@dataclass(frozen=True, slots=True)
class View:
    """A mailbox as it is when somebody comes to it."""

    mailbox: str
    language: str
    messages: tuple[Message, ...]
    files: dict[str, str]  # Message → its sound.
    greetings: dict[Greeting, str]  # Those that were recorded: files.
    greeting: str  # A sound by name, instead of the spoken number.
    full: bool
    has_pin: bool
    must_change_pin: bool
    pin_on_own_phone: bool
    pin_digits: int
    seconds_max: float
    seconds_min: float
    silence_seconds: float
    operator: Destination | None
    now: Moment  # Where the company is.


@dataclass(frozen=True, slots=True)
class Opened:
    view: View | None  # None: there is no such mailbox.


@dataclass(frozen=True, slots=True)
class PinChecked:
    right: bool


@dataclass(frozen=True, slots=True)
class Begun:
    draft: str


@dataclass(frozen=True, slots=True)
class Recorded:
    draft: str
    seconds: float
    file: str


@dataclass(frozen=True, slots=True)
class Forwarded:
    done: bool  # False: there is no such mailbox, or it is full.


@dataclass(frozen=True, slots=True)
class CallsBack:
    to: Destination | None  # None: nobody there can be called.


Answer = Opened | PinChecked | Begun | Recorded | Forwarded | CallsBack
