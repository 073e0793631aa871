"""What happened: one visit per call and queue, and how long each agent was in each state.

Kept alike for a simulated day and for a recorded one, so that their figures can be compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from pbx.distribution.effects import (
    AgentChanged,
    AgentState,
    Connect,
    Effect,
    Leave,
    Ring,
    StopRinging,
)
from pbx.distribution.inputs import LeaveReason

_ANSWERED: Final = LeaveReason.ANSWERED
# Turned away at the door, these calls were never in the queue.
_REFUSED: Final = frozenset(
    {
        LeaveReason.QUEUE_FULL,
        LeaveReason.NOBODY_SIGNED_IN,
        LeaveReason.BLACKLISTED,
        LeaveReason.SYSTEM,
    }
)
_STATES: Final = len(AgentState)


@dataclass(slots=True)
class Visit:
    """A call in a queue. `reason` None: it is still waiting."""

    call: str
    queue: str
    joined_at: float
    offered_at: float | None = None  # First.
    ended_at: float = inf
    reason: LeaveReason | None = None
    agent: str = ""
    callback: bool = False  # A placeholder: nobody is on the line.

    @property
    def wait(self) -> float:
        return self.ended_at - self.joined_at

    @property
    def refused(self) -> bool:
        return self.ended_at == self.joined_at and self.reason in _REFUSED


@dataclass(slots=True)
class AgentDay:
    """One agent: seconds by the code of his state, and the answers counted."""

    code: int = AgentState.INACTIVE.code
    since: float = -inf
    spent: list[float] = field(default_factory=lambda: [0.0] * _STATES)
    answered: int = 0
    missed: int = 0

    def of(self, *states: AgentState) -> float:
        return sum(self.spent[state.code] for state in states)

    @property
    def signed_in(self) -> float:
        return sum(self.spent) - self.spent[AgentState.INACTIVE.code]


class Ledger:
    """Counts what is between `start` and `end`: visits by when they began."""

    __slots__ = ("agents", "end", "open", "start", "visits")

    def __init__(self, start: float, end: float) -> None:
        self.start = start
        self.end = end
        self.visits: list[Visit] = []
        self.open: dict[str, Visit] = {}  # Waiting or ringing, by call.
        self.agents: dict[str, AgentDay] = {}

    def joined(self, call: str, queue: str, now: float, *, callback: bool = False) -> None:
        visit = Visit(call, queue, now, callback=callback)
        if self.start <= now < self.end:
            self.visits.append(visit)
        self.open[call] = visit

    def left(self, call: str, reason: LeaveReason, now: float) -> None:
        visit = self.open.pop(call, None)
        if visit is not None:
            visit.reason, visit.ended_at = reason, now

    def answer_failed(self, call: str) -> None:
        """He is waiting again, as if nobody had answered."""
        for visit in reversed(self.visits):
            if visit.call == call:
                if visit.reason is _ANSWERED:
                    self._agent(visit.agent).answered -= 1
                    visit.reason, visit.ended_at, visit.agent = None, inf, ""
                    self.open[call] = visit
                return

    def effects(self, effects: Iterable[Effect], now: float) -> None:
        """What the core said, in its order."""
        for effect in effects:
            if isinstance(effect, AgentChanged):
                agent = self._agent(effect.agent)
                self._spend(agent, now)
                agent.code = effect.state.code
            elif isinstance(effect, Ring):
                visit = self.open.get(effect.call)
                if visit is not None and visit.offered_at is None:
                    visit.offered_at = now
            elif isinstance(effect, Connect):
                self._answered(effect.call, effect.agent, now)
            elif isinstance(effect, Leave):
                self.left(effect.call, effect.reason, now)
            elif isinstance(effect, StopRinging) and effect.missed:
                self._agent(effect.agent).missed += 1

    def finish(self, now: float) -> None:
        """The day is over; who still waits, waits."""
        for agent in self.agents.values():
            self._spend(agent, now)

    def _answered(self, call: str, agent_id: str, now: float) -> None:
        visit = self.open.pop(call, None)
        if visit is None:
            return
        visit.reason, visit.ended_at, visit.agent = _ANSWERED, now, agent_id
        if self.start <= visit.joined_at < self.end:
            self._agent(agent_id).answered += 1

    def _spend(self, agent: AgentDay, now: float) -> None:
        """The part of his state since the last change that belongs to the day."""
        since, until = agent.since, now
        if since < self.start:
            since = self.start
        if until > self.end:
            until = self.end
        if until > since:
            agent.spent[agent.code] += until - since
        agent.since = now

    def _agent(self, agent_id: str) -> AgentDay:
        agent = self.agents.get(agent_id)
        if agent is None:
            agent = self.agents[agent_id] = AgentDay()
        return agent
