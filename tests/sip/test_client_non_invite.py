from hypothesis import given
from hypothesis import strategies as st

from sip.client_non_invite import TRANSITIONS, NonInviteClientTransaction, State
from sip.events import Send
from sip.timers import TimerConfig
from sip.transaction import Received, TimedOut, TransportFailed
from tests.sip.sample import TCP, UDP, answer_to, make_request

BYE = make_request("BYE", cseq=2, to_tag="b")
TRYING = answer_to(BYE, 100)
OK = answer_to(BYE, 200)


def make(reliable: bool = False) -> NonInviteClientTransaction:
    return NonInviteClientTransaction(BYE, TCP if reliable else UDP, TimerConfig())


def sends(tx: NonInviteClientTransaction, until: float) -> list[float]:
    times: list[float] = []
    while (at := tx.next_deadline) is not None and at <= until:
        times += [at for out in tx.on_time(at) if out == Send(UDP, bytes(BYE))]
    return times


def test_retransmits_at_the_rfc_times() -> None:
    tx = make()
    assert tx.start(now=0.0) == [Send(UDP, bytes(BYE))]
    expected = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert sends(tx, until=31.5) == expected
    assert tx.on_time(32.0) == [TimedOut()]
    assert tx.next_deadline is None


def test_after_a_provisional_it_asks_every_four_seconds() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    assert tx.on_response(TRYING, now=0.1) == [Received(TRYING)]
    assert sends(tx, until=20.0) == [0.5, 4.5, 8.5, 12.5, 16.5]
    assert tx.state is State.PROCEEDING


def test_one_final_response_is_reported_and_its_repetitions_absorbed() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    assert tx.on_response(OK, now=1.0) == [Received(OK)]
    assert tx.on_response(OK, now=1.5) == []
    assert tx.next_deadline == 6.0
    assert tx.on_time(6.0) == []
    assert tx.terminated


def test_over_a_stream_nothing_is_repeated_or_absorbed() -> None:
    tx = make(reliable=True)
    assert tx.start(now=0.0) == [Send(TCP, bytes(BYE))]
    assert tx.next_deadline == 32.0
    assert tx.on_response(OK, now=1.0) == [Received(OK)]
    assert tx.terminated


STEPS = st.sampled_from([100, 183, 200, 404, 481, 603, "time", "error"])


@given(st.booleans(), st.lists(STEPS, max_size=30))
def test_any_history_is_legal(reliable: bool, history: list[int | str]) -> None:
    tx = make(reliable)
    _ = tx.start(now=0.0)
    now, ends = 0.0, 0
    for step in history:
        before = tx.state
        if step == "time":
            if tx.next_deadline is None:
                continue
            assert tx.next_deadline >= now
            now = tx.next_deadline
            outs = tx.on_time(now)
        elif step == "error":
            outs = tx.on_transport_error()
        else:
            assert isinstance(step, int)
            outs = tx.on_response(answer_to(BYE, step), now)
        assert tx.state is before or tx.state in TRANSITIONS[before]
        ends += sum(
            isinstance(out, TimedOut | TransportFailed)
            or (isinstance(out, Received) and out.response.status >= 200)
            for out in outs
        )
        assert ends <= 1
        assert (ends == 1) == (tx.state in (State.COMPLETED, State.TERMINATED))
        if tx.terminated:
            assert tx.next_deadline is None
