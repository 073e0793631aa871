"""The choice itself, and why: who is rung for a call, with the explanation that goes along."""

from bisect import bisect_left
from collections.abc import Container, Sequence
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call
from pbx.distribution.effects import AgentState, Explanation, How, Other, WhyNot
from pbx.distribution.indexes import Width
from pbx.distribution.lanes import Lane
from pbx.distribution.queues import Queue
from pbx.distribution.requirements import lacking

# Up to this many members an explanation lists everybody; above, one who was next in line.
LISTED_MAX: Final = 8
_WITHOUT_KEY: Final = (How.EVERYBODY, How.SHARED, How.PERSONAL, How.STICKY, How.PICKED)
_FIRST: Final = How.FIRST
_RANKED_BEHIND: Final = WhyNot.RANKED_BEHIND

STATE_CODES: Final[dict[AgentState, WhyNot]] = {
    AgentState.INACTIVE: WhyNot.INACTIVE,
    AgentState.READY: WhyNot.RANKED_BEHIND,
    AgentState.RINGING: WhyNot.RINGING,
    AgentState.TALKING: WhyNot.TALKING,
    AgentState.WRAP_UP: WhyNot.WRAP_UP,
    AgentState.BREAK: WhyNot.BREAK,
    AgentState.UNREACHABLE: WhyNot.UNREACHABLE,
    AgentState.DELAYED: WhyNot.DELAYED,
    AgentState.OCCUPIED: WhyNot.OCCUPIED,
}


def first_choice(queue: Queue, lane: Lane, call: Call, now: float) -> int:
    """The position of the first of the lane's ready members, or -1 if there is none.

    Whoever was never tried for this call comes first, of these the main operator of the day, the
    backup, and then the others in the strategy's order; when everybody ready was tried, those
    whose last miss is longest ago.
    """
    index = queue.index
    if not call.tried:
        if queue.main or queue.backup:
            operator = _operator(queue, lane, ())
            if operator >= 0:
                return operator
        return index.first(lane, (), now)
    behind = _tried_and_ready(queue, lane, call)
    operator = _operator(queue, lane, behind)
    position = operator if operator >= 0 else index.first(lane, behind, now)
    if position >= 0 or not behind:
        return position
    least = min(behind.values())
    later = {at for at, round_ in behind.items() if round_ > least}
    operator = _operator(queue, lane, later)
    return operator if operator >= 0 else index.first(lane, later, now)


def untried_choice(queue: Queue, lane: Lane, call: Call, now: float) -> int:
    """As `first_choice` without operators, but only of those not tried in this round; or -1."""
    behind = _tried_and_ready(queue, lane, call)
    position = queue.index.first(lane, behind, now)
    if position >= 0:
        return position
    rest = {at: round_ for at, round_ in behind.items() if round_ != call.round}
    if not rest:
        return -1
    least = min(rest.values())
    later = {at for at, round_ in behind.items() if round_ != least}
    return queue.index.first(lane, later, now)


def operator_of(queue: Queue, position: int) -> How | None:
    """Is this one of the operators of the day?"""
    agent = queue.members[position].agent
    if agent == queue.main:
        return How.MAIN
    return How.BACKUP if agent == queue.backup else None


def widen(queue: Queue, lane: Lane, call: Call, position: int) -> list[int]:
    """Everybody who rings together with the first choice, himself included."""
    match queue.rules.width:
        case Width.ONE:
            return [position]
        case Width.ALL:
            return list(queue.index.all(lane))
        case Width.TIER:
            return [
                at
                for at in _ready_in_tier(queue, lane, queue.levels[position])
                if call.tried.get(queue.members[at].agent) != call.round
            ]


def _operator(queue: Queue, lane: Lane, skip: Container[int]) -> int:
    for agent in (queue.main, queue.backup):
        position = queue.positions.get(agent, -1)
        if (
            position >= 0
            and position not in skip
            and queue.index.is_ready(position)
            and lane.allows(position)
        ):
            return position
    return -1


def _ready_in_tier(queue: Queue, lane: Lane, tier: int) -> list[int]:
    levels, ready = queue.levels, queue.index.ready
    found: list[int] = []
    position = ready.next_from(bisect_left(levels, tier))
    while position >= 0 and levels[position] == tier:
        if lane.allows(position):
            found.append(position)
        position = ready.next_from(position + 1)
    return found


