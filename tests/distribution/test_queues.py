"""The line: limits, leaving, announcements, order across queues, and new configurations."""

import pytest

from pbx.distribution.config import AgentConfig, QueueConfig, Strategy, WithinTier
from pbx.distribution.errors import ConfigError
from pbx.distribution.estimates import Error
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedIn,
    AgentSignedOut,
    AgentVacated,
    AnswerFailed,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
    LeaveReason,
)
from tests.distribution.desk import Desk, config_of, queue

IDLE = Strategy.LONGEST_IDLE


def nobody(**settings: object) -> Desk:
    return Desk(queue(IDLE, "anna", **settings), absent=("anna",))


# Leaving


def test_max_wait() -> None:
    desk = nobody(max_wait=30.0, leave_empty_after=None)
    desk.join(10.0, "c1")
    assert desk.wait(99.0) == [(40.0, "c1 leaves q: timed_out")]


def test_max_wait_caps_the_ring_time_and_is_no_miss() -> None:
    desk = Desk(queue(IDLE, "anna", max_wait=8.0))
    desk.join(10.0, "c1")
    assert [ring.until for ring in desk.rings()] == [18.0]
    assert desk.wait(99.0) == [
        (18.0, "stop anna for c1: caller_left"),
        (18.0, "c1 leaves q: timed_out"),
    ]
    assert desk.state("anna") == "ready"


def test_phones_that_ring_may_finish_if_told_so() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan", max_wait=8.0, grace_if_ringing=True))
    desk.join(10.0, "c1")
    assert [ring.until for ring in desk.rings()] == [27.0]
    assert desk.wait(26.0) == []
    assert desk.wait(99.0) == [
        (27.0, "stop anna for c1: no_answer, missed"),
        (27.0, "c1 leaves q: timed_out"),
    ]
    desk.join(100.0, "c2")
    desk.wait(109.0)
    assert desk.answer(110.0, "c2", "anna") == ["connect c2 to anna"]


def test_a_full_queue() -> None:
    desk = nobody(max_length=2)
    assert desk.join(10.0, "c1") == []
    assert desk.join(10.0, "c2") == []
    assert desk.join(10.0, "c3") == ["c3 leaves q: queue_full"]
    desk.do(11.0, CallLeft("c1"))
    assert desk.join(11.0, "c4") == []


def test_an_empty_queue_may_refuse_calls() -> None:
    desk = nobody(join_empty=False)
    assert desk.join(10.0, "c1") == ["c1 leaves q: nobody_signed_in"]
    desk.do(11.0, AgentSignedIn("anna"))
    assert desk.state("anna") == "unreachable"
    assert desk.join(12.0, "c2") == []


def test_waiting_callers_leave_some_time_after_the_last_agent() -> None:
    desk = Desk(queue(IDLE, "anna", leave_empty_after=60.0))
    desk.do(5.0, AgentOccupied("anna"))
    desk.join(10.0, "c1")
    desk.do(20.0, AgentSignedOut("anna"))
    desk.join(50.0, "c2")
    assert desk.wait(200.0) == [
        (80.0, "c1 leaves q: nobody_signed_in"),
        (110.0, "c2 leaves q: nobody_signed_in"),
    ]


def test_a_caller_handed_back_to_an_empty_queue_leaves_it_too() -> None:
    desk = Desk(queue(IDLE, "anna", leave_empty_after=60.0))
    desk.join(10.0, "c1")
    desk.answer(10.0, "c1", "anna")
    configured(desk, 11.0, queue(IDLE, leave_empty_after=60.0))
    assert desk.do(12.0, AnswerFailed("c1", "anna")) == []
    assert desk.wait(999.0) == [(71.0, "c1 leaves q: nobody_signed_in")]


def test_they_stay_if_somebody_signs_in_in_time() -> None:
    desk = nobody(leave_empty_after=60.0)
    desk.join(10.0, "c1")
    desk.do(69.0, AgentSignedIn("anna"))
    assert desk.wait(999.0) == []


