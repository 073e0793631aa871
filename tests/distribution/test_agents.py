"""Agents: statuses, misses and back-off, wrap-up, calls outside the queues."""

import pytest

from pbx.distribution.config import AgentConfig, RetryDelays, Strategy
from pbx.distribution.effects import AgentChanged, AgentState
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentUnreachable,
    AgentVacated,
    AnswerFailed,
    RingOutcome,
    RingStarted,
    WrapUpEnded,
    WrapUpExtended,
)
from tests.distribution.desk import Desk, queue

LUNCH = AgentStatusSet("anna", AgentStatus.BREAK, "lunch")
BACK = AgentStatusSet("anna", AgentStatus.ACTIVE)
DELAYS = RetryDelays(no_answer=3.0, busy=4.0, rejected=5.0, unreachable=6.0)


def alone(**settings: object) -> Desk:
    return Desk(queue(Strategy.LONGEST_IDLE, "anna", retry_after=DELAYS, **settings))


def test_an_agent_is_ready_when_signed_in_and_reachable() -> None:
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna"), absent=("anna",))
    assert desk.state("anna") == "inactive"
    desk.do(1.0, AgentSignedIn("anna"))
    assert desk.last == [AgentChanged("anna", AgentState.UNREACHABLE, "", 1.0)]
    desk.do(2.0, AgentReachable("anna"))
    assert desk.last == [AgentChanged("anna", AgentState.READY, "", 2.0)]
    desk.do(3.0, LUNCH)
    assert desk.last == [AgentChanged("anna", AgentState.BREAK, "lunch", 3.0)]
    desk.do(4.0, AgentStatusSet("anna", AgentStatus.BREAK, "training"))
    assert desk.last == [AgentChanged("anna", AgentState.BREAK, "training", 4.0)]
    desk.do(5.0, AgentSignedOut("anna"))
    assert desk.last == [AgentChanged("anna", AgentState.INACTIVE, "", 5.0)]
    desk.do(6.0, LUNCH)
    assert desk.last == []


@pytest.mark.parametrize(
    ("outcome", "reason", "delay"),
    [
        (RingOutcome.NO_ANSWER, "no_answer", 3.0),
        (RingOutcome.BUSY, "busy", 4.0),
        (RingOutcome.REJECTED, "rejected", 5.0),
        (RingOutcome.UNREACHABLE, "unreachable", 6.0),
        (RingOutcome.FAILED, "unreachable", 6.0),
    ],
)
def test_back_off_by_cause(outcome: RingOutcome, reason: str, delay: float) -> None:
    desk = alone()
    desk.join(10.0, "c1")
    assert desk.ring_ended(11.0, "c1", "anna", outcome) == []
    assert desk.state("anna") == f"delayed {reason}"
    assert desk.wait(60.0)[0] == (11.0 + delay, "ring anna for c1")


def test_the_ring_time_counts_from_the_first_ringing_or_from_two_seconds() -> None:
    desk = alone(ring_timeout=10.0)
    desk.join(10.0, "c1")
    assert [ring.until for ring in desk.rings()] == [22.0]
    desk.do(10.5, RingStarted("c1", "anna"))
    desk.do(11.5, RingStarted("c1", "anna"))
    assert desk.core.next_deadline == 20.5
    desk = alone(ring_timeout=10.0)
    desk.join(10.0, "c1")
    desk.do(13.0, RingStarted("c1", "anna"))
    assert desk.wait(22.0) == [(22.0, "stop anna for c1: no_answer, missed")]


def test_consecutive_misses_lead_to_a_break() -> None:
    silent = (AgentConfig("anna", max_no_answer=2),)
    settings = {"ring_timeout": 8.0, "retry_after": DELAYS}
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna", **settings), agents=silent)
    desk.join(10.0, "c1")
    assert desk.wait(60.0) == [
        (20.0, "stop anna for c1: no_answer, missed"),
        (23.0, "ring anna for c1"),
        (33.0, "stop anna for c1: no_answer, missed"),
    ]
    assert desk.state("anna") == "break no_answer"
    assert desk.do(61.0, BACK) == ["ring anna for c1"]


def test_an_answer_ends_the_row_of_misses_and_a_rejection_is_none() -> None:
    desk = alone()
    desk.join(10.0, "c1")
    desk.ring_ended(11.0, "c1", "anna", RingOutcome.NO_ANSWER)
    assert desk.core.agent("anna").misses == 1
    assert desk.wait(14.0) == [(14.0, "ring anna for c1")]
    desk.reject(15.0, "c1", "anna")
    assert desk.core.agent("anna").misses == 1
    assert desk.wait(20.0) == [(20.0, "ring anna for c1")]
    desk.answer(21.0, "c1", "anna")
    assert desk.core.agent("anna").misses == 0


@pytest.mark.parametrize(("rang", "missed"), [(1.9, ""), (2.0, ", missed")])
@pytest.mark.parametrize("event", [LUNCH, AgentSignedOut("anna")])
def test_a_status_change_while_ringing_withdraws_the_offer(
    rang: float, missed: str, event: AgentStatusSet | AgentSignedOut
) -> None:
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna", "bohdan"))
    desk.join(10.0, "c1")
    desk.do(11.0, RingStarted("c1", "anna"))
    assert desk.do(11.0 + rang, event) == [
        f"stop anna for c1: withdrawn{missed}",
        "ring bohdan for c1",
    ]


