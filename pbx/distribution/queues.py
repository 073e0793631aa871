"""One waiting line: who waits, who may serve them, and the index that finds the first of these."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from random import Random
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, CallState, Place
from pbx.distribution.config import Member, QueueConfig, Strategy
from pbx.distribution.counting import Counting, measure_of
from pbx.distribution.effects import AgentState
from pbx.distribution.estimates import Estimates
from pbx.distribution.indexes import (
    ReadyIndex,
    RoundRobin,
    Width,
    effective,
    in_position,
    levels_of,
    width_of,
)
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.lanes import OPEN, Lane, add_place, drop_place, make_lane
from pbx.distribution.ranked import Weighted
from pbx.distribution.strategies import make_index

# A hard limit under every max_length: a place costs a few KiB and somebody has to be told.
LINE_MAX: Final = 10_000
_WAITING: Final = CallState.WAITING

Many = tuple[int, float, int, str]
"""How many agents ring for a call, negated (it may have become fewer since); since when the caller
waits; serial; the call."""


def step_seconds_of(config: QueueConfig) -> float:
    """How long the agents rung together have before the others' turn; 0: no such limit."""
    match effective(config):
        case Strategy.IN_ORDER:
            return config.tier_timeout or (config.ring_timeout if config.keep_ringing else 0.0)
        case Strategy.BY_RANK:
            return config.rank_timeout
        case _:
            return 0.0


@dataclass(slots=True)
class Rules:
    """What follows from a queue's configuration."""

    strategy: Strategy  # The effective one.
    width: Width
    step_seconds: float
    keep_ringing: bool  # At the end of a step.
    may_join: bool  # Agents who become ready join the ringing.
    shares: bool  # Agents who ring are taken away for calls for which nobody rings.
    delays: tuple[float, ...]  # After which further members may serve, ascending.
    thresholds: tuple[float, ...]  # After which waiting calls change their lane, ascending.
    simple: bool  # No thresholds and nothing required: most calls need no lane looked for.

    @classmethod
    def of(cls, config: QueueConfig) -> "Rules":
        width = width_of(config)
        may_join = config.join_ringing and width is not Width.ONE
        delays = sorted({member.delay for member in config.members if member.delay > 0})
        thresholds = {*delays, *(step.after for step in config.relax)}
        if config.strategy is Strategy.MANUAL and config.auto_after:
            thresholds.add(config.auto_after)
        return cls(
            effective(config),
            width,
            step_seconds_of(config),
            config.keep_ringing and effective(config) is Strategy.IN_ORDER,
            may_join,
            config.share_ringing and may_join and width is Width.ALL,
            tuple(delays),
            tuple(sorted(thresholds)),
            not thresholds and not config.requires and config.strategy is not Strategy.MANUAL,
        )


