"""Each figure of a small day, worked out by hand."""

import pytest

from pbx.distribution.effects import AgentChanged, AgentState, Connect, Leave
from pbx.distribution.inputs import LeaveReason
from pbx.simulation.figures import FIGURES, Counts, Thresholds, gini, measure
from pbx.simulation.ledger import Ledger
from pbx.simulation.ranges import range_of


def small_day() -> Ledger:
    """Five calls in 100 s for two agents, and one that is turned away."""
    ledger = Ledger(0.0, 100.0)
    for agent in ("anna", "borys"):
        ledger.effects([AgentChanged(agent, AgentState.READY, "", 0.0)], 0.0)
    for call, at in (("c1", 0.0), ("c2", 10.0), ("c3", 20.0), ("c4", 30.0), ("c5", 40.0)):
        ledger.joined(call, "sales", at)
    ledger.effects([AgentChanged("anna", AgentState.TALKING, "", 4.0), Connect("c1", "anna")], 4.0)
    ledger.effects([AgentChanged("anna", AgentState.READY, "", 44.0)], 44.0)
    ledger.effects([Connect("c2", "anna")], 50.0)
    ledger.left("c3", LeaveReason.ABANDONED, 22.0)
    ledger.left("c4", LeaveReason.ABANDONED, 70.0)
    ledger.joined("c6", "sales", 80.0)
    ledger.effects([Leave("c6", "sales", LeaveReason.QUEUE_FULL)], 80.0)
    ledger.effects([AgentChanged("borys", AgentState.INACTIVE, "", 50.0)], 50.0)
    ledger.finish(100.0)
    return ledger


def test_figures_by_hand() -> None:
    assert measure(small_day(), Thresholds(20.0, 5.0)) == {
        "offered": 5,
        "answered": 2,  # After 4 and 40 s.
        "abandoned": 2,  # After 2 and 40 s.
        "short_abandons": 1,
        "left_otherwise": 0,
        "still_waiting": 1,
        "refused": 1,
        "service_level": pytest.approx(1 / 3),
        "asa": 22.0,
        "wait_p90": 4.0,
        "mean_wait": pytest.approx((4 + 40 + 2 + 40) / 4),
        "had_to_wait": 1.0,
        "abandonment_rate": 1 / 4,
        "abandoned_share": 2 / 5,
        "occupancy": pytest.approx(40 / (100 + 50)),
        "missed": 0,
        "gini": 0.5,  # One has all.
        "spread": None,
    }


def test_every_figure_has_a_name_and_a_formula() -> None:
    found = measure(small_day(), Thresholds())
    assert list(found) == [figure.name for figure in FIGURES]
    assert all(figure.label and figure.formula for figure in FIGURES)


def test_nothing_happened() -> None:
    found = measure(Ledger(0.0, 10.0), Thresholds())
    assert {name for name, value in found.items() if value is None} == {
        *("service_level", "asa", "wait_p90", "mean_wait", "had_to_wait", "abandonment_rate"),
        *("abandoned_share", "occupancy", "gini", "spread"),
    }


def test_an_answer_that_failed_is_none() -> None:
    ledger = Ledger(0.0, 100.0)
    ledger.joined("c1", "sales", 1.0)
    ledger.effects([Connect("c1", "anna")], 3.0)
    ledger.answer_failed("c1")
    assert (list(ledger.open), ledger.agents["anna"].answered) == (["c1"], 0)
    ledger.effects([Connect("c1", "borys")], 9.0)
    assert measure(ledger, Thresholds())["asa"] == 8.0


def test_the_warm_up_counts_for_nothing() -> None:
    ledger = Ledger(50.0, 100.0)
    ledger.effects([AgentChanged("anna", AgentState.READY, "", 0.0)], 0.0)
    ledger.joined("c1", "sales", 10.0)
    ledger.effects(
        [AgentChanged("anna", AgentState.TALKING, "", 10.0), Connect("c1", "anna")], 10.0
    )
    ledger.effects([AgentChanged("anna", AgentState.READY, "", 75.0)], 75.0)
    ledger.finish(130.0)
    found = measure(ledger, Thresholds())
    assert (found["offered"], found["occupancy"]) == (0, 0.5)
    assert ledger.agents["anna"].answered == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 3, 3], 0.0),
        ([0, 0, 0, 4], 0.75),
        ([1, 3], 0.25),
        ([5], 0.0),
        ([], None),
        ([0, 0], None),
    ],
)
def test_gini(values: list[float], expected: float | None) -> None:
    assert gini(values) == (None if expected is None else pytest.approx(expected))


def test_range() -> None:
    found = range_of([float(value) for value in range(21)])
    assert (found.mean, found.low, found.high, found.runs) == (10.0, 1.0, 19.0, 21)
    assert found.error == pytest.approx((38.5 / 21) ** 0.5)
    assert range_of([4.0]).error == 0.0


def test_counts_add_up() -> None:
    counts = Counts()
    for visit in small_day().visits:
        counts.add(visit, Thresholds())
    assert counts == Counts(5, 2, 1, 2, 1, 0, 1)
    assert counts.service_level == pytest.approx(1 / 3)
