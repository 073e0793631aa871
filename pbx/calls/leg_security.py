"""How the sound of legs is encrypted: what is offered to a device, and accepted from it.

Everything secret of a leg is made from one seed (`media.sdp_security.Secrets`), which is never used
for another media session.
"""

from dataclasses import replace
from typing import Final

from media.errors import MediaError
from media.negotiation import credentials_of, make_offer, securities_of
from media.sdp_security import (
    PLAIN,
    SEED_BYTES,
    Secrets,
    Security,
    Terms,
    Told,
    offer_dtls,
    offer_sdes,
)
from pbx.calls.leg import Leg
from pbx.calls.leg_table import LegTable, Output
from pbx.encryption import Policy, acceptable, offered
from sip.flow import Address, Flow

NOT_ENCRYPTED: Final = "Encryption is required"
NOT_ALLOWED: Final = "Encryption is not allowed"
READABLE: Final = "Keys of SRTP need signalling over TLS"

REFUSED_MEDIA: Final = frozenset({415, 488, 606})
"""RFC 3261 §21: a phone that cannot encrypt says one of these."""


class LegSecurity(LegTable):
    def why_refused(self, policy: Policy, flow: Flow, offer: bytes) -> str:
        """What is wrong with the encryption of an offer, in words; "": nothing."""
        if policy is not Policy.REQUIRED and not _may_encrypt(offer):
            return ""
        try:
            kinds = securities_of(offer)
        except MediaError:
            return ""  # It is refused for what it is.
        allowed = acceptable(policy, flow, readable_keys=self.encryption.readable_keys)
        if not kinds or kinds & allowed:
            return ""
        if policy is Policy.OFF:
            return NOT_ALLOWED
        return READABLE if Security.SDES in kinds else NOT_ENCRYPTED

    def refuse(self, session: str, warning: str, now: float) -> list[Output]:
        """An INVITE whose encryption is wrong (RFC 3261 §20.43, §21.4.26)."""
        header = ("Warning", f'399 dzvin "{warning}"')
        return [*self._endpoint.reject(session, 488, now, (header,))]

    # --- our offers

    def _choose_security(self, leg: Leg) -> Security | None:
        """Of our first offer; None: nothing that the policy allows."""
        found = offered(leg.policy, leg.flow, readable_keys=self.encryption.readable_keys)
        if found is Security.DTLS and not self.fingerprints:
            return None if leg.policy is Policy.REQUIRED else Security.NONE
        return found

    def _first_offer(self, leg: Leg, security: Security, codecs: tuple[str, ...]) -> bytes:
        """To a device that is called. What is not secret is the same for all that ring."""
        address = (self._host(leg.flow), self._media.port(leg.media))
        if security is not Security.NONE:
            leg.sdp_id = self._new_sdp_id()
            told = self._told(leg, security, address)
            return make_offer(address, codecs, session_id=leg.sdp_id, version=1, told=told)
        offers = self._offers.setdefault(leg.media, {})
        which = " ".join((address[0], *codecs))
        shared = offers.get(which)
        if shared is None:
            sdp_id = self._new_sdp_id()
            shared = make_offer(address, codecs, session_id=sdp_id, version=1), sdp_id
            offers[which] = shared
        offer, leg.sdp_id = shared
        return offer

    def _offer_again(self, leg: Leg, codecs: tuple[str, ...]) -> bytes:
        """Within a call: encrypted as it is, or, before anything is agreed, as it should be."""
        address = (self._host(leg.flow), self._media.port(leg.media))
        security = self._choose_security(leg) or Security.NONE
        if leg.remote is not None:
            security = _agreed(leg)
        return make_offer(
            address,
            codecs,
            session_id=leg.sdp_id,
            version=leg.sdp_version,
            previous=leg.offer if leg.sdp_version > 1 else b"",
            told=self._told(leg, security, address),
        )

    def _told(self, leg: Leg, security: Security, address: Address) -> Told:
        if security is Security.NONE:
            return PLAIN
        secrets = self._secrets(leg)
        return offer_sdes(secrets) if security is Security.SDES else offer_dtls(secrets, *address)

    # --- our answers

    def _terms(self, leg: Leg, offer: bytes) -> Terms | None:
        """None: plain RTP, as most offers want it."""
        if leg.policy is not Policy.REQUIRED and not _may_encrypt(offer):
            return None
        allowed = acceptable(leg.policy, leg.flow, readable_keys=self.encryption.readable_keys)
        active = None if leg.remote is None or leg.remote.dtls is None else leg.remote.dtls.active
        return Terms(self._renewed(leg, offer), allowed, active)

    def _renewed(self, leg: Leg, offer: bytes) -> Secrets:
        """Others than before if the peer starts ICE or encryption anew."""
        remote = leg.remote
        if remote is not None and remote.srtp is None and remote.dtls is None:
            leg.secrets = None
        secrets = self._secrets(leg)
        if remote is None or remote.dtls is None:
            return secrets
        try:
            now = credentials_of(offer)
        except MediaError:
            return secrets
        if now != (remote.dtls.peer_ufrag, remote.dtls.peer_pwd) and any(now):
            secrets = leg.secrets = replace(secrets, restarts=secrets.restarts + 1)
        return secrets

    def _secrets(self, leg: Leg) -> Secrets:
        if leg.secrets is None:
            prints = self.fingerprints
            # Another certificate for each media session: a browser makes new keys only for one.
            fingerprint = prints[leg.moves % len(prints)] if prints else ""
            own = leg.flow.local[0]
            hosts = (own,) if (":" in own) is (":" in self._host(leg.flow)) else ()
            seed = bytes.fromhex(self._tokens.token(2 * SEED_BYTES))
            leg.secrets = Secrets(seed, fingerprint, hosts)
        return leg.secrets


def _may_encrypt(offer: bytes) -> bool:
    return b"SAVP" in offer or b"a=crypto" in offer


def _agreed(leg: Leg) -> Security:
    assert leg.remote is not None
    if leg.remote.dtls is not None:
        return Security.DTLS
    return Security.NONE if leg.remote.srtp is None else Security.SDES
