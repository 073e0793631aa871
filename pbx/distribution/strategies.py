"""The orderings: for each strategy an index of one queue's ready members.

An index answers "who is first, leaving these out?" without looking at everybody. Positions are
the members' places in the queue (`Queue.members`); the last link of every tie-break chain is that
place. A new strategy is a subclass here plus a line in INDEXES.
"""

from collections.abc import Container, Iterator
from enum import Enum
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.config import QueueConfig, Strategy, WithinTier
from pbx.distribution.positions import Positions

# Stale heap entries kept per ready member before the heap is rebuilt, and a floor for small queues.
_STALE_FACTOR: Final = 2
_STALE_FLOOR: Final = 64


class Width(Enum):
    """How many ring at once."""

    ONE = "one"
    TIER = "tier"
    ALL = "all"

    __hash__ = object.__hash__  # Enum's own is written in Python; members are singletons anyway.


class ReadyIndex:
    """The ready members in the queue's own order; the base of all others."""

    __slots__ = ("ready",)

    def __init__(self, config: QueueConfig) -> None:
        self.ready = Positions(len(config.members))

    @property
    def count(self) -> int:
        return self.ready.count

    def add(self, position: int, agent: Agent) -> None:
        """The member at `position` became ready."""
        self.ready.add(position)

    def discard(self, position: int) -> None:
        self.ready.discard(position)

    def offered(self, position: int) -> None:
        """A call was offered to this member."""

    def key(self, position: int, agent: Agent) -> tuple[float, ...]:
        """What is compared, lowest first."""
        return (position,)

    def first(self, skip: Container[int]) -> int:
        """The ready member with the lowest key that is not in `skip`, or -1."""
        ready = self.ready
        position = ready.next_from(0)
        while position in skip:
            position = ready.next_from(position + 1)
        return position

    def next_after(self, position: int) -> int:
        """A ready member who stands behind `position`: the very next one, if cheaply found; or -1.

        Asked before anybody is rung, for the explanation only.
        """
        return self.ready.next_from(position + 1)

    def all(self) -> Iterator[int]:
        return iter(self.ready)


class InOrder(ReadyIndex):
    """Tier by tier: the positions of such a queue are sorted by tier."""

    __slots__ = ("_tiers",)

    def __init__(self, config: QueueConfig) -> None:
        super().__init__(config)
        self._tiers = sorted(member.order for member in config.members)

    def key(self, position: int, agent: Agent) -> tuple[float, ...]:
        return (self._tiers[position], position)


class RoundRobin(ReadyIndex):
    """The next one after whoever was offered a call last."""

    __slots__ = ("last", "size")

    def __init__(self, config: QueueConfig) -> None:
        super().__init__(config)
        self.last = -1
        self.size = len(config.members)

    def offered(self, position: int) -> None:
        self.last = position

    def key(self, position: int, agent: Agent) -> tuple[float, ...]:
        return ((position - self.last - 1) % self.size,)

    def next_after(self, position: int) -> int:
        after = self.ready.next_from(position + 1)
        if after < 0:
            after = self.ready.next_from(0)
        return -1 if after == position else after

    def first(self, skip: Container[int]) -> int:
        ready = self.ready
        position = ready.next_from(self.last + 1)
        while position in skip:
            position = ready.next_from(position + 1)
        if position >= 0:
            return position
        return super().first(skip)


class LongestIdle(ReadyIndex):
    """Lowest idle-since first: a heap whose outdated entries are skipped."""

    __slots__ = ("_heap", "_ignore_outbound", "_since")

    def __init__(self, config: QueueConfig) -> None:
        super().__init__(config)
        self._ignore_outbound = not config.outbound_resets_idle
        self._since: list[float | None] = [None] * len(config.members)  # None: not ready.
        self._heap: list[tuple[float, int]] = []

    def add(self, position: int, agent: Agent) -> None:
        self.ready.add(position)
        since = agent.free_since if self._ignore_outbound else agent.idle_since
        self._since[position] = since
        heappush(self._heap, (since, position))
        if len(self._heap) > _STALE_FACTOR * self.ready.count + _STALE_FLOOR:
            self._rebuild()

    def discard(self, position: int) -> None:
        self.ready.discard(position)
        self._since[position] = None

    def key(self, position: int, agent: Agent) -> tuple[float, ...]:
        return (agent.free_since if self._ignore_outbound else agent.idle_since, position)

    def first(self, skip: Container[int]) -> int:
        heap, since = self._heap, self._since
        aside: list[tuple[float, int]] = []
        found = -1
        while heap:
            idle_since, position = heap[0]
            if since[position] != idle_since:
                _ = heappop(heap)
            elif position in skip:
                aside.append(heappop(heap))
            else:
                found = position
                break
        for entry in aside:
            heappush(heap, entry)
        return found

    def next_after(self, position: int) -> int:
        """One of the two below the top of the heap, unless both are outdated."""
        live, best = self._since, (inf, -1)
        for entry in self._heap[1:3]:
            since, at = entry
            if entry < best and live[at] == since and at != position:
                best = entry
        return best[1]

    def _rebuild(self) -> None:
        self._heap = [(since, at) for at, since in enumerate(self._since) if since is not None]
        heapify(self._heap)


INDEXES: Final[dict[Strategy, type[ReadyIndex]]] = {
    Strategy.RING_ALL: ReadyIndex,
    Strategy.IN_ORDER: InOrder,
    Strategy.ROUND_ROBIN: RoundRobin,
    Strategy.LONGEST_IDLE: LongestIdle,
}

KEY_NAMES: Final[dict[Strategy, tuple[str, ...]]] = {
    Strategy.IN_ORDER: ("tier", "place in the queue"),
    Strategy.ROUND_ROBIN: ("places after the one offered last",),
    Strategy.LONGEST_IDLE: ("idle since", "place in the queue"),
}
"""The parts of an explanation's key, after the first, which is the round of the last miss."""


def width_of(config: QueueConfig) -> Width:
    match config.strategy:
        case Strategy.RING_ALL:
            return Width.ALL
        case Strategy.IN_ORDER if config.within_tier is WithinTier.ALL:
            return Width.TIER
        case _:
            return Width.ONE
