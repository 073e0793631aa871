"""Session timers (RFC 4028): what is agreed, who refreshes, and who hangs up when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.endpoint import Endpoint, EndpointConfig
from sip.errors import ParseError
from sip.events import (
    EndedBy,
    InviteReceived,
    OfferAnswered,
    OfferRejected,
    Output,
    SessionAnswered,
    SessionEnded,
    SessionOffered,
)
from sip.message import Request, Response
from sip.session_timer import SessionExpires
from sip.tokens import Tokens
from tests.sip.network import ANSWER, OFFER, Network
from tests.sip.sample import answer_to, make_request
from tests.sip.test_endpoint import AT_ALICE, AT_BOB, calling, events, receive, sent, statuses

TIMER = ("Supported", "timer")
UPDATES = ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE")


def make(session_expires: int = 1800, min_se: int = 90) -> Endpoint:
    config = EndpointConfig(supported=("timer",), session_expires=session_expires, min_se=min_se)
    return Endpoint(config, Tokens(b"secret"), None)


def expires(value: str) -> tuple[str, str]:
    return "Session-Expires", value


def of(message: Request | Response) -> tuple[str | None, str | None]:
    return message.get("Session-Expires"), message.get("Require")


def one(outputs: list[Output]) -> Request | Response:
    (message,) = sent(outputs)
    return message


# --- the header -------------------------------------------------------------------------


def test_session_expires() -> None:
    parse = SessionExpires.parse
    assert parse("1800") == SessionExpires(1800, "")
    assert parse("1800;refresher=uas") == SessionExpires(1800, "uas")
    assert parse(" 90 ; x=y ; Refresher = UAC") == SessionExpires(90, "uac")
    assert str(SessionExpires(90, "uac")) == "90;refresher=uac"


@given(st.integers(0, 10**9), st.sampled_from(["", "uac", "uas"]))
def test_session_expires_round_trip(seconds: int, refresher: str) -> None:
    value = SessionExpires(seconds, refresher)
    assert SessionExpires.parse(str(value)) == value


@given(st.text(max_size=40))
def test_session_expires_of_anything(text: str) -> None:
    try:
        value = SessionExpires.parse(text)
    except ParseError:
        return
    assert SessionExpires.parse(str(value)) == value


# --- we are called ----------------------------------------------------------------------


def called(endpoint: Endpoint, *headers: tuple[str, str]) -> tuple[str, Response]:
    invite = make_request("INVITE", headers=[TIMER, UPDATES, *headers], body=OFFER)
    (event,) = events(receive(endpoint, invite))
    assert isinstance(event, InviteReceived)
    ok = one(endpoint.answer(event.session, ANSWER, 0.0))
    assert isinstance(ok, Response)
    _ = receive(endpoint, make_request("ACK", branch="z9hG4bK-a", to_tag=event.session))
    return event.session, ok


@pytest.mark.parametrize(
    ("headers", "granted", "require"),
    [
        ([expires("600")], "600;refresher=uac", "timer"),
        ([expires("600;refresher=uas")], "600;refresher=uas", None),
        ([expires("3600")], "1800;refresher=uac", "timer"),
        ([expires("3600"), ("Min-SE", "2400")], "2400;refresher=uac", "timer"),
        ([], "1800;refresher=uac", "timer"),
        ([expires("what")], "1800;refresher=uac", "timer"),
    ],
)
def test_what_a_caller_is_granted(
    headers: list[tuple[str, str]], granted: str, require: str | None
) -> None:
    _, ok = called(make(), *headers)
    assert of(ok) == (granted, require)


def test_too_small_gets_422() -> None:
    endpoint = make(min_se=120)
    invite = make_request("INVITE", headers=[TIMER, expires("119")], body=OFFER)
    response = one(receive(endpoint, invite))
    assert isinstance(response, Response)
    assert (response.status, response.get("Min-SE")) == (422, "120")
    # Who does not know timers cannot help what a proxy wrote (RFC 4028 §9).
    other = make_request("INVITE", headers=[expires("60")], body=OFFER)
    assert statuses(receive(make(), other)) == [100]


def test_nothing_happens_to_those_who_do_not_know_timers() -> None:
    endpoint = make()
    invite = make_request("INVITE", headers=[expires("600")], body=OFFER)
    (event,) = events(receive(endpoint, invite))
    assert isinstance(event, InviteReceived)
    ok = one(endpoint.answer(event.session, ANSWER, 0.0))
    assert of(ok) == (None, None)
    _ = receive(endpoint, make_request("ACK", branch="z9hG4bK-a", to_tag=event.session))
    assert endpoint.next_deadline == 32.0  # Timer L, and then none.
    _ = endpoint.on_time(32.0)
    assert endpoint.next_deadline is None


def test_off_means_off() -> None:
    endpoint = make(0)
    invite = make_request("INVITE", headers=[TIMER, expires("10")], body=OFFER)
    (event,) = events(receive(endpoint, invite))
    assert isinstance(event, InviteReceived)
    assert of(one(endpoint.answer(event.session, ANSWER, 0.0))) == (None, None)


def skip_to(endpoint: Endpoint, when: float) -> list[Output]:
    outputs: list[Output] = []
    while (at := endpoint.next_deadline) is not None and at <= when:
        outputs += endpoint.on_time(at)
    return outputs


@pytest.mark.parametrize(("interval", "end"), [(90, 60.0), (600, 568.0)])
def test_who_is_not_refreshed_hangs_up(interval: int, end: float) -> None:
    """Interval less min(32 s, a third of it), RFC 4028 §10."""
    endpoint = make()
    session, _ = called(endpoint, expires(f"{interval};refresher=uac"))
    assert skip_to(endpoint, end - 0.01) == []
    outputs = skip_to(endpoint, end)
    bye = one(outputs)
    assert isinstance(bye, Request)
    assert bye.method == "BYE"
    assert events(outputs) == [SessionEnded(session, 408, "", EndedBy.TIMEOUT)]


def refresh_by_alice(session: str, method: str, *headers: tuple[str, str]) -> Request:
    body = OFFER if method == "INVITE" else b""
    return make_request(
        method, branch="z9hG4bK-2", cseq=2, to_tag=session, headers=headers, body=body
    )


def test_the_peer_refreshes_by_update() -> None:
    endpoint = make()
    session, _ = called(endpoint, expires("600;refresher=uac"))
    update = refresh_by_alice(session, "UPDATE", TIMER, expires("600;refresher=uac"))
    ok = one(endpoint.on_datagram(bytes(update), AT_BOB, 300.0))
    assert of(ok) == ("600;refresher=uac", "timer")
    assert not [e for e in events(skip_to(endpoint, 867.9)) if isinstance(e, SessionEnded)]
    assert [e for e in events(skip_to(endpoint, 868.0)) if isinstance(e, SessionEnded)]


def test_the_peer_refreshes_by_reinvite() -> None:
    endpoint = make()
    session, _ = called(endpoint, expires("600;refresher=uac"))
    reinvite = refresh_by_alice(session, "INVITE", TIMER, expires("600;refresher=uac"))
    outputs = endpoint.on_datagram(bytes(reinvite), AT_BOB, 300.0)
    assert events(outputs) == [SessionOffered(session, OFFER, "INVITE")]
    ok = one(endpoint.accept_offer(session, ANSWER, 300.0))
    assert of(ok) == ("600;refresher=uac", "timer")
    ack = make_request("ACK", branch="z9hG4bK-b", cseq=2, to_tag=session)
    _ = endpoint.on_datagram(bytes(ack), AT_BOB, 300.1)
    assert not [e for e in events(skip_to(endpoint, 867.9)) if isinstance(e, SessionEnded)]


def test_a_refresh_without_timer_ends_the_timer() -> None:
    endpoint = make()
    session, _ = called(endpoint, expires("600;refresher=uac"))
    ok = one(endpoint.on_datagram(bytes(refresh_by_alice(session, "UPDATE")), AT_BOB, 300.0))
    assert of(ok) == (None, None)
    assert skip_to(endpoint, 9999.0) == []


def test_a_refresh_that_is_too_brief() -> None:
    endpoint = make(min_se=120)
    session, _ = called(endpoint, expires("600;refresher=uac"))
    update = refresh_by_alice(session, "UPDATE", TIMER, expires("90;refresher=uac"))
    assert statuses(endpoint.on_datagram(bytes(update), AT_BOB, 300.0)) == [422]


# --- we call ----------------------------------------------------------------------------


def answered(endpoint: Endpoint, *headers: tuple[str, str]) -> Request:
    invite = calling(endpoint)
    assert isinstance(invite, Request)
    outputs = receive(endpoint, answer_to(invite, 200, headers=headers, body=ANSWER))
    assert [type(event) for event in events(outputs)] == [SessionAnswered]
    return invite


def test_we_ask_and_never_require() -> None:
    invite = answered(make(min_se=120))
    assert of(invite) == ("1800", None)
    assert (invite.get("Supported"), invite.get("Min-SE")) == ("timer", "120")
    plain = calling(make(0))
    assert plain.get("Session-Expires") is None


def test_a_peer_without_timers_is_left_alone() -> None:
    endpoint = make()
    _ = answered(endpoint)
    assert skip_to(endpoint, 99_999.0) == []


def test_422_is_answered_once() -> None:
    endpoint = make()
    invite = calling(endpoint)
    assert isinstance(invite, Request)
    brief = answer_to(invite, 422, headers=[("Min-SE", "3600")])
    _, again = sent(receive(endpoint, brief))
    assert isinstance(again, Request)
    assert of(again) == ("3600", None)
    assert (again.get("Min-SE"), again.cseq.number) == ("3600", 2)
    assert (again.call_id, again.from_tag) == (invite.call_id, invite.from_tag)
    refusal = answer_to(again, 422, headers=[("Min-SE", "7200")])
    ended = SessionEnded("out", 422, "", EndedBy.REMOTE, refusal)
    assert events(receive(endpoint, refusal)) == [ended]


def test_we_refresh_by_update() -> None:
    endpoint = make()
    _ = answered(endpoint, UPDATES, expires("600;refresher=uac"), ("Require", "timer"))
    assert skip_to(endpoint, 299.9) == []
    update = one(skip_to(endpoint, 300.0))
    assert isinstance(update, Request)
    assert (update.method, update.body) == ("UPDATE", b"")
    assert of(update) == ("600;refresher=uac", None)
    assert update.get("Supported") == "timer"
    ok = answer_to(update, 200, headers=[expires("600;refresher=uac"), UPDATES])
    assert endpoint.on_datagram(bytes(ok), AT_ALICE, 300.1) == []
    again = one(skip_to(endpoint, 600.5))
    assert isinstance(again, Request)
    assert (again.method, again.cseq.number) == ("UPDATE", update.cseq.number + 1)


def test_we_refresh_by_reinvite_where_update_is_not_known() -> None:
    """With the description that was agreed; nobody asked, so nobody is told."""
    endpoint = make()
    invite = answered(endpoint, expires("600;refresher=uac"))
    reinvite = one(skip_to(endpoint, 300.0))
    assert isinstance(reinvite, Request)
    assert (reinvite.method, reinvite.body) == ("INVITE", invite.body)
    ok = answer_to(reinvite, 200, headers=[expires("600;refresher=uac")], body=ANSWER)
    outputs = endpoint.on_datagram(bytes(ok), AT_ALICE, 300.1)
    assert events(outputs) == []
    (ack,) = sent(outputs)
    assert isinstance(ack, Request)
    assert ack.method == "ACK"


def test_a_refresh_does_not_hide_an_offer_of_the_user() -> None:
    endpoint = make()
    _ = answered(endpoint, expires("600;refresher=uac"))
    reinvite = one(skip_to(endpoint, 300.0))
    assert isinstance(reinvite, Request)
    assert endpoint.offer("out", b"v=0 held", 300.05) == []
    ok = answer_to(reinvite, 200, headers=[expires("600;refresher=uac")], body=ANSWER)
    _, held = sent(endpoint.on_datagram(bytes(ok), AT_ALICE, 300.1))
    assert isinstance(held, Request)
    assert (held.body, of(held)) == (b"v=0 held", ("600;refresher=uac", None))
    ok = answer_to(held, 200, headers=[expires("600;refresher=uac")], body=ANSWER)
    outputs = endpoint.on_datagram(bytes(ok), AT_ALICE, 300.2)
    assert events(outputs) == [OfferAnswered("out", ANSWER)]


@pytest.mark.parametrize(("status", "by"), [(481, EndedBy.REMOTE), (408, EndedBy.TIMEOUT)])
def test_a_refresh_finds_the_peer_gone(status: int, by: EndedBy) -> None:
    for headers in ([expires("600;refresher=uac")], [expires("600;refresher=uac"), UPDATES]):
        endpoint = make()
        _ = answered(endpoint, *headers)
        refresh = one(skip_to(endpoint, 300.0))
        assert isinstance(refresh, Request)
        refusal = answer_to(refresh, status)
        outputs = endpoint.on_datagram(bytes(refusal), AT_ALICE, 300.1)
        assert events(outputs) == [SessionEnded("out", status, "", by, refusal)]


def test_a_refresh_without_any_answer() -> None:
    for headers in ([expires("600;refresher=uac")], [expires("600;refresher=uac"), UPDATES]):
        endpoint = make()
        _ = answered(endpoint, *headers)
        outputs = skip_to(endpoint, 400.0)
        assert events(outputs) == [SessionEnded("out", 408, "", EndedBy.TIMEOUT)]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_refresh_that_is_refused_is_tried_again(method: str) -> None:
    endpoint = make()
    more = [UPDATES] if method == "UPDATE" else []
    _ = answered(endpoint, expires("600;refresher=uac"), *more)
    refresh = one(skip_to(endpoint, 300.0))
    assert isinstance(refresh, Request)
    refusal = answer_to(refresh, 422, headers=[("Min-SE", "900")])
    assert events(endpoint.on_datagram(bytes(refusal), AT_ALICE, 300.1)) == []
    again = one(skip_to(endpoint, 305.5))
    assert isinstance(again, Request)
    assert (again.method, of(again)) == (method, ("900;refresher=uac", None))


def test_an_update_that_the_peer_does_not_know_after_all() -> None:
    endpoint = make()
    _ = answered(endpoint, expires("600;refresher=uac"), UPDATES)
    refresh = one(skip_to(endpoint, 300.0))
    assert isinstance(refresh, Request)
    _ = endpoint.on_datagram(bytes(answer_to(refresh, 501)), AT_ALICE, 300.1)
    again = one(skip_to(endpoint, 305.5))
    assert isinstance(again, Request)
    assert again.method == "INVITE"


def test_the_callee_refreshes() -> None:
    endpoint = make()
    _ = answered(endpoint, expires("600;refresher=uas"))
    assert skip_to(endpoint, 567.9) == []
    outputs = skip_to(endpoint, 568.0)
    assert events(outputs) == [SessionEnded("out", 408, "", EndedBy.TIMEOUT)]


def test_a_refresh_waits_for_an_exchange_under_way() -> None:
    endpoint = make()
    _ = answered(endpoint, expires("90;refresher=uac"))
    offer = one(endpoint.offer("out", b"v=0 held", 44.0))
    assert isinstance(offer, Request)
    ringing = answer_to(offer, 180)
    _ = endpoint.on_datagram(bytes(ringing), AT_ALICE, 44.1)
    assert skip_to(endpoint, 45.0) == []
    refused = answer_to(offer, 488)
    outputs = endpoint.on_datagram(bytes(refused), AT_ALICE, 46.0)
    assert events(outputs) == [OfferRejected("out", 488)]
    refresh = one(skip_to(endpoint, 50.0))
    assert isinstance(refresh, Request)
    assert refresh.body == OFFER  # What was agreed last, not what was refused.


def test_two_endpoints_keep_their_call() -> None:
    """Of two that are ours the caller refreshes, for as long as it lasts."""
    network = Network(1)
    config = EndpointConfig(supported=("timer",), session_expires=90)
    network.alice.endpoint = Endpoint(config, Tokens(b"alice"), None)
    network.bob.endpoint = Endpoint(config, Tokens(b"bob"), None)

    def bob(event: object, now: float) -> list[Output]:
        if isinstance(event, InviteReceived):
            return network.bob.endpoint.answer(event.session, ANSWER, now)
        return network.bob.answer_requests(event, now)  # type: ignore[arg-type]

    network.bob.react = bob
    network.at(0.0, network.alice, lambda at: network.alice.call("call", at))
    network.at(300.0, network.alice, lambda at: network.alice.endpoint.hangup("call", at))
    network.run()
    network.check_over()
    assert [end.status for end in network.alice.ended + network.bob.ended] == [200, 200]
    assert sum("b'UPDATE " in line for line in network.log) == 6  # Each 45 s.
