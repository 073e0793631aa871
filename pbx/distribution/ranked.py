"""Strategies that compare values: heaps of the ready members, one per lane.

An entry is outdated when its member's version has gone on; it is dropped when it comes to the top.
So a member who is rung or leaves costs one write, in however many lanes he stands.
"""

from collections.abc import Container
from heapq import heapify, heappop, heappush
from math import inf, lcm
from random import Random
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.config import QueueConfig, TagCount
from pbx.distribution.indexes import ReadyIndex, in_position
from pbx.distribution.lanes import Entry, Lane
from pbx.distribution.requirements import named_tags

# Outdated heap entries kept per ready member before the heap is swept, and a floor.
_STALE_FACTOR: Final = 2
_STALE_FLOOR: Final = 64


class Ranked(ReadyIndex):
    """Lowest values first, then the lowest position."""

    __slots__ = ("_ignore_outbound", "_lanes", "_serial", "_version")

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        super().__init__(config, agents, random)
        self._ignore_outbound = not config.outbound_resets_idle
        self._version = [0] * len(agents)  # 0: not ready.
        self._serial = 0
        self._lanes: list[Lane] = []

    def is_ready(self, position: int) -> bool:
        return self._version[position] != 0

    def values(self, position: int, lane: Lane, now: float) -> tuple[float, float]:
        """The two values that are compared: by default one, and who is free longest."""
        agent = self.agents[position]
        idle = agent.free_since if self._ignore_outbound else agent.idle_since
        return self.value(position, lane, now), idle

    def value(self, position: int, lane: Lane, now: float) -> float:
        raise NotImplementedError

    def key(self, position: int, lane: Lane, now: float) -> tuple[float, ...]:
        return (*self.values(position, lane, now), position)

    def add(self, position: int, now: float) -> None:
        if not self._version[position]:
            self.count += 1
        serial = self._serial = self._serial + 1
        self._version[position] = serial
        for lane in self._lanes:
            allowed = lane.allowed
            if allowed is None or allowed[position]:
                first, second = self.values(position, lane, now)
                heappush(lane.heap, (first, second, position, serial))
                if len(lane.heap) > _STALE_FACTOR * self.count + _STALE_FLOOR:
                    self._sweep(lane)

    def rekey(self, position: int, now: float) -> None:
        self.add(position, now)

    def discard(self, position: int) -> None:
        if self._version[position]:
            self._version[position] = 0
            self.count -= 1

    def open(self, lane: Lane, now: float) -> None:
        self._lanes.append(lane)
        self._fill(lane, now)

    def close(self, lane: Lane) -> None:
        self._lanes.remove(lane)

    def refill(self, now: float) -> None:
        """What is compared has changed for everybody."""
        for lane in self._lanes:
            self._fill(lane, now)

    def any(self, lane: Lane, now: float) -> bool:
        return self.first(lane, (), now) >= 0

    def first(self, lane: Lane, skip: Container[int], now: float) -> int:
        heap, version = lane.heap, self._version
        aside: list[Entry] | None = None
        found = -1
        while heap:
            entry = heap[0]
            position = entry[2]
            if version[position] != entry[3]:
                _ = heappop(heap)
            elif position in skip:
                aside = aside or []
                aside.append(heappop(heap))
            else:
                found = position
                break
        for entry in aside or ():
            heappush(heap, entry)
        return found

    def next_after(self, lane: Lane, position: int) -> int:
        """One of the two below the top of the heap, unless both are outdated."""
        version, best = self._version, (inf, inf, -1, 0)
        for entry in lane.heap[1:3]:
            at = entry[2]
            if entry < best and version[at] == entry[3] and at != position:
                best = entry
        return best[2]

    def _fill(self, lane: Lane, now: float) -> None:
        lane.heap = [
            (*self.values(position, lane, now), position, version)
            for position, version in enumerate(self._version)
            if version and lane.allows(position)
        ]
        heapify(lane.heap)

    def _sweep(self, lane: Lane) -> None:
        version = self._version
        lane.heap = [entry for entry in lane.heap if version[entry[2]] == entry[3]]
        heapify(lane.heap)


class LongestIdle(Ranked):
    __slots__ = ()

    def values(self, position: int, lane: Lane, now: float) -> tuple[float, float]:
        agent = self.agents[position]
        return (agent.free_since if self._ignore_outbound else agent.idle_since), 0.0

    def key(self, position: int, lane: Lane, now: float) -> tuple[float, ...]:
        agent = self.agents[position]
        return (agent.free_since if self._ignore_outbound else agent.idle_since), position


class ByRank(Ranked):
    """The highest rank first, of these who is free longest."""

    __slots__ = ("_ranks",)

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        super().__init__(config, agents, random)
        self._ranks = [member.rank for member in in_position(config)]

    def value(self, position: int, lane: Lane, now: float) -> float:
        return -self._ranks[position]


class FewestTags(Ranked):
    """Specialists first: who has the fewest tags, or the fewest that the call does not ask for."""

    __slots__ = ("_foreign",)

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        super().__init__(config, agents, random)
        self._foreign = config.count_tags is TagCount.FOREIGN

    def value(self, position: int, lane: Lane, now: float) -> float:
        tags = self.agents[position].config.tags
        asked = named_tags(lane.requirement()) if self._foreign else ()
        return sum(level > 0 and tag not in asked for tag, level in tags)


class Weighted(Ranked):
    """Calls shared in proportion to the members' weights, exactly, by stride scheduling.

    Each offer moves a member on by the reciprocal of his weight, and the one who has come least
    far is next. After Waldspurger and Weihl, "Stride Scheduling" (1995). Who was away catches up
    with one cycle of his own share at most, and who comes to work begins where the others are.
    """

    __slots__ = ("_cycle", "_passes", "_reached", "_strides")
    counts_offers = True

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        super().__init__(config, agents, random)
        # Whole numbers, so that shares are exact for ever.
        weights = [member.weight for member in in_position(config)]
        self._cycle = lcm(*weights)
        self._strides = [self._cycle // weight for weight in weights]
        self._passes = [0] * len(agents)
        self._reached = 0  # How far the one was who was offered a call last.

    def values(self, position: int, lane: Lane, now: float) -> tuple[float, float]:
        return self._passes[position], 0.0

    def key(self, position: int, lane: Lane, now: float) -> tuple[float, ...]:
        return self._passes[position] / self._cycle, position

    def add(self, position: int, now: float) -> None:
        self._catch_up(position, self._reached - self._cycle)
        super().add(position, now)

    def rekey(self, position: int, now: float) -> None:
        """How long he is idle does not matter here."""

    def offered(self, position: int) -> None:
        if not self._version[position]:  # He has just become ready, and is taken at once.
            self._catch_up(position, self._reached - self._cycle)
        self._reached = max(self._reached, self._passes[position])
        self._passes[position] += self._strides[position]

    def signed_in(self, position: int) -> None:
        self._catch_up(position, self._reached)

    def take_over(self, before: "Weighted") -> None:
        """The same members with the same weights go on where they are."""
        self._passes, self._reached = before._passes, before._reached

    def _catch_up(self, position: int, least: int) -> None:
        self._passes[position] = max(self._passes[position], least)
