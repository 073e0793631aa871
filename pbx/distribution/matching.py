"""The one step that gives agents to calls, over all queues at once.

Before an input no call waits while an agent whom its queue may ring is ready. So after it only
the calls that began to wait and the agents that became ready need looking at. Calls are served
by queue weight, then priority, then the beginning of their wait; a call for which nobody is ready
takes nothing from those behind it, however heavy its queue. Where phones are shared (sharing.py) a
call for which nobody rings goes before those that take in more agents, and what still waits then
takes some of theirs.
"""

from bisect import bisect_right
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState, Place
from pbx.distribution.choices import explain, first_choice, untried_choice, widen
from pbx.distribution.config import Strategy
from pbx.distribution.effects import How
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.offers import leave, not_answered, ring, set_step, start_ringing
from pbx.distribution.queues import Queue
from pbx.distribution.sharing import note_many, share
from pbx.distribution.strategies import Width
from pbx.distribution.world import World


class _Kind(IntEnum):
    STEP = 0  # A ringing call whose next tier is due.
    JOIN = 1  # A ringing call that takes in whoever became ready.
    WAIT = 2  # A waiting call.


_Demand = tuple[int, bool, Place, int, str]
"""Queue weight, negated; is it to be served last?; the call's place; a _Kind; its queue."""
_STEP, _JOIN, _WAIT = int(_Kind.STEP), int(_Kind.JOIN), int(_Kind.WAIT)
_RINGING: Final = CallState.RINGING
_WAITING: Final = CallState.WAITING
_ONE: Final = Width.ONE
_ALL: Final = Width.ALL
_HOW: Final = {Width.ONE: How.FIRST, Width.TIER: How.TIER, Width.ALL: How.EVERYBODY}


def match(world: World, now: float) -> None:
    """Make every match that can be made."""
    while world.fresh or world.reopened or world.stepping:
        if len(world.reopened) == 1 and not (world.fresh or world.stepping or world.has_rounds):
            _serve_one(world, now)
            continue
        if len(world.fresh) == 1 and not (world.reopened or world.stepping):
            agent = world.agents[next(iter(world.fresh))]
            world.fresh.clear()
            if _hand_over(world, agent, now):
                continue
            fresh = [agent.id]
        else:
            fresh = list(world.fresh)
        _enlist(world, fresh)
        reopened = list(world.reopened)
        demands = _demands(world, fresh)
        world.fresh.clear()
        world.reopened.clear()
        world.stepping.clear()
        _meet(world, demands, fresh, now)
        if world.has_rounds:
            _end_finished_rounds(world, reopened, now)
    if world.sharing:
        share(world, now)


def _serve_one(world: World, now: float) -> None:
    """The short way: one call waits anew, and nobody else is touched."""
    call_id = next(iter(world.reopened))
    world.reopened.clear()
    queue = world.queues[world.calls[call_id].queue]
    while queue.waiting and queue.index.ready.count:
        _serve(world, queue, world.calls[queue.waiting[0][3]], now)
    if queue.shares and queue.waiting:
        world.sharing[queue.id] = None


def _enlist(world: World, fresh: list[str]) -> None:
    for agent_id in fresh:
        agent = world.agents[agent_id]
        if agent.available and not agent.listed:
            world.enlist(agent)


def _hand_over(world: World, agent: Agent, now: float) -> bool:
    """The short way: one agent became ready, and the first waiting call takes him at once.

    Nobody else is ready for that call, or it would not be waiting. False: take the long way.
    """
    if not agent.available:
        return True
    queues = world.queues
    best: Queue | None = None
    for queue_id in agent.places:
        queue = queues[queue_id]
        if queue.joinable or (queue.waiting and queue.index.ready.count):
            return False
        if queue.waiting and (best is None or _goes_before(queue, best)):
            best = queue
    if best is None:
        world.enlist(agent)
    else:
        call = world.calls[best.waiting[0][3]]
        _offer(world, best, call, best.positions[agent.id], now)
        # The call may have left instead, its last round being over.
        if agent.available:
            world.fresh[agent.id] = None
    return True


def _goes_before(queue: Queue, other: Queue) -> bool:
    if queue.config.weight != other.config.weight:
        return queue.config.weight > other.config.weight
    return queue.waiting[0] < other.waiting[0]


def _meet(world: World, demands: list[_Demand], fresh: list[str], now: float) -> None:
    """Serve the demands in their order, as far as there are agents for them."""
    while demands:
        _, _, place, kind, queue_id = heappop(demands)
        queue = world.queues[queue_id]
        call = world.calls.get(place[3])
        if call is None:
            continue
        if kind == _WAIT:
            # An older call may have come back since this demand was noted.
            if queue.waiting and queue.waiting[0] == place:
                _serve(world, queue, call, now)
            _push_first(demands, queue)
        elif kind == _JOIN:
            _join(world, queue, call, fresh, now)
            if fresh:
                _push_join(demands, queue, bisect_right(queue.joinable, place))
        else:
            _step(world, queue, call, now)
            _push_first(demands, queue)


