"""The kinds of values that settings have: text, ids, numbers to dial, times, ports, destinations.

Each says what it expects as `expected …`; `pbx.config.explain` adds what was found.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from pbx.config.errors import did_you_mean

EXPECTED: Final = "expected"  # The type of the errors that are raised here.

DAY_SECONDS: Final = 86_400.0
WAIT_DAYS_MAX: Final = 7  # Nobody waits in a queue for more than a week.
MEMORY_DAYS_MAX: Final = 366  # After a year a caller is a new one.
TEXT_CHARACTERS_MAX: Final = 200  # Names go into SIP headers and on screens.


def expected(what: str, hint: str = "") -> PydanticCustomError:
    return PydanticCustomError(EXPECTED, "expected {what}", {"what": what, "hint": hint})


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise expected("text", "put it in quotes" if isinstance(value, bool | float) else "")
    if len(value) > TEXT_CHARACTERS_MAX:
        raise expected(f"text of at most {TEXT_CHARACTERS_MAX} characters")
    if not value.isprintable():
        raise expected("one line of printable text")
    return value


Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | int)]

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_NUMBER: Final = re.compile(r"[0-9*#+][0-9*#]{0,31}")
_SOUND: Final = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}")
_HOST: Final = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9-]{1,63}){0,10}"
)
_CALLER: Final = re.compile(r"[A-Za-z0-9+][A-Za-z0-9+_.-]{0,31}\*?")
_CONTACT: Final = re.compile(r"sips?:([^\s@<>\"]{1,64}@)?[^\s@<>\",]{1,128}")


def _matching(pattern: re.Pattern[str], what: str) -> BeforeValidator:
    def check(value: object) -> object:
        text = _text(value)
        if not isinstance(text, str) or pattern.fullmatch(text) is None:
            raise expected(what)
        return text

    return BeforeValidator(check, json_schema_input_type=str | int)


Id = Annotated[str, _matching(_ID, "an id: at most 32 letters, digits, dots, - and _")]
Number = Annotated[str, _matching(_NUMBER, "a number to dial: digits, * and #")]
Sound = Annotated[str, _matching(_SOUND, "the name of a sound, without its ending")]
Contact = Annotated[str, _matching(_CONTACT, "a SIP address such as sip:desk@192.168.0.7:5060")]
Caller = Annotated[
    str, _matching(_CALLER, "a caller's number, how it begins (+38044*), or anonymous")
]
Realm = Annotated[str, _matching(_HOST, "a name such as pbx.example.com")]


def _address(value: object) -> object:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise expected("an IP address such as 192.168.0.5") from None


def _network(value: object) -> object:
    try:
        return str(ipaddress.ip_network(str(value), strict=False))
    except ValueError:
        raise expected("an IP address or a network such as 192.168.0.0/24") from None


IpAddress = Annotated[str, BeforeValidator(_address, json_schema_input_type=str)]
Network = Annotated[str, BeforeValidator(_network, json_schema_input_type=str)]


def _whole(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise expected("a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_whole, json_schema_input_type=int)]
Port = Annotated[Whole, Field(ge=0, le=65_535)]
"""0 lets the system choose: for tests."""

_DURATION: Final = re.compile(
    r"(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6}(?:\.\d{1,3})?)s)?(?:(\d{1,7})ms)?"
)
_DURATION_EXPECTED: Final = "a time such as 15s, 5m, 1h30m, or a number of seconds"


def _seconds(value: object) -> float | None:
    """Not checked for how long that is; None if it is no time at all."""
    if is_number(value):
        return float(str(value))
    match = _DURATION.fullmatch(str(value).strip().replace(" ", ""))
    if isinstance(value, bool) or match is None or not match[0]:
        try:
            return float(value) if isinstance(value, str) else None
        except ValueError:
            return None
    days, hours, minutes, whole, thousandths = (float(part or 0) for part in match.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + whole + thousandths / 1000


def _seconds_within(value: object, days: int) -> float:
    seconds = _seconds(value)
    if seconds is None:
        raise expected(_DURATION_EXPECTED)
    if not 0 <= seconds <= days * DAY_SECONDS:
        raise expected(f"a time from 0s to {days} days")
    return seconds


def seconds_of(value: object) -> float:
    """Seconds of `15s`, `5m`, `1h30m`, `7d`, `500ms`, or of a number of seconds."""
    return _seconds_within(value, WAIT_DAYS_MAX)


def _long_time(value: object) -> float:
    return _seconds_within(value, MEMORY_DAYS_MAX)


def in_words(seconds: float) -> str:
    """As people write it: `1h30m`, `0s`."""
    whole, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(whole), 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{part:g}{unit}" for part, unit in parts if part) or "0s"


Seconds = Annotated[float, BeforeValidator(seconds_of, json_schema_input_type=float | str)]
LongTime = Annotated[float, BeforeValidator(_long_time, json_schema_input_type=float | str)]


@dataclass(frozen=True, slots=True)
class PortRange:
    """Both ends belong to it."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"


