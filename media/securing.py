"""Encrypted lines of a worker: keys out of the descriptions, or made on the way of the sound.

A department, founded by the first line that wants it. To the rest of the worker a line stays a line
of plain RTP: what is here sets its `unprotect` and `protect`, and where its packets go.
"""

from typing import TYPE_CHECKING, Final

from media import rtp
from media.department import Department
from media.dtls import Certificate
from media.dtls_srtp import DtlsSrtp, Follow, Gone, Keyed, Output, Send
from media.errors import ParseError
from media.protocol import Command, Connect, Dtls, Identity, Secured, Silent
from media.relay import Address
from media.sockets import PACKET_BYTES_MAX, as_seen_by, disconnect, plain
from media.splicing import Splice
from media.srtp import Cipher, Keys, cipher_of

if TYPE_CHECKING:
    from media.engine import Engine
    from media.line import Line, Packet

# A certificate lasts for weeks, and calls that showed an old one for a day at most.
IDENTITIES_MAX: Final = 8
_RTP_FIRST: Final = 128  # RFC 7983 §7.
# A page that hangs up says goodbye here first; its BYE, which says who ended the call, comes later.
GOODBYE_SECONDS: Final = 2.0


class Security(Department):
    def __init__(self, engine: "Engine") -> None:
        super().__init__(engine)
        self._certificates: dict[str, Certificate] = {}  # By fingerprint, as in our descriptions.
        self._lines: dict[str, SecureLine] = {}  # Those that make keys on their way.
        self._ciphers: dict[str, Cipher] = {}

    @property
    def busy(self) -> bool:
        return any(secure.peer.shaking for secure in self._lines.values())

    def leftovers(self) -> int:
        return len(self._lines) + len(self._ciphers)

    def on_command(self, command: Command) -> None:
        if not isinstance(command, Identity):
            return
        try:
            certificate = Certificate(command.certificate_pem, command.key_pem)
        except ValueError:
            self.engine.counters["identities_refused"] += 1
            return
        self._certificates[str(certificate.fingerprint)] = certificate
        while len(self._certificates) > IDENTITIES_MAX:
            del self._certificates[next(iter(self._certificates))]

    def secure(self, line: "Line", command: Connect, now: float) -> None:
        """The peer's side is new, before the sockets follow. Raises ValueError."""
        if command.dtls is not None:
            self._by_handshake(line, command, command.dtls, now)
            return
        name = line.session.name
        if self._lines.pop(name, None) is not None:
            line.secure = None
            _ = self._ciphers.pop(name, None)
        if command.srtp is None:
            _ = self._ciphers.pop(name, None)
            line.unprotect = line.protect = line.unprotect_rtcp = line.protect_rtcp = None
            return
        keys, cipher = Keys.of(command.srtp), self._ciphers.get(name)
        # The same keys as before go on with the same counters (RFC 3711 §3.3.1).
        if cipher is None or cipher.keys != keys:
            self.use(line, cipher_of(keys, cipher))

    def use(self, line: "Line", cipher: Cipher) -> None:
        """From now on packets are encrypted so, in both directions."""
        self._ciphers[line.session.name] = cipher
        line.unprotect, line.unprotect_rtcp = cipher.unprotect, cipher.unprotect_rtcp
        line.protect, line.protect_rtcp = cipher.protect, cipher.protect_rtcp

    def _by_handshake(self, line: "Line", command: Connect, peer: Dtls, now: float) -> None:
        certificate = self._certificates.get(peer.ours)
        if certificate is None:
            raise ValueError("no certificate with that fingerprint")
        name = line.session.name
        secure = self._lines.get(name)
        if secure is None:
            secure = self._lines[name] = SecureLine(self, line)
            line.secure = secure
            # A browser plays the source that it saw last appear: a voice that comes back after
            # music would be heard by nobody. So whatever it gets is one stream.
            if line.session.splice is None:
                line.session.splice = Splice(line.session.player.stream)
            _ = self._ciphers.pop(name, None)
            # Until there are keys nothing is heard, whoever sends it.
            line.unprotect = line.unprotect_rtcp = refuse
            line.protect = line.protect_rtcp = refuse
        secure.carry_out(
            secure.peer.connect(peer, certificate, command.address, command.learn_from, now), now
        )
        secure.settle_address()

    def on_tick(self, tick: int, now: float) -> None:
        for secure in list(self._lines.values()):
            if secure.peer.shaking:
                secure.on_time(now)

    def on_time(self, now: float) -> None:
        for secure in list(self._lines.values()):
            secure.on_time(now)

    def on_closed(self, session: str) -> None:
        _ = self._lines.pop(session, None)
        _ = self._ciphers.pop(session, None)

    def close(self) -> None:
        self._lines.clear()
        self._ciphers.clear()


