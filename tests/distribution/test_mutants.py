"""Do the rule tests notice bugs? Each of these by the test of the rule that it breaks."""

from collections import Counter

import pytest

from tests.distribution.mutants import ROOT, RULES, patched
from tests.distribution.mutants_list import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_place_to_change_is_still_there(mutant: Mutant) -> None:
    compile(patched(mutant, ROOT), mutant.file, "exec")


def test_there_are_some_for_each_rule() -> None:
    counts = Counter(mutant.rule for mutant in MUTANTS)
    assert all(counts[rule] >= 2 for rule in RULES)
    assert counts.total() >= 20
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
