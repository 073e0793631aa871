"""Queues whose calls the agents take from a list: entitlement, refusals, and giving up waiting."""

import pytest

from pbx.distribution.config import AgentConfig, Member, Relax, Strategy
from pbx.distribution.effects import How, PickRefused, WhyNot
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentUnreachable,
    AnswerFailed,
    CallLeft,
    CallPicked,
    RingOutcome,
)
from tests.distribution.desk import NO_DELAYS, Desk, queue

MANUAL = Strategy.MANUAL
ABC = ("anna", "bohdan", "clara")


def pick(desk: Desk, at: float, call: str, agent: str) -> list[str]:
    return desk.do(at, CallPicked(call, agent))


def test_nobody_is_rung_until_somebody_takes_it() -> None:
    desk = Desk(queue(MANUAL, *ABC))
    assert desk.join(10.0, "c1") == []
    assert desk.wait(500.0) == []
    assert pick(desk, 500.0, "c1", "bohdan") == ["ring bohdan for c1"]
    (ring,) = desk.rings()
    assert (ring.explanation.how, ring.auto_answer) == (How.PICKED, True)
    assert ring.explanation.strategy is Strategy.LONGEST_IDLE
    assert desk.answer(501.0, "c1", "bohdan") == ["connect c1 to bohdan"]


def test_a_younger_call_may_be_taken_first() -> None:
    desk = Desk(queue(MANUAL, *ABC))
    desk.join(10.0, "c1")
    desk.join(11.0, "c2", priority=-1)
    assert pick(desk, 12.0, "c2", "anna") == ["ring anna for c2"]
    assert [(w.call, w.ringing) for w in desk.core.queue("q").waiting] == [
        ("c1", ()),
        ("c2", ("anna",)),
    ]


def test_when_the_pick_comes_to_nothing_the_call_is_on_the_list_again() -> None:
    desk = Desk(queue(MANUAL, *ABC, retry_after=NO_DELAYS))
    desk.join(10.0, "c1")
    pick(desk, 11.0, "c1", "anna")
    assert desk.ring_ended(12.0, "c1", "anna", RingOutcome.FAILED) == []
    assert desk.wait(100.0) == []
    assert pick(desk, 100.0, "c1", "anna") == ["ring anna for c1"]
    desk.answer(101.0, "c1", "anna")
    assert desk.do(102.0, AnswerFailed("c1", "anna")) == []
    assert pick(desk, 103.0, "c1", "bohdan") == ["ring bohdan for c1"]


def test_a_call_that_rings_for_others_can_be_taken_too() -> None:
    """They have missed nothing, whatever the queue's strategy is."""
    desk = Desk(
        queue(Strategy.RING_ALL, "anna", "bohdan", join_ringing=False),
        queue(MANUAL, "clara", id="m"),
    )
    desk.do(5.0, AgentOccupied("bohdan"))
    desk.join(10.0, "c1")
    assert pick(desk, 11.0, "c1", "clara") == ["clara may not pick c1: NOT_A_MEMBER"]
    desk = Desk(queue(Strategy.ROUND_ROBIN, *ABC))
    assert desk.join(10.0, "c1") == ["ring anna for c1"]
    assert pick(desk, 18.0, "c1", "clara") == [
        "stop anna for c1: answered_elsewhere",
        "ring clara for c1",
    ]
    assert (desk.state("anna"), desk.core.agent("anna").misses) == ("ready", 0)


@pytest.mark.parametrize(
    ("agent", "why"),
    [
        ("signed_out", WhyNot.INACTIVE),
        ("on_break", WhyNot.BREAK),
        ("away", WhyNot.UNREACHABLE),
        ("occupied", WhyNot.OCCUPIED),
        ("ringing", WhyNot.RINGING),
        ("talking", WhyNot.TALKING),
        ("wrapping", WhyNot.WRAP_UP),
        ("resting", WhyNot.DELAYED),
        ("stranger", WhyNot.NOT_A_MEMBER),
        ("layman", WhyNot.LACKS_TAG),
        ("second", WhyNot.NOT_YET),
    ],
)
def test_who_may_not_have_it_is_told_why(agent: str, why: WhyNot) -> None:
    names = (
        "signed_out",
        "on_break",
        "away",
        "occupied",
        "ringing",
        "talking",
        "wrapping",
        "resting",
        "layman",
    )
    tagged = tuple(
        AgentConfig(name, tags=(("sales", 1),)) for name in (*names[:-1], "stranger", "second")
    )
    desk = Desk(
        queue(MANUAL, *names, Member("second", delay=60.0), requires="sales", wrap_up=60.0),
        queue(MANUAL, "stranger", id="other"),
        agents=tagged,
    )
    desk.do(20.0, AgentSignedOut("signed_out"))
    desk.do(20.0, AgentStatusSet("on_break", AgentStatus.BREAK, "lunch"))
    desk.do(20.0, AgentUnreachable("away"))
    desk.do(20.0, AgentOccupied("occupied"))
    for call, who in enumerate(("talking", "wrapping", "resting", "ringing")):
        desk.join(20.0, f"c{call}")
        pick(desk, 20.0, f"c{call}", who)
    desk.answer(20.0, "c0", "talking")
    desk.talk(20.0, "c1", "wrapping", 21.0)
    desk.reject(21.0, "c2", "resting")
    desk.join(22.0, "wanted")
    desk.do(22.0, CallPicked("wanted", agent))
    assert desk.last == [PickRefused("wanted", agent, why)]


