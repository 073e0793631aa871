"""SIP over WebSocket (RFC 7118): what a connection does with messages. Frames are the server's.

One WebSocket message is one SIP message, text or binary; it needs no Content-Length.
"""

from typing import TYPE_CHECKING, Final, Protocol

from sip.errors import ParseError
from sip.flow import Flow
from sip.parser import parse

if TYPE_CHECKING:
    import asyncio

    from sip.transport import Transports

SUBPROTOCOL: Final = "sip"  # RFC 7118 §4.1.
_PING: Final = b"\r\n\r\n"  # RFC 5626 §3.5.1. Browsers cannot send the pings of RFC 6455.
_PONG: Final = b"\r\n"


class WebSocketPeer(Protocol):
    """The server's side of a WebSocket: takes whole messages, and never waits."""

    def send(self, message: bytes) -> None: ...
    def close(self) -> None: ...


class WebSocketConnection:
    """One browser, or another client behind a WebSocket."""

    def __init__(self, owner: "Transports", flow: Flow, peer: WebSocketPeer) -> None:
        self.flow = flow
        self._owner = owner
        self._peer: WebSocketPeer | None = peer
        self._heard = False
        self._patience: asyncio.TimerHandle | None = owner.loop.call_later(
            owner.patience_seconds, self.abort
        )

    def on_message(self, data: bytes) -> None:
        """A text or binary message of the peer."""
        if self._peer is None:
            return
        if len(data) <= len(_PING):
            if data == _PING:
                self._peer.send(_PONG)
            return
        now = self._owner.loop.time()
        try:
            message = parse(data)
        except ParseError as error:
            self._owner.on_garbage(error, self.flow, now)
            return
        if not self._heard:
            self._heard = True
            self._stop_waiting()
            self._owner.crowd.heard(self.flow.connection)
        self._owner.on_message(message, self.flow, now)

    def on_closed(self) -> None:
        """The peer, or the network, has ended it."""
        self._stop_waiting()
        if self._peer is not None:
            self._peer = None
            self._owner.lost(self.flow)

    def send(self, data: bytes) -> None:
        if self._peer is not None:
            self._peer.send(data)

    def abort(self) -> None:
        peer = self._peer
        self.on_closed()
        if peer is not None:
            peer.close()

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