@dataclass(slots=True, eq=False)
class Queue:
    id: str
    config: QueueConfig
    rules: Rules
    members: tuple[Member, ...]
    levels: tuple[int, ...]  # The tier of each position.
    positions: dict[str, int]
    index: ReadyIndex
    states: list[int]  # Members by AgentState.code.
    lanes: dict[str, Lane] = field(default_factory=dict[str, Lane])
    heads: list[Place] = field(default_factory=list[Place])  # Sorted; who waits first in a lane.
    line: list[Place] = field(default_factory=list[Place])  # Sorted; all that are not answered.
    joinable: list[Place] = field(default_factory=list[Place])  # Sorted; agents may join these.
    many: list[Many] = field(default_factory=list[Many])  # A heap of calls that several ring for.
    estimates: Estimates = field(default_factory=Estimates)
    joined: int = 0
    left: dict[LeaveReason, int] = field(default_factory=dict[LeaveReason, int])
    empty_since: float | None = None
    empty_at: float | None = None  # The deadline of `leave_empty_after`.
    main: str = ""  # The operators of the day.
    backup: str = ""
    recalculate_at: float | None = None

    @classmethod
    def of(cls, config: QueueConfig, agents: dict[str, Agent], random: Random) -> "Queue":
        members = in_position(config)
        listed = [agents[member.agent] for member in members]
        states = [0] * len(AgentState)
        for agent in listed:
            states[agent.state.code] += 1
        return cls(
            config.id,
            config,
            Rules.of(config),
            members,
            levels_of(config, members),
            {member.agent: position for position, member in enumerate(members)},
            make_index(config, listed, random),
            states,
        )

    def reconfigure(
        self, config: QueueConfig, agents: dict[str, Agent], random: Random, now: float
    ) -> None:
        """New members and rules; the line stays. The lanes must be filled again."""
        new = Queue.of(config, agents, random)
        measure = measure_of(config)
        if measure is None or measure != measure_of(self.config):
            for agent in agents.values():
                _ = agent.credits.pop(self.id, None)
        self._take_over(new.index, config, new.positions, now)
        self.config, self.rules = config, new.rules
        self.members, self.levels = new.members, new.levels
        self.positions, self.index, self.states = new.positions, new.index, new.states
        self.lanes, self.heads = {}, []
        self.many.clear()

    def _take_over(
        self, index: ReadyIndex, config: QueueConfig, positions: dict[str, int], now: float
    ) -> None:
        """What the index remembers of the past, as far as it still means something."""
        old = self.index
        if isinstance(index, RoundRobin) and isinstance(old, RoundRobin):
            start = old.last + 1
            for member in (*self.members[start:], *self.members[:start]):
                if member.agent in positions:
                    index.last = positions[member.agent] - 1
                    break
        same_shares = _shares(config) == _shares(self.config)
        if isinstance(index, Weighted) and isinstance(old, Weighted) and same_shares:
            index.take_over(old)
        same_measure = measure_of(config) == measure_of(self.config)
        if isinstance(index, Counting) and isinstance(old, Counting) and same_measure:
            index.take_over(old, now)

    def is_empty(self) -> bool:
        """Nobody is signed in."""
        return self.states[AgentState.INACTIVE.code] == len(self.members)

    def lane(self, key: str, requires: str, delay: float | None, now: float) -> Lane:
        """The lane of this key, made if there is none."""
        lane = self.lanes.get(key)
        if lane is None:
            listed = self.index.agents
            configs = [agent.config for agent in listed]
            lane = self.lanes[key] = make_lane(key, requires, delay, self.members, configs)
            if lane.allowed is not None:
                lane.signed_in = sum(
                    agent.state is not AgentState.INACTIVE
                    for position, agent in enumerate(listed)
                    if lane.allowed[position]
                )
            self.index.open(lane, now)
        return lane

    def drop_lanes(self, used: set[str | None]) -> None:
        """Give those up that no call is in."""
        for lane in list(self.lanes.values()):
            if lane.key not in used and lane.key != OPEN:
                del self.lanes[lane.key]
                self.index.close(lane)

    def add_waiting(self, lane: Lane, place: Place) -> None:
        waiting = lane.waiting
        if not waiting:
            add_place(self.heads, place)
        elif place < waiting[0]:
            drop_place(self.heads, waiting[0])
            add_place(self.heads, place)
        add_place(waiting, place)

    def drop_waiting(self, lane: Lane, place: Place) -> None:
        waiting = lane.waiting
        if waiting[0] is not place and waiting[0] != place:
            drop_place(waiting, place)
            return
        del waiting[0]
        heads = self.heads
        if len(heads) == 1:
            heads[:] = waiting[:1]
            return
        drop_place(heads, place)
        if waiting:
            insort(heads, waiting[0])

    def let_join(self, call: Call, allowed: bool) -> None:
        """May agents who become ready join its ringing?"""
        if allowed is call.joinable:
            return
        call.joinable = allowed
        if allowed:
            add_place(self.joinable, call.place)
        else:
            drop_place(self.joinable, call.place)

    def position_of(self, call: Call) -> int:
        """1 = next."""
        return bisect_left(self.line, call.place) + 1

    def count_left(self, reason: LeaveReason) -> None:
        self.left[reason] = self.left.get(reason, 0) + 1


def _shares(config: QueueConfig) -> list[tuple[str, int]]:
    return [(member.agent, member.weight) for member in config.members]
