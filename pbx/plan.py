"""What the exchange needs to know of the configuration: plain values, all names resolved.

Made from the checked configuration at the edge (sound files found, host names looked up), replaced
as a whole on reload.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from pbx.callers import CallerRules, Wishes
from pbx.codec_plan import NO_CODECS, CodecPlan
from pbx.distribution.config import DistributionConfig
from pbx.encryption import NO_ENCRYPTION_PLAN, EncryptionPlan
from pbx.phone_plan import NO_PHONES, PhonesPlan
from pbx.recording.plan import NO_RECORDING, RecordingPlan
from pbx.registrar_plan import NEVER_ASKED, RegistrarPlan
from pbx.room_plan import NO_ROOMS, RoomsPlan
from pbx.security_plan import SecurityPlan
from pbx.trunks.plan import NO_OUTSIDE, Outside
from pbx.voicemail.plan import NO_VOICEMAIL, VoicemailPlan
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
    qualify_seconds: float = 0.0  # How often that contact is asked; 0: never.
    ring_seconds: float = 30.0
    language: str = ""  # That we speak to this person; "": that of the company.


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
    greeting: tuple[str, ...] = ()  # Sounds, or absolute paths of sound files.
    must_finish: bool = False  # Nobody is rung before the greeting is over.
    music: tuple[str, ...] = ()  # Absolute paths.
    on_timeout: Destination = HANGUP
    on_full: Destination = HANGUP
    on_empty: Destination = HANGUP
    on_no_agent: Destination = HANGUP  # Nobody has the tags.
    on_all_missed: Destination = HANGUP
    on_key: tuple[tuple[str, Destination], ...] = ()
    announce_position: bool = False
    announce_wait: bool = False
    language: str = ""  # Spoken to callers who have none of their own.


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
    sounds: dict[str, str]  # Sound name → absolute path, in the language of the company.
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
    consult_keys: str = ""
    conference_keys: str = ""
    rooms: RoomsPlan = NO_ROOMS
    peer_codecs: CodecPlan = NO_CODECS
    phones: PhonesPlan = NO_PHONES
    registrar: RegistrarPlan = NEVER_ASKED
    security: SecurityPlan = field(default_factory=SecurityPlan)
    outside: Outside = NO_OUTSIDE
    encryption: EncryptionPlan = NO_ENCRYPTION_PLAN
    voicemail: VoicemailPlan = NO_VOICEMAIL
    recording: RecordingPlan = NO_RECORDING
    language: str = "en"  # Of the company.
    # Sounds by language, for those that are spoken beside it; what one lacks is in another.
    voices: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def spoken(self, language: str) -> str:
        """The language that is spoken to who wishes this one."""
        return language if language in self.voices else self.language

    def files(self, names: Iterable[str], language: str = "") -> tuple[str, ...]:
        """Of these sounds; a path stands for itself. What is missing is left out: silence is better
        than a dropped call."""
        sounds = self.voices.get(language, self.sounds)
        found = (name if name.startswith("/") else sounds.get(name) for name in names)
        return tuple(file for file in found if file)
