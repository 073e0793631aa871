"""The edge of the SIP stack: UDP and TCP sockets (RFC 3261 §18, RFC 3581, RFC 5626 §3.5.1).

Decides nothing about SIP: bytes and messages go up with the flow they came on, bytes go
down on a flow. Errors of the network become `on_closed`, never exceptions.
"""

import asyncio
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sip.errors import ParseError
from sip.flow import Address, Flow
from sip.message import Request, Response
from sip.networks import contains, parse_network
from sip.parser import KeepAlive, StreamParser

OnDatagram = Callable[[bytes, Flow, float], None]
OnMessage = Callable[[Request | Response, Flow, float], None]
OnGarbage = Callable[[ParseError, Flow, float], None]
OnClosed = Callable[[Flow, float], None]

DATAGRAMS_PER_WAKE_UP: Final = 64  # Then timers and other sockets get their turn.
DATAGRAM_BYTES_MAX: Final = 65_535
SOCKET_BUFFER_BYTES: Final = 4 << 20  # 500 phones that register after a restart: about 1 MB.
FLOWS_MAX: Final = 8_192  # Remembered for speed only; then forgotten and made anew.
FIRST_MESSAGE_SECONDS: Final = 30.0  # For a first message, and for the rest of a begun one.
CONNECT_SECONDS: Final = 10.0
CONNECTIONS_MAX: Final = 4_096  # File descriptors of a process are few thousands.
SOURCE_CONNECTIONS_MAX: Final = 1_024  # A large office behind one address.
SOURCE_HALF_OPEN_MAX: Final = 128  # Without a message yet; the oldest makes room for the newest.
UNSENT_BYTES_MAX: Final = 1 << 20  # A peer that does not read is gone.

# Peers here see our own address even where an external one is set.
INSIDE: Final = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)

_IP_RECVERR: Final = 11  # Not in the socket module. Linux: ip(7), ipv6(7).
_IPV6_RECVERR: Final = 25
_ERROR_HEAD: Final = struct.Struct("=IBBB")  # struct sock_extended_err: errno, origin, …
_FROM_NETWORK: Final = frozenset({2, 3})  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6.


