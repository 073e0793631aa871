import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.evenness import gini


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], 0.0),
        ([0, 0], 0.0),
        ([7], 0.0),
        ([3, 3, 3], 0.0),
        ([0, 10], 0.5),
        ([10, 0, 0, 0], 0.75),
        ([1, 2, 3, 4], 0.25),
    ],
)
def test_known_values(counts: list[int], expected: float) -> None:
    assert gini(counts) == expected


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_it_is_the_mean_difference(counts: list[int]) -> None:
    """The definition: half the mean difference of two, beside the mean."""
    total, n = sum(counts), len(counts)
    pairs = sum(abs(one - other) for one in counts for other in counts)
    expected = pairs / (2 * n * total) if total else 0.0
    assert gini(counts) == pytest.approx(expected, abs=1e-12)