PORTS_PER_CALL: Final = 4  # Two legs, each with RTP and RTCP.
_PORTS: Final = re.compile(r"(\d{1,5})\s*-\s*(\d{1,5})")


def _ports(value: object) -> object:
    if isinstance(value, PortRange):
        return value
    match = _PORTS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise expected("two ports, such as 20000-29999")
    low, high = int(match[1]), int(match[2])
    if not 1024 <= low < high <= 65_535:
        raise expected("two ports from 1024 to 65535, the lower one first")
    if high - low + 1 < PORTS_PER_CALL:
        raise expected(f"at least {PORTS_PER_CALL} ports: a call needs as many")
    return PortRange(low, high)


Ports = Annotated[
    PortRange,
    BeforeValidator(_ports),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s*-\s*\d+$"}),
]


class DestinationKind(StrEnum):
    QUEUE = "queue"
    EXTENSION = "extension"
    PLAY = "play"
    VOICEMAIL = "voicemail"  # Leave a message in that mailbox.
    MAILBOX = "mailbox"  # Hear one's own: it asks for the mailbox and its PIN.
    ECHO = "echo"
    HANGUP = "hangup"
    DECLINE = "decline"  # As hangup, but a caller who was not answered yet hears "refused".


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call goes on; a sound that is played ends it."""

    kind: DestinationKind
    target: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}" if self.target else str(self.kind)


_TARGETS: Final = {
    DestinationKind.QUEUE: _ID,
    DestinationKind.EXTENSION: _ID,
    DestinationKind.PLAY: _SOUND,
    DestinationKind.VOICEMAIL: _ID,
}
_DESTINATION_EXPECTED: Final = (
    "queue:ID, extension:ID, voicemail:ID, play:SOUND, mailbox, echo, hangup or decline"
)


def destination_of(value: object) -> Destination:
    if isinstance(value, Destination):
        return value
    if not isinstance(value, str):
        raise expected(_DESTINATION_EXPECTED)
    word, colon, target = value.partition(":")
    try:
        kind = DestinationKind(word.strip())
    except ValueError:
        raise expected(_DESTINATION_EXPECTED, did_you_mean(word, DestinationKind)) from None
    pattern = _TARGETS.get(kind)
    target = target.strip()
    if bool(colon) != (pattern is not None) or (pattern and not pattern.fullmatch(target)):
        raise expected(_DESTINATION_EXPECTED)
    return Destination(kind, target)


To = Annotated[
    Destination,
    BeforeValidator(destination_of),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(queue:|extension:|play:|voicemail:).+$|^(mailbox|echo|hangup|decline)$",
        }
    ),
]


def _time_zone(value: object) -> object:
    try:
        return ZoneInfo(str(value)).key if value != "" else ""
    except (ZoneInfoNotFoundError, ValueError, OSError):
        what = "a time zone such as Europe/Kyiv"
        raise expected(what, did_you_mean(str(value), available_timezones())) from None


TimeZone = Annotated[str, BeforeValidator(_time_zone, json_schema_input_type=str)]
"""An IANA name; "": the system's own."""


def _never(value: object) -> object:
    return None if value == "never" else value


SecondsOrNever = Annotated[
    Seconds | None, BeforeValidator(_never, json_schema_input_type=float | str)
]


def _auto(value: object) -> object:
    return 0 if value == "auto" else value


Count = Annotated[Whole, BeforeValidator(_auto, json_schema_input_type=int | Literal["auto"])]
"""0 stands for `auto`."""
