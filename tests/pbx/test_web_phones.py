"""SIP over WebSocket on the web port, with aiohttp's own client on the other side."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import uvloop

from pbx.certificates import Certificates
from pbx.config.transports import WebSettings
from pbx.web.doors import Doors
from pbx.web.phones import PhoneSockets
from pbx.web.server import WebServer
from sip.crowd import CrowdLimits
from sip.tls import client_context
from tests.certificates import write_pair
from tests.pbx.test_web import make_server
from tests.sip.stack import HOST, MESSAGE, TIMEOUT, Stack

SIP = ("sip",)


class Rig:
    """The web server in front of a SIP stack, and a client."""

    def __init__(self, stack: Stack, server: WebServer, port: int, scheme: str) -> None:
        self.stack = stack
        self.server = server
        self.port = port
        self.client = aiohttp.ClientSession(f"{scheme}://{HOST}:{port}")

    async def call(
        self, headers: dict[str, str] | None = None, protocols: tuple[str, ...] = SIP
    ) -> aiohttp.ClientWebSocketResponse:
        context = client_context(verify=False)
        return await self.client.ws_connect(
            "/ws", protocols=protocols, headers=headers or {}, ssl=context
        )

    async def refusal(
        self, headers: dict[str, str] | None = None, protocols: tuple[str, ...] = SIP
    ) -> int:
        with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
            _ = await self.call(headers, protocols)
        return raised.value.status


@asynccontextmanager
async def serving(
    settings: WebSettings,
    context: ssl.SSLContext | None,
    doors: Doors | None,
    limits: CrowdLimits | None,
) -> AsyncIterator[Rig]:
    stack = Stack(limits=limits)
    phones = PhoneSockets(stack.transports.accept_websocket, settings)
    server = make_server(phones=phones, doors=doors, names=settings.names)
    _, port = await server.start(HOST, 0, context)
    rig = Rig(stack, server, port, "https" if context else "http")
    try:
        yield rig
    finally:
        await rig.client.close()
        await server.stop()
        await stack.transports.close()


def run(
    check: Callable[[Rig], Awaitable[None]],
    settings: WebSettings | None = None,
    context: ssl.SSLContext | None = None,
    doors: Callable[[], Doors] | None = None,
    limits: CrowdLimits | None = None,
) -> None:
    async def main() -> None:
        web = settings or WebSettings()
        async with (
            asyncio.timeout(TIMEOUT),
            serving(web, context, doors() if doors else None, limits) as rig,
        ):
            await check(rig)

    uvloop.run(main())  # As in service: not every transport of it is one of asyncio's.


def test_messages_both_ways() -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call()
        assert phone.protocol == "sip"
        await phone.send_str(MESSAGE.decode())
        message, flow = await rig.stack.messages.get()
        assert bytes(message) == MESSAGE
        assert (flow.transport, flow.local, flow.remote[0]) == ("ws", (HOST, rig.port), HOST)
        await phone.send_bytes(MESSAGE)
        assert (await rig.stack.messages.get())[1] == flow
        rig.stack.transports.send(flow, MESSAGE)
        rig.stack.transports.send(flow, MESSAGE + "Чорна рада".encode())
        rig.stack.transports.send(flow, b"not \xff text")
        received = [await phone.receive() for _ in range(3)]
        assert [(one.type, one.data) for one in received] == [
            (aiohttp.WSMsgType.TEXT, MESSAGE.decode()),
            (aiohttp.WSMsgType.TEXT, MESSAGE.decode() + "Чорна рада"),
            (aiohttp.WSMsgType.BINARY, b"not \xff text"),
        ]
        _ = await phone.close()
        assert await rig.stack.closed.get() == flow

    run(check)


def test_over_tls(tmp_path: Path) -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call()
        await phone.send_str(MESSAGE.decode())
        assert (await rig.stack.messages.get())[1].transport == "wss"
        _ = await phone.close()

    run(check, context=Certificates([write_pair(tmp_path, HOST)]).context)


def test_keep_alive_and_pings() -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call()
        await phone.send_str("\r\n\r\n")
        assert await phone.receive_str() == "\r\n"
        await phone.ping()
        await phone.send_str("\r\n\r\n")
        assert await phone.receive_str() == "\r\n"
        _ = await phone.close()

    run(check)


def test_a_connection_that_breaks_off() -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call()
        await phone.send_str(MESSAGE.decode())
        _, flow = await rig.stack.messages.get()
        with socket.socket(fileno=os.dup(phone.get_extra_info("socket").fileno())) as below:
            below.shutdown(socket.SHUT_RDWR)
        assert await rig.stack.closed.get() == flow
        _ = await phone.close()

    run(check)


def test_a_message_that_is_too_long() -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call()
        await phone.send_str(MESSAGE.decode())
        _, flow = await rig.stack.messages.get()
        await phone.send_bytes(b"x" * 65_536)
        assert (await phone.receive()).type is aiohttp.WSMsgType.CLOSE
        assert phone.close_code == 1009
        assert await rig.stack.closed.get() == flow

    run(check)


def test_the_subprotocol_must_be_sip() -> None:
    async def check(rig: Rig) -> None:
        assert [await rig.refusal(protocols=words) for words in ((), ("xmpp",))] == [400, 400]
        phone = await rig.call(protocols=("xmpp", "sip"))
        assert phone.protocol == "sip"
        _ = await phone.close()

    run(check)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "", True),  # No browser.
        ("http://127.0.0.1:{port}", "", True),
        ("https://127.0.0.1:{port}", "", True),  # Behind a proxy that adds TLS.
        ("http://127.0.0.1", "", False),
        ("http://pbx.example.com", "pbx.example.com", True),
        ("https://pbx.example.com:443", "pbx.example.com:443", True),
        ("http://evil.example", "pbx.example.com", False),
        ("http://evil.example", "evil.example", False),  # DNS rebinding.
        ("https://crm.example.com", "", True),
        ("https://CRM.example.com:443", "", True),
        ("http://crm.example.com", "", False),
        ("https://crm.example.com.evil.example", "", False),
        ("null", "", False),
        ("", "", False),
    ],
)
def test_origins(origin: str | None, host: str, allowed: bool) -> None:
    async def check(rig: Rig) -> None:
        headers = {} if origin is None else {"Origin": origin.format(port=rig.port)}
        headers |= {"Host": host} if host else {}
        if allowed:
            _ = await (await rig.call(headers)).close()
        else:
            assert await rig.refusal(headers) == 403

    settings = WebSettings.model_validate(
        {"names": ["PBX.example.com"], "origins": ["https://crm.example.com/"]}
    )
    run(check, settings)


@pytest.mark.parametrize(
    ("proxies", "headers", "remote", "transport"),
    [
        ([], {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}, HOST, "ws"),
        ([HOST], {"X-Forwarded-For": "192.0.2.1"}, "192.0.2.1", "ws"),
        ([HOST], {"X-Forwarded-For": "6.6.6.6, 192.0.2.1, 127.0.0.1"}, "192.0.2.1", "ws"),
        ([HOST], {"X-Forwarded-For": "192.0.2.1, nobody"}, HOST, "ws"),
        ([HOST], {"X-Forwarded-For": "2001:db8::1"}, "2001:db8::1", "ws"),
        ([HOST], {"X-Forwarded-Proto": "https"}, HOST, "wss"),
    ],
)
def test_behind_a_proxy(
    proxies: list[str], headers: dict[str, str], remote: str, transport: str
) -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call(headers)
        await phone.send_str(MESSAGE.decode())
        _, flow = await rig.stack.messages.get()
        assert (flow.remote[0], flow.transport) == (remote, transport)
        _ = await phone.close()

    run(check, WebSettings.model_validate({"proxies": proxies}))


def test_no_room() -> None:
    async def check(rig: Rig) -> None:
        phones = [await rig.call() for _ in range(2)]
        for phone in phones:
            await phone.send_str(MESSAGE.decode())
            _ = await rig.stack.messages.get()
        late = await rig.call()
        assert (await late.receive()).type is aiohttp.WSMsgType.CLOSE
        assert late.close_code == 1013
        for phone in phones:
            _ = await phone.close()

    run(check, limits=CrowdLimits(source_max=2))


def test_a_browser_that_does_not_read() -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call()
        await phone.send_str(MESSAGE.decode())
        _, flow = await rig.stack.messages.get()
        for _ in range(400):
            rig.stack.transports.send(flow, b"x" * 10_000)
        assert await rig.stack.closed.get() == flow
        _ = await phone.close()

    run(check)


def test_when_the_server_stops() -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call()
        await phone.send_str(MESSAGE.decode())
        _, flow = await rig.stack.messages.get()
        stopping = asyncio.create_task(rig.server.stop())
        assert (await phone.receive()).type is aiohttp.WSMsgType.CLOSE
        assert phone.close_code == 1001
        await stopping
        assert await rig.stack.closed.get() == flow

    run(check)


def test_reload() -> None:
    async def check(rig: Rig) -> None:
        foreign = {"Origin": "https://crm.example.com"}
        assert await rig.refusal(foreign) == 403
        rig.server.reload(WebSettings.model_validate({"origins": ["https://crm.example.com"]}))
        _ = await (await rig.call(foreign)).close()

    run(check)


# --- doors


async def knock(rig: Rig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, rig.port)


async def is_closed(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionResetError):
        while await reader.read(1000):
            pass
    return True


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"GET /health HTTP/1.1\r\nHost: x",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /health",
    ],
)
def test_a_request_that_does_not_end(begin: bytes) -> None:
    async def check(rig: Rig) -> None:
        phone = await rig.call()
        await phone.send_str(MESSAGE.decode())
        reader, writer = await knock(rig)
        writer.write(begin)
        assert await is_closed(reader)
        writer.close()
        await phone.send_str("\r\n\r\n")  # A WebSocket may be silent.
        assert await phone.receive_str() == "\r\n"
        _ = await phone.close()

    run(check, doors=lambda: Doors(asyncio.get_running_loop(), patience_seconds=0.1))


def test_too_many_silent_connections() -> None:
    async def check(rig: Rig) -> None:
        silent = [await knock(rig) for _ in range(8)]
        for reader, _ in silent[:3]:
            assert await is_closed(reader)
        async with rig.client.get("/health") as answer:
            assert answer.status == 200
        for _, writer in silent:
            writer.close()

    limits = CrowdLimits(source_half_open_max=5)
    run(check, doors=lambda: Doors(asyncio.get_running_loop(), limits))


def test_what_is_no_http_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    async def check(rig: Rig) -> None:
        reader, writer = await knock(rig)
        writer.write(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
        assert await is_closed(reader)
        writer.close()

    run(check)
    assert caplog.records == []
