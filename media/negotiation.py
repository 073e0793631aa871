"""Offer and answer (RFC 3264) for one stream of audio, as a phone call has it.

Everything else that is offered (video, fax, a second audio) is refused line by line, so that the
rest of the call goes through. An answer names one codec: the peer then cannot change to another
in mid-stream, and a relay need not follow it. What is encrypted says `media/sdp_security.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple

from media import sdp_security
from media.errors import NegotiationError
from media.protocol import Dtls, Srtp
from media.sdp import DIRECTIONS, Address, Attribute, Codec, Media, Sdp
from media.sdp_security import PLAIN, PLAIN_PROTOCOLS, Agreed, Security, Terms, Told

PTIME: Final = 20  # Milliseconds of sound in a packet that we ask for.
PTIMES: Final = range(10, 61, 10)  # What we can send; anything else asked for gets 20.
FMTP_MAX: Final = 256  # Characters of a peer's a=fmtp that are passed on.
PORT_MAX: Final = 65_535
# One call reads the same description two or three times in a row; more would only be memory.
READ_CACHE: Final = 64
CACHED_ATTRIBUTES_MAX: Final = 64  # A phone has 10, a browser 40: more is not worth the memory.

DTMF_NAME: Final = "telephone-event"
_ZERO: Final = frozenset(("0.0.0.0", "::"))


class AudioFormat(NamedTuple):
    """A codec as we write it. `payload_type`: the static one, or the one we choose."""

    rtpmap: str
    payload_type: int
    clock_rate: int


CODECS: Final[dict[str, AudioFormat]] = {
    "PCMU": AudioFormat("PCMU/8000", 0, 8000),
    "PCMA": AudioFormat("PCMA/8000", 8, 8000),
    "G722": AudioFormat("G722/8000", 9, 8000),  # 8000 by an old mistake (RFC 3551 §4.5.2).
    "opus": AudioFormat("opus/48000/2", 111, 48000),
}
# What we like to receive (RFC 7587 §6.1). Mono: nothing that we do has two channels.
FMTP: Final = {"opus": "useinbandfec=1;maxaveragebitrate=32000;stereo=0;sprop-stereo=0"}
# Events run on the clock of the codec beside them (RFC 4733 §2.1).
DTMF_PAYLOAD_TYPES: Final = {8000: 101, 48000: 110}
DYNAMIC_TYPES: Final = range(96, 128)

# What we say when they say, if we want all we can get (RFC 3264 §6.1).
MIRROR: Final = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_SENDING: Final = frozenset(("sendrecv", "sendonly"))
_RECEIVING: Final = frozenset(("sendrecv", "recvonly"))
_FACTUAL: Final = DIRECTIONS | {"rtpmap", "fmtp", "ptime", "maxptime"}


@dataclass(frozen=True, slots=True)
class Remote:
    """What one peer told us about its audio: all that a relay needs to know."""

    address: Address
    rtcp: Address
    codec: str
    payload_type: int
    dtmf_payload_type: int | None
    direction: str  # The peer's: "sendonly" is a peer that holds us.
    ptime: int
    srtp: Srtp | None = None  # The keys that were agreed,
    dtls: Dtls | None = None  # or how they will be made.
    fmtp: str = ""  # Of the codec: how it wants what we send.

    @property
    def held(self) -> bool:
        """The peer wants no sound from us."""
        return self.direction not in _RECEIVING

    @property
    def receives(self) -> bool:
        """May we send to it?"""
        return self.direction in _RECEIVING

    @property
    def sends(self) -> bool:
        """May sound come from it?"""
        return self.direction in _SENDING


def make_offer(
    address: Address,
    codecs: Sequence[str],
    *,
    session_id: int,
    version: int,
    direction: str = "sendrecv",
    dtmf: bool = True,
    previous: bytes = b"",
    told: Told = PLAIN,
) -> bytes:
    """Offer audio at `address` with `codecs` (names of `CODECS`) in our order.

    `previous` is what we said last in this dialog, if anything: its other m= lines stay, refused,
    and its payload type numbers keep their meaning (RFC 3264 §8). `told`: how it is encrypted.
    """
    assert codecs, "nothing to offer"
    assert direction in DIRECTIONS, direction
    host, port = address
    if previous:
        lines = _offer_again(_read(previous), port, tuple(codecs), dtmf, direction, told)
    else:
        audio = _offer_lines(tuple(codecs), dtmf) % (port, told.protocol)
        lines = f"{audio}{told.lines}a={direction}\r\n"
    return f"{_head(host, session_id, version)}{told.session_lines}{lines}".encode()


def read_answer(offer: bytes, answer: bytes) -> Remote:
    """What the answer to our `offer` agrees to.

    Raises `ParseError`, or `NegotiationError` if it refuses or promises what we did not offer.
    """
    offered = _read(offer)
    at = _index_of_audio(offered.medias)
    assert at >= 0, "our own offer has no audio"
    answered = _read(answer)
    media = _answered_audio(answered.medias, at)
    if media.port == 0:
        raise NegotiationError("audio is refused")
    agreed = sdp_security.read_answer(offered, offered.medias[at], answered, media)
    names = {codec.name for codec in _codecs(offered.medias[at])}
    facts = _facts(media)
    for codec in facts.codecs:
        if codec.name in names and _known(codec):
            return _remote(answered, media, codec, facts, agreed)
    raise NegotiationError("the answer names no codec that was offered")


def offered_codecs(offer: bytes) -> list[str]:
    """The audio codecs of `CODECS` in an offer, in the peer's order. [] if there is no audio."""
    media = _offered_audio(_read(offer))
    return [] if media is None else [codec.name for codec in _codecs(media) if _known(codec)]


