"""SRTP and SRTCP of one peer (RFC 3711, RFC 7714), by libsrtp.

Packets are whole ones, in and out. Whatever is wrong with one raises `ParseError`: a forged, old,
doubled or broken packet, which is then dropped like any other of no use. Counters of rolled-over
sequence numbers live as long as the object, so the same keys must go on with the same object.
"""

from typing import Any, Final, NamedTuple

from pylibsrtp import Error, Policy, Session

from media.errors import ParseError
from media.protocol import Srtp
from media.sdes import SUITES

# Our copy of libsrtp takes no longer ones. An Ethernet frame is no longer either.
PACKET_BYTES_MAX: Final = 1_500 - 16 - 128 - 4
# Beside what a relay may reorder: packets of different hosts for one SSRC.
WINDOW: Final = 1024

_LIB: Final[Any] = Policy  # Its constants have no types.
PROFILES: Final[dict[str, int]] = {
    "AES_CM_128_HMAC_SHA1_80": _LIB.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": _LIB.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": _LIB.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": _LIB.SRTP_PROFILE_AEAD_AES_256_GCM,
}
# Bytes behind the MKI (RFC 3711 §3.1, §3.4): RFC 7714 has none, its tag is before it. Reports have
# ten bytes in all suites of AES_CM (RFC 4568 §6.2.2).
_TAG_SIZES: Final = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}
_REPORT_TAG_SIZE: Final = 10


class Keys(NamedTuple):
    """What a `Cipher` was made from: the same ones go on with the same cipher."""

    suite: str
    send: bytes
    receive: bytes
    mki_size: int = 0

    def __repr__(self) -> str:
        return f"Keys({self.suite})"

    @classmethod
    def of(cls, srtp: Srtp) -> "Keys":
        """Raises ValueError for what cannot be keys."""
        suite = SUITES.get(srtp.suite)
        if suite is None or {len(srtp.send), len(srtp.receive)} != {suite.master}:
            raise ValueError(f"no keys of {srtp.suite[:32]}")
        return cls(srtp.suite, srtp.send, srtp.receive, srtp.mki_size)


def _sender(keys: Keys, profile: int) -> Session:
    policy = Policy(keys.send, _LIB.SSRC_ANY_OUTBOUND, 0, profile)
    # What we relay may come twice, or again after another packet: the other side sorts it out.
    policy.allow_repeat_tx = True
    policy.window_size = WINDOW
    return Session(policy)


def _receiver(keys: Keys, profile: int) -> Session:
    policy = Policy(keys.receive, _LIB.SSRC_ANY_INBOUND, 0, profile)
    policy.window_size = WINDOW
    return Session(policy)


class Cipher:
    """Both directions of one peer."""

    __slots__ = ("_receiver", "_sender", "keys")

    def __init__(self, keys: Keys, before: "Cipher | None" = None) -> None:
        """`before`: what was used until now. A direction whose key stays goes on with its counters:
        else the same stream would be encrypted twice with the same bits (RFC 3711 §9.1)."""
        self.keys = keys
        profile = PROFILES[keys.suite]
        if before is not None and before.keys.suite != keys.suite:
            before = None
        sends = before is not None and before.keys.send == keys.send
        receives = before is not None and before.keys.receive == keys.receive
        self._sender: Session = before._sender if before and sends else _sender(keys, profile)
        self._receiver: Session = (
            before._receiver if before and receives else _receiver(keys, profile)
        )

    def __repr__(self) -> str:
        return f"<Cipher {self.keys.suite}>"

    def protect(self, packet: bytes | memoryview) -> bytes:
        try:
            return self._sender.protect(bytes(packet))
        except (Error, ValueError) as error:
            raise ParseError(f"cannot encrypt: {error}") from None

    def protect_rtcp(self, packet: bytes | memoryview) -> bytes:
        try:
            return self._sender.protect_rtcp(bytes(packet))
        except (Error, ValueError) as error:
            raise ParseError(f"cannot encrypt: {error}") from None

    def unprotect(self, packet: bytes | memoryview) -> bytes:
        try:
            return self._receiver.unprotect(bytes(packet))
        except (Error, ValueError) as error:
            raise ParseError(f"cannot decrypt: {error}") from None

    def unprotect_rtcp(self, packet: bytes | memoryview) -> bytes:
        try:
            return self._receiver.unprotect_rtcp(bytes(packet))
        except (Error, ValueError) as error:
            raise ParseError(f"cannot decrypt: {error}") from None


class MkiCipher(Cipher):
    """Of a peer whose packets name the key that they are made with; there is but one."""

    __slots__ = ()

    def unprotect(self, packet: bytes | memoryview) -> bytes:
        tag = _TAG_SIZES.get(self.keys.suite, 0)
        return super().unprotect(without_mki(bytes(packet), self.keys.mki_size, tag))

    def unprotect_rtcp(self, packet: bytes | memoryview) -> bytes:
        tag = _REPORT_TAG_SIZE if self.keys.suite in _TAG_SIZES else 0
        return super().unprotect_rtcp(without_mki(bytes(packet), self.keys.mki_size, tag))


def without_mki(packet: bytes, size: int, tag: int) -> bytes:
    end = len(packet) - tag
    if end <= size:
        raise ParseError("a packet without its MKI")
    return packet[: end - size] + packet[end:]


def cipher_of(keys: Keys, before: Cipher | None = None) -> Cipher:
    return MkiCipher(keys, before) if keys.mki_size else Cipher(keys, before)
