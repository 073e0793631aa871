"""SIP over WebSocket at /ws (RFC 7118): browsers that telephone. Frames and pings are aiohttp's.

A page of a foreign site must not telephone through the browser of somebody inside: the origin
that the browser names must be ours or configured (RFC 6455 §10.2). Other programs name none.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import WSMsgType, hdrs, web

from pbx.config.transports import WebSettings
from sip.flow import Address
from sip.local_hosts import address_of
from sip.networks import Network, contains, parse_network
from sip.parser import MESSAGE_BYTES_MAX
from sip.websocket import SUBPROTOCOL, WebSocketConnection, WebSocketPeer

PING_SECONDS: Final = 30.0  # A browser that does not answer for half as long is gone.
CLOSE_SECONDS: Final = 1.0  # For the peer's part of closing.
UNSENT_BYTES_MAX: Final = 1 << 20  # A peer that does not read is gone.
FORWARDED_MAX: Final = 32  # Addresses that one request went through.
GOING_AWAY: Final = 1001  # RFC 6455 §7.4.1.
TRY_AGAIN_LATER: Final = 1013
_PORTS: Final = {"http": "80", "https": "443"}

Accept = Callable[[str, Address, Address, WebSocketPeer], WebSocketConnection | None]
"""`Transports.accept_websocket`."""


class PhoneSockets:
    """All WebSockets of browsers."""

    def __init__(self, accept: Accept, settings: WebSettings) -> None:
        self._accept = accept
        self._peers: set[_Peer] = set()
        self._origins: frozenset[str] = frozenset()
        self._proxies: tuple[Network, ...] = ()
        self.reload(settings)

    def reload(self, settings: WebSettings) -> None:
        self._origins = frozenset(map(_whole_origin, settings.origins))
        self._proxies = tuple(map(parse_network, settings.proxies))

    def __len__(self) -> int:
        return len(self._peers)

    def source_of(self, request: web.Request) -> str:
        """The address of who asks, behind a proxy of ours too."""
        return self._ends(request)[1][0]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from its handshake to its end."""
        _check_subprotocol(request)
        self._check_origin(request)
        local, remote, secure = self._ends(request)
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=PING_SECONDS,
            timeout=CLOSE_SECONDS,
            max_msg_size=MESSAGE_BYTES_MAX,
            compress=False,
            decode_text=False,
        )
        _ = await socket.prepare(request)
        peer = _Peer(socket, request.transport)
        connection = self._accept("wss" if secure else "ws", local, remote, peer)
        if connection is None:
            _ = await socket.close(code=TRY_AGAIN_LATER, message=b"too many connections")
            return socket
        self._peers.add(peer)
        writer = asyncio.get_running_loop().create_task(peer.write())
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    connection.on_message(message.data)
        finally:
            self._peers.discard(peer)
            connection.on_closed()
            _ = writer.cancel()
        return socket

    async def stop(self) -> None:
        """Say goodbye to all of them, so that they call again at once."""
        closing = [peer.say_goodbye() for peer in self._peers]
        _ = await asyncio.gather(*closing, return_exceptions=True)

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None:
            return
        whole = _whole_origin(origin.lower())
        host = request.headers.get(hdrs.HOST, "").lower()
        ours = {_whole_origin(f"{scheme}://{host}") for scheme in _PORTS}
        if whole not in ours and whole not in self._origins:
            raise web.HTTPForbidden(text="pages of this site may not telephone: see web.origins")

    def _ends(self, request: web.Request) -> tuple[Address, Address, bool]:
        """Our address, the browser's, and whether the way is encrypted; behind a proxy too."""
        transport = request.transport
        assert transport is not None
        local = address_of(transport.get_extra_info("sockname"))
        remote = address_of(transport.get_extra_info("peername"))
        secure = transport.get_extra_info("sslcontext") is not None
        if contains(self._proxies, remote[0]):
            secure = secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
            remote = self._beyond(request.headers, remote)
        return local, remote, secure

    def _beyond(self, headers: Mapping[str, str], proxy: Address) -> Address:
        """The last address that is not of a proxy of ours: those before it may be invented."""
        hops = headers.get("X-Forwarded-For", "").split(",")[-FORWARDED_MAX:]
        for hop in reversed(hops):
            try:
                host = str(ipaddress.ip_address(hop.strip()))
            except ValueError:
                break
            if not contains(self._proxies, host):
                return host, proxy[1]
        return proxy


class _Peer:
    """The sending side of one WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._socket = socket
        self._transport = transport
        self._unsent: asyncio.Queue[bytes] = asyncio.Queue()
        self._unsent_bytes = 0

    def send(self, message: bytes) -> None:
        self._unsent_bytes += len(message)
        if self._unsent_bytes > UNSENT_BYTES_MAX:
            self.close()
        else:
            self._unsent.put_nowait(message)

    def close(self) -> None:
        """At once: whoever is to be closed does not answer."""
        if self._transport is not None:
            self._transport.abort()

    async def write(self) -> None:
        """One message after the other, until it is cancelled or the connection is gone."""
        try:
            while True:
                message = await self._unsent.get()
                self._unsent_bytes -= len(message)
                await self._socket.send_frame(message, _kind(message))
        except (ConnectionError, RuntimeError):
            return  # The reading side sees it as well.

    async def say_goodbye(self) -> None:
        _ = await self._socket.close(code=GOING_AWAY, message=b"restarting")


def _kind(message: bytes) -> WSMsgType:
    """Text, as browsers expect it, if it is text: they break off at any other byte."""
    if not message.isascii():
        try:
            _ = message.decode()
        except UnicodeDecodeError:
            return WSMsgType.BINARY
    return WSMsgType.TEXT


def _check_subprotocol(request: web.Request) -> None:
    """RFC 7118 §4.1: who does not ask for SIP has come to the wrong place."""
    wanted = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").split(",")
    if SUBPROTOCOL not in (word.strip() for word in wanted):
        raise web.HTTPBadRequest(text="the WebSocket subprotocol must be sip (RFC 7118)")


def _whole_origin(origin: str) -> str:
    """With its port, even the usual one."""
    scheme, _, host = origin.rstrip("/").partition("://")
    has_port = ":" in host.rpartition("]")[2]
    return f"{scheme}://{host}" if has_port else f"{scheme}://{host}:{_PORTS.get(scheme, '')}"