class SecureLine:
    """A line whose peer shows by ICE where it is, and makes keys by DTLS."""

    __slots__ = ("_department", "_gone_at", "line", "peer")

    def __init__(self, department: Security, line: "Line") -> None:
        self._department = department
        self.line = line
        self.peer = DtlsSrtp()
        self._gone_at: float | None = None  # It has left, or agrees no more.

    @property
    def ready(self) -> bool:
        """May sound leave?"""
        return self.peer.sound_goes_to is not None

    def follow(self) -> None:
        """Hear everybody who may be the peer, on the one port for everything (RFC 5761)."""
        line, sockets = self.line, self._department.engine.sockets
        sockets.unwatch(line.rtcp)
        disconnect(line.rtcp)
        sockets.listen(line.rtp, self.handle)
        line.rtp.receive = self.receive

    def receive(self, buffer: bytearray) -> int:
        """The next packet; 0 for one of a stranger that is not to be looked at."""
        port = self.line.rtp
        size, address = port.sock.recvfrom_into(buffer)
        source = port.source = plain(address)
        if buffer[0] >= _RTP_FIRST and not self.peer.is_peer(source):
            self.line.session.refused += 1
            return 0
        return size

    def handle(self, size: int, now: float) -> None:
        """A packet that is not plain sound of the agreed type."""
        if not 0 < size <= PACKET_BYTES_MAX:
            return
        engine = self._department.engine
        packet = engine.sockets.packet(size)
        if packet[0] < _RTP_FIRST:
            self.on_datagram(packet, self.line.rtp.source, now)
        elif rtp.is_rtcp(packet):
            engine.take_rtcp(self.line, packet, now)
        else:
            engine.take(self.line, packet, now)

    def on_datagram(self, data: bytes, source: Address, now: float) -> None:
        self.carry_out(self.peer.on_datagram(data, source, now), now)

    def on_time(self, now: float) -> None:
        self.carry_out(self.peer.on_time(now), now)
        if self._gone_at is not None and now - self._gone_at >= GOODBYE_SECONDS:
            self._gone_at = None
            self._department.engine.emit(Silent(self.line.session.name))

    def close(self) -> None:
        """Say goodbye, while there is a socket."""
        self.carry_out(self.peer.close(), 0.0)

    def settle_address(self) -> None:
        """The description's address is not where the peer is; the chosen one is."""
        address = self.peer.sound_goes_to
        if address is not None:
            self.line.session.leg.latched(address)

    def carry_out(self, outputs: list[Output], now: float) -> None:
        engine, line = self._department.engine, self.line
        if self.peer.shaking:
            engine.start_ticks()
        for output in outputs:
            match output:
                case Send(data, address):
                    self._send(data, address)
                case Follow():
                    self._gone_at = None
                    self.settle_address()
                    engine.replan(line)
                case Keyed(keys):
                    self._gone_at = None
                    self._department.use(line, cipher_of(keys))
                    self.settle_address()
                    engine.replan(line)
                    engine.emit(Secured(line.session.name, keys.suite))
                case Gone(""):
                    engine.replan(line)
                    self._gone_at = now
                case Gone(error):
                    engine.fail(line.session.name, f"no keys with the peer: {error}")

    def _send(self, data: bytes, address: Address) -> None:
        sock = self.line.rtp.sock
        try:
            _ = sock.sendto(data, as_seen_by(sock, address))
        except OSError:
            self.line.session.errors += 1


def refuse(packet: "Packet") -> bytes:
    raise ParseError("there are no keys yet")
