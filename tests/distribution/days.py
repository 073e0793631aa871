"""Random days: inputs that make sense often enough, chosen by a seeded Random, run on the core
and on the oracle side by side, with the rules of the spec checked after every input."""

from dataclasses import replace
from random import Random
from typing import Final

from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    RetryDelays,
    Strategy,
    WithinTier,
)
from pbx.distribution.core import Distribution
from pbx.distribution.deadlines import Due
from pbx.distribution.effects import (
    AgentChanged,
    AgentState,
    Connect,
    Effect,
    Leave,
    Ring,
    StopRinging,
)
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentUnreachable,
    AgentVacated,
    AnswerFailed,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
    ConversationEnded,
    Input,
    LeaveReason,
    RingEnded,
    RingOutcome,
    RingStarted,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from tests.distribution.oracle import Oracle
from tests.distribution.oracle_parts import words

STRATEGIES: Final = (
    Strategy.RING_ALL,
    Strategy.IN_ORDER,
    Strategy.ROUND_ROBIN,
    Strategy.LONGEST_IDLE,
)
AGENTS: Final = ("anna", "bohdan", "clara", "dmytro", "eva", "fedir")
QUEUES: Final = ("sales", "support", "night")


def random_config(rng: Random, strategy: Strategy | None = None) -> DistributionConfig:
    """Whole and half seconds, so that deadlines coincide often."""
    agents = [name for name in AGENTS if rng.random() < 0.9] or [AGENTS[0]]
    queues = [name for name in QUEUES if rng.random() < 0.85] or [QUEUES[0]]
    return DistributionConfig(
        tuple(_random_queue(rng, name, agents, strategy) for name in queues),
        tuple(
            AgentConfig(
                name,
                max_calls=rng.choice((1, 1, 1, 2)),
                max_no_answer=rng.choice((0, 0, 2)),
                wrap_up=rng.choice((None, None, 0.0, 4.0)),
                wrap_up_max=10.0,
                ring_in_use=rng.random() < 0.15,
            )
            for name in agents
        ),
    )


def crowded_config(rng: Random) -> DistributionConfig:
    """Everybody in `ring_all` queues that share phones."""
    config = random_config(rng, Strategy.RING_ALL)
    members = tuple(Member(agent) for agent in AGENTS)
    agents = {agent.id: agent for agent in config.agents}
    queues = [
        replace(
            queue,
            members=members,
            max_length=0,
            join_ringing=True,
            share_ringing=True,
            retry_after=RetryDelays(1.0, 0.0, 0.0, 0.0),
            wrap_up=0.0,
        )
        for queue in config.queues
    ]
    return DistributionConfig(
        tuple(queues[: rng.choice((1, 1, 2))]),
        tuple(agents.get(name, AgentConfig(name)) for name in AGENTS),
    )


def _random_queue(
    rng: Random, name: str, agents: list[str], strategy: Strategy | None
) -> QueueConfig:
    members = rng.sample(agents, rng.randint(0 if len(agents) > 3 else 1, len(agents)))
    return QueueConfig(
        name,
        strategy or rng.choice(STRATEGIES),
        tuple(
            Member(agent, rng.randint(1, 3), ring_timeout=rng.choice((None, None, 4.0)))
            for agent in members
        ),
        ring_timeout=rng.choice((5.0, 8.0)),
        wrap_up=rng.choice((0.0, 3.0)),
        retry_after=RetryDelays(*(rng.choice((0.0, 2.0, 5.0)) for _ in range(4))),
        max_wait=rng.choice((0.0, 0.0, 12.0, 40.0)),
        grace_if_ringing=rng.random() < 0.4,
        max_length=rng.choice((0, 0, 0, 3)),
        join_empty=rng.random() < 0.8,
        leave_empty_after=rng.choice((None, 0.0, 10.0)),
        weight=rng.choice((0, 0, 5)),
        priority=rng.choice((0, 0, 1)),
        join_ringing=rng.random() < 0.75,
        share_ringing=rng.random() < 0.7,
        outbound_resets_idle=rng.random() < 0.7,
        tier_timeout=rng.choice((0.0, 0.0, 3.0, 6.0)),
        keep_ringing=rng.random() < 0.4,
        within_tier=rng.choice(tuple(WithinTier)),
        rounds=rng.choice((0, 0, 1, 2)),
        announce_every=rng.choice((0.0, 0.0, 7.0)),
        announce_wait=rng.random() < 0.8,
    )