def test_without_a_sign_of_ringing_the_two_seconds_begin_two_seconds_later() -> None:
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna"))
    desk.join(10.0, "c1")
    assert desk.do(13.9, LUNCH) == ["stop anna for c1: withdrawn"]


@pytest.mark.parametrize("event", [AgentUnreachable("anna"), AgentOccupied("anna")])
def test_a_lost_phone_or_another_call_withdraws_the_offer_without_blame(
    event: AgentUnreachable | AgentOccupied,
) -> None:
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna", "bohdan"))
    desk.join(10.0, "c1")
    desk.do(10.0, RingStarted("c1", "anna"))
    assert desk.do(19.0, event) == ["stop anna for c1: withdrawn", "ring bohdan for c1"]


@pytest.mark.parametrize(
    ("event", "state"), [(LUNCH, "break lunch"), (AgentSignedOut("anna"), "inactive")]
)
def test_a_status_change_during_a_call_takes_effect_at_its_end(
    event: AgentStatusSet | AgentSignedOut, state: str
) -> None:
    desk = alone(wrap_up=5.0)
    desk.join(10.0, "c1")
    desk.answer(11.0, "c1", "anna")
    desk.do(12.0, event)
    assert desk.last == []
    assert desk.state("anna") == "talking"
    desk.hang_up(20.0, "c1", "anna")
    assert desk.state("anna") == state


def test_a_break_resets_the_idle_clock() -> None:
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna", "bohdan"))
    desk.do(5.0, LUNCH)
    desk.do(6.0, BACK)
    assert desk.join(10.0, "c1") == ["ring bohdan for c1"]


def test_a_call_outside_the_queues_keeps_the_agent_from_ringing() -> None:
    desk = alone()
    desk.do(5.0, AgentOccupied("anna"))
    desk.do(6.0, AgentOccupied("anna"))
    assert desk.join(10.0, "c1") == []
    assert desk.state("anna") == "occupied"
    assert desk.do(11.0, AgentVacated("anna")) == []
    assert desk.do(12.0, AgentVacated("anna")) == ["ring anna for c1"]


def test_ring_in_use() -> None:
    desk = Desk(
        queue(Strategy.LONGEST_IDLE, "anna"), agents=(AgentConfig("anna", ring_in_use=True),)
    )
    desk.do(5.0, AgentOccupied("anna"))
    assert desk.join(10.0, "c1") == ["ring anna for c1"]
    assert desk.do(11.0, AgentOccupied("anna")) == []


def test_a_call_outside_moves_an_agent_who_may_be_rung_in_it_to_the_end() -> None:
    both = tuple(AgentConfig(name, ring_in_use=True) for name in ("anna", "bohdan"))
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna", "bohdan"), agents=both)
    desk.do(5.0, AgentOccupied("anna"))
    assert desk.join(10.0, "c1") == ["ring bohdan for c1"]


def test_wrap_up_may_be_ended_early_and_extended_up_to_its_limit() -> None:
    long = (AgentConfig("anna", wrap_up_max=12.0),)
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna", wrap_up=5.0), agents=long)
    for call, at in (("c1", 10.0), ("c2", 50.0)):
        desk.join(at, call)
        desk.answer(at, call, "anna")
        desk.hang_up(at, call, "anna")
        assert desk.state("anna") == "wrap_up"
        assert desk.core.next_deadline == at + 5.0
        if call == "c1":
            desk.do(at + 2.0, WrapUpEnded("anna"))
            assert desk.state("anna") == "ready"
            assert desk.core.agent("anna").idle_since == 12.0
    desk.do(51.0, WrapUpExtended("anna", 4.0))
    assert desk.core.next_deadline == 59.0
    desk.do(58.0, WrapUpExtended("anna", 4.0))
    assert desk.core.next_deadline == 62.0
    desk.wait(61.0)
    assert desk.state("anna") == "wrap_up"
    desk.wait(62.0)
    assert desk.core.agent("anna").idle_since == 62.0


def test_an_agents_own_wrap_up_goes_before_the_queues() -> None:
    own = (AgentConfig("anna", wrap_up=7.0),)
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna", wrap_up=5.0), agents=own)
    desk.join(10.0, "c1")
    desk.answer(10.0, "c1", "anna")
    desk.hang_up(20.0, "c1", "anna")
    assert desk.core.next_deadline == 27.0


def test_max_calls() -> None:
    two = (AgentConfig("anna", max_calls=2),)
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna"), agents=two)
    desk.join(10.0, "c1")
    assert desk.join(10.0, "c2") == []
    assert desk.answer(11.0, "c1", "anna") == ["connect c1 to anna", "ring anna for c2"]
    assert desk.answer(12.0, "c2", "anna") == ["connect c2 to anna"]
    assert desk.join(13.0, "c3") == []
    assert desk.hang_up(14.0, "c1", "anna") == ["ring anna for c3"]


def test_a_leg_that_fails_after_its_answer_gives_the_caller_back_his_place() -> None:
    desk = alone()
    desk.join(10.0, "c1")
    desk.join(11.0, "c2")
    desk.answer(12.0, "c1", "anna")
    assert desk.do(13.0, AnswerFailed("c1", "anna")) == []
    assert desk.state("anna") == "delayed unreachable"
    assert [waiting.call for waiting in desk.core.queue("q").waiting] == ["c1", "c2"]
    assert desk.wait(20.0) == [(19.0, "ring anna for c1")]
