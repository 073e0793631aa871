"""Random days on the core and on the oracle side by side, with the rules of the spec checked after
every input; or on the core alone, which is cheap."""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Final

import pytest

from pbx.distribution.config import DistributionConfig, Strategy
from pbx.distribution.deadlines import Due
from pbx.distribution.effects import AgentState, Effect
from pbx.distribution.estimates import Error
from pbx.distribution.inputs import AgentReachable, AgentSignedIn, AgentStatus, Input, TimePassed
from pbx.distribution.views import AgentView, QueueView
from tests.distribution.core_day import CoreDay
from tests.distribution.day_configs import (
    AGENTS,
    MANY_AGENTS,
    busy_config,
    crowded_config,
    random_config,
)
from tests.distribution.day_inputs import busy_event, crowded_event, random_event
from tests.distribution.oracle import Oracle
from tests.distribution.oracle_parts import words


class Kind(Enum):
    MIXED = "all kinds of queues, all kinds of inputs"
    CROWDED = "many callers share the phones of `ring_all`"
    LARGE = "many agents"
    BUSY = "many conversations, so that a wait can be foretold"


_Draw = Callable[[CoreDay, Random], Input]
_EVENTS: Final[dict[Kind, tuple[_Draw, float]]] = {
    Kind.MIXED: (random_event, 1.0),
    Kind.CROWDED: (crowded_event, 0.8),
    Kind.LARGE: (busy_event, 0.3),
    Kind.BUSY: (busy_event, 0.98),
}
"""Which inputs are drawn, and how often; all others are `random_event`."""


class Day(CoreDay):
    """The oracle looks on, and must have said the same."""

    def __init__(
        self, config: DistributionConfig, seed: int, names: tuple[str, ...] = AGENTS
    ) -> None:
        super().__init__(config, seed, names)
        self.oracle = Oracle(config)

    def do(self, event: Input) -> list[Effect]:
        try:
            effects = super().do(event)
            said, expected = words(effects), self.oracle.apply(event, self.now, effects)
            assert said == expected, (said, expected)
            self.check()
        except Exception as error:
            error.add_note(f"at {self.now}: {event}")
            raise
        return effects

    def check(self) -> None:
        """The spec's rules, as far as they can be seen from outside between two inputs."""
        core = self.core
        if core.next_deadline != self.oracle.next_deadline():
            # It may wake for a caller who has left meanwhile, to find nobody to send away.
            first = core.world.deadlines.first()
            assert first is not None
            assert first[1] == Due.EMPTY, (first, self.oracle.next_deadline())
        views = [core.queue(queue) for queue in core.queues]
        assert self.phones == {
            (waiting.call, agent)
            for view in views
            for waiting in view.waiting
            for agent in waiting.ringing
        }
        agents = {agent: core.agent(agent) for agent in core.agents}
        for agent_view in agents.values():
            self._check_agent(agent_view)
        for view in views:
            self._check_queue(view, agents)
        known = {waiting.call for view in views for waiting in view.waiting}
        assert known | self.talks.keys() == self.inside.keys()

    def _check_agent(self, view: AgentView) -> None:
        agent = view.id
        person = self.oracle.people[agent]
        assert (view.state.value, view.reason) == person.state(), (agent, view)
        assert view.ready is person.ready(), (agent, view)
        assert (view.signed_in, view.status is AgentStatus.BREAK) == (
            person.signed_in,
            person.on_break,
        )
        assert (view.reachable, view.misses) == (person.reachable, person.misses)
        assert view.idle_since == person.idle
        ends = {"wrap_up": person.wrap_until, "delayed": person.delay_until}
        assert view.until == ends.get(view.state.value)
        assert set(view.queues) == self.oracle.queues_of(agent)
        assert (view.answered_today, view.talk_today_ms) == self.oracle.today(agent)
        assert dict(view.tags) == self.oracle.tags(agent)
        told = self.states.get(agent)
        if told is None:
            assert view.state is AgentState.INACTIVE
        else:
            assert (told.state, told.reason, told.since, told.call) == (
                view.state,
                view.reason,
                view.since,
                view.call,
            )

    def _check_queue(self, view: QueueView, agents: dict[str, AgentView]) -> None:
        oracle = self.oracle
        members = [agents[agent] for agent in oracle.members(view.id)]
        assert view.ready == sum(member.ready for member in members)
        states = Counter(member.state for member in members)
        assert dict(view.agents) == {state: states[state] for state in AgentState}
        line = oracle.line(view.id)
        told = [(waiting.call, waiting.priority) for waiting in view.waiting]
        expected = [(call.id, -oracle.place(call)[0]) for call in line]
        assert told == expected, (told, expected)
        left = sum(count for _, count in view.left)
        assert view.joined == left + len(view.waiting) + len(view.talking)
        notes = oracle.notes[view.id]
        assert (view.main, view.backup) == (notes.main, notes.backup)
        assert (view.ranked_at, view.share) == (notes.ranked_at, notes.share)
        self._check_error(view.told, notes.errors)
        for call, waiting in zip(line, view.waiting, strict=True):
            assert set(waiting.tried) == call.tried.keys()
            assert (waiting.entered_at, waiting.leave_at) == (call.entered, call.leave_at)
            assert (waiting.reserved, waiting.callback) == (call.kept_for, call.callback)
            assert waiting.held is (not call.kept_for and oracle.held(call))
            if not waiting.ringing:
                assert not oracle.usable(call), "nobody waits for nothing"
                if oracle.shares(view.id) and oracle.unrestricted(call):
                    most = max(len(other.ringing) for other in view.waiting)
                    assert most < 2, "phones are shared"

    def _check_error(self, told: Error, errors: list[tuple[float, bool]]) -> None:
        assert told.count == len(errors)
        assert told.close == sum(close for _, close in errors)
        assert told.total == pytest.approx(sum(error for error, _ in errors))
        assert told.absolute == pytest.approx(sum(abs(error) for error, _ in errors))


