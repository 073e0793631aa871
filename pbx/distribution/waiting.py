"""A call's stay in a queue: joining, being told its place, and leaving without an agent."""

from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState, Place
from pbx.distribution.config import RetryDelays
from pbx.distribution.deadlines import Due
from pbx.distribution.effects import Announce, Leave, StopCause
from pbx.distribution.estimates import not_much_more
from pbx.distribution.inputs import CallJoined, LeaveReason, RingOutcome
from pbx.distribution.lanes import add_place, drop_place
from pbx.distribution.offers import back_off, leave, set_joinable, take_out
from pbx.distribution.queues import LINE_MAX, Queue
from pbx.distribution.stages import is_open, wait
from pbx.distribution.world import World

ANONYMOUS: Final = "anonymous"
"""What the black list calls a caller without a number."""

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
    if not event.callback and is_barred(world, event.number):
        _refuse(world, queue, event.call, LeaveReason.BLACKLISTED)
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
        event.requires,
        event.priority,
        event.preferred_agent,
        event.callback,
    )
    enter(world, queue, call, now)


def is_barred(world: World, number: str) -> bool:
    """Is the number on the black list?"""
    if not (world.barred or world.barred_prefixes):
        return False
    return (number or ANONYMOUS) in world.barred or number.startswith(world.barred_prefixes)


def _refuse(world: World, queue: Queue, call_id: str, reason: LeaveReason) -> None:
    queue.joined += 1
    queue.count_left(reason)
    world.effects.append(Leave(call_id, queue.id, reason))


def enter(world: World, queue: Queue, call: Call, now: float) -> None:
    """Take the call in, or turn it away at once."""
    config = queue.config
    if not call.callback:
        if len(queue.line) >= (config.max_length or LINE_MAX):
            _refuse(world, queue, call.id, LeaveReason.QUEUE_FULL)
            return
        if not config.join_empty and queue.is_empty():
            _refuse(world, queue, call.id, LeaveReason.NOBODY_SIGNED_IN)
            return
    queue.joined += 1
    world.calls[call.id] = call
    if config.rise_every:
        count_rise(world, queue, call, now)
    add_place(queue.line, call.place)
    wait(world, queue, call, now)
    if config.max_wait:
        schedule_max_wait(world, queue, call)
    if queue.empty_since is not None and queue.empty_at is None:
        world.schedule_empty(queue)
    if config.announce_every and not call.callback:
        # The first one as soon as it is clear that nobody rings for him.
        call.announce_at = now
        world.deadlines.add(now, Due.ANNOUNCE, call.id)


def begin_rise(world: World, queue: Queue, call: Call, now: float) -> None:
    """As `count_rise`, from the beginning: the queue's rules may have changed."""
    if call.risen:
        priority, joined_at, serial, call_id = call.place
        call.place = (priority + call.risen, joined_at, serial, call_id)
        call.risen = 0
    count_rise(world, queue, call, now)


def count_rise(world: World, queue: Queue, call: Call, now: float) -> None:
    """By how much the priority has risen by now, in `call.place`; the lists are not touched."""
    every, most = queue.config.rise_every, queue.config.rise_max
    priority, joined_at, serial, call_id = call.place
    before = call.risen
    while every and call.risen < most and joined_at + (call.risen + 1) * every <= now:
        call.risen += 1
    if call.risen != before:
        call.place = (priority - call.risen + before, joined_at, serial, call_id)
    call.rise_at = None
    if every and call.risen < most:
        call.rise_at = joined_at + (call.risen + 1) * every
        world.deadlines.add(call.rise_at, Due.RISE, call.id)


def rise(world: World, call: Call, now: float) -> None:
    """The priority of a call that waits or rings rises: it moves up in all lists."""
    queue = world.queues[call.queue]
    old = call.place
    count_rise(world, queue, call, now)
    if call.place == old:
        return
    drop_place(queue.line, old)
    add_place(queue.line, call.place)
    if call.joinable:
        drop_place(queue.joinable, old)
        add_place(queue.joinable, call.place)
    if call.state is not _WAITING:
        return
    if call.lane is not None:
        lane = queue.lanes[call.lane]
        queue.drop_waiting(lane, old)
        queue.add_waiting(lane, call.place)
    elif call.reserved:
        places = world.reserved[call.reserved]
        drop_place(places, old)
        add_place(places, call.place)


def schedule_max_wait(world: World, queue: Queue, call: Call) -> None:
    call.leave_at = None
    if queue.config.max_wait and not (call.overdue or call.callback):
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
        if not call.callback and max(call.entered_at, queue.empty_since) + after <= now:
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
    told = int((now - call.entered_at) / every)
    while call.entered_at + every * told <= now:  # The quotient may have been rounded.
        told += 1
    call.announce_at = call.entered_at + every * told
    world.deadlines.add(call.announce_at, Due.ANNOUNCE, call.id)
    if first and call.state is CallState.RINGING:
        return
    position = queue.position_of(call)
    expected = None
    if queue.config.announce_wait and is_open(queue, call):
        expected = queue.estimates.expected(position, queue.states, now)
    if expected is not None:
        expected = not_much_more(expected, call.announced_wait)
        call.announced_at, call.announced_wait = now, expected
    world.effects.append(Announce(call.id, position, expected))


