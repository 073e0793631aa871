import copy
from collections.abc import Callable, Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.auth import Account, Gate, make_ha1
from sip.core import COUNTERS
from sip.endpoint import Endpoint, EndpointConfig
from sip.errors import LocalError
from sip.events import (
    EndedBy,
    InDialogRequest,
    InviteReceived,
    OfferAnswered,
    Output,
    RequestDone,
    RequestReceived,
    Send,
    SessionAcked,
    SessionAnswered,
    SessionEnded,
    SessionProgress,
)
from sip.flow import Flow
from sip.message import Request, Response
from sip.parser import parse
from sip.timers import TimerConfig
from sip.tokens import Tokens
from tests.sip.network import ALICE_NAME, ANSWER, BOB_NAME, OFFER, Network, Weather
from tests.sip.plain import rebuild
from tests.sip.sample import ALICE, BOB, answer_to, make_request

AT_BOB = Flow("udp", BOB, ALICE)
AT_ALICE = Flow("udp", ALICE, BOB)


def make(gate: Gate | None = None, **config: object) -> Endpoint:
    return Endpoint(EndpointConfig(**config), Tokens(b"secret"), gate)  # type: ignore[arg-type]


def receive(endpoint: Endpoint, message: Request | Response, now: float = 0.0) -> list[Output]:
    flow = AT_ALICE if isinstance(message, Response) else AT_BOB
    return endpoint.on_datagram(bytes(message), flow, now)


def sent(outputs: Iterable[Output]) -> list[Request | Response]:
    return [parse(output.data) for output in outputs if isinstance(output, Send)]


def statuses(outputs: Iterable[Output]) -> list[int]:
    return [message.status for message in sent(outputs) if isinstance(message, Response)]


def events(outputs: Iterable[Output]) -> list[Output]:
    return [output for output in outputs if not isinstance(output, Send)]


def run_out(endpoint: Endpoint) -> list[Output]:
    """All timers, to the end."""
    outputs: list[Output] = []
    for _ in range(1000):
        deadline = endpoint.next_deadline
        if deadline is None:
            return outputs
        outputs += endpoint.on_time(deadline)
    raise AssertionError(endpoint.leftovers())


def over(endpoint: Endpoint) -> bool:
    return not any(endpoint.leftovers().values())


# --- we are called --------------------------------------------------------------------


def test_invite_gets_100_and_becomes_a_session() -> None:
    endpoint = make()
    invite = make_request("INVITE", body=OFFER)
    outputs = receive(endpoint, invite)
    assert statuses(outputs) == [100]
    (event,) = events(outputs)
    assert isinstance(event, InviteReceived)
    assert event.request.body == OFFER
    assert (event.flow, event.username) == (AT_BOB, None)
    assert endpoint.sessions == 1
    assert endpoint.call_id(event.session) == "call-1"
    assert endpoint.remote_tag(event.session) == "a"
    assert endpoint.local_tag(event.session) == event.session
    # Again: the same answer, and no second call.
    assert receive(endpoint, invite, now=0.5) == [outputs[0]]


def called(endpoint: Endpoint) -> tuple[str, Request]:
    invite = make_request("INVITE", body=OFFER)
    (event,) = events(receive(endpoint, invite))
    assert isinstance(event, InviteReceived)
    return event.session, invite


def talking(endpoint: Endpoint) -> str:
    session, _ = called(endpoint)
    _ = endpoint.answer(session, ANSWER, 0.0)
    ack = make_request("ACK", branch="z9hG4bK-ack", to_tag=session)
    assert receive(endpoint, ack) == [SessionAcked(session, b"")]
    return session


def test_an_ack_of_a_2xx_may_have_the_branch_of_the_invite() -> None:
    """It should not (RFC 3261 §17.1.1.3), yet old phones do so."""
    endpoint = make()
    session, _ = called(endpoint)
    _ = endpoint.answer(session, ANSWER, 0.0)
    assert receive(endpoint, make_request("ACK", to_tag=session)) == [SessionAcked(session, b"")]


