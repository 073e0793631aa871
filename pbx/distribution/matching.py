"""The one step that gives agents to calls, over all queues at once.

Before an input no call waits while an agent who may serve it is ready. So after it only the calls
that began to wait and the agents that became ready need looking at. Calls are served by queue
weight, then priority, then the beginning of their wait; a call for which nobody is ready takes
nothing from those behind it, however heavy its queue. Where phones are shared (sharing.py) a call
for which nobody rings goes before those that take in more agents, and what still waits then takes
some of theirs.
"""

from bisect import bisect_right
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState, Place
from pbx.distribution.choices import explain, first_choice, operator_of, untried_choice, widen
from pbx.distribution.effects import Explanation, How
from pbx.distribution.indexes import Width
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.lanes import Lane
from pbx.distribution.offers import leave, not_answered, ring, set_step, start_ringing
from pbx.distribution.queues import Queue
from pbx.distribution.sharing import note_many, share
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
    while world.fresh or world.reopened or world.stepping or world.widened:
        others = world.stepping or world.widened
        if len(world.reopened) == 1 and not (world.fresh or others):
            _serve_one(world, now)
            continue
        if len(world.fresh) == 1 and not (world.reopened or others):
            agent = world.agents[next(iter(world.fresh))]
            world.fresh.clear()
            if _hand_over(world, agent, now):
                continue
            fresh = [agent.id]
        else:
            fresh = list(world.fresh)
        _meet_all(world, fresh, now)
    if world.sharing:
        share(world, now)


def _meet_all(world: World, fresh: list[str], now: float) -> None:
    """The long way."""
    for agent_id in fresh:
        agent = world.agents[agent_id]
        if agent.available and not agent.listed:
            world.enlist(agent, now)
    reopened, widened = list(world.reopened), set(world.widened)
    demands = _demands(world, fresh, now)
    world.fresh.clear()
    world.reopened.clear()
    world.stepping.clear()
    world.widened.clear()
    _meet(world, demands, fresh, widened, now)
    if world.has_rounds:
        _end_finished_rounds(world, reopened, now)


def _serve_one(world: World, now: float) -> None:
    """The short way: one call waits anew, and nobody else is touched."""
    call = world.calls[world.reopened.popitem()[0]]
    queue = world.queues[call.queue]
    if call.lane is not None:
        lane = queue.lanes[call.lane]
        # A call may leave instead of ringing, its last round being over.
        while lane.waiting and _serve(world, queue, lane, now):
            pass
        if queue.rules.shares and lane.waiting and lane.allowed is None:
            world.sharing[queue.id] = None
        if queue.config.rounds:
            _end_finished_rounds(world, [call.id], now)
    elif call.reserved:
        _serve_reserved(world, queue, call, now)


def _hand_over(world: World, agent: Agent, now: float) -> bool:
    """The short way: one agent became ready, and the first waiting call takes him at once.

    Nobody else is ready for that call, or it would not be waiting. False: take the long way.
    """
    if not agent.available:
        return True
    if agent.id in world.reserved:
        return False
    queues, calls = world.queues, world.calls
    best: Queue | None = None
    first: Place | None = None
    for queue_id, position in agent.places.items():
        queue = queues[queue_id]
        if queue.joinable:
            return False
        for place in queue.heads:
            key = calls[place[3]].lane
            assert key is not None
            allowed = queue.lanes[key].allowed
            if allowed is None or allowed[position]:
                if best is None or first is None or _goes_before(queue, place, best, first):
                    best, first = queue, place
                break
    if best is None or first is None:
        world.enlist(agent, now)
        return True
    call = calls[first[3]]
    assert call.lane is not None
    _offer(world, best, best.lanes[call.lane], call, best.positions[agent.id], now)
    # The call may have left instead, its last round being over.
    if agent.available:
        world.fresh[agent.id] = None
    return True


def _goes_before(queue: Queue, place: Place, other: Queue, its_place: Place) -> bool:
    if queue.config.weight != other.config.weight:
        return queue.config.weight > other.config.weight
    return place < its_place


