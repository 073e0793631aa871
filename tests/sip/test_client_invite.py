import random

from hypothesis import given
from hypothesis import strategies as st

from sip.client_invite import TRANSITIONS, InviteClientTransaction, State, make_ack
from sip.events import Send
from sip.message import Request
from sip.timers import TimerConfig
from sip.transaction import ClientOutput, Received, TimedOut, TransportFailed
from tests.sip.sample import TCP, UDP, answer_to, make_request

INVITE = make_request("INVITE", body=b"v=0", headers=[("Route", "<sip:proxy.example;lr>")])
RINGING = answer_to(INVITE, 180)
OK = answer_to(INVITE, 200)
BUSY = answer_to(INVITE, 486)


def make(reliable: bool = False) -> InviteClientTransaction:
    return InviteClientTransaction(INVITE, TCP if reliable else UDP, TimerConfig())


def sends(tx: InviteClientTransaction, until: float) -> list[float]:
    """When did it put something on the wire, if nobody answers?"""
    times: list[float] = []
    while (at := tx.next_deadline) is not None and at <= until:
        times += [at for out in tx.on_time(at) if out == Send(UDP, bytes(INVITE))]
    return times


def test_retransmits_at_the_rfc_times() -> None:
    tx = make()
    assert tx.start(now=0.0) == [Send(UDP, bytes(INVITE))]
    assert sends(tx, until=31.5) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert tx.on_time(32.0) == [TimedOut()]
    assert tx.state is State.TERMINATED
    assert tx.next_deadline is None


def test_a_stream_repeats_nothing_and_times_out_all_the_same() -> None:
    tx = make(reliable=True)
    assert tx.start(now=0.0) == [Send(TCP, bytes(INVITE))]
    assert tx.next_deadline == 32.0
    assert tx.on_time(32.0) == [TimedOut()]


def test_ringing_stops_retransmission_and_the_timeout() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    assert tx.on_response(RINGING, now=0.1) == [Received(RINGING)]
    assert tx.next_deadline is None


def test_retransmitted_busy_is_acked_again_but_not_reported() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    ack = Send(UDP, bytes(make_ack(INVITE, BUSY)))
    assert tx.on_response(BUSY, now=0.1) == [ack, Received(BUSY)]
    assert tx.on_response(BUSY, now=0.6) == [ack]
    assert tx.next_deadline == 0.1 + 32.0
    assert tx.on_time(32.1) == []
    assert tx.terminated


def test_over_a_stream_a_refusal_is_the_end_at_once() -> None:
    tx = make(reliable=True)
    _ = tx.start(now=0.0)
    ack = Send(TCP, bytes(make_ack(INVITE, BUSY)))
    assert tx.on_response(BUSY, now=0.1) == [ack, Received(BUSY)]
    assert tx.terminated


def test_every_2xx_is_reported_for_32_seconds() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    fork = answer_to(INVITE, 200, to_tag="c")
    assert tx.on_response(OK, now=1.0) == [Received(OK)]
    assert tx.on_response(fork, now=2.0) == [Received(fork)]
    assert tx.on_response(RINGING, now=2.0) == []
    assert tx.next_deadline == 33.0
    assert tx.on_time(33.0) == []
    assert tx.on_response(OK, now=33.1) == []


def test_transport_error_counts_only_before_the_final_response() -> None:
    tx = make()
    _ = tx.start(now=0.0)
    assert tx.on_transport_error() == [TransportFailed()]
    tx = make()
    _ = tx.start(now=0.0)
    _ = tx.on_response(BUSY, now=0.1)
    assert tx.on_transport_error() == []
    assert tx.terminated


def test_ack_of_a_refusal() -> None:
    """RFC 3261 §17.1.1.3: the Via and Route of the INVITE, the To of the response."""
    assert make_ack(INVITE, BUSY) == Request(
        "ACK",
        "sip:bob@192.0.2.2",
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK-1"),
            ("Route", "<sip:proxy.example;lr>"),
            ("Max-Forwards", "70"),
            ("From", "<sip:alice@192.0.2.1>;tag=a"),
            ("To", "<sip:bob@192.0.2.2>;tag=b"),
            ("Call-ID", "call-1"),
            ("CSeq", "1 ACK"),
        ],
    )


STEPS = st.sampled_from([100, 180, 200, 302, 486, 603, "time", "error"])


def is_outcome(out: ClientOutput) -> bool:
    """The one thing a caller waits for; a repeated 2xx (a fork) is not a second one."""
    return isinstance(out, TimedOut | TransportFailed) or (
        isinstance(out, Received) and out.response.status >= 300
    )


@given(st.booleans(), st.lists(STEPS, max_size=30))
def test_any_history_is_legal(reliable: bool, history: list[int | str]) -> None:
    """Whatever the peer does: no crash, at most one end, no timer after the end."""
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
            outs = tx.on_response(answer_to(INVITE, step), now)
        assert tx.state is before or tx.state in TRANSITIONS[before]
        ends += sum(map(is_outcome, outs))
        assert ends <= 1
        if tx.terminated:
            assert tx.next_deadline is None


def test_lossy_link_is_reproducible() -> None:
    def run(seed: int) -> list[str]:
        rng, log, now = random.Random(seed), list[str](), 0.0
        tx = make()
        outs = tx.start(now)
        while not tx.terminated:
            log += [f"{now:.3f} {type(out).__name__}" for out in outs]
            lost = rng.random() < 0.7
            if not lost and tx.state is State.CALLING:
                outs = tx.on_response(OK, now := now + rng.uniform(0.01, 0.2))
                continue
            deadline = tx.next_deadline
            assert deadline is not None
            now = deadline
            outs = tx.on_time(now)
        return log

    assert run(7) == run(7)
    assert len({tuple(run(s)) for s in range(20)}) > 1
