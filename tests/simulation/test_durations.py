"""Laws and observations: exact small cases, and their means over many draws."""

from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.simulation.durations import (
    NEVER,
    Durations,
    Exponential,
    Fixed,
    Lognormal,
    Observed,
    Seen,
    Survival,
    varying,
)


@pytest.mark.parametrize(
    "law", [Fixed(7.0), Exponential(200.0), Lognormal(200.0, 0.8), Observed((1.0, 2.0, 6.0))]
)
def test_the_mean_of_many_draws_is_the_mean(law: Durations) -> None:
    random = Random(1)
    drawn = [law.draw(random) for _ in range(40_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(law.mean, rel=0.02)
    assert min(drawn) >= 0


def test_varying() -> None:
    assert varying(60.0, 0.0) == Fixed(60.0)
    assert varying(60.0, 1.0) == Exponential(60.0)
    assert varying(60.0, 0.5) == Lognormal(60.0, 0.5)
    assert varying(0.0, 1.0) == Fixed(0.0)
    assert NEVER.draw(Random(1)) == inf


def test_kaplan_meier_by_hand() -> None:
    """At risk 6, 4, 3, 1: survival 5/6, then 5/6 * 3/4, then * 2/3, then 0."""
    seen = [
        *(Seen(10.0, "left"), Seen(15.0, None), Seen(20.0, "left"), Seen(30.0, "key")),
        *(Seen(35.0, None), Seen(50.0, "left")),
    ]
    survival = Survival(reversed(seen), tail=False)
    chances = [survival.happened_by(at) for at in (9.9, 10.0, 19.0, 20.0, 30.0, 49.0, 50.0)]
    expected = [0.0, 1 / 6, 1 / 6, 3 / 8, 7 / 12, 7 / 12, 1.0]
    assert chances == pytest.approx(expected)


def test_what_happens_is_drawn_as_often_as_its_chance() -> None:
    survival = Survival(
        [Seen(1.0, "a"), Seen(2.0, "b"), Seen(3.0, None), Seen(4.0, "c")], tail=True
    )
    random = Random(3)
    drawn = [survival.draw(random) for _ in range(20_000)]
    for outcome, share in (("a", 0.25), ("b", 0.25), ("c", 0.5)):
        found = sum(one.outcome == outcome for one in drawn) / len(drawn)
        assert found == pytest.approx(share, abs=0.02)


def test_nothing_happens_before_it_is_known_not_to_have() -> None:
    survival = Survival([Seen(1.0, "a"), Seen(2.0, "b"), Seen(9.0, "c")], tail=True)
    random = Random(3)
    assert {survival.draw(random, after=1.5).outcome for _ in range(100)} == {"b", "c"}
    assert all(survival.draw(random, after=20.0).seconds > 20.0 for _ in range(100))


def test_beyond_the_last_observation() -> None:
    """Two left in 40 s of watching: one every 20 s from then on, or nobody any more."""
    seen = [Seen(5.0, "left"), Seen(15.0, "left"), Seen(20.0, None)]
    random = Random(5)
    patient = Survival(seen, tail=True)
    later = [one.seconds - 20.0 for _ in range(20_000) if (one := patient.draw(random, 20.0))]
    assert patient.tail_mean == 20.0
    assert sum(later) / len(later) == pytest.approx(20.0, rel=0.05)
    assert Survival(seen, tail=False).draw(random, 20.0) == Seen(inf, None)
    assert Survival([Seen(5.0, None)], tail=True).draw(random) == Seen(inf, None)


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.sampled_from(["a", None])), max_size=30),
    st.floats(0, 1000),
    st.integers(),
)
def test_a_draw_is_never_before_what_is_known(
    pairs: list[tuple[float, str | None]], after: float, seed: int
) -> None:
    survival = Survival([Seen(*pair) for pair in pairs], tail=True)
    assert survival.draw(Random(seed), after).seconds >= after
