"""Explanations in plain words, made only when somebody asks.

`summary` is one short line for a call record, `describe` the whole story of one offer, and
`why_not` answers for one agent at this very moment. For a moment in the past: replay the journal
up to it (`journal.replay`) and ask there.
"""

from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState
from pbx.distribution.choices import LISTED_MAX, not_for_him, unavailable
from pbx.distribution.config import Strategy
from pbx.distribution.core import Distribution
from pbx.distribution.effects import AgentState, Explanation, How, Other, Ring, WhyNot
from pbx.distribution.indexes import Width
from pbx.distribution.queues import Queue
from pbx.distribution.strategies import KEY_NAMES

# These say until when, the other states since when.
_UNTIL: Final = frozenset({WhyNot.WRAP_UP, WhyNot.DELAYED})
_STATES: Final = frozenset(
    {
        WhyNot.INACTIVE,
        WhyNot.RINGING,
        WhyNot.TALKING,
        WhyNot.BREAK,
        WhyNot.UNREACHABLE,
        WhyNot.OCCUPIED,
        WhyNot.RINGS_IT,
        WhyNot.TALKS_IT,
    }
)
# Offers to one certain agent, whatever the strategy.
_CERTAIN: Final = frozenset({How.PERSONAL, How.STICKY, How.MAIN, How.BACKUP})
_WITH_VALUE: Final = frozenset(
    {
        Strategy.FEWEST_CALLS,
        Strategy.LEAST_TALK_TIME,
        Strategy.BY_RANK,
        Strategy.FEWEST_TAGS,
    }
)
_STATE_WORDS: Final[dict[AgentState, str]] = {
    AgentState.INACTIVE: "signed out",
    AgentState.READY: "ready",
    AgentState.RINGING: "ringing",
    AgentState.TALKING: "talking",
    AgentState.WRAP_UP: "in wrap-up",
    AgentState.BREAK: "on break",
    AgentState.UNREACHABLE: "unreachable",
    AgentState.DELAYED: "resting after a failed offer",
    AgentState.OCCUPIED: "in other calls",
}


def summary(why: Explanation) -> str:
    """One line: "longest_idle: idle 4:12, 1 of 3 ready"."""
    if why.how is How.SHARED or why.how in _CERTAIN:
        return f"{why.strategy.value}: {why.how.value}"
    words = f"{why.strategy.value}: {_reason(why)}"
    if why.how in (How.EVERYBODY, How.TIER):
        return f"{words}, {why.ready} ready"
    return f"{words}, 1 of {why.ready} ready"


def describe(ring: Ring) -> str:
    """Why this agent, and why none of the others: some lines of text."""
    why = ring.explanation
    reason = "" if why.how in _CERTAIN else f" ({_reason(why)})"
    lines = [f"{ring.agent} is offered {ring.call}: {why.how.value}{reason}."]
    if why.requires:
        lines.append(f"It requires {why.requires}.")
    if why.key and why.key[0]:
        lines.append(f"He was already offered it, in round {why.key[0]:g} of {why.round}.")
    lines += [f"Not {other.agent}: {_not_chosen(other, why)}." for other in why.others]
    counts = [
        f"{count} {_STATE_WORDS[state]}"
        for state in AgentState
        if (count := why.states[state.code])
    ]
    members = sum(why.states)
    lines.append(f"The {members} members of {why.queue}: {', '.join(counts)}.")
    if members > LISTED_MAX:
        lines.append("Of the others only one who was next in line is listed.")
    return "\n".join(lines)


def why_not(core: Distribution, call_id: str, agent_id: str, now: float) -> tuple[Other, str]:
    """Why this agent is not being rung for this call now: the code, and the words.

    Raises KeyError if the core does not know the call or the agent.
    """
    call = core.world.calls[call_id]
    other = _why_not(core, call, agent_id, now)
    return other, f"{agent_id} {_words(other, now)}"


