"""A new configuration in the middle of everything: no call is lost, no phone left ringing."""

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState
from pbx.distribution.config import DistributionConfig, QueueConfig, check
from pbx.distribution.deadlines import Due
from pbx.distribution.effects import AgentState, StopCause
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.offers import leave, set_joinable, stop_all, withdraw
from pbx.distribution.queues import Queue
from pbx.distribution.sharing import note_many
from pbx.distribution.strategies import INDEXES
from pbx.distribution.waiting import schedule_max_wait
from pbx.distribution.world import World


def reconfigure(world: World, config: DistributionConfig, now: float) -> None:
    """Raises ConfigError, having changed nothing, if the configuration contradicts itself."""
    check(config, INDEXES)
    world.config = config
    world.has_rounds = any(queue.rounds for queue in config.queues)
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
    for queue in world.queues.values():
        for place in queue.line:
            _update_call(world, queue, world.calls[place[3]], now)


def _delete(world: World, queue: Queue, now: float) -> None:
    for place in list(queue.line):
        call = world.calls[place[3]]
        stop_all(world, call, StopCause.WITHDRAWN, now)
        leave(world, call, LeaveReason.SYSTEM, now)
    for agent in world.agents.values():
        _ = agent.places.pop(queue.id, None)
    del world.queues[queue.id]


def _withdraw_strangers(world: World, queue: Queue, config: QueueConfig, now: float) -> None:
    """Whoever is no member any more stops ringing."""
    gone = queue.positions.keys() - {member.agent for member in config.members}
    if not gone:
        return
    for place in list(queue.line):
        call = world.calls[place[3]]
        for agent_id in [agent for agent in call.legs if agent in gone]:
            withdraw(world, call, world.agents[agent_id], now, blame=False)


def _update_agents(world: World, config: DistributionConfig, now: float) -> None:
    kept = {agent.id for agent in config.agents}
    for agent in list(world.agents.values()):
        if agent.id not in kept:
            agent.removed = True
            agent.signed_in = False
            agent.rest()
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
        queue = world.queues[config.id] = Queue.of(config)
        queue.empty_since = now
        # A queue of this name existed before: its conversations are still going on.
        queue.joined = sum(call.queue == config.id for call in world.calls.values())
    queue.reconfigure(config, world.agents)


def _rebuild_places(world: World, now: float) -> None:
    """Tell the new indexes who is ready; all of these are looked at again."""
    for agent in world.agents.values():
        agent.places = {}
        agent.available = agent.listed = False
    for queue in world.queues.values():
        for position, member in enumerate(queue.members):
            world.agents[member.agent].places[queue.id] = position
        for place in queue.waiting:
            world.reopened[place[3]] = None
    for agent in world.agents.values():
        world.refresh(agent, now)
    for queue in world.queues.values():
        world.watch_empty(queue, now)


def _update_call(world: World, queue: Queue, call: Call, now: float) -> None:
    schedule_max_wait(world, queue, call)
    call.shared = 0
    if call.state is CallState.RINGING:
        set_joinable(queue, call)
        note_many(world, queue, call)
    every = queue.config.announce_every
    if not every:
        call.announce_at = None
    elif call.announce_at is None:
        call.announce_at = now + every
        world.deadlines.add(call.announce_at, Due.ANNOUNCE, call.id)
