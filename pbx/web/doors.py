"""Caps and patience for HTTP connections, before aiohttp hears of them.

aiohttp waits for ever for a first request. Here a connection that brings no whole request for
a while is closed, and of silent ones from one source the oldest makes room for the newest.
"""

import asyncio
from typing import Final, cast

from aiohttp import web

from sip.crowd import Crowd, CrowdLimits
from sip.local_hosts import address_of

PATIENCE_SECONDS: Final = 20.0  # For the next whole request, its head and body.


class Doors:
    """All connections of one web server."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: CrowdLimits | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.loop = loop
        self.patience_seconds = patience_seconds
        self._crowd = Crowd(limits or CrowdLimits())
        self._doors: dict[int, _Door] = {}
        self._by_transport: dict[asyncio.BaseTransport, _Door] = {}
        self._next = 1

    def __len__(self) -> int:
        return len(self._doors)

    def door(self, handler: asyncio.Protocol) -> asyncio.Protocol:
        """In front of the handler of one connection."""
        return _Door(self, handler)

    def heard(self, request: web.Request) -> None:
        """A whole request has come: the connection means it."""
        door = self._of(request)
        if door is not None:
            self._crowd.heard(door.number)
            door.wait()

    def stay(self, request: web.Request) -> None:
        """This connection is not for requests any more: others look after it from now on."""
        door = self._of(request)
        if door is not None:
            door.stop_waiting()

    def enter(self, door: "_Door", transport: asyncio.BaseTransport) -> bool:
        peer = transport.get_extra_info("peername")
        if peer is None:  # It is closed already.
            return False
        admitted, thrown_out = self._crowd.enter(address_of(peer)[0], self._next)
        if thrown_out is not None and (other := self._doors.get(thrown_out)) is not None:
            other.abort()
        if admitted:
            door.number = self._next
            self._next += 1
            self._doors[door.number] = self._by_transport[transport] = door
        return admitted

    def leave(self, door: "_Door", transport: asyncio.BaseTransport) -> None:
        self._crowd.leave(door.number)
        _ = self._doors.pop(door.number, None)
        _ = self._by_transport.pop(transport, None)

    def _of(self, request: web.Request) -> "_Door | None":
        transport = request.transport
        return None if transport is None else self._by_transport.get(transport)


class _Door(asyncio.Protocol):
    """Passes everything on."""

    def __init__(self, doors: Doors, handler: asyncio.Protocol) -> None:
        self.number = 0
        self._doors = doors
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every transport of uvloop is one of asyncio's: they only look like it.
        self._transport = cast("asyncio.Transport", transport)
        if not self._doors.enter(self, transport):
            self._transport.abort()
            self._transport = None
            return
        self.wait()
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._transport is None else self._handler.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()
        transport, self._transport = self._transport, None
        if transport is not None:
            self._doors.leave(self, transport)
            self._handler.connection_lost(exc)

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def abort(self) -> None:
        self.stop_waiting()
        if self._transport is not None:
            self._transport.abort()

    def wait(self) -> None:
        """Begin to lose patience anew."""
        self.stop_waiting()
        doors = self._doors
        self._patience = doors.loop.call_later(doors.patience_seconds, self.abort)

    def stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
