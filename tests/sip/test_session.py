"""Sessions without an endpoint: inputs in, outputs compared."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.errors import LocalError, RemoteError
from sip.events import (
    EndedBy,
    OfferAnswered,
    OfferRejected,
    Send,
    SessionAcked,
    SessionAnswered,
    SessionEnded,
    SessionOffered,
    SessionProgress,
)
from sip.message import Request, Response
from sip.session import TRANSITIONS, Limit, Reply, SessionOutput, Start, State
from sip.session_client import FORKS_MAX, ClientSession, first_branch, make_cancel
from sip.session_reinvite import GLARES_MAX, OFFERINGS, Offering, OfferingSession
from sip.session_server import STILL_RINGING_SECONDS, ServerSession
from sip.timers import TimerConfig
from tests.sip.sample import UDP, answer_to, make_request

if TYPE_CHECKING:
    from collections.abc import Callable

INVITE = make_request("INVITE", branch=first_branch("a"), body=b"offer")


def client() -> ClientSession:
    session = ClientSession("call", INVITE, UDP, TimerConfig())
    assert session.start() == [Start(INVITE)]
    return session


def server() -> ServerSession:
    return ServerSession("tx", INVITE, "b", UDP, TimerConfig())


def respond_to(session: OfferingSession, response: Response, now: float) -> list[SessionOutput]:
    invite = response.cseq.method == "INVITE"
    handle = session.on_invite_response if invite else session.on_response
    return handle(response.via.branch, response, now)


def started(outputs: list[SessionOutput]) -> list[Request]:
    return [output.request for output in outputs if isinstance(output, Start)]


def replies(outputs: list[SessionOutput]) -> list[int]:
    return [output.response.status for output in outputs if isinstance(output, Reply)]


def told(outputs: list[SessionOutput]) -> list[SessionOutput]:
    return [out for out in outputs if not isinstance(out, Send | Start | Reply | Limit)]


def talking_client() -> ClientSession:
    session = client()
    _ = respond_to(session, answer_to(INVITE, 200, body=b"answer"), 0.0)
    assert session.state is State.CONFIRMED
    return session


def ack(number: int = 1, body: bytes = b"") -> Request:
    return make_request("ACK", branch="z9hG4bK-ack", cseq=number, to_tag="b", body=body)


def talking_server() -> ServerSession:
    session = server()
    _ = session.answer(b"answer", [], 0.0)
    assert session.on_ack(ack(), UDP, 0.0) == [SessionAcked("b", b"")]
    return session


def from_peer(method: str, cseq: int, body: bytes = b"") -> Request:
    """Within the dialog, from the side that has the tag a."""
    return make_request(method, branch=f"z9hG4bK-{cseq}", cseq=cseq, to_tag="b", body=body)


# --- calling ------------------------------------------------------------------


def test_progress_and_answer() -> None:
    session = client()
    assert respond_to(session, answer_to(INVITE, 100), 0.0) == []
    assert respond_to(session, answer_to(INVITE, 183, body=b"x"), 0.0) == [
        SessionProgress("call", 183, b"x")
    ]
    ok = answer_to(INVITE, 200, body=b"answer")
    acked, answered = respond_to(session, ok, 0.0)
    assert answered == SessionAnswered("call", b"answer", ok)
    assert respond_to(session, ok, 0.5) == [acked]  # The very same ACK.
    assert session.next_deadline == 32.0
    assert session.on_time(32.0) == []
    assert respond_to(session, ok, 33.0) == []


def test_forks() -> None:
    session = talking_client()
    for number in range(FORKS_MAX + 5):
        fork = answer_to(INVITE, 200, to_tag=f"fork{number}")
        outputs = respond_to(session, fork, 1.0)
        if number < FORKS_MAX - 1:
            first, bye = outputs
            assert isinstance(first, Send)
            assert first.data.startswith(b"ACK ")
            assert isinstance(bye, Start)
            assert (bye.request.method, bye.request.to_tag) == ("BYE", f"fork{number}")
            assert respond_to(session, answer_to(bye.request, 200), 1.1) == []
            assert session.on_failure(bye.request.via.branch, EndedBy.TIMEOUT, 1.1) == []
        else:
            assert outputs == []
    assert session.state is State.CONFIRMED


def test_cancel_waits_for_a_response_then_for_the_final_one() -> None:
    session = client()
    assert session.hangup(0.0, reason="SIP;cause=200") == [
        SessionEnded("call", 487, "", EndedBy.LOCAL)
    ]
    assert session.hangup(0.0) == []
    cancel = Start(make_cancel(INVITE, "SIP;cause=200"))
    limit = Limit(first_branch("a"))
    assert respond_to(session, answer_to(INVITE, 180), 0.1) == [cancel, limit]
    assert respond_to(session, answer_to(INVITE, 180), 0.2) == []
    assert respond_to(session, answer_to(INVITE, 487), 0.3) == []
    assert session.gone


@pytest.mark.parametrize(
    ("by", "status"), [(EndedBy.TIMEOUT, 408), (EndedBy.TRANSPORT, 503)], ids=str
)
def test_no_answer(by: EndedBy, status: int) -> None:
    session = client()
    assert session.on_invite_failure(first_branch("a"), by, 32.0) == [
        SessionEnded("call", status, "", by)
    ]
    assert session.gone


def test_bye_of_a_callee_that_has_not_answered() -> None:
    session = client()
    _ = respond_to(session, answer_to(INVITE, 180), 0.0)
    bye = make_request("BYE", branch="z9hG4bK-9", to_tag="a", from_tag="b")
    outputs = session.on_request("tx9", bye, UDP, 0.0)
    assert replies(outputs) == [200]
    assert [request.method for request in started(outputs)] == ["CANCEL"]
    assert told(outputs) == [SessionEnded("call", 480, "", EndedBy.REMOTE, bye)]
    late = respond_to(session, answer_to(INVITE, 200), 0.1)
    assert [request.method for request in started(late)] == ["BYE"]


# --- being called ---------------------------------------------------------------


def test_ringing_is_repeated_each_minute() -> None:
    session = server()
    (ringing,) = session.ring(180, b"", [], 0.0)
    assert isinstance(ringing, Reply)
    assert (ringing.transaction, ringing.response.status) == ("tx", 180)
    assert session.next_deadline == STILL_RINGING_SECONDS
    assert session.on_time(60.0) == [ringing]
    assert session.next_deadline == 120.0
    _ = session.reject(486, [])
    assert session.gone


def test_answer_is_repeated_until_the_ack() -> None:
    session = server()
    (reply,) = session.answer(b"answer", [], 0.0)
    assert isinstance(reply, Reply)
    again = Send(UDP, bytes(reply.response))
    times: list[float] = []
    for _ in range(4):
        at = session.next_deadline
        assert at is not None
        assert session.on_time(at) == [again]
        times.append(at)
    assert times == [0.5, 1.5, 3.5, 7.5]
    assert session.on_ack(ack(2), UDP, 8.0) == []  # Of another INVITE.
    assert session.on_ack(ack(body=b"late"), UDP, 8.0) == [SessionAcked("b", b"late")]
    assert session.on_ack(ack(), UDP, 8.1) == []
    assert session.next_deadline is None


def test_bye_waits_for_the_ack() -> None:
    session = server()
    _ = session.answer(b"answer", [], 0.0)
    assert session.hangup(0.1, reason="Q.850;cause=16") == [
        SessionEnded("b", 200, "", EndedBy.LOCAL)
    ]
    (bye,) = started(session.on_ack(ack(), UDP, 0.2))
    assert (bye.method, bye.get("Reason")) == ("BYE", "Q.850;cause=16")
    assert respond_to(session, answer_to(bye, 200), 0.3) == []
    assert session.gone


def test_cancel_and_bye_before_the_answer() -> None:
    session = server()
    cancel = make_request("CANCEL", branch=first_branch("a"))
    outputs = session.on_cancel("tx", cancel, 0.0)
    assert replies(outputs) == [487]
    assert told(outputs) == [SessionEnded("b", 487, "", EndedBy.REMOTE, cancel)]
    session = server()
    _ = session.ring(180, b"", [], 0.0)
    outputs = session.on_request("tx2", from_peer("BYE", 2), UDP, 0.0)
    assert replies(outputs) == [200, 487]
    assert session.gone


# --- offers ------------------------------------------------------------------------


def test_offer_of_the_peer() -> None:
    session = talking_server()
    offer = from_peer("INVITE", 2, b"hold")
    assert session.on_request("tx2", offer, UDP, 1.0) == [SessionOffered("b", b"hold", "INVITE")]
    assert replies(session.on_request("tx3", from_peer("INVITE", 3, b"x"), UDP, 1.0)) == [500]
    (reply,) = session.accept_offer(b"held", 1.0, [])
    assert isinstance(reply, Reply)
    assert (reply.transaction, reply.response.body) == ("tx2", b"held")
    assert replies(session.on_request("tx4", from_peer("UPDATE", 4, b"x"), UDP, 1.0)) == [491]
    assert session.accept_offer(b"held", 1.0, []) == []
    assert session.on_ack(ack(2), UDP, 1.1) == []
    assert session.offering is Offering.IDLE


def test_an_empty_offer_asks_for_ours() -> None:
    session = talking_server()
    assert session.on_request("tx2", from_peer("INVITE", 2), UDP, 1.0) == [
        SessionOffered("b", b"", "INVITE")
    ]
    _ = session.accept_offer(b"ours", 1.0, [])
    assert session.on_ack(ack(2, b"theirs"), UDP, 1.1) == [OfferAnswered("b", b"theirs")]


def test_update() -> None:
    session = talking_server()
    moved = from_peer("UPDATE", 2)
    moved.set("Contact", "<sip:alice@192.0.2.99>")
    assert replies(session.on_request("tx2", moved, UDP, 1.0)) == [200]
    assert session.dialog is not None
    assert session.dialog.remote_target == "sip:alice@192.0.2.99"
    offer = from_peer("UPDATE", 3, b"x")
    assert session.on_request("tx3", offer, UDP, 1.0) == [SessionOffered("b", b"x", "UPDATE")]
    assert replies(session.accept_offer(b"y", 1.0, [])) == [200]
    assert session.offering is Offering.IDLE
    assert session.next_deadline is None


def test_a_refused_offer_does_not_move_the_target() -> None:
    session = talking_server()
    offer = from_peer("INVITE", 2, b"x")
    offer.set("Contact", "<sip:alice@192.0.2.99>")
    _ = session.on_request("tx2", offer, UDP, 1.0)
    assert replies(session.reject_offer(488, 1.0)) == [488]
    assert session.dialog is not None
    assert session.dialog.remote_target == "sip:alice@192.0.2.1:5060"


def test_a_cancelled_offer_is_withdrawn() -> None:
    session = talking_server()
    _ = session.on_request("tx2", from_peer("INVITE", 2, b"x"), UDP, 1.0)
    assert session.on_cancel("tx1", make_request("CANCEL"), 1.0) == []
    assert replies(session.on_cancel("tx2", make_request("CANCEL"), 1.0)) == [487]
    assert session.accept_offer(b"y", 1.0, []) == []
    assert session.state is State.CONFIRMED


@pytest.mark.parametrize("calls", [True, False])
def test_glare(calls: bool) -> None:
    """RFC 3261 §14.1: the owner of the Call-ID tries after 2.1-4 s, the other after 0-2 s."""
    session: OfferingSession = talking_client() if calls else talking_server()
    assert session.on_time(32.0) == []
    (reinvite,) = started(session.offer(b"x", 40.0))
    assert respond_to(session, answer_to(reinvite, 491), 40.0) == []
    at = session.next_deadline
    assert at is not None
    assert (2.1 if calls else 0.0) <= at - 40.0 <= (4.0 if calls else 2.0)
    (again,) = started(session.on_time(at))
    assert (again.cseq.number, again.body) == (reinvite.cseq.number + 1, b"x")
    acked, answered = respond_to(session, answer_to(again, 200, body=b"y"), 50.0)
    assert isinstance(acked, Send)
    assert answered == OfferAnswered(session.name, b"y")


def test_a_peer_that_always_says_491() -> None:
    session = talking_server()
    (reinvite,) = started(session.offer(b"x", 1.0))
    for _ in range(GLARES_MAX):
        assert respond_to(session, answer_to(reinvite, 491), 1.0) == []
        at = session.next_deadline
        assert at is not None
        (reinvite,) = started(session.on_time(at))
    assert respond_to(session, answer_to(reinvite, 491), 1.0) == [OfferRejected("b", 491)]


def test_their_offer_in_our_glare_pause_makes_ours_old() -> None:
    session = talking_server()
    (reinvite,) = started(session.offer(b"x", 1.0))
    _ = respond_to(session, answer_to(reinvite, 491), 1.0)
    assert session.on_request("tx2", from_peer("INVITE", 2, b"y"), UDP, 1.1) == [
        SessionOffered("b", b"y", "INVITE")
    ]
    _ = session.accept_offer(b"z", 1.1, [])
    assert session.on_ack(ack(2), UDP, 1.2) == [OfferRejected("b", 491)]
    assert session.next_deadline is None


def test_an_early_offer_waits_and_the_newer_counts() -> None:
    session = server()
    _ = session.answer(b"answer", [], 0.0)
    assert session.offer(b"old", 0.0) == []
    assert session.offer(b"new", 0.0) == []
    outputs = session.on_ack(ack(), UDP, 0.1)
    assert told(outputs) == [SessionAcked("b", b"")]
    assert [request.body for request in started(outputs)] == [b"new"]


@pytest.mark.parametrize(("status", "by"), [(481, EndedBy.REMOTE), (408, EndedBy.TIMEOUT)])
def test_offer_to_a_peer_that_lost_the_call(status: int, by: EndedBy) -> None:
    session = talking_client()
    (reinvite,) = started(session.offer(b"x", 1.0))
    response = answer_to(reinvite, status)
    outputs = respond_to(session, response, 1.1)
    assert [request.method for request in started(outputs)] == ["BYE"]
    assert told(outputs) == [SessionEnded("call", status, "", by, response)]


def test_offer_refused_unanswered_or_unsendable() -> None:
    session = talking_client()
    (reinvite,) = started(session.offer(b"x", 1.0))
    assert respond_to(session, answer_to(reinvite, 488), 1.1) == [OfferRejected("call", 488)]
    (reinvite,) = started(session.offer(b"x", 1.2))
    failed = session.on_invite_failure(reinvite.via.branch, EndedBy.TRANSPORT, 1.3)
    assert failed == [OfferRejected("call", 503)]
    (reinvite,) = started(session.offer(b"x", 1.4))
    failed = session.on_invite_failure(reinvite.via.branch, EndedBy.TIMEOUT, 33.0)
    assert [request.method for request in started(failed)] == ["BYE"]
    assert told(failed) == [SessionEnded("call", 408, "", EndedBy.TIMEOUT)]


def test_no_ack_to_our_answer_of_an_offer() -> None:
    session = talking_server()
    _ = session.on_request("tx2", from_peer("INVITE", 2, b"x"), UDP, 1.0)
    _ = session.accept_offer(b"y", 1.0, [])
    outputs: list[SessionOutput] = []
    while not session.over:
        at = session.next_deadline
        assert at is not None
        outputs += session.on_time(at)
    assert at == 33.0
    assert told(outputs) == [SessionEnded("b", 408, "", EndedBy.TIMEOUT)]


def test_hanging_up_answers_what_is_open() -> None:
    session = talking_server()
    _ = session.on_request("tx2", from_peer("INVITE", 2, b"x"), UDP, 1.0)
    outputs = session.hangup(1.1)
    assert replies(outputs) == [487]
    assert [request.method for request in started(outputs)] == ["BYE"]
    caller = talking_client()
    (reinvite,) = started(caller.offer(b"x", 1.0))
    outputs = caller.hangup(1.1)
    assert Limit(reinvite.via.branch) in outputs
    late = respond_to(caller, answer_to(reinvite, 200), 1.2)
    assert [type(output) for output in late] == [Send]  # Its ACK, and no news.


def test_misuse() -> None:
    session = server()
    misuses: list[Callable[[], object]] = [
        lambda: session.ring(200, b"", [], 0.0),
        lambda: session.reject(200, []),
    ]
    for misuse in misuses:
        with pytest.raises(LocalError):
            _ = misuse()


# --- any history ---------------------------------------------------------------------

STEP = st.sampled_from(
    [
        *("100", "180", "200", "200 fork", "486", "487", "491", "481"),
        *("timeout", "transport", "time", "flow"),
        *("ring", "answer", "reject", "hangup", "offer", "accept", "refuse", "info"),
        *("ACK", "BYE", "INVITE", "UPDATE", "INFO", "OPTIONS", "CANCEL"),
    ]
)


class History:
    """A session, its peer without any sense, and what must hold all the same."""

    def __init__(self, session: OfferingSession) -> None:
        self.session = session
        self.now = 0.0
        self.cseq = 1
        self.open: list[Request] = [INVITE] if isinstance(session, ClientSession) else []
        self.ends = 0

    def check(self, before: tuple[State, Offering, bool], outputs: list[SessionOutput]) -> None:
        state, offering, over = before
        session = self.session
        assert session.state is state or session.state in reachable(state)
        assert session.offering is offering or session.offering in (
            OFFERINGS[offering] | {nxt for mid in OFFERINGS[offering] for nxt in OFFERINGS[mid]}
        )
        news = told(outputs)
        assert not (over and news), news
        self.ends += sum(isinstance(output, SessionEnded) for output in outputs)
        assert self.ends == int(session.over) <= 1
        if session.over and news:
            assert isinstance(news[-1], SessionEnded)  # The last word.
        self.open += started(outputs)

    def step(self, step: str) -> None:
        session = self.session
        before = (session.state, session.offering, session.over)
        self.check(before, self.outputs(step))

    def outputs(self, step: str) -> list[SessionOutput]:
        session = self.session
        if step.isupper():
            return self.from_peer(step)
        if step[0].isdigit():
            status, _, fork = step.partition(" ")
            if not self.open:
                return []
            tag = fork or "b" if isinstance(session, ClientSession) else "a"
            return respond_to(session, answer_to(self.open[-1], int(status), to_tag=tag), self.now)
        if step in ("timeout", "transport"):
            if not self.open:
                return []
            request = self.open.pop()
            by = EndedBy.TIMEOUT if step == "timeout" else EndedBy.TRANSPORT
            invite = request.method == "INVITE"
            fail = session.on_invite_failure if invite else session.on_failure
            return fail(request.via.branch, by, self.now)
        if step == "time":
            if session.next_deadline is None:
                return []
            assert session.next_deadline >= self.now
            self.now = session.next_deadline
            return session.on_time(self.now)
        try:
            return self.command(step)
        except LocalError:
            return []

    def command(self, step: str) -> list[SessionOutput]:
        session, now = self.session, self.now
        match step:
            case "hangup":
                return session.hangup(now)
            case "offer":
                return session.offer(b"x", now)
            case "accept":
                return session.accept_offer(b"y", now, [])
            case "refuse":
                return session.reject_offer(488, now)
            case "info":
                return session.request("INFO", "key", [], b"")
            case _ if not isinstance(session, ServerSession):
                return []
            case "ring":
                return session.ring(180, b"", [], now)
            case "answer":
                return session.answer(b"y", [], now)
            case "reject":
                return session.reject(486, [])
            case _:
                return session.on_transport_failed()

    def from_peer(self, method: str) -> list[SessionOutput]:
        session = self.session
        client = isinstance(session, ClientSession)
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
        request = make_request(
            method,
            branch=f"z9hG4bK-{self.cseq}",
            cseq=self.cseq,
            to_tag="a" if client else "b",
            from_tag="b" if client else "a",
            body=b"x" if self.cseq % 2 else b"",
        )
        if method == "CANCEL":
            key = "tx" if self.cseq == 1 else f"tx{self.cseq}"
            return session.on_cancel(key, request, self.now)
        if not session.belongs(request):
            return []
        if method == "ACK":
            return session.on_ack(request, UDP, self.now)
        try:
            return session.on_request(f"tx{self.cseq}", request, UDP, self.now)
        except RemoteError:
            return []


def reachable(state: State) -> set[State]:
    """In one input: a response may end what it confirmed."""
    return set(TRANSITIONS[state]) | {nxt for mid in TRANSITIONS[state] for nxt in TRANSITIONS[mid]}


@settings(max_examples=400, deadline=None)
@given(st.booleans(), st.lists(STEP, max_size=40))
def test_any_history_is_legal(calls: bool, steps: list[str]) -> None:
    """Whatever peer and user do: no crash, one end, and after hanging up time ends the rest."""
    history = History(client() if calls else server())
    for step in steps:
        history.step(step)
    history.step("hangup")
    assert history.session.over
    for _ in range(40):
        history.step("time")
        while history.open:
            history.step("timeout")
    assert history.session.gone, history.session
