"""Whom a waiting call may be offered to right now, and when that changes.

    own agent ─▶ the one who talked with him last ─▶ (manual: held) ─▶ general
    (personal_for)     (sticky_wait)                  (auto_after)     requirement, step by step
                                                                        relaxed; members' delays

In the general stage a call waits in a lane of its queue; kept for one agent it waits in
`World.reserved`; held it waits in neither, but in the queue's line as all of them.
"""

from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState
from pbx.distribution.config import QueueConfig, Strategy
from pbx.distribution.deadlines import Due
from pbx.distribution.lanes import OPEN, Lane, add_place, drop_place, key_of
from pbx.distribution.queues import Queue
from pbx.distribution.requirements import both, meets, understood, without, written
from pbx.distribution.world import World

# When a queue has so many lanes, those that no call is in are given up.
LANES_MANY: Final = 64
_WAITING: Final = CallState.WAITING
_STAGE: Final = int(Due.STAGE)


def wait(world: World, queue: Queue, call: Call, now: float) -> None:
    """The call (which nobody rings for) begins to wait, in the stage that it is in now."""
    advance(world, queue, call, now)
    if call.lane is not None:
        lane = queue.lanes[call.lane]
        queue.add_waiting(lane, call.place)
        if lane.allowed is not None:
            world.watched[call.id] = None
    elif call.reserved:
        add_place(world.reserved.setdefault(call.reserved, []), call.place)
    world.reopened[call.id] = None


def stop_waiting(world: World, queue: Queue, call: Call) -> None:
    """It rings now, or leaves."""
    if call.lane is not None:
        queue.drop_waiting(queue.lanes[call.lane], call.place)
        call.unmatched_since = call.unmatched_at = None
    elif call.reserved:
        places = world.reserved[call.reserved]
        drop_place(places, call.place)
        if not places:
            del world.reserved[call.reserved]
    _ = world.reopened.pop(call.id, None)


def advance(world: World, queue: Queue, call: Call, now: float) -> None:
    """Find out the stage of a call that waits nowhere at the moment, or rings."""
    if _is_plain(queue, call):
        if call.lane != OPEN or OPEN not in queue.lanes:
            call.lane = queue.lane(OPEN, "", None, now).key
        call.stage_at = None
        call.sticky_tried = True
        return
    _reserve(world, queue, call, now)
    call.lane = None
    if not call.reserved and not is_held(queue.config, call, now):
        call.lane = lane_now(world, queue, call, now).key
    _schedule(world, queue, call, now)


def _is_plain(queue: Queue, call: Call) -> bool:
    """In the general stage for good, and everybody may serve it: as most calls are."""
    if not queue.rules.simple or call.requires or call.preferred_agent or call.reserved:
        return False
    return call.sticky_tried or not queue.config.sticky_for


def is_held(config: QueueConfig, call: Call, now: float) -> bool:
    """Offered to nobody: somebody must pick it."""
    if config.strategy is not Strategy.MANUAL:
        return False
    return not config.auto_after or now < call.entered_at + config.auto_after


def lane_now(world: World, queue: Queue, call: Call, now: float) -> Lane:
    """The lane of the general stage, whatever stage the call is in."""
    config, rules = queue.config, queue.rules
    requires = both(config.requires, call.requires)
    drops = [step.drop for step in config.relax if call.entered_at + step.after <= now]
    if requires and drops:
        requires = written(without(understood(requires), drops, world.dimensions))
    delay: float | None = None
    if rules.delays:
        come = [delay for delay in rules.delays if call.entered_at + delay <= now]
        if len(come) < len(rules.delays):
            delay = come[-1] if come else 0.0
    if queue.lanes and len(queue.lanes) % LANES_MANY == 0:
        queue.drop_lanes({world.calls[place[3]].lane for place in queue.line} | {call.lane})
    return queue.lane(key_of(requires, delay), requires, delay, now)


def is_open(queue: Queue, call: Call) -> bool:
    """General stage, and everybody may serve it."""
    return call.lane is not None and queue.lanes[call.lane].allowed is None


