"""Before the answer: 18x in any order, forks, PRACK (RFC 3262) and UPDATE (RFC 3311)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.endpoint import Endpoint, EndpointConfig
from sip.errors import LocalError, ParseError
from sip.events import (
    EndedBy,
    Event,
    InviteReceived,
    OfferAnswered,
    OfferRejected,
    Output,
    SessionAcked,
    SessionAnswered,
    SessionEnded,
    SessionOffered,
    SessionProgress,
)
from sip.message import Request, Response
from sip.prack import RAck
from sip.tokens import Tokens
from tests.sip.network import ANSWER, OFFER, Network
from tests.sip.sample import answer_to, make_request
from tests.sip.test_endpoint import (
    AT_ALICE,
    calling,
    events,
    make,
    over,
    receive,
    run_out,
    sent,
    statuses,
)

EARLY = b"v=0 early"
ALLOW = ("Allow", "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE")


def reliable(
    invite: Request, status: int, number: int, body: bytes = b"", tag: str = "b"
) -> Response:
    headers = [("Require", "100rel"), ("RSeq", str(number)), ALLOW]
    if body:
        headers.append(("Content-Type", "application/sdp"))
    return answer_to(invite, status, to_tag=tag, headers=headers, body=body)


def requests(outputs: list[Output]) -> list[Request]:
    return [message for message in sent(outputs) if isinstance(message, Request)]


# --- RAck -------------------------------------------------------------------------------


def test_rack() -> None:
    assert RAck.parse("776656 1 INVITE") == RAck(776656, 1, "INVITE")
    assert str(RAck(1, 2, "INVITE")) == "1 2 INVITE"


@given(
    st.integers(0, 2**32 - 1), st.integers(0, 2**31 - 1), st.from_regex(r"[A-Z]+", fullmatch=True)
)
def test_rack_round_trip(number: int, cseq: int, method: str) -> None:
    rack = RAck(number, cseq, method)
    assert RAck.parse(str(rack)) == rack


@given(st.text(max_size=40))
def test_rack_of_anything(text: str) -> None:
    with suppress(ParseError):
        assert RAck.parse(str(RAck.parse(text))) == RAck.parse(text)


# --- we call: 18x without PRACK -----------------------------------------------------------


def progress(endpoint: Endpoint, response: Response) -> list[tuple[int, bytes]]:
    return [
        (event.status, event.body)
        for event in events(receive(endpoint, response))
        if isinstance(event, SessionProgress)
    ]


def test_early_media_in_any_response() -> None:
    endpoint = make()
    invite = calling(endpoint)
    assert progress(endpoint, answer_to(invite, 183, body=EARLY)) == [(183, EARLY)]
    assert progress(endpoint, answer_to(invite, 180)) == [(180, b"")]  # 180 after 183.
    assert progress(endpoint, answer_to(invite, 180, body=EARLY)) == [(180, EARLY)]


def test_a_183_without_a_description_is_nothing() -> None:
    endpoint = make()
    invite = calling(endpoint)
    assert progress(endpoint, answer_to(invite, 183)) == []
    assert endpoint.heard("out")
    other = answer_to(invite, 183, headers=[("Content-Type", "text/plain")], body=b"hello")
    assert progress(endpoint, other) == []


def test_an_answer_without_a_description_takes_the_early_one() -> None:
    """RFC 3261 §13.2.1 wants it in the 2xx as well, unless the 18x was reliable."""
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 183, to_tag="x", body=b"v=0 x"))
    _ = receive(endpoint, answer_to(invite, 183, to_tag="y", body=b"v=0 y"))
    ok = answer_to(invite, 200, to_tag="x")
    assert events(receive(endpoint, ok)) == [SessionAnswered("out", b"v=0 x", ok)]


def test_forks_ring_and_one_of_them_gives_up() -> None:
    endpoint = make()
    invite = calling(endpoint)
    for tag in ("x", "y"):
        assert progress(endpoint, answer_to(invite, 180, to_tag=tag)) == [(180, b"")]
    call_id, tag = endpoint.call_id("out"), endpoint.local_tag("out")
    assert [endpoint.find_dialog(call_id, tag, remote) for remote in "xyz"] == ["out", "out", None]
    assert progress(endpoint, answer_to(invite, 199, to_tag="x")) == []  # RFC 6228.
    assert endpoint.find_dialog(call_id, tag, "x") is None
    _ = receive(endpoint, answer_to(invite, 200, to_tag="y", body=ANSWER))
    assert endpoint.dialog_id("out") == (call_id, tag, "y")
    assert endpoint.find_dialog(*endpoint.dialog_id("out")) == "out"
    assert endpoint.is_answered("out")
    _ = endpoint.hangup("out", 1.0)
    assert endpoint.find_dialog(call_id, tag, "y") is None


# --- we call: PRACK -----------------------------------------------------------------------


def test_reliable_responses_are_acknowledged_in_order() -> None:
    endpoint = make()
    invite = calling(endpoint)
    outputs = receive(endpoint, reliable(invite, 183, 7, EARLY))
    (prack,) = requests(outputs)
    assert (prack.method, prack.get("RAck"), prack.cseq.number) == ("PRACK", "7 1 INVITE", 2)
    assert (prack.to_tag, prack.uri) == ("b", "sip:bob@192.0.2.2:5060")
    assert events(outputs) == [SessionProgress("out", 183, EARLY)]
    assert receive(endpoint, reliable(invite, 183, 7, EARLY)) == []  # Again.
    assert receive(endpoint, reliable(invite, 180, 9)) == []  # 8 was lost: it will come again.
    outputs = receive(endpoint, reliable(invite, 180, 8))
    assert [request.get("RAck") for request in requests(outputs)] == ["8 1 INVITE"]
    assert receive(endpoint, answer_to(prack, 200)) == []
    ok = answer_to(invite, 200)  # §5: without a second answer.
    outputs = receive(endpoint, ok)
    assert events(outputs) == [SessionAnswered("out", EARLY, ok)]
    (bye,) = requests(endpoint.hangup("out", 1.0))
    assert bye.cseq.number == 4  # The early dialog goes on.


def test_each_early_dialog_counts_for_itself() -> None:
    endpoint = make()
    invite = calling(endpoint)
    for tag, number in (("x", 5), ("y", 900)):
        (prack,) = requests(receive(endpoint, reliable(invite, 180, number, tag=tag)))
        assert (prack.get("RAck"), prack.to_tag) == (f"{number} 1 INVITE", tag)
        assert prack.cseq.number == 2


@pytest.mark.parametrize(
    "headers",
    [
        [("Require", "100rel")],
        [("RSeq", "1")],
        [("Require", "100rel"), ("RSeq", "x")],
        [("Require", "100rel"), ("RSeq", "99999999999")],
    ],
)
def test_a_response_that_is_not_reliable(headers: list[tuple[str, str]]) -> None:
    endpoint = make()
    invite = calling(endpoint)
    outputs = receive(endpoint, answer_to(invite, 180, headers=headers))
    assert sent(outputs) == []
    assert events(outputs) == [SessionProgress("out", 180, b"")]


def agreed_early(endpoint: Endpoint) -> Request:
    invite = calling(endpoint)
    (prack,) = requests(receive(endpoint, reliable(invite, 183, 1, EARLY)))
    _ = receive(endpoint, answer_to(prack, 200))
    return invite


def to_alice(
    endpoint: Endpoint, method: str, cseq: int, body: bytes = b"", tag: str = "b"
) -> list[Output]:
    """In the dialog of our call, from the side that is called."""
    request = make_request(
        method,
        branch=f"z9hG4bK-{cseq}",
        cseq=cseq,
        from_tag=tag,
        to_tag=endpoint.local_tag("out"),
        call_id=endpoint.call_id("out"),
        body=body,
    )
    return endpoint.on_datagram(bytes(request), AT_ALICE, 0.5)


def test_the_peer_changes_its_early_media() -> None:
    endpoint = make()
    _ = agreed_early(endpoint)
    outputs = to_alice(endpoint, "UPDATE", 5, b"v=0 other")
    assert events(outputs) == [SessionOffered("out", b"v=0 other", "UPDATE")]
    second = to_alice(endpoint, "UPDATE", 6, b"v=0 third")
    (refused,) = sent(second)
    assert isinstance(refused, Response)
    assert (refused.status, int(refused.get("Retry-After") or 99) <= 10) == (500, True)
    (ok,) = sent(endpoint.accept_offer("out", ANSWER, 0.6))
    assert isinstance(ok, Response)
    assert (ok.status, ok.cseq.number, ok.body) == (200, 5, ANSWER)
    (late,) = sent(to_alice(endpoint, "UPDATE", 4))
    assert isinstance(late, Response)
    assert late.status == 500  # From the past (§12.2.2): its early dialog counts, too.


def test_the_peer_offers_before_it_has_answered() -> None:
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 180))
    assert statuses(to_alice(endpoint, "UPDATE", 5, b"v=0")) == [491]
    assert statuses(to_alice(endpoint, "UPDATE", 6)) == [200]  # Without an offer: it lives.
    assert statuses(to_alice(endpoint, "PRACK", 7)) == [481]


def test_our_offer_before_the_answer_goes_by_update() -> None:
    endpoint = make()
    invite = agreed_early(endpoint)
    (update,) = requests(endpoint.offer("out", b"v=0 held", 0.5))
    assert (update.method, update.to_tag, update.cseq.number) == ("UPDATE", "b", 3)
    assert statuses(to_alice(endpoint, "UPDATE", 5, b"v=0")) == [491]  # Glare.
    outputs = receive(endpoint, answer_to(update, 200, body=ANSWER))
    assert events(outputs) == [OfferAnswered("out", ANSWER)]
    ok = answer_to(invite, 200)
    assert events(receive(endpoint, ok)) == [SessionAnswered("out", EARLY, ok)]


def test_our_early_offer_meets_theirs() -> None:
    """491: ours goes out again after the pause; if answered meanwhile, as a re-INVITE."""
    for answered in (False, True):
        endpoint = make()
        invite = agreed_early(endpoint)
        (update,) = requests(endpoint.offer("out", b"v=0 held", 0.5))
        assert receive(endpoint, answer_to(update, 491)) == []
        if answered:
            _ = receive(endpoint, answer_to(invite, 200))
        at = endpoint.next_deadline
        again: list[Request] = []
        while at is not None and not again:
            again = [r for r in requests(endpoint.on_time(at)) if r.body == b"v=0 held"]
            at = endpoint.next_deadline
        assert [r.method for r in again] == ["INVITE" if answered else "UPDATE"]


def test_an_offer_that_comes_too_early_waits() -> None:
    """No answer yet, or a peer without UPDATE: it goes out when the call is answered."""
    endpoint = make()
    invite = calling(endpoint)
    assert endpoint.offer("out", b"v=0 new", 0.1) == []
    (prack,) = requests(
        receive(
            endpoint,
            answer_to(invite, 183, headers=[("RSeq", "1"), ("Require", "100rel")], body=EARLY),
        )
    )
    assert prack.method == "PRACK"
    ok = answer_to(invite, 200, body=ANSWER)
    outputs = receive(endpoint, ok)
    assert [request.method for request in requests(outputs)] == ["ACK", "INVITE"]


def test_an_early_update_that_is_refused_or_lost() -> None:
    for status in (408, 481, 488, 504):
        endpoint = make()
        _ = agreed_early(endpoint)
        (update,) = requests(endpoint.offer("out", b"v=0 held", 0.5))
        outputs = receive(endpoint, answer_to(update, status))
        assert outputs == [OfferRejected("out", status)]
    endpoint = make()
    _ = agreed_early(endpoint)
    _ = endpoint.offer("out", b"v=0 held", 0.5)
    assert OfferRejected("out", 408) in run_out(endpoint)


def test_a_retry_after_is_kept() -> None:
    endpoint = make()
    _ = agreed_early(endpoint)
    (update,) = requests(endpoint.offer("out", b"v=0 held", 0.5))
    busy = answer_to(update, 500, headers=[("Retry-After", "3 (soon)")])
    assert endpoint.on_datagram(bytes(busy), AT_ALICE, 1.0) == []
    assert endpoint.on_time(3.9) == []
    assert [r.method for r in requests(endpoint.on_time(4.0))] == ["UPDATE"]


def test_cancel_while_the_peer_waits_for_an_answer() -> None:
    endpoint = make()
    _ = agreed_early(endpoint)
    _ = to_alice(endpoint, "UPDATE", 5, b"v=0 other")
    outputs = endpoint.hangup("out", 1.0)
    assert statuses(outputs) == [487]
    assert [request.method for request in requests(outputs)] == ["CANCEL"]


# --- we are called ------------------------------------------------------------------------


def called(endpoint: Endpoint, *headers: tuple[str, str], body: bytes = OFFER) -> str:
    invite = make_request("INVITE", headers=headers, body=body)
    (event,) = events(receive(endpoint, invite))
    assert isinstance(event, InviteReceived)
    return event.session


def with_100rel(*, reliable_ringing: bool = False) -> Endpoint:
    return make(supported=("100rel",), reliable_ringing=reliable_ringing)


REQUIRED = ("Require", "100rel")


def from_alice(
    session: str, method: str, cseq: int, *headers: tuple[str, str], body: bytes = b""
) -> Request:
    more = [("Content-Type", "application/sdp")] if body and method == "PRACK" else []
    return make_request(
        method,
        branch=f"z9hG4bK-{cseq}",
        cseq=cseq,
        to_tag=session,
        headers=[*headers, *more],
        body=body,
    )


def prack_of(response: Response, cseq: int, body: bytes = b"") -> Request:
    rack = ("RAck", f"{response.get('RSeq')} 1 INVITE")
    return from_alice(response.to_tag, "PRACK", cseq, rack, body=body)


def rang(endpoint: Endpoint, session: str, status: int = 180, body: bytes = b"") -> Response:
    (response,) = sent(endpoint.ring(session, 0.0, status=status, body=body))
    assert isinstance(response, Response)
    return response


def test_ringing_is_reliable_where_it_must_be() -> None:
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    ringing = rang(endpoint, session)
    assert ringing.get("Require") == "100rel"
    assert statuses(endpoint.on_time(0.5)) == [180]
    assert endpoint.on_time(1.4) == []
    assert statuses(endpoint.on_time(1.5)) == [180]
    assert statuses(receive(endpoint, prack_of(ringing, 2), 1.6)) == [200]
    assert endpoint.on_time(31.0) == []
    assert statuses(endpoint.answer(session, ANSWER, 31.0)) == [200]


def test_ringing_is_plain_where_it_may_be() -> None:
    endpoint = with_100rel()
    ringing = rang(endpoint, called(endpoint, ("Supported", "100rel")))
    assert (ringing.get("Require"), ringing.get("RSeq")) == (None, None)
    endpoint = with_100rel(reliable_ringing=True)
    assert rang(endpoint, called(endpoint, ("Supported", "100rel"))).get("Require") == "100rel"
    endpoint = with_100rel(reliable_ringing=True)
    assert rang(endpoint, called(endpoint)).get("Require") is None


def test_100rel_is_refused_where_it_is_not_configured() -> None:
    endpoint = make()
    assert statuses(receive(endpoint, make_request("INVITE", headers=[REQUIRED]))) == [420]


def test_no_prack_ends_the_call() -> None:
    """RFC 3262 §3: T1, 2 T1, 4 T1 … for 64 T1, then a 5xx."""
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    _ = endpoint.ring(session, 0.0)
    sends: list[float] = []
    ended: list[SessionEnded] = []
    at: float | None = None
    outputs: list[Output] = []
    while not ended:
        at = endpoint.next_deadline
        assert at is not None
        outputs = endpoint.on_time(at)
        sends += [at for status in statuses(outputs) if status == 180]
        ended = [event for event in outputs if isinstance(event, SessionEnded)]
    assert sends == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert (at, statuses(outputs)) == (32.0, [504])
    assert ended == [SessionEnded(session, 504, "", EndedBy.TIMEOUT)]


def test_a_prack_for_nothing_gets_481() -> None:
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    ringing = rang(endpoint, session)
    number = int(ringing.get("RSeq") or 0)
    for cseq, rack in enumerate(
        (f"{number + 1} 1 INVITE", f"{number} 2 INVITE", f"{number} 1 PRACK"), start=2
    ):
        prack = from_alice(session, "PRACK", cseq, ("RAck", rack))
        assert statuses(receive(endpoint, prack)) == [481]
    assert statuses(receive(endpoint, from_alice(session, "PRACK", 8))) == [400]
    assert statuses(receive(endpoint, prack_of(ringing, 9))) == [200]
    assert statuses(receive(endpoint, prack_of(ringing, 10))) == [481]  # Once is enough.
    plain = make()
    session = called(plain)
    _ = plain.ring(session, 0.0)
    assert statuses(receive(plain, from_alice(session, "PRACK", 2, ("RAck", "1 1 INVITE")))) == [
        481
    ]


def test_one_at_a_time() -> None:
    """RFC 3262 §3: the second waits for the PRACK of the first."""
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    first = rang(endpoint, session, 183, EARLY)
    assert endpoint.ring(session, 0.1) == []
    done, second = sent(receive(endpoint, prack_of(first, 2)))
    assert isinstance(done, Response)
    assert isinstance(second, Response)
    assert (done.status, second.status) == (200, 180)
    assert int(second.get("RSeq") or 0) == int(first.get("RSeq") or 0) + 1


def test_the_answer_waits_for_the_prack_of_a_description() -> None:
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    early = rang(endpoint, session, 183, EARLY)
    assert endpoint.answer(session, ANSWER, 0.1) == []
    with pytest.raises(LocalError):
        _ = endpoint.ring(session, 0.2)
    _, ok = sent(receive(endpoint, prack_of(early, 2)))
    assert isinstance(ok, Response)
    assert (ok.status, ok.cseq.method, ok.body) == (200, "INVITE", b"")  # §5: answered already.
    ack = make_request("ACK", branch="z9hG4bK-ack", to_tag=session)
    assert receive(endpoint, ack) == [SessionAcked(session, b"")]


def test_the_answer_does_not_wait_for_a_mere_180() -> None:
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    ringing = rang(endpoint, session)
    (ok,) = sent(endpoint.answer(session, ANSWER, 0.1))
    assert ok.body == ANSWER
    assert statuses(endpoint.on_time(0.6)) == [200]  # Again, and only that ...
    assert statuses(receive(endpoint, prack_of(ringing, 2))) == [200]  # ... but PRACK is served.


def test_who_refuses_does_not_wait() -> None:
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    _ = rang(endpoint, session, 183, EARLY)
    assert statuses(endpoint.reject(session, 486, 0.1)) == [486]
    assert not [status for status in statuses(run_out(endpoint)) if status == 183]
    assert over(endpoint)


def test_an_offer_in_a_prack_is_answered() -> None:
    """RFC 3262 §5."""
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    early = rang(endpoint, session, 183, EARLY)
    outputs = receive(endpoint, prack_of(early, 2, b"v=0 new"))
    assert outputs == [SessionOffered(session, b"v=0 new", "PRACK")]
    (ok,) = sent(endpoint.accept_offer(session, ANSWER, 0.2))
    assert isinstance(ok, Response)
    assert (ok.status, ok.cseq.method, ok.body) == (200, "PRACK", ANSWER)


def test_a_late_offer_is_answered_by_the_prack() -> None:
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED, body=b"")
    early = rang(endpoint, session, 183, EARLY)
    outputs = receive(endpoint, prack_of(early, 2, b"v=0 answer"))
    assert statuses(outputs) == [200]
    assert events(outputs) == [OfferAnswered(session, b"v=0 answer")]
    (ok,) = sent(endpoint.answer(session, ANSWER, 0.3))
    assert ok.body == b""


def test_updates_before_the_answer() -> None:
    """RFC 3311 §5.2: 500 until the first offer is answered, then it is an offer like any."""
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED, ALLOW)
    assert statuses(receive(endpoint, from_alice(session, "UPDATE", 2, body=b"v=0"))) == [500]
    early = rang(endpoint, session, 183, EARLY)
    _ = receive(endpoint, prack_of(early, 3))
    (update,) = requests(endpoint.offer(session, b"v=0 ours", 0.3))
    assert (update.method, update.to_tag) == ("UPDATE", "a")
    assert statuses(receive(endpoint, from_alice(session, "UPDATE", 4, body=b"v=0"))) == [491]
    outputs = receive(endpoint, answer_to(update, 200, to_tag="", body=ANSWER))
    assert events(outputs) == [OfferAnswered(session, ANSWER)]
    offered = receive(endpoint, from_alice(session, "UPDATE", 5, body=b"v=0"))
    assert offered == [SessionOffered(session, b"v=0", "UPDATE")]
    outputs = endpoint.reject(session, 486, 0.5)
    assert statuses(outputs) == [487, 486]


def test_the_last_ringing_is_repeated_reliably() -> None:
    """RFC 3261 §13.3.1.1: proxies must not give up, and RFC 3262 §3 wants it reliable."""
    endpoint = with_100rel()
    session = called(endpoint, REQUIRED)
    _ = receive(endpoint, prack_of(rang(endpoint, session), 2))
    (again,) = sent(endpoint.on_time(60.0))
    assert isinstance(again, Response)
    assert (again.status, again.get("Require")) == (180, "100rel")


def test_two_endpoints_agree() -> None:
    """All of it between two of ours: 183 with PRACK, 200 without a description."""
    network = Network(1)
    config = EndpointConfig(supported=("100rel",), reliable_ringing=True)
    network.alice.endpoint = Endpoint(config, Tokens(b"alice"), None)
    network.bob.endpoint = Endpoint(config, Tokens(b"bob"), None)

    def react(event: Event, now: float) -> list[Output]:
        if isinstance(event, InviteReceived):
            bob = network.bob.endpoint
            session = event.session
            network.at(now + 5, network.bob, lambda at: bob.answer(session, b"", at))
            return bob.ring(session, now, status=183, body=EARLY)
        return network.bob.answer_requests(event, now)

    network.bob.react = react
    network.at(0.0, network.alice, lambda at: network.alice.call("call", at))
    network.at(9.0, network.alice, lambda at: network.alice.endpoint.hangup("call", at))
    network.run()
    network.check_over()
    told = [event for event in network.alice.events if isinstance(event, SessionAnswered)]
    assert [event.body for event in told] == [EARLY]
    assert [end.status for end in network.alice.ended + network.bob.ended] == [200, 200]
