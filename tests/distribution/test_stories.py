"""What users of other systems suffered from, replayed here: it must not happen."""

from pbx.distribution.config import Member, Strategy, WithinTier
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedOut,
    AgentVacated,
    CallLeft,
    RingOutcome,
    RingStarted,
)
from tests.distribution.desk import NO_DELAYS, Desk, queue

IDLE = Strategy.LONGEST_IDLE


def test_two_agents_answer_one_caller_at_once() -> None:
    """asterisk#176: both were connected, one to nobody."""
    desk = Desk(queue(Strategy.RING_ALL, "anna", "bohdan"))
    desk.join(10.0, "c1")
    assert desk.answer(12.0, "c1", "bohdan") == [
        "connect c1 to bohdan",
        "stop anna for c1: answered_elsewhere",
    ]
    assert desk.answer(12.0, "c1", "anna") == ["release anna of c1"]
    assert desk.state("anna") == "ready"
    assert desk.core.agent("anna").misses == 0
    assert desk.answer(12.0, "c1", "bohdan") == []


def test_the_late_answer_comes_when_the_agent_rings_for_the_next_call() -> None:
    desk = Desk(queue(Strategy.RING_ALL, "anna", "bohdan", share_ringing=False))
    desk.join(10.0, "c1")
    desk.join(10.0, "c2")
    desk.answer(12.0, "c1", "bohdan")
    assert desk.answer(12.0, "c1", "anna") == ["release anna of c1"]
    assert desk.state("anna") == "ringing"
    assert desk.answer(13.0, "c2", "anna") == ["connect c2 to anna"]


def test_an_answer_that_crosses_the_hang_up_is_released() -> None:
    desk = Desk(queue(IDLE, "anna"))
    desk.join(10.0, "c1")
    desk.do(12.0, CallLeft("c1"))
    assert desk.answer(12.0, "c1", "anna") == ["release anna of c1"]


def test_the_last_agent_of_top_down_signs_out() -> None:
    """freeswitch#1216: when it was the last one tried, the queue stood still."""
    members = (Member("anna", 1), Member("bohdan", 2), Member("clara", 3))
    desk = Desk(queue(Strategy.IN_ORDER, *members, within_tier=WithinTier.ONE_BY_ONE))
    desk.join(10.0, "c1")
    assert desk.reject(11.0, "c1", "anna") == ["ring bohdan for c1"]
    assert desk.reject(12.0, "c1", "bohdan") == ["ring clara for c1"]
    assert desk.do(13.0, AgentSignedOut("clara")) == ["stop clara for c1: withdrawn"]
    assert desk.wait(16.0) == [(16.0, "ring anna for c1")]


def test_a_silent_agent_is_not_rung_again_and_again() -> None:
    """mikopbx#409: he stayed the longest idle while others sat free."""
    desk = Desk(queue(IDLE, "silent", "anna", "bohdan", ring_timeout=10.0, retry_after=NO_DELAYS))
    desk.join(10.0, "c1")
    rung = [line for _, line in desk.wait(50.0) if line.startswith("ring")]
    assert rung == ["ring anna for c1", "ring bohdan for c1", "ring silent for c1"]


def test_wrap_up_is_honoured_in_every_queue() -> None:
    """asterisk#1006: a second queue rang the agent in his wrap-up."""
    desk = Desk(queue(IDLE, "anna", id="a", wrap_up=10.0), queue(IDLE, "anna", id="b", wrap_up=0.0))
    desk.join(10.0, "c1", "a")
    desk.answer(10.0, "c1", "anna")
    desk.join(11.0, "c2", "b")
    assert desk.hang_up(20.0, "c1", "anna") == []
    assert desk.wait(29.9) == []
    assert desk.wait(30.0) == [(30.0, "ring anna for c2")]


def test_a_heavier_queue_that_cannot_use_the_agent_does_not_block_him() -> None:
    """asterisk#1561: callers of the heavy queue kept him from the light one's."""
    desk = Desk(
        queue(Strategy.RING_ALL, "anna", "bohdan", id="heavy", weight=9, join_ringing=False),
        queue(IDLE, "bohdan", id="light"),
    )
    desk.do(5.0, AgentOccupied("bohdan"))
    assert desk.join(10.0, "c1", "heavy") == ["ring anna for c1"]
    desk.join(11.0, "c2", "light")
    assert desk.do(12.0, AgentVacated("bohdan")) == ["ring bohdan for c2"]


def test_nobody_is_stuck_when_the_phone_never_answers_at_all() -> None:
    """freeswitch#2540: agents stayed "Receiving" for ever."""
    desk = Desk(queue(IDLE, "anna", ring_timeout=10.0))
    desk.join(10.0, "c1")
    desk.do(11.0, CallLeft("c1"))
    assert desk.state("anna") == "ready"
    desk.join(12.0, "c2")
    assert desk.wait(24.0) == [(24.0, "stop anna for c2: no_answer, missed")]
    desk.do(25.0, RingStarted("c2", "anna"))
    assert desk.ring_ended(25.0, "c2", "anna", RingOutcome.NO_ANSWER) == []
    assert desk.state("anna") == "delayed no_answer"


def test_a_busy_phone_is_left_at_once_and_the_next_one_rung() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan"))
    desk.join(10.0, "c1")
    busy = desk.ring_ended(10.1, "c1", "anna", RingOutcome.BUSY)
    assert busy == ["ring bohdan for c1"]


def test_callers_of_two_queues_are_served_in_the_order_they_came() -> None:
    """asterisk#108: later callers of another queue overtook earlier ones."""
    desk = Desk(queue(IDLE, "anna", id="a"), queue(IDLE, "anna", id="b"))
    desk.do(5.0, AgentOccupied("anna"))
    for number, queue_id in enumerate(("a", "b", "b", "a")):
        desk.join(10.0 + number, f"c{number}", queue_id)
    order: list[str] = []
    lines = desk.do(20.0, AgentVacated("anna"))
    for _ in range(4):
        call = lines[0].split()[-1]
        order.append(call)
        desk.answer(21.0, call, "anna")
        lines = desk.hang_up(22.0, call, "anna")
    assert order == ["c0", "c1", "c2", "c3"]
