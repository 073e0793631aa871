"""Every way in beside UDP: TCP, TLS, IPv6, and what strangers may not take away."""

import asyncio
import contextlib
import resource
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import aiohttp
import pytest

from sip.message import Request, Response
from sip.parser import StreamParser, parse
from sip.tls import client_context
from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import RunningPbx, Settings, settings
from tests.interop.programs import HOST, eventually, free_ports, let_pass

pytestmark = pytest.mark.interop

STRANGERS = 400  # On each port.
CLOSED_WITHIN = 30.0
ANSWERED_WITHIN = 1.0
LENIENT = client_context(verify=False)


def with_tls(**changes: object) -> tuple[Settings, int]:
    """Settings, and the port of TLS."""
    port = free_ports()
    found = settings(sip={"tls": {"port": port}}, **changes)
    return found, port


# --- phones of others over connections


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_baresip_calls_and_is_called(office: Office, transport: str) -> None:
    configuration, tls_port = with_tls()
    pbx = office.serve(configuration)
    server = f"{HOST}:{tls_port if transport == 'tls' else pbx.sip_port}"
    one, two = (office.phone(user, transport=transport, server=server) for user in ("101", "102"))
    _ = eventually(lambda: pbx.status()["registrations"] == 2, "two registrations")
    _ = one.dial(f"sip:102@{server};transport={transport}")
    _ = two.wait("CALL_INCOMING")
    _ = two.accept()
    _ = one.wait_established()
    let_pass(1.5)
    _ = one.hang_up()
    _ = two.wait_closed()
    record = pbx.record()
    assert (record["verdict"], record["extension"]) == ("answered", "102")
    assert_each_heard_the_other(one, two)


# --- IPv6


SIX = "::1"


def six() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((SIX, 0))
    except OSError:
        return False
    return True


def options(via: str, host: str) -> bytes:
    return (
        f"OPTIONS sip:{host} SIP/2.0\r\nVia: SIP/2.0/{via};branch=z9hG4bK{time.monotonic_ns()}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:x@{host}>;tag=1\r\nTo: <sip:{host}>\r\n"
        f"Call-ID: {time.monotonic_ns()}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest.mark.skipif(not six(), reason="no IPv6 here")
def test_both_families_on_all_transports(office: Office) -> None:
    tls_port = free_ports()
    web = {"host": [HOST, SIX]}
    both = {"host": [HOST, SIX], "tls": {"port": tls_port}}
    pbx = office.serve(settings(sip=both, web=web, media={"host": "::"}))

    async def check() -> None:
        for host in (HOST, SIX):
            name = f"[{host}]" if ":" in host else host
            for transport in (None, "TCP", "TLS"):
                if transport is None:
                    answer = udp_answer(host, pbx.sip_port, name)
                else:
                    port = pbx.sip_port if transport == "TCP" else tls_port
                    answer = await stream_answer(host, port, secure=transport == "TLS")
                assert answer.status == 200
            assert (await ws_answer(f"http://{name}:{pbx.web_port}")).status == 200

    asyncio.run(check())


@pytest.mark.skipif(not six(), reason="no IPv6 here")
@pytest.mark.parametrize("families", [(SIX, SIX), (SIX, HOST), (HOST, SIX)])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_over_ipv6(office: Office, families: tuple[str, str], transport: str) -> None:
    """Between phones of one family, and of both."""
    pbx = office.serve(settings(sip={"host": [HOST, SIX]}, media={"host": "::"}))
    phones: list[Baresip] = []
    for user, address in zip(("101", "102"), families, strict=True):
        server = f"[{SIX}]:{pbx.sip_port}" if address == SIX else pbx.sip
        phones.append(office.phone(user, address=address, server=server, transport=transport))
    _ = eventually(lambda: pbx.status()["registrations"] == 2, "two registrations")
    one, two = phones
    _ = one.dial("102")
    _ = two.wait_incoming()
    _ = two.accept()
    _ = one.wait_established()
    let_pass(1.5)
    _ = two.hang_up()
    _ = one.wait_closed()
    for phone, address in zip(phones, families, strict=True):
        told = {line for message in phone.traced() for line in message.splitlines()}
        assert ("c=IN IP6 ::1" in told, "c=IN IP4 127.0.0.1" in told) == (
            *(address == SIX, address == HOST),
        )
    assert (pbx.record()["verdict"], pbx.record()["hangup"]) == ("answered", "callee")
    assert_each_heard_the_other(one, two)


def assert_each_heard_the_other(one: Baresip, two: Baresip) -> None:
    for phone, other in ((one, two), (two, one)):
        _ = phone.end()
        found = tones.measure(phone.heard(), other.tone_hz)
        assert found is not None
        assert found.share >= 0.99


def udp_answer(host: str, port: int, name: str) -> Response:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2.0)
        s.bind((host, 0))
        s.connect((host, port))
        _ = s.send(options(f"UDP {name}:{s.getsockname()[1]};rport", name))
        answer = parse(s.recv(65_536))
    assert isinstance(answer, Response)
    return answer


