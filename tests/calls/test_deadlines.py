from hypothesis import given
from hypothesis import strategies as st

from pbx.deadlines import Deadlines


def test_due_ones_come_out_oldest_first_and_once() -> None:
    deadlines = Deadlines()
    deadlines.start("block", "b", 2.0)
    deadlines.start("block", "a", 1.0)
    deadlines.start("flush", "a", 3.0)
    assert deadlines.next_deadline == 1.0
    assert deadlines.take_expired(2.0) == [("block", "a"), ("block", "b")]
    assert deadlines.take_expired(2.0) == []
    assert len(deadlines) == 1


def test_a_moved_one_is_due_only_at_its_new_time() -> None:
    deadlines = Deadlines()
    deadlines.start("block", "a", 1.0)
    deadlines.start("block", "a", 5.0)
    assert deadlines.take_expired(4.0) == []
    deadlines.stop("block", "a")
    assert deadlines.next_deadline is None


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 20)), max_size=30)


@given(STEPS, st.integers(0, 20))
def test_agrees_with_a_dictionary(steps: list[tuple[str, int | None]], now: int) -> None:
    deadlines, model = Deadlines(), dict[str, int]()
    for key, at in steps:
        if at is None:
            deadlines.stop("k", key)
            model.pop(key, None)
        else:
            deadlines.start("k", key, at)
            model[key] = at
    assert deadlines.next_deadline == min(model.values(), default=None)
    due = {key for _, key in deadlines.take_expired(now)}
    assert due == {key for key, at in model.items() if at <= now}