def test_an_unknown_queue_sends_the_call_away() -> None:
    assert nobody().do(1.0, CallJoined("c1", "nowhere")) == ["c1 leaves nowhere: system"]


def test_the_caller_who_leaves_silences_the_phones_without_a_miss() -> None:
    desk = Desk(queue(Strategy.RING_ALL, "anna", "bohdan"))
    desk.join(10.0, "c1")
    assert desk.do(19.0, CallLeft("c1", LeaveReason.KEY)) == [
        "stop anna for c1: caller_left",
        "stop bohdan for c1: caller_left",
    ]
    assert desk.core.agent("anna").misses == 0
    assert desk.core.queue("q").left == ((LeaveReason.KEY, 1),)


# Order


def test_priority_goes_before_arrival() -> None:
    desk = Desk(queue(IDLE, "anna"))
    desk.do(5.0, AgentOccupied("anna"))
    desk.join(10.0, "c1")
    desk.join(11.0, "c2")
    desk.join(12.0, "c3", priority=1)
    assert [w.call for w in desk.core.queue("q").waiting] == ["c3", "c1", "c2"]
    assert desk.do(13.0, AgentVacated("anna")) == ["ring anna for c3"]
    desk.answer(13.0, "c3", "anna")
    desk.do(14.0, AnswerFailed("c3", "anna"))
    assert [w.call for w in desk.core.queue("q").waiting] == ["c3", "c1", "c2"]


@pytest.mark.parametrize(
    ("light", "heavy", "first"),
    [
        ({}, {"weight": 5}, "c2"),
        ({"priority": 1}, {}, "c1"),
        ({"priority": 1}, {"weight": 5}, "c2"),
        ({}, {"priority": 1}, "c2"),
        ({}, {}, "c1"),
    ],
)
def test_weight_then_priority_then_the_longest_waiting_across_queues(
    light: dict[str, object], heavy: dict[str, object], first: str
) -> None:
    desk = Desk(queue(IDLE, "anna", id="light", **light), queue(IDLE, "anna", id="heavy", **heavy))
    desk.do(5.0, AgentOccupied("anna"))
    desk.join(10.0, "c1", "light")
    desk.join(11.0, "c2", "heavy")
    assert desk.do(12.0, AgentVacated("anna")) == [f"ring anna for {first}"]


def at_sixteen(*queues: QueueConfig) -> Desk:
    """Anna is ready; the wrap-ups of Bohdan, Clara and Dmytro all end at 16.0."""
    others = ("bohdan", "clara", "dmytro")
    desk = Desk(queue(IDLE, *others, id="before", wrap_up=6.0), *queues)
    for number, agent in enumerate(others):
        desk.join(5.0, f"x{number}", "before")
        desk.answer(6.0, f"x{number}", agent)
    for number, agent in enumerate(others):
        desk.hang_up(10.0, f"x{number}", agent)
    return desk


def test_a_call_whose_step_ends_keeps_its_place_before_younger_ones() -> None:
    steps = {"tier_timeout": 6.0, "within_tier": WithinTier.ONE_BY_ONE}
    desk = at_sixteen(
        queue(Strategy.IN_ORDER, "anna", "bohdan", id="a", **steps), queue(IDLE, "bohdan", id="b")
    )
    assert desk.join(10.0, "c1", "a") == ["ring anna for c1"]
    assert desk.join(11.0, "c2", "b") == []
    assert desk.wait(16.0) == [
        (16.0, "stop anna for c1: no_answer, missed"),
        (16.0, "ring bohdan for c1"),
    ]


