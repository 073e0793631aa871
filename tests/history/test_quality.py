"""The estimate of how a conversation sounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.history.quality import mos


@pytest.mark.parametrize(
    ("received", "lost", "jitter_ms", "expected"),
    [
        (1000, 0, 0.0, 4.4),
        (1000, 0, 20.0, 4.38),
        (990, 10, 0.0, 3.81),
        (950, 50, 0.0, 2.15),
        (500, 500, 0.0, 1.0),
        (0, 0, 0.0, None),
    ],
)
def test_known_values(received: int, lost: int, jitter_ms: float, expected: float | None) -> None:
    assert mos(received, lost, jitter_ms) == expected


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.floats(0, 1000))
def test_it_never_gets_better_by_loss_or_jitter(received: int, lost: int, jitter: float) -> None:
    value = mos(received, lost, jitter)
    assert value is not None
    assert 1.0 <= value <= 4.41
    worse = (mos(received, lost + 1, jitter), mos(received, lost, jitter + 1.0))
    assert all(other is not None and other <= value for other in worse)