def test_ring_and_answer_bytes() -> None:
    endpoint = make(supported=("replaces",))
    session, _ = called(endpoint)
    (ringing,) = endpoint.ring(session, 0.0, headers=[("X-Queue", "sales")])
    assert isinstance(ringing, Send)
    assert ringing == Send(
        AT_BOB,
        b"SIP/2.0 180 Ringing\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1;received=192.0.2.1;rport=5060\r\n"
        b"From: <sip:alice@192.0.2.1>;tag=a\r\n"
        b"To: <sip:bob@192.0.2.2>;tag=" + session.encode() + b"\r\n"
        b"Call-ID: call-1\r\n"
        b"CSeq: 1 INVITE\r\n"
        b"Contact: <sip:192.0.2.2:5060>\r\n"
        b"X-Queue: sales\r\n"
        b"Content-Length: 0\r\n\r\n",
    )
    (ok,) = sent(endpoint.answer(session, ANSWER, 0.0))
    assert ok.body == ANSWER
    assert ok.get("Content-Type") == "application/sdp"
    assert ok.get("Supported") == "replaces"
    assert (ok.get("Allow") or "").startswith("INVITE, ACK, CANCEL, BYE")


def test_refusal_and_its_ack() -> None:
    endpoint = make()
    session, _ = called(endpoint)
    outputs = endpoint.reject(session, 486, 0.0)
    assert statuses(outputs) == [486]
    assert events(outputs) == [SessionEnded(session, 486, "", EndedBy.LOCAL)]
    assert receive(endpoint, make_request("ACK", to_tag=session)) == []
    assert endpoint.next_deadline == 5.0  # Timer I
    assert run_out(endpoint) == []
    assert over(endpoint)


def test_cancel() -> None:
    endpoint = make()
    session, _ = called(endpoint)
    cancel = make_request("CANCEL", headers=[("Reason", "SIP;cause=200")])
    outputs = receive(endpoint, cancel)
    assert statuses(outputs) == [200, 487]
    (ended,) = events(outputs)
    assert isinstance(ended, SessionEnded)
    assert (ended.status, ended.reason, ended.by) == (487, "SIP;cause=200", EndedBy.REMOTE)
    assert statuses(receive(endpoint, cancel)) == [200]
    assert endpoint.answer(session, ANSWER, 0.0) == []  # Too late, and no fault of the user.
    assert endpoint.counters["commands_too_late"] == 1


def test_cancel_of_nothing_gets_481() -> None:
    endpoint = make()
    assert statuses(receive(endpoint, make_request("CANCEL"))) == [481]
    assert over(endpoint)


def test_cancel_after_the_answer_changes_nothing() -> None:
    endpoint = make()
    session, _ = called(endpoint)
    _ = endpoint.answer(session, ANSWER, 0.0)
    outputs = receive(endpoint, make_request("CANCEL"))
    assert (statuses(outputs), events(outputs)) == ([200], [])


def test_bye_and_what_comes_after_it() -> None:
    endpoint = make()
    session = talking(endpoint)
    bye = make_request("BYE", branch="z9hG4bK-2", cseq=2, to_tag=session)
    outputs = receive(endpoint, bye)
    assert statuses(outputs) == [200]
    assert [type(event) for event in events(outputs)] == [SessionEnded]
    assert statuses(receive(endpoint, bye)) == [200]
    for method in ("BYE", "INVITE", "INFO", "UPDATE", "OPTIONS"):
        late = make_request(method, branch=f"z9hG4bK-{method}", cseq=3, to_tag=session)
        assert statuses(receive(endpoint, late)) == [481]
    assert run_out(endpoint) == []
    assert over(endpoint)


def test_requests_within_the_dialog() -> None:
    endpoint = make()
    session = talking(endpoint)
    info = make_request("INFO", branch="z9hG4bK-2", cseq=2, to_tag=session, body=b"Signal=1")
    (event,) = receive(endpoint, info)
    assert isinstance(event, InDialogRequest)
    assert (event.session, event.request.body) == (session, b"Signal=1")
    assert statuses(endpoint.respond(event.transaction, 200, 0.0)) == [200]
    assert endpoint.respond(event.transaction, 200, 0.0) == []
    options = make_request("OPTIONS", branch="z9hG4bK-3", cseq=3, to_tag=session)
    assert statuses(receive(endpoint, options)) == [200]
    old = make_request("INFO", branch="z9hG4bK-4", cseq=2, to_tag=session)
    assert statuses(receive(endpoint, old)) == [500]


