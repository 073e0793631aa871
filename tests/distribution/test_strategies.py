"""What each strategy promises, one exact story each."""

from pbx.distribution.config import AgentConfig, Member, Strategy, WithinTier
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedIn,
    AgentSignedOut,
    AgentVacated,
    RingOutcome,
    RingStarted,
)
from tests.distribution.desk import NO_DELAYS, Desk, queue

ABC = ("anna", "bohdan", "clara")


# ring_all


def test_everybody_rings_and_the_first_answer_stops_the_others() -> None:
    desk = Desk(queue(Strategy.RING_ALL, *ABC))
    assert desk.join(10.0, "c1") == ["ring anna for c1", "ring bohdan for c1", "ring clara for c1"]
    assert desk.answer(14.0, "c1", "bohdan") == [
        "connect c1 to bohdan",
        "stop anna for c1: answered_elsewhere",
        "stop clara for c1: answered_elsewhere",
    ]
    assert [desk.state(agent) for agent in ABC] == ["ready", "talking", "ready"]


def test_unshared_the_second_call_rings_the_moment_the_first_is_answered() -> None:
    desk = Desk(queue(Strategy.RING_ALL, *ABC, share_ringing=False))
    desk.join(10.0, "c1")
    assert desk.join(10.0, "c2") == []
    assert desk.answer(12.0, "c1", "anna") == [
        "connect c1 to anna",
        "stop bohdan for c1: answered_elsewhere",
        "stop clara for c1: answered_elsewhere",
        "ring bohdan for c2",
        "ring clara for c2",
    ]


def test_who_becomes_ready_joins_the_ringing_with_a_ring_time_of_his_own() -> None:
    desk = Desk(queue(Strategy.RING_ALL, *ABC, ring_timeout=10.0), absent=("clara",))
    desk.join(10.0, "c1")
    desk.do(15.0, AgentSignedIn("clara"))
    assert desk.state("clara") == "unreachable"
    desk = Desk(queue(Strategy.RING_ALL, *ABC, ring_timeout=10.0))
    desk.do(5.0, AgentOccupied("clara"))
    desk.join(10.0, "c1")
    assert desk.do(15.0, AgentVacated("clara")) == ["ring clara for c1"]
    assert [ring.until for ring in desk.rings()] == [27.0]
    assert desk.wait(23.0) == [
        (22.0, "stop anna for c1: no_answer, missed"),
        (22.0, "stop bohdan for c1: no_answer, missed"),
    ]


def test_without_join_ringing_the_set_is_frozen() -> None:
    desk = Desk(queue(Strategy.RING_ALL, *ABC, join_ringing=False))
    desk.do(5.0, AgentOccupied("clara"))
    desk.join(10.0, "c1")
    assert desk.do(11.0, AgentVacated("clara")) == []
    assert desk.join(12.0, "c2") == ["ring clara for c2"]


def test_who_rejected_does_not_join_the_same_ringing_again() -> None:
    desk = Desk(queue(Strategy.RING_ALL, *ABC))
    desk.join(10.0, "c1")
    assert desk.reject(11.0, "c1", "anna") == []
    assert desk.state("anna") == "delayed rejected"
    assert desk.wait(16.0) == []
    assert desk.state("anna") == "ready"
    assert desk.join(17.0, "c2") == ["ring anna for c2"]


def test_when_nobody_answered_a_new_round_rings_everybody_ready() -> None:
    desk = Desk(queue(Strategy.RING_ALL, "anna", "bohdan", ring_timeout=10.0))
    desk.join(10.0, "c1")
    desk.reject(12.0, "c1", "anna")
    assert desk.wait(26.9) == [
        (22.0, "stop bohdan for c1: no_answer, missed"),
        (22.0, "ring anna for c1"),
    ]
    assert desk.wait(27.0) == [(27.0, "ring bohdan for c1")]


# in_order

TIERS = (Member("anna", 1), Member("bohdan", 1), Member("clara", 2), Member("dmytro", 3))


