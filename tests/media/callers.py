"""The other end of an encrypted call, as a browser has it, without sockets: for tests.

It makes its checks as a full ICE agent does (RFC 8445 §7.2), is one end of DTLS, and encrypts.
"""

from dataclasses import dataclass, field
from functools import cache

from media import stun
from media.dtls import Association, Certificate, Ended, Output, Ready, Transmit
from media.fingerprint import Fingerprint
from media.protocol import Dtls, Identity
from media.srtp import Cipher, Keys
from media.stun import Attribute, Class
from pbx.certificates import make_certificate

TIE_BREAKER = bytes(8)
PRIORITY = (1 << 24).to_bytes(4)


@cache
def identity(name: str) -> Identity:
    certificate, key = make_certificate([name], 30)
    return Identity(certificate.decode(), key.decode())


@cache
def certificate(name: str) -> Certificate:
    pair = identity(name)
    return Certificate(pair.certificate_pem, pair.key_pem)


def check(
    username: str,
    pwd: str,
    *extra: tuple[int, bytes],
    use: bool = True,
    transaction: bytes = b"transaction!",
) -> bytes:
    """A binding request of who is in control."""
    attributes = [
        (int(Attribute.USERNAME), username.encode()),
        (int(Attribute.ICE_CONTROLLING), TIE_BREAKER),
        (int(Attribute.PRIORITY), PRIORITY),
        *extra,
    ]
    if use:
        attributes.append((Attribute.USE_CANDIDATE, b""))
    return stun.build(Class.REQUEST, transaction, tuple(attributes), key=pwd.encode())


@dataclass
class Caller:
    """What it has to send is in `out`; what came and was decrypted in `heard`."""

    ours: Dtls  # As the worker was told.
    active: bool = True
    name: str = "caller"
    out: list[bytes] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    answers: list[stun.Message] = field(default_factory=list)
    keys: Keys | None = None
    ended: str | None = None
    now: float = 0.0

    def __post_init__(self) -> None:
        algorithm, _, value = self.ours.ours.partition(" ")
        self.association = Association(
            certificate(self.name), Fingerprint(algorithm, value), active=self.active
        )
        self.cipher: Cipher | None = None

    @property
    def username(self) -> str:
        return f"{self.ours.ice_ufrag}:{self.ours.peer_ufrag}"

    def check(self, *, use: bool = True) -> None:
        self.out.append(check(self.username, self.ours.ice_pwd, use=use))

    def start(self) -> None:
        self._take(self.association.start(self.now))

    def speak(self, packet: bytes) -> None:
        assert self.cipher is not None
        self.out.append(self.cipher.protect(packet))

    def on_datagram(self, data: bytes) -> None:
        if stun.is_stun(data):
            self.answers.append(stun.parse(data))
        elif data[0] < 128:
            self._take(self.association.on_datagram(data, self.now))
        elif self.cipher is not None:
            rtcp = 192 <= data[1] <= 223
            self.heard.append((self.cipher.unprotect_rtcp if rtcp else self.cipher.unprotect)(data))

    def on_time(self, now: float) -> None:
        self.now = now
        self._take(self.association.on_time(now))

    def _take(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(data):
                    self.out.append(data)
                case Ready(keys):
                    self.keys, self.cipher = keys, Cipher(keys)
                case Ended(error):
                    self.ended = error


def described(name: str = "caller", *, active: bool = False, server: str = "server") -> Dtls:
    """What a worker is told of it."""
    theirs = certificate(name).fingerprint
    return Dtls(
        theirs.algorithm,
        theirs.value,
        active=active,
        ice_ufrag="ours",
        ice_pwd="o" * 22,
        peer_ufrag="them",
        peer_pwd="t" * 22,
        ours=str(certificate(server).fingerprint),
    )