def not_matched(world: World, call: Call, now: float) -> None:
    """Nobody who could serve the call has been signed in for long enough."""
    call.unmatched_at = None
    leave(world, call, LeaveReason.NO_MATCH, now)


def caller_left(world: World, call: Call, reason: LeaveReason, now: float) -> None:
    if call.state is CallState.TALKING:
        conversation_ended(world, call, now)
    else:
        take_out(world, call, StopCause.CALLER_LEFT, now).count_left(reason)


def conversation_ended(world: World, call: Call, now: float) -> None:
    """The call is over for the queue; the agent's wrap-up begins."""
    del world.calls[call.id]
    queue = world.queues.get(call.queue)
    agent = world.agents[call.agent]
    agent.talking.remove(call.id)
    answered_at = call.answered_at
    agent.work.talked(now, round(now * 1000) - round(answered_at * 1000), world.keep)
    if call.number:
        world.remember(call.number, agent.id, now)
    agent.idle_since = agent.free_since = now
    if agent.listed:
        world.rekey(agent, now)
    seconds = agent.config.wrap_up
    if queue is not None:
        if seconds is None:
            seconds = queue.config.wrap_up
        elif queue.config.wrap_up_max is not None:
            seconds = min(seconds, queue.config.wrap_up_max)
        if seconds and not begin_wrap_up(world, agent, seconds, now):
            seconds = 0.0
        queue.count_left(_ANSWERED)
        queue.estimates.handled.append((now, now - answered_at, seconds))
    elif seconds:
        _ = begin_wrap_up(world, agent, seconds, now)
    world.refresh(agent, now)


def begin_wrap_up(world: World, agent: Agent, seconds: float, now: float) -> bool:
    """It binds the agent in all queues. False: he needs none."""
    if not agent.may_wrap_up():
        return False
    agent.wrap_up_since = now
    agent.wrap_ups_extended = 0
    agent.wrap_up_until = now + seconds
    world.deadlines.add(agent.wrap_up_until, Due.WRAP_UP, agent.id)
    return True


def answer_failed(world: World, call: Call, now: float) -> None:
    """The agent's leg broke after it answered: the caller waits again, at his old place."""
    queue = world.queues.get(call.queue)
    agent = world.agents[call.agent]
    call.agent = ""
    call.tried[agent.id] = call.round
    agent.talking.remove(call.id)
    agent.work.undo(call.answered_at, call.counted)
    world.rekey(agent, now)
    delays = queue.config.retry_after if queue is not None else RetryDelays()
    back_off(world, agent, RingOutcome.FAILED, delays, now)
    world.refresh(agent, now)
    call.become(CallState.WAITING)
    if queue is None:
        del world.calls[call.id]
        world.effects.append(Leave(call.id, call.queue, LeaveReason.SYSTEM))
        return
    begin_rise(world, queue, call, now)
    add_place(queue.line, call.place)
    wait(world, queue, call, now)
    if queue.empty_since is not None:
        world.schedule_empty(queue)
    if queue.config.announce_every and not call.callback:
        call.announce_at = now + queue.config.announce_every
        world.deadlines.add(call.announce_at, Due.ANNOUNCE, call.id)
    if call.overdue or (call.leave_at is not None and call.leave_at <= now):
        leave(world, call, LeaveReason.TIMED_OUT, now)
    elif call.leave_at is not None:
        world.deadlines.add(call.leave_at, Due.MAX_WAIT, call.id)


def move(world: World, call: Call, queue: Queue, now: float) -> None:
    """To another queue (or anew to this one), with the original join time."""
    if call.state is CallState.TALKING:
        conversation_ended(world, call, now)
    else:
        take_out(world, call, StopCause.WITHDRAWN, now).count_left(LeaveReason.MOVED)
    priority = -(call.priority + queue.config.priority)
    _enter_again(world, call, (priority, *call.place[1:]), queue, now, callback=call.callback)


def book_callback(world: World, call: Call, callback: str, now: float) -> None:
    """The caller hangs up; a placeholder waits on at exactly his place."""
    if call.state is CallState.TALKING or callback in world.calls:
        world.ignored += 1
        return
    queue = take_out(world, call, StopCause.CALLER_LEFT, now)
    queue.count_left(LeaveReason.CALLBACK)
    priority, joined_at, serial, _ = call.place
    place = (priority + call.risen, joined_at, serial, callback)
    _enter_again(world, call, place, queue, now, callback=True)


def _enter_again(
    world: World, call: Call, place: Place, queue: Queue, now: float, *, callback: bool
) -> None:
    """As a new stay."""
    again = Call(
        place[3],
        queue.id,
        place,
        now,
        call.number,
        call.requires,
        call.priority,
        callback=callback,
    )
    enter(world, queue, again, now)
