"""The distribution core: inputs with their times go in, effects come out.

Deterministic and synchronous. `apply` is the one door; `on_time` must be called no later than
`next_deadline`. The same configuration, seed and inputs always give the same effects, so the list
of inputs is the journal (`journal.py`) and a copy of the object is a snapshot.
Which state an agent is in: agents.py; who gets whom: matching.py; spec: distribution.md.
"""

from random import Random
from typing import assert_never

from pbx.distribution import offers, stages, statuses, waiting
from pbx.distribution.calls import Call, CallState
from pbx.distribution.config import DistributionConfig, Strategy, Window
from pbx.distribution.counting import Counting
from pbx.distribution.deadlines import Deadline, Due
from pbx.distribution.edits import MemberEdit
from pbx.distribution.effects import Effect, Release
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatusSet,
    AgentUnreachable,
    AgentVacated,
    AnswerFailed,
    CallbackBooked,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
    ConversationEnded,
    Input,
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
    WrapUpEnded,
    WrapUpExtended,
)
from pbx.distribution.matching import match as match_all
from pbx.distribution.reconfigure import edit, recalculate, reconfigure
from pbx.distribution.views import AgentView, QueueView, agent_view, queue_view
from pbx.distribution.world import World

_AgentInput = (
    AgentSignedIn
    | AgentSignedOut
    | AgentStatusSet
    | AgentReachable
    | AgentUnreachable
    | AgentOccupied
    | AgentVacated
    | WrapUpEnded
    | WrapUpExtended
)
_Edit = MemberSet | MemberDropped | MemberRestored | TagsSet | StrategySet


class Distribution:
    """All queues and agents of one company. All its state is plain data, in `world`."""

    __slots__ = ("seed", "world")

    def __init__(self, config: DistributionConfig, seed: int) -> None:
        self.seed = seed
        self.world = World(DistributionConfig(), Random(seed))
        reconfigure(self.world, config, 0.0)
        self.world.changed.clear()

    def __repr__(self) -> str:
        world = self.world
        return f"<Distribution calls={len(world.calls)} agents={len(world.agents)}>"

    def apply(self, event: Input, now: float) -> list[Effect]:
        """Carry the effects out in their order. `now`: monotonic seconds, never going back.

        Raises ConfigError for a configuration that contradicts itself; nothing has changed then.
        """
        world = self.world
        match event:
            case RingEnded(call_id, agent_id, outcome):
                _ring_ended(world, call_id, agent_id, outcome, now)
            case CallJoined():
                waiting.join(world, event, now)
            case ConversationEnded(call_id, agent_id):
                _conversation_ended(world, call_id, agent_id, now)
            case TimePassed():
                _time_passed(world, now)
            case RingStarted(call_id, agent_id):
                _ring_started(world, call_id, agent_id, now)
            case CallLeft(call_id, reason):
                call = _known(world, call_id)
                if call is not None:
                    waiting.caller_left(world, call, reason, now)
            case AnswerFailed(call_id, agent_id):
                _answer_failed(world, call_id, agent_id, now)
            case CallPicked(call_id, agent_id):
                _call_picked(world, call_id, agent_id, now)
            case CallMoved(call_id, queue_id):
                _call_moved(world, call_id, queue_id, now)
            case CallbackBooked(call_id, callback):
                call = _known(world, call_id)
                if call is not None:
                    waiting.book_callback(world, call, callback, now)
            case Configured(config):
                reconfigure(world, config, now)
            case MemberSet() | MemberDropped() | MemberRestored() | TagsSet() | StrategySet():
                _edit(world, event, now)
            case PeriodBegan() | OperatorsSet() | Remembered():
                _told(world, event, now)
            case _:
                _agent_input(world, event, now)
        return self._settle(now)

    def on_time(self, now: float) -> list[Effect]:
        return self.apply(TimePassed(), now)

    @property
    def heap(self) -> list[Deadline]:
        """Nothing is due before its first entry, which may be stale."""
        return self.world.deadlines.heap

    @property
    def next_deadline(self) -> float | None:
        return self.world.next_deadline()

    def agent(self, agent_id: str) -> AgentView:
        """Raises KeyError for an agent that is not configured."""
        return agent_view(self.world.agents[agent_id])

    def queue(self, queue_id: str) -> QueueView:
        """Raises KeyError for a queue that is not configured."""
        return queue_view(self.world, self.world.queues[queue_id])

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(self.world.agents)

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(self.world.queues)

    def _settle(self, now: float) -> list[Effect]:
        world = self.world
        stages.release_all(world, now)
        match_all(world, now)
        while world.released:
            stages.release_all(world, now)
            match_all(world, now)
        if world.watched:
            for call_id in world.watched:
                if call_id in world.calls:
                    stages.watch(world, world.calls[call_id], now)
            world.watched.clear()
        world.report_changes()
        effects, world.effects = world.effects, []
        return effects


def _known(world: World, call_id: str) -> Call | None:
    call = world.calls.get(call_id)
    if call is None:
        world.ignored += 1
    return call


def _ring_ended(
    world: World, call_id: str, agent_id: str, outcome: RingOutcome, now: float
) -> None:
    call = world.calls.get(call_id)
    answered = outcome is RingOutcome.ANSWERED
    if call is None or agent_id not in call.legs:
        world.ignored += 1
        repeated = call is not None and call.agent == agent_id
        if answered and not repeated:
            # It crossed our StopRinging; the agent is free already as far as we are concerned.
            world.effects.append(Release(call_id, agent_id))
    elif answered:
        offers.connect(world, call, world.agents[agent_id], now)
    else:
        offers.failed(world, call, world.agents[agent_id], outcome, now)


