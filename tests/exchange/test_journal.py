"""A day in the office, its journal replayed: the same effects, and stories that agree with the
records."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pbx.distribution import journal
from pbx.distribution.config import DistributionConfig, Strategy
from pbx.distribution.effects import Effect
from pbx.distribution.inputs import Configured, Period, PeriodBegan, TimePassed
from pbx.distribution.journal import Clock, Tally, Told
from pbx.events import AgentStateChanged, CallEnded
from pbx.history import telling
from pbx.history.records import CallRecord
from pbx.history.replay import Replay, Step
from pbx.history.words import Names
from pbx.journal import CoreCopy
from tests.exchange.office import SALES, Office
from tests.sim.day import Day, Script
from tests.sim.world import EPOCH, World

HOURS = 0.5


def lines_of(told: list[Told], seed: int) -> Iterator[str]:
    tally = Tally()
    yield journal.header(DistributionConfig(), seed, Clock(0.0, EPOCH)) + "\n"
    for at, event, effects in told:
        yield journal.line(at, event, tally.add(at, effects)) + "\n"
    yield journal.digest_line(tally.digest()) + "\n"


def effects_of(replay: Replay, lines: Iterator[str]) -> list[list[Effect]]:
    return [list(step.effects) for step in replay.run(lines) if isinstance(step, Step)]


def assert_replayed(world: World) -> None:
    """Also as text: explanations and all."""
    replay = Replay()
    found = effects_of(replay, lines_of(world.inputs, world.seed))
    assert (replay.differing, replay.problems) == (0, [])
    assert found == [told.effects for told in world.inputs]
    texts = [[journal.effect_line(0.0, effect) for effect in effects] for effects in found]
    assert texts == [
        [journal.effect_line(0.0, effect) for effect in told.effects] for told in world.inputs
    ]


@pytest.mark.parametrize("seed", [0, 3, 7, 11])
def test_a_simulated_day(seed: int) -> None:
    """With losses, mishaps and restarts from snapshots in the middle of everything."""
    day = Day(Script.of(seed, HOURS))
    day.later(600.0, "begin", Period.HOUR)
    day.later(900.0, "begin", Period.DAY)
    day.run()
    assert_replayed(day)
    assert sum(told.event == PeriodBegan(Period.DAY) for told in day.inputs) == 1


@pytest.mark.parametrize("seed", [5, 13])
def test_stories_agree_with_the_records(seed: int) -> None:
    day = Day(Script.of(seed, HOURS))
    day.run()
    lines = list(lines_of(day.inputs, day.seed))
    records = [event.record for event in day.told(CallEnded) if event.record.queue]
    assert len(records) > 3
    for record in records[:40]:
        assert_agrees(record, lines)


def assert_agrees(record: CallRecord, lines: list[str]) -> None:
    last = max(number for number, line in enumerate(lines, start=1) if record.id in line)
    text = telling.tell([(iter(lines), last)], record.id, Names(), "{:.3f}".format)
    head, *rest = text.split("\n")
    assert record.caller in head
    if record.answered_at is not None and record.agent:
        assert f"answered by {record.agent}." in head
    for offer in record.offers:
        assert offer.agent in text
    assert "Careful" not in text
    assert all(line for line in rest)


def test_time_passes_only_when_something_is_due() -> None:
    office = Office(replace(SALES, strategy=Strategy.RING_ALL))
    start = len(office.inputs)
    office.dial("101")
    office.run_for(120.0)
    office.close()
    told = office.inputs[start:]
    passed = [entry for entry in told if isinstance(entry.event, TimePassed)]
    assert 0 < len(passed) < 20
    # A deadline may have lost its meaning: the ringing that it ends has ended.
    assert sum(not entry.effects for entry in passed) <= 1
    assert_replayed(office)


def test_the_next_days_file_begins_with_a_copy() -> None:
    office = Office()
    assert isinstance(office.inputs[0].event, Configured)
    office.dial("101")
    office.run_for(5.0)
    state, before = CoreCopy(office.exchange.distribution).json(), len(office.inputs)
    office.answer("901")
    office.run_for(5.0)
    office.close()
    rest = list(lines_of(office.inputs[before:], office.seed))
    rest[0] = journal.header(DistributionConfig(), office.seed, Clock(0.0, EPOCH), state=state)
    replay = Replay()
    found = effects_of(replay, iter(rest))
    assert (replay.differing, replay.problems) == (0, [])
    assert found == [told.effects for told in office.inputs[before:]]
    assert json.loads(state)[0] == "o"


def test_at_the_end_nobody_is_at_work() -> None:
    office = Office()
    office.registers("902", expires=0)
    office.run_for(100.0)
    at = office.now + EPOCH
    assert office.exchange.sign_off(office.now) == [
        AgentStateChanged("901", "inactive", "shutdown", at)
    ]
    office.close()
