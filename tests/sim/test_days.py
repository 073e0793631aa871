"""Whole days of call centres, hundreds of hours, each from its seed.

`make sim SEED=…` repeats one of them alone.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pbx.events import CallEnded
from tests.sim.day import Day, Script

pytestmark = pytest.mark.sim

DAYS = 56  # Seeds from 0 on: each network comes seven times.
HOURS = 4.0  # A day; all of them together are 224 hours.
SHOWN = 40  # Last lines of the log of a day that fails.


def live(script: Script) -> Day:
    """The whole day; a failure says how to repeat it."""
    day = Day(script)
    try:
        day.run()
    except Exception as error:
        error.add_note("\n".join(line[:300] for line in list(day.log)[-SHOWN:]))
        error.add_note(f"{script}\nat {day.now:.3f}, step {day.steps}; again: {repeat(script)}")
        raise
    return day


def repeat(script: Script) -> str:
    hours = "" if script.hours == HOURS else f" HOURS={script.hours:g}"
    return f"make sim SEED={script.seed}{hours}"


@pytest.mark.parametrize("seed", range(DAYS))
def test_day(seed: int) -> None:
    day = live(Script.of(seed, HOURS))
    assert len(day.checker.records) > 20
    assert len(day.told(CallEnded)) == len(day.checker.records)


@pytest.mark.parametrize("seed", [1, 7])
def test_the_same_seed_is_the_same_day(seed: int) -> None:
    script = Script.of(seed, 1.0)
    first, second = live(script), live(script)
    assert first.events == second.events
    assert first.phone_events == second.phone_events


CHANGES: dict[str, Callable[[Script], Script]] = {
    "perfect": lambda script: replace(script, network="perfect", mishaps=False),
    "everything": lambda script: replace(script, network="everything", mishaps=True),
    "bursts": lambda script: replace(script, network="bursts", mishaps=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_restarts_are_invisible(change: str) -> None:
    """Down to the millisecond and to every tag and branch: nobody can tell that we were gone."""
    script = CHANGES[change](Script.of(11, 0.5))
    without = live(replace(script, restart_inputs=0))
    often = live(replace(script, restart_inputs=40))  # Also within one burst of datagrams.
    assert often.restarts > 50 + without.restarts
    assert often.events == without.events
    assert often.phone_events == without.phone_events
