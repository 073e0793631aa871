"""One waiting line: who waits, who may serve them, and the index that finds the first of these."""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from pbx.distribution.agents import Agent
from pbx.distribution.calls import Call, Place
from pbx.distribution.config import Member, QueueConfig, Strategy
from pbx.distribution.effects import AgentState
from pbx.distribution.inputs import LeaveReason
from pbx.distribution.strategies import INDEXES, ReadyIndex, RoundRobin, Width, width_of

# A hard limit under every max_length: a place costs a few KiB and somebody has to be told.
LINE_MAX: Final = 10_000
# Answers that the expected wait is estimated from: how many are needed, kept, and how old at most.
ANSWERS_NEEDED: Final = 20
ANSWERS_KEPT: Final = 50
ANSWERS_RECENT_SECONDS: Final = 1800.0
# The steps in which a wait is spoken (up to 1, 2, 3, 5, 10 minutes): it never rises by two at once.
WAIT_STEPS: Final = (60.0, 120.0, 180.0, 300.0, 600.0)

Many = tuple[int, float, int, str]
"""How many agents ring for a call, negated (it may have become fewer since); since when the caller
waits; serial; the call."""


def in_position(config: QueueConfig) -> tuple[Member, ...]:
    """The members as positions count them: as configured, for `in_order` tier by tier."""
    if config.strategy is Strategy.IN_ORDER:
        return tuple(sorted(config.members, key=lambda member: member.order))
    return config.members


def step_seconds_of(config: QueueConfig) -> float:
    if config.strategy is not Strategy.IN_ORDER:
        return 0.0
    return config.tier_timeout or (config.ring_timeout if config.keep_ringing else 0.0)


def may_join_of(config: QueueConfig) -> bool:
    return config.join_ringing and width_of(config) is not Width.ONE


def shares_of(config: QueueConfig) -> bool:
    return config.share_ringing and config.join_ringing and width_of(config) is Width.ALL


@dataclass(slots=True)
class Queue:
    id: str
    config: QueueConfig
    members: tuple[Member, ...]
    index: ReadyIndex
    width: Width
    step_seconds: float  # `in_order`: how long one step rings; 0: until nobody rings any more.
    may_join: bool  # Agents who become ready join the ringing.
    shares: bool  # Agents who ring are taken away for calls for which nobody rings.
    positions: dict[str, int]
    states: list[int]  # Members by AgentState.code.
    waiting: list[Place] = field(default_factory=list[Place])  # Sorted; nobody rings for them.
    line: list[Place] = field(default_factory=list[Place])  # Sorted; these and the ringing ones.
    joinable: list[Place] = field(default_factory=list[Place])  # Sorted; agents may join these.
    many: list[Many] = field(default_factory=list[Many])  # A heap of calls that several ring for.
    answers: deque[float] = field(default_factory=lambda: deque[float](maxlen=ANSWERS_KEPT))
    joined: int = 0
    left: dict[LeaveReason, int] = field(default_factory=dict[LeaveReason, int])
    empty_since: float | None = None
    empty_at: float | None = None  # The deadline of `leave_empty_after`.

    @classmethod
    def of(cls, config: QueueConfig) -> "Queue":
        members = in_position(config)
        states = [0] * len(AgentState)
        states[AgentState.INACTIVE.code] = len(members)
        return cls(
            config.id,
            config,
            members,
            INDEXES[config.strategy](config),
            width_of(config),
            step_seconds_of(config),
            may_join_of(config),
            shares_of(config),
            {member.agent: position for position, member in enumerate(members)},
            states,
            empty_since=0.0,
        )

    def reconfigure(self, config: QueueConfig, agents: dict[str, Agent]) -> None:
        """New members and rules, the same line. `agents` are those of the new configuration."""
        turn = self._next_in_turn()
        self.config = config
        self.members = in_position(config)
        self.width = width_of(config)
        self.step_seconds = step_seconds_of(config)
        self.may_join = may_join_of(config)
        self.shares = shares_of(config)
        self.many.clear()
        self.positions = {member.agent: at for at, member in enumerate(self.members)}
        self.index = INDEXES[config.strategy](config)
        self.states = [0] * len(AgentState)
        for member in self.members:
            self.states[agents[member.agent].state.code] += 1
        if isinstance(self.index, RoundRobin):
            for agent in turn:
                if agent in self.positions:
                    self.index.last = self.positions[agent] - 1
                    break

    def _next_in_turn(self) -> list[str]:
        """`round_robin`: the members in the order of their turns."""
        if not isinstance(self.index, RoundRobin):
            return []
        start = self.index.last + 1
        return [member.agent for member in (*self.members[start:], *self.members[:start])]

    def is_empty(self) -> bool:
        """Nobody is signed in."""
        return self.states[AgentState.INACTIVE.code] == len(self.members)

    def add_waiting(self, place: Place) -> None:
        insort(self.waiting, place)

    def drop_waiting(self, place: Place) -> None:
        _drop(self.waiting, place)

    def add_to_line(self, place: Place) -> None:
        insort(self.line, place)

    def drop_from_line(self, place: Place) -> None:
        _drop(self.line, place)

    def let_join(self, call: Call, allowed: bool) -> None:
        """May agents who become ready join its ringing?"""
        if allowed is call.joinable:
            return
        call.joinable = allowed
        if allowed:
            insort(self.joinable, call.place)
        else:
            _drop(self.joinable, call.place)

    def position_of(self, call: Call) -> int:
        """1 = next."""
        return bisect_left(self.line, call.place) + 1

    def count_left(self, reason: LeaveReason) -> None:
        self.left[reason] = self.left.get(reason, 0) + 1

    def expected_wait(self, position: int, now: float) -> float | None:
        """Seconds until the call at `position` is answered, from the rate of recent answers."""
        answers = self.answers
        while answers and answers[0] < now - ANSWERS_RECENT_SECONDS:
            _ = answers.popleft()
        if len(answers) < ANSWERS_NEEDED:
            return None
        return position * (now - answers[0]) / len(answers)


def _drop(places: list[Place], place: Place) -> None:
    at = 0 if places[0] is place else bisect_left(places, place)
    assert places[at] == place, place
    del places[at]
