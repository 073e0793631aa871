"""The edge of the SIP stack: all sockets of one stack (RFC 3261 §18, RFC 5626, RFC 7118).

Decides nothing about SIP: bytes and messages go up with the flow they came on, bytes go
down on a flow. Errors of the network become `on_closed`, never exceptions. The transports
themselves are in `udp`, `streams` (TCP, TLS) and `websocket`.

A flow with a positive connection number is a connection that the peer has made, and ends
with it. One with a negative number is a way to somebody whom we call: it is connected when
there is something to send, and again after the connection was lost.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from sip.crowd import Crowd, CrowdLimits
from sip.errors import ParseError
from sip.flow import Address, Flow
from sip.local_hosts import ANYWHERE, LocalHosts, address_of, family_of
from sip.message import Request, Response
from sip.streams import StreamConnection
from sip.tls import TlsLayer, client_context
from sip.udp import UdpTransport, bind_udp
from sip.websocket import WebSocketConnection, WebSocketPeer

__all__ = ["LocalHosts", "Transports", "address_of"]

OnDatagram = Callable[[bytes, Flow, float], None]
OnMessage = Callable[[Request | Response, Flow, float], None]
OnGarbage = Callable[[ParseError, Flow, float], None]
OnClosed = Callable[[Flow, float], None]
OnError = Callable[[Flow, str], None]
OnDelay = Callable[[float, float], None]
Refuses = Callable[[str], bool]

FIRST_MESSAGE_SECONDS: Final = 20.0  # For a first message, and for the rest of a begun one.
CONNECT_SECONDS: Final = 10.0
BACKLOG: Final = 1_024  # Connections that wait to be accepted: a burst must not stall others.
WAYS_MAX: Final = 4_096  # To those whom we call. More: those without a connection are forgotten.

Connection = StreamConnection | WebSocketConnection


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
        on_error: OnError | None = None,
        external_host: str = "",
        patience_seconds: float = FIRST_MESSAGE_SECONDS,
        limits: CrowdLimits | None = None,
        first_connection: int = 1,
    ) -> None:
        """`on_error`: why somebody whom we call cannot be reached, in words."""
        self.loop = loop
        self.on_datagram = on_datagram
        self.on_message = on_message
        self.on_garbage: OnGarbage = on_garbage or (lambda error, flow, now: None)
        self.report_error: OnError = on_error or (lambda flow, text: None)
        self.on_delay: OnDelay = lambda seconds, now: None  # How long datagrams waited for us.
        self.refuses: Refuses = lambda host: False  # Whose connections are not taken.
        self.patience_seconds = patience_seconds
        self.hosts = LocalHosts(external_host)
        self.crowd = Crowd(limits or CrowdLimits())  # Connections made by others.
        self.client_context: ssl.SSLContext | None = None  # None: as the system believes.
        self.udp_by_local: dict[Address, UdpTransport] = {}
        self._on_closed = on_closed
        self._udp: list[UdpTransport] = []
        self._servers: list[asyncio.Server] = []
        self._listening: dict[tuple[str, int], Address] = {}  # By transport and family.
        self._connections: dict[int, Connection] = {}
        self._next_connection = first_connection
        self._ways: dict[tuple[str, Address, str], Flow] = {}  # To those whom we call.
        self._server_names: dict[int, str] = {}  # Of the ways over TLS.
        self._next_way = -1
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen_udp(self, host: str, port: int) -> Address:
        transport = UdpTransport(self, bind_udp(host, port))
        self._udp.append(transport)
        return transport.address

    async def listen_tcp(self, host: str, port: int) -> Address:
        return await self._listen("tcp", host, port, lambda: StreamConnection(self, "tcp", None))

    async def listen_tls(self, host: str, port: int, context: ssl.SSLContext) -> Address:
        """`context` may change certificates under way by its `sni_callback`."""

        def connection() -> StreamConnection:
            return StreamConnection(self, "tls", None, TlsLayer(context))

        return await self._listen("tls", host, port, connection)

    def accept_websocket(
        self, transport: str, local: Address, remote: Address, peer: WebSocketPeer
    ) -> WebSocketConnection | None:
        """A WebSocket ("ws" or "wss") on `local` of the web server; None if there is no room."""
        number = self._enter(remote[0])
        if number is None:
            return None
        host = self.hosts.towards(local[0], remote[0])
        flow = Flow(transport, (host, local[1]), remote, number)
        connection = self._connections[number] = WebSocketConnection(self, flow, peer)
        return connection

    def flow_to(self, transport: str, remote: Address, name: str = "") -> Flow:
        """A way to this address. Over TLS its certificate must be of `name`, or of the address."""
        if transport == "udp":
            return self._udp_for(remote).flow(remote)
        assert transport in ("tcp", "tls"), transport
        known = self._ways.get((transport, remote, name))
        if known is not None:
            return known
        if len(self._ways) >= WAYS_MAX:
            self._forget_ways()
        flow = self._make_flow(transport, "", remote, self._next_way)
        self._next_way -= 1
        self._ways[transport, remote, name] = flow
        self._server_names[flow.connection] = name or remote[0]
        return flow

    def send(self, flow: Flow, data: bytes) -> None:
        if flow.transport == "udp":
            transport = self.udp_by_local.get(flow.local) or self._udp_for(flow.remote)
            transport.send(flow, data)
            return
        connection = self._connections.get(flow.connection)
        if connection is None and flow.connection in self._server_names:
            connection = self._call(flow)
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

    def accepted(
        self, connection: StreamConnection, name: str, transport: asyncio.Transport
    ) -> Flow | None:
        """The flow of a new connection; None if there is no room."""
        peer = transport.get_extra_info("peername")
        if peer is None:  # It is closed already.
            transport.abort()
            return None
        remote = address_of(peer)
        number = self._enter(remote[0])
        if number is None:
            transport.abort()
            return None
        bound = address_of(transport.get_extra_info("sockname"))[0]
        self._connections[number] = connection
        return self._make_flow(name, bound, remote, number)

    def lost(self, flow: Flow) -> None:
        if self._connections.pop(flow.connection, None) is None:
            return
        self.crowd.leave(flow.connection)
        self.report_closed(flow)

    # --- small parts ------------------------------------------------------------------------------

    async def _listen(
        self, name: str, host: str, port: int, connection: Callable[[], StreamConnection]
    ) -> Address:
        server = await self.loop.create_server(connection, host, port, backlog=BACKLOG)
        self._servers.append(server)
        address = address_of(server.sockets[0].getsockname())
        _ = self._listening.setdefault((name, family_of(host)), address)
        return address

    def _enter(self, host: str) -> int | None:
        """The number of a new connection; the oldest that is half open may have to go for it."""
        if self.refuses(host):
            return None
        number = self._next_connection
        admitted, thrown_out = self.crowd.enter(host, number)
        if thrown_out is not None and (other := self._connections.get(thrown_out)) is not None:
            other.abort()
        if not admitted:
            return None
        self._next_connection += 1
        return number

    def _make_flow(self, name: str, bound: str, remote: Address, number: int) -> Flow:
        """With the port where we listen, not that of this connection (§18.1.1)."""
        host, port = self._listening.get((name, family_of(remote[0])), ("", 0))
        bound = bound or host or ("::" if ":" in remote[0] else "0.0.0.0")
        return Flow(name, (self.hosts.towards(bound, remote[0]), port), remote, number)

    def _udp_for(self, remote: Address) -> UdpTransport:
        """Our socket on the way to this address."""
        family = family_of(remote[0])
        fitting = [udp for udp in self._udp if family_of(udp.address[0]) is family]
        if not fitting:
            raise OSError(f"no UDP socket for {remote[0]}")
        if len(fitting) > 1:
            ours = (*ANYWHERE, self.hosts.find(remote[0]))
            return next((udp for udp in fitting if udp.address[0] in ours), fitting[0])
        return fitting[0]

    def _forget_ways(self) -> None:
        """Those without a connection; who still uses one is told that it is closed."""
        for key, flow in list(self._ways.items()):
            if flow.connection not in self._connections:
                del self._ways[key], self._server_names[flow.connection]

    def _call(self, flow: Flow) -> StreamConnection:
        tls: TlsLayer | None = None
        if flow.transport == "tls":
            if self.client_context is None:
                self.client_context = client_context()
            tls = TlsLayer(self.client_context, server_name=self._server_names[flow.connection])
        connection = StreamConnection(self, flow.transport, flow, tls)
        self._connections[flow.connection] = connection
        task = self.loop.create_task(self._connect(connection, flow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return connection

    async def _connect(self, connection: StreamConnection, flow: Flow) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _ = await self.loop.create_connection(lambda: connection, *flow.remote)
        except OSError as error:  # TimeoutError is one.
            self.report_error(flow, error.strerror or "no answer")
            self.lost(flow)
