"""The choice itself, and why: who is rung for a call, with the explanation that goes along."""

from bisect import bisect_left
from collections.abc import Collection
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call
from pbx.distribution.effects import AgentState, Explanation, How, Other, WhyNot
from pbx.distribution.queues import Queue
from pbx.distribution.strategies import Width

# Up to this many members an explanation lists everybody; above, one who was next in line.
LISTED_MAX: Final = 8
_WITHOUT_KEY: Final = (How.EVERYBODY, How.SHARED)
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


def first_choice(queue: Queue, call: Call, agents: dict[str, Agent]) -> int:
    """The position of the first of at least one ready member.

    Whoever was never tried for this call comes first, in the strategy's order; when everybody
    ready was, those whose last miss is longest ago.
    """
    index = queue.index
    if not call.tried:
        return index.first(())
    behind = _tried_and_ready(queue, call)
    if len(behind) < index.ready.count:
        return index.first(behind)
    members = queue.members
    return min(behind, key=lambda at: (behind[at], index.key(at, agents[members[at].agent])))


def untried_choice(queue: Queue, call: Call, agents: dict[str, Agent]) -> int:
    """As `first_choice`, but only of those not tried in this round; or -1."""
    if not queue.index.count:
        return -1
    position = first_choice(queue, call, agents)
    agent = queue.members[position].agent
    return -1 if call.tried.get(agent) == call.round else position


def widen(queue: Queue, call: Call, position: int) -> list[int]:
    """Everybody who rings together with the first choice, himself included."""
    match queue.width:
        case Width.ONE:
            return [position]
        case Width.ALL:
            return list(queue.index.all())
        case Width.TIER:
            return [
                at
                for at in _ready_in_tier(queue, queue.members[position].order)
                if call.tried.get(queue.members[at].agent) != call.round
            ]


def _ready_in_tier(queue: Queue, tier: int) -> list[int]:
    members, ready = queue.members, queue.index.ready
    found: list[int] = []
    position = ready.next_from(bisect_left(members, tier, key=lambda member: member.order))
    while position >= 0 and members[position].order == tier:
        found.append(position)
        position = ready.next_from(position + 1)
    return found


def _tried_and_ready(queue: Queue, call: Call) -> dict[int, int]:
    """Position -> round of the last miss."""
    positions, ready = queue.positions, queue.index.ready
    return {
        positions[agent]: round_
        for agent, round_ in call.tried.items()
        if agent in positions and positions[agent] in ready
    }


def explain(
    queue: Queue,
    call: Call,
    how: How,
    chosen: list[int],
    agents: dict[str, Agent],
    now: float,
) -> Explanation:
    """Before the chosen ones are rung: they are still among the ready, unless shared or alone."""
    index = queue.index
    key: tuple[float, ...] = ()
    if how not in _WITHOUT_KEY:
        first = queue.members[chosen[0]].agent
        last = call.tried.get(first, 0) if call.tried else 0
        key = (last, *index.key(chosen[0], agents[first]))
    if len(queue.members) <= LISTED_MAX:
        others = _everybody_else(queue, call, chosen, agents)
    elif how is _FIRST:
        others = _next_in_line(queue, call, chosen[0], agents)
    else:
        others = ()
    return Explanation(
        now,
        queue.id,
        queue.config.strategy,
        how,
        key,
        call.round,
        index.ready.count or 1,
        tuple(queue.states),
        others,
    )


def _next_in_line(
    queue: Queue, call: Call, chosen: int, agents: dict[str, Agent]
) -> tuple[Other, ...]:
    index = queue.index
    if not index.ready.count:
        return ()
    position = index.next_after(chosen)
    if position < 0:
        return ()
    agent = queue.members[position].agent
    if call.tried and agent in call.tried:
        return (Other(agent, WhyNot.TRIED, call.tried[agent]),)
    return (Other(agent, _RANKED_BEHIND, index.key(position, agents[agent])[0]),)


def _everybody_else(
    queue: Queue, call: Call, chosen: Collection[int], agents: dict[str, Agent]
) -> tuple[Other, ...]:
    return tuple(
        _other(queue, call, position, agents)
        for position in range(len(queue.members))
        if position not in chosen
    )


def _other(queue: Queue, call: Call, position: int, agents: dict[str, Agent]) -> Other:
    member = queue.members[position]
    agent = agents[member.agent]
    if not agent.available:
        return unavailable(agent, call)
    if agent.id in call.tried:
        return Other(agent.id, WhyNot.TRIED, call.tried[agent.id])
    if queue.width is Width.TIER:
        return Other(agent.id, WhyNot.LATER_TIER, member.order)
    return Other(agent.id, WhyNot.RANKED_BEHIND, queue.index.key(position, agent)[0])


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
