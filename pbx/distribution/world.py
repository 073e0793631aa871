"""Everything the core remembers, and the few steps that keep its parts agreeing with each other.

Plain data all the way down, without cross-references: agents, queues and calls name each other by
id. So a snapshot of it, taken between two inputs, is the whole state.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from pbx.distribution.agents import TRANSITIONS, Agent
from pbx.distribution.calls import Call, CallState
from pbx.distribution.config import DistributionConfig
from pbx.distribution.deadlines import Deadline, Deadlines, Due
from pbx.distribution.effects import AgentChanged, AgentState, Effect
from pbx.distribution.queues import Queue

# The heap of deadlines is swept when it has this many entries, and this many per agent and call.
_SWEEP_FLOOR: Final = 1024
_SWEEP_FACTOR: Final = 8
_TALKING: Final = CallState.TALKING
_INACTIVE: Final = AgentState.INACTIVE
_RINGING: Final = AgentState.RINGING


@dataclass(slots=True)
class World:
    config: DistributionConfig
    random: Random
    agents: dict[str, Agent] = field(default_factory=dict[str, Agent])
    queues: dict[str, Queue] = field(default_factory=dict[str, Queue])
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    deadlines: Deadlines = field(default_factory=Deadlines)
    has_rounds: bool = False  # Some queue limits its rounds.
    serial: int = 0  # Of the calls, in order of their inputs.
    ignored: int = 0  # Inputs about somebody unknown, or too late to matter.
    # What one input has touched; all empty between inputs.
    effects: list[Effect] = field(default_factory=list[Effect])
    changed: dict[str, None] = field(default_factory=dict[str, None])  # Agents.
    fresh: dict[str, None] = field(default_factory=dict[str, None])  # Agents that became ready.
    reopened: dict[str, None] = field(default_factory=dict[str, None])  # Calls that wait again.
    stepping: dict[str, None] = field(default_factory=dict[str, None])  # Calls whose step is over.
    sharing: dict[str, None] = field(default_factory=dict[str, None])  # Queues to share phones in.

    def refresh(self, agent: Agent, now: float) -> None:
        """Bring state, counters and indexes in line with the agent's facts."""
        state, reason, call = agent.derived()
        before = agent.state
        if state is not before:
            assert state in TRANSITIONS[before], (agent.id, before, state)
            self._recount(agent, before, state, now)
            agent.state = state
            self.changed[agent.id] = None
            agent.reason, agent.call, agent.since = reason, call, now
        elif call != agent.call or reason != agent.reason:
            self.changed[agent.id] = None
            agent.reason, agent.call, agent.since = reason, call, now
        available = agent.may_ring()
        if available is not agent.available:
            agent.available = available
            if available:
                self.fresh[agent.id] = None  # Listed when nobody takes him at once.
            elif agent.listed:
                self.unlist(agent)

    def enlist(self, agent: Agent) -> None:
        """Into the indexes of his queues, for calls to come."""
        agent.listed = True
        queues = self.queues
        for queue_id, position in agent.places.items():
            queues[queue_id].index.add(position, agent)

    def unlist(self, agent: Agent) -> None:
        agent.listed = False
        queues = self.queues
        for queue_id, position in agent.places.items():
            queues[queue_id].index.discard(position)

    def refresh_ringing(self, agent: Agent, now: float) -> None:
        """`refresh` for an agent who was ready and has just been rung: the way of every offer."""
        if agent.talking:
            self.refresh(agent, now)
            return
        before, code = agent.state.code, _RINGING.code
        assert _RINGING in TRANSITIONS[agent.state], (agent.id, agent.state)
        agent.state = _RINGING
        agent.reason, agent.call, agent.since = "", agent.ringing, now
        listed, agent.listed, agent.available = agent.listed, False, False
        self.changed[agent.id] = None
        queues = self.queues
        for queue_id, position in agent.places.items():
            queue = queues[queue_id]
            queue.states[before] -= 1
            queue.states[code] += 1
            if listed:
                queue.index.discard(position)

    def reset_idle(self, agent: Agent, now: float, *, outside: bool) -> None:
        """The idle clock starts anew, even for somebody who may be rung in the middle of a call."""
        agent.idle_since = now
        if not outside:
            agent.free_since = now
        if agent.listed:
            self.unlist(agent)
            self.enlist(agent)

    def _recount(self, agent: Agent, before: AgentState, state: AgentState, now: float) -> None:
        """The queues count their members by state; nobody signed in is worth a look."""
        old, new = before.code, state.code
        queues = self.queues
        for queue_id in agent.places:
            states = queues[queue_id].states
            states[old] -= 1
            states[new] += 1
        if before is _INACTIVE or state is _INACTIVE:
            for queue_id in agent.places:
                self.watch_empty(queues[queue_id], now)

    def watch_empty(self, queue: Queue, now: float) -> None:
        """Note since when nobody is signed in, and when the callers will be told."""
        if not queue.is_empty():
            queue.empty_since = queue.empty_at = None
            return
        if queue.empty_since is None:
            queue.empty_since = now
        self.schedule_empty(queue)

    def schedule_empty(self, queue: Queue) -> None:
        after = queue.config.leave_empty_after
        queue.empty_at = None
        if after is None or queue.empty_since is None or not queue.line:
            return
        entered = min(self.calls[place[3]].entered_at for place in queue.line)
        queue.empty_at = max(entered, queue.empty_since) + after
        self.deadlines.add(queue.empty_at, Due.EMPTY, queue.id)

    def report_changes(self) -> None:
        """One AgentChanged for each agent who is not as he was before this input."""
        for agent_id in self.changed:
            agent = self.agents[agent_id]
            self.effects.append(
                AgentChanged(agent_id, agent.state, agent.reason, agent.since, agent.call)
            )
            if agent.removed and agent.state is _INACTIVE:
                del self.agents[agent_id]
        self.changed.clear()

    def take_due(self, now: float) -> list[Deadline]:
        due: list[Deadline] = []
        while (first := self.deadlines.first()) is not None and first[0] <= now:
            due.append(self.deadlines.pop())
        return due

    def next_deadline(self) -> float | None:
        deadlines = self.deadlines
        while (first := deadlines.first()) is not None:
            if self.is_current(first):
                return first[0]
            _ = deadlines.pop()
        return None

    def sweep(self) -> None:
        """Throw the stale deadlines out when there are many."""
        owners = len(self.agents) + len(self.calls)
        if len(self.deadlines) > _SWEEP_FLOOR + _SWEEP_FACTOR * owners:
            entries = self.deadlines.entries()
            self.deadlines.replace([entry for entry in entries if self.is_current(entry)])

    def is_current(self, deadline: Deadline) -> bool:
        """Does the owner still mean it?"""
        at, due, _, owner, agent_id = deadline
        match Due(due):
            case Due.WRAP_UP:
                agent = self.agents.get(owner)
                return agent is not None and agent.wrap_up_until == at
            case Due.DELAY:
                agent = self.agents.get(owner)
                return agent is not None and agent.delay_until == at
            case Due.EMPTY:
                queue = self.queues.get(owner)
                return queue is not None and queue.empty_at == at
            case Due.RING:
                call = self.calls.get(owner)
                leg = call.legs.get(agent_id) if call is not None else None
                return leg is not None and leg.deadline == at
            case Due.STEP:
                call = self.calls.get(owner)
                return call is not None and call.step_until == at
            case Due.MAX_WAIT:
                call = self.calls.get(owner)
                return call is not None and call.leave_at == at and call.state is not _TALKING
            case Due.ANNOUNCE:
                call = self.calls.get(owner)
                return call is not None and call.announce_at == at
