"""Session descriptions (RFC 8866): text to values and back.

Tolerant where real phones are odd (any order of attributes, missing o= s= t=, bare line feeds),
strict where a mistake would cost sound: m= lines and ports. Raises `ParseError` and nothing else.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from media.errors import ParseError

Address = tuple[str, int]
Attribute = tuple[str, str | None]  # a=name or a=name:value

# The largest real ones (a browser's with video) have 8 kB and 200 lines.
SDP_BYTES_MAX: Final = 32_768
LINES_MAX: Final = 1_000
MEDIAS_MAX: Final = 32
FORMATS_MAX: Final = 128  # There are no more payload types.
PORT_MAX: Final = 65_535

DIRECTIONS: Final = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))

# Names are compared without case (RFC 8866 §6.6): these are written in one way.
_CODEC_NAMES: Final = {
    name.lower(): name
    for name in ("PCMU", "PCMA", "G722", "G729", "GSM", "opus", "telephone-event", "CN")
}

# RFC 3551 §6, and what may come without a=rtpmap.
_STATIC: Final[dict[str, tuple[str, int, int]]] = {
    "0": ("PCMU", 8000, 1),
    "3": ("GSM", 8000, 1),
    "4": ("G723", 8000, 1),
    "5": ("DVI4", 8000, 1),
    "6": ("DVI4", 16000, 1),
    "7": ("LPC", 8000, 1),
    "8": ("PCMA", 8000, 1),
    "9": ("G722", 8000, 1),
    "10": ("L16", 44100, 2),
    "11": ("L16", 44100, 1),
    "12": ("QCELP", 8000, 1),
    "13": ("CN", 8000, 1),
    "14": ("MPA", 90000, 1),
    "15": ("G728", 8000, 1),
    "18": ("G729", 8000, 1),
}

_BLANK: Final = " \t\r\0"  # Padding that some phones send, at the ends of lines.
_BLANK_LINES: Final = _BLANK + "\n"
_NO_ORIGIN: Final = "- 0 0 IN IP4 0.0.0.0"

# The lines of one phone hardly change from call to call. Long ones are not worth the memory.
SECTION_CACHE: Final = 256
CACHED_LENGTH_MAX: Final = 2_048

_RTPMAP: Final = re.compile(r"([^/\s]{1,64})(?:/([0-9]{1,9})(?:/([0-9]{1,3}))?)?\s*", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Codec:
    name: str
    clock_rate: int
    payload_type: int
    fmtp: str = ""
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Media:
    """One m= line and what is below it. What the attributes mean is read on demand."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    connection: str | None = None  # The address of its own c= line.
    attributes: tuple[Attribute, ...] = ()
    bandwidths: tuple[str, ...] = ()
    port_count: int = 1

    def attribute(self, name: str) -> str | None:
        """The first of that name: "" if it has no value, None if it is absent."""
        return _find(self.attributes, name)

    @property
    def direction(self) -> str | None:
        """Its own one; None: as the session says (`Sdp.direction_of`)."""
        return _direction(self.attributes)

    @property
    def ptime(self) -> int | None:
        """Milliseconds of sound that the peer wants in a packet, whole ones."""
        return _milliseconds(self.attribute("ptime"))

    @property
    def maxptime(self) -> int | None:
        """More milliseconds than these cannot be in one packet."""
        return _milliseconds(self.attribute("maxptime"))

    @property
    def rtcp(self) -> tuple[str | None, int] | None:
        """RFC 3605: a port, and an address if it is not that of the media."""
        value = self.attribute("rtcp")
        if not value:
            return None
        words = value.split()
        port = _port(words[0]) if words else None
        if not port:
            return None
        return (words[3] if len(words) > 3 and words[2] in ("IP4", "IP6") else None), port

    @property
    def rtcp_mux(self) -> bool:
        return self.attribute("rtcp-mux") is not None

    @property
    def secure(self) -> bool:
        """SRTP, with keys in a=crypto or by DTLS."""
        return "SAVP" in self.protocol

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """In the order of the m= line. Formats that nobody explains are left out."""
        maps: dict[str, str] = {}
        fmtps: dict[str, str] = {}
        for name, value in self.attributes:
            if value and (name == "rtpmap" or name == "fmtp"):
                number, _, rest = value.partition(" ")
                _ = (maps if name == "rtpmap" else fmtps).setdefault(number, rest)
        codecs: list[Codec] = []
        for number in self.formats:
            known = _parse_rtpmap(maps[number]) if number in maps else _STATIC.get(number)
            if known is not None and len(number) <= 3 and number.isascii() and number.isdigit():
                name, rate, channels = known
                fmtp = fmtps.get(number, "").strip()
                codecs.append(Codec(name, rate, int(number), fmtp, channels))
        return tuple(codecs)


