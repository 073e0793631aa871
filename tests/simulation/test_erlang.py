"""The formulas against reference values to their last printed digit, and against each other."""

from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.simulation.erlang import erlang_a, erlang_b, erlang_c
from pbx.simulation.errors import SimulationError

# Calls an hour, handling s, agents: P(wait), service level at 20 s, mean wait s, occupancy.
# (The reference has 29.174 in the second row, from a P(wait) that was rounded before.)
ERLANG_C = [
    (360, 240, 28, "0.33314 0.76130 19.988 0.85714"),
    (100, 180, 7, "0.32415 0.74044 29.173 0.71429"),
    (120, 300, 12, "0.44939 0.60671 67.408 0.83333"),
    (2880, 60, 50, "0.69446 0.64345 20.834 0.96000"),
]
# With a mean patience of 120 s: P(wait), mean wait of all, P(abandon), occupancy.
ERLANG_A = [
    (2880, 60, 50, "0.46777 3.709 0.03091 0.93032"),
    (2880, 60, 45, "0.78687 10.032 0.08360 0.97749"),
    (360, 240, 24, "0.44688 11.391 0.09493 0.90507"),
]


@pytest.mark.parametrize(("calls", "handling", "agents", "printed"), ERLANG_C)
def test_erlang_c(calls: float, handling: float, agents: int, printed: str) -> None:
    found = erlang_c(calls, handling, agents, 20.0)
    assert found.mean_wait == found.asa
    assert printed == (
        f"{found.had_to_wait:.5f} {found.service_level:.5f} {found.asa:.3f} {found.occupancy:.5f}"
    )


@pytest.mark.parametrize(("calls", "handling", "agents", "printed"), ERLANG_A)
def test_erlang_a(calls: float, handling: float, agents: int, printed: str) -> None:
    found = erlang_a(calls, handling, agents, 120.0, 20.0, 5.0)
    assert printed == (
        f"{found.had_to_wait:.5f} {found.mean_wait:.3f} {found.abandoned_share:.5f}"
        f" {found.occupancy:.5f}"
    )


@pytest.mark.parametrize(("calls", "handling", "agents", "printed"), ERLANG_A)
def test_erlang_a_by_the_density_of_the_wait(
    calls: float, handling: float, agents: int, printed: str
) -> None:
    """Of a caller without patience (Baccelli and Hebuterne 1981), integrated: another way."""
    arrivals, leaving = calls / 3600, 1 / 120
    found = erlang_a(calls, handling, agents, 120.0, 20.0, 5.0)
    step = 0.01
    waits = [step * (number + 0.5) for number in range(60_000)]
    density = [
        exp(-agents / handling * wait + arrivals / leaving * (1 - exp(-leaving * wait)))
        for wait in waits
    ]
    scale = found.had_to_wait / sum(density)
    pairs = [(wait, scale * one) for wait, one in zip(waits, density, strict=True)]
    served = sum(one * exp(-leaving * wait) for wait, one in pairs)
    in_time = sum(one * exp(-leaving * wait) for wait, one in pairs if wait < 20)
    early = sum(one * (1 - exp(-leaving * min(wait, 5.0))) for wait, one in pairs)
    answered = 1 - found.had_to_wait + served
    asa = sum(wait * one * exp(-leaving * wait) for wait, one in pairs) / answered
    assert found.abandoned_share == pytest.approx(1 - answered, rel=1e-5)
    assert found.asa == pytest.approx(asa, rel=1e-5)
    level = (1 - found.had_to_wait + in_time) / (1 - early)
    assert found.service_level == pytest.approx(level, rel=1e-5)


def test_erlang_b() -> None:
    assert erlang_b(10.0, 10) == pytest.approx(0.2145823431)
    assert erlang_b(0.5, 1) == pytest.approx(1 / 3)
    assert erlang_b(0.0, 5) == 0.0


@pytest.mark.parametrize(("calls", "handling", "agents", "printed"), ERLANG_C)
def test_without_end_patience_is_erlang_c(
    calls: float, handling: float, agents: int, printed: str
) -> None:
    endless = erlang_a(calls, handling, agents, 1e8, 20.0)
    waiting = erlang_c(calls, handling, agents, 20.0)
    assert endless.had_to_wait == pytest.approx(waiting.had_to_wait, rel=1e-4)
    assert endless.service_level == pytest.approx(waiting.service_level, rel=1e-4)
    assert endless.asa == pytest.approx(waiting.asa, rel=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(1, 600),
    st.floats(1, 300),
    st.integers(1, 30),
    st.floats(5, 120),
    st.floats(0, 30),
)
def test_erlang_a_agrees_with_itself(
    calls: float, handling: float, agents: int, patience: float, threshold: float
) -> None:
    found = erlang_a(calls, handling, agents, patience, threshold)
    load = calls / 3600 * handling
    assert 0 <= found.had_to_wait <= 1
    assert -1e-9 <= found.service_level <= 1 + 1e-9
    # Whoever is not served abandons, at the rate at which patience ends.
    assert found.occupancy * agents == pytest.approx(load * (1 - found.abandoned_share))
    assert found.abandoned_share == pytest.approx(found.mean_wait / patience)
    if found.had_to_wait > 1e-12:
        more = erlang_a(calls, handling, agents + 1, patience, threshold)
        assert more.had_to_wait <= found.had_to_wait + 1e-12
        later = erlang_a(calls, handling, agents, patience, threshold + 5)
        assert later.service_level >= found.service_level - 1e-12


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: erlang_c(2880, 60, 48, 20), "48 agents cannot cope with 48.0 Erlangs"),
        (lambda: erlang_c(10, 60, 0, 20), "agents must be from 1 to 100,000"),
        (lambda: erlang_a(10, 60, 1, 0, 20), "mean patience must be above 0"),
        (lambda: erlang_b(-1, 1), "a load from 0 to"),
        (lambda: erlang_a(1e6, 60, 10, 1e6, 20), "calls waiting"),
    ],
)
def test_what_cannot_be_calculated(call: object, words: str) -> None:
    assert callable(call)
    with pytest.raises(SimulationError, match=words):
        call()