def test_tier_after_tier() -> None:
    desk = Desk(queue(Strategy.IN_ORDER, *TIERS, tier_timeout=6.0, rounds=1))
    assert desk.join(10.0, "c1") == ["ring anna for c1", "ring bohdan for c1"]
    assert desk.wait(60.0) == [
        (16.0, "stop anna for c1: no_answer, missed"),
        (16.0, "stop bohdan for c1: no_answer, missed"),
        (16.0, "ring clara for c1"),
        (22.0, "stop clara for c1: no_answer, missed"),
        (22.0, "ring dmytro for c1"),
        (28.0, "stop dmytro for c1: no_answer, missed"),
        (28.0, "c1 leaves q: all_missed"),
    ]


def test_a_tier_without_anybody_ready_is_skipped_at_once() -> None:
    desk = Desk(queue(Strategy.IN_ORDER, *TIERS))
    desk.do(5.0, AgentOccupied("clara"))
    desk.join(10.0, "c1")
    desk.reject(11.0, "c1", "anna")
    assert desk.reject(11.0, "c1", "bohdan") == ["ring dmytro for c1"]


def test_earlier_tiers_go_on_ringing_if_told_so() -> None:
    desk = Desk(queue(Strategy.IN_ORDER, *TIERS, tier_timeout=6.0, keep_ringing=True, rounds=1))
    assert desk.join(10.0, "c1") == ["ring anna for c1", "ring bohdan for c1"]
    assert desk.wait(22.0) == [(16.0, "ring clara for c1"), (22.0, "ring dmytro for c1")]
    assert desk.wait(28.0) == [
        *((28.0, f"stop {agent} for c1: no_answer, missed") for agent in (*ABC, "dmytro")),
        (28.0, "c1 leaves q: all_missed"),
    ]


def test_one_by_one_within_a_tier() -> None:
    settings = {"within_tier": WithinTier.ONE_BY_ONE, "ring_timeout": 8.0, "rounds": 1}
    desk = Desk(queue(Strategy.IN_ORDER, *TIERS, **settings))
    assert desk.join(10.0, "c1") == ["ring anna for c1"]
    desk.do(11.0, RingStarted("c1", "anna"))
    assert desk.wait(19.0) == [
        (19.0, "stop anna for c1: no_answer, missed"),
        (19.0, "ring bohdan for c1"),
    ]


def test_a_higher_tier_that_becomes_ready_joins_the_ringing_a_lower_one_does_not() -> None:
    desk = Desk(queue(Strategy.IN_ORDER, *TIERS))
    for agent in ABC[:2]:
        desk.do(5.0, AgentOccupied(agent))
    desk.do(5.0, AgentOccupied("dmytro"))
    assert desk.join(10.0, "c1") == ["ring clara for c1"]
    assert desk.do(11.0, AgentVacated("dmytro")) == []
    assert desk.do(12.0, AgentVacated("bohdan")) == ["ring bohdan for c1"]


def test_the_second_round_starts_with_the_first_tier() -> None:
    desk = Desk(queue(Strategy.IN_ORDER, *TIERS[1:], tier_timeout=6.0, retry_after=NO_DELAYS))
    desk.join(10.0, "c1")
    assert desk.wait(35.0) == [
        (16.0, "stop bohdan for c1: no_answer, missed"),
        (16.0, "ring clara for c1"),
        (22.0, "stop clara for c1: no_answer, missed"),
        (22.0, "ring dmytro for c1"),
        (28.0, "stop dmytro for c1: no_answer, missed"),
        (28.0, "ring bohdan for c1"),
        (34.0, "stop bohdan for c1: no_answer, missed"),
        (34.0, "ring clara for c1"),
    ]


# round_robin


