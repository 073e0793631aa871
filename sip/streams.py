"""SIP over TCP and TLS: one connection (RFC 3261 §18.3, RFC 5626 §3.5.1, RFC 5923)."""

import asyncio
import socket
from typing import TYPE_CHECKING, Final, cast

from sip.errors import ParseError
from sip.flow import Flow
from sip.parser import KeepAlive, StreamParser
from sip.tls import TlsError, TlsLayer

if TYPE_CHECKING:
    from sip.transport import Transports

UNSENT_BYTES_MAX: Final = 1 << 20  # A peer that does not read is gone.
GONE_MS: Final = 120_000  # So is one that acknowledges nothing for so long.


class StreamConnection(asyncio.Protocol):
    """One stream, accepted or made by us."""

    def __init__(
        self, owner: "Transports", transport: str, flow: Flow | None, tls: TlsLayer | None = None
    ) -> None:
        self._owner = owner
        self._name = transport
        self._flow = flow  # Known before the connection only if we make it.
        self._accepted = flow is None
        self._tls = tls
        self._parser = StreamParser()
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []  # Until we are connected, and hands are shaken.
        self._unsent_bytes = 0
        self._heard = False  # A whole message.
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Those of uvloop are no subclass of asyncio's: they only look like it.
        self._transport = transport = cast("asyncio.Transport", transport)
        _keep_alive(transport.get_extra_info("socket"))
        if self._flow is None:
            self._flow = self._owner.accepted(self, self._name, transport)
            if self._flow is None:
                return
            self._wait()
        if self._tls is None:
            self._flush()
        elif not self._accepted:
            self._wait()  # For the end of the handshake.
            self._tls.begin()
            transport.write(self._tls.take())

    def data_received(self, data: bytes) -> None:
        flow, transport = self._flow, self._transport
        if flow is None or transport is None or transport.is_closing():
            return
        if self._tls is not None:
            data = self._decrypt(self._tls, flow, transport, data)
            if not data:
                return
        now = self._owner.loop.time()
        for item in self._parser.feed(data):
            if isinstance(item, KeepAlive):
                self.send(b"\r\n")
            elif isinstance(item, ParseError):
                self._owner.on_garbage(item, flow, now)
            else:
                if not self._heard:
                    self._heard = True
                    self._owner.crowd.heard(flow.connection)
                self._stop_waiting()
                self._owner.on_message(item, flow, now)
        if self._parser.broken:
            self._close(transport)
        elif self._parser.pending:
            self._wait()
        elif self._heard:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._flow is not None:
            self._owner.lost(self._flow)

    def send(self, data: bytes) -> None:
        transport, tls = self._transport, self._tls
        if transport is None or (tls is not None and not tls.ready):
            self._unsent.append(data)
            self._unsent_bytes += len(data)
            if self._unsent_bytes > UNSENT_BYTES_MAX:
                self.abort()
        elif transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            transport.abort()
        elif tls is None:
            transport.write(data)
        elif not transport.is_closing():
            tls.write(data)
            transport.write(tls.take())

    def abort(self) -> None:
        self._stop_waiting()
        if self._transport is not None:
            self._transport.abort()
        elif self._flow is not None:
            self._owner.lost(self._flow)

    def _decrypt(
        self, tls: TlsLayer, flow: Flow, transport: asyncio.Transport, data: bytes
    ) -> bytes:
        shaken = tls.ready
        try:
            plain = tls.feed(data)
        except TlsError as error:
            if not self._accepted:
                self._owner.report_error(flow, str(error))
            transport.write(tls.take())  # The alert that says why.
            transport.close()
            return b""
        transport.write(tls.take())
        if tls.ready and not shaken:
            self._flush()
            if not self._accepted:
                self._stop_waiting()
        if tls.closed:
            self._close(transport)
        return plain

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        for data in unsent:
            self.send(data)

    def _close(self, transport: asyncio.Transport) -> None:
        if self._tls is not None and not transport.is_closing():
            self._tls.end()
            transport.write(self._tls.take())
        transport.close()

    def _wait(self) -> None:
        """Begin to lose patience; more bytes of the same message do not help."""
        if self._patience is None:
            self._patience = self._owner.loop.call_later(self._owner.patience_seconds, self.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def _keep_alive(bound: socket.socket | None) -> None:
    """Notice within two minutes that a silent peer is gone, also while it owes us an answer: then
    nothing is probed, and Linux would repeat what we sent for a quarter of an hour."""
    if bound is None:
        return
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_MS)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