def _meet(
    world: World, demands: list[_Demand], fresh: list[str], widened: set[str], now: float
) -> None:
    """Serve the demands in their order, as far as there are agents for them."""
    while demands:
        _, _, place, kind, queue_id = heappop(demands)
        queue = world.queues[queue_id]
        call = world.calls.get(place[3])
        if call is None:
            continue
        if kind == _WAIT:
            _meet_waiting(world, demands, queue, call, now)
        elif kind == _JOIN:
            if call.id in widened:
                _join(world, queue, call, [agent.id for agent in _ready(queue)], now)
            else:
                _join(world, queue, call, fresh, now)
            if fresh:
                _push_join(demands, queue, bisect_right(queue.joinable, place))
        else:
            _step(world, queue, call, now)
            for lane in queue.lanes.values():
                _push_first(demands, queue, lane, now)


def _meet_waiting(
    world: World, demands: list[_Demand], queue: Queue, call: Call, now: float
) -> None:
    if call.state is not _WAITING:
        return
    if call.lane is None:
        _serve_reserved(world, queue, call, now)
        return
    lane = queue.lanes[call.lane]
    # An older call may have come back since this demand was noted.
    if lane.waiting and lane.waiting[0] == call.place:
        _ = _serve(world, queue, lane, now)
    _push_first(demands, queue, lane, now)


def _ready(queue: Queue) -> list[Agent]:
    return [agent for agent in queue.index.agents if agent.available]


def _demands(world: World, fresh: list[str], now: float) -> list[_Demand]:
    queues, calls, agents = world.queues, world.calls, world.agents
    demands: list[_Demand] = []
    touched: dict[str, bool] = {}
    for call_id in world.reopened:
        call = calls[call_id]
        _ = touched.setdefault(call.queue, False)
        if call.lane is None and call.reserved:
            _push_reserved(demands, queues[call.queue], call)
    for agent_id in fresh:
        for place in world.reserved.get(agent_id, ()):
            call = calls[place[3]]
            _push_reserved(demands, queues[call.queue], call)
        for queue_id in agents[agent_id].places:
            touched[queue_id] = True
    for queue_id, has_fresh in touched.items():
        queue = queues[queue_id]
        for lane in queue.lanes.values():
            _push_first(demands, queue, lane, now)
        if has_fresh:
            _push_join(demands, queue, 0)
        if queue.rules.shares:
            world.sharing[queue_id] = None
    for call_id in world.stepping:
        call = calls[call_id]
        weight = -queues[call.queue].config.weight
        heappush(demands, (weight, False, call.place, _STEP, call.queue))
    for call_id in world.widened:
        call = calls[call_id]
        queue = queues[call.queue]
        heappush(demands, (-queue.config.weight, queue.rules.shares, call.place, _JOIN, queue.id))
    return demands


def _push_first(demands: list[_Demand], queue: Queue, lane: Lane, now: float) -> None:
    if lane.waiting and queue.index.any(lane, now):
        heappush(demands, (-queue.config.weight, False, lane.waiting[0], _WAIT, queue.id))


def _push_reserved(demands: list[_Demand], queue: Queue, call: Call) -> None:
    heappush(demands, (-queue.config.weight, False, call.place, _WAIT, queue.id))


def _push_join(demands: list[_Demand], queue: Queue, at: int) -> None:
    """One at a time: most often the first takes in everybody."""
    if at < len(queue.joinable):
        weight = -queue.config.weight
        heappush(demands, (weight, queue.rules.shares, queue.joinable[at], _JOIN, queue.id))


def _serve(world: World, queue: Queue, lane: Lane, now: float) -> bool:
    """Begin an offer for the lane's first call; False: nobody is ready in it."""
    call = world.calls[lane.waiting[0][3]]
    position = first_choice(queue, lane, call, now)
    if position < 0:
        return False
    _offer(world, queue, lane, call, position, now)
    return True


def _serve_reserved(world: World, queue: Queue, call: Call, now: float) -> None:
    """Ring the one agent for whom the call is kept, if he is ready."""
    agent = world.agents[call.reserved]
    if call.state is _WAITING and agent.available:
        how = How.STICKY if call.sticky else How.PERSONAL
        call.level = (0, 0)
        why = explain(queue, call, how, [agent], now)
        _ring_alone(world, queue, call, agent, why, now)


