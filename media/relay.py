"""Whom a session believes, and what must change in a packet on its way to another one.

No sockets here: `media/engine.py` reads and sends, and asks this file only at commands and for
packets out of the ordinary. A packet of the agreed payload type goes by with one comparison.

    OPEN --Connect--> CONNECTED            learn_from == "": the declared address is the peer
      |                   ^ |
      +---Connect---> LATCHING             learn_from == IP: its first packets tell the port
"""

import ipaddress
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from media import rtp
from media.formats import BYTES, FORMATS, LAWS, PTIME
from media.protocol import Connect

Address = tuple[str, int]

# Payload types of RTP/AVP that mean the same to everybody (RFC 3551 §6). A phone that was offered
# both laws may change between them without a word (RFC 3264 §7).
STATIC_CODECS: Final[dict[int, str]] = {0: "PCMU", 8: "PCMA"}
COMFORT_NOISE: Final = 13  # RFC 3389: independent of the codec.

_VERSION_MASK: Final = 0xC0
_NO_ADDRESS: Final[Address] = ("", 0)


def is_rtp(data: bytes | bytearray | memoryview, size: int) -> bool:
    """RTP with at least one byte of payload, and not RTCP on the same port (RFC 5761 §4)."""
    return (
        size > rtp.HEADER_SIZE
        and data[0] & _VERSION_MASK == rtp.VERSION_2
        and not 192 <= data[1] <= 223
    )


class Conversion(NamedTuple):
    """What must change in a packet of one payload type."""

    payload_type: int  # The other side's number.
    laws: tuple[str, str] | None = None  # From and to, when the samples need translating.


class LegState(Enum):
    OPEN = "open"  # Nobody is known: nothing is read.
    LATCHING = "latching"
    CONNECTED = "connected"
    CLOSED = "closed"


TRANSITIONS: Final[dict[LegState, frozenset[LegState]]] = {
    LegState.OPEN: frozenset({LegState.LATCHING, LegState.CONNECTED, LegState.CLOSED}),
    LegState.LATCHING: frozenset({LegState.LATCHING, LegState.CONNECTED, LegState.CLOSED}),
    LegState.CONNECTED: frozenset({LegState.LATCHING, LegState.CONNECTED, LegState.CLOSED}),
    LegState.CLOSED: frozenset(),
}


# The same phones call all day, and it takes 8 µs each time.
_address: Final = lru_cache(1024)(ipaddress.ip_address)


def checked(command: Connect) -> Connect:
    """Addresses in one spelling. Raises ValueError for what is no unicast IP address."""
    host, port = command.address
    ip = _address(host)
    if ip.is_multicast:
        raise ValueError("a group, not a peer")
    if ip.is_unspecified:
        port = 0  # The hold of old phones (RFC 2543): no address at all.
    rtcp_host, rtcp_port = command.rtcp
    rtcp_ip = _address(rtcp_host) if rtcp_port else ip
    learn_from = command.learn_from and str(_address(command.learn_from))
    return msgspec.structs.replace(
        command, address=(str(ip), port), rtcp=(str(rtcp_ip), rtcp_port), learn_from=learn_from
    )


class Latch:
    """Finds the port behind the peer's NAT from its first packets.

    Only packets of one IP count. Two packets of one SSRC from one port decide; the ports that we
    know (declared in SDP, used until now) come first: a packet from there makes a stranger on
    the same IP start again.
    """

    __slots__ = ("_known", "_stranger", "host", "preferred")

    def __init__(self, host: str, preferred: frozenset[Address]) -> None:
        self.host = host
        self.preferred = preferred
        self._known: tuple[Address, bytes] | None = None
        self._stranger: tuple[Address, bytes] | None = None

    def on_packet(self, data: bytes, source: Address) -> bool:
        """True: this source is the peer."""
        if source[0] != self.host or not is_rtp(data, len(data)):
            return False
        seen = (source, data[8:12])
        if source in self.preferred:
            decided = seen == self._known
            self._known, self._stranger = seen, None
        else:
            decided = seen == self._stranger
            self._stranger = seen
        return decided


