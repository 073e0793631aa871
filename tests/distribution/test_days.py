"""The nine rules of the spec under random inputs, against a naive second implementation."""

from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pbx.distribution import journal
from pbx.distribution.config import DistributionConfig, Strategy
from pbx.distribution.core import Distribution
from pbx.distribution.effects import AgentChanged, AgentState, Effect, How, Ring
from pbx.distribution.inputs import Configured, Input, TimePassed
from pbx.distribution.times import AgentTimes, milliseconds
from pbx.snapshot import freeze, thaw
from tests.distribution.days import (
    AGENTS,
    STRATEGIES,
    Day,
    random_config,
    random_event,
    run_day,
)

Copy = Callable[[Distribution], Distribution]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(4))
def test_the_core_agrees_with_the_oracle(strategy: Strategy, seed: int) -> None:
    """Every decision of a day; the rules are checked by Day after each input."""
    run_day(seed, 120, strategy)


@pytest.mark.parametrize("seed", range(100, 110))
def test_queues_of_all_kinds_share_the_agents(seed: int) -> None:
    run_day(seed, 150)


def test_many_callers_share_the_phones() -> None:
    days = [run_day(seed, 120, crowded=True) for seed in range(150, 158)]
    effects = [effect for day in days for step in day.effects for effect in step]
    rings = [effect for effect in effects if isinstance(effect, Ring)]
    assert sum(ring.explanation.how is How.SHARED for ring in rings) > 20


def lines_of(config: DistributionConfig, seed: int, inputs: list[tuple[float, Input]]) -> list[str]:
    return [
        journal.header(config, seed),
        *(journal.line(at, event) for at, event in inputs),
    ]


@pytest.mark.parametrize("seed", range(200, 203))
def test_a_replayed_journal_gives_the_same_effects(seed: int) -> None:
    config = random_config(Random(seed))
    day = run_day(seed, 120)
    replayed = list(journal.replay(lines_of(config, seed, day.journal)))
    assert [(entry.at, entry.event) for entry, _ in replayed] == day.journal
    assert [effects for _, effects in replayed] == day.effects
    # Bit for bit: also as text, explanations and all.
    assert text_of([effects for _, effects in replayed]) == text_of(day.effects)


def text_of(effects: list[list[Effect]]) -> list[str]:
    return [journal.effect_line(0.0, effect) for step in effects for effect in step]


@pytest.mark.parametrize("copy", [deepcopy, lambda core: thaw(freeze(core))])
@pytest.mark.parametrize("seed", range(300, 302))
def test_a_snapshot_goes_on_as_the_original(copy: Copy, seed: int) -> None:
    config = random_config(Random(seed))
    day = run_day(seed, 100)
    core = Distribution(config, seed)
    for (at, event), effects in zip(day.journal, day.effects, strict=True):
        core = copy(core)
        assert core.apply(event, at) == effects


@pytest.mark.parametrize("seed", range(400, 404))
def test_time_adds_up_to_the_millisecond(seed: int) -> None:
    day = run_day(seed, 120)
    times = AgentTimes(0.0)
    for effects in day.effects:
        times.add(effects)
    for agent in AGENTS:
        changes = [
            effect
            for effects in day.effects
            for effect in effects
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


class DayMachine(RuleBasedStateMachine):
    """A day that hypothesis steers, and shortens when something is wrong with it."""

    @initialize(seed=st.integers(0, 2**16), strategy=st.sampled_from((*STRATEGIES, None)))
    def open(self, seed: int, strategy: Strategy | None) -> None:
        rng = Random(seed)
        self.day = Day(random_config(rng, strategy), seed)

    @rule(seed=st.integers(0, 2**16), wait=st.sampled_from((0.0, 0.0, 0.5, 2.0)))
    def something_happens(self, seed: int, wait: float) -> None:
        deadline = self.day.core.next_deadline
        self.day.now += wait
        if deadline is not None:
            self.day.now = min(self.day.now, max(deadline, self.day.now - wait))
        self.day.do(random_event(self.day, Random(seed)))

    @precondition(lambda self: self.day.core.next_deadline is not None)
    @rule(late=st.sampled_from((0.0, 0.0, 0.25, 6.0)))
    def time_passes(self, late: float) -> None:
        deadline = self.day.core.next_deadline
        assert deadline is not None
        self.day.now = max(self.day.now, deadline + late)
        self.day.do(TimePassed())

    @rule(seed=st.integers(0, 2**16))
    def configured(self, seed: int) -> None:
        self.day.do(Configured(random_config(Random(seed))))


TestDayMachine = DayMachine.TestCase
TestDayMachine.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
