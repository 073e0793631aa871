from hypothesis import given
from hypothesis import strategies as st

from sip.events import Send
from sip.server_non_invite import TRANSITIONS, NonInviteServerTransaction, State
from sip.timers import TimerConfig
from tests.sip.sample import TCP, UDP, answer_to, make_request

OPTIONS = make_request("OPTIONS")
TRYING = answer_to(OPTIONS, 100)
OK = answer_to(OPTIONS, 200)


def make(reliable: bool = False) -> NonInviteServerTransaction:
    return NonInviteServerTransaction(OPTIONS, TCP if reliable else UDP, TimerConfig())


def test_silent_until_the_user_answers_then_repeats_the_answer() -> None:
    tx = make()
    assert tx.start(now=0.0) == []
    assert tx.on_request(now=0.5) == []
    assert tx.respond(TRYING, now=0.6) == [Send(UDP, bytes(TRYING))]
    assert tx.on_request(now=0.7) == [Send(UDP, bytes(TRYING))]
    assert tx.respond(OK, now=1.0) == [Send(UDP, bytes(OK))]
    assert tx.on_request(now=1.5) == [Send(UDP, bytes(OK))]
    assert tx.next_deadline == 33.0
    assert tx.on_time(33.0) == []
    assert tx.terminated
    assert tx.request is None


def test_over_a_stream_it_ends_with_the_answer() -> None:
    tx = make(reliable=True)
    _ = tx.start(now=0.0)
    assert tx.respond(OK, now=1.0) == [Send(TCP, bytes(OK))]
    assert tx.terminated
    assert tx.on_request(now=1.5) == []


def test_a_user_that_never_answers_does_not_keep_it() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    assert tx.next_deadline == 32.0
    assert tx.on_time(32.0) == []
    assert tx.terminated


STEPS = st.sampled_from([100, 200, 404, "request", "time", "error"])


@given(st.booleans(), st.lists(STEPS, max_size=30))
def test_any_history_is_legal(reliable: bool, history: list[int | str]) -> None:
    tx = make(reliable)
    _ = tx.start(now=0.0)
    now, finals = 0.0, 0
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
            case "request":
                outs = tx.on_request(now)
            case int() if tx.unanswered:
                outs = tx.respond(answer_to(OPTIONS, step), now)
                finals += step >= 200
            case _:
                continue
        assert tx.state is before or tx.state in TRANSITIONS[before]
        assert finals <= 1
        assert len(outs) <= 1
        if before is State.TERMINATED:
            assert outs == []
        if tx.terminated:
            assert tx.next_deadline is None