def security_of(offer: bytes) -> Security:
    """How the audio that could be answered is protected, in the best way."""
    sdp = _read(offer)
    media = _offered_audio(sdp)
    kinds = [] if media is None else sdp_security.kinds_of(sdp, media)
    return kinds[0] if kinds else Security.NONE


def securities_of(offer: bytes) -> frozenset[Security]:
    """All ways that some audio of an offer could be answered in."""
    sdp = _read(offer)
    audio = [media for media in sdp.medias if media.kind == "audio" and media.port]
    return frozenset(kind for media in audio for kind in sdp_security.kinds_of(sdp, media))


def credentials_of(offer: bytes) -> tuple[str, str]:
    """Name and password of ICE in a description: others than before are a restart."""
    sdp = _read(offer)
    media = _offered_audio(sdp)
    return ("", "") if media is None else sdp_security.credentials_of(sdp, media)


def make_answer(
    offer: bytes,
    address: Address,
    codecs: Sequence[str],
    *,
    session_id: int,
    version: int,
    direction: str | None = None,
    terms: Terms | None = None,
) -> tuple[bytes, Remote]:
    """Answer with audio at `address` and the first of `codecs` (our order) that is offered.

    `direction` is the most that we want ("sendonly": we hold the peer); what the offer does not
    allow is left out of it. `terms`: what may be agreed to beside plain RTP, or instead. Raises
    `ParseError`, or `NegotiationError` if no audio is possible.
    """
    sdp = _read(offer)
    at, codec, facts, agreed = _choose(sdp, codecs, terms, address)
    remote = _remote(sdp, sdp.medias[at], codec, facts, agreed)
    ours = MIRROR[remote.direction]
    if direction is not None and direction != ours:
        ours = _narrow(ours, direction)
    (host, port), told = address, agreed.told
    chosen = _answer_lines(codec.name, codec.payload_type, remote.dtmf_payload_type) % (
        port,
        told.protocol,
    )
    chosen = f"{chosen}{told.lines}a={ours}\r\n"
    if len(sdp.medias) == 1:
        lines = chosen
    else:
        lines = "".join(
            chosen if index == at else _refused(media) for index, media in enumerate(sdp.medias)
        )
    return f"{_head(host, session_id, version)}{told.session_lines}{lines}".encode(), remote


_read = lru_cache(READ_CACHE)(Sdp.parse)


