"""`fewest_calls` and `least_talk_time`: windows, newcomers, and rankings that stand still."""

from pbx.distribution.config import Member, Newcomer, Strategy, Window
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentVacated,
    AnswerFailed,
    CallLeft,
    CallMoved,
    CallPicked,
    MemberSet,
    Period,
    PeriodBegan,
    StrategySet,
    TagsSet,
)
from tests.distribution.desk import Desk, queue

CALLS = Strategy.FEWEST_CALLS
TALK = Strategy.LEAST_TALK_TIME
ABC = ("anna", "bohdan", "clara")


def worked(desk: Desk, at: float, agent: str, until: float, queue_id: str = "q") -> None:
    """He takes a call from the list and talks."""
    call = f"{agent}-{at}"
    desk.join(at, call, queue_id)
    if desk.core.agent(agent).call != call:
        desk.do(at, CallPicked(call, agent))
    desk.talk(at, call, agent, until)


def chosen(desk: Desk, at: float, queue_id: str = "q") -> tuple[str, float]:
    """Who would be rung now, and the value that was lowest."""
    desk.wait(at)
    desk.join(at, "probe", queue_id)
    (ring,) = desk.rings()
    desk.do(at, CallLeft("probe"))
    return ring.agent, ring.explanation.key[1]


def come(desk: Desk, at: float, agent: str) -> None:
    desk.do(at, AgentReachable(agent))
    desk.do(at, AgentSignedIn(agent))


# What counts


def test_an_answered_call_counts_when_it_is_answered_in_all_queues() -> None:
    desk = Desk(queue(CALLS, *ABC), queue(Strategy.RING_ALL, "anna", id="other"))
    worked(desk, 10.0, "anna", 11.0, "other")
    assert chosen(desk, 20.0) == ("bohdan", 0)
    worked(desk, 20.0, "bohdan", 21.0)
    assert chosen(desk, 30.0) == ("clara", 0)
    desk.join(30.0, "c3")
    desk.answer(31.0, "c3", "clara")
    # All have one; Anna is free longest.
    assert chosen(desk, 32.0) == ("anna", 1)


def test_a_miss_a_refusal_and_a_call_outside_the_queues_do_not_count() -> None:
    desk = Desk(queue(CALLS, "anna", "bohdan"))
    worked(desk, 10.0, "bohdan", 11.0)
    desk.join(20.0, "c1")
    desk.reject(21.0, "c1", "anna")
    desk.do(22.0, CallLeft("c1"))
    desk.do(30.0, AgentOccupied("anna"))
    desk.do(40.0, AgentVacated("anna"))
    assert chosen(desk, 50.0) == ("anna", 0)


def test_an_answer_whose_leg_broke_does_not_count() -> None:
    desk = Desk(queue(CALLS, "anna", "bohdan"))
    worked(desk, 10.0, "bohdan", 11.0)
    desk.join(20.0, "c1")
    desk.answer(21.0, "c1", "anna")
    desk.do(22.0, AnswerFailed("c1", "anna"))
    desk.do(23.0, CallLeft("c1"))
    assert chosen(desk, 40.0) == ("anna", 0)


def test_talk_counts_in_milliseconds_when_it_ends() -> None:
    desk = Desk(queue(TALK, *ABC))
    worked(desk, 10.0, "anna", 40.0)
    worked(desk, 50.0, "bohdan", 70.0005)
    worked(desk, 80.0, "clara", 100.25)
    assert chosen(desk, 110.0) == ("bohdan", 20_000)
    worked(desk, 110.0, "bohdan", 111.0)
    assert chosen(desk, 120.0) == ("clara", 20_250)
    desk.join(120.0, "c1")
    desk.answer(120.0, "c1", "clara")
    desk.do(150.0, CallMoved("c1", "q"))
    # Moved away from her after half a minute.
    assert [ring.agent for ring in desk.rings()] == ["bohdan"]


def test_of_equals_the_one_who_is_free_longest() -> None:
    desk = Desk(queue(CALLS, *ABC))
    assert chosen(desk, 10.0) == ("anna", 0)
    desk.do(11.0, AgentOccupied("anna"))
    desk.do(12.0, AgentVacated("anna"))
    assert chosen(desk, 13.0) == ("bohdan", 0)
    desk = Desk(queue(CALLS, *ABC, outbound_resets_idle=False))
    desk.do(11.0, AgentOccupied("anna"))
    desk.do(12.0, AgentVacated("anna"))
    assert chosen(desk, 13.0) == ("anna", 0)


# Windows


def test_the_day_begins_when_it_is_said() -> None:
    desk = Desk(queue(CALLS, "anna", "bohdan"))
    worked(desk, 10.0, "anna", 11.0)
    desk.do(20.0, PeriodBegan(Period.HOUR))
    assert chosen(desk, 20.0) == ("bohdan", 0)
    desk.do(30.0, PeriodBegan(Period.DAY))
    assert chosen(desk, 30.0) == ("bohdan", 0)
    worked(desk, 30.0, "bohdan", 31.0)
    assert chosen(desk, 40.0) == ("anna", 0)


