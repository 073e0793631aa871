"""A session with its sockets, and what lies between the two: keys of SRTP, and who listens in.

Everything above sees plain RTP. `unprotect` comes first when a packet arrives, `protect` last when
one leaves; a *tap* gets every packet of sound that the peer of the session sends, whatever the
session does with it.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

from media import rtp
from media.errors import ParseError
from media.protocol import Open
from media.relay import Address, is_rtp
from media.repacketising import Repacketiser
from media.session import Session
from media.sockets import Port, as_seen_by, bind_pair, discard, send_to

Packet = bytes | memoryview
Cipher = Callable[[Packet], bytes]
"""One packet in, one packet out. Raises `ParseError` for what is not the peer's."""


class Tap(Protocol):
    """Listens to what the peer of a session says: a room, a recording, a detector of tones."""

    def on_packet(
        self, payload_type: int, seq: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """Sound as it came: late, twice or in disorder. Keys (RFC 4733) do not come here."""


@runtime_checkable
class Keeper(Protocol):
    """A tap that only puts packets aside, to be looked at later: a recording."""

    def keeper(self, codec: str) -> Callable[[bytes, float], None]:
        """What is called with each plain packet of sound of this codec, and when it came."""
        ...


class Secure(Protocol):
    """Who makes keys with the peer, on the port of the sound and of reports (RFC 5761)."""

    @property
    def ready(self) -> bool:
        """May anything leave but its own?"""
        raise NotImplementedError

    def follow(self) -> None:
        """Bring the sockets in line with what is known of the peer."""

    def close(self) -> None:
        """The line is about to close."""

    def on_datagram(self, data: bytes, source: Address, now: float) -> None:
        """STUN or DTLS (RFC 7983)."""


class Line:
    __slots__ = (
        "hearers",
        "opened",
        "protect",
        "protect_rtcp",
        "repacketiser",
        "rtcp",
        "rtp",
        "secure",
        "send",
        "send_plain",
        "session",
        "taps",
        "unprotect",
        "unprotect_rtcp",
    )

    def __init__(self, opened: Open, session: Session) -> None:
        self.opened = opened
        self.session = session
        rtp_socket, rtcp_socket = bind_pair(opened.host, opened.port)
        self.rtp, self.rtcp = Port(rtp_socket, session), Port(rtcp_socket, session)
        self.send: Callable[[Packet], object] = discard  # A plain packet for the peer. OSError.
        self.send_plain: Callable[[Packet], object] = discard  # The same, but as it is.
        self.hearers: tuple[Session, ...] = ()  # To whom `rtp.forward` sends.
        self.repacketiser: Repacketiser | None = None
        self.taps: list[Tap] = []
        self.secure: Secure | None = None
        self.unprotect: Cipher | None = None
        self.protect: Cipher | None = None
        self.unprotect_rtcp: Cipher | None = None
        self.protect_rtcp: Cipher | None = None

    def __repr__(self) -> str:
        return f"<Line {self.opened.port} {self.session!r}>"

    def plan_send(self) -> None:
        """Where packets for the peer go from now on."""
        port, leg = self.rtp, self.session.leg
        if port.connected_to is not None:
            self.send_plain = port.sock.send
        elif leg.remote[1]:
            self.send_plain = partial(send_to, port.sock, as_seen_by(port.sock, leg.remote))
        if self.secure is not None and not self.secure.ready:
            self.send_plain = self.send = discard
            return
        self.send = self.send_plain
        if self.protect is not None:
            self.send = partial(_send_protected, self.send_plain, self.protect)
        if leg.regroups:
            self._regroup()

    def _regroup(self) -> None:
        """The peer wants packets of another length."""
        leg, found = self.session.leg, self.repacketiser
        wanted = leg.payload_type, leg.ptime
        if found is None or found.makes != wanted:
            found = self.repacketiser = Repacketiser(*wanted)
        self.send = partial(_send_regrouped, self.session, found, self.send)

    @property
    def reports(self) -> bool:
        """Is there a way for RTCP?"""
        return self.rtcp.connected_to is not None or (self.secure is not None and self.secure.ready)

    def transmit(self, packet: bytes) -> None:
        """A packet of ours, counted."""
        session = self.session
        try:
            _ = self.send(packet)
        except OSError:
            session.errors += 1
        else:
            session.sent += 1
            session.bytes_sent += len(packet)

    def transmit_rtcp(self, packet: bytes) -> None:
        if not self.reports:
            return
        try:
            if self.protect_rtcp is not None:
                packet = self.protect_rtcp(packet)
            _ = (self.rtcp.sock.send if self.secure is None else self.send_plain)(packet)
        except (OSError, ParseError):
            self.session.errors += 1

    def decrypted(self, packet: bytes) -> bytes | None:
        """None: not from the peer, or broken."""
        return packet if self.unprotect is None else _opened(self.unprotect, packet)

    def decrypted_rtcp(self, packet: bytes) -> bytes | None:
        return packet if self.unprotect_rtcp is None else _opened(self.unprotect_rtcp, packet)

    def settle(self) -> None:
        """Add up what the hot loop counted since the last time."""
        session = self.session
        packets, octets, failed = self.rtp.settle()
        session.received += packets
        session.bytes_received += octets
        for hearer in self.hearers:
            hearer.sent += packets - failed
            hearer.bytes_sent += octets
            hearer.errors += failed

    def tell_taps(self, packet: Packet, now: float) -> None:
        """A plain packet of the peer, of any form."""
        if not self.taps or not is_rtp(packet, len(packet)):
            return
        payload_type = packet[1] & 0x7F
        if payload_type == self.session.leg.dtmf_payload_type:
            return
        data = bytes(packet)
        try:
            payload = rtp.payload(data)
        except ParseError:
            return
        _, _, seq, timestamp, _ = rtp.HEADER.unpack_from(data)
        for tap in tuple(self.taps):
            tap.on_packet(payload_type, seq, timestamp, payload, now)


def _opened(cipher: Cipher, packet: bytes) -> bytes | None:
    try:
        return cipher(packet)
    except ParseError:
        return None


def _send_regrouped(
    session: Session, repacketiser: Repacketiser, send: Callable[[Packet], object], packet: Packet
) -> None:
    try:
        packets = repacketiser.on_packet(bytes(packet))
    except ParseError:
        packets = []
    # Whoever sends this counts one packet.
    session.sent += len(packets) - 1
    session.bytes_sent += sum(map(len, packets)) - len(packet)
    for made in packets:
        _ = send(made)


def _send_protected(send: Callable[[Packet], object], protect: Cipher, packet: Packet) -> None:
    try:
        encrypted = protect(packet)
    except ParseError as error:
        raise OSError(str(error)) from None  # As if it had been lost on its way.
    _ = send(encrypted)
