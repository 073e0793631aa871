"""Ringing agents for a call: how an offer begins, grows, and ends in each possible way."""

from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState, Leg
from pbx.distribution.choices import explain, not_for_him, unavailable
from pbx.distribution.config import RetryDelays
from pbx.distribution.deadlines import Due
from pbx.distribution.effects import (
    Connect,
    Explanation,
    How,
    Leave,
    PickRefused,
    Ring,
    StopCause,
    StopRinging,
    WhyNot,
)
from pbx.distribution.inputs import AgentStatus, LeaveReason, RingOutcome
from pbx.distribution.lanes import drop_place
from pbx.distribution.queues import Queue
from pbx.distribution.stages import lane_now, stop_waiting, wait
from pbx.distribution.world import World

# A phone that has sent no 18x by then counts as ringing all the same.
RING_GRACE_SECONDS: Final = 2.0
# Whoever lets it ring this long and then turns away has missed the call.
MISS_AFTER_SECONDS: Final = 2.0
# A phone that fails at once must not be tried in a tight loop, whatever the configuration says.
RETRY_MIN_SECONDS: Final = 0.1

_RING: Final = int(Due.RING)
_WAITING: Final = CallState.WAITING
_RINGING: Final = CallState.RINGING
_TALKING: Final = CallState.TALKING

NO_ANSWER_BREAK: Final = "no_answer"


def ring(
    world: World,
    queue: Queue,
    call: Call,
    agent: Agent,
    why: Explanation,
    now: float,
    *,
    alone: bool = False,
    picked: bool = False,
) -> None:
    """Ring one more agent for a call whose state is RINGING already; `alone`: nobody else."""
    config = queue.config
    call_id, agent_id = call.id, agent.id
    position = queue.positions.get(agent_id, -1)  # A caller's own agent need not be a member.
    timeout = config.ring_timeout
    if position >= 0:
        timeout = queue.members[position].ring_timeout or timeout
        if queue.index.counts_offers:
            queue.index.offered(position)
    until = now + RING_GRACE_SECONDS + timeout
    deadline: float | None = until
    step_until, leave_at = call.step_until, call.leave_at
    if step_until is not None:
        if queue.rules.keep_ringing:
            deadline, until = None, step_until
        elif step_until < until:
            until = step_until
    if leave_at is not None and leave_at < until and not config.grace_if_ringing:
        until = leave_at
    agent.ringing = call_id
    own = alone and call.reserved == agent_id and not call.sticky
    call.legs[agent_id] = Leg(now, timeout, deadline, None, alone, own, picked)
    if deadline is not None:
        world.deadlines.add(deadline, _RING, call_id, agent_id)
    world.effects.append(Ring(call_id, agent_id, until, why, picked))
    world.refresh_ringing(agent, now)


def start_ringing(world: World, queue: Queue, call: Call, now: float) -> None:
    """The call leaves the waiting ones; its first agents are rung next."""
    stop_waiting(world, queue, call)
    call.become(_RINGING)
    if queue.rules.step_seconds:
        set_step(world, queue, call, now)
    if queue.rules.may_join:
        set_joinable(queue, call)


def set_step(world: World, queue: Queue, call: Call, now: float) -> None:
    """`in_order`: how long the agents rung now have before the next ones' turn."""
    call.step_until = None
    if queue.rules.step_seconds:
        call.step_until = now + queue.rules.step_seconds
        world.deadlines.add(call.step_until, Due.STEP, call.id)


def set_joinable(queue: Queue, call: Call) -> None:
    """May agents who become ready join the ringing?"""
    alone = any(leg.alone for leg in call.legs.values())
    queue.let_join(call, queue.rules.may_join and not (alone or call.overdue))


def ring_started(world: World, call: Call, leg: Leg, agent: str, now: float) -> None:
    if leg.started_at is not None:
        return
    leg.started_at = now
    if leg.deadline is not None:
        leg.deadline = ring_began(leg, now) + leg.timeout
        world.deadlines.add(leg.deadline, Due.RING, call.id, agent)


def ring_began(leg: Leg, now: float) -> float:
    """From when ringing counts: the first 18x, but not later than the grace after the offer."""
    started = now if leg.started_at is None else leg.started_at
    return min(started, leg.offered_at + RING_GRACE_SECONDS)


def stop(world: World, call: Call, agent: Agent, cause: StopCause, now: float) -> None:
    """End a leg through no fault of the agent. The caller of this sees to the call."""
    del call.legs[agent.id]
    agent.ringing = ""
    world.effects.append(StopRinging(call.id, agent.id, cause))
    world.refresh(agent, now)


def stop_all(world: World, call: Call, cause: StopCause, now: float) -> None:
    for agent_id in list(call.legs):
        stop(world, call, world.agents[agent_id], cause, now)


def not_answered(world: World, call: Call, agent: Agent, now: float) -> None:
    """The ring time is over: a miss."""
    world.effects.append(StopRinging(call.id, agent.id, StopCause.NO_ANSWER, missed=True))
    failed(world, call, agent, RingOutcome.NO_ANSWER, now)


def withdraw(world: World, call: Call, agent: Agent, now: float, *, blame: bool) -> None:
    """The agent must not ring any more. With `blame` it is a miss if he let it ring on before."""
    leg = call.legs.pop(agent.id)
    rang = leg.started_at is not None or now > leg.offered_at + RING_GRACE_SECONDS
    missed = blame and rang and now - ring_began(leg, now) >= MISS_AFTER_SECONDS
    agent.ringing = ""
    call.tried[agent.id] = call.round
    if missed:
        count_miss(agent)
    world.effects.append(StopRinging(call.id, agent.id, StopCause.WITHDRAWN, missed))
    world.refresh(agent, now)
    reopen_if_silent(world, call, now)