# --- connections of strangers


async def stream_answer(host: str, port: int, *, secure: bool) -> Response:
    """The answer to OPTIONS on a connection of its own."""
    reader, writer = await asyncio.open_connection(
        host, port, ssl=LENIENT if secure else None, server_hostname=host if secure else None
    )
    writer.write(options(f"{'TLS' if secure else 'TCP'} {HOST}:9", HOST))
    parser = StreamParser()
    found: list[object] = []
    while not found:
        data = await reader.read(65_536)
        assert data, "closed without an answer"
        found = list(parser.feed(data))
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
    assert isinstance(found[0], Response)
    return found[0]


async def ws_answer(base: str) -> Response:
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{base}/ws", protocols=("sip",), ssl=LENIENT) as phone,
    ):
        await phone.send_bytes(options("WS x.invalid", HOST))
        answer = parse((await phone.receive_str()).encode())
    assert isinstance(answer, Response)
    return answer


@dataclass
class Stranger:
    """A connection that brings nothing whole."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ended(self) -> None:
        with contextlib.suppress(OSError):
            while await self.reader.read(1000):
                pass
        self.writer.close()


BEGINNINGS = (b"", b"OPTIONS sip:x SIP/2.0\r\n", b"\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET /ws")


async def stranger(port: int, number: int) -> Stranger:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(BEGINNINGS[number % len(BEGINNINGS)])
    return Stranger(reader, writer)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8 * STRANGERS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
@pytest.mark.usefixtures("many_files")
def test_silent_connections_keep_nobody_out_and_are_closed(office: Office) -> None:
    """400 on each port from the address of somebody who means it (AST-2016-005)."""
    configuration, tls_port = with_tls()
    pbx = office.serve(configuration)

    async def check() -> float:
        began = time.monotonic()
        ports = (pbx.sip_port, tls_port, pbx.web_port)
        silent = [await stranger(port, n) for n in range(STRANGERS) for port in ports]
        await answered_soon(pbx, tls_port)
        ends = asyncio.gather(*(one.ended() for one in silent))
        for _ in range(5):
            await answered_soon(pbx, tls_port)
            await asyncio.sleep(1.0)
        async with asyncio.timeout(CLOSED_WITHIN):
            _ = await ends
        return time.monotonic() - began

    assert asyncio.run(check()) < CLOSED_WITHIN


async def answered_soon(pbx: RunningPbx, tls_port: int) -> None:
    ways: list[Callable[[], Awaitable[Response]]] = [
        lambda: stream_answer(HOST, pbx.sip_port, secure=False),
        lambda: stream_answer(HOST, tls_port, secure=True),
        lambda: ws_answer(f"http://{HOST}:{pbx.web_port}"),
    ]
    for way in ways:
        began = time.monotonic()
        assert (await way()).status == 200
        assert time.monotonic() - began < ANSWERED_WITHIN


def test_a_message_of_64_kib_over_udp(office: Office) -> None:
    pbx = office.pbx
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(2.0)
        phone.bind((HOST, 0))
        port = phone.getsockname()[1]
        message = parse(options(f"UDP {HOST}:{port};rport", HOST))
        assert isinstance(message, Request)
        message.body = b"x" * 60_000
        _ = phone.sendto(bytes(message), (HOST, pbx.sip_port))
        answer = parse(phone.recv(65_536))
    assert isinstance(answer, Response)
    assert answer.status == 200
