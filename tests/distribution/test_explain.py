"""Why this agent, and why not that one, in words."""

import pytest

from pbx.distribution.choices import LISTED_MAX
from pbx.distribution.config import Member, Strategy
from pbx.distribution.effects import AgentState, How, Other, Ring, WhyNot
from pbx.distribution.explain import describe, summary, why_not
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    CallPicked,
)
from tests.distribution.days import run_day
from tests.distribution.desk import Desk, queue

IDLE = Strategy.LONGEST_IDLE


def busy_desk() -> Desk:
    """Anna on break, Bohdan in wrap-up, Clara and Dmytro ready, Eva signed out."""
    desk = Desk(queue(IDLE, "bohdan", "anna", "clara", "dmytro", "eva", wrap_up=30.0))
    desk.do(10.0, AgentStatusSet("anna", AgentStatus.BREAK, "lunch"))
    desk.do(10.0, AgentSignedOut("eva"))
    desk.join(20.0, "c0")
    desk.answer(21.0, "c0", "bohdan")
    desk.hang_up(80.0, "c0", "bohdan")
    return desk


def test_an_offer_explained() -> None:
    desk = busy_desk()
    desk.join(100.0, "c1")
    (ring,) = desk.rings()
    assert ring.explanation.others == (
        Other("bohdan", WhyNot.WRAP_UP, 110.0),
        Other("anna", WhyNot.BREAK, 10.0),
        Other("dmytro", WhyNot.RANKED_BEHIND, 4.0),
        Other("eva", WhyNot.INACTIVE, 10.0),
    )
    assert (ring.explanation.how, ring.explanation.key) == (How.FIRST, (0, 3.0, 2))
    assert summary(ring.explanation) == "longest_idle: idle 1:37, 1 of 2 ready"
    assert describe(ring).splitlines() == [
        "clara is offered c1: first by the strategy's order (idle 1:37).",
        "Not bohdan: is in wrap-up, 0:10 left.",
        "Not anna: is on break, for 1:30.",
        "Not dmytro: idle only 1:36.",
        "Not eva: is signed out, for 1:30.",
        "The 5 members of q: 1 signed out, 2 ready, 1 in wrap-up, 1 on break.",
    ]


def test_a_second_round_explained() -> None:
    desk = Desk(queue(Strategy.ROUND_ROBIN, "anna", "bohdan"))
    desk.do(5.0, AgentOccupied("bohdan"))
    desk.join(10.0, "c1")
    desk.reject(11.0, "c1", "anna")
    assert desk.wait(16.0) == [(16.0, "ring anna for c1")]
    (ring,) = desk.rings()
    assert describe(ring).splitlines()[:2] == [
        "anna is offered c1: first by the strategy's order (places after the one offered last 1).",
        "He was already offered it, in round 1 of 2.",
    ]


def test_ring_all_explained() -> None:
    desk = Desk(queue(Strategy.RING_ALL, "anna", "bohdan"))
    desk.join(10.0, "c1")
    first, second = desk.rings()
    assert first.explanation is second.explanation
    assert summary(first.explanation) == "ring_all: all ready members ring, 2 ready"
    desk.do(11.0, CallPicked("c1", "anna"))
    assert desk.rings() == []


def test_of_a_large_queue_only_the_next_in_line_are_listed() -> None:
    for strategy in (IDLE, Strategy.ROUND_ROBIN):
        names = [f"a{n}" for n in range(LISTED_MAX + 1)]
        desk = Desk(queue(strategy, *names))
        desk.join(100.0, "c1")
        (ring,) = desk.rings()
        assert [other.agent for other in ring.explanation.others] == names[1:2]
        assert describe(ring).endswith("Of the others only one who was next in line is listed.")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("anna", "anna is on break, for 1:31"),
        ("bohdan", "bohdan is in wrap-up, 0:09 left"),
        ("clara", "clara is ringing for this very call, for 0:01"),
        ("dmytro", "dmytro is ready, but stands behind"),
        ("eva", "eva is signed out, for 1:31"),
    ],
)
def test_why_not_on_demand(agent: str, words: str) -> None:
    desk = busy_desk()
    desk.join(100.0, "c1")
    assert why_not(desk.core, "c1", agent, 101.0)[1] == words


def test_why_not_in_the_other_cases() -> None:
    tiers = (Member("anna", 1), Member("bohdan", 2))
    desk = Desk(queue(Strategy.IN_ORDER, *tiers), queue(IDLE, "fedir", id="other"))
    desk.join(10.0, "c1")
    code, words = why_not(desk.core, "c1", "bohdan", 10.0)
    assert (code.why, words) == (WhyNot.LATER_TIER, "bohdan belongs to a later tier (2)")
    assert why_not(desk.core, "c1", "fedir", 10.0)[0].why is WhyNot.NOT_A_MEMBER
    desk.answer(11.0, "c1", "anna")
    assert why_not(desk.core, "c1", "bohdan", 11.0)[0].why is WhyNot.TAKEN
    assert why_not(desk.core, "c1", "anna", 11.0)[0].why is WhyNot.TALKS_IT
    frozen = Desk(queue(Strategy.RING_ALL, "anna", "bohdan", join_ringing=False))
    frozen.join(10.0, "c1")
    frozen.reject(11.0, "c1", "anna")
    frozen.wait(16.0)
    code, words = why_not(frozen.core, "c1", "anna", 16.0)
    assert (code.why, words) == (WhyNot.TRIED, "anna was already offered this call in round 1")


@pytest.mark.parametrize("seed", range(500, 504))
def test_every_explanation_is_consistent_with_the_decision(seed: int) -> None:
    day = run_day(seed, 120)
    rings = [effect for step in day.effects for effect in step if isinstance(effect, Ring)]
    assert rings
    for ring in rings:
        why = ring.explanation
        assert why.ready >= 1
        assert ring.agent not in {other.agent for other in why.others}
        assert sum(why.states) <= 6
        assert why.states[AgentState.READY.code] <= sum(why.states)
        if why.how is How.FIRST and why.strategy is IDLE and not why.key[0]:
            behind = [o.value for o in why.others if o.why is WhyNot.RANKED_BEHIND]
            assert all(why.key[1] <= since for since in behind)
        assert describe(ring)
        assert summary(why)


def test_states_are_numbered_in_their_order() -> None:
    assert [state.code for state in AgentState] == list(range(len(AgentState)))
