"""Transports with queues of what they report, on real sockets of loopback."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import uvloop

from sip.crowd import CrowdLimits
from sip.flow import Address, Flow
from sip.transport import Transports
from tests.sip.sample import make_request

HOST = "127.0.0.1"
TIMEOUT = 5.0
MESSAGE = bytes(make_request("OPTIONS"))

if TYPE_CHECKING:
    from sip.errors import ParseError
    from sip.message import Request, Response


class Stack:
    """One set of transports and queues of what they report."""

    def __init__(self, patience_seconds: float = 30.0, limits: CrowdLimits | None = None) -> None:
        self.datagrams: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.messages: asyncio.Queue[tuple[Request | Response, Flow]] = asyncio.Queue()
        self.closed: asyncio.Queue[Flow] = asyncio.Queue()
        self.garbage: asyncio.Queue[tuple[ParseError, Flow]] = asyncio.Queue()
        self.errors: asyncio.Queue[tuple[Flow, str]] = asyncio.Queue()
        self.transports = Transports(
            asyncio.get_running_loop(),
            lambda data, flow, now: self.datagrams.put_nowait((data, flow)),
            lambda message, flow, now: self.messages.put_nowait((message, flow)),
            lambda flow, now: self.closed.put_nowait(flow),
            lambda error, flow, now: self.garbage.put_nowait((error, flow)),
            on_error=lambda flow, text: self.errors.put_nowait((flow, text)),
            patience_seconds=patience_seconds,
            limits=limits,
        )


def run(
    test: Callable[[Stack, Stack], Awaitable[None]],
    patience_seconds: float = 30.0,
    limits: CrowdLimits | None = None,
) -> None:
    async def main() -> None:
        a, b = Stack(patience_seconds, limits), Stack(patience_seconds, limits)
        try:
            async with asyncio.timeout(TIMEOUT):
                await test(a, b)
        finally:
            await a.transports.close()
            await b.transports.close()

    uvloop.run(main())  # As in service: not every transport of it is one of asyncio's.


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*address)