def test_the_turn_goes_on_after_whoever_was_offered_last() -> None:
    desk = Desk(queue(Strategy.ROUND_ROBIN, *ABC))
    assert desk.join(10.0, "c1") == ["ring anna for c1"]
    desk.answer(11.0, "c1", "anna")
    desk.hang_up(12.0, "c1", "anna")
    assert desk.join(13.0, "c2") == ["ring bohdan for c2"]
    assert desk.reject(14.0, "c2", "bohdan") == ["ring clara for c2"]
    desk.answer(15.0, "c2", "clara")
    desk.hang_up(16.0, "c2", "clara")
    assert desk.wait(20.0) == []
    assert desk.join(20.0, "c3") == ["ring anna for c3"]


def test_offers_to_always_ready_members_differ_by_one_at_most() -> None:
    names = [f"a{n}" for n in range(7)]
    desk = Desk(queue(Strategy.ROUND_ROBIN, *names))
    offers = dict.fromkeys(names, 0)
    for number in range(100):
        call, at = f"c{number}", 10.0 + number
        desk.join(at, call)
        agent = desk.rings()[0].agent
        offers[agent] += 1
        assert max(offers.values()) - min(offers.values()) <= 1
        desk.answer(at, call, agent)
        desk.hang_up(at, call, agent)


# longest_idle


def test_the_longest_idle_member_is_first_and_a_miss_does_not_keep_him_there() -> None:
    desk = Desk(queue(Strategy.LONGEST_IDLE, *ABC, ring_timeout=10.0))
    assert desk.join(10.0, "c1") == ["ring anna for c1"]
    assert desk.wait(22.0) == [
        (22.0, "stop anna for c1: no_answer, missed"),
        (22.0, "ring bohdan for c1"),
    ]
    # After his back-off anna is the longest idle again, but clara was not tried yet.
    assert desk.wait(34.0) == [
        (34.0, "stop bohdan for c1: no_answer, missed"),
        (34.0, "ring clara for c1"),
    ]
    assert desk.wait(46.0) == [
        (46.0, "stop clara for c1: no_answer, missed"),
        (46.0, "ring anna for c1"),
    ]


def test_whoever_was_never_tried_goes_before_those_who_missed_it() -> None:
    desk = Desk(queue(Strategy.LONGEST_IDLE, *ABC, retry_after=NO_DELAYS))
    desk.do(5.0, AgentOccupied("clara"))
    desk.join(10.0, "c1")
    assert desk.reject(11.0, "c1", "anna") == ["ring bohdan for c1"]
    desk.wait(12.0)
    assert desk.reject(12.0, "c1", "bohdan") == ["ring anna for c1"]
    desk.do(13.0, AgentVacated("clara"))
    assert desk.reject(14.0, "c1", "anna") == ["ring clara for c1"]


def test_a_call_outside_resets_the_idle_clock_unless_told_otherwise() -> None:
    for resets, first in ((True, "bohdan"), (False, "anna")):
        desk = Desk(queue(Strategy.LONGEST_IDLE, *ABC, outbound_resets_idle=resets))
        desk.do(5.0, AgentOccupied("anna"))
        desk.do(6.0, AgentVacated("anna"))
        assert desk.join(10.0, "c1") == [f"ring {first} for c1"]


def test_signing_in_anew_starts_the_idle_clock() -> None:
    desk = Desk(queue(Strategy.LONGEST_IDLE, *ABC))
    desk.do(5.0, AgentSignedOut("anna"))
    desk.do(6.0, AgentSignedIn("anna"))
    assert desk.join(10.0, "c1") == ["ring bohdan for c1"]


def test_an_agent_with_room_for_two_calls_is_ordered_by_his_newest_idle_clock() -> None:
    two = (AgentConfig("anna", max_calls=2),)
    desk = Desk(queue(Strategy.LONGEST_IDLE, "anna", "bohdan"), agents=two)
    desk.join(10.0, "c1")
    desk.answer(11.0, "c1", "anna")
    assert desk.join(12.0, "c2") == ["ring anna for c2"]
    desk.answer(13.0, "c2", "anna")
    assert desk.join(14.0, "c3") == ["ring bohdan for c3"]
    desk.ring_ended(15.0, "c3", "bohdan", RingOutcome.BUSY)
    assert desk.hang_up(16.0, "c1", "anna") == ["ring anna for c3"]
