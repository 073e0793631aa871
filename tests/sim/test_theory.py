"""The core distributes as queueing theory says that a fair queue must: every row, several seeds.

`make theory` shows both side by side.
"""

import pytest

from tests.sim.theory import ROWS, Row, simulate, tolerance

pytestmark = pytest.mark.sim


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_simulation_and_theory_agree(row: Row) -> None:
    found, theory = simulate(row), row.theory
    for name, measured in found.items():
        expected: float = getattr(theory, name)
        assert abs(measured.mean - expected) <= tolerance(measured, expected), (name, measured)
    # A sampling error that hides everything would prove nothing.
    assert found["had_to_wait"].error <= 0.05 * theory.had_to_wait
    assert found["mean_wait"].error <= 0.12 * theory.mean_wait
    assert found["occupancy"].error <= 0.01 * theory.occupancy
