"""Days of a few calls, each wait worked out by hand; and what every day must obey."""

from collections import Counter
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.distribution.config import AgentConfig, Strategy
from pbx.distribution.effects import AgentState
from pbx.distribution.inputs import (
    AgentSignedOut,
    CallMoved,
    LeaveReason,
    RingEnded,
    RingOutcome,
)
from pbx.simulation.day import Timed
from pbx.simulation.durations import Exponential, Fixed, Lognormal, Observed, Seen
from pbx.simulation.errors import SimulationError
from pbx.simulation.phones import Phones
from pbx.simulation.run import live
from pbx.simulation.traffic import Stream, Traffic, all_day, signed_in
from tests.simulation.company import caller, company, day, lived, noted, queue, watched

ANSWERED, ABANDONED = LeaveReason.ANSWERED, LeaveReason.ABANDONED


def test_one_agent_serves_in_order() -> None:
    one = day(
        company(queue("sales", "anna")),
        caller("c1", 10.0, 100.0),
        caller("c2", 20.0, 50.0),
        caller("c3", 30.0, 50.0, patience=60.0),
        caller("c4", 40.0, 5.0),
    )
    assert lived(one) == [
        ("c1", "sales", 0.0, ANSWERED, "anna"),
        ("c2", "sales", 90.0, ANSWERED, "anna"),
        ("c3", "sales", 60.0, ABANDONED, ""),
        ("c4", "sales", 120.0, ANSWERED, "anna"),
    ]


def test_answering_takes_time_and_wrap_up_does_too() -> None:
    one = day(
        company(queue("sales", "anna", wrap_up=30.0)),
        caller("c1", 0.0, 100.0),
        caller("c2", 50.0, 10.0),
        caller("c3", 60.0, 10.0, wrap_up_ends=12.0),
        caller("c4", 70.0, 10.0, wrap_up_more=15.0),
        caller("c5", 80.0, 10.0),
    )
    waits = [wait for _, _, wait, _, _ in lived(one, Phones(Fixed(3.0)))]
    # Answered at 3; 103 + 30 + 3 = 136; 146 + 30 + 3 = 179; 189 + 12 + 3 = 204; 214 + 45 + 3.
    assert waits == [3.0, 86.0, 119.0, 134.0, 182.0]


def test_who_does_not_answer_is_left_in_peace() -> None:
    one = day(
        company(queue("sales", "anna", "borys", ring_timeout=15.0)),
        caller("c1", 0.0, 100.0, responses={"anna": (Seen(inf, None),)}),
    )
    ledger = live(one, 1, Phones(Fixed(2.0), habits={}))
    assert noted(ledger) == [("c1", "sales", 17.0, ANSWERED, "borys")]
    assert ledger.agents["anna"].missed == 1
    delayed = ledger.agents["anna"].of(AgentState.DELAYED)
    assert delayed == pytest.approx(5.0)


def test_a_response_on_record_comes_before_all() -> None:
    rejects = {"anna": (Seen(4.0, RingOutcome.REJECTED), Seen(1.0, RingOutcome.ANSWERED))}
    one = day(company(queue("sales", "anna")), caller("c1", 0.0, 9.0, responses=rejects))
    assert lived(one, Phones(Fixed(60.0))) == [("c1", "sales", 10.0, ANSWERED, "anna")]


def test_the_break_after_misses_ends() -> None:
    anna = AgentConfig("anna", max_no_answer=1)
    one = day(
        company(queue("sales", "anna", ring_timeout=10.0), agents=(anna,)),
        caller("c1", 0.0, 9.0, responses={"anna": (Seen(inf, None),)}),
    )
    phones = Phones(Fixed(1.0), back_after=Fixed(30.0))
    assert lived(one, phones) == [("c1", "sales", 41.0, ANSWERED, "anna")]


def test_a_call_goes_on_to_another_queue_and_its_patience_goes_with_it() -> None:
    one = day(
        company(queue("sales", "anna", max_wait=20.0), queue("support", "borys")),
        caller("c1", 0.0, 500.0),
        caller("c2", 5.0, 100.0),
        caller("c3", 6.0, 10.0, patience=50.0),
        overflow={("sales", LeaveReason.TIMED_OUT): "support"},
    )
    assert lived(one) == [
        ("c1", "sales", 0.0, ANSWERED, "anna"),
        ("c2", "sales", 20.0, LeaveReason.TIMED_OUT, ""),
        ("c3", "sales", 20.0, LeaveReason.TIMED_OUT, ""),
        ("c2", "support", 0.0, ANSWERED, "borys"),
        ("c3", "support", 30.0, ABANDONED, ""),
    ]


def test_who_gives_up_at_the_very_moment_does_not_go_on() -> None:
    one = day(
        company(queue("sales", max_wait=20.0), queue("support", "borys")),
        caller("c1", 0.0, 10.0, patience=20.0),
        overflow={("sales", LeaveReason.TIMED_OUT): "support"},
    )
    assert lived(one) == [("c1", "sales", 20.0, LeaveReason.TIMED_OUT, "")]


