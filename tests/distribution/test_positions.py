from hypothesis import given
from hypothesis import strategies as st

from pbx.distribution.positions import Positions

SIZE = 300


@given(st.lists(st.tuples(st.booleans(), st.integers(0, SIZE - 1))), st.integers(0, SIZE + 70))
def test_as_a_sorted_set(steps: list[tuple[bool, int]], start: int) -> None:
    positions, model = Positions(SIZE), set[int]()
    for add, position in steps:
        (positions.add if add else positions.discard)(position)
        (model.add if add else model.discard)(position)
    assert list(positions) == sorted(model)
    assert positions.count == len(model)
    assert all(position in positions for position in model)
    assert positions.next_from(start) == min((p for p in model if p >= start), default=-1)


def test_an_empty_queue_has_no_positions() -> None:
    assert Positions(0).next_from(0) == -1
    assert list(Positions(0)) == []
