"""The settings of an exchange. Every key has a default that suits ten phones.

Field descriptions go into the JSON Schema that editors show.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pbx.config.values import (
    Contact,
    Count,
    Destination,
    DestinationKind,
    Id,
    IpAddress,
    Network,
    Number,
    Port,
    PortRange,
    Ports,
    Realm,
    Seconds,
    SecondsOrNever,
    Sound,
    StrategyName,
    Text,
    To,
    Whole,
    expected,
)
from pbx.distribution.config import ALIAS_SETTINGS, Strategy, WithinTier

EXTENSIONS_MAX = 50_000  # More people need more than one exchange.
QUEUES_MAX = 2_000
MEMBERS_MAX = 10_000
LEVEL_MAX = 100
PLAY_SORRY_NOBODY = Destination(DestinationKind.PLAY, "sorry-nobody-free")
PLAY_SORRY_FULL = Destination(DestinationKind.PLAY, "sorry-queue-full")
PLAY_SORRY_EMPTY = Destination(DestinationKind.PLAY, "sorry-empty")


def mapping_of(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


class Settings(BaseModel):
    """Base of all: unknown keys are refused, a key with nothing after it is as good as absent."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_the_default(cls, value: object) -> object:
        if value is None:
            return {}
        items = mapping_of(value)
        if items is None:
            return value
        return {key: item for key, item in items.items() if item is not None}


def _named(value: object) -> object:
    """`901: Anna` is short for `901: {name: Anna}`."""
    return {"name": value} if isinstance(value, str | int | float) else value


class SipSettings(Settings):
    host: IpAddress = Field(default="0.0.0.0", description="Address to listen on; 0.0.0.0: all")
    port: Port = Field(default=5060, description="UDP and TCP")
    udp: bool = True
    tcp: bool = True
    realm: Realm = Field(default="dzvin", description="Shown to phones; passwords are bound to it")
    trusted: tuple[Network, ...] = Field(
        default=(),
        max_length=1000,
        description="Addresses that may call without a password: trunks, testers",
    )
    external_address: IpAddress | None = Field(
        default=None, description="Our address as phones see it, when a router translates it"
    )
    calls_max: Annotated[Whole, Field(ge=1, le=100_000)] = Field(
        default=4000, description="Calls at a time; further ones are refused"
    )


class WebSettings(Settings):
    host: IpAddress = Field(default="127.0.0.1", description="0.0.0.0: open to the network")
    port: Port = 8080
    password: str = Field(
        default="",
        repr=False,
        description="For pages with a sign-in, which are still to come; made at the first start",
    )


class MediaSettings(Settings):
    workers: Annotated[Count, Field(ge=0, le=64)] = Field(
        default=0, description="Processes that carry sound; auto or 0: one per core but one"
    )
    host: IpAddress = Field(default="0.0.0.0", description="Address to listen on; 0.0.0.0: all")
    ports: Ports = Field(default=PortRange(20_000, 29_999), description="UDP ports, four per call")
    external_address: IpAddress | None = Field(
        default=None, description="Address that phones send sound to, when a router translates it"
    )
    silence_timeout: Seconds = Field(
        default=30.0, description="A call whose sound stays away for so long is ended; 0s: never"
    )
    codecs: tuple[Literal["PCMU", "PCMA"], ...] = Field(
        default=("PCMU", "PCMA"), min_length=1, max_length=2, description="The preferred one first"
    )


class StorageSettings(Settings):
    path: Path = Field(default=Path("var/pbx.sqlite"), description="SQLite file of call records")


class SoundsSettings(Settings):
    path: Path = Field(default=Path("sounds"), description="One directory per language")
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"


class ExtensionSettings(Settings):
    """A person's telephone number; any number of devices may register as it."""

    name: Text = Field(default="", description="Shown on the phones that it calls")
    password: str = Field(
        default="",
        repr=False,
        description="Better `!secret NAME`; made at first start if not given",
    )
    algorithm: Literal["MD5", "SHA-256"] = Field(default="MD5", description="What most phones know")
    contact: Contact | None = Field(
        default=None, description="A fixed SIP address instead of registrations and a password"
    )
    ring_timeout: Seconds = Field(default=30.0, description="How long it rings for a direct call")


class SignedIn(StrEnum):
    ALWAYS = "always"
    REGISTER = "register"
    CODE = "code"


