"""A call's stay in a queue: joining, being told its place, and leaving without an agent."""

from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState
from pbx.distribution.config import RetryDelays
from pbx.distribution.deadlines import Due
from pbx.distribution.effects import Announce, Leave, StopCause
from pbx.distribution.inputs import CallJoined, LeaveReason, RingOutcome
from pbx.distribution.offers import back_off, leave, set_joinable, take_out
from pbx.distribution.queues import LINE_MAX, WAIT_STEPS, Queue
from pbx.distribution.world import World

_WAITING: Final = CallState.WAITING
_ANSWERED: Final = LeaveReason.ANSWERED


def join(world: World, event: CallJoined, now: float) -> None:
    queue = world.queues.get(event.queue)
    if event.call in world.calls:
        world.ignored += 1
        return
    if queue is None:
        world.effects.append(Leave(event.call, event.queue, LeaveReason.SYSTEM))
        return
    world.serial += 1
    joined_at = now if event.joined_at is None else event.joined_at
    priority = -(event.priority + queue.config.priority)
    call = Call(
        event.call,
        queue.id,
        (priority, joined_at, world.serial, event.call),
        now,
        event.number,
        event.tags,
        event.preferred_agent,
        _WAITING,
        {},
        "",
        1,
        {},
    )
    enter(world, queue, call, now)


def enter(world: World, queue: Queue, call: Call, now: float) -> None:
    """Take the call in, or turn it away at once."""
    queue.joined += 1
    config = queue.config
    refused = None
    if len(queue.line) >= (config.max_length or LINE_MAX):
        refused = LeaveReason.QUEUE_FULL
    elif not config.join_empty and queue.is_empty():
        refused = LeaveReason.NOBODY_SIGNED_IN
    if refused is not None:
        queue.count_left(refused)
        world.effects.append(Leave(call.id, queue.id, refused))
        return
    world.calls[call.id] = call
    queue.add_waiting(call.place)
    queue.add_to_line(call.place)
    world.reopened[call.id] = None
    schedule_max_wait(world, queue, call)
    if queue.empty_since is not None and queue.empty_at is None:
        world.schedule_empty(queue)
    if config.announce_every:
        # The first one as soon as it is clear that nobody rings for him.
        call.announce_at = now
        world.deadlines.add(now, Due.ANNOUNCE, call.id)


def schedule_max_wait(world: World, queue: Queue, call: Call) -> None:
    call.leave_at = None
    if queue.config.max_wait and not call.overdue:
        call.leave_at = call.entered_at + queue.config.max_wait
        world.deadlines.add(call.leave_at, Due.MAX_WAIT, call.id)


def waited_long_enough(world: World, call: Call, now: float) -> None:
    """`max_wait` is over."""
    queue = world.queues[call.queue]
    call.leave_at = None
    if call.state is CallState.RINGING and queue.config.grace_if_ringing:
        call.overdue = True
        set_joinable(queue, call)
    else:
        leave(world, call, LeaveReason.TIMED_OUT, now)


def empty_too_long(world: World, queue: Queue, now: float) -> None:
    """Nobody has been signed in for `leave_empty_after`: whoever waited through that leaves."""
    after = queue.config.leave_empty_after
    queue.empty_at = None
    if after is None or queue.empty_since is None:
        return
    for place in list(queue.line):
        call = world.calls[place[3]]
        if max(call.entered_at, queue.empty_since) + after <= now:
            leave(world, call, LeaveReason.NOBODY_SIGNED_IN, now)
    world.schedule_empty(queue)


