"""Rule 8 of the spec: what each strategy promises of whom it chooses, whatever else happens."""

from typing import ClassVar, Final

from hypothesis import strategies as st

from pbx.distribution.config import (
    DistributionConfig,
    QueueConfig,
    RetryDelays,
    Strategy,
    TagCount,
)
from pbx.distribution.effects import Effect, How, Ring
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentSignedIn,
    AgentSignedOut,
    AgentVacated,
    Input,
    MemberDropped,
    MemberRestored,
    Period,
    PeriodBegan,
    StrategySet,
    TagsSet,
)
from tests.distribution.rules_counts import COUNTED, Tally
from tests.distribution.rules_inputs import (
    AGENTS,
    COUNTS,
    KNOBS,
    OFFERS,
    TIMES,
    WISHES,
    Kind,
    Knob,
)
from tests.distribution.rules_machine import CallCentre, step
from tests.distribution.rules_people import Caller
from tests.distribution.rules_wants import could_serve, is_held, named, strategy_of

Key = tuple[float, ...]

_ALONE = (How.PERSONAL, How.STICKY, How.PICKED, How.SHARED, How.JOINED)
_OPERATORS = (How.MAIN, How.BACKUP)


class Chosen(CallCentre):
    """The chosen one is not tried yet if anybody is, and of these none has a lower key."""

    kind: ClassVar[Kind] = Kind(knobs=KNOBS)

    def opened(self, config: DistributionConfig, seed: int) -> None:
        self.tally = Tally(self.watch)
        self.tally.open()

    def before(self, event: Input) -> None:
        self.tally.before(event, self.now)

    def taken(self, event: Input) -> None:
        self.tally.taken(self.now)

    def at_effect(self, effect: Effect) -> None:
        self.tally.at_effect(effect, self.now)
        if isinstance(effect, Ring) and effect.explanation.how not in _ALONE:
            caller = self.watch.calls[effect.call]
            queue = self.watch.queues[caller.queue]
            assert not is_held(self.watch, caller, self.now), "it waits to be picked"
            assert effect.explanation.strategy is strategy_of(self.watch, queue.id)
            self._judge(effect, caller, queue)

    def _judge(self, ring: Ring, caller: Caller, queue: QueueConfig) -> None:
        how, chosen = ring.explanation.how, ring.agent
        together = {
            other.agent
            for other in self.effects
            if isinstance(other, Ring) and (other.call, other.explanation.how) == (caller.id, how)
        }
        rivals = [
            agent
            for agent, person in self.watch.people.items()
            if agent not in together
            and person.ready
            and agent not in caller.tried
            and could_serve(self.watch, caller, agent, self.now)
        ]
        if chosen in caller.tried:
            assert not rivals, f"{chosen} has missed {caller}, {rivals} have not"
            return
        operators = self.watch.operators.get(queue.id, ("", ""))
        if how in _OPERATORS:
            assert chosen == operators[how is How.BACKUP]
            assert how is How.MAIN or operators[0] not in rivals
        elif how is not How.NEXT_STEP:
            assert not {chosen, *rivals} & set(operators), "operators go first"
        if how not in _OPERATORS:
            key = self.key(queue, caller, chosen, how)
            for rival in rivals:
                assert key <= self.key(queue, caller, rival, how), f"{rival} before {chosen}"

    def key(self, queue: QueueConfig, caller: Caller, agent: str, how: How) -> Key:
        """What the strategy compares, in as plain words as there are."""
        member = next(m for m in queue.members if m.agent == agent)
        person = self.watch.people[agent]
        idle = person.idle_since if queue.outbound_resets_idle else person.free_since
        position = queue.members.index(member)
        match strategy_of(self.watch, queue.id):
            case Strategy.IN_ORDER:
                return (member.order,) if how is not How.FIRST else (member.order, position)
            case Strategy.BY_RANK:
                return (-member.rank,) if how is not How.FIRST else (-member.rank, idle)
            case Strategy.LONGEST_IDLE:
                return idle, position
            case Strategy.FEWEST_TAGS:
                return self._tags(queue, caller, agent), idle, position
            case strategy if strategy in COUNTED:
                return self.tally.value(queue, agent, self.now), idle, position
            case _:
                return ()

    def _tags(self, queue: QueueConfig, caller: Caller, agent: str) -> int:
        asked = named(self.watch, caller, self.now)
        if queue.count_tags is TagCount.TOTAL:
            asked = frozenset()
        tags = self.watch.people[agent].config.tags
        return sum(level > 0 and name not in asked for name, level in tags)


