"""The sockets of a worker: one epoll for all of them, and the loop that forwards sound.

The epoll's descriptor is watched by the event loop: one turn handles a batch of packets, which
costs a tenth less than a callback for each. A packet of the agreed payload type is received into
one buffer and sent from it: no object is made for it. Sockets are connected as soon as the peer's
address is known, so that the kernel refuses everybody else's packets.
"""

import asyncio
import ctypes
import ipaddress
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from media import rtp
from media.relay import Address
from media.session import Session
from media.ticks import Every

# RTP fits an Ethernet frame; a longer packet is cut off by the kernel and then dropped.
PACKET_BYTES_MAX: Final = 2048
# Packets handled before timers and commands get their turn: at most 256, about 3 ms.
BATCH: Final = 64
ROUNDS: Final = 4
# So long packets wait to be read that are only put aside: half of what a jitter buffer waits.
PATIENCE_SECONDS: Final = 0.005
# More than the queue of a socket can hold.
DRAIN_MAX: Final = 4096
EXPEDITED_FORWARDING: Final = 46 << 2  # The DSCP of voice (RFC 4594 §4.1).

NO_TYPE: Final = -1  # The second byte of no packet: everything goes the thorough way.
# Loss and jitter are read from two packets in a row of every 32: reading all would cost as much as
# everything else here. The count of packets is exact, and so is loss, up to the packet read last.
SAMPLE_EVERY: Final = 32
_SAMPLED: Final = 2
_SEQ_TIMESTAMP_SSRC: Final = struct.Struct("!HII").unpack_from
_UNSPECIFIED: Final = bytes(28)  # A sockaddr of AF_UNSPEC, long enough for IPv6.


class Port:
    """One socket, with what the hot loop needs for its next packet."""

    __slots__ = (
        "_counted",
        "_octets",
        "_run_from",
        "_sampled",
        "_settled",
        "connected_to",
        "failed",
        "forward",
        "handle",
        "left",
        "patient",
        "payload_type",
        "receive",
        "size",
        "sock",
        "source",
        "stats",
    )

    def __init__(self, sock: socket.socket, session: Session) -> None:
        self.sock = sock
        # Of who listens to everybody, and looks at who it was.
        self.receive: Callable[[bytearray], int] | None = None
        self.payload_type = NO_TYPE  # Of the packets that `forward` takes as they are.
        self.forward: Callable[[memoryview], object] = discard
        self.handle: Callable[[int, float], None] = ignore  # All other packets.
        self.stats = session.stats
        self.source: Address = ("", 0)  # Of the last packet, while listening.
        self.connected_to: Address | None = None
        self.patient = False  # Its packets are read some milliseconds later, with those of others.
        # Packets of the hot loop are counted down: Python keeps small numbers ready.
        self.left = _SAMPLED
        self._counted = _SAMPLED
        self._sampled = self._settled = 0  # How many there were at that time.
        # Packets of one length follow each other: bytes are added up when the length changes.
        self.size = -1  # Of none yet.
        self._octets = self._run_from = 0
        self.failed = 0  # Packets that could not be sent, since the last `settle`.

    @property
    def received(self) -> int:
        """Packets of the hot loop."""
        return self._counted - self.left

    def resize(self, size: int) -> None:
        """The packets from now on have another length."""
        received = self.received
        self._octets += (received - self._run_from) * self.size
        self._run_from = received
        self.size = size

    def sample(self, packet: bytearray, now: float) -> None:
        seq, timestamp, ssrc = _SEQ_TIMESTAMP_SSRC(packet, 2)
        received = self.received
        if not self.left:
            self.left = SAMPLE_EVERY
            self._counted += SAMPLE_EVERY
        self.stats.received += received - self._sampled - 1
        self._sampled = received
        self.stats.on_packet(ssrc, seq, timestamp, now)

    def settle(self) -> tuple[int, int, int]:
        """Packets and bytes received, and packets that could not be sent, since the last time."""
        self.resize(self.size)
        counts = self._run_from - self._settled, self._octets, self.failed
        self._settled = self._run_from
        self._octets = self.failed = 0
        return counts


def discard(packet: bytes | memoryview) -> None:
    """Where packets go that nobody is to hear."""


def ignore(size: int, now: float) -> None:
    """What is done with a packet before the peer is known."""


