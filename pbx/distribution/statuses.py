"""What agents do and what happens to them outside their queue calls: signing in, breaks, phones.

None of it interrupts a conversation: it shows when that ends. All of it ends an offer at once.
"""

from pbx.distribution.agents import Agent
from pbx.distribution.deadlines import Due
from pbx.distribution.inputs import AgentStatus
from pbx.distribution.offers import withdraw
from pbx.distribution.world import World


def sign_in(world: World, agent: Agent, now: float) -> None:
    if agent.signed_in:
        return
    agent.signed_in = True
    agent.status = AgentStatus.ACTIVE
    agent.status_reason = ""
    agent.misses = 0
    agent.restart_idle(now)
    world.refresh(agent, now)


def sign_out(world: World, agent: Agent, now: float) -> None:
    agent.signed_in = False
    stop_ringing(world, agent, now, blame=True)
    agent.rest()
    agent.misses = 0
    world.refresh(agent, now)


def set_status(world: World, agent: Agent, status: AgentStatus, reason: str, now: float) -> None:
    if not agent.signed_in:
        world.ignored += 1
        return
    if status is not agent.status:
        # Coming back from a break starts the idle clock anew.
        agent.restart_idle(now)
    agent.status = status
    agent.status_reason = reason if status is AgentStatus.BREAK else ""
    if status is AgentStatus.BREAK:
        stop_ringing(world, agent, now, blame=True)
        agent.rest()
    else:
        agent.misses = 0
    world.refresh(agent, now)


def set_reachable(world: World, agent: Agent, reachable: bool, now: float) -> None:
    agent.reachable = reachable
    if not reachable:
        stop_ringing(world, agent, now, blame=False)
    world.refresh(agent, now)


def occupy(world: World, agent: Agent, now: float) -> None:
    agent.occupied += 1
    world.reset_idle(agent, now, outside=True)
    if not agent.config.ring_in_use:
        stop_ringing(world, agent, now, blame=False)
    world.refresh(agent, now)


def vacate(world: World, agent: Agent, now: float) -> None:
    if not agent.occupied:
        world.ignored += 1
        return
    agent.occupied -= 1
    world.reset_idle(agent, now, outside=True)
    world.refresh(agent, now)


def end_wrap_up(world: World, agent: Agent, now: float) -> None:
    if agent.wrap_up_until is None:
        world.ignored += 1
        return
    agent.wrap_up_until = None
    agent.restart_idle(now)
    world.refresh(agent, now)


def extend_wrap_up(world: World, agent: Agent, seconds: float) -> None:
    """As far as `wrap_up_max` allows, counted from its start; never shorter than it is."""
    until = agent.wrap_up_until
    if until is None:
        world.ignored += 1
        return
    limit = max(until, agent.wrap_up_since + agent.config.wrap_up_max)
    agent.wrap_up_until = min(until + max(seconds, 0.0), limit)
    world.deadlines.add(agent.wrap_up_until, Due.WRAP_UP, agent.id)


def end_delay(world: World, agent: Agent, now: float) -> None:
    agent.delay_until = None
    agent.delay_reason = ""
    world.refresh(agent, now)


def stop_ringing(world: World, agent: Agent, now: float, *, blame: bool) -> None:
    if agent.ringing:
        withdraw(world, world.calls[agent.ringing], agent, now, blame=blame)
