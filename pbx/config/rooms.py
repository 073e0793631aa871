"""Conference rooms, and who may listen to whom."""

import re
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from pbx.config.settings import Settings, mapping_of
from pbx.config.values import Id, Number, Sound, Whole, expected

ROOMS_MAX: Final = 1_000
SUPERVISORS_MAX: Final = 10_000
MEMBERS_MAX: Final = 200  # What one core mixes with ease.
EVERYBODY: Final = "everybody"
_PIN: Final = re.compile(r"[0-9]{1,16}")
_KEY: Final = re.compile(r"[0-9*#]")


class SupervisionMode(StrEnum):
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    TAKE_OVER = "take_over"


class Announcement(StrEnum):
    OFF = "off"
    BEEP = "beep"
    NUMBER = "number"


def _pin(value: object) -> str:
    text = str(value)
    if isinstance(value, bool) or _PIN.fullmatch(text) is None:
        raise expected("at most 16 digits")
    return text


def _key(value: object) -> str:
    if value is False or value == "off":
        return ""
    text = str(value)
    if isinstance(value, bool) or _KEY.fullmatch(text) is None:
        raise expected("one key, or off")
    return text


def _announcement(value: object) -> object:
    return "off" if value is False else value  # YAML reads `off` so.


def _everybody(value: object) -> object:
    """`101: everybody` is short."""
    return {"everybody": True} if value == EVERYBODY else mapping_of(value) or value


Pin = Annotated[str, BeforeValidator(_pin, json_schema_input_type=str | int)]
Key = Annotated[str, BeforeValidator(_key, json_schema_input_type=str | int | bool)]


class SupervisorSettings(Settings):
    """Whom this extension may listen to."""

    everybody: bool = Field(default=False, description="All extensions: an admin")
    agents: tuple[Id, ...] = ()
    queues: tuple[Id, ...] = Field(default=(), description="All agents of these queues")
    extensions: tuple[Id, ...] = ()
    modes: tuple[SupervisionMode, ...] = Field(
        default=tuple(SupervisionMode), min_length=1, description="What they may do"
    )


class SupervisionKeys(Settings):
    """What supervisors press while they listen; `off`: nothing."""

    listen: Key = "4"
    whisper: Key = "5"
    barge: Key = "6"
    take_over: Key = "7"
    leave: Key = "*"


class SupervisionSettings(Settings):
    """Listening to conversations, helping agents, joining in. Nobody may unless it says so here."""

    supervisors: dict[
        Id,
        Annotated[
            SupervisorSettings,
            BeforeValidator(_everybody, json_schema_input_type=SupervisorSettings | str),
        ],
    ] = Field(
        default_factory=dict[str, SupervisorSettings],
        max_length=SUPERVISORS_MAX,
        description="By extension; `everybody`: may listen to all",
    )
    follow: bool = Field(
        default=True,
        description="Waits for the next conversation of who is listened to; false: until this"
        " call ends",
    )
    tone: bool = Field(default=False, description="Those who talk hear a tone when somebody comes")
    keys: SupervisionKeys = SupervisionKeys()


class ConferenceSettings(Settings):
    """A room where everybody hears everybody."""

    number: Number = Field(description="To dial")
    pin: Pin | None = Field(default=None, description="Asked of everybody who comes")
    moderator_pin: Pin | None = Field(
        default=None, description="Who enters this one may lock the room and send people out"
    )
    members_max: Annotated[Whole, Field(ge=2, le=MEMBERS_MAX)] = 32
    announce: Annotated[
        Announcement,
        BeforeValidator(_announcement, json_schema_input_type=Announcement | bool),
    ] = Field(default=Announcement.BEEP, description="When somebody comes or goes")
    music: Sound = Field(default="hold", description="For who is alone")
    wait_for_moderator: bool = Field(
        default=False, description="Nobody hears anybody before a moderator is there"
    )
    record: bool = Field(default=False, description="While two or more are there")


def by_short_number(value: object) -> object:
    """`meeting: 800` is short for a room without settings."""
    return {"number": value} if isinstance(value, str | int) else value


Conference = Annotated[
    ConferenceSettings,
    BeforeValidator(by_short_number, json_schema_input_type=ConferenceSettings | str | int),
]