class Day:
    """The core, the oracle, a clock, and the legs that the call layer would know of."""

    def __init__(self, config: DistributionConfig, seed: int) -> None:
        self.config = config
        self.core = Distribution(config, seed)
        self.oracle = Oracle(config)
        self.now = 0.0
        self.journal: list[tuple[float, Input]] = []
        self.effects: list[list[Effect]] = []
        self.phones: set[tuple[str, str]] = set()  # Ringing now: call, agent.
        self.late: list[tuple[str, str]] = []  # Stopped: their answer may still come.
        self.talks: dict[str, str] = {}
        self.inside: dict[str, str] = {}  # Calls not yet left, and their queue.
        self.calls = 0
        self.states: dict[str, AgentChanged] = {}

    def do(self, event: Input) -> list[Effect]:
        try:
            effects = self.core.apply(event, self.now)
            expected = self.oracle.apply(event, self.now)
            assert words(effects) == expected
        except AssertionError as error:
            error.add_note(f"at {self.now}: {event}")
            raise
        self.journal.append((self.now, event))
        self.effects.append(effects)
        self._follow(event, effects)
        self.check()
        return effects

    def _follow(self, event: Input, effects: list[Effect]) -> None:
        """What the call layer would remember; asserts what it could not carry out."""
        match event:
            case CallJoined(call, queue) if call not in self.inside:
                self.inside[call] = queue
            case CallLeft(call) | ConversationEnded(call):
                self.inside.pop(call, None)
                self.talks.pop(call, None)
            case RingEnded(call, agent):
                self.phones.discard((call, agent))
            case AnswerFailed(call):
                self.talks.pop(call, None)
            case CallMoved(call, queue) if call in self.inside:
                if queue in {q.id for q in self.config.queues}:
                    self.talks.pop(call, None)
                    self.inside[call] = queue
            case Configured(config):
                self.config = config
            case _:
                pass
        rung: set[tuple[str, str]] = set()
        for effect in effects:
            match effect:
                case Ring(call, agent):
                    rung.add((call, agent))
                    assert call in self.inside, effect
                    assert call not in self.talks, effect
                    assert agent not in {who for _, who in self.phones}, effect
                    self.phones.add((call, agent))
                case StopRinging(call, agent):
                    assert (call, agent) not in rung, f"{effect}: rung in vain"
                    self.phones.remove((call, agent))
                    self.late = [*self.late[-3:], (call, agent)]
                case Connect(call, agent):
                    assert call not in self.talks, effect
                    self.talks[call] = agent
                case Leave(call):
                    assert call not in self.talks, effect
                    del self.inside[call]
                case AgentChanged():
                    self.states[effect.agent] = effect
                case _:
                    pass

    def check(self) -> None:
        """The spec's rules, as far as they can be seen from outside between two inputs."""
        core = self.core
        if core.next_deadline != self.oracle.next_deadline():
            # It may wake for a caller who has left meanwhile, to find nobody to send away.
            first = core.world.deadlines.first()
            assert first is not None
            assert first[1] == Due.EMPTY
        ringing = {(call, agent) for call, agent in self.phones}
        assert ringing == {
            (waiting.call, agent)
            for queue in core.queues
            for waiting in core.queue(queue).waiting
            for agent in waiting.ringing
        }
        for agent in core.agents:
            view = core.agent(agent)
            person = self.oracle.people[agent]
            assert (view.state.value, view.reason) == person.state(), (agent, view)
            assert view.ready is person.ready(), (agent, view)
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
        self._check_queues()

    def _check_queues(self) -> None:
        core = self.core
        known: set[str] = set()
        for queue_id in core.queues:
            view = core.queue(queue_id)
            members = self.oracle.members(queue_id)
            assert view.ready == sum(core.agent(agent).ready for agent in members)
            assert dict(view.agents) == {
                state: sum(core.agent(agent).state is state for agent in members)
                for state in AgentState
            }
            known |= {waiting.call for waiting in view.waiting}
            assert [waiting.call for waiting in view.waiting] == [
                call.id for call in self.oracle.line(queue_id)
            ]
            left = sum(count for _, count in view.left)
            assert view.joined == left + len(view.waiting) + len(view.talking)
            if view.ready:
                assert all(waiting.ringing for waiting in view.waiting), "nobody waits for nothing"
            if self.oracle.shares(queue_id) and not all(call.ringing for call in view.waiting):
                assert max(len(call.ringing) for call in view.waiting) < 2, "phones are shared"
        assert known | self.talks.keys() == self.inside.keys()