class AgentSettings(Settings):
    """A person who takes calls from queues."""

    name: Text = ""
    extension: Id | None = Field(default=None, description="Default: the agent's id")
    signed_in: SignedIn = Field(
        default=SignedIn.REGISTER,
        description="always | register: while a device is registered | code: by feature code",
    )
    tags: dict[Id, Annotated[Whole, Field(ge=0, le=LEVEL_MAX)]] = Field(
        default_factory=dict[str, int],
        description="Skills and languages with a level from 0 to 100",
    )
    max_calls: Annotated[Whole, Field(ge=1, le=10)] = Field(default=1, description="At a time")
    max_no_answer: Annotated[Whole, Field(ge=0, le=100)] = Field(
        default=0, description="So many missed calls in a row put the agent on break; 0: never"
    )
    wrap_up: Seconds | None = Field(default=None, description="Instead of the queue's")
    wrap_up_max: Seconds = Field(default=300.0, description="As far as the agent may extend it")
    ring_in_use: bool = Field(default=False, description="Ring although in a call of one's own")

    @model_validator(mode="before")
    @classmethod
    def _tags_without_levels(cls, value: object) -> object:
        """`tags: [french, sales]` is short for a full level of each."""
        items = mapping_of(value)
        if items is None or not isinstance(items.get("tags"), list):
            return items or value
        words = cast("list[object]", items["tags"])
        if not all(isinstance(word, str | int) for word in words):
            return items
        return items | {"tags": {str(word): LEVEL_MAX for word in words}}


class MemberSettings(Settings):
    """An agent's place in a queue."""

    agent: Id
    order: Annotated[Whole, Field(ge=1, le=100)] = Field(default=1, description="1 is rung first")
    rank: Annotated[Whole, Field(ge=0, le=100)] = Field(
        default=0, description="Competence: the highest first"
    )
    weight: Annotated[Whole, Field(ge=1, le=1000)] = Field(default=1, description="Share of calls")
    ring_timeout: Seconds | None = Field(default=None, description="Instead of the queue's")


def _member(value: object) -> object:
    """`901` is short for `{agent: 901}`."""
    return {"agent": value} if isinstance(value, str | int | float) else value


class RetrySettings(Settings):
    """How long an agent is left in peace after an offer that came to nothing."""

    no_answer: Seconds = 5.0
    busy: Seconds = 5.0
    rejected: Seconds = 5.0
    unreachable: Seconds = 10.0


class AnnounceSettings(Settings):
    position: bool = Field(default=False, description="Tell waiting callers their place")
    wait: bool = Field(default=False, description="And how long it may take, when that is known")
    every: Annotated[Seconds, Field(ge=5.0)] = 60.0