def _ring_started(world: World, call_id: str, agent_id: str, now: float) -> None:
    call = _known(world, call_id)
    if call is not None and agent_id in call.legs:
        offers.ring_started(world, call, call.legs[agent_id], agent_id, now)


def _conversation_ended(world: World, call_id: str, agent_id: str, now: float) -> None:
    call = _known(world, call_id)
    if call is not None and call.state is CallState.TALKING and call.agent == agent_id:
        waiting.conversation_ended(world, call, now)


def _answer_failed(world: World, call_id: str, agent_id: str, now: float) -> None:
    call = _known(world, call_id)
    if call is not None and call.state is CallState.TALKING and call.agent == agent_id:
        waiting.answer_failed(world, call, now)


def _call_picked(world: World, call_id: str, agent_id: str, now: float) -> None:
    agent = world.agents.get(agent_id)
    if agent is None:
        world.ignored += 1
    else:
        offers.pick(world, world.calls.get(call_id), call_id, agent, now)


def _call_moved(world: World, call_id: str, queue_id: str, now: float) -> None:
    call = _known(world, call_id)
    queue = world.queues.get(queue_id)
    if call is not None and queue is not None:
        waiting.move(world, call, queue, now)


def _edit(world: World, event: _Edit, now: float) -> None:
    """What a supervisor changes. About unknown queues and agents: ignored."""
    edits = world.edits.copy()
    match event:
        case MemberSet(queue, member, until):
            edits.members[queue, member.agent] = MemberEdit(member, until)
        case MemberDropped(queue, agent, until):
            edits.members[queue, agent] = MemberEdit(None, until)
        case MemberRestored(queue, agent):
            _ = edits.members.pop((queue, agent), None)
        case TagsSet(agent, None):
            _ = edits.tags.pop(agent, None)
        case TagsSet(agent, tags):
            edits.tags[agent] = tags or ()
        case StrategySet(queue, None):
            _ = edits.strategies.pop(queue, None)
        case StrategySet(queue, strategy):
            edits.strategies[queue] = strategy or Strategy.RING_ALL
        case _:
            assert_never(event)
    edits.forget_strangers(world.config)
    if edits == world.edits:
        world.ignored += 1
    elif isinstance(event, TagsSet):
        edit(world, edits, (), now)
    else:
        edit(world, edits, (event.queue,), now)


def _told(world: World, event: PeriodBegan | OperatorsSet | Remembered, now: float) -> None:
    match event:
        case PeriodBegan(period):
            _period_began(world, period, now)
        case OperatorsSet(queue_id, main, backup):
            queue = world.queues.get(queue_id)
            if queue is None:
                world.ignored += 1
            else:
                queue.main, queue.backup = main, backup
        case Remembered(number, agent, at):
            known = world.talked.get(number)
            if known is None or known[1] < at:
                world.remember(number, agent, at)
        case _:
            assert_never(event)


def _period_began(world: World, period: Period, now: float) -> None:
    window = Window.DAY if period is Period.DAY else Window.HOUR
    for agent in world.agents.values():
        agent.work.begin(window)
    for queue in world.queues.values():
        if isinstance(queue.index, Counting):
            queue.index.begin(window, now)
        if period is Period.DAY:
            queue.main = queue.backup = ""


def _agent_input(world: World, event: _AgentInput, now: float) -> None:
    agent = world.agents.get(event.agent)
    if agent is None or agent.removed:
        world.ignored += 1
        return
    match event:
        case AgentSignedIn():
            statuses.sign_in(world, agent, now)
        case AgentSignedOut():
            statuses.sign_out(world, agent, now)
        case AgentStatusSet(_, status, reason):
            statuses.set_status(world, agent, status, reason, now)
        case AgentReachable():
            statuses.set_reachable(world, agent, True, now)
        case AgentUnreachable():
            statuses.set_reachable(world, agent, False, now)
        case AgentOccupied():
            statuses.occupy(world, agent, now)
        case AgentVacated():
            statuses.vacate(world, agent, now)
        case WrapUpEnded():
            statuses.end_wrap_up(world, agent, now)
        case WrapUpExtended(_, seconds):
            statuses.extend_wrap_up(world, agent, seconds)
        case _:
            assert_never(event)


def _time_passed(world: World, now: float) -> None:
    for deadline in world.take_due(now):
        if world.is_current(deadline):
            _due(world, deadline, now)
    world.sweep()


def _due(world: World, deadline: Deadline, now: float) -> None:
    _, code, owner, agent_id = deadline
    due = Due(code)
    match due:
        case Due.RING:
            agent = world.agents[agent_id]
            offers.not_answered(world, world.calls[owner], agent, now)
        case Due.STEP:
            world.stepping[owner] = None
        case Due.MAX_WAIT:
            waiting.waited_long_enough(world, world.calls[owner], now)
        case Due.ANNOUNCE:
            waiting.announce(world, world.calls[owner], now)
        case Due.EMPTY:
            waiting.empty_too_long(world, world.queues[owner], now)
        case Due.WRAP_UP:
            statuses.end_wrap_up(world, world.agents[owner], now)
        case Due.DELAY:
            statuses.end_delay(world, world.agents[owner], now)
        case Due.BREAK:
            statuses.break_too_long(world, world.agents[owner])
        case Due.STAGE:
            stages.passed(world, world.calls[owner], now)
        case Due.RISE:
            waiting.rise(world, world.calls[owner], now)
        case Due.RECALCULATE:
            recalculate(world, world.queues[owner], now)
        case Due.UNMATCHED:
            waiting.not_matched(world, world.calls[owner], now)
        case Due.EDIT:
            edits = world.edits.copy()
            edit(world, edits, edits.end(now), now)
        case _:
            assert_never(due)