class Sockets:
    """Who is heard on which socket, and the loop over those that have something."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.buffer = bytearray(PACKET_BYTES_MAX + 1)
        self.refused = 0  # Packets of strangers, found when a socket was connected.
        self.errors = 0
        self.clock = clock
        view = memoryview(self.buffer)
        self._views = [view[:size] for size in range(len(view) + 1)]
        self._buffers = (self.buffer,)
        self._ports: dict[int, Port] = {}
        self._loop = loop
        self._epoll = select.epoll()
        self._patient = select.epoll()
        self._patiently = Every(loop, PATIENCE_SECONDS, self._on_patience, clock)
        self._patient_ports = 0
        loop.add_reader(self._epoll.fileno(), self.relay)

    def __len__(self) -> int:
        return len(self._ports)

    def packet(self, size: int) -> bytes:
        """A copy of what was received last."""
        return bytes(self._views[size])

    def close(self) -> None:
        _ = self._loop.remove_reader(self._epoll.fileno())
        self._patiently.stop()
        self._epoll.close()
        self._patient.close()

    def listen(self, port: Port, handle: Callable[[int, float], None]) -> None:
        """Hear everybody, and see who it is."""
        disconnect(port)
        port.receive = partial(receive_from, port)
        port.payload_type = NO_TYPE
        port.handle = handle
        self.watch(port)

    def attach(self, port: Port, remote: Address, handle: Callable[[int, float], None]) -> None:
        """Hear `remote` and nobody else."""
        port.handle = handle
        if port.connected_to != remote:
            port.connected_to = None
            port.sock.connect(as_seen_by(port.sock, remote))
            port.connected_to = remote
            self._drain(port, remote)
        port.receive = None
        self.watch(port)

    def _drain(self, port: Port, remote: Address) -> None:
        """What queued before the socket was connected may come from anybody."""
        now = self.clock()
        for _ in range(DRAIN_MAX):
            try:
                size, source = port.sock.recvfrom_into(self.buffer)
            except BlockingIOError:
                return
            except OSError:
                continue
            if plain(source) == remote:
                port.handle(size, now)
            else:
                self.refused += 1

    def watch(self, port: Port) -> None:
        fd = port.sock.fileno()
        if fd not in self._ports:
            self._ports[fd] = port
            self._register(fd, port)

    def unwatch(self, port: Port) -> None:
        fd = port.sock.fileno()
        if self._ports.pop(fd, None) is not None:
            self._unregister(fd, port)

    def be_patient(self, port: Port, patient: bool) -> None:
        """Waking up for a packet costs more than the packet, if nobody waits for it."""
        if port.patient != patient:
            fd = port.sock.fileno()
            watched = fd in self._ports
            if watched:
                self._unregister(fd, port)
            port.patient = patient
            if watched:
                self._register(fd, port)

    def _register(self, fd: int, port: Port) -> None:
        if port.patient:
            self._patient.register(fd, select.EPOLLIN)
            self._patient_ports += 1
            self._patiently.start()
        else:
            self._epoll.register(fd, select.EPOLLIN)

    def _unregister(self, fd: int, port: Port) -> None:
        if port.patient:
            self._patient.unregister(fd)
            self._patient_ports -= 1
        else:
            self._epoll.unregister(fd)

    def read_patient(self) -> None:
        """What has come for those who can wait."""
        for _ in range(ROUNDS + self._patient_ports):
            if not self._relay_batch(self._patient):
                return

    def _on_patience(self, now: float) -> bool:
        self.read_patient()
        return self._patient_ports > 0

    def relay(self) -> None:
        """What has come. Again at once: more is likely on its way, and asking costs less than
        waking up. Long work calls this in its middle."""
        for _ in range(ROUNDS):
            if self._relay_batch(self._epoll) < 2:
                return

    def _relay_batch(self, epoll: select.epoll) -> int:
        """The hot loop: 50 packets a second of every leg."""
        now = self.clock()
        ports, buffer, buffers, views = self._ports, self.buffer, self._buffers, self._views
        version, sampled = rtp.VERSION_2, _SAMPLED
        read = os.readv  # As `recv_into`, but it takes its arguments faster.
        ready = epoll.poll(0, BATCH)
        for fd, _ in ready:
            try:
                port = ports[fd]
            except KeyError:
                continue  # Not watched any more since a packet of this batch.
            try:
                receive = port.receive
                size = read(fd, buffers) if receive is None else receive(buffer)
            except OSError:
                # ICMP about what we sent: nobody listens there, or not yet. The peer may come up.
                self.errors += 1
                continue
            if buffer[1] != port.payload_type or buffer[0] != version:
                port.handle(size, now)
                continue
            if size != port.size:
                if not rtp.HEADER_SIZE < size <= PACKET_BYTES_MAX:
                    port.handle(size, now)
                    continue
                port.resize(size)
            left = port.left = port.left - 1
            if left < sampled:
                port.sample(buffer, now)
            try:
                # By a name of ours: a method would be looked for in the class first.
                forward = port.forward
                _ = forward(views[size])
            except OSError:
                port.failed += 1
        return len(ready)


def bind_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Sockets for RTP and RTCP. Raises OSError, and ValueError for what is no IP address."""
    first = _bind(host, port)
    try:
        return first, _bind(host, port + 1)
    except OSError:
        first.close()
        raise


@lru_cache(64)
def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET


def _bind(host: str, port: int) -> socket.socket:
    family = _family(host)
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
        else:
            # Bound to all addresses it is for both families: phones of either may ring for a call.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EXPEDITED_FORWARDING)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def disconnect(port: Port) -> None:
    """Hear everybody again (connect(2) to AF_UNSPEC, which Python cannot say)."""
    if port.connected_to is not None:
        port.connected_to = None
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.connect(port.sock.fileno(), _UNSPECIFIED, len(_UNSPECIFIED)) != 0:
            raise OSError(ctypes.get_errno(), "cannot disconnect a socket")


def receive_from(port: Port, buffer: bytearray) -> int:
    size, source = port.sock.recvfrom_into(buffer)
    port.source = plain(source)
    return size


def send_to(sock: socket.socket, remote: Address, packet: bytes | memoryview) -> None:
    _ = sock.sendto(packet, remote)


def as_seen_by(sock: socket.socket, remote: Address) -> Address:
    """An IPv4 address as a socket of both families wants it (RFC 4291 §2.5.5.2)."""
    host, port = remote
    if sock.family == socket.AF_INET6 and ":" not in host:
        return f"::ffff:{host}", port
    return remote


def plain(source: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    """The address as an SDP names it."""
    host = source[0]
    return (host[7:] if host.startswith("::ffff:") and "." in host else host), source[1]