class QueueSettings(Settings):
    """A waiting line, the agents who serve it, and its ways out."""

    name: Text = ""
    number: Number | None = Field(default=None, description="Number to dial")
    strategy: StrategyName = Strategy.RING_ALL
    members: tuple[
        Annotated[
            MemberSettings,
            BeforeValidator(_member, json_schema_input_type=MemberSettings | str | int),
        ],
        ...,
    ] = Field(default=(), max_length=MEMBERS_MAX)
    ring_timeout: Seconds = Field(default=15.0, description="How long one agent is rung")
    within_tier: WithinTier = Field(
        default=WithinTier.ALL, description="in_order: all of a tier ring, or one_by_one"
    )
    tier_timeout: Seconds = Field(
        default=0.0, description="in_order: how long one tier is rung; 0s: as ring_timeout says"
    )
    keep_ringing: bool = Field(default=False, description="in_order: earlier tiers ring on")
    rounds: Annotated[Whole, Field(ge=0, le=100)] = Field(
        default=0, description="in_order: so often through all tiers, then on_timeout; 0: no limit"
    )
    outbound_resets_idle: bool = Field(
        default=True, description="longest_idle: an outgoing call counts too"
    )
    wrap_up: Seconds = Field(default=0.0, description="Time for notes after each call")
    retry_after: RetrySettings = RetrySettings()
    join_ringing: bool = Field(
        default=True, description="ring_all: an agent who gets free joins the ringing"
    )
    share_ringing: bool = Field(
        default=True,
        description="ring_all: some phones go over to a further caller; needs join_ringing",
    )
    join_empty: bool = Field(default=True, description="May a call wait while nobody is signed in?")
    leave_empty_after: SecondsOrNever = Field(
        default=60.0, description="Time from the last agent's sign-out to on_empty, or never"
    )
    max_wait: Seconds = Field(default=300.0, description="Then on_timeout; 0s: without end")
    grace_if_ringing: bool = Field(
        default=False, description="Phones that ring at max_wait may ring to their end"
    )
    max_length: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        default=50, description="Calls waiting; further ones go on_full; 0: without end"
    )
    priority: Annotated[Whole, Field(ge=-100, le=100)] = Field(
        default=0, description="Of its calls: a higher one is served before those that wait longer"
    )
    weight: Annotated[Whole, Field(ge=0, le=100)] = Field(
        default=0, description="Agents of several queues serve the highest weight first"
    )
    greeting: Sound | None = Field(default=None, description="Played once")
    music: Sound = "hold"
    announce: AnnounceSettings = AnnounceSettings()
    on_timeout: To = PLAY_SORRY_NOBODY
    on_full: To = PLAY_SORRY_FULL
    on_empty: To = PLAY_SORRY_EMPTY
    on_key: dict[Annotated[str, Field(pattern=r"^[0-9*#]$")], To] = Field(
        default_factory=dict[str, Destination], description="What callers may press"
    )

    @model_validator(mode="before")
    @classmethod
    def _what_an_alias_implies(cls, value: object) -> object:
        """`strategy: linear` also means one by one."""
        items = mapping_of(value)
        if items is None:
            return value
        return ALIAS_SETTINGS.get(str(items.get("strategy")).lower(), {}) | items


def _number(value: object) -> object:
    """`700: queue:sales` is short for `700: {to: queue:sales}`."""
    return {"to": value} if isinstance(value, str | int | float) else value


class NumberSettings(Settings):
    """A number to dial that belongs to no person."""

    to: To | None = None
    echo: bool = Field(default=False, description="The caller hears himself")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.echo == (self.to is not None):
            raise expected("either `to: DESTINATION` or `echo: true`")
        return self

    @property
    def destination(self) -> Destination:
        return self.to or Destination(DestinationKind.ECHO)


class FeatureCodes(Settings):
    """Codes that agents dial."""

    sign_in: Number = Field(default="*45", description="Signs in, or out again")
    break_: Number = Field(default="*46", alias="break", description="Begins a break, or ends it")
    end_wrap_up: Number = Field(default="*47", description="Ready before the wrap-up is over")


Extension = Annotated[
    ExtensionSettings,
    BeforeValidator(_named, json_schema_input_type=ExtensionSettings | str | None),
]
Agent = Annotated[
    AgentSettings, BeforeValidator(_named, json_schema_input_type=AgentSettings | str | None)
]
DialledNumber = Annotated[
    NumberSettings, BeforeValidator(_number, json_schema_input_type=NumberSettings | str)
]


class Config(Settings):
    """The whole configuration of one exchange."""

    company: Text = "Dzvin"
    sip: SipSettings = SipSettings()
    web: WebSettings = WebSettings()
    media: MediaSettings = MediaSettings()
    storage: StorageSettings = StorageSettings()
    secrets: Path = Field(
        default=Path("var/secrets.yaml"),
        description="Passwords by name; missing ones are made at start",
    )
    sounds: SoundsSettings = SoundsSettings()
    sign_out_grace: Seconds = Field(
        default=60.0, description="How long an agent stays signed in after the last device was lost"
    )
    extensions: dict[Id, Extension] = Field(
        default_factory=dict[str, ExtensionSettings], max_length=EXTENSIONS_MAX
    )
    agents: dict[Id, Agent] = Field(
        default_factory=dict[str, AgentSettings], max_length=EXTENSIONS_MAX
    )
    queues: dict[Id, QueueSettings] = Field(
        default_factory=dict[str, QueueSettings], max_length=QUEUES_MAX
    )
    numbers: dict[Number, DialledNumber] = Field(
        default_factory=dict[str, NumberSettings], max_length=EXTENSIONS_MAX
    )
    feature_codes: FeatureCodes = Field(default_factory=lambda: FeatureCodes.model_validate({}))

    def extension_of(self, agent: str) -> str:
        """The id of the extension whose devices ring for this agent."""
        return self.agents[agent].extension or agent