class Leg:
    """The peer of one session: where it is, and what it speaks."""

    __slots__ = (
        "codec",
        "declared",
        "declared_rtcp",
        "dtmf_payload_type",
        "fmtp",
        "inband_dtmf",
        "latch",
        "payload_type",
        "ptime",
        "receiving",
        "remote",
        "sending",
        "state",
    )

    def __init__(self) -> None:
        self.state = LegState.OPEN
        self.declared = _NO_ADDRESS
        self.declared_rtcp = _NO_ADDRESS
        self.remote = _NO_ADDRESS  # Where packets go: declared or learned.
        self.latch: Latch | None = None
        self.codec = ""
        self.payload_type = 0
        self.dtmf_payload_type: int | None = None
        self.ptime = PTIME
        self.fmtp = ""
        self.inband_dtmf = False
        self.sending = False
        self.receiving = False

    def __repr__(self) -> str:
        return f"<Leg {self.state.name} {self.remote} {self.codec}>"

    def connect(self, command: Connect) -> None:
        """Take over the peer's side. Whoever holds the sockets carries out `state`."""
        self.codec = command.codec
        self.payload_type = command.payload_type
        self.dtmf_payload_type = command.dtmf_payload_type
        self.ptime = command.ptime
        self.fmtp = command.fmtp
        self.inband_dtmf = command.inband_dtmf
        self.sending = command.sending
        self.receiving = command.receiving and command.address[1] != 0
        if command.address[1] == 0:
            return  # No place to send to (RFC 3264 §5.1): stay with whom we know.
        self.declared = command.address
        self.declared_rtcp = command.rtcp
        if not command.learn_from:
            self.latch = None
            self.remote = command.address
            self._become(LegState.CONNECTED)
            return
        known = self.state is LegState.CONNECTED and self.remote[0] == command.learn_from
        self.latch = Latch(
            command.learn_from,
            frozenset(
                {(command.learn_from, command.address[1]), *([self.remote] if known else ())}
            ),
        )
        if not known:
            self.remote = command.address
        self._become(LegState.LATCHING)

    def latched(self, source: Address) -> None:
        self.latch = None
        self.remote = source
        self._become(LegState.CONNECTED)

    def close(self) -> None:
        self._become(LegState.CLOSED)

    @property
    def rtcp_address(self) -> Address | None:
        """Where reports go, None when the peer's NAT makes it anybody's guess."""
        known = self.remote == self.declared and self.declared_rtcp[1]
        return self.declared_rtcp if known else None

    @property
    def expects_rtp(self) -> bool:
        """Must RTP come? Not from a peer that is held, or holds us."""
        return self.sending and self.receiving

    def conversion(self, payload_type: int, target: "Leg") -> Conversion | None:
        """How a packet of this type goes on to `target`; None: it cannot."""
        if payload_type == self.dtmf_payload_type:
            number = target.dtmf_payload_type
            return None if number is None else Conversion(number)
        if payload_type == COMFORT_NOISE:
            return Conversion(COMFORT_NOISE)
        codec = self.codec if payload_type == self.payload_type else STATIC_CODECS.get(payload_type)
        if codec is None:
            return None
        if codec == target.codec:
            return Conversion(target.payload_type)
        if codec in LAWS and target.codec in LAWS:
            return Conversion(target.payload_type, (codec, target.codec))
        return None

    def needs_transcoding(self, target: "Leg") -> bool:
        """Can sound go on to `target` only by decoding it?"""
        codecs = self.codec, target.codec
        if self.codec == target.codec or LAWS.issuperset(codecs):
            return False
        return self.codec in FORMATS and target.codec in FORMATS

    @property
    def regroups(self) -> bool:
        """Does it want packets of another length than everybody sends?"""
        return self.ptime != PTIME and self.codec in BYTES

    def _become(self, state: LegState) -> None:
        assert state in TRANSITIONS[self.state], (self, state)
        self.state = state


def convert(data: bytes, conversion: Conversion, tables: Mapping[tuple[str, str], bytes]) -> bytes:
    """The packet as the other side expects it: SSRC, sequence, timestamp and marker are kept.

    Raises `ParseError` if samples are to be translated and the packet is cut off.
    """
    second = data[1] & rtp.MARKER | conversion.payload_type
    if conversion.laws is None:
        return data if second == data[1] else data[:1] + bytes((second,)) + data[2:]
    # CSRCs, extension and padding are left behind: what follows is samples only.
    samples = rtp.payload(data).translate(tables[conversion.laws])
    return bytes((rtp.VERSION_2, second)) + data[2 : rtp.HEADER_SIZE] + samples
