"""Phones that ring for one call go over to another for which nobody rings.

Everybody rings for the first caller of a `ring_all` queue, so a second one would hear no phone
until the first is answered. With `share_ringing` he takes some of those phones at once: half of
those that ring for the call with the most, and never the last. An agent is moved only for a call
for which nobody rings, so phones do not go back and forth. He has missed nothing, is not left in
peace, and may join the call he was taken from when he is free again. A call that asks for certain
agents takes no part: it waits for those.
"""

from heapq import heapify, heappop, heappush, heapreplace
from typing import Final

from pbx.distribution.calls import Call, CallState
from pbx.distribution.choices import explain
from pbx.distribution.effects import Effect, How, Ring, StopCause, StopRinging
from pbx.distribution.lanes import OPEN
from pbx.distribution.offers import ring, start_ringing
from pbx.distribution.queues import Many, Queue
from pbx.distribution.world import World

# Agents moved to one call: each costs a CANCEL and an INVITE, and ten phones are heard.
SHARE_MAX: Final = 10
# Outdated heap entries kept per call in the line before the heap is rebuilt, and a floor.
_STALE_FACTOR: Final = 2
_STALE_FLOOR: Final = 64
_RINGING: Final = CallState.RINGING


def note_many(world: World, queue: Queue, call: Call) -> None:
    """More agents ring for the call than before: perhaps it can give some away.

    To be called after that. When they become fewer nothing needs to be noted.
    """
    ringing = len(call.legs)
    if not queue.rules.shares or ringing < 2:
        return
    if ringing > call.shared:
        call.shared = ringing
        heappush(queue.many, (-ringing, *call.place[1:]))
        if len(queue.many) > _STALE_FACTOR * len(queue.line) + _STALE_FLOOR:
            _rebuild(world, queue)


def share(world: World, now: float) -> None:
    """After all matches are made: phones for those who still wait, in the order of serving."""
    just_rung = False
    for queue_id in world.sharing:
        queue = world.queues[queue_id]
        lane = queue.lanes.get(OPEN)
        while lane and lane.waiting and (source := _with_most(world, queue)) is not None:
            call = world.calls[lane.waiting[0][3]]
            just_rung |= _move(world, queue, source, call, now)
    world.sharing.clear()
    if just_rung:
        world.effects = _without_detours(world.effects)


def _with_most(world: World, queue: Queue) -> Call | None:
    """The call that most agents ring for, of several the oldest; None if nobody can be spared."""
    many = queue.many
    while many:
        entry = many[0]
        call = world.calls.get(entry[3])
        if call is None or call.queue != queue.id or call.shared != -entry[0]:
            _ = heappop(many)
        elif call.state is not _RINGING or len(call.legs) < 2:
            _ = heappop(many)
            call.shared = 0
        elif len(call.legs) < call.shared:
            call.shared = len(call.legs)
            _ = heapreplace(many, (-call.shared, *call.place[1:]))
        else:
            return call
    return None


def _move(world: World, queue: Queue, source: Call, call: Call, now: float) -> bool:
    """Some agents stop ringing for `source` and ring for `call`, with a ring time of their own.

    Whoever picked a call rings for it alone, so he is never among them. True: some may have been
    rung for `source` in this very decision.
    """
    just_rung = False
    positions = sorted(queue.positions[agent_id] for agent_id in _spared(source, call))
    agents = [queue.index.agents[position] for position in positions]
    why = explain(queue, call, How.SHARED, agents, now)
    if call.tried:
        call.round += 1
    call.level = (call.tried.get(agents[0].id, 0), queue.levels[positions[0]])
    start_ringing(world, queue, call, now)
    for agent in agents:
        just_rung |= source.legs.pop(agent.id).offered_at == now
        world.effects.append(StopRinging(source.id, agent.id, StopCause.WITHDRAWN))
        ring(world, queue, call, agent, why, now)
    note_many(world, queue, call)
    return just_rung


def _spared(source: Call, call: Call) -> list[str]:
    """At most half: first those not tried for `call`, of these the ones rung last.

    Of several who were rung together the later in the configuration was rung last.
    """
    wanted = min(len(source.legs) // 2, SHARE_MAX)
    untried: list[str] = []
    tried: list[str] = []
    for agent_id in reversed(source.legs):
        if agent_id in call.tried:
            tried.append(agent_id)
        else:
            untried.append(agent_id)
            if len(untried) == wanted:
                break
    return (untried + tried)[:wanted]


def _without_detours(effects: list[Effect]) -> list[Effect]:
    """Without the offers that the same decision takes back: no phone is to hear of them."""
    rung: dict[tuple[str, str], int] = {}
    dropped: set[int] = set()
    for at, effect in enumerate(effects):
        match effect:
            case Ring(call, agent):
                rung[call, agent] = at
            case StopRinging(call, agent) if (call, agent) in rung:
                dropped |= {rung.pop((call, agent)), at}
            case _:
                pass
    return [effect for at, effect in enumerate(effects) if at not in dropped]


def _rebuild(world: World, queue: Queue) -> None:
    """Throw the outdated entries out."""
    calls = [world.calls[place[3]] for place in queue.line]
    noted: list[Many] = [(-call.shared, *call.place[1:]) for call in calls if call.shared]
    heapify(noted)
    queue.many = noted
