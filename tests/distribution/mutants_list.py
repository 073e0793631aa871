"""The seeded bugs: one changed place each, and the test that must notice it.

`old` must occur exactly once in its file, so that a mutant which the code has left behind is an
error (test_mutants.py) and not a bug that nobody notices.
"""

from dataclasses import dataclass
from typing import Final


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    rule: int
    file: str  # Of pbx/distribution.
    old: str
    new: str
    what: str
    test: str = ""  # Of test_rules.py; "": the rule's own.

    @property
    def noticed_by(self) -> str:
        return self.test or f"TestRule{self.rule}"


RING_READY: Final = (
    Mutant(
        "rings-in-wrap-up",
        1,
        "agents.py",
        "            and self.wrap_up_until is None\n",
        "",
        "wrap-up does not keep an agent from being rung",
    ),
    Mutant(
        "rings-in-other-calls",
        1,
        "agents.py",
        "(not self.occupied or self.config.ring_in_use)",
        "(not self.occupied or not self.config.ring_in_use)",
        "who is in a call outside the queues is rung, unless configured",
    ),
    Mutant(
        "rings-twice",
        1,
        "agents.py",
        "            and not self.ringing\n",
        "",
        "whatever happens to an agent who rings makes him ready for a second call",
    ),
    Mutant(
        "back-off-forgotten",
        1,
        "offers.py",
        "    agent.delay_until = now + max(seconds, RETRY_MIN_SECONDS)\n",
        "    agent.delay_until = now + RETRY_MIN_SECONDS\n",
        "an agent who missed is rung again at once",
    ),
)
ONE_WINNER: Final = (
    Mutant(
        "late-answer-kept",
        2,
        "core.py",
        "        if answered and not repeated:\n",
        "        if False:\n",
        "who answers too late is not released",
    ),
    Mutant(
        "winner-released",
        2,
        "core.py",
        "        if answered and not repeated:\n",
        "        if answered:\n",
        "a repeated answer of the winner hangs up on him",
    ),
    Mutant(
        "losers-ring-on",
        2,
        "offers.py",
        _lines(
            "    if call.legs:",
            "        stop_all(world, call, StopCause.ANSWERED_ELSEWHERE, now)",
        ),
        "",
        "the other phones are not stopped",
    ),
    Mutant(
        "losers-missed-it",
        2,
        "offers.py",
        "    world.effects.append(StopRinging(call.id, agent.id, cause))\n",
        _lines(
            "    world.effects.append(StopRinging(call.id, agent.id, cause))",
            "    count_miss(agent)",
        ),
        "an agent whose call another one answered has missed it",
    ),
)
WORK_CONSERVING: Final = (
    Mutant(
        "thresholds-forgotten",
        3,
        "stages.py",
        _lines(
            "    if call.stage_at is not None:",
        )
        + "        world.deadlines.add(call.stage_at, _STAGE, call.id)",
        _lines(
            "    if call.stage_at is not None and call.reserved:",
        )
        + "        world.deadlines.add(call.stage_at, _STAGE, call.id)",
        "nothing happens when a requirement is relaxed or a member's delay is over",
    ),
    Mutant(
        "waits-for-who-left",
        3,
        "world.py",
        "            self.released[agent.id] = None\n",
        "            pass\n",
        "a call kept for an agent who went away is kept on",
    ),
    Mutant(
        "first-lane-only",
        3,
        "matching.py",
        _lines(
            "                    best, first = queue, place",
            "                break",
        ),
        _lines(
            "                    best, first = queue, place",
            "            break",
        ),
        "who becomes ready looks only at the first caller, even if he cannot serve him",
    ),
    Mutant(
        "reserved-not-asked",
        3,
        "matching.py",
        _lines(
            "    if agent.id in world.reserved:",
            "        return False",
        ),
        "",
        "who becomes ready does not look at the calls that are kept for him",
    ),
)
IN_TURN: Final = (
    Mutant(
        "place-lost",
        4,
        "waiting.py",
        _lines(
            "    drop_place(queue.line, old)",
            "    add_place(queue.line, call.place)",
            "    if call.joinable:",
        ),
        "    if call.joinable:\n",
        "a caller whose priority rises stays where he was in the line",
    ),
    Mutant(
        "youngest-lane-first",
        4,
        "matching.py",
        "        for place in queue.heads:\n",
        "        for place in reversed(queue.heads):\n",
        "of callers with different wishes the youngest is served first",
    ),
    Mutant(
        "arrival-forgotten",
        4,
        "waiting.py",
        "    joined_at = now if event.joined_at is None else event.joined_at\n",
        "    joined_at = now\n",
        "a caller who comes back begins at the end of the line",
    ),
    Mutant(
        "last-come-first-served",
        4,
        "waiting.py",
        "    world.serial += 1\n",
        "    world.serial -= 1\n",
        "of callers of the same moment the last is served first",
    ),
)
LEAVE_ONCE: Final = (
    Mutant(
        "refused-in-silence",
        5,
        "waiting.py",
        _lines(
            "    queue.joined += 1",
            "    queue.count_left(reason)",
            "    world.effects.append(Leave(call_id, queue.id, reason))",
        ),
        _lines(
            "    queue.joined += 1",
            "    queue.count_left(reason)",
        ),
        "a caller whom the queue does not take is not told",
    ),
    Mutant(
        "told-twice",
        5,
        "offers.py",
        "    world.effects.append(Leave(call.id, queue.id, reason))\n",
        _lines(
            "    world.effects.append(Leave(call.id, queue.id, reason))",
            "    world.effects.append(Leave(call.id, queue.id, reason))",
        ),
        "a caller who leaves is sent away twice",
    ),
    Mutant(
        "moved-uncounted",
        5,
        "waiting.py",
        _lines(
            "        take_out(world, call, StopCause.WITHDRAWN, now).count_left(LeaveReason.MOVED)",
        ),
        "        _ = take_out(world, call, StopCause.WITHDRAWN, now)\n",
        "a call that is moved has never left its first queue",
    ),
    Mutant(
        "callback-lost",
        5,
        "waiting.py",
        "    queue.count_left(LeaveReason.CALLBACK)\n",
        _lines(
            "    queue.count_left(LeaveReason.CALLBACK)",
            "    return",
        ),
        "whoever books a callback is forgotten",
    ),
)
NOBODY_LOST: Final = (
    Mutant(
        "back-off-for-ever",
        6,
        "offers.py",
        "    world.deadlines.add(agent.delay_until, Due.DELAY, agent.id)\n",
        "",
        "nothing ends the back-off after a failed offer",
    ),
    Mutant(
        "wrap-up-for-ever",
        6,
        "statuses.py",
        "    world.deadlines.add(agent.wrap_up_until, Due.WRAP_UP, agent.id)\n",
        "",
        "nothing ends a wrap-up that was extended",
    ),
    Mutant(
        "rings-for-ever",
        6,
        "offers.py",
        _lines(
            "    missed = blame and rang and now - ring_began(leg, now) >= MISS_AFTER_SECONDS",
            '    agent.ringing = ""',
        ),
        _lines(
            "    missed = blame and rang and now - ring_began(leg, now) >= MISS_AFTER_SECONDS",
        ),
        "an agent whose offer is withdrawn goes on ringing for himself",
    ),
    Mutant(
        "unreachable-after-break",
        6,
        "statuses.py",
        "    agent.reachable = reachable\n",
        "    agent.reachable = reachable and agent.status is AgentStatus.ACTIVE\n",
        "a phone that comes back during a break is not noticed",
    ),
)
REPLAY: Final = (
    Mutant(
        "real-dice",
        7,
        "core.py",
        "Random(seed)",
        "Random()",
        "the seed is not used",
    ),
    Mutant(
        "milliseconds-only",
        7,
        "journal_values.py",
        "    return float.__repr__(value)\n",
        "    return str(int(value))\n",
        "the journal keeps whole seconds only",
    ),
    Mutant(
        "switched-off-forgotten",
        7,
        "journal_values.py",
        "        if item is not default and item != default:\n",
        "        if item and item != default:\n",
        "what is switched off is not written down, and so switched on again",
    ),
    Mutant(
        "turn-by-address",
        7,
        "indexes.py",
        _lines(
            "    def offered(self, position: int) -> None:",
            "        self.last = position",
        ),
        _lines(
            "    def offered(self, position: int) -> None:",
            "        self.last = position if id(self) // 16 % 2 else -1",
        ),
        "round_robin: whose turn it is depends on where the object lies in memory",
    ),
)
PROMISES: Final = (
    Mutant(
        "turn-forgotten",
        8,
        "queues.py",
        "                    index.last = positions[member.agent] - 1\n",
        "                    index.last = -1\n",
        "round_robin: a reload begins at the first member again",
        "TestRule8",
    ),
    Mutant(
        "turn-of-the-answered",
        8,
        "indexes.py",
        "        position = self._from(self.last + 1, lane, skip)\n",
        "        position = self._from(self.last, lane, skip)\n",
        "round_robin: the same member again",
        "TestRule8",
    ),
    Mutant(
        "outbound-mixed-up",
        8,
        "ranked.py",
        "not config.outbound_resets_idle",
        "config.outbound_resets_idle",
        "longest_idle: outbound_resets_idle means the opposite",
        "TestRule8LongestIdle",
    ),
    Mutant(
        "stale-ranking",
        8,
        "ranked.py",
        "            if version[position] != entry[3]:\n",
        "            if not version[position]:\n",
        "longest_idle: somebody is ranked by what he was earlier",
        "TestRule8LongestIdle",
    ),
    Mutant(
        "broken-answers-count",
        8,
        "work.py",
        "        self.day_calls -= day == self.day\n",
        "",
        "fewest_calls: an answer whose leg broke still counts for the day",
        "TestRule8FewestCalls",
    ),
    Mutant(
        "newcomers-flooded",
        8,
        "counting.py",
        "        if least > own:\n",
        "        if least < own:\n",
        "fewest_calls: a newcomer is lent nothing",
        "TestRule8FewestCalls",
    ),
    Mutant(
        "talk-forgotten",
        8,
        "work.py",
        "        self.day_talk += milliseconds\n",
        "",
        "least_talk_time: what somebody talks does not count for the day",
        "TestRule8LeastTalkTime",
    ),
    Mutant(
        "beginners-first",
        8,
        "indexes.py",
        "sorted(config.members, key=lambda member: -member.rank)",
        "sorted(config.members, key=lambda member: member.rank)",
        "by_rank: the members are not sorted by rank",
        "TestRule8ByRank",
    ),
    Mutant(
        "tiers-unsorted",
        8,
        "indexes.py",
        "tuple(sorted(config.members, key=lambda member: member.order))",
        "config.members",
        "in_order: tiers are taken as they are listed",
        "TestRule8InOrder",
    ),
    Mutant(
        "missed-and-first-again",
        8,
        "choices.py",
        _lines(
            "    operator = _operator(queue, lane, behind)",
            "    position = operator if operator >= 0 else index.first(lane, behind, now)",
        ),
        _lines(
            "    operator = _operator(queue, lane, ())",
            "    position = operator if operator >= 0 else index.first(lane, (), now)",
        ),
        "who missed the call is rung again before others were tried",
        "TestRule8AnyStrategy",
    ),
    Mutant(
        "no-level-is-a-tag",
        8,
        "ranked.py",
        "sum(level > 0 and tag not in asked",
        "sum(level >= 0 and tag not in asked",
        "fewest_tags: a tag of level zero counts",
        "TestRule8FewestTags",
    ),
    Mutant(
        "loaded-dice",
        8,
        "indexes.py",
        "            position = listed[int(self._random.random() * len(listed))]\n",
        _lines(
            "            position = listed[int(self._random.random() ** 1.1 * len(listed))]",
        ),
        "random: a little more often the first ones",
        "TestRule8",
    ),
    Mutant(
        "shares-by-hand",
        8,
        "ranked.py",
        "        self._passes[position] += self._strides[position]\n",
        _lines(
            "        self._passes[position] += self._strides[position] + self._cycle % 7",
        ),
        "weighted: everybody pays a little more for each call",
        "TestRule8",
    ),
    Mutant(
        "one-rings-for-all",
        8,
        "choices.py",
        "            return list(queue.index.all(lane))\n",
        "            return list(queue.index.all(lane))[:3]\n",
        "ring_all: at most three",
        "TestRule8RingAll",
    ),
)
RECONFIGURED: Final = (
    Mutant(
        "strangers-ring-on",
        9,
        "reconfigure.py",
        _lines(
            "    if not gone:",
            "        return",
        ),
        "    return\n",
        "whoever is no member any more goes on ringing",
    ),
    Mutant(
        "own-agent-rings-on",
        9,
        "reconfigure.py",
        "            if agent.ringing:  # For",
        "            if agent.ringing and agent.talking:  # For",
        "an agent who is deleted goes on ringing for the call that is kept for him",
    ),
    Mutant(
        "deleted-with-its-callers",
        9,
        "reconfigure.py",
        "        leave(world, call, LeaveReason.SYSTEM, now)\n",
        _lines(
            "        if call.legs:",
            "            leave(world, call, LeaveReason.SYSTEM, now)",
        ),
        "when a queue is deleted its callers go nowhere",
    ),
    Mutant(
        "line-cut-short",
        9,
        "reconfigure.py",
        "    calls = [world.calls[place[3]] for place in queue.line]\n",
        "    calls = [world.calls[place[3]] for place in queue.line][:2]\n",
        "a reload keeps only the first two callers",
    ),
)
MUTANTS: Final = (
    *RING_READY,
    *ONE_WINNER,
    *WORK_CONSERVING,
    *IN_TURN,
    *LEAVE_ONCE,
    *NOBODY_LOST,
    *REPLAY,
    *PROMISES,
    *RECONFIGURED,
)