@dataclass(frozen=True, slots=True)
class Sdp:
    """A session description. `origin` and `timing` are the raw values of o= and t=."""

    origin: str
    medias: tuple[Media, ...] = ()
    connection: str | None = None
    attributes: tuple[Attribute, ...] = ()
    name: str = "-"
    timing: str = "0 0"
    bandwidths: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes | str) -> "Sdp":
        """Lines of no use to a call (i= u= e= p= r= z= k= and unknown ones) are dropped."""
        return _parse(data)

    def attribute(self, name: str) -> str | None:
        """Of the session: "" if it has no value, None if it is absent."""
        return _find(self.attributes, name)

    def direction_of(self, media: Media) -> str:
        """Its own direction, that of the session, or sendrecv (RFC 8866 §6.7)."""
        return media.direction or _direction(self.attributes) or "sendrecv"

    def host_of(self, media: Media) -> str | None:
        """The address its packets go to, without TTL; None if there is no c= at all."""
        connection = media.connection or self.connection
        return None if connection is None else connection.partition("/")[0]

    def __str__(self) -> str:
        lines = ["v=0", f"o={self.origin}", f"s={self.name}"]
        if self.connection is not None:
            lines.append(_connection_line(self.connection))
        lines += [f"b={value}" for value in self.bandwidths]
        lines.append(f"t={self.timing}")
        lines += map(_attribute_line, self.attributes)
        for media in self.medias:
            count = f"/{media.port_count}" if media.port_count != 1 else ""
            formats = " ".join(media.formats)
            lines.append(f"m={media.kind} {media.port}{count} {media.protocol} {formats}".rstrip())
            if media.connection is not None:
                lines.append(_connection_line(media.connection))
            lines += [f"b={value}" for value in media.bandwidths]
            lines += map(_attribute_line, media.attributes)
        lines.append("")
        return "\r\n".join(lines)

    def to_bytes(self) -> bytes:
        return str(self).encode("utf-8", "replace")


class _Section(NamedTuple):
    """The lines of the session, or those below one m= line."""

    connection: str | None
    attributes: tuple[Attribute, ...]
    bandwidths: tuple[str, ...]
    others: dict[str, str]  # The first of each other kind.


def _parse(data: bytes | str) -> Sdp:
    if isinstance(data, str):
        data = data.encode("utf-8", "replace")
    if len(data) > SDP_BYTES_MAX:
        raise ParseError(f"SDP of {len(data)} bytes")
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if text.count("\n") > LINES_MAX:
        raise ParseError(f"SDP of more than {LINES_MAX} lines")
    head, *blocks = text.split("\nm=")
    if len(blocks) > MEDIAS_MAX:
        raise ParseError(f"SDP of {len(blocks)} m= lines")
    version, origin, session = _parse_head(head)
    if version != "v=0":
        raise ParseError(f"not SDP: {version[:64]!r}")
    return Sdp(
        origin,
        tuple([_parse_media(block) for block in blocks]),
        session.connection,
        session.attributes,
        session.others.get("s=", "-"),
        session.others.get("t=", "0 0"),
        session.bandwidths,
    )