def test_a_stranger_cannot_end_the_call() -> None:
    endpoint = make()
    session = talking(endpoint)
    bye = make_request("BYE", branch="z9hG4bK-2", cseq=2, to_tag=session, from_tag="other")
    assert statuses(receive(endpoint, bye)) == [481]
    bye = make_request("BYE", branch="z9hG4bK-3", cseq=2, to_tag=session, call_id="other")
    assert statuses(receive(endpoint, bye)) == [481]
    assert endpoint.sessions == 1


def test_merged_request_gets_482() -> None:
    """RFC 3261 §8.2.2.2: the same request by another way."""
    endpoint = make()
    _ = called(endpoint)
    assert statuses(receive(endpoint, make_request("INVITE", branch="z9hG4bK-2"))) == [482]


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        (make_request("PRACK"), 481, ""),
        (make_request("BYE"), 481, ""),
        (make_request("UPDATE"), 481, ""),
        (make_request("PUBLISH"), 405, "Allow"),
        (make_request("DANCE"), 501, "Allow"),
        (make_request("BYE", to_tag="unknown"), 481, ""),
        (make_request("INVITE", to_tag="unknown"), 481, ""),
        (make_request("INVITE", uri="foo:bar"), 416, ""),
        (make_request("INVITE", headers=[("Require", "timer, 100rel")]), 420, "Unsupported"),
        (make_request("INVITE", headers=[("Content-Encoding", "gzip")], body=b"x"), 415, "Accept"),
        (
            make_request("INVITE", headers=[("Content-Type", "text/plain")], body=b"v"),
            400,
            "",
        ),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_refused_without_a_trace(request_: Request, status: int, header: str) -> None:
    endpoint = make()
    outputs = receive(endpoint, request_)
    (response,) = sent(outputs)
    assert isinstance(response, Response)
    assert response.status == status
    assert response.to_tag
    if header:
        assert any(name.startswith(header) for name, _ in response.headers)
    assert receive(endpoint, request_) == outputs  # To the last bit.
    assert over(endpoint)
    assert endpoint.counters["refused"] == 2


def test_wrong_body_type_gets_415() -> None:
    endpoint = make()
    invite = make_request("INVITE", body=b"hello")
    invite.set("Content-Type", "text/plain")
    (response,) = sent(receive(endpoint, invite))
    assert isinstance(response, Response)
    accepted = "application/sdp, multipart/mixed, multipart/alternative"
    assert (response.status, response.get("Accept")) == (415, accepted)


def test_max_forwards() -> None:
    endpoint = make()
    invite = make_request("INVITE")
    invite.set("Max-Forwards", "0")
    assert statuses(receive(endpoint, invite)) == [483]
    options = make_request("OPTIONS")
    options.set("Max-Forwards", "0")
    assert [type(event) for event in receive(endpoint, options)] == [RequestReceived]


def test_strays_are_dropped_silently() -> None:
    endpoint = make()
    assert receive(endpoint, make_request("ACK")) == []
    assert receive(endpoint, make_request("ACK", to_tag="unknown")) == []
    assert receive(endpoint, answer_to(make_request("INVITE"), 200)) == []
    assert endpoint.on_datagram(b"\r\n\r\n", AT_BOB, 0.0) == []
    assert endpoint.on_datagram(b"hello, world", AT_BOB, 0.0) == []
    counted = {name: count for name, count in endpoint.counters.items() if count}
    assert counted == {
        "garbage": 1,
        "keep_alives": 1,
        "received": 3,
        "stray_acks": 2,
        "stray_responses": 1,
    }
    assert tuple(endpoint.counters) == COUNTERS
    assert over(endpoint)


