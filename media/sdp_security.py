"""What a description says about encryption, theirs and ours: keys (RFC 4568), or a fingerprint and
where to be found (RFC 8839, RFC 8842, the part of RFC 8829 that an audio call needs).

`media/negotiation.py` decides about codecs and m= lines and asks this file about each of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from typing import Final, NamedTuple

from media import sdes
from media.errors import NegotiationError, ParseError
from media.fingerprint import ALGORITHMS, Fingerprint
from media.protocol import Dtls, Srtp
from media.sdp import Media, Sdp

PLAIN_PROTOCOLS: Final = frozenset(("RTP/AVP", "RTP/AVPF"))
SDES_PROTOCOLS: Final = frozenset(("RTP/SAVP", "RTP/SAVPF"))
# The last two: RFC 5764 §8. Old browsers wrote RTP/SAVPF, and a fingerprint tells what they mean.
DTLS_PROTOCOLS: Final = frozenset(("UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", *SDES_PROTOCOLS))

SEED_BYTES: Final = 32
UFRAG_BYTES: Final = 4  # RFC 8839 §5.4: at least 24 bits of chance,
PWD_BYTES: Final = 16  # and 128.
WORD_CHARS: Final = range(4, 257)  # Of a ufrag.
PWD_CHARS: Final = range(22, 257)
# RFC 8445 §5.1.2.1: of host candidates the first, and a little less for each further one.
PRIORITY: Final = (126 << 24) + (65_535 << 8) + 255


class Security(Enum):
    """How the audio of an offer is protected."""

    NONE = "plain RTP"
    SDES = "SRTP with keys in the description (RFC 4568)"
    DTLS = "SRTP with keys by DTLS (RFC 5763), as browsers do it"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What we prove ourselves with in one media session. Everything is made from the seed, which
    must not be used for another one: the same key would encrypt two streams."""

    seed: bytes = field(repr=False)
    fingerprint: str = ""  # "sha-256 AB:…" of our certificate; "": there is none, so no DTLS.
    hosts: tuple[str, ...] = ()  # Further addresses of ours.
    restarts: int = 0  # Of ICE, by the peer.

    def master(self, suite: str) -> bytes:
        return self._made(f"sdes {suite}", sdes.SUITES[suite].master)

    @property
    def ufrag(self) -> str:
        return self._made(f"ufrag {self.restarts}", UFRAG_BYTES).hex()

    @property
    def pwd(self) -> str:
        return self._made(f"pwd {self.restarts}", PWD_BYTES).hex()

    def _made(self, what: str, size: int) -> bytes:
        return blake2b(what.encode(), key=self.seed, digest_size=size).digest()


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be agreed to."""

    secrets: Secrets
    allowed: frozenset[Security] = frozenset(Security)
    active: bool | None = None  # The part that we have in the DTLS of this session, if any.


class Told(NamedTuple):
    """What a description of ours says about it."""

    protocol: str
    lines: str = ""  # Below its m= line.
    session_lines: str = ""


PLAIN: Final = Told("RTP/AVP")


def kinds_of(sdp: Sdp, media: Media) -> list[Security]:
    """How this line can be answered, the best way first."""
    protocol = media.protocol
    # Keys beside plain RTP are an offer to encrypt (RFC 8643).
    keys = protocol in PLAIN_PROTOCOLS and media.attribute("crypto") is not None
    found: list[Security] = []
    if protocol in DTLS_PROTOCOLS and _attribute(sdp, media, "fingerprint"):
        found.append(Security.DTLS)
    if keys or protocol in SDES_PROTOCOLS:
        found.append(Security.SDES)
    if protocol in PLAIN_PROTOCOLS:
        found.append(Security.NONE)
    return found


# --- what we say


def offer_sdes(secrets: Secrets) -> Told:
    lines = "".join(
        f"a=crypto:{sdes.Crypto(tag, suite, secrets.master(suite))}\r\n"
        for tag, suite in enumerate(sdes.SUITES, start=1)
    )
    return Told("RTP/SAVP", lines)


def offer_dtls(secrets: Secrets, host: str, port: int) -> Told:
    return Told(
        "UDP/TLS/RTP/SAVPF",
        f"a=mid:0\r\na=msid:dzvin audio\r\n{_dtls_lines(secrets, host, port, 'actpass')}",
        "a=group:BUNDLE 0\r\na=ice-lite\r\n",
    )


def _dtls_lines(secrets: Secrets, host: str, port: int, setup: str, ice: bool = True) -> str:
    lines = "a=rtcp-mux\r\n"
    if ice:
        lines += f"a=ice-ufrag:{secrets.ufrag}\r\na=ice-pwd:{secrets.pwd}\r\n"
        for number, address in enumerate(dict.fromkeys((host, *secrets.hosts))):
            priority = PRIORITY - (number << 8)
            lines += f"a=candidate:{number + 1} 1 udp {priority} {address} {port} typ host\r\n"
        lines += "a=end-of-candidates\r\n"
    return f"{lines}a=fingerprint:{secrets.fingerprint}\r\na=setup:{setup}\r\n"


class Agreed(NamedTuple):
    """What is agreed about one line."""

    told: Told
    srtp: Srtp | None = None
    dtls: Dtls | None = None


def answer(sdp: Sdp, media: Media, kind: Security, terms: Terms, host: str, port: int) -> Agreed:
    """Our side of it. Raises `NegotiationError`."""
    if kind is Security.SDES:
        return _answer_sdes(media, terms.secrets)
    if kind is Security.DTLS:
        return _answer_dtls(sdp, media, terms, host, port)
    return Agreed(Told(media.protocol))


def _answer_sdes(media: Media, secrets: Secrets) -> Agreed:
    theirs = sdes.choose(_values(media, "crypto"))
    if theirs is None:
        raise NegotiationError("no crypto line that we can do")
    ours = sdes.Crypto(theirs.tag, theirs.suite, secrets.master(theirs.suite))
    srtp = Srtp(theirs.suite, ours.master, theirs.master, theirs.mki_size)
    return Agreed(Told(media.protocol, f"a=crypto:{ours}\r\n"), srtp)


def _answer_dtls(sdp: Sdp, media: Media, terms: Terms, host: str, port: int) -> Agreed:
    secrets = terms.secrets
    if not secrets.fingerprint:
        raise NegotiationError("we have no certificate for DTLS")
    setup = _attribute(sdp, media, "setup") or "active"  # RFC 4145 §4: if nothing is said.
    if setup == "actpass":
        active = bool(terms.active)
    elif setup in ("active", "passive"):
        active = setup == "passive"
    else:
        raise NegotiationError(f"a=setup:{setup[:16]} is offered")
    peer = _peer(sdp, media, active, secrets)
    lines = _mid_lines(media) + _dtls_lines(
        secrets, host, port, "active" if active else "passive", ice=bool(peer.peer_ufrag)
    )
    session = _bundle(sdp, media) + ("a=ice-lite\r\n" if peer.peer_ufrag else "")
    return Agreed(Told(media.protocol, lines, session), dtls=peer)


def _mid_lines(media: Media) -> str:
    mid = media.attribute("mid")
    return f"a=mid:{mid}\r\na=msid:dzvin audio\r\n" if mid else ""


def _bundle(sdp: Sdp, media: Media) -> str:
    """RFC 9143 §7.3: of the group that this line is in, only this line is left."""
    mid = media.attribute("mid")
    groups = [value.split() for name, value in sdp.attributes if name == "group" and value]
    bundled = any(words[0] == "BUNDLE" and mid in words[1:] for words in groups if words)
    return f"a=group:BUNDLE {mid}\r\n" if mid and bundled else ""


# --- what they say


def read_answer(offered: Sdp, our_media: Media, answered: Sdp, media: Media) -> Agreed:
    """What an answer makes of our offer. Raises `NegotiationError` for another way than offered."""
    kind = kinds_of(offered, our_media)[0]
    if kind is Security.DTLS:
        if media.protocol not in DTLS_PROTOCOLS or not _attribute(answered, media, "fingerprint"):
            raise NegotiationError(f"answered with {media.protocol[:32]}, which was not offered")
        setup = _attribute(answered, media, "setup") or "active"
        if setup not in ("active", "passive"):
            raise NegotiationError(f"a=setup:{setup[:16]} is answered")
        told = _attribute(offered, our_media, "fingerprint") or ""
        dtls = _peer(answered, media, setup == "passive", None)
        return Agreed(PLAIN, dtls=_with_ours(dtls, offered, our_media, told))
    if kind is Security.SDES:
        if media.protocol not in SDES_PROTOCOLS:
            raise NegotiationError(f"answered with {media.protocol[:32]}, which was not offered")
        return Agreed(PLAIN, _agreed_keys(our_media, media))
    if media.protocol not in PLAIN_PROTOCOLS:
        raise NegotiationError(f"answered with {media.protocol[:32]}, which was not offered")
    return Agreed(PLAIN)


def _agreed_keys(our_media: Media, media: Media) -> Srtp:
    theirs = sdes.choose(_values(media, "crypto"))
    if theirs is None:
        raise NegotiationError("answered without a key")
    for value in _values(our_media, "crypto"):
        ours = sdes.parse(value)
        if ours is not None and (ours.tag, ours.suite) == (theirs.tag, theirs.suite):
            return Srtp(theirs.suite, ours.master, theirs.master, theirs.mki_size)
    raise NegotiationError("answered with a crypto line that was not offered")


def _peer(sdp: Sdp, media: Media, active: bool, secrets: Secrets | None) -> Dtls:
    fingerprint = _best_fingerprint(sdp, media)
    ufrag = _attribute(sdp, media, "ice-ufrag") or ""
    pwd = _attribute(sdp, media, "ice-pwd") or ""
    if ufrag and not (len(ufrag) in WORD_CHARS and len(pwd) in PWD_CHARS):
        raise NegotiationError("not a name and password of ICE")
    if _attribute(sdp, media, "ice-lite") is not None:
        # Nobody would make checks: it is where its description says (RFC 8445 §6.1.1).
        ufrag = pwd = ""
    return Dtls(
        fingerprint.algorithm,
        fingerprint.value,
        active=active,
        ice_ufrag=secrets.ufrag if secrets else "",
        ice_pwd=secrets.pwd if secrets else "",
        peer_ufrag=ufrag,
        peer_pwd=pwd,
        ours=secrets.fingerprint if secrets else "",
    )


def _with_ours(peer: Dtls, offered: Sdp, our_media: Media, fingerprint: str) -> Dtls:
    return Dtls(
        peer.fingerprint_hash,
        peer.fingerprint,
        active=peer.active,
        ice_ufrag=_attribute(offered, our_media, "ice-ufrag") or "",
        ice_pwd=_attribute(offered, our_media, "ice-pwd") or "",
        peer_ufrag=peer.peer_ufrag,
        peer_pwd=peer.peer_pwd,
        ours=fingerprint,
    )


def _best_fingerprint(sdp: Sdp, media: Media) -> Fingerprint:
    """RFC 8122 §5: of several the one by the strongest hash that we know."""
    found: dict[str, Fingerprint] = {}
    for value in _values(media, "fingerprint") or _values(sdp, "fingerprint"):
        try:
            fingerprint = Fingerprint.parse(value)
        except ParseError:
            continue
        _ = found.setdefault(fingerprint.algorithm, fingerprint)
    for algorithm in ALGORITHMS:
        if algorithm in found:
            return found[algorithm]
    raise NegotiationError("no fingerprint that we can check")


def credentials_of(sdp: Sdp, media: Media) -> tuple[str, str]:
    """Name and password of ICE: others than before are a restart (RFC 8839 §4.4.1.1.1)."""
    return _attribute(sdp, media, "ice-ufrag") or "", _attribute(sdp, media, "ice-pwd") or ""


def _values(place: Sdp | Media, name: str) -> list[str]:
    return list(_iterate(place, name))


def _iterate(place: Sdp | Media, wanted: str) -> Iterator[str]:
    for name, value in place.attributes:
        if name == wanted and value:
            yield value


def _attribute(sdp: Sdp, media: Media, name: str) -> str | None:
    """Of the line, or of the whole session."""
    own = media.attribute(name)
    return sdp.attribute(name) if own is None else own