def test_the_hour_too() -> None:
    desk = Desk(queue(TALK, "anna", "bohdan", window=Window.HOUR))
    worked(desk, 10.0, "anna", 30.0)
    worked(desk, 30.0, "bohdan", 80.0)
    assert chosen(desk, 90.0) == ("anna", 20_000)
    desk.join(90.0, "c1")
    desk.answer(90.0, "c1", "anna")
    desk.do(100.0, PeriodBegan(Period.HOUR))
    # A talk counts in the hour in which it ends.
    desk.hang_up(101.0, "c1", "anna")
    assert chosen(desk, 110.0) == ("bohdan", 0)
    worked(desk, 110.0, "bohdan", 121.0)
    assert chosen(desk, 130.0) == ("anna", 11_000)


def test_an_answer_that_failed_after_midnight_takes_nothing_from_the_new_day() -> None:
    desk = Desk(queue(CALLS, "anna", "bohdan"))
    desk.join(10.0, "c1")
    desk.answer(10.0, "c1", "anna")
    desk.do(20.0, PeriodBegan(Period.DAY))
    desk.do(21.0, AnswerFailed("c1", "anna"))
    desk.do(22.0, CallLeft("c1"))
    worked(desk, 40.0, "bohdan", 41.0)
    assert chosen(desk, 50.0) == ("anna", 0)


def test_the_shift_begins_with_signing_in() -> None:
    desk = Desk(queue(CALLS, "anna", "bohdan", window=Window.SHIFT, newcomer=Newcomer.ZERO))
    worked(desk, 10.0, "anna", 11.0)
    worked(desk, 20.0, "anna", 21.0)
    worked(desk, 30.0, "bohdan", 31.0)
    assert chosen(desk, 40.0) == ("bohdan", 1)
    desk.do(50.0, AgentSignedOut("anna"))
    desk.do(60.0, AgentSignedIn("anna"))
    assert chosen(desk, 70.0) == ("anna", 0)


def test_a_rolling_window_forgets_to_the_moment() -> None:
    rolling = {"window": Window.ROLLING, "window_seconds": 100.0}
    desk = Desk(queue(CALLS, "anna", "bohdan", **rolling))
    worked(desk, 10.0, "anna", 11.0)
    worked(desk, 20.0, "anna", 21.0)
    worked(desk, 30.0, "bohdan", 90.0)
    assert chosen(desk, 109.9) == ("bohdan", 1)
    # Anna has one left too, and is free longer.
    assert chosen(desk, 110.0) == ("anna", 1)
    assert chosen(desk, 120.0) == ("anna", 0)
    desk = Desk(queue(TALK, "anna", "bohdan", **rolling))
    worked(desk, 10.0, "anna", 20.0)
    worked(desk, 30.0, "bohdan", 35.0)
    assert chosen(desk, 119.9) == ("bohdan", 5_000)
    # A talk goes when its end is so long ago.
    assert chosen(desk, 120.0) == ("anna", 0)


def test_the_morning_is_known_when_the_strategy_is_chosen_at_noon() -> None:
    desk = Desk(queue(Strategy.ROUND_ROBIN, *ABC))
    worked(desk, 10.0, "anna", 11.0)
    worked(desk, 20.0, "bohdan", 30.0)
    worked(desk, 30.0, "clara", 50.0)
    worked(desk, 60.0, "clara", 61.0)
    desk.do(100.0, StrategySet("q", TALK))
    assert chosen(desk, 100.0) == ("anna", 1_000)
    desk.do(100.0, StrategySet("q", CALLS))
    worked(desk, 110.0, "anna", 111.0)
    assert chosen(desk, 120.0) == ("bohdan", 1)


# Newcomers


def test_a_newcomer_begins_with_as_many_as_the_one_who_has_fewest() -> None:
    desk = Desk(queue(CALLS, *ABC), absent=("clara",))
    for at, agent in (
        (10.0, "anna"),
        (20.0, "bohdan"),
        (30.0, "anna"),
        (40.0, "bohdan"),
        (50.0, "anna"),
    ):
        worked(desk, at, agent, at + 1.0)
    come(desk, 60.0, "clara")
    # Two like Bohdan, who is free longer.
    assert chosen(desk, 61.0) == ("bohdan", 2)
    worked(desk, 62.0, "bohdan", 63.0)
    assert chosen(desk, 64.0) == ("clara", 2)
    worked(desk, 65.0, "clara", 66.0)
    assert chosen(desk, 67.0) == ("anna", 3)


def test_or_with_what_he_really_has() -> None:
    desk = Desk(queue(CALLS, *ABC, newcomer=Newcomer.ZERO), absent=("clara",))
    worked(desk, 10.0, "anna", 11.0)
    worked(desk, 20.0, "bohdan", 21.0)
    come(desk, 60.0, "clara")
    assert chosen(desk, 61.0) == ("clara", 0)


