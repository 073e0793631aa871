import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.calls.causes import Cause
from pbx.calls.fork import Fork, ForkState


def make(*legs: str) -> Fork:
    return Fork("901", "901", "901", legs=list(legs))


def test_first_device_to_answer_stops_the_others() -> None:
    fork = make("a", "b", "c")
    assert fork.on_ringing(1.0)
    assert not fork.on_ringing(2.0)
    assert fork.on_answered("b", 3.0) == ["a", "c"]
    assert (fork.leg, fork.state, fork.ringing_since, fork.answered) == (
        "b",
        ForkState.UP,
        1.0,
        3.0,
    )


def test_second_answer_comes_too_late() -> None:
    fork = make("a", "b")
    assert fork.on_answered("a", 1.0) == ["b"]
    assert fork.on_answered("b", 1.0) is None


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ([Cause.UNREACHABLE, Cause.BUSY], Cause.BUSY),
        ([Cause.BUSY, Cause.REJECTED], Cause.REJECTED),
        ([Cause.UNREACHABLE, Cause.NO_ANSWER], Cause.NO_ANSWER),
    ],
)
def test_the_most_telling_refusal_is_the_persons_answer(causes: list[Cause], said: Cause) -> None:
    fork = make("a", "b")
    assert fork.on_ended("a", causes[0]) is None
    assert fork.on_ended("b", causes[1]) is said
    assert fork.state is ForkState.ENDED


def test_end_of_the_conversation_is_the_end() -> None:
    fork = make("a", "b")
    _ = fork.on_answered("a", 1.0)
    assert fork.on_ended("a", Cause.NORMAL) is Cause.NORMAL
    assert fork.drop() == []


EVENTS = st.lists(
    st.tuples(st.sampled_from(["ring", "answer", "end", "drop"]), st.sampled_from("abcx"))
)


@given(EVENTS)
def test_any_history_is_legal(events: list[tuple[str, str]]) -> None:
    fork, ends, answers = make("a", "b", "c"), 0, 0
    for what, leg in events:
        if what == "ring":
            _ = fork.on_ringing(1.0)
        elif what == "answer":
            answers += fork.on_answered(leg, 1.0) is not None
        elif what == "end":
            ends += fork.on_ended(leg, Cause.BUSY) is not None
        else:
            _ = fork.drop()
        assert (fork.state is ForkState.ENDED) == (not fork.legs)
    assert ends <= 1
    assert answers <= 1
