"""Keys on the way of the sound: DTLS-SRTP (RFC 5763, RFC 5764) between datagrams and datagrams.

OpenSSL does the handshake between two pieces of memory. Whose certificate it must be says the
description: it is trusted for its fingerprint (RFC 8122) and nothing else. Only what comes from the
peer by the measure of `media/ice.py` may be given to this machine.

    NEW --start (client), first record (server)--> SHAKING --both agree--> READY --alert--> ENDED
     ^                                                |
     +------- a broken handshake, some times ---------+--- forged, or for too long --> ENDED

Lost datagrams: OpenSSL repeats a flight after a second of the real clock. Before that we send its
datagrams again as they are, which the network might do as well: who has them already drops them.
"""

from enum import Enum
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509

from media.fingerprint import Fingerprint
from media.srtp import Keys

DATAGRAM_BYTES_MAX: Final = 1_200  # Fits every way, with the headers of IPv6 and a tunnel.
RECORD_BYTES_MAX: Final = 16_384 + 2_048 + 13
HANDSHAKE_SECONDS: Final = 30.0
# A handshake that is broken (by whoever writes from the peer's address) begins anew so often.
ATTEMPTS_MAX: Final = 8
RESEND_SECONDS: Final = 0.05  # First pause, then doubled up to
RESEND_SECONDS_MAX: Final = 1.0
FLIGHT_BYTES_MAX: Final = 65_536

_LABEL: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 §4.2.
_HEADER_SIZE: Final = 13  # RFC 6347 §4.1.
_CHANGE_CIPHER_SPEC: Final = 20
_HANDSHAKE: Final = 22
# RFC 8827 §6.5 wants ECDHE_ECDSA with AES-128-GCM; a peer that is the server may have RSA.
_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL"
_NO_RENEGOTIATION: Final = 1 << 30  # SSL_OP_NO_RENEGOTIATION
_SERVER_OPTIONS: Final = SSL.OP_NO_TICKET | _NO_RENEGOTIATION


class Profile(NamedTuple):
    """RFC 5764 §4.1.2, RFC 7714 §14.2."""

    openssl: bytes
    suite: str
    key: int
    salt: int


PROFILES: Final = (
    Profile(b"SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM", 32, 12),
    Profile(b"SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM", 16, 12),
    Profile(b"SRTP_AES128_CM_SHA1_80", "AES_CM_128_HMAC_SHA1_80", 16, 14),
    Profile(b"SRTP_AES128_CM_SHA1_32", "AES_CM_128_HMAC_SHA1_32", 16, 14),
)


class Certificate:
    """Ours, with all that handshakes which show it have in common."""

    def __init__(self, certificate_pem: str, key_pem: str) -> None:
        """Raises ValueError."""
        self.fingerprint = Fingerprint.of_pem(certificate_pem)
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_min_proto_version(0xFEFD)  # DTLS 1.2, RFC 8827 §6.5.
        _ = context.set_options(_SERVER_OPTIONS)
        _ = context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cipher_list(_CIPHERS)
        # Any certificate will do here: its fingerprint is looked at when the handshake is over.
        wanted = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        context.set_verify(wanted, _any_certificate)
        key = load_pem_private_key(key_pem.encode(), None)
        try:
            context.use_certificate(x509.load_pem_x509_certificate(certificate_pem.encode()))
            context.use_privatekey(key)  # type: ignore[arg-type]
            context.set_tlsext_use_srtp(b":".join(profile.openssl for profile in PROFILES))
        except (SSL.Error, TypeError) as error:
            raise ValueError(f"a certificate of no use: {error}") from None
        self.context = context


def _any_certificate(
    connection: SSL.Connection, certificate: X509, error: int, depth: int, found: int
) -> bool:
    return True


class DtlsState(Enum):
    NEW = "new"
    SHAKING = "shaking"
    READY = "ready"
    ENDED = "ended"


TRANSITIONS: Final[dict[DtlsState, frozenset[DtlsState]]] = {
    DtlsState.NEW: frozenset({DtlsState.SHAKING, DtlsState.ENDED}),
    DtlsState.SHAKING: frozenset({DtlsState.NEW, DtlsState.READY, DtlsState.ENDED}),
    DtlsState.READY: frozenset({DtlsState.ENDED}),
    DtlsState.ENDED: frozenset(),
}


class Transmit(NamedTuple):
    """Send this to the peer."""

    data: bytes


class Ready(NamedTuple):
    """Sound can be encrypted from now on."""

    keys: Keys


class Ended(NamedTuple):
    """`error` "": the peer has said goodbye."""

    error: str


Output = Transmit | Ready | Ended


