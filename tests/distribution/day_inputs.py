"""Random inputs, mostly such that mean something at the moment."""

from random import Random
from typing import Final

from pbx.distribution.config import Strategy
from pbx.distribution.effects import AgentState
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
    WrapUpEnded,
    WrapUpExtended,
)
from tests.distribution.core_day import CoreDay
from tests.distribution.day_configs import (
    NUMBERS,
    QUEUES,
    REQUIREMENTS,
    STRATEGIES,
    random_config,
    random_member,
    random_tags,
)

BREAKS: Final = ("lunch", "lunch", "training", "break", "")
_BUSY: Final = (AgentState.TALKING, AgentState.WRAP_UP)


def random_event(day: CoreDay, rng: Random) -> Input:
    kind = rng.random()
    if kind < 0.2:
        return _join(day, rng)
    if kind < 0.46 and day.phones:
        call, agent = rng.choice(sorted(day.phones))
        if rng.random() < 0.3:
            return RingStarted(call, agent)
        answered = (RingOutcome.ANSWERED, RingOutcome.ANSWERED, RingOutcome.ANSWERED)
        return RingEnded(call, agent, rng.choice((*answered, *RingOutcome)))
    if kind < 0.58 and day.talks:
        call, agent = rng.choice(sorted(day.talks.items()))
        if rng.random() < 0.2:
            return AnswerFailed(call, agent)
        return ConversationEnded(call, agent)
    if kind < 0.72 and day.inside:
        return _about_a_call(day, rng)
    if kind < 0.79:
        return _from_above(day, rng)
    return _agent_event(rng.choice(day.names), rng)


def crowded_event(day: CoreDay, rng: Random) -> Input:
    """Callers come, agents come back, and phones do not answer."""
    kind, agent = rng.random(), rng.choice(day.names)
    if kind < 0.3:
        return _join(day, rng, plain=True)
    if kind < 0.4 and day.phones:
        return RingEnded(*rng.choice(sorted(day.phones)), RingOutcome.REJECTED)
    if kind < 0.6 and day.talks:
        return ConversationEnded(*rng.choice(sorted(day.talks.items())))
    return _comes_back(agent, rng)


def busy_event(day: CoreDay, rng: Random) -> Input:
    """Many are answered."""
    kind, agent = rng.random(), rng.choice(day.names)
    if kind < 0.3:
        return _join(day, rng, plain=rng.random() < 0.9)
    if kind < 0.62 and day.phones:
        return RingEnded(*rng.choice(sorted(day.phones)), RingOutcome.ANSWERED)
    if kind < 0.93 and day.talks:
        return ConversationEnded(*rng.choice(sorted(day.talks.items())))
    return _comes_back(agent, rng)


def _comes_back(agent: str, rng: Random) -> Input:
    return rng.choice(
        (
            AgentSignedIn(agent),
            AgentReachable(agent),
            AgentVacated(agent),
            AgentStatusSet(agent, AgentStatus.ACTIVE),
        )
    )


def _join(day: CoreDay, rng: Random, *, plain: bool = False) -> CallJoined:
    """`plain`: into the first queue, and any agent will do."""
    day.calls += 1
    earlier = rng.choice((None, None, None, day.now - 20.0))
    priority = rng.choice((0, 0, 0, 2))
    call = f"c{day.calls}"
    if plain:
        return CallJoined(call, day.config.queues[0].id, priority=priority, joined_at=earlier)
    queues = day.core.queues or QUEUES
    return CallJoined(
        call,
        rng.choice(queues if rng.random() < 0.93 else QUEUES),
        number=rng.choice(NUMBERS),
        priority=priority,
        requires=rng.choice(REQUIREMENTS) if rng.random() < 0.3 else "",
        preferred_agent=rng.choice((*day.names, "nobody")) if rng.random() < 0.25 else "",
        joined_at=earlier,
        callback=rng.random() < 0.08,
    )


def _about_a_call(day: CoreDay, rng: Random) -> Input:
    call = rng.choice(sorted(day.inside))
    kind = rng.random()
    if kind < 0.04:
        return _out_of_place(call, rng.choice(day.names), rng)
    if kind < 0.25:
        return CallLeft(call, rng.choice((LeaveReason.ABANDONED, LeaveReason.KEY)))
    if kind < 0.4 and day.late:
        return RingEnded(*rng.choice(day.late), RingOutcome.ANSWERED)
    if kind < 0.6:
        return CallMoved(call, rng.choice(QUEUES))
    if kind < 0.7:
        day.calls += 1
        return CallbackBooked(call, rng.choice((f"c{day.calls}", f"c{day.calls}", call)))
    return CallPicked(call if rng.random() < 0.9 else "nothing", _who_picks(day, call, rng))


def _out_of_place(call: str, agent: str, rng: Random) -> Input:
    """It comes too late, or is somebody else's."""
    return rng.choice(
        (
            RingStarted(call, agent),
            RingEnded(call, agent, rng.choice(tuple(RingOutcome))),
            ConversationEnded(call, agent),
            AnswerFailed(call, agent),
        )
    )


def _who_picks(day: CoreDay, call: str, rng: Random) -> str:
    here = [agent for agent in day.core.agents if day.inside[call] in day.core.agent(agent).queues]
    ready = [agent for agent in here if day.core.agent(agent).ready]
    busy = [agent for agent in here if day.core.agent(agent).state in _BUSY]
    return rng.choice(rng.choice((ready, ready, ready, busy, here, day.names)) or day.names)


def _from_above(day: CoreDay, rng: Random) -> Input:
    """From supervisors, the calendar, the history, and whoever edits the configuration."""
    queues = day.core.queues or QUEUES
    queue = rng.choice(queues if rng.random() < 0.9 else QUEUES)
    agent, kind = rng.choice(day.names), rng.random()
    until = rng.choice((None, day.now + 3.0, day.now + 8.0))
    if kind < 0.1:
        return Configured(random_config(rng, names=day.names))
    if kind < 0.25:
        return PeriodBegan(rng.choice(tuple(Period)))
    if kind < 0.4:
        return OperatorsSet(queue, agent, rng.choice((*day.names, "")))
    if kind < 0.52:
        return MemberSet(queue, random_member(rng, agent, delays=rng.random() < 0.2), until)
    if kind < 0.62:
        return MemberDropped(queue, agent, until)
    if kind < 0.7:
        return MemberRestored(queue, agent)
    if kind < 0.8:
        return TagsSet(agent, rng.choice((None, random_tags(rng), random_tags(rng))))
    if kind < 0.9:
        return StrategySet(queue, rng.choice((None, None, *STRATEGIES, Strategy.MANUAL)))
    return Remembered(rng.choice(NUMBERS), agent, day.now - rng.choice((0.5, 5.0, 40.0)))


def _agent_event(agent: str, rng: Random) -> Input:
    return rng.choice(
        (
            AgentSignedIn(agent),
            AgentSignedIn(agent),
            AgentReachable(agent),
            AgentReachable(agent),
            AgentSignedOut(agent),
            AgentUnreachable(agent),
            AgentStatusSet(agent, AgentStatus.BREAK, rng.choice(BREAKS)),
            AgentStatusSet(agent, AgentStatus.ACTIVE),
            AgentStatusSet(agent, AgentStatus.ACTIVE),
            AgentOccupied(agent),
            AgentVacated(agent),
            AgentVacated(agent),
            WrapUpEnded(agent),
            WrapUpExtended(agent, 3.0),
        )
    )
