"""What a queue tells those who wait: after the greeting, only what is known, never over a talk."""

from typing import TYPE_CHECKING, cast

from pbx.calls.commands import Command, PlayToCaller, SayToCaller
from pbx.distribution.effects import Announce
from pbx.flow.queue import QueueBlock, QueueState

if TYPE_CHECKING:
    from pbx.calls.call import Call

NOBODY = cast("Call", None)  # These events ask nothing of the call.


def block(
    state: QueueState, greeting: tuple[str, ...] = (), *, position: bool = True, wait: bool = True
) -> QueueBlock:
    made = QueueBlock(
        "sales",
        greeting=greeting,
        music=("/hold.flac",),
        says_position=position,
        says_wait=wait,
        language="uk",
    )
    made.state = state
    return made


def told(block: QueueBlock, position: int, expected: float | None) -> list[Command]:
    return block.on_effect(NOBODY, Announce("c1", position, expected), 0.0)


def test_place_and_wait() -> None:
    waits = block(QueueState.WAITING)
    said = ("queue-position", "digits/20", "digits/2", "wait/3")
    assert told(waits, 22, 121.0) == [SayToCaller(said)]
    assert waits.on_played(NOBODY, 1.0) == [PlayToCaller(("/hold.flac",), repeat=True, resume=True)]


def test_a_wait_that_is_not_known_is_not_told() -> None:
    assert told(block(QueueState.WAITING), 1, None) == [SayToCaller(("you-are-next",))]
    assert told(block(QueueState.WAITING, position=False), 1, None) == []


def test_each_may_be_told_alone() -> None:
    assert told(block(QueueState.WAITING, wait=False), 1, 700.0) == [SayToCaller(("you-are-next",))]
    assert told(block(QueueState.WAITING, position=False), 1, 700.0) == [
        SayToCaller(("wait/more",))
    ]


def test_the_greeting_is_heard_first_and_the_latest_is_told_once() -> None:
    waits = block(QueueState.WAITING, ("/welcome.flac",))
    assert told(waits, 5, None) == []
    assert told(waits, 4, None) == []
    assert waits.on_played(NOBODY, 1.0) == [SayToCaller(("queue-position", "digits/4"))]
    assert waits.on_played(NOBODY, 2.0) == [PlayToCaller(("/hold.flac",), repeat=True, resume=True)]
    assert told(waits, 3, None) == [SayToCaller(("queue-position", "digits/3"))]


def test_who_talks_or_has_left_is_told_nothing() -> None:
    for state in (QueueState.TALKING, QueueState.LEFT):
        assert told(block(state), 1, 60.0) == []
        assert told(block(state, ("/welcome.flac",)), 1, 60.0) == []