def test_several_agents_who_become_ready_at_once_serve_the_line_in_its_order() -> None:
    steps = {"tier_timeout": 6.0, "within_tier": WithinTier.ONE_BY_ONE}
    everybody = ("anna", "bohdan", "clara", "dmytro")
    desk = at_sixteen(queue(Strategy.IN_ORDER, *everybody, id="a", **steps))
    assert desk.join(10.0, "c1", "a") == ["ring anna for c1"]
    assert desk.join(11.0, "c2", "a") == []
    assert desk.wait(16.0) == [
        (16.0, "stop anna for c1: no_answer, missed"),
        (16.0, "ring bohdan for c1"),
        (16.0, "ring clara for c2"),
    ]
    assert desk.state("dmytro") == "ready"


# Announcements


def test_positions_are_told_on_joining_and_every_so_often() -> None:
    desk = nobody(announce_every=20.0, leave_empty_after=None)
    desk.join(10.0, "c1")
    desk.join(15.0, "c2")
    assert desk.wait(50.0) == [
        (10.0, "tell c1: 1, None"),
        (15.0, "tell c2: 2, None"),
        (30.0, "tell c1: 1, None"),
        (35.0, "tell c2: 2, None"),
        (50.0, "tell c1: 1, None"),
    ]
    desk.do(51.0, CallLeft("c1"))
    assert desk.wait(55.0) == [(55.0, "tell c2: 1, None")]


def test_nothing_is_told_while_joining_if_a_phone_rings_already() -> None:
    desk = Desk(queue(IDLE, "anna", announce_every=10.0))
    desk.join(10.0, "c1")
    assert desk.wait(20.0) == [(20.0, "tell c1: 1, None")]


def served(count: int, talk: float = 8.0, **settings: object) -> Desk:
    """A call every ten seconds from 10.0 on; at the end anna talks, and two callers wait."""
    desk = Desk(queue(IDLE, "anna", announce_every=50.0, leave_empty_after=None, **settings))
    for number in range(1, count + 1):
        at, call = 10.0 * number, f"x{number}"
        desk.join(at, call)
        desk.answer(at, call, "anna")
        desk.hang_up(at + talk, call, "anna")
        desk.wait(at + 9.9)  # Her wrap-up is over.
    end = 10.0 * (count + 1)
    desk.join(end, "long")
    desk.answer(end, "long", "anna")
    desk.join(end, "c1")
    desk.join(end, "c2")
    return desk


def test_the_expected_wait_is_told_when_twenty_recent_calls_are_known() -> None:
    assert served(19).wait(200.0) == [(200.0, "tell c1: 1, None"), (200.0, "tell c2: 2, None")]
    desk = served(20)
    assert desk.wait(210.0) == [(210.0, "tell c1: 1, 8.0"), (210.0, "tell c2: 2, 16.0")]
    assert desk.wait(260.0) == [(260.0, "tell c1: 1, 8.0"), (260.0, "tell c2: 2, 16.0")]
    # The first of the twenty ended at 18.0.
    assert [line for at, line in desk.wait(1860.0) if at == 1860.0] == [
        "tell c1: 1, None",
        "tell c2: 2, None",
    ]


def test_who_is_in_wrap_up_will_be_free_before_long() -> None:
    desk = served(20, talk=6.0, wrap_up=3.0)
    desk.hang_up(212.0, "long", "anna")
    queue_q = desk.core.world.queues["q"]
    # One in wrap-up, of three seconds on average, is free within them; then talk and wrap-up.
    assert queue_q.estimates.expected(1, queue_q.states, 212.0) == 3.0
    later = queue_q.estimates.expected(2, queue_q.states, 212.0)
    assert later == pytest.approx(3.0 + (20 * 6.0 + 2.0) / 21 + 3.0)


def test_the_error_of_the_expected_wait_is_measured() -> None:
    desk = served(20)
    desk.wait(210.0)
    desk.hang_up(213.0, "long", "anna")
    desk.answer(213.0, "c1", "anna")
    assert desk.core.queue("q").told == Error(1, 5.0, 5.0, 1)
    desk.wait(300.0)
    desk.hang_up(300.0, "c1", "anna")
    desk.answer(300.0, "c2", "anna")
    # He was told about 8 s at 260.0; he waited 40 s more.
    error = desk.core.queue("q").told
    assert (error.count, error.close) == (2, 2)
    assert error.total == pytest.approx(5.0 - 40.0 + (20 * 8.0 + 3.0) / 21)