def _only(strategy: Strategy, *knobs: Knob) -> Kind:
    """Queues of this strategy, sometimes of those that turn to it after a while."""
    return Kind(
        (strategy, strategy, Strategy.MANUAL),
        (*knobs, ("then", strategy), ("then", strategy), ("auto_after", 3.0)),
    )


class InOrder(Chosen):
    kind = _only(Strategy.IN_ORDER, *TIMES, *OFFERS, *WISHES)


class ByRank(Chosen):
    kind = _only(Strategy.BY_RANK, *TIMES, *OFFERS, *WISHES)


class FewestTags(Chosen):
    kind = _only(Strategy.FEWEST_TAGS, *WISHES, ("count_tags", TagCount.FOREIGN))


# For these three a few agents have much to do: nothing else would tell one value from another.
_FEW: Final = AGENTS[:3]
_QUICK: Final[tuple[Knob, ...]] = (
    ("ring_timeout", 8.0),
    ("retry_after", RetryDelays(0.0, 0.0, 0.0, 0.0)),
)


class LongestIdle(Chosen):
    kind = Kind(
        (Strategy.LONGEST_IDLE,),
        (("outbound_resets_idle", False), ("wrap_up", 2.0), ("requires", "sales")),
        _QUICK,
        _FEW,
    )
    wants = ({}, {}, {"requires": "french"})
    patience = 1

    def acts(self, queue: str, agent: str) -> tuple[Input, ...]:
        return AgentOccupied(agent), AgentVacated(agent), TagsSet(agent)


class FewestCalls(Chosen):
    kind = Kind((Strategy.FEWEST_CALLS,), (*COUNTS, ("wrap_up", 2.0)), _QUICK, _FEW)
    wants = ({},)
    patience = 1

    def acts(self, queue: str, agent: str) -> tuple[Input, ...]:
        return (
            StrategySet(queue, Strategy.RANDOM),
            StrategySet(queue),
            MemberDropped(queue, agent),
            MemberRestored(queue, agent),
        )

    @step(agent=st.sampled_from(_FEW), meanwhile=st.lists(st.integers(0, 2**16), max_size=8))
    def somebody_comes_late(self, agent: str, meanwhile: list[int]) -> None:
        self.do(AgentSignedOut(agent))
        self.business(meanwhile)
        self.do(AgentSignedIn(agent))

    @step(period=st.sampled_from(Period))
    def a_period_begins(self, period: Period) -> None:
        self.do(PeriodBegan(period))


class LeastTalkTime(FewestCalls):
    kind = FewestCalls.kind._replace(strategies=(Strategy.LEAST_TALK_TIME,))


class AnyStrategy(Chosen):
    """The misses, the operators, and what waits to be picked."""


class Everybody(CallCentre):
    """`ring_all`: everybody who is ready and may serve the call rings at once."""

    kind = Kind((Strategy.RING_ALL,), TIMES + OFFERS + WISHES)

    def at_effect(self, effect: Effect) -> None:
        if not isinstance(effect, Ring) or effect.explanation.how is not How.EVERYBODY:
            return
        caller = self.watch.calls[effect.call]
        if not self.watch.ringing(caller.id):
            self.wanted[caller.id] = {
                agent
                for agent, person in self.watch.people.items()
                if person.ready and could_serve(self.watch, caller, agent, self.now)
            }

    def before(self, event: Input) -> None:
        self.wanted: dict[str, set[str]] = {}

    def check(self, event: Input, effects: list[Effect]) -> None:
        rings = [effect for effect in effects if isinstance(effect, Ring)]
        if any(ring.explanation.how is How.SHARED for ring in rings):
            return  # Some went over to another call at once.
        for call, wanted in self.wanted.items():
            assert {ring.agent for ring in rings if ring.call == call} >= wanted
