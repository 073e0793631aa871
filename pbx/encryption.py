"""Who must, may or must not encrypt sound (RFC 4568, RFC 5763): the policy as plain values."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from media.sdp_security import Security
from sip.flow import Flow

ENCRYPTED_TRANSPORTS: Final = frozenset({"tls", "wss"})
BROWSER_TRANSPORTS: Final = frozenset({"ws", "wss"})


class Policy(Enum):
    OFF = "off"
    ALLOWED = "allowed"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class EncryptionPlan:
    extensions: Policy = Policy.ALLOWED  # All that have none of their own.
    trunks: Policy = Policy.ALLOWED
    own: dict[str, Policy] = field(default_factory=dict[str, Policy])  # By extension.
    own_trunks: dict[str, Policy] = field(default_factory=dict[str, Policy])
    readable_keys: bool = False  # Keys may be told where everybody can read them.

    def of_extension(self, extension: str) -> Policy:
        return self.own.get(extension, self.extensions)

    def of_trunk(self, trunk: str) -> Policy:
        return self.own_trunks.get(trunk, self.trunks)

    def of(self, extension: str, trunk: str) -> Policy:
        """Of a caller. Somebody outside who is no trunk's is like a trunk."""
        return self.of_extension(extension) if extension else self.of_trunk(trunk)


NO_ENCRYPTION_PLAN: Final = EncryptionPlan()


def acceptable(policy: Policy, flow: Flow, *, readable_keys: bool) -> frozenset[Security]:
    """What may be agreed with a peer on this way."""
    if policy is Policy.OFF:
        return frozenset({Security.NONE})
    found = {Security.DTLS}
    if readable_keys or flow.transport in ENCRYPTED_TRANSPORTS:
        found.add(Security.SDES)
    if policy is Policy.ALLOWED:
        found.add(Security.NONE)
    return frozenset(found)


def offered(policy: Policy, flow: Flow, *, readable_keys: bool) -> Security | None:
    """What we offer to a peer on this way; None: nothing that the policy allows.

    A browser does DTLS and nothing else, unless all encryption is off. A phone is offered keys if
    they are required, or if nobody can read them on their way.
    """
    can = acceptable(policy, flow, readable_keys=readable_keys)
    if flow.transport in BROWSER_TRANSPORTS:
        return Security.NONE if policy is Policy.OFF else Security.DTLS
    if Security.SDES in can and (policy is Policy.REQUIRED or flow.transport == "tls"):
        return Security.SDES
    return Security.NONE if Security.NONE in can else None