def _parse_head(head: str) -> tuple[str, str, _Section]:
    """The first line, the value of o=, and the lines of the session."""
    version, _, rest = head.lstrip(_BLANK_LINES).partition("\n")
    if rest.startswith("o="):
        # The origin differs in every call and the rest seldom: what is kept apart can be cached.
        origin, _, rest = rest[2:].partition("\n")
        return version.strip(_BLANK), origin.strip(_BLANK), _section(rest)
    session = _section(rest)
    return version.strip(_BLANK), session.others.get("o=", _NO_ORIGIN), session


def _section(text: str) -> _Section:
    if len(text) <= CACHED_LENGTH_MAX:
        return _cached_section(text)
    return _parse_section(text)


def _parse_section(text: str) -> _Section:
    connection: str | None = None
    attributes: list[Attribute] = []
    bandwidths: list[str] = []
    others: dict[str, str] = {}
    for raw in text.split("\n"):
        line = raw.strip(_BLANK)
        kind, value = line[:2], line[2:]
        if kind == "a=":
            name, colon, rest = value.partition(":")
            attributes.append((name, rest if colon else None))
        elif kind == "c=":
            if connection is None:
                connection = _parse_connection(value)
        elif kind == "b=":
            bandwidths.append(value)
        elif line[1:2] == "=" and kind != "m=":
            _ = others.setdefault(kind, value)
        elif line:
            raise ParseError(f"not an SDP line: {line[:64]!r}")
    return _Section(connection, tuple(attributes), tuple(bandwidths), others)


_cached_section = lru_cache(SECTION_CACHE)(_parse_section)


def _parse_media(block: str) -> Media:
    line, _, rest = block.partition("\n")
    kind, port_text, protocol, *formats = _split_media(line)
    port_text, slash, count_text = port_text.partition("/")
    port = _port(port_text)
    count = _port(count_text) if slash else 1
    if port is None or not count:
        raise ParseError(f"bad port in m= line {line[:64]!r}")
    connection, attributes, bandwidths, _ = _section(rest)
    return Media(kind, port, protocol, tuple(formats), connection, attributes, bandwidths, count)


def _split_media(line: str) -> list[str]:
    words = line.replace("\0", " ").split()
    if not 3 <= len(words) <= FORMATS_MAX + 3:
        raise ParseError(f"bad m= line {line[:64]!r}")
    return words


def _parse_connection(value: str) -> str:
    words = value.split()
    if len(words) != 3:
        raise ParseError(f"bad c= line {value[:64]!r}")
    return words[2]


def _parse_rtpmap(value: str) -> tuple[str, int, int] | None:
    match = _RTPMAP.fullmatch(value.strip())
    if match is None:
        return None
    name, rate, channels = match.groups()
    return _CODEC_NAMES.get(name.lower(), name), int(rate or 8000), int(channels or 1)


def _port(text: str) -> int | None:
    if len(text) <= 5 and text.isascii() and text.isdigit():
        port = int(text)
        return port if port <= PORT_MAX else None
    return None


def _milliseconds(value: str | None) -> int | None:
    match = _NUMBER.match(value) if value else None
    return int(match[0]) or None if match else None


def _find(attributes: tuple[Attribute, ...], wanted: str) -> str | None:
    for name, value in attributes:
        if name == wanted:
            return value or ""
    return None


def _direction(attributes: tuple[Attribute, ...]) -> str | None:
    for name, value in attributes:
        if name in DIRECTIONS and value is None:
            return name
    return None


def _connection_line(connection: str) -> str:
    return f"c=IN {'IP6' if ':' in connection else 'IP4'} {connection}"


def _attribute_line(attribute: Attribute) -> str:
    name, value = attribute
    return f"a={name}" if value is None else f"a={name}:{value}"
