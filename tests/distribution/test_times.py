"""Time in each state and at work: every millisecond once, wherever the days are cut."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from pbx.distribution.effects import AgentChanged, AgentState, Connect
from pbx.distribution.times import (
    OUT,
    AgentTimes,
    Part,
    Session,
    by_reason,
    by_state,
    milliseconds,
)

IN, OFF, BREAK = AgentState.READY, AgentState.INACTIVE, AgentState.BREAK
GONE = AgentState.UNREACHABLE


def changed(at: float, state: AgentState, reason: str = "", agent: str = "anna") -> AgentChanged:
    return AgentChanged(agent, state, reason, at)


DAY = [
    changed(10.0, IN),
    changed(20.0005, BREAK, "lunch"),
    changed(30.0, BREAK, "training"),
    changed(35.0, IN),
    changed(50.0, GONE),
    changed(60.0, OFF),
    changed(80.0, IN),
]


def test_a_day_by_state_and_reason() -> None:
    times = AgentTimes(0.0)
    times.add([Connect("c1", "anna"), *DAY])
    spent = times.spent("anna", 100.0)
    assert spent == {
        OUT: 30_000,
        (IN, ""): 10_000 + 15_000 + 20_000,
        (BREAK, "lunch"): 10_000,
        (BREAK, "training"): 5_000,
        (GONE, ""): 10_000,
    }
    assert by_reason(spent) == {"lunch": 10_000, "training": 5_000}
    assert by_state(spent)[BREAK] == 15_000
    assert times.signed_in("anna", 100.0) == 70_000
    assert times.spent("bohdan", 100.0) == {}
    assert times.sessions("bohdan", 100.0) == ()


def test_sessions() -> None:
    times = AgentTimes(0.0)
    times.add(DAY)
    first, second = times.sessions("anna", 100.0)
    assert (first.start_ms, first.end_ms, first.began, first.ended) == (10_000, 60_000, True, True)
    assert first.milliseconds == sum(first.spent.values()) == 50_000
    assert first.worked == 40_000  # Without a phone he was not at his desk.
    assert second == Session("anna", 80_000, 100_000, True, False, {(IN, ""): 20_000})
    times.add([changed(110.0, OFF)])
    assert times.sessions("anna", 500.0)[1].milliseconds == 30_000


def test_a_cut_at_midnight() -> None:
    times = AgentTimes(0.0)
    times.add([*DAY, changed(5.0, OFF, "removed", "old")])
    day = times.cut(90.0)
    assert (day.start_ms, day.end_ms) == (0, 90_000)
    assert sum(day.spent["anna"].values()) == 90_000
    assert day.sessions["anna"][1] == Session(
        "anna", 80_000, 90_000, True, False, {(IN, ""): 10_000}
    )
    assert times.sessions("anna", 95.0) == (
        Session("anna", 90_000, 95_000, False, False, {(IN, ""): 5_000}),
    )
    times.add([changed(97.0, OFF)])
    following = times.cut(120.0)
    assert following.spent == {"anna": {(IN, ""): 7_000, OUT: 23_000}}
    assert following.sessions["anna"] == (
        Session("anna", 90_000, 97_000, False, True, {(IN, ""): 7_000}),
    )
    assert times.cut(130.0).sessions == {"anna": ()}


def test_who_was_at_work_before_the_start() -> None:
    times = AgentTimes(100.0)
    times.add([changed(40.0, IN)])
    assert times.spent("anna", 110.0) == {OUT: 0, (IN, ""): 10_000}
    (session,) = times.sessions("anna", 110.0)
    assert (session.start_ms, session.began) == (100_000, False)


def at_work(parts: Mapping[Part, int]) -> dict[Part, int]:
    return {part: time for part, time in parts.items() if part[0] is not OFF and time}


STEP = st.tuples(
    st.floats(0.0, 50.0),
    st.sampled_from(("anna", "bohdan")),
    st.sampled_from(AgentState),
    st.sampled_from(("", "lunch", "training")),
    st.booleans(),
)


@given(st.floats(0.0, 1e6), st.lists(STEP, max_size=30))
def test_every_millisecond_is_in_one_part(
    start: float, steps: list[tuple[float, str, AgentState, str, bool]]
) -> None:
    """Days cut anywhere add up to the whole, and a day's parts to the day."""
    whole, cut, now = AgentTimes(start), AgentTimes(start), start
    days = []
    for wait, agent, state, reason, midnight in steps:
        now += wait
        if midnight:
            days.append(cut.cut(now))
        for times in (whole, cut):
            times.add([changed(now, state, reason, agent)])
    days.append(cut.cut(now))
    for agent in ("anna", "bohdan"):
        total = whole.spent(agent, now)
        if not total:
            continue
        assert sum(total.values()) == milliseconds(now) - milliseconds(start)
        parts: Counter[Part] = Counter()
        sessions: Counter[Part] = Counter()
        for day in days:
            for session in day.sessions.get(agent, ()):
                assert day.start_ms <= session.start_ms <= session.end_ms <= day.end_ms
                assert session.milliseconds == sum(session.spent.values())
                assert session.began or session.start_ms == day.start_ms
                assert session.ended or session.end_ms == day.end_ms
                sessions.update(session.spent)
            if agent in day.spent:
                assert sum(day.spent[agent].values()) == day.end_ms - day.start_ms
                parts.update(day.spent[agent])
        # Days before he was heard of are not in the parts; at work he was on none of them.
        working = {part: time for part, time in total.items() if part[0] is not OFF and time}
        assert {
            part: time for part, time in parts.items() if part[0] is not OFF and time
        } == working
        assert {part: time for part, time in sessions.items() if time} == working
        sums = sum(session.milliseconds for session in whole.sessions(agent, now))
        assert sums == whole.signed_in(agent, now) == sum(working.values())