def test_full_tables_refuse_new_calls_and_serve_old_ones() -> None:
    endpoint = make(sessions_max=1)
    session = talking(endpoint)
    invite = make_request("INVITE", branch="z9hG4bK-2", call_id="call-2")
    (response,) = sent(receive(endpoint, invite))
    assert isinstance(response, Response)
    assert (response.status, response.get("Retry-After")) == (503, "5")
    bye = make_request("BYE", branch="z9hG4bK-3", cseq=2, to_tag=session)
    assert statuses(receive(endpoint, bye)) == [200]
    assert statuses(receive(endpoint, invite, now=1.0)) == [100]
    assert endpoint.invite(
        "out", uri="sip:b@x", flow=AT_BOB, from_=ALICE_NAME, to=BOB_NAME, body=b"", now=1.0
    ) == [SessionEnded("out", 503, "", EndedBy.LOCAL)]


def test_full_transactions() -> None:
    endpoint = make(transactions_max=2)
    session = talking(endpoint)
    assert [
        type(out) for out in receive(endpoint, make_request("OPTIONS", branch="z9hG4bK-2"))
    ] == [RequestReceived]
    options = make_request("OPTIONS", branch="z9hG4bK-3", call_id="2")
    assert statuses(receive(endpoint, options)) == [503]
    bye = make_request("BYE", branch="z9hG4bK-4", cseq=2, to_tag=session)
    assert statuses(receive(endpoint, bye)) == [200]


# --- who may --------------------------------------------------------------------------


def gate() -> Gate:
    account = Account("alice", make_ha1("alice", "dzvin", "secret", "MD5"))
    return Gate("dzvin", {"alice": account}, ("203.0.113.0/24",), b"gate")


def test_strangers_are_challenged_and_forgotten() -> None:
    endpoint = make(gate())
    for method in ("INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "INFO"):
        request = make_request(method, headers=[("Contact", "<sip:a@b>")] * (method == "REFER"))
        assert statuses(receive(endpoint, request)) == [401]
    assert over(endpoint)
    assert endpoint.counters["challenged"] == 7
    assert receive(endpoint, make_request("ACK")) == []
    assert statuses(receive(endpoint, make_request("CANCEL"))) == [481]
    (event,) = receive(endpoint, make_request("OPTIONS", branch="z9hG4bK-2"))
    assert isinstance(event, RequestReceived)
    assert event.username is None


def test_trusted_sources_need_no_credentials() -> None:
    endpoint = make(gate())
    trusted = Flow("udp", BOB, ("203.0.113.9", 5060))
    outputs = endpoint.on_datagram(bytes(make_request("INVITE")), trusted, 0.0)
    assert statuses(outputs) == [100]
    (event,) = events(outputs)
    assert isinstance(event, InviteReceived)
    assert event.username is None


# --- we call --------------------------------------------------------------------------


def calling(endpoint: Endpoint, session: str = "out") -> Request:
    outputs = endpoint.invite(
        session,
        uri="sip:bob@192.0.2.2",
        flow=AT_ALICE,
        from_=ALICE_NAME,
        to=BOB_NAME,
        body=OFFER,
        now=0.0,
        headers=[("X-A", "1\r\nEvil: 2")],
    )
    (invite,) = sent(outputs)
    assert isinstance(invite, Request)
    return invite


def test_invite_has_what_it_needs() -> None:
    endpoint = make()
    invite = calling(endpoint)
    assert [name for name, _ in invite.headers] == [
        *("Via", "Max-Forwards", "From", "To", "User-Agent", "Call-ID", "CSeq", "Contact"),
        *("Allow", "X-A", "Content-Type"),
    ]
    assert invite.get("X-A") == "1 Evil: 2"
    assert invite.from_tag == endpoint.local_tag("out")
    assert invite.get("Contact") == "<sip:192.0.2.1:5060>"
    with pytest.raises(LocalError):
        _ = calling(endpoint)


def test_a_mere_100_is_a_sign_of_life() -> None:
    endpoint = make()
    assert not endpoint.heard("out")
    invite = calling(endpoint)
    assert not endpoint.heard("out")
    assert receive(endpoint, answer_to(invite, 100)) == []
    assert endpoint.heard("out")
    late = calling(endpoint, "late")
    _ = endpoint.hangup("late", 0.0)
    assert not endpoint.heard("late")
    _ = receive(endpoint, answer_to(late, 100))
    assert not endpoint.heard("late")  # Over for its user.


def test_progress_answer_and_hanging_up() -> None:
    endpoint = make()
    invite = calling(endpoint)
    assert receive(endpoint, answer_to(invite, 100)) == []
    early = answer_to(invite, 183, body=b"early")
    assert receive(endpoint, early) == [SessionProgress("out", 183, b"early")]
    outputs = receive(endpoint, answer_to(invite, 200, body=ANSWER), now=1.0)
    (ack,) = sent(outputs)
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri, str(ack.cseq)) == ("ACK", "sip:bob@192.0.2.2:5060", "1 ACK")
    assert ack.via.branch != invite.via.branch
    (answered,) = events(outputs)
    assert isinstance(answered, SessionAnswered)
    assert answered.body == ANSWER
    assert endpoint.remote_tag("out") == "b"
    outputs = endpoint.hangup("out", 2.0, reason="Q.850;cause=16")
    (bye,) = sent(outputs)
    assert isinstance(bye, Request)
    assert (bye.method, str(bye.cseq), bye.get("Reason")) == ("BYE", "2 BYE", "Q.850;cause=16")
    assert events(outputs) == [SessionEnded("out", 200, "", EndedBy.LOCAL)]
    assert receive(endpoint, answer_to(bye, 200), now=2.1) == []
    assert run_out(endpoint) == []
    assert over(endpoint)