def run_day(
    seed: int, steps: int, strategy: Strategy | None = None, kind: Kind = Kind.MIXED
) -> Day:
    rng = Random(seed)
    day = Day(_config(rng, strategy, kind), seed, _names(kind))
    _spend(day, rng, steps, kind)
    return day


def run_core_day(seed: int, steps: int, kind: Kind = Kind.MIXED) -> CoreDay:
    """Without the oracle."""
    rng = Random(seed)
    day = CoreDay(_config(rng, None, kind), seed, _names(kind))
    _spend(day, rng, steps, kind)
    return day


def _names(kind: Kind) -> tuple[str, ...]:
    return MANY_AGENTS if kind is Kind.LARGE else AGENTS


def _config(rng: Random, strategy: Strategy | None, kind: Kind) -> DistributionConfig:
    match kind:
        case Kind.MIXED:
            return random_config(rng, strategy)
        case Kind.LARGE:
            return random_config(rng, strategy, MANY_AGENTS)
        case Kind.CROWDED:
            return crowded_config(rng)
        case Kind.BUSY:
            return busy_config(rng)


def _spend(day: CoreDay, rng: Random, steps: int, kind: Kind) -> None:
    """`steps` inputs; time goes on in half seconds, and never past a deadline by much."""
    for agent in day.names:
        if rng.random() < 0.8:
            _ = day.do(AgentReachable(agent))
            _ = day.do(AgentSignedIn(agent))
    often, share = _EVENTS[kind]
    for _ in range(steps):
        day.now += rng.choice((0.0, 0.0, 0.5, 1.0, 2.5 if kind is not Kind.BUSY else 0.0))
        deadline = day.core.next_deadline
        if deadline is not None and deadline <= day.now:
            if rng.random() < 0.8:
                day.now = max(deadline, day.journal[-1][0] if day.journal else 0.0)
            _ = day.do(TimePassed())
        else:
            _ = day.do((often if rng.random() < share else random_event)(day, rng))
