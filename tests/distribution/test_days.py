"""Random days: the core against a naive second implementation, against its journal, and against
snapshots of itself."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from random import Random
from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pbx.distribution import journal
from pbx.distribution.config import Strategy
from pbx.distribution.core import Distribution
from pbx.distribution.effects import (
    AgentChanged,
    AgentState,
    Announce,
    BreakOverdue,
    Effect,
    How,
    Leave,
    PickRefused,
    Refusal,
    Ring,
    StatusRefused,
    WhyNot,
)
from pbx.distribution.inputs import Configured, Input, LeaveReason, TimePassed
from pbx.distribution.times import AgentTimes, milliseconds
from pbx.snapshot import freeze, thaw
from tests.distribution.core_day import CoreDay
from tests.distribution.day_configs import AGENTS, STRATEGIES, random_config
from tests.distribution.day_inputs import random_event
from tests.distribution.days import Day, Kind, run_core_day, run_day

Copy = Callable[[Distribution], Distribution]
CHUNKS = 20  # Of the many days: several processes share them.
KINDS = (Kind.MIXED, Kind.MIXED, Kind.MIXED, Kind.CROWDED, Kind.BUSY)


# The second implementation.


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(3))
def test_the_core_agrees_with_the_oracle(strategy: Strategy, seed: int) -> None:
    """Every decision of a day; the rules are checked by Day after each input."""
    _ = run_day(seed, 100, strategy)


@pytest.mark.parametrize("seed", range(100, 108))
def test_queues_of_all_kinds_share_the_agents(seed: int) -> None:
    _ = run_day(seed, 150)


@pytest.mark.parametrize("seed", range(110, 112))
def test_a_hundred_agents_and_more(seed: int) -> None:
    _ = run_day(seed, 60, kind=Kind.LARGE)


def test_many_callers_share_the_phones() -> None:
    days = [run_day(seed, 100, kind=Kind.CROWDED) for seed in range(150, 154)]
    assert hows_of(effects_of(days))[How.SHARED] > 10


def test_the_wait_is_foretold() -> None:
    days = [run_day(seed, 250, kind=Kind.BUSY) for seed in range(160, 163)]
    told = [effect for effect in effects_of(days) if isinstance(effect, Announce)]
    assert sum(effect.expected_wait is not None for effect in told) > 10


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_thousand_days_agree_with_the_oracle(chunk: int) -> None:
    for seed in range(10_000 + chunk, 11_000, CHUNKS):
        kind = KINDS[seed % len(KINDS)]
        _ = run_day(seed, 250 if kind is Kind.BUSY else 100, kind=kind)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_large_days_agree_with_the_oracle(chunk: int) -> None:
    for seed in range(11_000 + chunk, 11_040, CHUNKS):
        _ = run_day(seed, 100, kind=Kind.LARGE)


# Whatever can happen does happen in these days, or they would prove little.

REFUSALS = (
    *(WhyNot.TAKEN, WhyNot.NOT_A_MEMBER, WhyNot.RESERVED, WhyNot.LACKS_TAG, WhyNot.NOT_YET),
    *(WhyNot.INACTIVE, WhyNot.RINGING, WhyNot.RINGS_IT, WhyNot.TALKING, WhyNot.WRAP_UP),
    *(WhyNot.BREAK, WhyNot.UNREACHABLE, WhyNot.DELAYED, WhyNot.OCCUPIED),
)
BY_ITSELF = (
    *(LeaveReason.TIMED_OUT, LeaveReason.QUEUE_FULL, LeaveReason.NOBODY_SIGNED_IN),
    *(LeaveReason.SYSTEM, LeaveReason.NO_MATCH, LeaveReason.ALL_MISSED, LeaveReason.BLACKLISTED),
)


def effects_of(days: list[Day] | list[CoreDay]) -> list[Effect]:
    return [effect for day in days for effects in day.effects for effect in effects]


def hows_of(effects: list[Effect]) -> Counter[How]:
    return Counter(effect.explanation.how for effect in effects if isinstance(effect, Ring))


def test_everything_happens_often_enough() -> None:
    days = [run_core_day(seed, 120, KINDS[seed % len(KINDS)]) for seed in range(300)]
    effects = effects_of(days)
    hows = hows_of(effects)
    assert [how for how in How if hows[how] < 10] == []
    left = Counter(effect.reason for effect in effects if isinstance(effect, Leave))
    assert [reason for reason in BY_ITSELF if left[reason] < 20] == []
    refused = Counter(effect.why for effect in effects if isinstance(effect, PickRefused))
    assert [why for why in REFUSALS if refused[why] < 3] == []
    why = Counter(effect.why for effect in effects if isinstance(effect, StatusRefused))
    assert [refusal for refusal in Refusal if why[refusal] < 10] == []
    assert sum(isinstance(effect, BreakOverdue) for effect in effects) > 10
    inputs = Counter(type(event).__name__ for day in days for _, event in day.journal)
    assert [kind for kind in get_args(Input) if inputs[kind.__name__] < 20] == []
    chosen = Counter(
        effect.explanation.strategy
        for effect in effects
        if isinstance(effect, Ring) and effect.explanation.how in (How.FIRST, How.TIER)
    )
    one_by_one = set(Strategy) - {Strategy.RING_ALL, Strategy.MANUAL}
    assert [strategy for strategy in one_by_one if chosen[strategy] < 50] == []


# The journal.


def lines_of(day: CoreDay) -> list[str]:
    return [
        journal.header(day.given, day.seed),
        *(journal.line(at, event) for at, event in day.journal),
    ]


def texts_of(effects: list[list[Effect]]) -> list[str]:
    return [journal.effect_line(0.0, effect) for step in effects for effect in step]


def assert_replayed(day: CoreDay) -> None:
    replayed = list(journal.replay(lines_of(day)))
    assert [(entry.at, entry.event) for entry, _ in replayed] == day.journal
    assert [effects for _, effects in replayed] == day.effects
    # Bit for bit: also as text, explanations and all.
    assert texts_of([effects for _, effects in replayed]) == texts_of(day.effects)


@pytest.mark.parametrize("seed", range(200, 230))
def test_a_replayed_journal_gives_the_same_effects(seed: int) -> None:
    assert_replayed(run_core_day(seed, 100))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_ten_thousand_days_are_replayed_bit_for_bit(chunk: int) -> None:
    for seed in range(20_000 + chunk, 30_000, CHUNKS):
        assert_replayed(run_core_day(seed, 60, KINDS[seed % len(KINDS)]))


# Snapshots.


@pytest.mark.parametrize("copy", [deepcopy, lambda core: thaw(freeze(core))])
@pytest.mark.parametrize("seed", range(300, 302))
def test_a_snapshot_goes_on_as_the_original(copy: Copy, seed: int) -> None:
    """One after every input."""
    day = run_core_day(seed, 40)
    core = Distribution(day.given, day.seed)
    for (at, event), effects in zip(day.journal, day.effects, strict=True):
        core = copy(core)
        assert core.apply(event, at) == effects


def assert_snapshot_goes_on(day: CoreDay, rng: Random) -> None:
    """A snapshot at any moment and the later inputs give the same as the whole history."""
    moment = rng.randrange(len(day.journal))
    core = Distribution(day.given, day.seed)
    for at, event in day.journal[:moment]:
        _ = core.apply(event, at)
    core = thaw(freeze(core))
    later = [core.apply(event, at) for at, event in day.journal[moment:]]
    assert texts_of(later) == texts_of(day.effects[moment:])
    assert core.next_deadline == day.core.next_deadline
    assert [core.agent(agent) for agent in core.agents] == [
        day.core.agent(agent) for agent in day.core.agents
    ]
    assert [core.queue(queue) for queue in core.queues] == [
        day.core.queue(queue) for queue in day.core.queues
    ]


@pytest.mark.parametrize("seed", range(310, 320))
def test_a_snapshot_and_the_later_inputs_give_the_whole_day(seed: int) -> None:
    assert_snapshot_goes_on(run_core_day(seed, 100), Random(seed))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_many_snapshots_and_the_later_inputs_give_the_whole_day(chunk: int) -> None:
    for seed in range(30_000 + chunk, 30_600, CHUNKS):
        day = run_core_day(seed, 120, KINDS[seed % len(KINDS)])
        assert_snapshot_goes_on(day, Random(seed))


# Agents' times.


def assert_times_add_up(day: CoreDay) -> None:
    times = AgentTimes(0.0)
    for effects in day.effects:
        times.add(effects)
    for agent in AGENTS:
        changes = [
            effect
            for effect in effects_of([day])
            if isinstance(effect, AgentChanged) and effect.agent == agent
        ]
        if not changes:
            continue
        signed_in = 0
        for change, following in pairwise([*changes, None]):
            assert change is not None
            end = day.now if following is None else following.since
            if change.state is not AgentState.INACTIVE:
                signed_in += milliseconds(end) - milliseconds(change.since)
        assert sum(times.spent(agent, day.now).values()) == milliseconds(day.now)
        assert times.signed_in(agent, day.now) == signed_in


@pytest.mark.parametrize("seed", range(400, 420))
def test_time_adds_up_to_the_millisecond(seed: int) -> None:
    assert_times_add_up(run_core_day(seed, 120))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_times_of_many_days_add_up(chunk: int) -> None:
    for seed in range(40_000 + chunk, 41_000, CHUNKS):
        assert_times_add_up(run_core_day(seed, 120, KINDS[seed % len(KINDS)]))


class DayMachine(RuleBasedStateMachine):
    """A day that hypothesis steers, and shortens when something is wrong with it."""

    @initialize(seed=st.integers(0, 2**16), strategy=st.sampled_from((*STRATEGIES, None)))
    def open(self, seed: int, strategy: Strategy | None) -> None:
        self.day = Day(random_config(Random(seed), strategy), seed)

    @rule(seed=st.integers(0, 2**16), wait=st.sampled_from((0.0, 0.0, 0.5, 2.0)))
    def something_happens(self, seed: int, wait: float) -> None:
        deadline = self.day.core.next_deadline
        self.day.now += wait
        if deadline is not None:
            self.day.now = min(self.day.now, max(deadline, self.day.now - wait))
        _ = self.day.do(random_event(self.day, Random(seed)))

    @precondition(lambda self: self.day.core.next_deadline is not None)
    @rule(late=st.sampled_from((0.0, 0.0, 0.25, 6.0)))
    def time_passes(self, late: float) -> None:
        deadline = self.day.core.next_deadline
        assert deadline is not None
        self.day.now = max(self.day.now, deadline + late)
        _ = self.day.do(TimePassed())

    @rule(seed=st.integers(0, 2**16))
    def configured(self, seed: int) -> None:
        _ = self.day.do(Configured(random_config(Random(seed))))


TestDayMachine = DayMachine.TestCase
TestDayMachine.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