def test_busy() -> None:
    endpoint = make()
    invite = calling(endpoint)
    busy = answer_to(invite, 486, headers=[("Reason", "Q.850;cause=17")])
    outputs = receive(endpoint, busy)
    assert [message.cseq.method for message in sent(outputs)] == ["ACK"]
    (ended,) = events(outputs)
    assert isinstance(ended, SessionEnded)
    assert (ended.status, ended.reason, ended.by) == (486, "Q.850;cause=17", EndedBy.REMOTE)
    assert isinstance(ended.message, Response)


def test_nobody_there() -> None:
    endpoint = make()
    _ = calling(endpoint)
    outputs = run_out(endpoint)
    assert len(sent(outputs)) == 6
    assert events(outputs) == [SessionEnded("out", 408, "", EndedBy.TIMEOUT)]
    assert over(endpoint)


def test_port_closed() -> None:
    endpoint = make()
    _ = calling(endpoint)
    ended = SessionEnded("out", 503, "", EndedBy.TRANSPORT)
    assert endpoint.on_flow_failed(AT_ALICE, 0.1) == [ended]
    assert over(endpoint)


def test_the_caller_is_gone_before_the_answer() -> None:
    endpoint = make()
    session, _ = called(endpoint)
    ended = SessionEnded(session, 503, "", EndedBy.TRANSPORT)
    assert endpoint.on_flow_failed(AT_BOB, 0.1) == [ended]
    assert over(endpoint)


def test_a_lost_connection_does_not_end_an_answered_call() -> None:
    endpoint = make()
    session = talking(endpoint)
    assert endpoint.on_flow_failed(AT_BOB, 0.1) == []
    elsewhere = Flow("udp", BOB, ("192.0.2.77", 6000))
    info = make_request("INFO", branch="z9hG4bK-2", cseq=2, to_tag=session)
    (event,) = endpoint.on_datagram(bytes(info), elsewhere, 1.0)
    assert isinstance(event, InDialogRequest)
    (bye, _) = endpoint.hangup(session, 2.0)
    assert isinstance(bye, Send)
    assert bye.flow == elsewhere  # Where the peer is now.


