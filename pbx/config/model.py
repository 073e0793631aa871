"""The settings of an exchange. Every key has a default that suits ten phones.

Field descriptions go into the JSON Schema that editors show.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import BeforeValidator, Field, model_validator

from pbx.config.call_keys import CallKeysSettings
from pbx.config.codecs import DEFAULT, Codecs, InbandDtmf
from pbx.config.codes import BreakCode, FeatureCodes
from pbx.config.devices import DeviceName, DeviceSettings, ProvisioningSettings
from pbx.config.encryption import EncryptionSettings, OwnPolicy
from pbx.config.languages import LANGUAGE, Language
from pbx.config.mail import MailSettings
from pbx.config.parking import ParkingSettings
from pbx.config.phones import PhoneUseSettings
from pbx.config.queue_values import Requirement
from pbx.config.queues import Priority, QueueSettings
from pbx.config.recording import RecordingSettings
from pbx.config.registrar import RegistrarSettings
from pbx.config.rooms import ROOMS_MAX, Conference, ConferenceSettings, SupervisionSettings
from pbx.config.routes import OutgoingSettings
from pbx.config.security import OverloadSettings, SecuritySettings
from pbx.config.settings import Settings, mapping_of, short_for
from pbx.config.transports import Certificates, Hosts, Tls, WebSettings
from pbx.config.trunks import TRUNKS_MAX, TrunkSettings
from pbx.config.values import (
    Caller,
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
    Text,
    TimeZone,
    To,
    Whole,
    expected,
)
from pbx.config.voicemail import VoicemailSettings

EXTENSIONS_MAX = 50_000  # More people need more than one exchange.
QUEUES_MAX = 2_000
TAGS_MAX = 10_000
CALLERS_MAX = 50_000  # The customers of a large company.
LEVEL_MAX = 100
GROUPS_MAX = 2_000


class SipSettings(RegistrarSettings):
    host: Hosts = Field(
        default=("0.0.0.0",),
        description='Address to listen on, or several; 0.0.0.0: all, "::": all of IPv6',
    )
    port: Port = Field(default=5060, description="UDP and TCP")
    udp: bool = True
    tcp: bool = True
    tls: Tls = Field(default=None, description="true: on port 5061; or settings of its own")
    realm: Realm = Field(default="dzvin", description="Shown to phones; passwords are bound to it")
    trusted: tuple[Network, ...] = Field(
        default=(),
        max_length=1000,
        description="Addresses that may call without a password: trunks, testers",
    )
    external_address: IpAddress | None = Field(
        default=None, description="Our address as phones see it, when a router translates it"
    )
    session_expires: Seconds = Field(
        default=1800.0,
        description="A call whose phone does not confirm it for so long has ended; 0s: never asked",
    )
    calls_max: Annotated[Whole, Field(ge=1, le=100_000)] = Field(
        default=4000, description="Calls at a time; further ones are refused"
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
    codecs: Codecs = Field(
        default=DEFAULT,
        min_length=1,
        description="Of all calls, the preferred one first: PCMU, PCMA, G722, opus",
    )


class StorageSettings(Settings):
    path: Path = Field(default=Path("var/pbx.sqlite"), description="SQLite file of call records")
    journal: str | None = Field(
        default=None,
        description="Directory of the journal, one file a day, for `pbx why` and `pbx replay`;"
        ' default: `journal` beside the SQLite file; "": none is written',
    )
    journal_days: Annotated[Whole, Field(ge=0, le=36_500)] = Field(
        default=90, description="So many days of the journal are kept; 0: all"
    )

    @property
    def journal_directory(self) -> Path | None:
        if self.journal is None:
            return self.path.parent / "journal"
        return Path(self.journal) if self.journal else None


class SoundsSettings(Settings):
    path: Path = Field(
        default=Path("sounds"),
        description="Sounds of your own, in a directory per language; they win over those that"
        " come with the program",
    )
    language: Annotated[str, Field(pattern=LANGUAGE)] = Field(
        default="en", description="Spoken to whoever has no language of their own: en, uk, ru, pl"
    )


class ExtensionSettings(PhoneUseSettings):
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
    qualify_interval: Seconds = Field(
        default=0.0,
        description="How often the fixed contact is asked whether it is still there; 0s: never",
    )
    ring_timeout: Seconds = Field(default=30.0, description="How long it rings for a direct call")
    private: bool = Field(default=False, description="Nobody else may watch it by a lamp")
    encryption: OwnPolicy = None
    codecs: Codecs = Field(
        default=(), description="Of its phones, the preferred one first; default: those of media"
    )
    inband_dtmf: InbandDtmf = False
    language: Language = Field(default=None, description="That we speak; default: of the sounds")


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
    wrap_up_extensions: Annotated[Whole, Field(ge=0, le=1000)] = Field(
        default=0, description="So often the agent may extend it; 0: no limit"
    )
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


class BreakSettings(Settings):
    """A reason for a break."""

    longest: Seconds = Field(default=0.0, description="Then supervisors are told; 0s: no limit")
    keep_at_work: Annotated[Whole, Field(ge=0, le=EXTENSIONS_MAX)] = Field(
        default=0, description="So many others must be at work, or the break is refused"
    )
    paid: bool = True
    productive: bool = Field(default=False, description="Counts as work: training, a meeting")
    code: BreakCode | None = Field(
        default=None, description="Dialled behind the feature code; default: its place in the list"
    )


def _reasons(value: object) -> object:
    """`[lunch, training]` is short for a mapping without further settings."""
    if not isinstance(value, list):
        return value
    words = cast("list[object]", value)
    plain = all(isinstance(word, str | int) for word in words)
    return {str(word): None for word in words} if plain else words


class NumberSettings(Settings):
    """A number to dial that belongs to no person."""

    to: To | None = None
    echo: bool = Field(default=False, description="The caller hears himself")
    priority: Priority = Field(default=0, description="Of its calls: added to that of the queue")
    requires: Requirement = Field(
        default="", description="Tags that the agent needs beside those that the queue asks for"
    )
    agent: Id | None = Field(default=None, description="Who gets its calls first")
    language: Language = Field(
        default=None, description="Spoken to its callers; default: that of the queue"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.echo == (self.to is not None):
            raise expected("either `to: DESTINATION` or `echo: true`")
        return self

    @property
    def destination(self) -> Destination:
        return self.to or Destination(DestinationKind.ECHO)


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


class CallerSettings(Settings):
    """What is done for certain callers; the first entry that fits counts."""

    number: Annotated[
        tuple[Caller, ...],
        BeforeValidator(_one_or_more, json_schema_input_type=str | int | list[str | int]),
    ] = Field(
        min_length=1,
        max_length=CALLERS_MAX,
        description="Numbers; +38044*: all that begin so; anonymous: callers without a number",
    )
    queue: Id | None = Field(default=None, description="Instead of the queue that was dialled")
    priority: Priority = Field(default=0, description="Added to that of the number and the queue")
    requires: Requirement = Field(default="", description="Tags that the agent needs as well")
    agent: Id | None = Field(default=None, description="The caller's own agent, who is rung first")
    blacklist: bool = Field(default=False, description="The call goes to on_blacklist")
    language: Language = Field(default=None, description="Spoken to them, before all others")


Extension = Annotated[
    ExtensionSettings,
    BeforeValidator(short_for("name"), json_schema_input_type=ExtensionSettings | str | None),
]
Agent = Annotated[
    AgentSettings,
    BeforeValidator(short_for("name"), json_schema_input_type=AgentSettings | str | None),
]
DialledNumber = Annotated[
    NumberSettings, BeforeValidator(short_for("to"), json_schema_input_type=NumberSettings | str)
]


class Config(Settings):
    """The whole configuration of one exchange."""

    company: Text = "Dzvin"
    timezone: TimeZone = Field(
        default="", description="Such as Europe/Kyiv: when a day begins; default: the system's"
    )
    sip: SipSettings = SipSettings()
    web: WebSettings = WebSettings()
    certificates: Certificates = Field(
        default=(), description="For TLS; without any, one is made at the first start"
    )
    security: SecuritySettings = SecuritySettings()
    overload: OverloadSettings = OverloadSettings()
    media: MediaSettings = MediaSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    storage: StorageSettings = StorageSettings()
    recording: RecordingSettings = RecordingSettings()
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
    tags: dict[Id, tuple[Id, ...]] = Field(
        default_factory=dict[str, tuple[str, ...]],
        max_length=TAGS_MAX,
        description="By dimension (department, skill, language, …): the tags that agents may have",
    )
    agents: dict[Id, Agent] = Field(
        default_factory=dict[str, AgentSettings], max_length=EXTENSIONS_MAX
    )
    seats: Annotated[Whole, Field(ge=0, le=EXTENSIONS_MAX)] = Field(
        default=0, description="So many agents may be signed in at a time; 0: no limit"
    )
    break_reasons: Annotated[
        dict[Text, BreakSettings],
        BeforeValidator(
            _reasons, json_schema_input_type=dict[str, BreakSettings | None] | list[str]
        ),
    ] = Field(
        default_factory=dict[str, BreakSettings],
        max_length=100,
        description="What agents may take a break for; without them any word will do",
    )
    queues: dict[Id, QueueSettings] = Field(
        default_factory=dict[str, QueueSettings], max_length=QUEUES_MAX
    )
    numbers: dict[Number, DialledNumber] = Field(
        default_factory=dict[str, NumberSettings], max_length=EXTENSIONS_MAX
    )
    callers: tuple[CallerSettings, ...] = Field(
        default=(), max_length=CALLERS_MAX, description="What is done for certain callers"
    )
    blacklist: tuple[Caller, ...] = Field(
        default=(),
        max_length=CALLERS_MAX,
        description="Callers who reach no queue; +38044*: all that begin so; anonymous: no number",
    )
    on_blacklist: To = Field(
        default=Destination(DestinationKind.DECLINE), description="Where they go instead"
    )
    parking: ParkingSettings = ParkingSettings()
    voicemail: VoicemailSettings = VoicemailSettings()
    mail: MailSettings = MailSettings()
    conferences: dict[Id, Conference] = Field(
        default_factory=dict[str, ConferenceSettings],
        max_length=ROOMS_MAX,
        description="By name: rooms where everybody hears everybody",
    )
    supervision: SupervisionSettings = SupervisionSettings()
    call_keys: CallKeysSettings = CallKeysSettings()
    feature_codes: FeatureCodes = Field(default_factory=lambda: FeatureCodes.model_validate({}))
    pick_up_groups: dict[Id, tuple[Id, ...]] = Field(
        default_factory=dict[str, tuple[str, ...]],
        max_length=GROUPS_MAX,
        description="By name: extensions that may pick up each other's calls",
    )
    devices: dict[DeviceName, DeviceSettings] = Field(
        default_factory=dict[str, DeviceSettings],
        max_length=EXTENSIONS_MAX,
        description="Phones that fetch their settings from us, by hardware address or name",
    )
    provisioning: ProvisioningSettings = ProvisioningSettings()

    trunks: dict[Id, TrunkSettings] = Field(
        default_factory=dict[str, TrunkSettings], max_length=TRUNKS_MAX
    )
    outgoing: OutgoingSettings = OutgoingSettings()

    def extension_of(self, agent: str) -> str:
        """The id of the extension whose devices ring for this agent."""
        return self.agents[agent].extension or agent

    @property
    def slots(self) -> tuple[str, ...]:
        """Where calls are parked."""
        return self.parking.slots

    def break_codes(self) -> dict[str, str]:
        """By reason: what is dialled behind the feature code for a break."""
        reasons = enumerate(self.break_reasons.items(), start=1)
        return {reason: settings.code or str(place) for place, (reason, settings) in reasons}