def test_the_expected_wait_never_rises_by_two_steps_at_once() -> None:
    desk = served(20)
    desk.wait(210.0)
    # The one long call makes the mean ten times what it was; nobody was told less before.
    desk.hang_up(1670.0, "long", "anna")
    desk.answer(1670.0, "c1", "anna")
    desk.join(1671.0, "c3")
    told = [line for _, line in desk.wait(1721.0)]
    assert told[-2:] == ["tell c2: 1, 77.1", "tell c3: 2, 154.3"]


# Moving and picking


def test_a_moved_call_keeps_its_join_time() -> None:
    desk = Desk(queue(IDLE, "anna", id="a"), queue(IDLE, "bohdan", id="b"))
    for agent in ("anna", "bohdan"):
        desk.do(5.0, AgentOccupied(agent))
    desk.join(10.0, "c1", "a")
    desk.join(20.0, "c2", "b")
    assert desk.do(30.0, CallMoved("c1", "b")) == []
    assert [(w.call, w.joined_at) for w in desk.core.queue("b").waiting] == [
        ("c1", 10.0),
        ("c2", 20.0),
    ]
    assert desk.core.queue("a").left == ((LeaveReason.MOVED, 1),)
    assert desk.do(31.0, AgentVacated("bohdan")) == ["ring bohdan for c1"]


def test_moving_a_ringing_call_silences_its_phones() -> None:
    desk = Desk(queue(IDLE, "anna", id="a"), queue(IDLE, "bohdan", id="b"))
    desk.join(10.0, "c1", "a")
    assert desk.do(11.0, CallMoved("c1", "b")) == [
        "stop anna for c1: withdrawn",
        "ring bohdan for c1",
    ]


def test_an_agent_takes_a_call_from_the_list() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan", "clara"))
    desk.join(10.0, "c1")
    assert desk.do(11.0, CallPicked("c1", "clara")) == [
        "stop anna for c1: answered_elsewhere",
        "ring clara for c1",
    ]
    assert [ring.auto_answer for ring in desk.rings()] == [True]
    assert desk.do(11.0, CallPicked("c1", "clara")) == ["clara may not pick c1: RINGS_IT"]
    desk.answer(12.0, "c1", "clara")
    assert desk.do(12.0, CallPicked("c1", "bohdan")) == ["bohdan may not pick c1: TAKEN"]


# Configuration


def configured(desk: Desk, at: float, *queues: QueueConfig) -> list[str]:
    return desk.do(at, Configured(config_of(*queues)))


def test_a_removed_member_stops_ringing_and_the_next_one_is_rung() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan"))
    desk.join(10.0, "c1")
    assert configured(desk, 11.0, queue(IDLE, "bohdan")) == [
        "stop anna for c1: withdrawn",
        "ring bohdan for c1",
    ]
    assert desk.core.agents == ("bohdan",)


def test_a_removed_queue_sends_its_callers_away_and_lets_conversations_end() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan", id="old"))
    desk.join(10.0, "c1", "old")
    desk.answer(10.0, "c1", "anna")
    desk.join(11.0, "c2", "old")
    desk.join(12.0, "c3", "old")
    assert configured(desk, 13.0, queue(IDLE, "anna", "bohdan", id="new")) == [
        "stop bohdan for c2: withdrawn",
        "c2 leaves old: system",
        "c3 leaves old: system",
    ]
    assert desk.join(14.0, "c4", "new") == ["ring bohdan for c4"]
    assert desk.hang_up(15.0, "c1", "anna") == []
    assert desk.state("anna") == "ready"