def failed(world: World, call: Call, agent: Agent, outcome: RingOutcome, now: float) -> None:
    """The phone did not answer, in whatever way: the agent is left in peace for a while."""
    del call.legs[agent.id]
    agent.ringing = ""
    call.tried[agent.id] = call.round
    queue = world.queues[call.queue]
    if outcome is RingOutcome.NO_ANSWER:
        count_miss(agent)
    back_off(world, agent, outcome, queue.config.retry_after, now)
    world.refresh(agent, now)
    reopen_if_silent(world, call, now)


def count_miss(agent: Agent) -> None:
    """Too many in a row lead to a break, for which the agent need not choose a reason."""
    agent.misses += 1
    limit = agent.config.max_no_answer
    if limit and agent.misses >= limit and agent.status is AgentStatus.ACTIVE:
        agent.status = AgentStatus.BREAK
        agent.status_reason = NO_ANSWER_BREAK
        agent.misses = 0


def back_off(
    world: World, agent: Agent, outcome: RingOutcome, delays: RetryDelays, now: float
) -> None:
    if agent.status is AgentStatus.BREAK or not agent.signed_in:
        return
    match outcome:
        case RingOutcome.NO_ANSWER:
            reason, seconds = "no_answer", delays.no_answer
        case RingOutcome.BUSY:
            reason, seconds = "busy", delays.busy
        case RingOutcome.REJECTED:
            reason, seconds = "rejected", delays.rejected
        case _:
            reason, seconds = "unreachable", delays.unreachable
    agent.delay_reason = reason
    agent.delay_until = now + max(seconds, RETRY_MIN_SECONDS)
    world.deadlines.add(agent.delay_until, Due.DELAY, agent.id)


def reopen_if_silent(world: World, call: Call, now: float) -> None:
    """When the last phone has stopped, the call waits again, at its old place."""
    if call.legs or call.state is not _RINGING:
        return
    call.become(_WAITING)
    queue = world.queues[call.queue]
    queue.let_join(call, False)
    wait(world, queue, call, now)
    if call.overdue:
        leave(world, call, LeaveReason.TIMED_OUT, now)


def pick(world: World, call: Call | None, call_id: str, agent: Agent, now: float) -> None:
    """The agent takes the call from the list, or is told why he cannot have it."""
    why = WhyNot.TAKEN
    if call is not None and call.state is not _TALKING and call.queue in world.queues:
        queue = world.queues[call.queue]
        refused = _may_not_pick(world, queue, call, agent, now)
        if refused is None:
            _take(world, queue, call, agent, now)
            return
        why = refused
    world.effects.append(PickRefused(call_id, agent.id, why))


def _may_not_pick(
    world: World, queue: Queue, call: Call, agent: Agent, now: float
) -> WhyNot | None:
    if any(leg.picked for who, leg in call.legs.items() if who != agent.id):
        return WhyNot.TAKEN
    if call.reserved and call.reserved != agent.id:
        return WhyNot.RESERVED
    if not call.reserved:
        other = not_for_him(queue, lane_now(world, queue, call, now), agent)
        if other is not None:
            return other.why
    return None if agent.available else unavailable(agent, call).why


def _take(world: World, queue: Queue, call: Call, agent: Agent, now: float) -> None:
    why = explain(queue, call, How.PICKED, [agent], now)
    if call.state is _WAITING:
        stop_waiting(world, queue, call)
        call.become(_RINGING)
    stop_all(world, call, StopCause.ANSWERED_ELSEWHERE, now)
    call.step_until = None
    ring(world, queue, call, agent, why, now, alone=True, picked=True)
    set_joinable(queue, call)


def connect(world: World, call: Call, agent: Agent, now: float) -> None:
    """This agent answered first."""
    queue = world.queues[call.queue]
    del call.legs[agent.id]
    agent.ringing = ""
    agent.talking.append(call.id)
    agent.misses = 0
    world.effects.append(Connect(call.id, agent.id))
    if call.legs:
        stop_all(world, call, StopCause.ANSWERED_ELSEWHERE, now)
    queue.let_join(call, False)
    drop_place(queue.line, call.place)
    for queue_id in agent.places:
        world.queues[queue_id].estimates.member_answered(here=queue_id == queue.id)
    if call.announced_wait is not None:
        queue.estimates.answered(call.announced_at, call.announced_wait, now)
    call.become(_TALKING)
    call.agent = agent.id
    call.answered_at = now
    agent.last_answered[queue.id] = now
    call.counted = agent.work.answered(now, world.keep)
    call.shared = 0
    call.announce_at = None
    world.refresh(agent, now)


def take_out(world: World, call: Call, cause: StopCause, now: float) -> Queue:
    """Out of the line, with every phone silenced; the call is forgotten."""
    queue = world.queues[call.queue]
    if call.state is _WAITING:
        stop_waiting(world, queue, call)
    drop_place(queue.line, call.place)
    queue.let_join(call, False)
    del world.calls[call.id]
    _ = world.stepping.pop(call.id, None)
    _ = world.widened.pop(call.id, None)
    stop_all(world, call, cause, now)
    return queue


def leave(world: World, call: Call, reason: LeaveReason, now: float) -> None:
    """The call leaves by itself."""
    queue = take_out(world, call, StopCause.CALLER_LEFT, now)
    queue.count_left(reason)
    world.effects.append(Leave(call.id, queue.id, reason))
