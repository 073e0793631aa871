"""What the exchange needs to know of its trunks: plain values, made from the configuration."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pbx.dialplan import DialPlan
from pbx.numbering import Pattern

if TYPE_CHECKING:
    from pbx.plan import Destination


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """One of the addresses of a trunk; those of lower priority come first (RFC 2782's figures)."""

    uri: str  # "sip:sip.provider.example", with port and transport where these are given.
    priority: int = 0
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Of a number that fits: drop `strip` characters, put `prefix` before the rest."""

    pattern: Pattern
    strip: int = 0
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class CallerIdPlan:
    """What the other side sees of who calls through this trunk."""

    number: str = ""  # Of all who have none of their own here.
    name: str = ""
    extensions: dict[str, str] = field(default_factory=dict[str, str])  # Extension → number.
    pass_through: bool = False  # A caller from outside keeps his number: a forwarded call.
    asserted: bool = True  # Say it as P-Asserted-Identity, too (RFC 3325).
    user_is_account: bool = False  # From has the account, as some providers insist.


@dataclass(frozen=True, slots=True)
class TrunkPlan:
    name: str
    servers: tuple[ServerPlan, ...]
    domain: str  # Of From, To and Request-URI: the provider's name, or an address.
    username: str = ""
    password: str = field(default="", repr=False)
    realms: tuple[str, ...] = ()  # Whose challenges are answered; () = any of this trunk's.
    register: bool = False
    expires: int = 600  # Seconds; asked for.
    health_seconds: float = 30.0  # Between OPTIONS; 0: none.
    networks: tuple[str, ...] = ()  # Calls from there are this trunk's.
    numbers: "dict[str, Destination]" = field(default_factory=dict[str, "Destination"])
    unknown: "Destination | None" = None  # Where other numbers go; None: they do not exist.
    extensions: bool = False  # Its callers may dial whatever our phones may, but for codes.
    onward: frozenset[str] = frozenset()  # Trunks that its calls may leave through.
    incoming: tuple[Rewrite, ...] = ()
    incoming_callers: tuple[Rewrite, ...] = ()
    outgoing: tuple[Rewrite, ...] = ()
    believed: bool = False  # Its P-Asserted-Identity and Remote-Party-ID (RFC 3325 §5).
    caller_id: CallerIdPlan = field(default_factory=CallerIdPlan)
    channels: int = 0  # Calls at a time, both ways; 0: no limit.
    channels_out: int = 0
    redirects: int = 0  # 3xx followed for one call (RFC 3261 §8.1.3.4).
    codecs: tuple[str, ...] = ()  # (): those of the exchange.

    @property
    def address_of_record(self) -> str:
        return f"sip:{self.username}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything about the outside: the trunks, and who may call through them."""

    trunks: dict[str, TrunkPlan] = field(default_factory=dict[str, TrunkPlan])
    dial_plan: DialPlan = field(default_factory=DialPlan)


NO_OUTSIDE: Final = Outside()