def _ring_alone(
    world: World, queue: Queue, call: Call, agent: Agent, why: Explanation, now: float
) -> None:
    """For one certain agent: steps do not matter, and nobody joins."""
    start_ringing(world, queue, call, now)
    call.step_until = None
    ring(world, queue, call, agent, why, now, alone=True)
    queue.let_join(call, False)


def _offer(world: World, queue: Queue, lane: Lane, call: Call, position: int, now: float) -> None:
    """Ring the first choice and whoever rings with him."""
    agent = queue.index.agents[position]
    width = queue.rules.width
    operator = operator_of(queue, position) if queue.main or queue.backup else None
    last = 0
    if call.tried:
        last = call.tried.get(agent.id, 0)
        again = last == call.round
        if again and _was_last_round(queue, call):
            leave(world, call, LeaveReason.ALL_MISSED, now)
            return
        if again or (width is _ALL and operator is None):
            call.round += 1
    call.level = (last, queue.levels[position])
    if operator is not None:
        why = explain(queue, call, operator, [agent], now)
        _ring_alone(world, queue, call, agent, why, now)
    elif width is _ONE or not queue.index.count:
        why = explain(queue, call, _HOW[width], [agent], now)
        start_ringing(world, queue, call, now)
        ring(world, queue, call, agent, why, now)
    else:
        chosen = widen(queue, lane, call, position) or [position]
        start_ringing(world, queue, call, now)
        _ring_all(world, queue, call, chosen, _HOW[width], now)


def _ring_all(
    world: World, queue: Queue, call: Call, chosen: list[int], how: How, now: float
) -> None:
    agents = [queue.index.agents[position] for position in chosen]
    why = explain(queue, call, how, agents, now)
    for agent in agents:
        ring(world, queue, call, agent, why, now)
    note_many(world, queue, call)


def _join(world: World, queue: Queue, call: Call, fresh: list[str], now: float) -> None:
    """Ring those who became ready for a call that is ringing already."""
    if not call.joinable or call.lane is None:
        return
    lane = queue.lanes[call.lane]
    positions = queue.positions
    chosen = sorted(
        position
        for agent_id in fresh
        if (position := positions.get(agent_id, -1)) >= 0
        and lane.allows(position)
        and world.agents[agent_id].available
        and _may_join(queue, call, agent_id, position)
    )
    if chosen:
        _ring_all(world, queue, call, chosen, How.JOINED, now)
        fresh[:] = [agent_id for agent_id in fresh if world.agents[agent_id].available]


def _may_join(queue: Queue, call: Call, agent_id: str, position: int) -> bool:
    """Not who has just missed it, nor who belongs to a later step."""
    last = call.tried.get(agent_id, 0)
    if last == call.round:
        return False
    if queue.rules.width is _ALL:
        return True
    level = queue.levels[position]
    return level == call.level[1] or (last, level) < call.level


def _step(world: World, queue: Queue, call: Call, now: float) -> None:
    """The step's time is over: with `keep_ringing` the next ones join in, else nobody rings on."""
    if call.state is not _RINGING:
        return
    call.step_until = None
    if queue.rules.keep_ringing and call.lane is not None:
        set_step(world, queue, call, now)
        lane = queue.lanes[call.lane]
        position = untried_choice(queue, lane, call, now)
        if position >= 0:
            agent = queue.members[position].agent
            call.level = (call.tried.get(agent, 0), queue.levels[position])
            chosen = widen(queue, lane, call, position)
            _ring_all(world, queue, call, chosen, How.NEXT_STEP, now)
            return
    for agent_id in list(call.legs):
        not_answered(world, call, world.agents[agent_id], now)


def _end_finished_rounds(world: World, reopened: list[str], now: float) -> None:
    """A call that was offered to everybody ready as often as it may leaves."""
    for call_id in reopened:
        call = world.calls.get(call_id)
        if call is None or call.state is not _WAITING or call.lane is None:
            continue
        queue = world.queues[call.queue]
        if (
            _was_last_round(queue, call)
            and call.round in call.tried.values()
            and untried_choice(queue, queue.lanes[call.lane], call, now) < 0
        ):
            leave(world, call, LeaveReason.ALL_MISSED, now)


def _was_last_round(queue: Queue, call: Call) -> bool:
    return 0 < queue.config.rounds <= call.round