def test_a_phone_that_stops_is_not_answered() -> None:
    config = company(queue("sales", "anna", "borys", strategy=Strategy.RING_ALL))
    responses = {
        "anna": (Seen(3.0, RingOutcome.ANSWERED),),
        "borys": (Seen(5.0, RingOutcome.ANSWERED),),
    }
    inputs = watched(day(config, caller("c1", 0.0, 100.0, responses=responses)))
    assert [event for _, event in inputs if isinstance(event, RingEnded)] == [
        RingEnded("c1", "anna", RingOutcome.ANSWERED)
    ]


def test_announcements_let_the_day_go_on() -> None:
    """510.138 + 60 is a moment whose distance from 510.138 is, in binary, less than 60."""
    config = company(queue("sales", announce_every=60.0, max_wait=90.0, leave_empty_after=None))
    found = lived(day(config, caller("c1", 510.138, 10.0)))
    assert found == [("c1", "sales", 90.0, LeaveReason.TIMED_OUT, "")]


def test_queues_that_send_calls_to_each_other_come_to_an_end() -> None:
    circle = {
        ("sales", LeaveReason.NOBODY_SIGNED_IN): "support",
        ("support", LeaveReason.NOBODY_SIGNED_IN): "sales",
    }
    config = company(queue("sales", join_empty=False), queue("support", join_empty=False))
    one = day(config, caller("c1", 0.0, 9.0), overflow=circle)
    found = lived(one)
    assert len(found) == 9
    assert {reason for _, _, _, reason, _ in found} == {LeaveReason.NOBODY_SIGNED_IN}


def test_agents_pick_from_the_list() -> None:
    one = day(
        company(queue("sales", "anna", strategy=Strategy.MANUAL)),
        caller("c1", 10.0, 100.0),
        caller("c2", 20.0, 50.0),
    )
    found = lived(one, Phones(Fixed(4.0)))
    assert found == [
        ("c1", "sales", 4.0, ANSWERED, "anna"),
        ("c2", "sales", 98.0, ANSWERED, "anna"),
    ]


def test_agents_do_not_take_a_call_from_each_other() -> None:
    one = day(
        company(queue("sales", "anna", "borys", strategy=Strategy.MANUAL)),
        caller("c1", 10.0, 100.0),
        caller("c2", 20.0, 50.0),
        caller("c3", 30.0, 50.0),
    )
    assert [(call, wait) for call, _, wait, _, _ in lived(one)] == [
        *(("c1", 0.0), ("c2", 0.0), ("c3", 40.0)),
    ]


def test_a_callback_keeps_the_place() -> None:
    one = day(
        company(queue("sales", "anna")),
        caller("c1", 0.0, 100.0),
        caller("c2", 1.0, 50.0, 30.0, gives_up=LeaveReason.CALLBACK),
        caller("c3", 2.0, 10.0),
    )
    assert lived(one) == [
        ("c1", "sales", 0.0, ANSWERED, "anna"),
        ("c2", "sales", 30.0, LeaveReason.CALLBACK, ""),
        ("c3", "sales", 148.0, ANSWERED, "anna"),
        ("c2-back", "sales", 69.0, ANSWERED, "anna"),
    ]


def test_the_script_is_played() -> None:
    config = company(queue("sales", "anna", leave_empty_after=10.0), queue("vip", "borys"))
    script = (
        *signed_in(all_day(config)),
        Timed(50.0, AgentSignedOut("anna")),
        Timed(70.0, CallMoved("c3", "vip")),
        Timed(71.0, CallMoved("c1", "vip")),
    )
    one = day(
        config,
        caller("c1", 0.0, 60.0),
        caller("c2", 10.0, 60.0),
        caller("c3", 65.0, 60.0),
        script=script,
    )
    assert lived(one) == [
        ("c1", "sales", 0.0, ANSWERED, "anna"),
        ("c2", "sales", 60.0, LeaveReason.NOBODY_SIGNED_IN, ""),
        ("c3", "sales", 5.0, LeaveReason.MOVED, ""),
        ("c3", "vip", 0.0, ANSWERED, "borys"),
    ]


def test_who_waits_for_ever_is_not_waited_for() -> None:
    config = company(queue("sales", "anna", leave_empty_after=None, announce_every=60.0))
    found = lived(day(config, caller("c1", 0.0, 9.0), script=()))
    assert found == [("c1", "sales", inf, None, "")]


def test_a_bad_configuration_is_said_so() -> None:
    with pytest.raises(SimulationError, match="ring_timeout must be above 0"):
        _ = lived(day(company(queue("sales", "anna", ring_timeout=0.0))))


