"""What other systems are tested for by name (chan_pjsip, off nominal): one test for each name.

The names are those of the Asterisk test suite, so that who looks for one finds it.
"""

from sip.events import InDialogRequest, InviteReceived, SessionProgress
from sip.message import Request, Response
from tests.sip.network import ANSWER, OFFER
from tests.sip.sample import answer_to, make_request
from tests.sip.test_bodies import MIXED, SDP_PART, body_of
from tests.sip.test_endpoint import (
    AT_BOB,
    calling,
    events,
    make,
    over,
    receive,
    run_out,
    sent,
    statuses,
    talking,
)


def test_bare_ack() -> None:
    """An ACK out of nowhere is not answered, and leaves nothing behind."""
    endpoint = make()
    for ack in (make_request("ACK"), make_request("ACK", to_tag="unknown")):
        assert receive(endpoint, ack) == []
    assert over(endpoint)
    assert endpoint.counters["stray_acks"] == 2


def test_reinvite_after_bye() -> None:
    """481, not a crash: CVE-2021-31878."""
    endpoint = make()
    session = talking(endpoint)
    bye = make_request("BYE", branch="z9hG4bK-2", cseq=2, to_tag=session)
    assert statuses(receive(endpoint, bye)) == [200]
    reinvite = make_request("INVITE", branch="z9hG4bK-3", cseq=3, to_tag=session, body=OFFER)
    assert statuses(receive(endpoint, reinvite)) == [481]
    _ = run_out(endpoint)
    assert over(endpoint)


def test_reinvite_pending() -> None:
    """491 while ours is under way, 500 with Retry-After while theirs is."""
    endpoint = make()
    session = talking(endpoint)
    _ = endpoint.offer(session, OFFER, 1.0)
    crossing = make_request("INVITE", branch="z9hG4bK-2", cseq=2, to_tag=session, body=OFFER)
    assert statuses(receive(endpoint, crossing)) == [100, 491]
    endpoint = make()
    session = talking(endpoint)
    _ = receive(endpoint, crossing_of(session, 2))
    _, refusal = sent(receive(endpoint, crossing_of(session, 3)))
    assert isinstance(refusal, Response)
    assert refusal.status == 500
    assert 0 <= int(refusal.get("Retry-After") or -1) <= 10


def crossing_of(session: str, cseq: int) -> Request:
    branch = f"z9hG4bK-{cseq}"
    return make_request("INVITE", branch=branch, cseq=cseq, to_tag=session, body=OFFER)


def test_info_empty() -> None:
    endpoint = make()
    session = talking(endpoint)
    info = make_request("INFO", branch="z9hG4bK-2", cseq=2, to_tag=session)
    ((event),) = receive(endpoint, info)
    assert isinstance(event, InDialogRequest)
    assert statuses(endpoint.respond(event.transaction, 200, 0.0)) == [200]


def test_multipart_empty_part() -> None:
    for parts in ((b"", SDP_PART), (SDP_PART, b""), (SDP_PART, b"\r\n")):
        invite = make_request("INVITE", body=body_of(*parts))
        invite.set("Content-Type", MIXED)
        (event,) = events(receive(make(), invite))
        assert isinstance(event, InviteReceived)
        assert event.request.body.startswith(b"v=0")


def test_cseq_method() -> None:
    endpoint = make()
    invite = make_request("INVITE", body=OFFER)
    invite.set("CSeq", "1 REGISTER")
    assert statuses(receive(endpoint, invite)) == [400]
    assert over(endpoint)


def test_message_retrans() -> None:
    """A request that comes again gets its last response again, and is not a second request."""
    endpoint = make()
    invite = make_request("INVITE", body=OFFER)
    first = receive(endpoint, invite)
    (event,) = events(first)
    assert isinstance(event, InviteReceived)
    assert statuses(receive(endpoint, invite, 0.5)) == [100]
    _ = endpoint.ring(event.session, 0.6)
    assert statuses(receive(endpoint, invite, 1.5)) == [180]
    _ = endpoint.reject(event.session, 486, 1.6)
    assert statuses(receive(endpoint, invite, 1.7)) == [486]
    assert endpoint.counters["retransmissions"] == 3


def test_session_timer_minse() -> None:
    endpoint = make(supported=("timer",), session_expires=1800, min_se=90)
    headers = [("Supported", "timer"), ("Session-Expires", "60")]
    (response,) = sent(receive(endpoint, make_request("INVITE", headers=headers, body=OFFER)))
    assert isinstance(response, Response)
    assert (response.status, response.get("Min-SE")) == (422, "90")
    assert over(endpoint)


def test_unknown_event_package() -> None:
    endpoint = make()
    endpoint.packages = ("message-summary", "dialog")
    subscribe = make_request(
        "SUBSCRIBE", headers=[("Event", "sheep"), ("Contact", "<sip:alice@192.0.2.1>")]
    )
    (response,) = sent(endpoint.on_datagram(bytes(subscribe), AT_BOB, 0.0))
    assert isinstance(response, Response)
    assert (response.status, response.get("Allow-Events")) == (489, "message-summary, dialog")


def test_allow_sending_180_after_183() -> None:
    """As caller and as callee."""
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 183, body=ANSWER))
    outputs = receive(endpoint, answer_to(invite, 180))
    assert outputs == [SessionProgress("out", 180, b"")]
    called = make()
    (event,) = events(receive(called, make_request("INVITE", body=OFFER)))
    assert isinstance(event, InviteReceived)
    assert statuses(called.ring(event.session, 0.0, status=183, body=ANSWER)) == [183]
    assert statuses(called.ring(event.session, 0.1)) == [180]


def test_ignore_183_without_sdp() -> None:
    """It would take the caller's ringing tone away and put nothing in its place."""
    endpoint = make()
    invite = calling(endpoint)
    assert receive(endpoint, answer_to(invite, 183)) == []
    assert endpoint.heard("out")