def test_who_comes_back_with_more_keeps_what_he_has() -> None:
    desk = Desk(queue(CALLS, *ABC))
    for at, agent in ((10.0, "anna"), (20.0, "anna"), (30.0, "bohdan"), (40.0, "clara")):
        worked(desk, at, agent, at + 1.0)
    desk.do(50.0, AgentSignedOut("anna"))
    desk.do(60.0, AgentSignedIn("anna"))
    worked(desk, 70.0, "bohdan", 71.0)
    worked(desk, 80.0, "clara", 81.0)
    assert chosen(desk, 90.0) == ("anna", 2)


def test_the_first_at_work_gets_nothing_for_free() -> None:
    desk = Desk(queue(CALLS, "anna", "bohdan"))
    worked(desk, 10.0, "bohdan", 11.0)
    for agent in ("anna", "bohdan"):
        desk.do(20.0, AgentSignedOut(agent))
    desk.do(30.0, AgentSignedIn("anna"))
    assert chosen(desk, 31.0) == ("anna", 0)


def test_the_credit_ends_with_the_day_and_with_another_measure() -> None:
    for event in (PeriodBegan(Period.DAY), StrategySet("q", TALK)):
        desk = Desk(queue(CALLS, "anna", "bohdan"), absent=("bohdan",))
        worked(desk, 10.0, "anna", 11.0)
        worked(desk, 20.0, "anna", 21.0)
        come(desk, 30.0, "bohdan")
        # Two each: Bohdan's are lent, and Anna is free longer.
        assert chosen(desk, 40.0) == ("anna", 2)
        desk.do(50.0, event)
        desk.do(50.0, AgentOccupied("anna"))
        assert chosen(desk, 50.0) == ("bohdan", 0)
        desk.do(50.0, StrategySet("q"))
        assert chosen(desk, 50.0) == ("bohdan", 0)


def test_the_credit_of_a_rolling_window_lasts_as_long_as_the_window() -> None:
    rolling = {"window": Window.ROLLING, "window_seconds": 100.0}
    desk = Desk(queue(CALLS, "anna", "bohdan", **rolling), absent=("bohdan",))
    worked(desk, 10.0, "anna", 11.0)
    worked(desk, 20.0, "anna", 21.0)
    come(desk, 30.0, "bohdan")
    desk.do(30.0, AgentOccupied("anna"))
    assert chosen(desk, 40.0) == ("bohdan", 2)
    assert chosen(desk, 129.9) == ("bohdan", 2)
    assert chosen(desk, 130.0) == ("bohdan", 0)


# recalculate


def test_between_two_recalculations_the_ranking_stands_still() -> None:
    desk = Desk(queue(CALLS, *ABC, recalculate=60.0))
    for at in (10.0, 20.0, 30.0):
        worked(desk, at, "anna", at + 1.0)
    # Nobody has a call, as of 0.0; Bohdan is free longest.
    assert chosen(desk, 40.0) == ("bohdan", 0)
    desk.do(40.0, AgentOccupied("bohdan"))
    desk.do(40.0, AgentOccupied("clara"))
    assert chosen(desk, 59.9) == ("anna", 0)
    assert chosen(desk, 60.0) == ("anna", 3)


def test_a_newcomer_comes_into_a_ranking_that_stands_still() -> None:
    desk = Desk(queue(CALLS, "anna", "bohdan", recalculate=60.0), absent=("bohdan",))
    worked(desk, 10.0, "anna", 11.0)
    come(desk, 20.0, "bohdan")
    desk.do(20.0, AgentOccupied("anna"))
    # Anna's call is not in the ranking yet.
    assert chosen(desk, 21.0) == ("bohdan", 0)
    desk.do(70.0, AgentSignedOut("bohdan"))
    desk.wait(80.0)
    desk.do(80.0, AgentSignedIn("bohdan"))
    assert chosen(desk, 81.0) == ("bohdan", 1)


def test_a_reload_recalculates_an_edit_only_its_own_queue() -> None:
    one, two = (queue(CALLS, *ABC, id=name, recalculate=600.0) for name in ("one", "two"))
    desk = Desk(one, two)
    for agent, at in (("anna", 10.0), ("bohdan", 20.0), ("clara", 30.0)):
        worked(desk, at, agent, at + 1.0, "one")
    assert [chosen(desk, 40.0, name) for name in ("one", "two")] == [("anna", 0)] * 2
    desk.do(50.0, TagsSet("anna", (("sales", 1),)))
    assert [chosen(desk, 50.0, name) for name in ("one", "two")] == [("anna", 0)] * 2
    desk.do(60.0, MemberSet("one", Member("anna", rank=1)))
    assert [chosen(desk, 60.0, name) for name in ("one", "two")] == [("anna", 1), ("anna", 0)]
    desk.configure(70.0, one, two)
    assert [chosen(desk, 70.0, name) for name in ("one", "two")] == [("anna", 1)] * 2
    # And from here it stands still again, for ten minutes.
    worked(desk, 80.0, "anna", 81.0, "one")
    for agent in ("bohdan", "clara"):
        desk.do(90.0, AgentOccupied(agent))
    assert chosen(desk, 669.9, "two") == ("anna", 1)
    assert chosen(desk, 670.0, "two") == ("anna", 2)