def _tried_and_ready(queue: Queue, lane: Lane, call: Call) -> dict[int, int]:
    """Position -> round of the last miss."""
    positions, index = queue.positions, queue.index
    return {
        position: round_
        for agent, round_ in call.tried.items()
        if (position := positions.get(agent, -1)) >= 0
        and index.is_ready(position)
        and lane.allows(position)
    }


def explain(queue: Queue, call: Call, how: How, chosen: Sequence[Agent], now: float) -> Explanation:
    """Before the chosen ones are rung: they are still among the ready, unless shared or alone."""
    index = queue.index
    lane = queue.lanes[call.lane] if call.lane is not None else None
    key: tuple[float, ...] = ()
    if lane is not None and (how is _FIRST or how not in _WITHOUT_KEY):
        first = chosen[0].id
        last = call.tried.get(first, 0) if call.tried else 0
        key = (last, *index.key(queue.positions[first], lane, now))
    if len(queue.members) <= LISTED_MAX:
        others = _everybody_else(queue, lane, call, chosen, now)
    elif how is _FIRST and index.count and lane is not None:
        others = _next_in_line(queue, lane, call, chosen[0], now)
    else:
        others = ()
    return Explanation(
        now,
        queue.id,
        queue.rules.strategy,
        how,
        key,
        call.round,
        index.count or 1,
        tuple(queue.states),
        others,
        "" if lane is None else lane.requires,
    )


def _next_in_line(
    queue: Queue, lane: Lane, call: Call, chosen: Agent, now: float
) -> tuple[Other, ...]:
    index = queue.index
    position = index.next_after(lane, queue.positions[chosen.id])
    if position < 0:
        return ()
    agent = queue.members[position].agent
    if call.tried and agent in call.tried:
        return (Other(agent, WhyNot.TRIED, call.tried[agent]),)
    return (Other(agent, _RANKED_BEHIND, _compared(queue, position, lane, now)),)


def _everybody_else(
    queue: Queue, lane: Lane | None, call: Call, chosen: Sequence[Agent], now: float
) -> tuple[Other, ...]:
    rung = [agent.id for agent in chosen]
    return tuple(
        _other(queue, lane, call, agent, now)
        for agent in queue.index.agents
        if agent.id not in rung
    )


def _other(queue: Queue, lane: Lane | None, call: Call, agent: Agent, now: float) -> Other:
    if call.reserved:
        return Other(agent.id, WhyNot.RESERVED, call.reserved_since, call.reserved)
    if lane is not None:
        other = not_for_him(queue, lane, agent)
        if other is not None:
            return other
    if not agent.available:
        return unavailable(agent, call)
    if agent.id in call.tried:
        return Other(agent.id, WhyNot.TRIED, call.tried[agent.id])
    if lane is None:
        return Other(agent.id, WhyNot.MANUAL, 0.0)
    position = queue.positions[agent.id]
    if queue.rules.width is Width.TIER:
        return Other(agent.id, WhyNot.LATER_TIER, queue.levels[position])
    return Other(agent.id, WhyNot.RANKED_BEHIND, _compared(queue, position, lane, now))


def _compared(queue: Queue, position: int, lane: Lane, now: float) -> float:
    key = queue.index.key(position, lane, now)
    return key[0] if key else 0.0


def not_for_him(queue: Queue, lane: Lane, agent: Agent) -> Other | None:
    """Why this agent, whatever he is doing, cannot serve calls of the lane."""
    position = queue.positions.get(agent.id, -1)
    if position < 0:
        return Other(agent.id, WhyNot.NOT_A_MEMBER, 0.0)
    if lane.allows(position):
        return None
    lacks = lacking(dict(agent.config.tags), lane.requirement())
    if lacks:
        return Other(agent.id, WhyNot.LACKS_TAG, 0.0, lacks)
    return Other(agent.id, WhyNot.NOT_YET, queue.members[position].delay)


def unavailable(agent: Agent, call: Call) -> Other:
    """Why an agent cannot be rung. `value`: until when, or since when if the end is open."""
    if call.id in agent.talking:
        return Other(agent.id, WhyNot.TALKS_IT, agent.since)
    if agent.ringing:
        mine = agent.ringing == call.id
        return Other(agent.id, WhyNot.RINGS_IT if mine else WhyNot.RINGING, agent.since)
    until = None
    if agent.state is AgentState.WRAP_UP:
        until = agent.wrap_up_until
    elif agent.state is AgentState.DELAYED:
        until = agent.delay_until
    return Other(agent.id, STATE_CODES[agent.state], agent.since if until is None else until)
