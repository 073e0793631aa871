"""Settings of trunks: providers that we register with, providers by address, other PBXs."""

import re
from typing import Annotated, Final, cast

from pydantic import BeforeValidator, Field

from pbx.config.codecs import Codecs, InbandDtmf
from pbx.config.encryption import OwnPolicy
from pbx.config.settings import Settings, short_for
from pbx.config.values import (
    Id,
    Network,
    Number,
    Realm,
    Seconds,
    Text,
    To,
    Whole,
    expected,
)
from pbx.numbering import Pattern

TRUNKS_MAX: Final = 500
SERVERS_MAX: Final = 16
RULES_MAX: Final = 200
DIDS_MAX: Final = 50_000

_SERVER: Final = re.compile(
    r"(?:sips?:)?([A-Za-z0-9]([A-Za-z0-9.-]{0,200}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(:[0-9]{1,5})?(;transport=(udp|tcp|tls))?"
)
_PREFIX: Final = re.compile(r"\+?[0-9*#]{0,15}")
_SERVER_EXPECTED: Final = (
    "a server such as sip.provider.example, 192.0.2.5:5080 or sips:host;transport=tls"
)


def _server(value: object) -> object:
    text = str(value).strip() if isinstance(value, str) else ""
    match = _SERVER.fullmatch(text)
    if match is None or (match[3] and not 0 < int(match[3][1:]) <= 65_535):
        raise expected(_SERVER_EXPECTED)
    return text if text.startswith(("sip:", "sips:")) else f"sip:{text}"


def pattern_of(value: object) -> Pattern:
    if isinstance(value, Pattern):
        return value
    if isinstance(value, bool | float) or not isinstance(value, str | int):
        raise expected("a number or a pattern such as +38044XXXXXXX", "put it in quotes")
    try:
        return Pattern.parse(str(value))
    except ValueError as error:
        raise expected("a number or a pattern such as +38044XXXXXXX", str(error)) from None


def _prefix(value: object) -> object:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else "?"
    if _PREFIX.fullmatch(text) is None:
        raise expected("digits, with + at most at their beginning")
    return text


def one_or_more(value: object) -> object:
    return cast("object", value) if isinstance(value, list | tuple) else [value]


ServerAddress = Annotated[str, BeforeValidator(_server, json_schema_input_type=str)]
PatternText = Annotated[str, BeforeValidator(lambda value: pattern_of(value).text)]
Prefix = Annotated[str, BeforeValidator(_prefix, json_schema_input_type=str | int)]
Share = Annotated[Whole, Field(ge=0, le=65_535)]


class ServerSettings(Settings):
    address: ServerAddress = Field(description="Host name, or address and port")
    priority: Share = Field(default=0, description="The lower ones are tried first")
    weight: Share = Field(default=1, description="Its share among those of one priority")


class RewriteSettings(Settings):
    """A rule for numbers; the first one that fits counts."""

    match: PatternText = Field(description="X any digit, Z 1-9, N 2-9, [1-5] these, * the rest")
    strip: Annotated[Whole, Field(ge=0, le=32)] = Field(
        default=0, description="So many characters are taken from its beginning"
    )
    prefix: Prefix = Field(default="", description="Then put before it")


class CallerIdSettings(Settings):
    """What the other side sees of who calls."""

    number: Prefix = Field(default="", description="Of all who have none of their own below")
    name: Text = ""
    extensions: dict[Id, Prefix] = Field(
        default_factory=dict[str, str], max_length=DIDS_MAX, description="Extension: its number"
    )
    pass_through: bool = Field(
        default=False, description="Callers of forwarded calls are shown with their own number"
    )
    asserted: bool = Field(default=True, description="Say it as P-Asserted-Identity, too")
    account: bool = Field(default=False, description="From has the username, as some insist")


Server = Annotated[
    ServerSettings,
    BeforeValidator(short_for("address"), json_schema_input_type=ServerSettings | str),
]
Rules = Annotated[tuple[RewriteSettings, ...], Field(max_length=RULES_MAX)]


class TrunkSettings(Settings):
    """A line to the outside."""

    servers: Annotated[
        tuple[Server, ...],
        BeforeValidator(
            one_or_more, json_schema_input_type=ServerSettings | str | list[ServerSettings | str]
        ),
    ] = Field(min_length=1, max_length=SERVERS_MAX, description="One, or several to fail over")
    domain: Realm | None = Field(
        default=None, description="The provider's name in From and To; default: the first server"
    )
    username: Text = ""
    password: str = Field(default="", repr=False, description="Better `!secret NAME`")
    realms: Annotated[
        tuple[Text, ...], BeforeValidator(one_or_more, json_schema_input_type=str | list[str])
    ] = Field(default=(), description="Who may ask for the password; default: whoever we call")
    register_: bool = Field(default=False, alias="register", description="Sign in there")
    expires: Seconds = Field(default=600.0, description="How long a registration should last")
    health: Seconds = Field(
        default=30.0, description="How often its servers are asked whether they live; 0s: never"
    )
    networks: tuple[Network, ...] = Field(
        default=(), max_length=1000, description="Calls from these addresses are this trunk's"
    )
    numbers: dict[Number, To] = Field(
        default_factory=dict,
        max_length=DIDS_MAX,
        description="Our numbers there and where they lead; else `numbers` of the exchange count",
    )
    unknown_numbers: To | None = Field(default=None, description="Where all others lead")
    encryption: OwnPolicy = None
    extensions: bool = Field(
        default=False, description="Its callers may dial extensions: another PBX of ours"
    )
    onward: Annotated[
        tuple[Id, ...], BeforeValidator(one_or_more, json_schema_input_type=str | list[str])
    ] = Field(default=(), description="Trunks that its calls may leave through again")
    incoming: Rules = Field(default=(), description="Rules for the numbers that are called")
    incoming_callers: Rules = Field(default=(), description="Rules for the callers' numbers")
    outgoing: Rules = Field(default=(), description="Rules for numbers that go out")
    believed: bool = Field(
        default=False, description="Its P-Asserted-Identity says who calls; else From does"
    )
    caller_id: CallerIdSettings = CallerIdSettings()
    channels: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        default=0, description="Calls at a time, both ways; 0: no limit"
    )
    channels_out: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        default=0, description="Of these, calls that go out"
    )
    redirects: Annotated[Whole, Field(ge=0, le=5)] = Field(
        default=0, description="So often a call follows it to another of its addresses"
    )
    codecs: Codecs = Field(
        default=(), description="The preferred one first; default: those of media"
    )
    inband_dtmf: InbandDtmf = False

    @property
    def host(self) -> str:
        """Of the first server, without scheme, port and transport."""
        rest = self.servers[0].address.partition(":")[2].partition(";")[0]
        if rest.startswith("["):
            return rest[1 : rest.index("]")]
        return rest.partition(":")[0]
