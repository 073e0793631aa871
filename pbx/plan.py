"""What the exchange needs to know of the configuration: plain values, all names resolved.

Made from the checked configuration at the edge (sound files found, host names looked up), replaced
as a whole on reload.
"""

from dataclasses import dataclass, field
from enum import Enum

from pbx.callers import CallerRules, Wishes
from pbx.distribution.config import DistributionConfig
from pbx.phone_plan import NO_PHONES, PhonesPlan
from pbx.registrar_plan import NEVER_ASKED, RegistrarPlan
from pbx.security_plan import SecurityPlan
from pbx.trunks.plan import NO_OUTSIDE, Outside
from sip.auth import Account
from sip.flow import Flow


class SignIn(Enum):
    """When an agent counts as signed in."""

    ALWAYS = "always"
    REGISTER = "register"  # While a device of the agent's extension is registered.
    CODE = "code"  # By feature code.


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call goes next: a block and its argument."""

    kind: str  # "extension", "queue", "play", "echo", "code", "hangup", "decline"
    target: str = ""


HANGUP = Destination("hangup")
DECLINE = Destination("decline")


@dataclass(frozen=True, slots=True)
class ExtensionPlan:
    id: str
    name: str
    contact: str = ""  # A fixed SIP URI instead of registrations.
    flow: Flow | None = None  # The way to that contact.
    ring_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class AgentPlan:
    id: str
    name: str
    extension: str
    sign_in: SignIn = SignIn.REGISTER


@dataclass(frozen=True, slots=True)
class QueuePlan:
    id: str
    number: str
    greeting: tuple[str, ...] = ()  # Absolute paths of sound files.
    music: tuple[str, ...] = ()
    on_timeout: Destination = HANGUP
    on_full: Destination = HANGUP
    on_empty: Destination = HANGUP
    on_no_agent: Destination = HANGUP  # Nobody has the tags.
    on_all_missed: Destination = HANGUP
    on_key: tuple[tuple[str, Destination], ...] = ()
    announce_position: bool = False


@dataclass(frozen=True, slots=True)
class ParkingPlan:
    slots: tuple[str, ...] = ()  # Numbers to dial.
    seconds: float = 120.0  # Then the phone of who parked the caller rings.


@dataclass(frozen=True, slots=True)
class Plan:
    company: str
    extensions: dict[str, ExtensionPlan]
    agents: dict[str, AgentPlan]
    queues: dict[str, QueuePlan]
    numbers: dict[
        str, Destination
    ]  # Dialled digits → block; queues' numbers and feature codes included.
    sounds: dict[str, str]  # Sound name → absolute path.
    distribution: DistributionConfig
    realm: str
    accounts: dict[str, Account]
    trusted: tuple[str, ...]
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    media_host: str = ""  # Advertised in SDP instead of the address the peer reached us on.
    media_bind: str = "0.0.0.0"
    silence_seconds: float = 30.0
    sign_out_grace_seconds: float = 60.0
    calls_max: int = 4000
    wishes: dict[str, Wishes] = field(default_factory=dict[str, Wishes])  # Of dialled numbers.
    callers: CallerRules = field(default_factory=CallerRules)
    on_blacklist: Destination = DECLINE
    agent_of: dict[str, str] = field(default_factory=dict[str, str])  # Extension → agent.
    extension_of: dict[str, str] = field(default_factory=dict[str, str])  # Agent → extension.
    parking: ParkingPlan = ParkingPlan()
    transfer_keys: str = ""  # Pressed within a call; "": none.
    phones: PhonesPlan = NO_PHONES
    registrar: RegistrarPlan = NEVER_ASKED
    security: SecurityPlan = field(default_factory=SecurityPlan)
    outside: Outside = NO_OUTSIDE
