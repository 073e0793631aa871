"""WebSocket connections as the transports see them; the frames are tested in tests/pbx."""

import pytest

from sip.building import contact_of, via_of
from sip.crowd import CrowdLimits
from sip.flow import Flow
from sip.websocket import WebSocketConnection
from tests.sip.sample import make_request
from tests.sip.stack import HOST, MESSAGE, Stack, run

LOCAL, REMOTE = (HOST, 8080), ("192.0.2.1", 50000)


class Peer:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def close(self) -> None:
        self.closed = True


def accept(stack: Stack, peer: Peer, transport: str = "ws") -> WebSocketConnection:
    connection = stack.transports.accept_websocket(transport, LOCAL, REMOTE, peer)
    assert connection is not None
    return connection


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_messages_both_ways(transport: str) -> None:
    async def check(a: Stack, b: Stack) -> None:
        peer = Peer()
        connection = accept(a, peer, transport)
        flow = Flow(transport, LOCAL, REMOTE, 1)
        assert connection.flow == flow
        connection.on_message(MESSAGE)
        assert a.messages.get_nowait() == (make_request("OPTIONS"), flow)
        without_length = MESSAGE.replace(b"Content-Length: 0\r\n", b"")
        connection.on_message(without_length)
        assert a.messages.get_nowait() == (make_request("OPTIONS"), flow)
        a.transports.send(flow, MESSAGE)
        assert peer.sent == [MESSAGE]
        connection.on_closed()
        assert await a.closed.get() == flow
        a.transports.send(flow, MESSAGE)
        assert await a.closed.get() == flow
        connection.on_message(MESSAGE)  # On its way when it closed.
        assert (peer.sent, a.messages.empty(), a.transports.connections) == ([MESSAGE], True, 0)

    run(check)


def test_keep_alive_and_nonsense() -> None:
    async def check(a: Stack, b: Stack) -> None:
        peer = Peer()
        connection = accept(a, peer)
        for data in (b"\r\n\r\n", b"\r\n", b""):
            connection.on_message(data)
        assert peer.sent == [b"\r\n"]
        connection.on_message(MESSAGE.replace(b"Content-Length: 0", b"Content-Length: 5"))
        error, flow = a.garbage.get_nowait()
        assert (error.request is not None, flow) == (True, connection.flow)
        connection.on_message(b"\x00\xff nothing")
        assert a.garbage.get_nowait()[0].request is None
        assert not peer.closed

    run(check)


def test_patience_ends() -> None:
    async def check(a: Stack, b: Stack) -> None:
        silent, keen = Peer(), Peer()
        connection = accept(a, silent)
        accept(a, keen).on_message(MESSAGE)
        connection.on_message(b"\r\n\r\n")
        connection.on_message(b"nonsense")
        assert await a.closed.get() == connection.flow
        assert (silent.closed, keen.closed, a.transports.connections) == (True, False, 1)

    run(check, patience_seconds=0.02)


def test_too_many() -> None:
    async def check(a: Stack, b: Stack) -> None:
        first = Peer()
        _ = accept(a, first)
        _ = accept(a, Peer())
        third = accept(a, Peer())
        assert first.closed
        third.on_message(MESSAGE)
        accept(a, Peer()).on_message(MESSAGE)  # The second one went for it.
        assert a.transports.accept_websocket("ws", LOCAL, REMOTE, Peer()) is None
        assert a.transports.connections == 2

    run(check, limits=CrowdLimits(source_max=2))


def test_closing_the_transports_closes_them() -> None:
    async def check(a: Stack, b: Stack) -> None:
        peer = Peer()
        _ = accept(a, peer)
        await a.transports.close()
        assert peer.closed

    run(check)


def test_what_our_requests_say() -> None:
    """RFC 7118 §5: Via has WS or WSS; the URI parameter is ws for both."""
    for transport, via in (("ws", "WS"), ("wss", "WSS")):
        flow = Flow(transport, ("192.0.2.7", 8443), REMOTE, 3)
        assert via_of(flow, "z9hG4bKx") == f"SIP/2.0/{via} 192.0.2.7:8443;rport;branch=z9hG4bKx"
        assert contact_of(flow) == "<sip:192.0.2.7:8443;transport=ws>"
    six = Flow("tls", ("2001:db8::1", 5061), REMOTE, 3)
    assert via_of(six, "z9hG4bKx") == "SIP/2.0/TLS [2001:db8::1]:5061;rport;branch=z9hG4bKx"
    assert contact_of(six) == "<sip:[2001:db8::1]:5061;transport=tls>"
