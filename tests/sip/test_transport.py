"""Real sockets on loopback. Waits for events only."""

import contextlib
import math
import socket
from typing import TYPE_CHECKING

import pytest

from sip import streams, transport, udp
from sip.crowd import CrowdLimits
from sip.flow import Flow
from sip.transport import LocalHosts, address_of
from tests.sip.sample import make_request
from tests.sip.stack import HOST, MESSAGE, Stack, connect, run

if TYPE_CHECKING:
    import asyncio


def test_udp_both_ways() -> None:
    async def check(a: Stack, b: Stack) -> None:
        here = await a.transports.listen_udp(HOST, 0)
        there = await b.transports.listen_udp(HOST, 0)
        flow = a.transports.flow_to("udp", there)
        assert flow == Flow("udp", here, there)
        for number in range(200):
            a.transports.send(flow, b"%d" % number)
        for number in range(200):
            assert await b.datagrams.get() == (b"%d" % number, Flow("udp", there, here))
        b.transports.send(Flow("udp", there, here), b"back")
        assert await a.datagrams.get() == (b"back", flow)

    run(check)


def test_udp_port_closed() -> None:
    async def check(a: Stack, b: Stack) -> None:
        here = await a.transports.listen_udp(HOST, 0)
        there = await b.transports.listen_udp(HOST, 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
            unused.bind((HOST, 0))
            nobody = address_of(unused.getsockname())
        a.transports.send(a.transports.flow_to("udp", nobody), b"hello?")
        assert await a.closed.get() == Flow("udp", here, nobody)
        # The socket lives on, and others do not suffer.
        a.transports.send(a.transports.flow_to("udp", there), b"hello!")
        assert (await b.datagrams.get())[0] == b"hello!"

    run(check)


def test_udp_when_the_line_is_long_new_calls_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is told how long the first one has waited. Within a call nothing changes places."""
    monkeypatch.setattr(udp, "BUSY_SECONDS", math.inf)
    new = b"INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\nFrom: <sip:c@d>;tag=1\r\n\r\n"
    again = b"INVITE sip:a@b SIP/2.0\r\nt: <sip:a@b> ;TAG=2\r\n\r\n"
    first = [b"%d" % number for number in range(udp.DATAGRAMS_PER_WAKE_UP)]

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_udp(HOST, 0)
        delays: list[float] = []
        b.transports.on_delay = lambda seconds, now: delays.append(seconds)
        _ = await a.transports.listen_udp(HOST, 0)
        for data in (*first, b"BYE", again, b"ACK", new, b"CANCEL"):
            a.transports.send(a.transports.flow_to("udp", there), data)
        came = [(await b.datagrams.get())[0] for _ in range(len(first) + 5)]
        assert came == [*first, new, b"BYE", again, b"ACK", b"CANCEL"]
        assert len(delays) == 1
        assert 0.0 < delays[0] < 5.0

    run(check)


@pytest.mark.parametrize("size", [1_400, 9_000, 60_000, 65_507])
def test_udp_large_messages(size: int) -> None:
    """RFC 3261 §18.1.1: as large as a datagram may be, in pieces (IP fragments)."""

    async def check(a: Stack, b: Stack) -> None:
        _ = await a.transports.listen_udp(HOST, 0)
        flow = a.transports.flow_to("udp", await b.transports.listen_udp(HOST, 0))
        data = bytes(n % 251 for n in range(size))
        a.transports.send(flow, data)
        assert (await b.datagrams.get())[0] == data

    run(check)


def test_udp_of_several_sockets_the_one_on_the_way() -> None:
    async def check(a: Stack, b: Stack) -> None:
        first = await a.transports.listen_udp("127.0.0.2", 0)
        second = await a.transports.listen_udp(HOST, first[1])
        there = await b.transports.listen_udp(HOST, 0)
        assert a.transports.flow_to("udp", there) == Flow("udp", second, there)

    run(check)


def test_udp_everything_that_does_not_fit_is_a_closed_flow() -> None:
    async def check(a: Stack, b: Stack) -> None:
        _ = await a.transports.listen_udp(HOST, 0)
        flow = a.transports.flow_to("udp", (HOST, 9))
        a.transports.send(flow, b"x" * 70_000)
        assert await a.closed.get() == flow

    run(check)


def test_bound_to_all_the_local_address_is_the_one_the_peer_sees() -> None:
    async def check(a: Stack, b: Stack) -> None:
        _, port = await a.transports.listen_udp("0.0.0.0", 0)
        there = await b.transports.listen_udp("127.0.0.1", 0)
        flow = a.transports.flow_to("udp", there)
        assert flow.local == (HOST, port)
        a.transports.send(flow, b"x")
        assert (await b.datagrams.get())[1].remote == (HOST, port)

    run(check)


def test_external_address_for_those_outside() -> None:
    hosts = LocalHosts("203.0.113.1")
    assert hosts.towards("0.0.0.0", "8.8.8.8") == "203.0.113.1"
    assert hosts.towards("127.0.0.1", "127.0.0.9") == "127.0.0.1"
    assert hosts.towards("0.0.0.0", "127.0.0.9") == "127.0.0.1"
    assert hosts.towards("::", "2001:db8::9") != "203.0.113.1"  # Of no use over IPv6.


def test_address_of_mapped_ipv4() -> None:
    assert address_of(("::ffff:192.0.2.1", 5060, 0, 0)) == ("192.0.2.1", 5060)
    assert address_of(("2001:db8::1", 5060, 0, 0)) == ("2001:db8::1", 5060)


def test_udp_over_ipv6() -> None:
    async def check(a: Stack, b: Stack) -> None:
        try:
            there = await b.transports.listen_udp("::1", 0)
        except OSError:
            pytest.skip("no IPv6 here")
        _ = await a.transports.listen_udp("::1", 0)
        a.transports.send(a.transports.flow_to("udp", there), b"six")
        assert (await b.datagrams.get())[0] == b"six"

    run(check)


def test_tcp_both_ways_on_one_connection() -> None:
    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tcp(HOST, 0)
        flow = a.transports.flow_to("tcp", there)
        assert a.transports.flow_to("tcp", there) == flow
        for _ in range(3):
            a.transports.send(flow, MESSAGE)
        for _ in range(3):
            message, back = await b.messages.get()
            assert bytes(message) == MESSAGE
        b.transports.send(back, MESSAGE)
        assert await a.messages.get() == (make_request("OPTIONS"), flow)
        assert (a.transports.connections, b.transports.connections) == (1, 1)
        await b.transports.close()
        assert await a.closed.get() == flow
        assert a.transports.connections == 0
        a.transports.send(flow, MESSAGE)  # Into nothing: said again.
        assert await a.closed.get() == flow

    run(check)


def test_tcp_a_way_is_connected_again_when_there_is_something_to_send() -> None:
    async def check(a: Stack, b: Stack) -> None:
        host, port = await b.transports.listen_tcp(HOST, 0)
        flow = a.transports.flow_to("tcp", (host, port))
        assert a.transports.connections == 0
        a.transports.send(flow, MESSAGE)
        _ = await b.messages.get()
        await b.transports.close()
        assert await a.closed.get() == flow
        _ = await b.transports.listen_tcp(host, port)
        a.transports.send(flow, MESSAGE)
        _ = await b.messages.get()
        assert a.transports.flow_to("tcp", (host, port)) == flow

    run(check)


def test_tcp_the_connection_of_a_peer_is_not_made_by_us() -> None:
    async def check(a: Stack, b: Stack) -> None:
        _, writer = await connect(await b.transports.listen_tcp(HOST, 0))
        writer.write(MESSAGE)
        _, flow = await b.messages.get()
        assert flow.connection > 0
        writer.close()
        assert await b.closed.get() == flow
        b.transports.send(flow, MESSAGE)
        assert await b.closed.get() == flow
        assert b.transports.connections == 0

    run(check)


def test_ways_are_forgotten_when_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "WAYS_MAX", 2)

    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tcp(HOST, 0)
        kept, lost = a.transports.flow_to("tcp", there), a.transports.flow_to("tcp", (HOST, 9))
        a.transports.send(kept, MESSAGE)
        _ = await b.messages.get()
        _ = a.transports.flow_to("tcp", (HOST, 10))
        assert a.transports.flow_to("tcp", there) == kept
        a.transports.send(lost, MESSAGE)
        assert await a.closed.get() == lost
        assert a.transports.flow_to("tcp", (HOST, 9)) != lost

    run(check)


def test_tcp_nobody_listens() -> None:
    async def check(a: Stack, b: Stack) -> None:
        there = await b.transports.listen_tcp(HOST, 0)
        await b.transports.close()
        flow = a.transports.flow_to("tcp", there)
        a.transports.send(flow, MESSAGE)
        assert await a.closed.get() == flow
        assert a.transports.connections == 0

    run(check)


def test_tcp_keep_alive_and_chunks() -> None:
    async def check(a: Stack, b: Stack) -> None:
        reader, writer = await connect(await b.transports.listen_tcp(HOST, 0))
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        for n in range(0, len(MESSAGE), 7):
            writer.write(MESSAGE[n : n + 7])
            await writer.drain()
        message, flow = await b.messages.get()
        assert bytes(message) == MESSAGE
        assert flow.local[0] == HOST
        writer.close()
        assert await b.closed.get() == flow

    run(check)


def test_tcp_nonsense_closes_the_connection() -> None:
    async def check(a: Stack, b: Stack) -> None:
        reader, writer = await connect(await b.transports.listen_tcp(HOST, 0))
        writer.write(MESSAGE.replace(b"Content-Length: 0", b"Content-Length: -999"))
        error, _ = await b.garbage.get()
        assert error.request is not None
        assert await reader.read() == b""
        writer.close()

    run(check)


@pytest.mark.parametrize("begin", [b"", b"\r\n\r\n", MESSAGE[:50], MESSAGE + MESSAGE[:50]])
def test_tcp_patience_ends(begin: bytes) -> None:
    async def check(a: Stack, b: Stack) -> None:
        reader, writer = await connect(await b.transports.listen_tcp(HOST, 0))
        writer.write(begin)
        with contextlib.suppress(ConnectionResetError):
            _ = await reader.read()
        _ = await b.closed.get()
        assert b.transports.connections == 0
        writer.close()

    run(check, patience_seconds=0.05)


def test_tcp_a_phone_that_has_spoken_may_be_silent() -> None:
    async def check(a: Stack, b: Stack) -> None:
        address = await b.transports.listen_tcp(HOST, 0)
        _, phone = await connect(address)
        phone.write(MESSAGE)
        _, flow = await b.messages.get()
        reader, silent = await connect(address)
        with contextlib.suppress(ConnectionResetError):
            _ = await reader.read()  # Thrown out, while the phone stays.
        assert b.transports.connections == 1
        assert await b.closed.get() != flow
        phone.close()
        silent.close()

    run(check, patience_seconds=0.05)


def test_tcp_too_many_half_open_connections() -> None:
    """The oldest goes, so that one more client that means it gets in."""

    async def check(a: Stack, b: Stack) -> None:
        address = await b.transports.listen_tcp(HOST, 0)
        silent = [await connect(address) for _ in range(6)]
        _ = await b.closed.get()
        with contextlib.suppress(ConnectionResetError):
            assert await silent[0][0].read() == b""
        _, phone = await connect(address)
        phone.write(MESSAGE)
        _ = await b.messages.get()
        for _, writer in (*silent, (None, phone)):
            writer.close()

    run(check, limits=CrowdLimits(source_half_open_max=5))


def test_tcp_too_many_connections() -> None:
    async def check(a: Stack, b: Stack) -> None:
        address = await b.transports.listen_tcp(HOST, 0)
        writers: list[asyncio.StreamWriter] = []
        for _ in range(2):
            _, writer = await connect(address)
            writer.write(MESSAGE)
            _ = await b.messages.get()
            writers.append(writer)
        reader, writer = await connect(address)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert b.transports.connections == 2
        for each in (*writers, writer):
            each.close()

    run(check, limits=CrowdLimits(source_max=2))


def test_tcp_peer_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "UNSENT_BYTES_MAX", 100_000)

    async def check(a: Stack, b: Stack) -> None:
        _, writer = await connect(await b.transports.listen_tcp(HOST, 0))
        writer.write(MESSAGE)
        _, flow = await b.messages.get()
        for _ in range(2000):  # More than the kernel takes.
            b.transports.send(flow, b"x" * 10_000)
        assert await b.closed.get() == flow
        writer.close()

    run(check)
