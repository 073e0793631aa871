"""Digits that a caller is asked for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.calls.call import Call
from pbx.calls.commands import AnswerCaller, Command, GoTo, PlayToCaller, StopPlaying
from pbx.flow.collect import DIGITS_MAX, FIRST_SECONDS, NEXT_SECONDS, CollectBlock
from pbx.history.records import Verdict
from pbx.plan import HANGUP, Destination
from pbx.snapshot import freeze, thaw

PROMPT = ("/ask.flac",)
THEN = Destination("code", "forward_always:")
ASK = PlayToCaller(PROMPT)


def asking(prompt: tuple[str, ...] = PROMPT, digits_max: int = 8) -> tuple[CollectBlock, Call]:
    block = CollectBlock(prompt, THEN, digits_max=digits_max, verdict=Verdict.SERVED)
    call = Call(
        id="c1", caller_leg="l1", caller="101", caller_name="", called="*72",
        caller_extension="101", started=0.0, block=block, extension_of={},
    )  # fmt: skip
    played: list[Command] = [ASK] if prompt else []
    assert block.start(call, 0.0) == [AnswerCaller(), *played]
    assert call.verdict is Verdict.SERVED
    return block, call


def press(block: CollectBlock, call: Call, keys: str, now: float) -> list[Command]:
    return [command for key in keys for command in block.on_digit(call, key, now)]


def goes_to(digits: str) -> list[Command]:
    return [GoTo(Destination("code", f"forward_always:{digits}"))]


def test_the_hash_key_ends_it() -> None:
    block, call = asking()
    assert block.on_played(call, 2.0) == []
    assert block.next_deadline == 2.0 + FIRST_SECONDS
    assert press(block, call, "1", 3.0) == [StopPlaying()]
    assert press(block, call, "02", 4.0) == []
    assert block.next_deadline == 4.0 + NEXT_SECONDS
    assert press(block, call, "#", 5.0) == goes_to("102")
    assert block.next_deadline is None
    assert press(block, call, "3#", 5.0) == []


def test_a_key_interrupts_the_prompt_and_its_end_changes_nothing() -> None:
    block, call = asking()
    assert press(block, call, "1", 1.0) == [StopPlaying()]
    assert block.on_played(call, 1.0) == []
    assert block.next_deadline == 1.0 + NEXT_SECONDS


def test_a_pause_ends_it() -> None:
    block, call = asking()
    _ = press(block, call, "102", 1.0)
    assert block.on_time(call, 1.0 + NEXT_SECONDS) == goes_to("102")
    assert block.on_time(call, 9.0) == []


def test_enough_digits_end_it() -> None:
    block, call = asking(digits_max=3)
    assert press(block, call, "1023", 1.0) == [StopPlaying(), *goes_to("102")]


def test_a_star_begins_anew() -> None:
    block, call = asking()
    assert press(block, call, "103*", 1.0) == [StopPlaying(), ASK]
    assert press(block, call, "102#", 2.0) == [StopPlaying(), *goes_to("102")]


def test_who_presses_nothing_is_asked_twice() -> None:
    block, call = asking()
    _ = block.on_played(call, 2.0)
    assert block.on_time(call, 9.0) == [ASK]
    _ = block.on_played(call, 11.0)
    assert block.on_time(call, 18.0) == [GoTo(HANGUP)]


def test_a_hash_alone_is_nothing() -> None:
    block, call = asking()
    assert press(block, call, "#", 1.0) == [StopPlaying(), ASK]
    assert press(block, call, "#", 1.0) == [StopPlaying(), GoTo(HANGUP)]


@pytest.mark.parametrize("prompt", [PROMPT, ()])
def test_a_prompt_that_never_ends_does_not_keep_the_caller(prompt: tuple[str, ...]) -> None:
    block, call = asking(prompt)
    asked = 0
    while block.next_deadline is not None:
        _ = block.on_time(call, block.next_deadline)
        asked += 1
    assert (asked, block.done) == (2, True)


events = st.lists(st.sampled_from([*"0123456789*#ABCD", "played", "time", "restart"]), max_size=60)


@given(events, st.integers(1, DIGITS_MAX), st.booleans())
def test_it_always_ends_once_with_what_was_pressed(
    happened: list[str], digits_max: int, prompt: bool
) -> None:
    block, call = asking(PROMPT if prompt else (), digits_max)
    ends: list[Command] = []
    for number, event in enumerate([*happened, "time", "time", "time"]):
        if event == "restart":
            block = thaw(json.loads(json.dumps(freeze(block))))
        elif event == "played":
            ends += block.on_played(call, float(number))
        elif event == "time":
            ends += block.on_time(call, float(number))
        else:
            ends += block.on_digit(call, event, float(number))
        assert (block.next_deadline is None) is block.done
        assert len(block.digits) <= digits_max
    gone = [command.destination for command in ends if isinstance(command, GoTo)]
    assert len(gone) == 1
    assert gone[0] == HANGUP or gone[0].target.removeprefix(THEN.target) == block.digits