def test_hanging_up_before_any_response_waits_with_the_cancel() -> None:
    endpoint = make()
    invite = calling(endpoint)
    ended = SessionEnded("out", 487, "", EndedBy.LOCAL)
    assert endpoint.hangup("out", 0.1, reason="SIP;cause=200") == [ended]
    (cancel,) = sent(receive(endpoint, answer_to(invite, 180), now=0.2))
    assert isinstance(cancel, Request)
    assert bytes(cancel).split(b"\r\n")[:2] == [
        b"CANCEL sip:bob@192.0.2.2 SIP/2.0",
        f"Via: {invite.get('Via')}".encode(),
    ]
    assert cancel.get("Reason") == "SIP;cause=200"
    assert receive(endpoint, answer_to(cancel, 200), now=0.3) == []
    assert [m.cseq.method for m in sent(receive(endpoint, answer_to(invite, 487), now=0.3))] == [
        "ACK"
    ]
    assert run_out(endpoint) == []
    assert over(endpoint)


def test_a_cancelled_invite_without_final_response_is_forgotten() -> None:
    """RFC 3261 §9.1: after 64*T1."""
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 180), now=0.1)
    (cancel,) = sent(endpoint.hangup("out", 1.0))
    assert isinstance(cancel, Request)
    _ = receive(endpoint, answer_to(cancel, 200), now=1.1)
    assert events(run_out(endpoint)) == []
    assert over(endpoint)


def test_answer_crosses_cancel() -> None:
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 180), now=0.1)
    _ = endpoint.hangup("out", 1.0)
    outputs = receive(endpoint, answer_to(invite, 200), now=1.1)
    assert [message.cseq.method for message in sent(outputs)] == ["ACK", "BYE"]
    assert events(outputs) == []
    assert events(run_out(endpoint)) == []
    assert over(endpoint)


def test_offer_answered_and_refused() -> None:
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 200))
    (reinvite,) = sent(endpoint.offer("out", b"hold", 1.0))
    assert isinstance(reinvite, Request)
    assert (reinvite.body, str(reinvite.cseq)) == (b"hold", "2 INVITE")
    outputs = receive(endpoint, answer_to(reinvite, 200, body=b"held"), now=1.1)
    assert [message.cseq.method for message in sent(outputs)] == ["ACK"]
    assert events(outputs) == [OfferAnswered("out", b"held")]


def test_peer_that_lost_the_call() -> None:
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 200))
    (info,) = sent(endpoint.request_in_dialog("out", "INFO", 1.0, body=b"x", key="dtmf"))
    assert isinstance(info, Request)
    outputs = receive(endpoint, answer_to(info, 481), now=1.1)
    done, ended = events(outputs)
    assert isinstance(done, RequestDone)
    assert done.key == "dtmf"
    assert isinstance(ended, SessionEnded)
    assert (ended.status, ended.by) == (481, EndedBy.REMOTE)


def test_no_credentials_for_those_who_ask_back() -> None:
    """The digest leak: a peer that challenges our BYE learns nothing."""
    endpoint = make()
    invite = calling(endpoint)
    _ = receive(endpoint, answer_to(invite, 200))
    (bye,) = sent(endpoint.hangup("out", 1.0))
    assert isinstance(bye, Request)
    challenge = ("WWW-Authenticate", 'Digest realm="dzvin", nonce="1"')
    assert receive(endpoint, answer_to(bye, 401, headers=[challenge]), now=1.1) == []
    assert events(run_out(endpoint)) == []


# --- outside calls --------------------------------------------------------------------


def ask(endpoint: Endpoint) -> Request:
    outputs = endpoint.request(
        "ping",
        "OPTIONS",
        uri="sip:bob@192.0.2.2",
        flow=AT_ALICE,
        from_=ALICE_NAME,
        to=BOB_NAME,
        now=0.0,
    )
    (request,) = sent(outputs)
    assert isinstance(request, Request)
    return request


def test_request_answered_or_not() -> None:
    endpoint = make()
    response = answer_to(ask(endpoint), 200)
    (done,) = receive(endpoint, response, now=0.1)
    assert isinstance(done, RequestDone)
    assert done.response is not None
    assert (done.key, done.response.status) == ("ping", 200)
    assert receive(endpoint, response, now=0.2) == []
    _ = run_out(endpoint)
    assert over(endpoint)
    _ = ask(endpoint)
    assert events(run_out(endpoint)) == [RequestDone("ping", None)]
    assert over(endpoint)