def _why_not(core: Distribution, call: Call, agent_id: str, now: float) -> Other:
    world = core.world
    agent = world.agents[agent_id]
    queue = world.queues.get(call.queue)
    if queue is None:
        return Other(agent_id, WhyNot.NOT_A_MEMBER, 0.0)
    if call.reserved and call.reserved != agent_id:
        return Other(agent_id, WhyNot.RESERVED, call.reserved_since, call.reserved)
    if call.lane is not None and call.state is not CallState.TALKING:
        other = not_for_him(queue, queue.lanes[call.lane], agent)
        if other is not None:
            return other
    if not agent.available:
        return unavailable(agent, call)
    if call.state is CallState.TALKING:
        return Other(agent_id, WhyNot.TAKEN, 0.0)
    if agent_id in call.tried:
        return Other(agent_id, WhyNot.TRIED, call.tried[agent_id])
    return _ready_but_not_rung(queue, call, agent, now)


def _ready_but_not_rung(queue: Queue, call: Call, agent: Agent, now: float) -> Other:
    agent_id = agent.id
    if call.lane is None:
        why = WhyNot.SERVED_FIRST if call.reserved else WhyNot.MANUAL
        return Other(agent_id, why, queue.position_of(call))
    position = queue.positions[agent_id]
    order = queue.levels[position]
    if call.state is CallState.WAITING:
        return Other(agent_id, WhyNot.SERVED_FIRST, queue.position_of(call))
    if queue.rules.width is Width.TIER and order > call.level[1]:
        return Other(agent_id, WhyNot.LATER_TIER, order)
    if queue.rules.width is not Width.ONE:
        return Other(agent_id, WhyNot.FROZEN, 0.0)
    key = queue.index.key(position, queue.lanes[call.lane], now)
    return Other(agent_id, WhyNot.RANKED_BEHIND, key[0] if key else 0.0)


def _reason(why: Explanation) -> str:
    if why.how is How.EVERYBODY:
        return "all ready members ring"
    if why.how is How.JOINED:
        return "became ready while it rang"
    if why.how is How.SHARED:
        return "nobody rang for this one"
    if why.how is How.PICKED:
        return "taken from the list"
    if why.strategy is Strategy.RANDOM:
        return "drawn by lot"
    names = KEY_NAMES.get(why.strategy, ())
    compared = zip(names, why.key[1:], strict=False)
    words = [_compared(name, value, why.at) for name, value in compared]
    return ", ".join(word for word in words if word)


def _compared(name: str, value: float, now: float) -> str:
    """One value that was compared, as people say it; "": what only decides between equals."""
    match name:
        case "idle since":
            return f"idle {_duration(now - value)}"
        case "milliseconds of talk":
            return f"talked {_duration(value / 1000)}"
        case "rank":
            return f"rank {-value:g}"
        case "answered calls" | "tags":
            return f"{value:g} {name if value != 1 else name[:-1]}"
        case "place in the queue":
            return ""
        case _:
            return f"{name} {value:g}"


def _not_chosen(other: Other, why: Explanation) -> str:
    if other.why is WhyNot.RANKED_BEHIND and why.strategy is Strategy.LONGEST_IDLE:
        return f"idle only {_duration(why.at - other.value)}"
    if other.why is WhyNot.RANKED_BEHIND and why.strategy in _WITH_VALUE:
        value = _compared(KEY_NAMES[why.strategy][0], other.value, why.at)
        return f"{other.why.value}: {value}"
    return _words(other, why.at)


def _words(other: Other, now: float) -> str:
    words = other.why.value
    if other.why in _UNTIL:
        return f"{words}, {_duration(other.value - now)} left"
    if other.why in _STATES:
        return f"{words}, for {_duration(now - other.value)}"
    if other.why is WhyNot.TRIED:
        return f"{words} in round {other.value:g}"
    if other.why is WhyNot.LATER_TIER:
        return f"{words} ({abs(other.value):g})"  # A rank is compared negated.
    if other.detail:
        return f"{words}: {other.detail}"
    return words


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    return f"{minutes}:{rest:02d}"
