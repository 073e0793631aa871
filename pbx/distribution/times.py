"""How long each agent was in each state, and at work: folds of AgentChanged, to the millisecond.

Moments are rounded to whole milliseconds before they are subtracted, so the parts of any period
add up to the period exactly, and the periods that a longer one is cut into add up to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pbx.distribution.effects import AgentChanged, AgentState, Effect

Part = tuple[AgentState, str]
"""State and reason."""

OUT: Part = (AgentState.INACTIVE, "")


@dataclass(frozen=True, slots=True)
class Session:
    """From signing in to signing out, or as much of it as lies within the period."""

    agent: str
    start_ms: int
    end_ms: int
    began: bool  # He signed in then; else he was at work before the period.
    ended: bool  # He signed out then; else he goes on after it.
    spent: Mapping[Part, int]  # Adds up to `milliseconds`.

    @property
    def milliseconds(self) -> int:
        return self.end_ms - self.start_ms

    @property
    def worked(self) -> int:
        """Without the time when no phone of his could be reached: then he was not at his desk."""
        return self.milliseconds - by_state(self.spent).get(AgentState.UNREACHABLE, 0)


@dataclass(frozen=True, slots=True)
class Times:
    """One period, such as a day: of each agent who was heard of all its milliseconds."""

    start_ms: int
    end_ms: int
    spent: Mapping[str, Mapping[Part, int]]
    sessions: Mapping[str, tuple[Session, ...]]


@dataclass(slots=True)
class _Agent:
    part: Part
    since: int
    spent: dict[Part, int] = field(default_factory=dict[Part, int])
    sessions: list[Session] = field(default_factory=list[Session])  # Over.
    # The session that goes on.
    session_start: int = 0
    session_began: bool = False
    session_spent: dict[Part, int] = field(default_factory=dict[Part, int])


class AgentTimes:
    """Feed it all effects in order; `cut` it where a day ends, and it goes on with the next."""

    __slots__ = ("_agents", "_start")

    def __init__(self, start: float) -> None:
        self._start = milliseconds(start)
        self._agents: dict[str, _Agent] = {}

    def add(self, effects: Iterable[Effect]) -> None:
        """Somebody who was in his state before the start may be told first, with his `since`."""
        for effect in effects:
            if isinstance(effect, AgentChanged):
                self._change(effect)

    def spent(self, agent: str, now: float) -> dict[Part, int]:
        """Milliseconds by state and reason from the start until `now`."""
        found = self._agents.get(agent)
        return {} if found is None else _spent(found, milliseconds(now))

    def signed_in(self, agent: str, now: float) -> int:
        """Milliseconds in all states but inactive."""
        states = by_state(self.spent(agent, now))
        return sum(spent for state, spent in states.items() if state is not AgentState.INACTIVE)

    def sessions(self, agent: str, now: float) -> tuple[Session, ...]:
        """The last one may still go on."""
        found = self._agents.get(agent)
        return () if found is None else self._sessions(agent, found, milliseconds(now))

    def cut(self, now: float) -> Times:
        """The period until `now` is over, another one begins."""
        end = milliseconds(now)
        times = Times(
            self._start,
            end,
            {name: _spent(agent, end) for name, agent in self._agents.items()},
            {name: self._sessions(name, agent, end) for name, agent in self._agents.items()},
        )
        self._start = end
        # Whoever was removed from the configuration is heard of no more.
        self._agents = {
            name: _Agent(agent.part, end, session_start=end)
            for name, agent in self._agents.items()
            if agent.part == OUT or agent.part[0] is not AgentState.INACTIVE
        }
        return times

    def _change(self, changed: AgentChanged) -> None:
        agent = self._agents.get(changed.agent)
        if agent is None:
            agent = self._agents[changed.agent] = _Agent(OUT, self._start)
        told = milliseconds(changed.since)
        at = max(told, agent.since)
        _spend(agent.spent, agent.part, at - agent.since)
        was_in = agent.part[0] is not AgentState.INACTIVE
        is_in = changed.state is not AgentState.INACTIVE
        if was_in:
            _spend(agent.session_spent, agent.part, at - agent.since)
        if was_in and not is_in:
            agent.sessions.append(_session(changed.agent, agent, at, ended=True))
        elif is_in and not was_in:
            agent.session_start, agent.session_began = at, told == at
            agent.session_spent = {}
        agent.part, agent.since = (changed.state, changed.reason), at

    def _sessions(self, name: str, agent: _Agent, now: int) -> tuple[Session, ...]:
        if agent.part[0] is AgentState.INACTIVE:
            return tuple(agent.sessions)
        return (*agent.sessions, _session(name, agent, now, ended=False))


def by_state(spent: Mapping[Part, int]) -> dict[AgentState, int]:
    """Milliseconds by state, whatever the reason."""
    states: dict[AgentState, int] = {}
    for (state, _), part in spent.items():
        states[state] = states.get(state, 0) + part
    return states


def by_reason(spent: Mapping[Part, int], state: AgentState = AgentState.BREAK) -> dict[str, int]:
    """Milliseconds by the reason of this one state."""
    return {reason: part for (known, reason), part in spent.items() if known is state}


def milliseconds(moment: float) -> int:
    return round(moment * 1000)


def _spent(agent: _Agent, now: int) -> dict[Part, int]:
    spent = dict(agent.spent)
    _spend(spent, agent.part, now - agent.since)
    return spent


def _session(name: str, agent: _Agent, now: int, *, ended: bool) -> Session:
    spent = dict(agent.session_spent)
    if not ended:
        _spend(spent, agent.part, now - agent.since)
    return Session(name, agent.session_start, now, agent.session_began, ended, spent)


def _spend(spent: dict[Part, int], part: Part, time: int) -> None:
    spent[part] = spent.get(part, 0) + time