def busy(strategy: Strategy = Strategy.LONGEST_IDLE, hours: float = 0.5) -> Traffic:
    agents = [f"a{number}" for number in range(8)]
    config = company(
        queue("sales", *agents, strategy=strategy, wrap_up=10.0),
        queue("vip", *agents[4:], strategy=strategy, max_wait=60.0, priority=5),
        agents=(AgentConfig("a1", max_no_answer=2),),
    )
    streams = (
        Stream("sales", (60.0, 200.0, 90.0), Lognormal(120.0, 0.8), Exponential(60.0)),
        Stream("vip", (20.0, 60.0), Exponential(90.0), Exponential(90.0)),
    )
    overflow = {("vip", LeaveReason.TIMED_OUT): "sales"}
    return Traffic(config, streams, hours * 3600, all_day(config), overflow)


PEOPLE = Phones(Observed((2.0, 5.0, 9.0, 20.0)), no_answer=0.1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(Strategy, key=lambda one: one.value)))
def test_what_every_day_obeys(seed: int, strategy: Strategy) -> None:
    traffic = busy(strategy)
    one = traffic.day(seed)
    ledger = live(one, seed, PEOPLE)
    visits = ledger.visits
    # Nobody is lost, and nobody waits longer than his patience lasts.
    assert {visit.call for visit in visits} == {caller.call for caller in one.callers}
    assert not ledger.open
    assert all(visit.reason is not None for visit in visits)
    patience = {caller.call: caller.at + caller.patience for caller in one.callers}
    assert all(visit.ended_at <= patience[visit.call] + 1e-6 for visit in visits)
    # A call is answered once, and every second of every agent is in one state.
    answered = Counter(visit.call for visit in visits if visit.reason is ANSWERED)
    assert set(answered.values()) <= {1}
    for agent in ledger.agents.values():
        assert sum(agent.spent) == pytest.approx(one.end - one.start)
    assert sum(agent.answered for agent in ledger.agents.values()) == len(answered)


@pytest.mark.parametrize("strategy", Strategy)
def test_the_same_seed_is_the_same_day(strategy: Strategy) -> None:
    def figures(seed: int) -> list[object]:
        return [*noted(live(busy(strategy).day(seed), seed, PEOPLE))]

    assert figures(5) == figures(5)
    assert figures(5) != figures(6)


def test_who_gets_the_call_does_not_matter_to_those_who_wait() -> None:
    """With agents alike every strategy serves the same callers after the same waits, exactly."""
    agents = [f"a{number}" for number in range(6)]
    waits: dict[Strategy, list[tuple[str, float, LeaveReason | None]]] = {}
    for strategy in Strategy:
        if strategy is not Strategy.MANUAL:
            config = company(queue("sales", *agents, strategy=strategy))
            stream = Stream("sales", (100.0, 250.0), Lognormal(100.0, 0.9), Exponential(60.0))
            traffic = Traffic(config, (stream,), 3600.0, all_day(config))
            found = lived(traffic.day(3), seed=3)
            waits[strategy] = [(call, wait, reason) for call, _, wait, reason, _ in found]
    expected = waits[Strategy.LONGEST_IDLE]
    assert any(wait > 0 for _, wait, _ in expected)
    for strategy, found_waits in waits.items():
        assert found_waits == expected, strategy


def test_traffic_comes_at_its_rates() -> None:
    traffic = busy(hours=2)
    calls = Counter[str]()
    thirds = Counter[int]()
    for seed in range(40):
        for one in traffic.day(seed).callers:
            calls[one.queue] += 1
            if one.queue == "sales":
                thirds[int(one.at / 2400)] += 1
    assert traffic.expected_calls == pytest.approx(2 * 350 / 3 + 2 * 40)
    assert calls["sales"] / 40 == pytest.approx(700 / 3, rel=0.03)
    assert calls["vip"] / 40 == pytest.approx(80, rel=0.05)
    assert thirds[1] / thirds[0] == pytest.approx(200 / 60, rel=0.06)


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        (Traffic(company(), (), 0.0, ()), "a day lasts more than nothing"),
        (Traffic(company(), (Stream("q", (), Fixed(1.0)),), 60.0, ()), "no rates of calls"),
        (Traffic(company(), (Stream("q", (-1.0,), Fixed(1.0)),), 60.0, ()), "or bad ones"),
        (Traffic(company(), (Stream("q", (1e6,), Fixed(1.0)),), 86400.0, ()), "1,000,000 calls"),
    ],
)
def test_too_much_is_refused(traffic: Traffic, words: str) -> None:
    with pytest.raises(SimulationError, match=words):
        _ = traffic.day(1)


def test_the_watch_sees_what_the_core_sees() -> None:
    one = day(company(queue("sales", "anna")), caller("c1", 10.0, 100.0))
    names = [(at, type(event).__name__) for at, event in watched(one, Phones(Fixed(2.0)))]
    assert names == [
        (0.0, "AgentReachable"),
        (0.0, "AgentSignedIn"),
        (10.0, "CallJoined"),
        (10.0, "RingStarted"),
        (12.0, "RingEnded"),
        (112.0, "ConversationEnded"),
    ]
