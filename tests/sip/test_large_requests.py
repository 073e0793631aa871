"""Requests too large for one packet of the network go over a connection (RFC 3261 §18.1.1)."""

from sip.core import DATAGRAM_REQUEST_BYTES_MAX
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import EndedBy, Output, Send, SessionEnded
from sip.flow import Flow
from sip.message import Request
from sip.parser import parse
from sip.tokens import Tokens
from tests.sip.network import ALICE_NAME, BOB_NAME
from tests.sip.sample import ALICE, BOB, answer_to

UDP = Flow("udp", ALICE, BOB)
TCP = Flow("tcp", ALICE, BOB, -1)
LARGE = b"x" * DATAGRAM_REQUEST_BYTES_MAX


def make() -> Endpoint:
    endpoint = Endpoint(EndpointConfig(), Tokens(b"secret"), None)
    endpoint.use_stream(UDP, TCP)
    return endpoint


def call(endpoint: Endpoint, body: bytes, flow: Flow = UDP) -> list[Output]:
    return endpoint.invite(
        "a", uri="sip:bob@192.0.2.2", flow=flow, from_=ALICE_NAME, to=BOB_NAME, body=body, now=0.0
    )


def ways(outputs: list[Output]) -> list[tuple[str, str, str, str, int]]:
    """Where the requests go, and what they say of it."""
    found: list[tuple[str, str, str, str, int]] = []
    for output in outputs:
        if isinstance(output, Send):
            request = parse(output.data)
            assert isinstance(request, Request)
            via, contact = request.via.transport, request.get("Contact") or ""
            cseq = request.cseq.number
            found.append((request.method, output.flow.transport, via, contact, cseq))
    return found


OVER_UDP = ("INVITE", "udp", "UDP", "<sip:192.0.2.1:5060>", 1)
OVER_TCP = ("INVITE", "tcp", "TCP", "<sip:192.0.2.1:5060;transport=tcp>", 1)


def test_small_ones_and_those_to_others_stay_datagrams() -> None:
    assert ways(call(make(), b"small")) == [OVER_UDP]
    assert ways(call(make(), LARGE, Flow("udp", ALICE, ("192.0.2.3", 5060)))) == [OVER_UDP]
    endpoint = make()
    endpoint.use_stream(UDP, None)
    assert ways(call(endpoint, LARGE)) == [OVER_UDP]
    assert endpoint.leftovers()["flows"] == 0


def test_the_whole_call_stays_on_the_connection() -> None:
    endpoint = make()
    outputs = call(endpoint, LARGE)
    assert ways(outputs) == [OVER_TCP]
    (invite,) = [parse(output.data) for output in outputs if isinstance(output, Send)]
    assert isinstance(invite, Request)
    assert endpoint.on_message(answer_to(invite, 100), TCP, 0.1) == []
    cancel = endpoint.hangup("a", 0.2)
    assert ways(cancel)[0][:3] == ("CANCEL", "tcp", "TCP")


def test_who_takes_no_connection_gets_a_datagram() -> None:
    endpoint = make()
    _ = call(endpoint, LARGE)
    again = endpoint.on_flow_failed(TCP, 0.5)
    assert ways(again) == [(*OVER_UDP[:4], 2)]
    ended = endpoint.on_flow_failed(UDP, 1.0)
    assert [output for output in ended if isinstance(output, SessionEnded)] == [
        SessionEnded("a", 503, "", EndedBy.TRANSPORT)
    ]


def test_a_call_that_is_given_up_is_not_tried_again() -> None:
    endpoint = make()
    _ = call(endpoint, LARGE)
    _ = endpoint.hangup("a", 0.2)
    assert ways(endpoint.on_flow_failed(TCP, 0.5)) == []


def test_requests_outside_calls() -> None:
    endpoint = make()

    def ask(body: bytes) -> list[tuple[str, str, str, str, int]]:
        return ways(
            endpoint.request(
                *("k", "MESSAGE"), uri="sip:bob@192.0.2.2", flow=UDP, from_=ALICE_NAME,
                to=BOB_NAME, body=body, now=0.0,
            )
        )  # fmt: skip

    assert ask(LARGE) == [("MESSAGE", "tcp", "TCP", "", 1)]
    assert ask(b"") == [("MESSAGE", "udp", "UDP", "", 1)]
