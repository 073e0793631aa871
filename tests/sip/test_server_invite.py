from hypothesis import given
from hypothesis import strategies as st

from sip.events import Send
from sip.message import respond
from sip.server_invite import TRANSITIONS, InviteServerTransaction, State
from sip.timers import TimerConfig
from sip.transaction import TransportFailed
from tests.sip.sample import TCP, UDP, answer_to, make_request

INVITE = make_request("INVITE", body=b"v=0")
TRYING = Send(UDP, bytes(respond(INVITE, 100)))
RINGING = answer_to(INVITE, 180)
OK = answer_to(INVITE, 200)
BUSY = answer_to(INVITE, 486)


def make(reliable: bool = False) -> InviteServerTransaction:
    return InviteServerTransaction(INVITE, TCP if reliable else UDP, TimerConfig())


def test_answers_100_at_once_and_the_last_response_to_a_repetition() -> None:
    tx = make()
    assert tx.start(now=0.0) == [TRYING]
    assert tx.on_request(now=0.5) == [TRYING]
    assert tx.respond(RINGING, now=1.0) == [Send(UDP, bytes(RINGING))]
    assert tx.on_request(now=1.5) == [Send(UDP, bytes(RINGING))]
    assert tx.next_deadline is None


def test_a_refusal_is_repeated_until_the_ack() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    busy = Send(UDP, bytes(BUSY))
    assert tx.respond(BUSY, now=1.0) == [busy]
    times: list[float] = []
    while len(times) < 5 and (at := tx.next_deadline) is not None:
        times += [at for out in tx.on_time(at) if out == busy]
    assert times == [1.5, 2.5, 4.5, 8.5, 12.5]
    assert tx.on_request(now=13.0) == [busy]
    assert tx.on_ack(now=13.0) == []
    assert tx.on_ack(now=13.1) == []
    assert tx.next_deadline == 18.0
    assert tx.on_time(18.0) == []
    assert tx.terminated


def test_a_refusal_that_nobody_acks_ends_after_32_seconds() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    _ = tx.respond(BUSY, now=0.0)
    while not tx.terminated:
        at = tx.next_deadline
        assert at is not None
        _ = tx.on_time(at)
    assert at == 32.0


def test_a_stream_repeats_nothing_and_ends_with_the_ack() -> None:
    tx = make(reliable=True)
    _ = tx.start(now=0.0)
    assert tx.respond(BUSY, now=1.0) == [Send(TCP, bytes(BUSY))]
    assert tx.next_deadline == 33.0
    assert tx.on_ack(now=2.0) == []
    assert tx.terminated


def test_after_a_2xx_repeated_invites_are_absorbed_for_32_seconds() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    assert tx.respond(OK, now=1.0) == [Send(UDP, bytes(OK))]
    assert tx.on_request(now=2.0) == []
    assert tx.on_ack(now=2.0) == []
    assert tx.next_deadline == 33.0
    assert tx.on_time(33.0) == []
    assert tx.terminated


STEPS = st.sampled_from([180, 183, 200, 302, 486, "invite", "ack", "time", "error"])


@given(st.booleans(), st.lists(STEPS, max_size=30))
def test_any_history_is_legal(reliable: bool, history: list[int | str]) -> None:
    tx = make(reliable)
    _ = tx.start(now=0.0)
    now = 0.0
    for step in history:
        before = tx.state
        match step:
            case "time":
                if tx.next_deadline is None:
                    continue
                assert tx.next_deadline >= now
                now = tx.next_deadline
                outs = tx.on_time(now)
            case "error":
                outs = tx.on_transport_error()
            case "invite":
                outs = tx.on_request(now)
            case "ack":
                outs = tx.on_ack(now)
            case int() if tx.unanswered:
                outs = tx.respond(answer_to(INVITE, step), now)
            case _:
                continue
        assert tx.state is before or tx.state in TRANSITIONS[before]
        assert (TransportFailed() in outs) == (step == "error" and before is State.PROCEEDING)
        if before in (State.ACCEPTED, State.CONFIRMED, State.TERMINATED):
            assert outs == []
        if tx.terminated:
            assert tx.next_deadline is None
