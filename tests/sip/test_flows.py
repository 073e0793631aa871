"""What becomes of calls when a connection is lost, or a datagram comes back."""

from sip.core import SCAN_PAUSE_SECONDS
from sip.endpoint import Endpoint
from sip.events import EndedBy, RequestDone, Send, SessionEnded
from sip.flow import Flow
from sip.message import Request
from tests.sip.network import ALICE_NAME, ANSWER, BOB_NAME, OFFER
from tests.sip.sample import ALICE, BOB, answer_to
from tests.sip.test_endpoint import make, over, run_out, sent

FIRST = Flow("tcp", ALICE, BOB, 1)
SECOND = Flow("tcp", ALICE, BOB, 2)
UDP = Flow("udp", ALICE, BOB)


def calling(endpoint: Endpoint, session: str, flow: Flow) -> Request:
    outputs = endpoint.invite(
        session,
        uri="sip:bob@192.0.2.2",
        flow=flow,
        from_=ALICE_NAME,
        to=BOB_NAME,
        body=OFFER,
        now=0.0,
    )
    (invite,) = sent(outputs)
    assert isinstance(invite, Request)
    return invite


def ended(session: str) -> SessionEnded:
    return SessionEnded(session, 503, "", EndedBy.TRANSPORT)


def test_only_what_is_under_way_on_the_lost_connection_fails() -> None:
    endpoint = make()
    _ = calling(endpoint, "one", FIRST)
    _ = calling(endpoint, "two", SECOND)
    asked = endpoint.request(
        "ping",
        "OPTIONS",
        uri="sip:bob@192.0.2.2",
        flow=FIRST,
        from_=ALICE_NAME,
        to=BOB_NAME,
        now=0.0,
    )
    assert len(asked) == 1
    assert endpoint.leftovers()["flows"] == 2
    assert endpoint.on_flow_failed(FIRST, 1.0) == [ended("one"), RequestDone("ping", None)]
    assert endpoint.on_flow_failed(FIRST, 1.0) == []
    assert endpoint.sessions == 1
    _ = run_out(endpoint)
    assert over(endpoint)


def test_nothing_is_remembered_of_a_flow_without_transactions() -> None:
    endpoint = make()
    invite = calling(endpoint, "one", FIRST)
    _ = endpoint.on_message(answer_to(invite, 200, body=ANSWER), FIRST, 0.1)
    _ = run_out(endpoint)
    assert endpoint.leftovers()["flows"] == 0
    assert endpoint.on_flow_failed(FIRST, 99.0) == []
    assert endpoint.sessions == 1  # The call goes on.


def test_a_call_goes_on_over_the_new_connection() -> None:
    endpoint = make()
    invite = calling(endpoint, "one", FIRST)
    _ = endpoint.on_message(answer_to(invite, 200, body=ANSWER), FIRST, 0.1)
    _ = run_out(endpoint)
    _ = endpoint.on_flow_failed(FIRST, 50.0)
    assert endpoint.reroute(FIRST, SECOND) == 1
    assert endpoint.reroute(FIRST, SECOND) == 0
    (bye, _) = endpoint.hangup("one", 51.0)
    assert isinstance(bye, Send)
    assert bye.flow == SECOND


def test_datagrams_that_come_back_are_looked_at_from_time_to_time() -> None:
    """ICMP: each look goes over all transactions, so a flood of them must cost nothing."""
    endpoint = make()
    _ = calling(endpoint, "one", UDP)
    assert endpoint.on_flow_failed(UDP, 1.0) == [ended("one")]
    _ = calling(endpoint, "two", UDP)
    assert endpoint.on_flow_failed(UDP, 1.0 + SCAN_PAUSE_SECONDS / 2) == []
    assert endpoint.on_flow_failed(UDP, 1.0 + SCAN_PAUSE_SECONDS) == [ended("two")]