def test_a_call_that_is_gone_or_answered_is_taken() -> None:
    desk = Desk(queue(MANUAL, *ABC))
    desk.join(10.0, "c1")
    desk.join(10.0, "c2")
    desk.do(11.0, CallLeft("c1"))
    pick(desk, 11.0, "c2", "anna")
    desk.answer(12.0, "c2", "anna")
    for call in ("c1", "c2", "c3"):
        assert pick(desk, 13.0, call, "bohdan") == [f"bohdan may not pick {call}: TAKEN"]
    # Nobody is told anything who does not exist.
    assert pick(desk, 13.0, "c3", "nobody") == []


def test_two_want_the_same_call() -> None:
    """The first has it, and the second is told so; if the first does not get it, all may try."""
    desk = Desk(queue(MANUAL, *ABC))
    desk.join(10.0, "c1")
    pick(desk, 11.0, "c1", "anna")
    assert pick(desk, 11.0, "c1", "bohdan") == ["bohdan may not pick c1: TAKEN"]
    assert desk.reject(11.1, "c1", "anna") == []
    assert pick(desk, 11.2, "c1", "bohdan") == ["ring bohdan for c1"]
    assert desk.answer(11.3, "c1", "bohdan") == ["connect c1 to bohdan"]


def test_what_is_required_counts_for_picking_too_and_is_relaxed() -> None:
    agents = (AgentConfig("bohdan", tags=(("french", 70),)),)
    desk = Desk(queue(MANUAL, *ABC, relax=(Relax(30.0, "all"),)), agents=agents)
    desk.join(10.0, "c1", requires="french >= 50")
    assert pick(desk, 11.0, "c1", "anna") == ["anna may not pick c1: LACKS_TAG"]
    desk.wait(40.0)
    assert pick(desk, 40.0, "c1", "anna") == ["ring anna for c1"]


def test_a_call_that_is_kept_for_one_agent_is_his() -> None:
    desk = Desk(queue(MANUAL, *ABC, personal_for=20.0))
    desk.do(5.0, AgentOccupied("clara"))
    desk.join(10.0, "c1", preferred_agent="clara")
    assert pick(desk, 11.0, "c1", "anna") == ["anna may not pick c1: RESERVED"]
    assert pick(desk, 11.0, "c1", "clara") == ["clara may not pick c1: OCCUPIED"]
    assert desk.wait(30.0) == []
    assert pick(desk, 30.0, "c1", "anna") == ["ring anna for c1"]


# auto_after


def test_what_nobody_takes_goes_to_another_strategy() -> None:
    desk = Desk(queue(MANUAL, *ABC, auto_after=30.0, then=Strategy.RING_ALL))
    desk.join(10.0, "c1")
    assert desk.wait(39.9) == []
    assert desk.wait(40.0) == [(40.0, f"ring {agent} for c1") for agent in ABC]
    (ring, *_) = desk.rings()
    assert (ring.explanation.how, ring.explanation.strategy) == (How.EVERYBODY, Strategy.RING_ALL)


def test_a_call_that_was_picked_in_vain_is_held_until_its_time() -> None:
    desk = Desk(queue(MANUAL, *ABC, auto_after=30.0, then=Strategy.ROUND_ROBIN))
    desk.join(10.0, "c1")
    pick(desk, 20.0, "c1", "anna")
    assert desk.reject(21.0, "c1", "anna") == []
    assert desk.wait(40.0) == [(40.0, "ring bohdan for c1")]


def test_while_one_call_is_held_the_older_one_is_distributed() -> None:
    desk = Desk(queue(MANUAL, "anna", "bohdan", auto_after=30.0))
    desk.join(10.0, "c1")
    desk.join(15.0, "c2")
    assert desk.wait(40.0) == [(40.0, "ring anna for c1")]
    assert desk.state("bohdan") == "ready"
    assert desk.wait(45.0) == [(45.0, "ring bohdan for c2")]


def test_who_picks_does_not_lose_his_turn_order_and_rounds_do_not_count_while_held() -> None:
    desk = Desk(queue(MANUAL, "anna", auto_after=30.0, rounds=1, retry_after=NO_DELAYS))
    desk.join(10.0, "c1")
    pick(desk, 11.0, "c1", "anna")
    assert desk.reject(12.0, "c1", "anna") == []
    assert desk.wait(39.9) == []
    # Now it is offered, and everybody ready has been tried.
    assert desk.wait(40.0) == [(40.0, "c1 leaves q: all_missed")]