def passed(world: World, call: Call, now: float) -> None:
    """A threshold has passed."""
    queue = world.queues[call.queue]
    if call.state is _WAITING:
        stop_waiting(world, queue, call)
        wait(world, queue, call, now)
        return
    before = call.lane
    advance(world, queue, call, now)
    if call.joinable and call.lane != before:
        world.widened[call.id] = None


def release_all(world: World, now: float) -> None:
    """Nobody is kept waiting for those who have gone."""
    for agent_id in world.released:
        for place in list(world.reserved.get(agent_id, ())):
            call = world.calls[place[3]]
            queue = world.queues[call.queue]
            if not _is_kept(world, queue, call, now):
                stop_waiting(world, queue, call)
                wait(world, queue, call, now)
    world.released.clear()


def watch(world: World, call: Call, now: float) -> None:
    """Does the call wait for somebody who is not there, and will nothing change that?"""
    queue = world.queues[call.queue]
    unmatched = False
    if call.state is _WAITING and call.lane is not None and call.stage_at is None:
        lane = queue.lanes[call.lane]
        unmatched = lane.allowed is not None and not lane.signed_in and not queue.is_empty()
    if not unmatched:
        call.unmatched_since = call.unmatched_at = None
        return
    if call.unmatched_since is None:
        call.unmatched_since = now
    after = queue.config.leave_unmatched_after
    call.unmatched_at = None
    if after is not None and not call.callback:
        call.unmatched_at = call.unmatched_since + after
        world.deadlines.add(call.unmatched_at, Due.UNMATCHED, call.id)


def _reserve(world: World, queue: Queue, call: Call, now: float) -> None:
    """Begin, keep or end the stages in which the call is kept for one agent."""
    over = call.reserved
    if over:
        if _is_kept(world, queue, call, now):
            return
        call.reserved = ""
    elif call.preferred_agent:
        own = world.agents.get(call.preferred_agent)
        if own is not None and own.is_present() and queue.config.personal_for > 0:
            call.reserved, call.sticky, call.reserved_since = own.id, False, call.entered_at
            call.preferred_agent = ""
            return
    call.preferred_agent = ""
    if call.sticky_tried:
        return
    call.sticky_tried = True
    agent = _last_agent(world, queue, call)
    if agent is not None and agent.id != over and queue.config.sticky_wait > 0:
        call.reserved, call.sticky, call.reserved_since = agent.id, True, now


def reserved_until(queue: Queue, call: Call) -> float:
    """How long the call is kept for its agent."""
    config = queue.config
    return call.reserved_since + (config.sticky_wait if call.sticky else config.personal_for)


def _last_agent(world: World, queue: Queue, call: Call) -> Agent | None:
    """Who talked with this caller last, if he may serve him again."""
    if not queue.config.sticky_for or not call.number:
        return None
    agent_id, call.talked_at = world.talked.get(call.number, ("", 0.0))
    agent = world.agents.get(agent_id)
    return agent if agent is not None and _may_stick(queue, call, agent) else None


def _may_stick(queue: Queue, call: Call, agent: Agent) -> bool:
    config = queue.config
    if not config.sticky_for or call.talked_at + config.sticky_for <= call.entered_at:
        return False
    if agent.id not in queue.positions or agent.removed:
        return False
    requirement = understood(both(config.requires, call.requires))
    if not meets(dict(agent.config.tags), requirement):
        return False
    return config.sticky_ignore_status or agent.is_present()


def _is_kept(world: World, queue: Queue, call: Call, now: float) -> bool:
    """Is the agent it is kept for still worth waiting for?"""
    agent = world.agents.get(call.reserved)
    if agent is None or agent.removed or agent.id in call.tried:
        return False
    if now >= reserved_until(queue, call):
        return False
    return _may_stick(queue, call, agent) if call.sticky else agent.is_present()


def _schedule(world: World, queue: Queue, call: Call, now: float) -> None:
    coming = [at for after in queue.rules.thresholds if (at := call.entered_at + after) > now]
    if call.reserved:
        coming.append(reserved_until(queue, call))
    call.stage_at = min(coming, default=None)
    if call.stage_at is not None:
        world.deadlines.add(call.stage_at, _STAGE, call.id)
