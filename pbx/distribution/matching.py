"""The one step that gives agents to calls, over all queues at once.

Before an input no call waits while an agent whom its queue may ring is ready. So after it only
the calls that began to wait and the agents that became ready need looking at. Calls are served
by queue weight, then priority, then the beginning of their wait; a call for which nobody is ready
takes nothing from those behind it, however heavy its queue.
"""

from enum import IntEnum
from heapq import heappop, heappush
from typing import Final

from pbx.distribution.calls import Call, CallState, Place
from pbx.distribution.choices import explain, first_choice, untried_choice, widen
from pbx.distribution.config import Strategy
from pbx.distribution.effects import How
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.offers import leave, not_answered, ring, set_step, start_ringing
from pbx.distribution.queues import Queue
from pbx.distribution.strategies import Width
from pbx.distribution.world import World


class _Kind(IntEnum):
    STEP = 0  # A ringing call whose next tier is due.
    JOIN = 1  # A ringing call that takes in whoever became ready.
    WAIT = 2  # A waiting call.


_Demand = tuple[int, Place, int, str]
"""Queue weight, negated; the call's place; what it wants (a _Kind); its queue."""
_STEP, _JOIN, _WAIT = int(_Kind.STEP), int(_Kind.JOIN), int(_Kind.WAIT)
_RINGING: Final = CallState.RINGING
_WAITING: Final = CallState.WAITING
_ONE: Final = Width.ONE
_ALL: Final = Width.ALL
_FIRST: Final = How.FIRST


def match(world: World, now: float) -> None:
    """Make every match that can be made."""
    while world.fresh or world.reopened or world.stepping:
        if world.reopened:
            _end_finished_rounds(world, now)
        fresh = list(world.fresh)
        if len(fresh) + len(world.reopened) == 1 and not world.stepping:
            queue = _only_queue(world, fresh)
            if queue is not None:
                _forget_touched(world)
                while queue.waiting and queue.index.ready.count:
                    _serve(world, queue, world.calls[queue.waiting[0].call], now)
                continue
        demands = _demands(world, fresh)
        _forget_touched(world)
        _meet(world, demands, fresh, now)


def _forget_touched(world: World) -> None:
    world.fresh.clear()
    world.reopened.clear()
    world.stepping.clear()


def _only_queue(world: World, fresh: list[str]) -> Queue | None:
    """The short way, if one call or one agent was touched: the queue whose first call is served.

    None if several calls compete for the agent in different ways.
    """
    queues = world.queues
    if not fresh:
        return queues[world.calls[next(iter(world.reopened))].queue]
    best: Queue | None = None
    for queue_id in world.agents[fresh[0]].places:
        queue = queues[queue_id]
        if queue.joinable:
            return None
        if best is None or (
            queue.waiting
            and (
                not best.waiting
                or (-queue.config.weight, queue.waiting[0]) < (-best.config.weight, best.waiting[0])
            )
        ):
            best = queue
    return best


def _meet(world: World, demands: list[_Demand], fresh: list[str], now: float) -> None:
    """Serve the demands in their order, as far as there are agents for them."""
    while demands:
        _, place, kind, queue_id = heappop(demands)
        queue = world.queues[queue_id]
        call = world.calls.get(place.call)
        if call is None:
            continue
        if kind == _WAIT:
            # An older call may have come back since this demand was noted.
            if queue.waiting and queue.waiting[0] == place:
                _serve(world, queue, call, now)
            _push_first(demands, queue)
        elif kind == _JOIN:
            _join(world, queue, call, fresh, now)
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
            weight = -queue.config.weight
            for call_id in queue.joinable:
                heappush(demands, (weight, calls[call_id].place, _JOIN, queue_id))
    for call_id in world.stepping:
        call = calls[call_id]
        weight = -queues[call.queue].config.weight
        heappush(demands, (weight, call.place, _STEP, call.queue))
    return demands


def _push_first(demands: list[_Demand], queue: Queue) -> None:
    if queue.waiting and queue.index.ready.count:
        heappush(demands, (-queue.config.weight, queue.waiting[0], _WAIT, queue.id))


def _serve(world: World, queue: Queue, call: Call, now: float) -> None:
    """Begin an offer, unless the last agent went to somebody before this call."""
    if not queue.index.ready.count:
        return
    position = first_choice(queue, call)
    width = queue.width
    if call.tried:
        again = call.tried.get(queue.members[position].agent) == call.round
        if again and _was_last_round(queue, call):
            leave(world, call, LeaveReason.TIMED_OUT, now)
            return
        if again or width is _ALL:
            call.round += 1
    start_ringing(world, queue, call, now)
    if width is _ONE:
        member = queue.members[position]
        call.level = (call.tried.get(member.agent, 0), member.order)
        why = explain(queue, call, _FIRST, [position], world.agents, now)
        ring(world, queue, call, world.agents[member.agent], why, now)
    else:
        how = How.EVERYBODY if width is _ALL else How.TIER
        _ring_with(world, queue, call, position, how, now)


def _ring_with(world: World, queue: Queue, call: Call, first: int, how: How, now: float) -> None:
    chosen = widen(queue, call, first)
    why = explain(queue, call, how, chosen, world.agents, now)
    member = queue.members[first]
    call.level = (call.tried.get(member.agent, 0), member.order)
    for position in chosen:
        ring(world, queue, call, world.agents[queue.members[position].agent], why, now)


def _join(world: World, queue: Queue, call: Call, fresh: list[str], now: float) -> None:
    """Ring those who became ready for a call that is ringing already."""
    if call.state is not _RINGING or call.id not in queue.joinable:
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
            position = untried_choice(queue, call)
            if position >= 0:
                _ring_with(world, queue, call, position, How.NEXT_STEP, now)
                return
    for agent_id in list(call.legs):
        not_answered(world, call, world.agents[agent_id], now)


def _end_finished_rounds(world: World, now: float) -> None:
    """`in_order`: a call that went through all tiers as often as it may leaves."""
    for call_id in list(world.reopened):
        call = world.calls[call_id]
        queue = world.queues[call.queue]
        if (
            call.state is _WAITING
            and _was_last_round(queue, call)
            and call.round in call.tried.values()
            and untried_choice(queue, call) < 0
        ):
            leave(world, call, LeaveReason.TIMED_OUT, now)


def _was_last_round(queue: Queue, call: Call) -> bool:
    config = queue.config
    return 0 < config.rounds <= call.round and config.strategy is Strategy.IN_ORDER