class Association:
    """One handshake with one peer, and what comes after it."""

    def __init__(self, ours: Certificate, theirs: Fingerprint, *, active: bool) -> None:
        self.state = DtlsState.NEW
        self.ours, self.theirs, self.active = ours, theirs, active
        self.attempts = 0
        self._flight: list[bytes] = []  # The last datagrams that were sent together.
        self._resend_at = self._give_up_at = 0.0
        self._pause = RESEND_SECONDS
        self._connection = self._connect()

    def __repr__(self) -> str:
        return f"<Association {self.state.name} active={self.active}>"

    def _connect(self) -> SSL.Connection:
        connection = SSL.Connection(self.ours.context, None)
        connection.set_ciphertext_mtu(DATAGRAM_BYTES_MAX)
        if self.active:
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        return connection

    def start(self, now: float) -> list[Output]:
        """There is a way to the peer: who is the client begins."""
        if not self.active or self.state is not DtlsState.NEW:
            return []
        self._begin(now)
        return self._shake(now)

    def on_datagram(self, data: bytes, now: float) -> list[Output]:
        if self.state is DtlsState.ENDED or not is_dtls(data) or len(data) > RECORD_BYTES_MAX:
            return []
        if self.state is DtlsState.NEW:
            if self.active:
                return []  # Not before we have begun.
            self._begin(now)
        _ = self._connection.bio_write(data)
        if self.state is DtlsState.SHAKING:
            return self._shake(now)
        return self._read(data, now)

    def close(self) -> list[Output]:
        """Say goodbye."""
        if self.state is not DtlsState.READY:
            return []
        self._become(DtlsState.ENDED)
        try:
            _ = self._connection.shutdown()
        except SSL.Error:
            return []
        return [*self._drain(0.0)]

    @property
    def next_deadline(self) -> float | None:
        return self._resend_at if self.state is DtlsState.SHAKING else None

    def on_time(self, now: float) -> list[Output]:
        if self.state is not DtlsState.SHAKING or now < self._resend_at:
            return []
        if now >= self._give_up_at:
            return self._end("no answer to the handshake")
        self._pause = min(2 * self._pause, RESEND_SECONDS_MAX)
        self._resend_at = now + self._pause
        try:
            _ = self._connection.DTLSv1_handle_timeout()
        except SSL.Error:
            return self._broken(now)
        return [*(self._drain(now) or map(Transmit, self._flight))]

    def _begin(self, now: float) -> None:
        self._become(DtlsState.SHAKING)
        if not self.attempts:
            self._give_up_at = now + HANDSHAKE_SECONDS
        self.attempts += 1
        self._resend_at = now + self._pause

    def _shake(self, now: float) -> list[Output]:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return [*self._drain(now)]
        except SSL.Error:
            return self._broken(now)
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None or not self.theirs.fits(certificate.public_bytes(Encoding.DER)):
            return self._end("the certificate is not the one of the description")
        keys = self._keys()
        if keys is None:
            return self._end("no profile of SRTP in common")
        last = self._drain(now)
        self._become(DtlsState.READY)
        return [*last, Ready(keys)]

    def _broken(self, now: float) -> list[Output]:
        """Whoever sent that: the peer may still come."""
        if self.attempts >= ATTEMPTS_MAX:
            return self._end("the handshake is broken")
        alert = self._drain(now)
        self._flight = []
        self._connection = self._connect()
        self._become(DtlsState.NEW)
        if self.active:
            return [*alert, *self.start(now)]
        return [*alert]

    def _end(self, error: str) -> list[Output]:
        self._become(DtlsState.ENDED)
        return [*self._drain(0.0), Ended(error)]

    def _read(self, data: bytes, now: float) -> list[Output]:
        """After the handshake there are repetitions, alerts, and data that nobody wants."""
        try:
            _ = self._connection.recv(RECORD_BYTES_MAX)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            return self._end("")
        except SSL.Error:
            return self._end("the peer has broken off")
        answer = self._drain(now)
        repeated = data[0] in (_HANDSHAKE, _CHANGE_CIPHER_SPEC)
        if answer or not repeated or now < self._resend_at:
            return [*answer]
        # Our last flight was lost: nobody but us knows that the handshake is over.
        self._resend_at = now + RESEND_SECONDS
        return [Transmit(datagram) for datagram in self._flight]

    def _drain(self, now: float) -> list[Transmit]:
        """What OpenSSL wants to send, in datagrams."""
        try:
            data = self._connection.bio_read(FLIGHT_BYTES_MAX)
        except SSL.WantReadError:
            return []
        self._flight = datagrams(data)
        self._pause = RESEND_SECONDS
        self._resend_at = now + self._pause
        return [Transmit(datagram) for datagram in self._flight]

    def _keys(self) -> Keys | None:
        """RFC 5764 §4.2: both keys, then both salts; the client's first."""
        chosen = self._connection.get_selected_srtp_profile()
        for profile in PROFILES:
            if profile.openssl == chosen:
                break
        else:
            return None
        size = 2 * (profile.key + profile.salt)
        material = self._connection.export_keying_material(_LABEL, size)
        key, salt = profile.key, profile.salt
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        ours, theirs = (client, server) if self.active else (server, client)
        return Keys(profile.suite, ours, theirs)

    def _become(self, state: DtlsState) -> None:
        assert state in TRANSITIONS[self.state], (self, state)
        self.state = state


def is_dtls(data: bytes | memoryview) -> bool:
    """By its first byte (RFC 7983 §7)."""
    return len(data) >= _HEADER_SIZE and 20 <= data[0] <= 63


def datagrams(data: bytes) -> list[bytes]:
    """A flight as datagrams: whole records, as many as fit (RFC 6347 §4.1.1)."""
    packed: list[bytes] = []
    start = at = 0
    while at < len(data):
        end = at + _HEADER_SIZE + int.from_bytes(data[at + 11 : at + 13])
        if end - start > DATAGRAM_BYTES_MAX and at > start:
            packed.append(data[start:at])
            start = at
        at = end
    return [*packed, data[start:]] if data else []
