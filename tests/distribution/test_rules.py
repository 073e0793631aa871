"""The nine rules that every strategy obeys, under any interleaving of inputs: one test for each.

RULES=thorough looks at many more inputs, RULES=mutants at enough to notice a seeded bug
(mutants.py), and always at the same.
"""

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

import pbx.distribution
from tests.distribution import rules_checks as checks
from tests.distribution import rules_promises as promises
from tests.distribution.rules_turns import (
    chi_square,
    orders_drawn,
    shares_are_exact,
    turns_are_even,
)

_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
PROFILES = {
    "quick": settings(
        max_examples=12,
        stateful_step_count=25,
        deadline=None,
        derandomize="CI" in os.environ,  # There the same days each time; here always new ones.
    ),
    "thorough": settings(max_examples=1000, stateful_step_count=50, deadline=None),
    "mutants": settings(
        max_examples=60,
        stateful_step_count=35,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=_SLOW,
        report_multiple_bugs=False,
        print_blob=False,
    ),
}
PROFILE = PROFILES[os.environ.get("RULES", "quick")]


def test_the_package_under_test() -> None:
    """Mutants are copies elsewhere: what is judged must be what was changed."""
    root = Path(os.environ.get("PACKAGE_UNDER_TEST", Path(__file__).parents[2]))
    assert Path(pbx.distribution.__file__) == root / "pbx/distribution/__init__.py"


def case(machine: type[RuleBasedStateMachine]) -> type:
    test: type = machine.TestCase
    test.settings = PROFILE  # type: ignore[attr-defined]
    return test


TestRule1 = case(checks.OneCallAtATime)
TestRule2 = case(checks.OneAgentPerCall)
TestRule3 = case(checks.NobodyWaitsForNothing)
TestRule4 = case(checks.FirstComeFirstServed)
TestRule5 = case(checks.EveryCallLeavesOnce)
TestRule6 = case(checks.NobodyIsLost)
TestRule7 = case(checks.TheJournalTellsAll)
TestRule9 = case(checks.ReconfigurationLosesNobody)

TestRule8InOrder = case(promises.InOrder)
TestRule8ByRank = case(promises.ByRank)
TestRule8LongestIdle = case(promises.LongestIdle)
TestRule8FewestTags = case(promises.FewestTags)
TestRule8FewestCalls = case(promises.FewestCalls)
TestRule8LeastTalkTime = case(promises.LeastTalkTime)
TestRule8RingAll = case(promises.Everybody)
TestRule8AnyStrategy = case(promises.AnyStrategy)


class TestRule8:
    @PROFILE
    @given(
        st.integers(2, 6),
        st.sets(st.integers(0, 5), min_size=2),
        st.lists(st.integers(0, 65), min_size=10, max_size=60),
    )
    def test_turns(self, size: int, steady: set[int], acts: list[int]) -> None:
        turns_are_even(size, steady, acts)

    @PROFILE
    @given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(0, 30), st.booleans())
    def test_shares(self, weights: list[int], reload_at: int, restart: bool) -> None:
        shares_are_exact(weights, reload_at, restart=restart)

    def test_dice(self) -> None:
        """100,000 draws: 11,112 times the order of nine.

        Fair dice exceed the limits once in a thousand times or less; these are always the same.
        """
        orders = orders_drawn(11_112, 9)
        assert all(len(set(order)) == 9 for order in orders), "nobody twice in a round"
        for place in range(9):
            assert chi_square(Counter(order[place] for order in orders), 9) < 26.1
        assert 39.8 < chi_square(Counter(order[:2] for order in orders), 9 * 8) < 112.3
        # No memory from one call to the next.
        for place in range(9):
            assert chi_square(Counter((a[place], b[0]) for a, b in pairwise(orders)), 81) < 135.9
