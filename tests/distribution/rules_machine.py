"""The machine that every rule test drives: a call centre's day, one sensible input at a time.

A rule is a subclass that looks at what it must look at in `before`, `at_effect` and `check`, and
leaves everything else to the others.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pbx.distribution.config import DistributionConfig, Member
from pbx.distribution.core import Distribution
from pbx.distribution.effects import Effect
from pbx.distribution.errors import ConfigError
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    AgentStatus,
    AgentStatusSet,
    AnswerFailed,
    CallbackBooked,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
    ConversationEnded,
    Input,
    LeaveReason,
    MemberDropped,
    MemberRestored,
    MemberSet,
    OperatorsSet,
    Period,
    PeriodBegan,
    Remembered,
    RingEnded,
    RingOutcome,
    RingStarted,
    StrategySet,
    TagsSet,
    TimePassed,
)
from tests.distribution.rules_inputs import (
    AGENTS,
    NUMBERS,
    QUEUES,
    TAGS,
    WANTS,
    Kind,
    about,
    configs,
    members,
)
from tests.distribution.rules_wants import settle
from tests.distribution.rules_watch import Watch

# So many deadlines at one moment, or in one wait, are a loop.
WAKES_MAX: Final = 2000
# No agent's timer runs longer: wrap_up_max, and something to spare.
LONGEST_TIMER: Final = 310.0

ABSENT: Final = ((), (), ("anna",), ("bohdan", "clara"), AGENTS)
OUTCOMES: Final = (*[RingOutcome.ANSWERED] * 4, *list(RingOutcome)[1:], None)
HOW: Final = (
    *("same", "anew", "without", "first"),
    *("fired", "fired", "members", "members", "knob", "knob", "knob"),
)
_ACTIVE: Final = AgentStatus.ACTIVE
_agents = st.sampled_from(AGENTS)
_queues = st.sampled_from(QUEUES)
_any = st.integers(0, 15)  # The n-th of those there are, counted round.
_ago = st.sampled_from((0.0, 0.0, 0.0, 20.0))
_business = st.lists(st.integers(0, 7 * 51), max_size=6)
_moments = st.sampled_from((0.0, 0.5, 1.0, 3.0))


def step(**drawn: Any) -> Callable[[Callable[..., None]], Any]:  # noqa: ANN401
    """A rule after which business goes on as usual, whatever else hypothesis leaves out."""

    def decorate(act: Callable[..., None]) -> Any:  # noqa: ANN401
        def acted(self: "CallCentre", then: list[int], **arguments: Any) -> None:  # noqa: ANN401
            act(self, **arguments)
            self.business(then)

        acted.__name__ = act.__name__
        made: Any = rule(**drawn, then=_business)
        return made(acted)

    return decorate


class CallCentre(RuleBasedStateMachine):
    kind: ClassVar[Kind] = Kind()
    wants: ClassVar[tuple[dict[str, Any], ...]] = WANTS
    patience: ClassVar[int] = 4  # So many wait at most; then the first gives up.

    core: Distribution
    watch: Watch
    now: float
    calls: int
    first: DistributionConfig
    effects: list[Effect]  # Of the present input.

    # What a rule may look at.

    def before(self, event: Input) -> None:
        """`watch` knows nothing of the input yet, but the core has taken it in."""

    def taken(self, event: Input) -> None:
        """`watch` knows the input, and no effect yet."""

    def at_effect(self, effect: Effect) -> None:
        """`watch` knows all that happened before this effect."""

    def check(self, event: Input, effects: list[Effect]) -> None:
        """`watch` knows everything."""

    def opened(self, config: DistributionConfig, seed: int) -> None:
        """The core is new."""

    # The door.

    def do(self, event: Input) -> list[Effect]:
        try:
            effects = self.core.apply(event, self.now)
        except ConfigError:
            self.refused(event)
            return []
        self.effects = effects
        self.before(event)
        self.watch.take(event, self.now)
        self.taken(event)
        for effect in effects:
            self.at_effect(effect)
            self.watch.see(effect, self.now)
        settle(self.watch, self.now)
        self.check(event, effects)
        return effects

    def refused(self, event: Input) -> None:
        """Nothing has changed."""

    def pass_time(self, seconds: float, *, late: bool = False) -> None:
        """Wake at each deadline, or sleep through all of them."""
        until = self.now + seconds
        if late:
            self.now = until
            self.do(TimePassed())
        for _ in range(WAKES_MAX):
            deadline = self.core.next_deadline
            if deadline is None or deadline > until:
                self.now = until
                return
            self.now = max(self.now, deadline)
            self.do(TimePassed())
        raise AssertionError(f"wakes again and again at {self.now}")

    @initialize(data=st.data(), seed=st.integers(0, 3), absent=st.sampled_from(ABSENT))
    def opens(self, data: st.DataObject, seed: int, absent: tuple[str, ...]) -> None:
        config = data.draw(configs(self.kind))
        self.now, self.calls, self.first = 0.0, 0, config
        self.core, self.watch = Distribution(config, seed), Watch(config)
        self.opened(config, seed)
        for agent in self.kind.agents:
            if agent not in absent:
                self.now += 0.5
                self.do(AgentReachable(agent))
                self.do(AgentSignedIn(agent))

    # Few rules, each of them wide: hypothesis leaves some out of each run, and picks evenly.

    @step(queue=_queues, n=_any, number=st.sampled_from(NUMBERS), ago=_ago)
    def somebody_calls(self, queue: str, n: int, number: str, ago: float) -> None:
        self._call(queue, number, self.now - ago if ago else None, n)

    @step(queue=_queues, gaps=st.lists(_moments, min_size=1, max_size=3))
    def some_call(self, queue: str, gaps: list[float]) -> None:
        for gap in gaps:
            self._call(queue, "", None, 0)
            self.pass_time(gap)

    def _call(self, queue: str, number: str, joined_at: float | None, n: int) -> None:
        want = self.wants[n % len(self.wants)]
        self.join(queue, number=number, joined_at=joined_at, **want)

    def join(self, queue: str, **want: Any) -> None:  # noqa: ANN401
        self.calls += 1
        waiting = [caller.id for caller in self.watch.calls.values() if not caller.agent]
        if len(waiting) >= self.patience:
            self.do(CallLeft(waiting[0]))
        self.do(CallJoined(f"c{self.calls}", self._existing(queue), **want))

    def business(self, numbers: list[int]) -> None:
        """Calls come, phones answer or do not, talks end, a second passes."""
        for number in numbers:
            which, n = number % 7, number // 7
            talks, phones = self.talks(), self.watch.phones
            if which == 0 or (which == 1 and not (talks or phones)):
                self._call(QUEUES[n % len(QUEUES)], NUMBERS[n % len(NUMBERS)], None, n)
            elif which in (1, 2) and phones:
                call, agent = nth(phones, n)
                outcome = OUTCOMES[n % len(OUTCOMES)] or RingOutcome.ANSWERED
                self.do(RingEnded(call, agent, outcome))
            elif which in (1, 2, 3, 4) and talks:
                call, agent = nth(talks, n)
                self.do((AnswerFailed if n % 7 == 6 else ConversationEnded)(call, agent))
            else:
                self.pass_time(1.0)

    @precondition(lambda self: self.watch.phones)
    @step(n=_any, began=st.booleans(), outcome=st.sampled_from(OUTCOMES), after=_moments)
    def a_phone_says(self, n: int, began: bool, outcome: RingOutcome | None, after: float) -> None:
        call, agent = nth(self.watch.phones, n)
        if began:
            self.do(RingStarted(call, agent))
        self.pass_time(after)
        if outcome is not None:
            self.do(RingEnded(call, agent, outcome))

    @precondition(lambda self: self.watch.late or self.talks())
    @step(n=_any)
    def a_phone_answers_too_late(self, n: int) -> None:
        """Or once more."""
        call, agent = nth([*self.watch.late, *self.talks()], n)
        self.do(RingEnded(call, agent, RingOutcome.ANSWERED))

    @precondition(lambda self: self.talks())
    @step(n=_any, after=_moments, end=st.sampled_from(("ends", "ends", "breaks", "leaves")))
    def a_talk_is_over(self, n: int, after: float, end: str) -> None:
        call, agent = nth(self.talks(), n)
        self.pass_time(after)
        match end:
            case "breaks":
                self.do(AnswerFailed(call, agent))
            case "leaves":
                self.do(CallLeft(call))
            case _:
                self.do(ConversationEnded(call, agent))

    def talks(self) -> list[tuple[str, str]]:
        return [(c.id, c.agent) for c in self.watch.calls.values() if c.agent]

    @precondition(lambda self: self.watch.calls)
    @step(n=_any, queue=_queues, what=st.sampled_from(("leaves", "key", "books", "moves", "moves")))
    def a_caller_does(self, n: int, queue: str, what: str) -> None:
        call = nth(self.watch.calls, n)
        match what:
            case "books":
                self.calls += 1
                self.do(CallbackBooked(call, f"b{self.calls}"))
            case "moves":
                self.do(CallMoved(call, queue))
            case "key":
                self.do(CallLeft(call, LeaveReason.KEY))
            case _:
                self.do(CallLeft(call))

    @precondition(lambda self: self.watch.calls)
    @step(n=_any, agent=_agents)
    def an_agent_picks(self, n: int, agent: str) -> None:
        self.do(CallPicked(nth(self.watch.calls, n), agent))

    @step(agent=_agents, n=_any, also=_agents)
    def an_agent_does(self, agent: str, n: int, also: str) -> None:
        """Another comes to work meanwhile, or somebody would be missing all day."""
        self._does(agent, n)
        for event in (AgentReachable(also), AgentSignedIn(also), AgentStatusSet(also, _ACTIVE)):
            self.do(event)

    @precondition(lambda self: self.awaited())
    @step(which=_any, n=_any)
    def somebody_awaited_does(self, which: int, n: int) -> None:
        self._does(nth(self.awaited(), which), n)

    def _does(self, agent: str, n: int) -> None:
        does = about(agent, self.watch.people.get(agent))
        self.do(does[n % len(does)])

    def awaited(self) -> set[str]:
        """A call is kept for them, or they are in their wrap-up."""
        kept = {caller.kept_for for caller in self.watch.calls.values() if caller.kept_for}
        people = self.watch.people.items()
        return kept | {agent for agent, person in people if person.wrap_until is not None}

    @step(data=st.data(), queue=_queues, n=_any)
    def the_office_does(self, data: st.DataObject, queue: str, n: int) -> None:
        agent = nth([*(agent for _, agent in self.watch.phones), *self.kind.agents], n)
        self.do(data.draw(st.sampled_from(self.acts(queue, agent))))

    def acts(self, queue: str, agent: str) -> tuple[Input, ...]:
        """What supervisors and the calendar may do."""
        until = self.now + 5.0
        return (
            MemberSet(queue, Member(agent, 2, rank=1)),
            MemberSet(queue, Member(agent, 1, delay=2.0), until),
            MemberDropped(queue, agent),
            MemberDropped(queue, agent, until),
            MemberRestored(queue, agent),
            TagsSet(agent),
            *(TagsSet(agent, tags) for tags in TAGS),
            StrategySet(queue),
            *(StrategySet(queue, strategy) for strategy in self.kind.strategies),
            OperatorsSet(queue, agent, "bohdan"),
            OperatorsSet(queue, "nobody", agent),
            PeriodBegan(Period.DAY),
            PeriodBegan(Period.HOUR),
            Remembered("501", agent, self.now - 1.0),
        )

    @step(
        data=st.data(),
        queue=_queues,
        how=st.sampled_from(HOW),
        n=_any,
    )
    def it_is_configured(self, data: st.DataObject, queue: str, how: str, n: int) -> None:
        config, queue = self.watch.settings.given, self._existing(queue)
        kept = tuple(config for config in config.queues if config.id != queue)
        match how if self.watch.queues else "anew":
            case "anew":
                config = data.draw(configs(self.kind))
            case "first":
                config = self.first
            case "without":
                config = replace(config, queues=kept)
            case "members":
                there = {agent.id for agent in config.agents}
                drawn = data.draw(members(self.kind.agents, self.kind.least))
                chosen = tuple(member for member in drawn if member.agent in there)
                config = _with(config, queue, members=chosen)
            case "fired":
                rung = [agent for _, agent in self.watch.phones]
                theirs = [agent for agent in rung if agent in self.awaited()]
                config = without(config, nth(theirs or rung or AGENTS, n))
            case "knob":
                knob = dict([data.draw(st.sampled_from(self.kind.knobs))])
                config = _with(config, queue, **knob)
            case _:
                pass
        self.do(Configured(config))

    def _existing(self, queue: str) -> str:
        """Calls for a queue that does not exist are all alike."""
        return queue if queue in self.watch.queues else next(iter(self.watch.queues), queue)

    @step(seconds=st.sampled_from((0.5, 1.0, 2.5, 6.0, 15.0)), late=st.booleans())
    def time_passes(self, seconds: float, late: bool) -> None:
        self.pass_time(seconds, late=late and seconds < 5.0)

    @precondition(lambda self: self.core.next_deadline is not None)
    @step(wakes=st.integers(1, 3))
    def deadlines_come(self, wakes: int) -> None:
        for _ in range(wakes):
            deadline = self.core.next_deadline
            if deadline is not None:
                self.pass_time(max(0.0, deadline - self.now))

    def close(self) -> None:
        """Everybody hangs up, and all that is due happens: nothing may be left over."""
        for call, agent in self.talks():
            self.do(ConversationEnded(call, agent))
        for call in list(self.watch.calls):
            if call in self.watch.calls:
                self.do(CallLeft(call))
        self.pass_time(LONGEST_TIMER)


def _with(config: DistributionConfig, queue: str, **fields: Any) -> DistributionConfig:  # noqa: ANN401
    """Something else in one queue."""
    return replace(
        config,
        queues=tuple(
            replace(given, **fields) if given.id == queue else given for given in config.queues
        ),
    )


def without(config: DistributionConfig, agent: str) -> DistributionConfig:
    """As if he had never been there."""
    return replace(
        config,
        agents=tuple(one for one in config.agents if one.id != agent),
        queues=tuple(
            replace(queue, members=tuple(one for one in queue.members if one.agent != agent))
            for queue in config.queues
        ),
    )


def nth(things: Any, n: int) -> Any:  # noqa: ANN401
    listed = sorted(things)
    return listed[n % len(listed)]