def test_options_are_answered_with_our_abilities() -> None:
    endpoint = make()
    (event,) = receive(endpoint, make_request("OPTIONS"))
    assert isinstance(event, RequestReceived)
    (response,) = sent(endpoint.respond(event.transaction, 200, 0.0, headers=[("Accept", "a/b")]))
    assert response.get("Allow")
    assert response.get("Accept") == "a/b"
    assert response.to_tag


def test_misuse_is_a_local_error() -> None:
    endpoint = make()
    _ = calling(endpoint)
    session = talking(endpoint)
    misuses: list[Callable[[], object]] = [
        lambda: endpoint.ring("out", 0.0),
        lambda: endpoint.answer("out", b"", 0.0),
        lambda: endpoint.ring(session, 0.0),
        lambda: endpoint.answer(session, b"", 0.0),
        lambda: endpoint.request_in_dialog("out", "INFO", 0.0),
        lambda: endpoint.request_in_dialog(session, "BYE", 0.0),
    ]
    for misuse in misuses:
        with pytest.raises(LocalError):
            _ = misuse()


# --- state is plain data --------------------------------------------------------------


def story(seed: int, between: Callable[[Network], None]) -> list[str]:
    """A rich call on a bad network; `between` may meddle after every step."""
    network = Network(seed, Weather(loss=0.15, repeat=0.1, delay=0.3))
    alice, bob, random = network.alice, network.bob, network.random

    def react(event: Output, now: float) -> list[Output]:
        if isinstance(event, InviteReceived):
            session = event.session
            network.at(now + 0.3, bob, lambda at: bob.endpoint.answer(session, ANSWER, at))
            return bob.endpoint.ring(session, now)
        return bob.answer_requests(event, now)  # type: ignore[arg-type]

    def offer(at: float) -> list[Output]:
        talks = any(isinstance(event, SessionAnswered) for event in alice.events)
        return alice.endpoint.offer("call", OFFER, at) if talks else []

    def offer_back(at: float) -> list[Output]:
        talks = {event.session for event in bob.events if isinstance(event, SessionAcked)}
        return [o for s in sorted(talks) for o in bob.endpoint.offer(s, OFFER, at)]

    bob.react = react
    network.at(0.0, alice, lambda at: alice.call("call", at))
    network.at(2.0, alice, offer)
    network.at(2.0 + random.uniform(0, 0.2), bob, offer_back)
    network.at(0.1, alice, lambda at: [])
    network.at(random.uniform(0.0, 8.0), alice, lambda at: alice.endpoint.hangup("call", at))
    network.at(60.0, bob, lambda at: [o for s in bob.incoming for o in bob.endpoint.hangup(s, at)])
    network.on_step = lambda: between(network)
    network.run()
    network.check_over()
    return network.log


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_a_copy_goes_on_as_the_original_would(seed: int, how: int) -> None:
    """At any moment either endpoint may be replaced by what was read back of it."""
    meddler = Random(seed)

    def meddle(network: Network) -> None:
        for party in (network.alice, network.bob):
            if meddler.random() < 0.4:
                party.endpoint = (
                    copy.deepcopy(party.endpoint) if how == 0 else rebuild(party.endpoint)
                )

    assert story(seed, meddle) == story(seed, lambda network: None)


def test_the_walker_sees_what_is_not_plain() -> None:
    endpoint = make()
    endpoint.counters["x"] = (n for n in (1,))  # type: ignore[assignment]
    with pytest.raises(AssertionError, match=r"counters\['x'\]: <class 'generator'>"):
        _ = rebuild(endpoint)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    endpoint = make()
    assert all(isinstance(output, Send) for output in endpoint.on_datagram(data, AT_BOB, 0.0))


def test_timers_can_be_short() -> None:
    endpoint = make(timers=TimerConfig(t1=0.01))
    _ = calling(endpoint)
    _ = run_out(endpoint)
    assert over(endpoint)