def test_a_queue_that_comes_back_counts_the_conversations_that_went_on() -> None:
    desk = Desk(queue(IDLE, "anna", id="old"))
    desk.join(10.0, "c1", "old")
    desk.answer(10.0, "c1", "anna")
    configured(desk, 11.0, queue(IDLE, "anna", id="new"))
    configured(desk, 12.0, queue(IDLE, "anna", id="old"))
    view = desk.core.queue("old")
    assert (view.joined, view.talking, view.left) == (1, (("c1", "anna"),), ())
    desk.hang_up(13.0, "c1", "anna")
    assert desk.core.queue("old").left == ((LeaveReason.ANSWERED, 1),)


def test_a_removed_agent_finishes_his_conversation_first() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan"))
    desk.join(10.0, "c1")
    desk.answer(10.0, "c1", "anna")
    configured(desk, 11.0, queue(IDLE, "bohdan"))
    assert desk.state("anna") == "talking"
    desk.hang_up(20.0, "c1", "anna")
    assert desk.core.agents == ("bohdan",)


def test_another_strategy_applies_from_the_next_offer_on() -> None:
    desk = Desk(queue(IDLE, "anna", "bohdan", "clara"))
    desk.join(10.0, "c1")
    assert configured(desk, 11.0, queue(Strategy.RING_ALL, "anna", "bohdan", "clara")) == [
        "ring bohdan for c1",
        "ring clara for c1",
    ]
    assert configured(desk, 12.0, queue(IDLE, "anna", "bohdan", "clara")) == []
    assert desk.answer(13.0, "c1", "bohdan")[0] == "connect c1 to bohdan"


def test_the_turn_survives_a_new_configuration() -> None:
    desk = Desk(queue(Strategy.ROUND_ROBIN, "anna", "bohdan", "clara"))
    desk.join(10.0, "c1")
    desk.join(10.0, "c2")
    for call, agent in (("c1", "anna"), ("c2", "bohdan")):
        desk.answer(11.0, call, agent)
        desk.hang_up(11.0, call, agent)
    configured(desk, 12.0, queue(Strategy.ROUND_ROBIN, "dmytro", "anna", "clara"))
    assert desk.join(13.0, "c3") == ["ring clara for c3"]


def test_phones_kept_ringing_stop_under_a_configuration_without_it() -> None:
    members = ("anna", "bohdan")
    desk = Desk(queue(Strategy.IN_ORDER, *members, keep_ringing=True, ring_timeout=9.0))
    desk.join(10.0, "c1")
    configured(desk, 11.0, queue(IDLE, *members))
    assert desk.wait(19.0) == [
        (19.0, "stop anna for c1: no_answer, missed"),
        (19.0, "stop bohdan for c1: no_answer, missed"),
    ]


def test_a_bad_configuration_is_refused_as_a_whole() -> None:
    desk = Desk(queue(IDLE, "anna"))
    bad = config_of(queue(IDLE, "anna"), queue(IDLE, "bohdan", id="q"))
    with pytest.raises(ConfigError, match="same id"):
        desk.core.apply(Configured(bad), 10.0)
    assert desk.join(11.0, "c1") == ["ring anna for c1"]


def test_a_longer_max_wait_applies_to_those_who_wait_already() -> None:
    desk = nobody(max_wait=30.0, leave_empty_after=None)
    desk.join(10.0, "c1")
    configured(desk, 20.0, queue(IDLE, "anna", max_wait=50.0, leave_empty_after=None))
    assert desk.wait(99.0) == [(60.0, "c1 leaves q: timed_out")]


def test_agents_settings_change_too() -> None:
    desk = Desk(queue(IDLE, "anna"))
    desk.join(10.0, "c1")
    desk.answer(10.0, "c1", "anna")
    desk.join(11.0, "c2")
    two = (AgentConfig("anna", max_calls=2),)
    changed = Configured(config_of(queue(IDLE, "anna"), agents=two))
    assert desk.do(12.0, changed) == ["ring anna for c2"]