def _demands(world: World, fresh: list[str]) -> list[_Demand]:
    queues, calls, agents = world.queues, world.calls, world.agents
    touched = {calls[call_id].queue: False for call_id in world.reopened}
    for agent_id in fresh:
        for queue_id in agents[agent_id].places:
            touched[queue_id] = True
    demands: list[_Demand] = []
    for queue_id, has_fresh in touched.items():
        queue = queues[queue_id]
        _push_first(demands, queue)
        if has_fresh:
            _push_join(demands, queue, 0)
        if queue.shares and queue.waiting:
            world.sharing[queue_id] = None
    for call_id in world.stepping:
        call = calls[call_id]
        weight = -queues[call.queue].config.weight
        heappush(demands, (weight, False, call.place, _STEP, call.queue))
    return demands


def _push_first(demands: list[_Demand], queue: Queue) -> None:
    if queue.waiting and queue.index.ready.count:
        heappush(demands, (-queue.config.weight, False, queue.waiting[0], _WAIT, queue.id))


def _push_join(demands: list[_Demand], queue: Queue, at: int) -> None:
    """One at a time: most often the first takes in everybody."""
    if at < len(queue.joinable):
        weight = -queue.config.weight
        heappush(demands, (weight, queue.shares, queue.joinable[at], _JOIN, queue.id))


def _serve(world: World, queue: Queue, call: Call, now: float) -> None:
    """Begin an offer, unless the last agent went to somebody before this call."""
    if queue.index.ready.count:
        _offer(world, queue, call, first_choice(queue, call, world.agents), now)


def _offer(world: World, queue: Queue, call: Call, position: int, now: float) -> None:
    """Ring the first choice and whoever rings with him."""
    member = queue.members[position]
    width = queue.width
    last = 0
    if call.tried:
        last = call.tried.get(member.agent, 0)
        again = last == call.round
        if again and _was_last_round(queue, call):
            leave(world, call, LeaveReason.TIMED_OUT, now)
            return
        if again or width is _ALL:
            call.round += 1
    start_ringing(world, queue, call, now)
    if width is _ONE or not queue.index.ready.count:
        call.level = (last, member.order)
        why = explain(queue, call, _HOW[width], [position], world.agents, now)
        ring(world, queue, call, world.agents[member.agent], why, now)
    else:
        _ring_with(world, queue, call, position, _HOW[width], now)


def _ring_with(world: World, queue: Queue, call: Call, first: int, how: How, now: float) -> None:
    chosen = widen(queue, call, first)
    why = explain(queue, call, how, chosen, world.agents, now)
    member = queue.members[first]
    call.level = (call.tried.get(member.agent, 0), member.order)
    for position in chosen:
        ring(world, queue, call, world.agents[queue.members[position].agent], why, now)
    note_many(world, queue, call)


def _join(world: World, queue: Queue, call: Call, fresh: list[str], now: float) -> None:
    """Ring those who became ready for a call that is ringing already."""
    if not call.joinable:
        return
    positions = queue.positions
    chosen = sorted(
        positions[agent_id]
        for agent_id in fresh
        if agent_id in positions
        and world.agents[agent_id].available
        and _may_join(queue, call, agent_id)
    )
    if chosen:
        why = explain(queue, call, How.JOINED, chosen, world.agents, now)
        for position in chosen:
            ring(world, queue, call, world.agents[queue.members[position].agent], why, now)
        note_many(world, queue, call)
        fresh[:] = [agent_id for agent_id in fresh if world.agents[agent_id].available]


def _may_join(queue: Queue, call: Call, agent_id: str) -> bool:
    """Not who has just missed it, nor who belongs to a later step."""
    last = call.tried.get(agent_id, 0)
    if last == call.round:
        return False
    if queue.width is _ALL:
        return True
    order = queue.members[queue.positions[agent_id]].order
    return order == call.level[1] or (last, order) < call.level


def _step(world: World, queue: Queue, call: Call, now: float) -> None:
    """The step's time is over: with `keep_ringing` the next ones join in, else nobody rings on."""
    if call.state is not _RINGING:
        return
    call.step_until = None
    if queue.config.keep_ringing:
        set_step(world, queue, call, now)
        if call.step_until is not None:
            position = untried_choice(queue, call, world.agents)
            if position >= 0:
                _ring_with(world, queue, call, position, How.NEXT_STEP, now)
                return
    for agent_id in list(call.legs):
        not_answered(world, call, world.agents[agent_id], now)


def _end_finished_rounds(world: World, reopened: list[str], now: float) -> None:
    """`in_order`: a call that went through all tiers as often as it may leaves."""
    for call_id in reopened:
        call = world.calls.get(call_id)
        if call is None or call.state is not _WAITING:
            continue
        queue = world.queues[call.queue]
        if (
            _was_last_round(queue, call)
            and call.round in call.tried.values()
            and untried_choice(queue, call, world.agents) < 0
        ):
            leave(world, call, LeaveReason.TIMED_OUT, now)


def _was_last_round(queue: Queue, call: Call) -> bool:
    config = queue.config
    return 0 < config.rounds <= call.round and config.strategy is Strategy.IN_ORDER
