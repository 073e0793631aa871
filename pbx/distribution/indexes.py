"""The orderings: for each strategy an index of one queue's ready members.

An index answers "who is first in this lane, leaving these out?" without looking at everybody.
Positions are the members' places in the queue (`Queue.members`); the last link of every tie-break
chain is that place. Here are the orderings by place and by dice; ranked.py and counting.py have
those that compare values, strategies.py says which strategy has which.
"""

from collections.abc import Container, Iterator
from enum import Enum
from random import Random
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.config import Member, QueueConfig, Strategy, WithinTier
from pbx.distribution.lanes import Lane
from pbx.distribution.positions import Positions

# After so many draws that hit somebody who may not be taken, the candidates are listed.
_DRAWS_MAX: Final = 32


class Width(Enum):
    """How many ring at once."""

    ONE = "one"
    TIER = "tier"
    ALL = "all"

    __hash__ = object.__hash__  # Enum's own is written in Python; members are singletons anyway.


def effective(config: QueueConfig) -> Strategy:
    """Whose order it is when a call is offered: a `manual` queue has another strategy for that."""
    return config.then if config.strategy is Strategy.MANUAL else config.strategy


def in_position(config: QueueConfig) -> tuple[Member, ...]:
    """The members as positions count them: as configured, but tier by tier or rank by rank."""
    match effective(config):
        case Strategy.IN_ORDER:
            return tuple(sorted(config.members, key=lambda member: member.order))
        case Strategy.BY_RANK:
            return tuple(sorted(config.members, key=lambda member: -member.rank))
        case _:
            return config.members


def levels_of(config: QueueConfig, members: tuple[Member, ...]) -> tuple[int, ...]:
    """The tier of each position, lowest first."""
    if effective(config) is Strategy.BY_RANK:
        return tuple(-member.rank for member in members)
    return tuple(member.order for member in members)


def width_of(config: QueueConfig) -> Width:
    match effective(config):
        case Strategy.RING_ALL:
            return Width.ALL
        case Strategy.IN_ORDER if config.within_tier is WithinTier.ALL:
            return Width.TIER
        case Strategy.BY_RANK if config.within_rank is WithinTier.ALL:
            return Width.TIER
        case _:
            return Width.ONE


class ReadyIndex:
    """The ready members in the queue's own order; the base of all others."""

    __slots__ = ("agents", "count", "ready")
    counts_offers = False  # `offered` matters.

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        """`agents`: the members, by position."""
        self.agents = agents
        self.ready = Positions(len(agents))
        self.count = 0  # Of the ready ones.

    def is_ready(self, position: int) -> bool:
        return position in self.ready

    def add(self, position: int, now: float) -> None:
        """The member at `position` became ready."""
        self.ready.add(position)
        self.count = self.ready.count

    def discard(self, position: int) -> None:
        self.ready.discard(position)
        self.count = self.ready.count

    def rekey(self, position: int, now: float) -> None:
        """What is compared of a ready member has changed."""

    def offered(self, position: int) -> None:
        """A call was offered to this member."""

    def signed_in(self, position: int) -> None:
        """This member has just come to work."""

    def open(self, lane: Lane, now: float) -> None:
        """A new lane."""

    def close(self, lane: Lane) -> None:
        """The lane is given up."""

    def key(self, position: int, lane: Lane, now: float) -> tuple[float, ...]:
        """What is compared, lowest first."""
        return (position,)

    def any(self, lane: Lane, now: float) -> bool:
        """Is anybody ready in this lane?"""
        if lane.mask is None:
            return self.count > 0
        return self.ready.next_in(0, lane.mask) >= 0

    def first(self, lane: Lane, skip: Container[int], now: float) -> int:
        """The ready member of the lane with the lowest key that is not in `skip`, or -1."""
        return self._from(0, lane, skip)

    def next_after(self, lane: Lane, position: int) -> int:
        """A ready member who stands behind `position`: the very next one, if cheaply found; or -1.

        Asked before anybody is rung, for the explanation only.
        """
        return self._from(position + 1, lane, ())

    def all(self, lane: Lane) -> Iterator[int]:
        """Everybody who is ready, by position. They must not change meanwhile."""
        if lane.allowed is None:
            return iter(self.ready)
        allowed = lane.allowed
        return (position for position in self.ready if allowed[position])

    def _from(self, position: int, lane: Lane, skip: Container[int]) -> int:
        ready, mask = self.ready, lane.mask
        while True:
            found = ready.next_from(position) if mask is None else ready.next_in(position, mask)
            if found < 0 or found not in skip:
                return found
            position = found + 1


class InOrder(ReadyIndex):
    """Tier by tier: the positions of such a queue are sorted by tier."""

    __slots__ = ("_levels",)

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        super().__init__(config, agents, random)
        self._levels = levels_of(config, in_position(config))

    def key(self, position: int, lane: Lane, now: float) -> tuple[float, ...]:
        return (self._levels[position], position)


class RoundRobin(ReadyIndex):
    """The next one after whoever was offered a call last."""

    __slots__ = ("last", "size")
    counts_offers = True

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        super().__init__(config, agents, random)
        self.last = -1
        self.size = len(agents)

    def offered(self, position: int) -> None:
        self.last = position

    def key(self, position: int, lane: Lane, now: float) -> tuple[float, ...]:
        return ((position - self.last - 1) % self.size,)

    def next_after(self, lane: Lane, position: int) -> int:
        after = self._from(position + 1, lane, ())
        if after < 0:
            after = self._from(0, lane, ())
        return -1 if after == position else after

    def first(self, lane: Lane, skip: Container[int], now: float) -> int:
        position = self._from(self.last + 1, lane, skip)
        return position if position >= 0 else self._from(0, lane, skip)


class AtRandom(ReadyIndex):
    """Everybody with the same probability; the dice are the core's own."""

    __slots__ = ("_listed", "_random", "_where")

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        super().__init__(config, agents, random)
        self._random = random
        self._listed: list[int] = []  # The ready positions in no particular order.
        self._where = [-1] * len(agents)

    def add(self, position: int, now: float) -> None:
        super().add(position, now)
        if self._where[position] < 0:
            self._where[position] = len(self._listed)
            self._listed.append(position)

    def discard(self, position: int) -> None:
        super().discard(position)
        at = self._where[position]
        if at >= 0:
            last = self._listed.pop()
            if last != position:
                self._listed[at] = last
                self._where[last] = at
            self._where[position] = -1

    def key(self, position: int, lane: Lane, now: float) -> tuple[float, ...]:
        return ()

    def first(self, lane: Lane, skip: Container[int], now: float) -> int:
        listed, allowed = self._listed, lane.allowed
        if not listed:
            return -1
        for _ in range(_DRAWS_MAX):
            position = listed[int(self._random.random() * len(listed))]
            if position not in skip and (allowed is None or allowed[position]):
                return position
        rest = [at for at in self.all(lane) if at not in skip]
        return rest[int(self._random.random() * len(rest))] if rest else -1

    def next_after(self, lane: Lane, position: int) -> int:
        return -1
