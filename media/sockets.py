"""The sockets of a worker: one epoll for all of them, and the loop that forwards sound.

The epoll's descriptor is watched by the event loop: one turn handles a batch of packets, which
costs a tenth less than a callback for each. A packet of the agreed payload type is received into
one buffer and sent from it: no object is made for it. Sockets are connected as soon as the peer's
address is known, so that the kernel refuses everybody else's packets.
"""

import asyncio
import ctypes
import ipaddress
import select
import socket
import struct
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from media.relay import Address
from media.session import Session

# RTP fits an Ethernet frame; a longer packet is cut off by the kernel and then dropped.
PACKET_BYTES_MAX: Final = 2048
# Packets handled before timers and commands get their turn: at most 256, about 3 ms.
BATCH: Final = 64
ROUNDS: Final = 4
# More than the queue of a socket can hold.
DRAIN_MAX: Final = 4096
EXPEDITED_FORWARDING: Final = 46 << 2  # The DSCP of voice (RFC 4594 §4.1).

# First two bytes of plain sound of each payload type. Shared, so that they stay in the CPU's cache.
HEADS: Final = tuple(bytes((0x80, payload_type)) for payload_type in range(128))
NOT_RTP: Final = b"\xff\xff"  # Begins no packet: everything goes the thorough way.
# Loss and jitter are read from two packets in a row of every 32: reading all would cost as much as
# everything else here. The count of packets is exact, and so is loss, up to the packet read last.
_UNSAMPLED: Final = 0b1_1110
_SEQ_TIMESTAMP_SSRC: Final = struct.Struct("!HII").unpack_from
_UNSPECIFIED: Final = bytes(28)  # A sockaddr of AF_UNSPEC, long enough for IPv6.


class Port:
    """One socket, with what the hot loop needs for its next packet."""

    __slots__ = (
        "connected_to",
        "failed",
        "forward",
        "handle",
        "head",
        "octets",
        "receive",
        "received",
        "sampled",
        "settled",
        "sock",
        "source",
        "stats",
    )

    def __init__(self, sock: socket.socket, session: Session) -> None:
        self.sock = sock
        self.receive: Callable[[bytearray], int] = sock.recv_into
        self.head = NOT_RTP  # First two bytes of the packets that `forward` takes as they are.
        self.forward: Callable[[memoryview], object] = discard
        self.handle: Callable[[int, float], None] = ignore  # All other packets.
        self.stats = session.stats
        self.source: Address = ("", 0)  # Of the last packet, while not connected.
        self.connected_to: Address | None = None
        # Packets of the hot loop: all, at the last sample, at the last `settle`.
        self.received = self.sampled = self.settled = 0
        # Since the last `settle`.
        self.octets = self.failed = 0

    def sample(self, packet: bytearray, now: float) -> None:
        seq, timestamp, ssrc = _SEQ_TIMESTAMP_SSRC(packet, 2)
        self.stats.received += self.received - self.sampled - 1
        self.sampled = self.received
        self.stats.on_packet(ssrc, seq, timestamp, now)

    def settle(self) -> tuple[int, int, int]:
        """Packets and bytes received, and packets that could not be sent, since the last time."""
        counts = self.received - self.settled, self.octets, self.failed
        self.settled = self.received
        self.octets = self.failed = 0
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
        self._ports: dict[int, Port] = {}
        self._loop = loop
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._on_readable)

    def __len__(self) -> int:
        return len(self._ports)

    def packet(self, size: int) -> bytes:
        """A copy of what was received last."""
        return bytes(self._views[size])

    def close(self) -> None:
        _ = self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def listen(self, port: Port, handle: Callable[[int, float], None]) -> None:
        """Hear everybody, and see who it is."""
        disconnect(port)
        port.receive = partial(receive_from, port)
        port.head = NOT_RTP
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
        port.receive = port.sock.recv_into
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
            self._epoll.register(fd, select.EPOLLIN)

    def unwatch(self, port: Port) -> None:
        fd = port.sock.fileno()
        if self._ports.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def _on_readable(self) -> None:
        """Several at once: more are likely on their way, and asking costs less than waking up."""
        for _ in range(ROUNDS):
            if self._relay_batch() < 2:
                return

    def _relay_batch(self) -> int:
        """The hot loop: 50 packets a second of every leg."""
        now = self.clock()
        ports, buffer, views = self._ports, self.buffer, self._views
        ready = self._epoll.poll(0, BATCH)
        for fd, _ in ready:
            port = ports[fd]
            try:
                size = port.receive(buffer)
            except OSError:
                # ICMP about what we sent: nobody listens there, or not yet. The peer may come up.
                self.errors += 1
                continue
            if buffer.startswith(port.head) and 12 < size <= PACKET_BYTES_MAX:
                port.received = count = port.received + 1
                port.octets += size
                if not count & _UNSAMPLED:
                    port.sample(buffer, now)
                try:
                    _ = port.forward(views[size])
                except OSError:
                    port.failed += 1
            else:
                port.handle(size, now)
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
