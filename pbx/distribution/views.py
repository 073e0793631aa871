"""What readers get: immutable pictures of an agent and of a queue."""

from dataclasses import dataclass, replace

from pbx.distribution.agents import Agent
from pbx.distribution.calls import CallState
from pbx.distribution.counting import Counting
from pbx.distribution.effects import AgentState
from pbx.distribution.estimates import Error
from pbx.distribution.inputs import AgentStatus, LeaveReason
from pbx.distribution.queues import Queue
from pbx.distribution.world import World


@dataclass(frozen=True, slots=True)
class AgentView:
    id: str
    state: AgentState
    reason: str  # Of a break, or the cause of a back-off.
    since: float
    call: str  # Rings for or talks to; "" if neither.
    ready: bool  # May be offered a call now; with max_calls above 1 also while talking.
    signed_in: bool
    status: AgentStatus  # What he chose; it may take effect only when the call ends.
    reachable: bool
    until: float | None  # The end of wrap-up or back-off.
    idle_since: float
    misses: int  # In a row.
    queues: tuple[str, ...]
    answered_today: int
    talk_today_ms: int
    last_answered: tuple[tuple[str, float], ...]  # Queue, and when.
    tags: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class WaitingView:
    call: str
    number: str
    position: int  # 1 = next.
    priority: int
    joined_at: float
    ringing: tuple[str, ...]  # Agents.
    tried: tuple[str, ...]  # Agents who did not answer it.
    entered_at: float  # This queue.
    leave_at: float | None  # When it will have waited too long.
    requires: str  # Of the agent, now.
    reserved: str  # The agent it is kept for, if any.
    held: bool  # Somebody must pick it.
    callback: bool  # A placeholder.


@dataclass(frozen=True, slots=True)
class QueueView:
    id: str
    waiting: tuple[WaitingView, ...]  # Not answered yet, in order.
    talking: tuple[tuple[str, str], ...]  # Call and agent.
    agents: tuple[tuple[AgentState, int], ...]  # Members in each state.
    ready: int
    joined: int  # Since the queue exists: always the sum of waiting, talking and left.
    left: tuple[tuple[LeaveReason, int], ...]
    main: str  # The operators of the day.
    backup: str
    ranked_at: float | None  # When the ranking was made, if it stands still.
    share: float  # Of its members' calls that are its own, as the expected wait takes it.
    told: Error  # How wrong the expected waits were.


def agent_view(agent: Agent) -> AgentView:
    until = None
    if agent.state is AgentState.WRAP_UP:
        until = agent.wrap_up_until
    elif agent.state is AgentState.DELAYED:
        until = agent.delay_until
    return AgentView(
        agent.id,
        agent.state,
        agent.reason,
        agent.since,
        agent.call,
        agent.available,
        agent.signed_in,
        agent.status,
        agent.reachable,
        until,
        agent.idle_since,
        agent.misses,
        tuple(agent.places),
        agent.work.day_calls,
        agent.work.day_talk,
        tuple(agent.last_answered.items()),
        agent.config.tags,
    )


def queue_view(world: World, queue: Queue) -> QueueView:
    waiting: list[WaitingView] = []
    for position, place in enumerate(queue.line, start=1):
        call = world.calls[place[3]]
        waiting.append(
            WaitingView(
                call.id,
                call.number,
                position,
                -place[0],
                place[1],
                tuple(call.legs),
                tuple(call.tried),
                call.entered_at,
                call.leave_at,
                "" if call.lane is None else queue.lanes[call.lane].requires,
                call.reserved,
                call.lane is None and not call.reserved,
                call.callback,
            )
        )
    return QueueView(
        queue.id,
        tuple(waiting),
        tuple(
            (call.id, call.agent)
            for call in world.calls.values()
            if call.queue == queue.id and call.state is CallState.TALKING
        ),
        tuple((state, queue.states[state.code]) for state in AgentState),
        queue.index.count,
        queue.joined,
        tuple((reason, queue.left[reason]) for reason in LeaveReason if reason in queue.left),
        queue.main,
        queue.backup,
        queue.index.ranked_at if isinstance(queue.index, Counting) else None,
        queue.estimates.share,
        replace(queue.estimates.error),
    )