@lru_cache(256)
def _is_unicast(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return not address.is_multicast and host != "255.255.255.255" and "%" not in host


def _head(host: str, session_id: int, version: int) -> str:
    family = "IP6" if ":" in host else "IP4"
    return (
        f"v=0\r\no=- {session_id} {version} IN {family} {host}\r\n"
        f"s=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
    )


class _Facts(NamedTuple):
    """What the lines of one kind of phone say: the same in each of its calls."""

    codecs: tuple[Codec, ...]
    direction: str | None
    ptime: int


def _facts(media: Media) -> _Facts:
    # Without the lines that differ from call to call: SSRC, keys, candidates.
    lines = tuple([line for line in media.attributes if line[0] in _FACTUAL])
    if len(lines) > CACHED_ATTRIBUTES_MAX:
        return _facts_of.__wrapped__(media.formats, lines)
    return _facts_of(media.formats, lines)


@lru_cache(256)
def _facts_of(formats: tuple[str, ...], attributes: tuple[Attribute, ...]) -> _Facts:
    media = Media("audio", 0, "", formats, attributes=attributes)
    return _Facts(media.codecs, media.direction, _ptime(media))


def _ptime(media: Media) -> int:
    """Of the packets that it gets: what it asks for, and not more than it can take."""
    ptime = media.ptime
    asked = ptime if ptime is not None and ptime in PTIMES else PTIME
    most = media.maxptime
    if most is None or most >= asked:
        return asked
    return max(PTIMES.start, most - most % PTIMES.step)


def _codecs(media: Media) -> tuple[Codec, ...]:
    return _facts(media).codecs


@lru_cache(256)
def _offer_lines(codecs: tuple[str, ...], dtmf: bool) -> str:
    return _audio_lines(codecs, dtmf, {})


def _audio_lines(codecs: tuple[str, ...], dtmf: bool, before: dict[tuple[str, int], int]) -> str:
    """The audio section up to the direction, with %d for the port and %s for the protocol.

    `before`: the payload types that (name, clock rate) already have in this dialog.
    """
    wanted = [(name, CODECS[name].clock_rate, CODECS[name].payload_type) for name in codecs]
    if dtmf:
        rates = dict.fromkeys(rate for _, rate, _ in wanted)
        wanted += [(DTMF_NAME, rate, DTMF_PAYLOAD_TYPES[rate]) for rate in rates]
    taken = set(before.values())
    formats: list[str] = []
    lines: list[str] = []
    for name, rate, number in wanted:
        number = before.get((name, rate)) or _free_type(number, taken)
        taken.add(number)
        formats.append(str(number))
        codec = CODECS.get(name)
        lines.append(_codec_lines(name, number) if codec else _dtmf_lines(number, rate))
    return f"m=audio %d %s {' '.join(formats)}\r\n{''.join(lines)}a=ptime:{PTIME}\r\n"


def _free_type(wanted: int, taken: set[int]) -> int:
    if wanted < DYNAMIC_TYPES.start or wanted not in taken:
        return wanted
    return next(number for number in DYNAMIC_TYPES if number not in taken)


def _codec_lines(name: str, number: int) -> str:
    fmtp = f"a=fmtp:{number} {FMTP[name]}\r\n" if name in FMTP else ""
    return f"a=rtpmap:{number} {CODECS[name].rtpmap}\r\n{fmtp}"


def _dtmf_lines(number: int, rate: int) -> str:
    return f"a=rtpmap:{number} {DTMF_NAME}/{rate}\r\na=fmtp:{number} 0-15\r\n"


def _offer_again(
    previous: Sdp, port: int, codecs: tuple[str, ...], dtmf: bool, direction: str, told: Told
) -> str:
    at = _index_of_audio(previous.medias)
    before: dict[tuple[str, int], int] = {}
    if at >= 0:
        offered = _codecs(previous.medias[at])
        before = {(codec.name, codec.clock_rate): codec.payload_type for codec in offered}
    audio = _audio_lines(codecs, dtmf, before) % (port, told.protocol)
    audio = f"{audio}{told.lines}a={direction}\r\n"
    lines = [_refused(media) for media in previous.medias]
    if at < 0:
        return "".join([*lines, audio])
    lines[at] = audio
    return "".join(lines)


def _index_of_audio(medias: tuple[Media, ...]) -> int:
    for at, media in enumerate(medias):
        if media.kind == "audio" and media.port:
            return at
    return -1


def _answered_audio(medias: tuple[Media, ...], at: int) -> Media:
    """The line that answers ours: in its place, or the only one of a peer that drops lines."""
    if at < len(medias) and medias[at].kind == "audio":
        return medias[at]
    for media in medias:
        if media.kind == "audio":
            return media
    raise NegotiationError("the answer has no audio")


def _offered_audio(sdp: Sdp) -> Media | None:
    audio = [media for media in sdp.medias if media.kind == "audio" and media.port]
    for media in audio:
        if media.protocol in PLAIN_PROTOCOLS:
            return media
    return audio[0] if audio else None


def _choose(
    sdp: Sdp, codecs: Sequence[str], terms: Terms | None, address: Address
) -> tuple[int, Codec, _Facts, Agreed]:
    """The best audio line that we can do, and our best codec in it."""
    why = "no audio is offered"
    for at, kind in _ways(sdp, terms):
        media = sdp.medias[at]
        if kind is None:
            why = f"audio over {media.protocol[:32]} alone is offered"
            continue
        facts = _facts(media)
        codec = _best_codec(facts, codecs)
        if codec is None:
            why = "no common codec"
        elif terms is None:
            return at, codec, facts, Agreed(Told(media.protocol))
        else:
            try:
                return at, codec, facts, sdp_security.answer(sdp, media, kind, terms, *address)
            except NegotiationError as error:
                why = str(error)
    raise NegotiationError(why)


def _ways(sdp: Sdp, terms: Terms | None) -> Iterator[tuple[int, Security | None]]:
    """Lines of audio, each in the ways that it can be answered; None: in no way."""
    plain: list[tuple[int, Security | None]] = []
    for at, media in enumerate(sdp.medias):
        if media.kind != "audio" or media.port == 0:
            continue
        if terms is None:
            plain.append((at, Security.NONE if media.protocol in PLAIN_PROTOCOLS else None))
            continue
        kinds = [kind for kind in sdp_security.kinds_of(sdp, media) if kind in terms.allowed]
        for kind in kinds:
            if kind is Security.NONE:
                plain.append((at, kind))  # Only if no line can be encrypted.
            else:
                yield at, kind
        if not kinds:
            yield at, None
    yield from plain


def _best_codec(facts: _Facts, codecs: Sequence[str]) -> Codec | None:
    for name in codecs:
        for codec in facts.codecs:
            if codec.name == name and _known(codec):
                return codec
    return None


def _known(codec: Codec) -> bool:
    format_ = CODECS.get(codec.name)
    return format_ is not None and format_.clock_rate == codec.clock_rate


def _remote(sdp: Sdp, media: Media, codec: Codec, facts: _Facts, agreed: Agreed) -> Remote:
    host = sdp.host_of(media)
    direction = facts.direction or sdp.direction_of(media)
    if agreed.dtls is not None and agreed.dtls.peer_ufrag:
        # Where it is will be found out; its c= line may name nothing at all (RFC 8839 §4.3.2).
        host = host if host is not None and _is_unicast(host) else "0.0.0.0"
    elif host is None or not _is_unicast(host):
        raise NegotiationError(f"no usable address: {(host or 'no c= line')[:64]}")
    elif host in _ZERO:
        # Hold as RFC 2543 had it: send nothing there (RFC 3264 §8.4).
        direction = "sendonly" if direction in _SENDING else "inactive"
    return Remote(
        (host, media.port),
        _rtcp_address(media, host),
        codec.name,
        codec.payload_type,
        _dtmf_payload_type(facts.codecs, codec.clock_rate),
        direction,
        facts.ptime,
        agreed.srtp,
        agreed.dtls,
        codec.fmtp[:FMTP_MAX],
    )


def _rtcp_address(media: Media, host: str) -> Address:
    said = media.rtcp
    if said is None:
        return host, min(media.port + 1, PORT_MAX)
    own, port = said
    return (own if own and own not in _ZERO and _is_unicast(own) else host), port


def _dtmf_payload_type(codecs: tuple[Codec, ...], clock_rate: int) -> int | None:
    for codec in codecs:
        if codec.name == DTMF_NAME and codec.clock_rate == clock_rate:
            return codec.payload_type
    return None


@lru_cache(256)
def _answer_lines(name: str, payload_type: int, dtmf_payload_type: int | None) -> str:
    """The audio section up to the direction, with %d for the port and %s for the protocol."""
    format_ = CODECS[name]
    formats = f"{payload_type}"
    lines = _codec_lines(name, payload_type)
    if dtmf_payload_type is not None:
        formats += f" {dtmf_payload_type}"
        lines += _dtmf_lines(dtmf_payload_type, format_.clock_rate)
    return f"m=audio %d %s {formats}\r\n{lines}a=ptime:{PTIME}\r\n"


def _refused(media: Media) -> str:
    formats = " ".join(media.formats) or "0"
    return f"m={media.kind} 0 {media.protocol} {formats}\r\n"


def _narrow(allowed: str, wanted: str) -> str:
    assert wanted in DIRECTIONS, wanted
    sends = allowed in _SENDING and wanted in _SENDING
    receives = allowed in _RECEIVING and wanted in _RECEIVING
    if sends:
        return "sendrecv" if receives else "sendonly"
    return "recvonly" if receives else "inactive"