def announce(world: World, call: Call, now: float) -> None:
    """Tell the caller his place; not at the very moment of joining if phones ring already."""
    queue = world.queues[call.queue]
    first = call.announce_at == call.entered_at
    every = queue.config.announce_every
    call.announce_at = None
    if not every:
        return
    call.announce_at = call.entered_at + every * (int((now - call.entered_at) / every) + 1)
    world.deadlines.add(call.announce_at, Due.ANNOUNCE, call.id)
    if first and call.state is CallState.RINGING:
        return
    position = queue.position_of(call)
    expected = queue.expected_wait(position, now) if queue.config.announce_wait else None
    if expected is not None:
        expected = _not_much_more(expected, call.announced_wait)
        call.announced_wait = expected
    world.effects.append(Announce(call.id, position, expected))


def _not_much_more(expected: float, before: float | None) -> float:
    """A caller who was told a time is not told one that is two steps longer."""
    if before is None:
        return expected
    above = [step for step in WAIT_STEPS if step >= before]
    return min(expected, above[1]) if len(above) > 1 else expected


def caller_left(world: World, call: Call, reason: LeaveReason, now: float) -> None:
    if call.state is CallState.TALKING:
        conversation_ended(world, call, now)
    else:
        take_out(world, call, StopCause.CALLER_LEFT, now).count_left(reason)


def conversation_ended(world: World, call: Call, now: float) -> None:
    """The call is over for the queue; the agent's wrap-up begins."""
    del world.calls[call.id]
    queue = world.queues.get(call.queue)
    if queue is not None:
        queue.count_left(_ANSWERED)
    agent = world.agents[call.agent]
    agent.talking.remove(call.id)
    world.reset_idle(agent, now, outside=False)
    seconds = agent.config.wrap_up
    if seconds is None:
        seconds = queue.config.wrap_up if queue is not None else 0.0
    begin_wrap_up(world, agent, seconds, now)
    world.refresh(agent, now)


def begin_wrap_up(world: World, agent: Agent, seconds: float, now: float) -> None:
    """It binds the agent in all queues."""
    if seconds <= 0 or not agent.may_wrap_up():
        return
    agent.wrap_up_since = now
    agent.wrap_up_until = now + seconds
    world.deadlines.add(agent.wrap_up_until, Due.WRAP_UP, agent.id)


def answer_failed(world: World, call: Call, now: float) -> None:
    """The agent's leg broke after it answered: the caller waits again, at his old place."""
    queue = world.queues.get(call.queue)
    agent = world.agents[call.agent]
    call.agent = ""
    call.tried[agent.id] = call.round
    agent.talking.remove(call.id)
    delays = queue.config.retry_after if queue is not None else RetryDelays()
    back_off(world, agent, RingOutcome.FAILED, delays, now)
    world.refresh(agent, now)
    call.become(CallState.WAITING)
    if queue is None:
        del world.calls[call.id]
        world.effects.append(Leave(call.id, call.queue, LeaveReason.SYSTEM))
        return
    queue.add_waiting(call.place)
    queue.add_to_line(call.place)
    world.reopened[call.id] = None
    if queue.empty_since is not None:
        world.schedule_empty(queue)
    if queue.config.announce_every:
        call.announce_at = now + queue.config.announce_every
        world.deadlines.add(call.announce_at, Due.ANNOUNCE, call.id)
    if call.overdue or (call.leave_at is not None and call.leave_at <= now):
        leave(world, call, LeaveReason.TIMED_OUT, now)
    elif call.leave_at is not None:
        world.deadlines.add(call.leave_at, Due.MAX_WAIT, call.id)


def move(world: World, call: Call, queue: Queue, now: float) -> None:
    """To another queue (or anew to this one), with the original join time."""
    old = world.queues.get(call.queue)
    priority = call.place[0] - queue.config.priority
    priority += old.config.priority if old is not None else 0
    if call.state is CallState.TALKING:
        conversation_ended(world, call, now)
    else:
        take_out(world, call, StopCause.WITHDRAWN, now).count_left(LeaveReason.MOVED)
    place = (priority, *call.place[1:])
    moved = Call(call.id, queue.id, place, now, call.number, call.tags, call.preferred_agent)
    enter(world, queue, moved, now)