def random_event(day: Day, rng: Random) -> Input:
    """One input, mostly one that means something now."""
    kind = rng.random()
    if kind < 0.17:
        return _join(day, rng)
    if kind < 0.52 and day.phones:
        call, agent = rng.choice(sorted(day.phones))
        if rng.random() < 0.35:
            return RingStarted(call, agent)
        return RingEnded(call, agent, rng.choice((RingOutcome.ANSWERED, *RingOutcome)))
    if kind < 0.62 and day.talks:
        call, agent = rng.choice(sorted(day.talks.items()))
        if rng.random() < 0.2:
            return AnswerFailed(call, agent)
        return ConversationEnded(call, agent)
    if kind < 0.66 and day.inside:
        return CallLeft(rng.choice(sorted(day.inside)), LeaveReason.ABANDONED)
    if kind < 0.68 and day.late:
        call, agent = rng.choice(day.late)
        return RingEnded(call, agent, RingOutcome.ANSWERED)
    if kind < 0.71 and day.inside:
        return CallMoved(rng.choice(sorted(day.inside)), rng.choice(QUEUES))
    if kind < 0.73 and day.inside:
        return CallPicked(rng.choice(sorted(day.inside)), rng.choice(AGENTS))
    if kind < 0.74:
        return Configured(random_config(rng))
    return _agent_event(rng.choice(AGENTS), rng)


def crowded_event(day: Day, rng: Random) -> Input:
    """Callers come, agents come back, and phones do not answer."""
    kind, agent = rng.random(), rng.choice(AGENTS)
    if kind < 0.3:
        return _join(day, rng, (day.config.queues[0].id,))
    if kind < 0.4 and day.phones:
        return RingEnded(*rng.choice(sorted(day.phones)), RingOutcome.REJECTED)
    if kind < 0.6 and day.talks:
        return ConversationEnded(*rng.choice(sorted(day.talks.items())))
    return rng.choice(
        (
            AgentSignedIn(agent),
            AgentReachable(agent),
            AgentVacated(agent),
            AgentStatusSet(agent, AgentStatus.ACTIVE),
        )
    )


def _join(day: Day, rng: Random, queues: tuple[str, ...] = QUEUES) -> CallJoined:
    day.calls += 1
    earlier = rng.choice((None, None, None, day.now - 20.0))
    queue = rng.choice(queues)
    return CallJoined(f"c{day.calls}", queue, priority=rng.choice((0, 0, 0, 2)), joined_at=earlier)


def _agent_event(agent: str, rng: Random) -> Input:
    return rng.choice(
        (
            AgentSignedIn(agent),
            AgentSignedIn(agent),
            AgentReachable(agent),
            AgentReachable(agent),
            AgentSignedOut(agent),
            AgentUnreachable(agent),
            AgentStatusSet(agent, AgentStatus.BREAK, rng.choice(("lunch", "training"))),
            AgentStatusSet(agent, AgentStatus.ACTIVE),
            AgentStatusSet(agent, AgentStatus.ACTIVE),
            AgentOccupied(agent),
            AgentVacated(agent),
            AgentVacated(agent),
            WrapUpEnded(agent),
            WrapUpExtended(agent, 3.0),
        )
    )


def run_day(
    seed: int, steps: int, strategy: Strategy | None = None, *, crowded: bool = False
) -> Day:
    """A day of `steps` inputs; time goes on in half seconds, and never past a deadline by much."""
    rng = Random(seed)
    day = Day(crowded_config(rng) if crowded else random_config(rng, strategy), seed)
    for agent in AGENTS:
        if rng.random() < 0.8:
            day.do(AgentReachable(agent))
            day.do(AgentSignedIn(agent))
    for _ in range(steps):
        day.now += rng.choice((0.0, 0.0, 0.5, 1.0, 2.5))
        deadline = day.core.next_deadline
        if deadline is not None and deadline <= day.now:
            if rng.random() < 0.8:
                day.now = max(deadline, day.journal[-1][0] if day.journal else 0.0)
            day.do(TimePassed())
        elif crowded and rng.random() < 0.8:
            day.do(crowded_event(day, rng))
        else:
            day.do(random_event(day, rng))
    return day
