"""What callers hear who wait: their place, and how long it may take."""

from typing import Final

from pbx.distribution.estimates import WAIT_STEPS
from pbx.speech.grammar import Sounds, grammar_of
from pbx.speech.numbers import number

# One whole sentence for each of WAIT_STEPS: "It will take up to two minutes."
WAITS: Final = ("wait/1", "wait/2", "wait/3", "wait/5", "wait/10")
MORE: Final = "wait/more"


def queue_position(position: int, language: str) -> Sounds:
    """1: you are next; 3: you are number three in the queue."""
    if position <= 1:
        return ("you-are-next",)
    end = ("queue-position-end",) if grammar_of(language) == "en" else ()
    return ("queue-position", *number(position, language), *end)


def wait(seconds: float) -> Sounds:
    """How long it may take, rounded up to a step that callers are told."""
    steps = zip(WAIT_STEPS, WAITS, strict=True)
    return (next((sound for most, sound in steps if seconds <= most), MORE),)
