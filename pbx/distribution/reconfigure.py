"""A new configuration in the middle of everything: no call is lost, no phone left ringing."""

from collections.abc import Collection

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState
from pbx.distribution.config import DistributionConfig, QueueConfig, Window, check
from pbx.distribution.counting import Counting
from pbx.distribution.deadlines import Due
from pbx.distribution.edits import Edits
from pbx.distribution.effects import AgentState, StopCause
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.offers import leave, set_joinable, stop_all, withdraw
from pbx.distribution.queues import Queue
from pbx.distribution.sharing import note_many
from pbx.distribution.stages import advance, wait
from pbx.distribution.waiting import begin_rise, schedule_max_wait
from pbx.distribution.work import RECENT_SECONDS
from pbx.distribution.world import World


def reconfigure(world: World, config: DistributionConfig, now: float) -> None:
    """Raises ConfigError, having changed nothing, if the configuration contradicts itself."""
    edits = world.edits.copy()
    edits.forget_strangers(config)
    effective = edits.on(config)
    check(config)
    check(effective)
    world.config, world.edits = config, edits
    _apply(world, effective, now)
    for queue in world.queues.values():
        _recalculate_from_now(world, queue, now)


def edit(world: World, edits: Edits, touched: Collection[str], now: float) -> None:
    """A supervisor changed something about these queues.

    Raises ConfigError, having changed nothing.
    """
    effective = edits.on(world.config)
    check(effective)
    world.edits = edits
    _apply(world, effective, now)
    for queue_id in touched:
        _recalculate_from_now(world, world.queues[queue_id], now)


def recalculate(world: World, queue: Queue, now: float) -> None:
    """The ranking of the queue is made anew, and stands still until the next time."""
    assert queue.recalculate_at is not None
    if isinstance(queue.index, Counting):
        queue.index.recalculate(now)
    while queue.recalculate_at <= now:
        queue.recalculate_at += queue.config.recalculate
    world.deadlines.add(queue.recalculate_at, Due.RECALCULATE, queue.id)


def _recalculate_from_now(world: World, queue: Queue, now: float) -> None:
    queue.recalculate_at = None
    if isinstance(queue.index, Counting) and _stands_still(queue):
        queue.index.recalculate(now)
        queue.recalculate_at = now + queue.config.recalculate
        world.deadlines.add(queue.recalculate_at, Due.RECALCULATE, queue.id)


def _stands_still(queue: Queue) -> bool:
    """Does its ranking, between two recalculations?"""
    return queue.config.recalculate > 0 and isinstance(queue.index, Counting)


def _apply(world: World, config: DistributionConfig, now: float) -> None:
    _compile(world, config)
    new_queues = {queue.id: queue for queue in config.queues}
    for queue in list(world.queues.values()):
        if queue.id not in new_queues:
            _delete(world, queue, now)
        else:
            _withdraw_strangers(world, queue, new_queues[queue.id], now)
    _update_agents(world, config, now)
    for queue_config in config.queues:
        _update_queue(world, queue_config, now)
    _rebuild_places(world, now)
    world.reserved.clear()
    for queue in world.queues.values():
        _update_line(world, queue, now)
    end = world.edits.next_end()
    if end is not None:
        world.deadlines.add(end, Due.EDIT, "")


def _compile(world: World, config: DistributionConfig) -> None:
    """What follows from the configuration as a whole."""
    world.has_rounds = any(queue.rounds for queue in config.queues)
    rolling = [q.window_seconds for q in config.queues if q.window is Window.ROLLING]
    world.keep = max(RECENT_SECONDS, *rolling) + 1.0 if rolling else 0.0
    world.dimensions = {tag.name: tag.dimension for tag in config.tags}
    world.barred = frozenset(entry for entry in config.blacklist if not entry.endswith("*"))
    world.barred_prefixes = tuple(entry[:-1] for entry in config.blacklist if entry.endswith("*"))


def _delete(world: World, queue: Queue, now: float) -> None:
    for place in list(queue.line):
        call = world.calls[place[3]]
        stop_all(world, call, StopCause.WITHDRAWN, now)
        leave(world, call, LeaveReason.SYSTEM, now)
    for agent in world.agents.values():
        _ = agent.places.pop(queue.id, None)
        _ = agent.last_answered.pop(queue.id, None)
        _ = agent.credits.pop(queue.id, None)
    del world.queues[queue.id]


def _withdraw_strangers(world: World, queue: Queue, config: QueueConfig, now: float) -> None:
    """Whoever is no member any more stops ringing."""
    gone = queue.positions.keys() - {member.agent for member in config.members}
    if not gone:
        return
    for place in list(queue.line):
        call = world.calls[place[3]]
        strangers = [agent for agent, leg in call.legs.items() if agent in gone and not leg.own]
        for agent_id in strangers:
            withdraw(world, call, world.agents[agent_id], now, blame=False)


def _update_agents(world: World, config: DistributionConfig, now: float) -> None:
    kept = {agent.id for agent in config.agents}
    for agent in list(world.agents.values()):
        if agent.id not in kept:
            agent.removed = True
            agent.signed_in = False
            agent.rest()
            if agent.ringing:  # For a call that is his own; he is no member of its queue.
                call = world.calls[agent.ringing]
                withdraw(world, call, agent, now, blame=False)
            world.refresh(agent, now)
            if agent.state is not AgentState.TALKING:
                world.changed[agent.id] = None  # Reported, and then forgotten.
    for agent_config in config.agents:
        known = world.agents.get(agent_config.id)
        if known is None:
            world.agents[agent_config.id] = Agent(agent_config.id, agent_config, since=now)
            world.changed[agent_config.id] = None
        else:
            known.config = agent_config
            known.removed = False


def _update_queue(world: World, config: QueueConfig, now: float) -> None:
    queue = world.queues.get(config.id)
    if queue is None:
        queue = world.queues[config.id] = Queue.of(config, world.agents, world.random)
        queue.empty_since = now
        # A queue of this name existed before: its conversations are still going on.
        queue.joined = sum(call.queue == config.id for call in world.calls.values())
    else:
        queue.reconfigure(config, world.agents, world.random, now)


def _rebuild_places(world: World, now: float) -> None:
    """Tell the new indexes who is ready; all of these are looked at again."""
    for agent in world.agents.values():
        agent.places = {}
        agent.available = agent.listed = False
    for queue in world.queues.values():
        for position, member in enumerate(queue.members):
            world.agents[member.agent].places[queue.id] = position
    for agent in world.agents.values():
        world.refresh(agent, now)
    for queue in world.queues.values():
        world.watch_empty(queue, now)


def _update_line(world: World, queue: Queue, now: float) -> None:
    """All calls that are not answered come into the new lanes."""
    calls = [world.calls[place[3]] for place in queue.line]
    queue.joinable = []
    for call in calls:
        call.joinable = False
        _update_call(world, queue, call, now)
    queue.line = sorted(call.place for call in calls)


def _update_call(world: World, queue: Queue, call: Call, now: float) -> None:
    schedule_max_wait(world, queue, call)
    begin_rise(world, queue, call, now)
    call.shared = 0
    if call.state is CallState.RINGING:
        advance(world, queue, call, now)
        set_joinable(queue, call)
        note_many(world, queue, call)
        if call.joinable:
            world.widened[call.id] = None
    else:
        wait(world, queue, call, now)
    world.watched[call.id] = None
    every = queue.config.announce_every if not call.callback else 0.0
    if not every:
        call.announce_at = None
    elif call.announce_at is None:
        call.announce_at = now + every
        world.deadlines.add(call.announce_at, Due.ANNOUNCE, call.id)
