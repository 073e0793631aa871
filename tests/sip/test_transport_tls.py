"""TLS on real sockets: handshakes, whose certificate, what goes wrong."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.certificates import Certificates
from sip.flow import Address
from sip.tls import TlsError, TlsLayer, client_context, server_context
from tests.certificates import write_pair
from tests.sip.sample import make_request
from tests.sip.stack import HOST, MESSAGE, Stack, connect, run

NAME = "pbx.example.com"
FILES = ("one", "other")
LENIENT = client_context(verify=False)
TlsClient = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def trusting(path: Path) -> ssl.SSLContext:
    return client_context(authorities=path)


def test_both_ways_on_one_connection(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, NAME, HOST)

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tls(HOST, 0, server_context(*pair))
        a.transports.client_context = trusting(pair.certificate)
        flow = a.transports.flow_to("tls", there, NAME)
        large = bytes(make_request("MESSAGE", body=b"x" * 60_000))
        for data in (MESSAGE, large, MESSAGE):
            a.transports.send(flow, data)
        for data in (MESSAGE, large, MESSAGE):
            message, back = await b.messages.get()
            assert bytes(message) == data
        assert (back.transport, back.local, back.connection) == ("tls", there, 1)
        for data in (large, MESSAGE):
            b.transports.send(back, data)
            assert bytes((await a.messages.get())[0]) == data
        assert (a.transports.connections, b.transports.connections) == (1, 1)
        await a.transports.close()
        assert await b.closed.get() == back

    run(check)


def test_by_address(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, HOST)

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tls(HOST, 0, server_context(*pair))
        a.transports.client_context = trusting(pair.certificate)
        a.transports.send(a.transports.flow_to("tls", there), MESSAGE)
        _ = await b.messages.get()

    run(check)


@pytest.mark.parametrize(
    ("believed", "name", "why"),
    [
        ("one", "sip.example.org", "Hostname mismatch"),
        ("other", NAME, "self-signed certificate"),
    ],
)
def test_a_wrong_certificate_is_refused(tmp_path: Path, believed: str, name: str, why: str) -> None:
    pairs = {
        file: write_pair(tmp_path, NAME, file=file, days=d)
        for file, d in (("one", 30), ("other", 31))
    }

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tls(HOST, 0, server_context(*pairs["one"]))
        a.transports.client_context = trusting(pairs[believed].certificate)
        flow = a.transports.flow_to("tls", there, name)
        a.transports.send(flow, MESSAGE)
        assert await a.closed.get() == flow
        told, text = await a.errors.get()
        assert told == flow
        assert why in text
        assert b.messages.empty()
        assert a.transports.connections == 0

    run(check)


def test_without_verification_any_certificate_will_do(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, NAME)

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tls(HOST, 0, server_context(*pair))
        a.transports.client_context = LENIENT
        a.transports.send(a.transports.flow_to("tls", there, "other.example"), MESSAGE)
        _ = await b.messages.get()

    run(check)


def test_the_system_does_not_believe_in_our_own_certificate(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, NAME)

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tls(HOST, 0, server_context(*pair))
        flow = a.transports.flow_to("tls", there, NAME)
        a.transports.send(flow, MESSAGE)
        assert await a.closed.get() == flow

    run(check)


def test_old_versions_are_refused(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, NAME)
    assert server_context(*pair).minimum_version is ssl.TLSVersion.TLSv1_2
    assert client_context().minimum_version is ssl.TLSVersion.TLSv1_2
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_context(verify=False)
        context.maximum_version = version
        server, client = TlsLayer(server_context(*pair)), TlsLayer(context, server_name="x")
        shake_hands(server, client)
        client.write(b"hello")
        assert server.feed(client.take()) == b"hello"


@pytest.mark.parametrize("begin", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x40\x00" + bytes(1000)])
def test_a_handshake_that_does_not_end(tmp_path: Path, begin: bytes) -> None:
    pair = write_pair(tmp_path, NAME)

    async def check(a: Stack, b: Stack) -> None:
        reader, writer = await connect(
            await b.transports.listen_tls(HOST, 0, server_context(*pair))
        )
        writer.write(begin)
        with contextlib.suppress(ConnectionResetError):
            _ = await reader.read()
        _ = await b.closed.get()
        assert b.transports.connections == 0
        writer.close()

    run(check, patience_seconds=0.05)


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.0\r\n\r\n", MESSAGE, b"\x80" * 5000])
def test_what_is_no_tls_is_closed_at_once(tmp_path: Path, begin: bytes) -> None:
    pair = write_pair(tmp_path, NAME)

    async def check(a: Stack, b: Stack) -> None:
        reader, writer = await connect(
            await b.transports.listen_tls(HOST, 0, server_context(*pair))
        )
        writer.write(begin)
        with contextlib.suppress(ConnectionResetError):
            _ = await reader.read()
        _ = await b.closed.get()
        assert b.messages.empty()
        writer.close()

    run(check)


def test_a_server_that_does_not_shake_hands() -> None:
    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tcp(HOST, 0)  # Waits for SIP, and says nothing.
        flow = a.transports.flow_to("tls", there)
        a.transports.send(flow, MESSAGE)
        assert await a.closed.get() == flow
        assert a.transports.connections == 0

    run(check, patience_seconds=0.05)


def test_keep_alive(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, NAME)

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tls(HOST, 0, server_context(*pair))
        reader, writer = await tls_client(there, NAME)
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.write(MESSAGE[:40])
        await writer.drain()
        writer.write(MESSAGE[40:])
        message, flow = await b.messages.get()
        assert bytes(message) == MESSAGE
        writer.close()
        assert await b.closed.get() == flow

    run(check)


async def tls_client(
    there: Address, name: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*there, ssl=LENIENT, server_hostname=name)


def test_the_certificate_of_the_name_and_new_ones_without_a_restart(tmp_path: Path) -> None:
    first = write_pair(tmp_path, "one.example", file="one")
    second = write_pair(tmp_path, "*.two.example", file="two")
    certificates = Certificates([first, second])

    async def shown(there: Address, name: str) -> bytes:
        _, writer = await tls_client(there, name)
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return certificate

    def der(path: Path) -> bytes:
        return ssl.PEM_cert_to_DER_cert(path.read_text())

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tls(HOST, 0, certificates.context)
        assert await shown(there, "one.example") == der(first.certificate)
        assert await shown(there, "PBX.two.example") == der(second.certificate)
        assert await shown(there, "unknown.example") == der(first.certificate)
        old = der(first.certificate)
        _, open_one = await tls_client(there, "one.example")
        _ = write_pair(tmp_path, "one.example", file="one", days=40)
        assert certificates.reload() == []
        assert await shown(there, "one.example") == der(first.certificate) != old
        open_one.write(MESSAGE)  # Its connection goes on.
        _ = await b.messages.get()
        open_one.close()

    run(check)


def shake_hands(server: TlsLayer, client: TlsLayer) -> None:
    client.begin()
    for _ in range(3):
        assert server.feed(client.take()) == b""
        assert client.feed(server.take()) == b""
    assert server.ready
    assert client.ready


def test_a_layer_says_goodbye(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, NAME)
    server = TlsLayer(server_context(*pair))
    client = TlsLayer(LENIENT, server_name=NAME)
    shake_hands(server, client)
    client.write(b"last words")
    client.end()
    assert server.feed(client.take()) == b"last words"
    assert server.closed
    server.end()


@pytest.fixture(scope="module")
def pair_context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return server_context(*write_pair(tmp_path_factory.mktemp("tls"), NAME))


@given(data=st.data())
def test_any_bytes_and_any_pieces(pair_context: ssl.SSLContext, data: st.DataObject) -> None:
    """Nothing but TlsError comes out, and what is sent arrives however it is cut."""
    garbage = data.draw(st.binary(max_size=100))
    with contextlib.suppress(TlsError):
        _ = TlsLayer(pair_context).feed(garbage)
    server = TlsLayer(pair_context)
    client = TlsLayer(LENIENT, server_name=NAME)
    shake_hands(server, client)
    said = data.draw(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5))
    for part in said:
        client.write(part)
    wire, heard = client.take(), b""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=5)))
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        heard += server.feed(wire[start:end])
    assert heard == b"".join(said)
