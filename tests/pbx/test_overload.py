"""How many new calls are refused: limits, stalls, and a line that grows."""

import heapq
from dataclasses import dataclass, field
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pbx.overload import LONGEST_DELAY, Admitted, Overload, OverloadPlan
from pbx.snapshot import freeze, thaw

CAPACITY = 400.0  # Calls a second.
MESSAGES = 7  # Of a call that is taken.
REFUSAL = 0.08  # What a refusal costs, of a call.
BATCH = 64


def test_without_limits_everybody_is_let_in() -> None:
    overload = Overload()
    assert {overload.admit(n, n / 1000) for n in range(5000)} == {0}


def test_a_limit_of_calls_per_second() -> None:
    overload = Overload(OverloadPlan(calls_per_second=10.0))
    verdicts = [overload.admit(0, 100.0) for _ in range(30)]
    assert verdicts == [0] * 10 + [2] * 20
    assert [overload.admit(0, 100.5) for _ in range(10)] == [0] * 5 + [2] * 5
    assert overload.refused == 25


def test_over_the_limit_callers_may_be_told_so() -> None:
    overload = Overload(OverloadPlan(calls_per_second=1.0, excuse="sorry"))
    told: list[Admitted] = []
    for _ in range(3):
        assert overload.admit(0, 100.0) == 0
        told.append(overload.verdict)
    assert told == [Admitted.YES, Admitted.EXCUSED, Admitted.EXCUSED]


def test_a_stall_refuses_nobody() -> None:
    """One second of a machine that was asleep, and what had come meanwhile."""
    overload = Overload()
    for n in range(10):
        overload.on_delay(1.0 - n / 10, 100.0 + n / 100)
    overload.on_delay(0.0, 100.2)
    assert {overload.admit(0, 100.2) for _ in range(100)} == {0}


def test_a_line_that_stays_long_refuses_more_and_more() -> None:
    overload = Overload()
    shares: list[float] = []
    for n in range(100):
        overload.on_delay(0.3, 100.0 + n / 50)
        shares.append(overload.share)
    assert shares == sorted(shares)
    assert shares[5] == 0.0
    assert shares[-1] == 1.0
    assert overload.admit(0, 102.0) == 30


def test_without_news_nothing_is_refused() -> None:
    overload = Overload()
    for n in range(100):
        overload.on_delay(0.3, 100.0 + n / 50)
    assert overload.admit(0, 110.0) == 0


def test_the_lag_of_a_timer_counts_only_without_a_line() -> None:
    overload = Overload()
    for n in range(100):
        overload.on_delay(LONGEST_DELAY / 10, 100.0 + n / 50)
        overload.on_lag(0.5, 100.001 + n / 50)
    assert overload.share == 0.0
    for n in range(20):
        overload.on_lag(0.5, 110.0 + n / 10)
    assert overload.share == 1.0


def test_no_protection_if_so_configured() -> None:
    overload = Overload(OverloadPlan(longest_delay=0.0))
    for n in range(100):
        overload.on_delay(5.0, 100.0 + n / 50)
    assert overload.admit(0, 102.0) == 0


# --- a server with one line of messages -----------------------------------------------------------


@dataclass
class Served:
    done: list[float] = field(default_factory=list[float])
    set_up: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    refused: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    last_shed: float = 0.0


def serve(offered: list[float]) -> Served:
    """Calls that come at these times, each of seven messages 10 ms apart, first in, first out."""
    overload, served = Overload(), Served()
    cost = 1 / CAPACITY / MESSAGES
    now, batch = 0.0, 0
    line = [(at, number, 0) for number, at in enumerate(offered)]
    heapq.heapify(line)
    while line:
        at, number, message = heapq.heappop(line)
        batch += 1
        if at > now:
            now, batch = at, 0
            overload.on_delay(0.0, now)
        elif batch == BATCH:
            batch = 0
            overload.on_delay(now - at, now)
        if message == 0 and overload.admit(0, now):
            now += REFUSAL / CAPACITY
            served.refused.append((at, now - at))
            served.last_shed = at
            continue
        now += cost
        if message < MESSAGES - 1:
            heapq.heappush(line, (max(now, at + 0.01), number, message + 1))
        else:
            served.done.append(now)
        if message == 3:
            served.set_up.append((offered[number], now - offered[number]))
    return served


def arrivals(load: float, begin: float, end: float, seed: int = 1) -> list[float]:
    rng = Random(seed)
    at = begin
    times: list[float] = []
    while at < end:
        at += rng.expovariate(load * CAPACITY)
        times.append(at)
    return times


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def test_at_nine_tenths_of_what_we_can_nobody_is_refused() -> None:
    assert serve(arrivals(0.9, 0.0, 20.0)).refused == []


def test_at_twice_what_we_can() -> None:
    served = serve(arrivals(2.0, 0.0, 20.0))
    steady = [at for at in served.done if 2.0 <= at < 20.0]
    assert len(steady) / 18.0 >= 0.9 * CAPACITY
    assert p99([wait for _, wait in served.set_up]) < 1.0
    assert p99([wait for at, wait in served.refused if at > 3.0]) < 0.03


def test_soon_after_the_flood_nobody_is_refused() -> None:
    served = serve([*arrivals(3.0, 0.0, 10.0), *arrivals(0.5, 10.0, 20.0)])
    assert served.last_shed < 13.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("delay", "lag", "admit")),
            st.floats(0.0, 100.0),
            st.floats(0.0, 10.0),
        ),
        max_size=60,
    ),
    st.builds(OverloadPlan, st.sampled_from((0.0, 0.5, 10.0)), st.sampled_from((0.0, 0.01, 1.0))),
)
def test_whatever_comes(story: list[tuple[str, float, float]], plan: OverloadPlan) -> None:
    overload, now = Overload(plan), 0.0
    for kind, value, passed in story:
        now += passed
        if kind == "admit":
            assert 0 <= overload.admit(int(value), now) <= 30
        else:
            (overload.on_delay if kind == "delay" else overload.on_lag)(value, now)
        assert 0.0 <= overload.share <= 1.0
        assert freeze(thaw(freeze(overload))) == freeze(overload)