def address_of(name: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    """Of a socket name of either family; a mapped IPv4 address as IPv4."""
    host = name[0]
    return (host[7:] if host.startswith("::ffff:") and "." in host else host), name[1]


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class LocalHosts:
    """Which of our addresses a peer should see."""

    def __init__(self, external: str) -> None:
        self._external = external
        self._inside = tuple(parse_network(network) for network in INSIDE)
        self._known: dict[str, str] = {}

    def towards(self, bound: str, remote: str) -> str:
        if remote not in self._known:
            if len(self._known) >= FLOWS_MAX:
                self._known.clear()
            self._known[remote] = self._find(remote)
        found = self._known[remote]
        if found == self._external or bound in ("0.0.0.0", "::"):
            return found or bound
        return bound

    def _find(self, remote: str) -> str:
        if self._external and not contains(self._inside, remote):
            return self._external
        with socket.socket(family_of(remote), socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((remote, 9))  # Nothing is sent: the kernel looks up the route.
            except OSError:
                return ""
            return address_of(probe.getsockname())[0]


class UdpTransport:
    """One socket, all its peers."""

    def __init__(self, owner: "Transports", bound: socket.socket) -> None:
        self._owner = owner
        self._socket = bound
        self.address = address_of(bound.getsockname())
        self._flows: dict[Address, Flow] = {}
        owner.loop.add_reader(bound.fileno(), self._on_readable)

    def close(self) -> None:
        _ = self._owner.loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def flow(self, remote: Address) -> Flow:
        flow = self._flows.get(remote)
        if flow is None:
            if len(self._flows) >= FLOWS_MAX:
                self._flows.clear()
            host = self._owner.hosts.towards(self.address[0], remote[0])
            flow = Flow("udp", (host, self.address[1]), remote)
            self._flows[remote] = flow
            self._owner.udp_by_local[flow.local] = self
        return flow

    def send(self, flow: Flow, data: bytes) -> None:
        try:
            _ = self._socket.sendto(data, flow.remote)
        except BlockingIOError:
            return  # The buffer is full: as good as lost on the way, and sent again like that.
        except OSError:
            # Perhaps the echo of an earlier datagram to somebody else (ip(7), IP_RECVERR).
            self._read_errors()
            self._send_again(flow, data)

    def _send_again(self, flow: Flow, data: bytes) -> None:
        try:
            _ = self._socket.sendto(data, flow.remote)
        except BlockingIOError:
            return
        except OSError:
            self._owner.report_closed(flow)

    def _on_readable(self) -> None:
        now = self._owner.loop.time()
        receive, on_datagram = self._socket.recvfrom, self._owner.on_datagram
        for n in range(DATAGRAMS_PER_WAKE_UP):
            try:
                data, name = receive(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                if n == 0:
                    self._read_errors()  # It was for them that we were woken.
                return
            except OSError:
                self._read_errors()
                continue
            on_datagram(data, self.flow(address_of(name)), now)

    def _read_errors(self) -> None:
        """Peers whose port is closed or that cannot be reached, as ICMP tells the kernel."""
        for _ in range(DATAGRAMS_PER_WAKE_UP):
            try:
                _, items, _, name = self._socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for _, _, data in items:
                if len(data) >= _ERROR_HEAD.size and _ERROR_HEAD.unpack_from(data)[1] in (
                    _FROM_NETWORK
                ):
                    self._owner.report_closed(self.flow(address_of(name)))


class TcpConnection(asyncio.Protocol):
    """One stream, accepted or made by us."""

    def __init__(self, owner: "Transports", flow: Flow | None) -> None:
        self._owner = owner
        self._flow = flow  # Known before the connection only if we make it.
        self._accepted = flow is None
        self._parser = StreamParser()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []  # Until we are connected.
        self._waiting_bytes = 0
        self._heard = False  # A whole message.
        self._patience: asyncio.TimerHandle | None = None

    @property
    def half_open(self) -> bool:
        return self._accepted and not self._heard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        _keep_alive(transport.get_extra_info("socket"))
        if self._flow is None:
            self._flow = self._owner.accepted(self, transport)
            if self._flow is None:
                return
            self._wait()
        for data in self._waiting:
            transport.write(data)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        flow, transport = self._flow, self._transport
        if flow is None or transport is None or transport.is_closing():
            return
        now = self._owner.loop.time()
        found = self._parser.feed(data)
        for item in found:
            if isinstance(item, KeepAlive):
                transport.write(b"\r\n")
            elif isinstance(item, ParseError):
                self._owner.on_garbage(item, flow, now)
            else:
                self._heard = True
                self._stop_waiting()
                self._owner.on_message(item, flow, now)
        if self._parser.broken:
            transport.close()
        elif self._parser.pending:
            self._wait()
        elif self._heard:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._flow is not None:
            self._owner.lost(self._flow, self)

    def send(self, data: bytes) -> None:
        transport = self._transport
        if transport is None:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            if self._waiting_bytes > UNSENT_BYTES_MAX:
                self.abort()
        elif transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            transport.abort()
        else:
            transport.write(data)

    def abort(self) -> None:
        self._stop_waiting()
        if self._transport is not None:
            self._transport.abort()
        elif self._flow is not None:
            self._owner.lost(self._flow, self)

    def _wait(self) -> None:
        """Begin to lose patience; more bytes of the same message do not help."""
        if self._patience is None:
            self._patience = self._owner.loop.call_later(self._owner.patience_seconds, self.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def _keep_alive(bound: socket.socket | None) -> None:
    """Notice within two minutes that a silent peer is gone."""
    if bound is None:
        return
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Transports:
    """All sockets of one stack. `now` of the callbacks is the loop's time."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_datagram: OnDatagram,
        on_message: OnMessage,
        on_closed: OnClosed,
        on_garbage: OnGarbage | None = None,
        *,
        external_host: str = "",
        patience_seconds: float = FIRST_MESSAGE_SECONDS,
    ) -> None:
        self.loop = loop
        self.on_datagram = on_datagram
        self.on_message = on_message
        self.on_garbage: OnGarbage = on_garbage or (lambda error, flow, now: None)
        self.patience_seconds = patience_seconds
        self.hosts = LocalHosts(external_host)
        self.udp_by_local: dict[Address, UdpTransport] = {}
        self._on_closed = on_closed
        self._udp: list[UdpTransport] = []
        self._servers: list[asyncio.Server] = []
        self._tcp_address: Address = ("0.0.0.0", 0)  # Where we listen.
        self._connections: dict[int, TcpConnection] = {}
        self._connection = 0  # The last number given.
        self._outgoing: dict[Address, Flow] = {}  # Connections that we made.
        self._sources: dict[str, OrderedDict[int, TcpConnection]] = {}  # That we accepted.
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen_udp(self, host: str, port: int) -> Address:
        bound = socket.socket(family_of(host), socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                bound.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
            if bound.family is socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                bound.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            bound.bind((host, port))
        except OSError:
            bound.close()
            raise
        transport = UdpTransport(self, bound)
        self._udp.append(transport)
        return transport.address

    async def listen_tcp(self, host: str, port: int) -> Address:
        server = await self.loop.create_server(lambda: TcpConnection(self, None), host, port)
        self._servers.append(server)
        self._tcp_address = address_of(server.sockets[0].getsockname())
        return self._tcp_address

    def flow_to(self, transport: str, remote: Address) -> Flow:
        """A flow to this address. For streams: the connection that we have, or a new one."""
        if transport == "udp":
            return self._udp_for(remote).flow(remote)
        assert transport == "tcp", transport
        known = self._outgoing.get(remote)
        if known is not None:
            return known
        flow = self._new_flow(self._tcp_address[0], remote)
        connection = TcpConnection(self, flow)
        self._connections[flow.connection] = connection
        self._outgoing[remote] = flow
        task = self.loop.create_task(self._connect(connection, flow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flow

    def send(self, flow: Flow, data: bytes) -> None:
        if flow.transport == "udp":
            transport = self.udp_by_local.get(flow.local) or self._udp_for(flow.remote)
            transport.send(flow, data)
            return
        connection = self._connections.get(flow.connection)
        if connection is None:
            self.report_closed(flow)
        else:
            connection.send(data)

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            _ = task.cancel()
        for connection in list(self._connections.values()):
            connection.abort()
        for transport in self._udp:
            transport.close()
        _ = await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._udp.clear()
        self._servers.clear()
        self.udp_by_local.clear()

    @property
    def connections(self) -> int:
        return len(self._connections)

    # --- for the transports ---------------------------------------------------------------------

    def report_closed(self, flow: Flow) -> None:
        """In the loop's next turn: the caller may be in the middle of sending."""
        _ = self.loop.call_soon(lambda: self._on_closed(flow, self.loop.time()))

    def accepted(self, connection: TcpConnection, transport: asyncio.Transport) -> Flow | None:
        """The flow of a new connection; None if there is no room."""
        name = transport.get_extra_info("peername")
        if name is None:  # It is closed already.
            transport.abort()
            return None
        remote = address_of(name)
        mine = self._sources.setdefault(remote[0], OrderedDict())
        if len(self._connections) >= CONNECTIONS_MAX or len(mine) >= SOURCE_CONNECTIONS_MAX:
            self._drop_empty(remote[0])
            transport.abort()
            return None
        half_open = [other for other in mine.values() if other.half_open]
        if len(half_open) >= SOURCE_HALF_OPEN_MAX:
            half_open[0].abort()
        local = address_of(transport.get_extra_info("sockname"))
        flow = self._new_flow(local[0], remote)
        self._connections[flow.connection] = connection
        mine[flow.connection] = connection
        return flow

    def lost(self, flow: Flow, connection: TcpConnection) -> None:
        if self._connections.pop(flow.connection, None) is None:
            return
        if self._outgoing.get(flow.remote) == flow:
            del self._outgoing[flow.remote]
        mine = self._sources.get(flow.remote[0])
        if mine is not None:
            _ = mine.pop(flow.connection, None)
            self._drop_empty(flow.remote[0])
        self.report_closed(flow)

    # --- small parts ------------------------------------------------------------------------------

    def _drop_empty(self, host: str) -> None:
        if not self._sources.get(host, True):
            del self._sources[host]

    def _new_flow(self, bound: str, remote: Address) -> Flow:
        """With the port where we listen, not that of this connection (§18.1.1)."""
        self._connection += 1
        host = self.hosts.towards(bound, remote[0])
        return Flow("tcp", (host, self._tcp_address[1]), remote, self._connection)

    def _udp_for(self, remote: Address) -> UdpTransport:
        family = family_of(remote[0])
        for transport in self._udp:
            if family_of(transport.address[0]) is family:
                return transport
        raise OSError(f"no UDP socket for {remote[0]}")

    async def _connect(self, connection: TcpConnection, flow: Flow) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _ = await self.loop.create_connection(lambda: connection, *flow.remote)
        except OSError:  # TimeoutError is one.
            self.lost(flow, connection)
