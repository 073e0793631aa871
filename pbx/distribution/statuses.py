"""What agents do and what happens to them outside their queue calls: signing in, breaks, phones.

None of it interrupts a conversation: it shows when that ends. All of it ends an offer at once.
"""

from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.config import BreakReason, Window
from pbx.distribution.counting import Counting
from pbx.distribution.deadlines import Due
from pbx.distribution.effects import BreakOverdue, Refusal, StatusRefused
from pbx.distribution.inputs import AgentStatus
from pbx.distribution.offers import withdraw
from pbx.distribution.world import World

ANY_BREAK: Final = "break"
"""The reason when none is given."""
_UNKNOWN: Final = BreakReason("")


def sign_in(world: World, agent: Agent, now: float) -> None:
    if agent.signed_in:
        return
    seats = world.config.seats
    if seats and sum(other.signed_in for other in world.agents.values()) >= seats:
        world.effects.append(StatusRefused(agent.id, Refusal.NO_SEAT))
        return
    agent.signed_in = True
    agent.status = AgentStatus.ACTIVE
    agent.status_reason = ""
    agent.misses = 0
    agent.restart_idle(now)
    agent.work.begin(Window.SHIFT)
    for queue_id, position in agent.places.items():
        index = world.queues[queue_id].index
        index.signed_in(position)
        if isinstance(index, Counting):
            index.welcome(agent, now)
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
    rule = _rule_of(world, reason) if status is AgentStatus.BREAK else None
    if rule is not None:
        refused = _refused(world, agent, rule)
        if refused is not None:
            world.effects.append(StatusRefused(agent.id, refused))
            return
    agent.break_until = None
    if status is not agent.status:
        # Coming back from a break starts the idle clock anew.
        agent.restart_idle(now)
    agent.status = status
    agent.status_reason = reason if status is AgentStatus.BREAK else ""
    if status is AgentStatus.BREAK:
        stop_ringing(world, agent, now, blame=True)
        agent.rest()
        if rule is not None and rule.longest:
            agent.break_since = now
            agent.break_until = now + rule.longest
            world.deadlines.add(agent.break_until, Due.BREAK, agent.id)
    else:
        agent.misses = 0
    world.refresh(agent, now)


def _rule_of(world: World, reason: str) -> BreakReason | None:
    """None: no reasons are configured, or none is given, as by a code on a phone."""
    reasons = world.config.break_reasons
    if not reasons or reason in ("", ANY_BREAK):
        return None
    return next((rule for rule in reasons if rule.name == reason), _UNKNOWN)


def _refused(world: World, agent: Agent, rule: BreakReason) -> Refusal | None:
    if rule is _UNKNOWN:
        return Refusal.UNKNOWN_REASON
    at_work = sum(
        other.signed_in and other.status is AgentStatus.ACTIVE
        for other in world.agents.values()
        if other is not agent
    )
    return Refusal.TOO_FEW_AT_WORK if at_work < rule.keep_at_work else None


def break_too_long(world: World, agent: Agent) -> None:
    """Somebody should have a look; the agent is not forced back."""
    agent.break_until = None
    world.effects.append(BreakOverdue(agent.id, agent.status_reason, agent.break_since))


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
    most = agent.config.wrap_up_extensions
    if until is None or 0 < most <= agent.wrap_ups_extended:
        world.ignored += 1
        return
    agent.wrap_ups_extended += 1
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
