"""Everything the core remembers, and the few steps that keep its parts agreeing with each other.

Plain data all the way down: agents, queues and calls name each other by id, and only the indexes
hold the agents that they order. So a snapshot of it, taken between two inputs, is the whole state.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from pbx.distribution.agents import TRANSITIONS, Agent
from pbx.distribution.calls import Call, CallState, Place
from pbx.distribution.config import DistributionConfig
from pbx.distribution.deadlines import Deadline, Deadlines, Due
from pbx.distribution.edits import Edits
from pbx.distribution.effects import AgentChanged, AgentState, Effect
from pbx.distribution.queues import Queue

# The heap of deadlines is swept when it has this many entries, and this many per agent and call.
_SWEEP_FLOOR: Final = 1024
_SWEEP_FACTOR: Final = 8
# Numbers whose last agent is remembered: some 20 MB.
TALKED_MAX: Final = 100_000
_TALKING: Final = CallState.TALKING
_INACTIVE: Final = AgentState.INACTIVE
_READY: Final = AgentState.READY
_RINGING: Final = AgentState.RINGING


@dataclass(slots=True)
class World:
    config: DistributionConfig
    random: Random
    agents: dict[str, Agent] = field(default_factory=dict[str, Agent])
    queues: dict[str, Queue] = field(default_factory=dict[str, Queue])
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    deadlines: Deadlines = field(default_factory=Deadlines)
    edits: Edits = field(default_factory=Edits)  # By supervisors, on top of the configuration.
    has_rounds: bool = False  # Some queue limits its rounds.
    keep: float = 0.0  # Seconds of work that rolling windows ask for.
    dimensions: dict[str, str] = field(default_factory=dict[str, str])  # Of tags.
    barred: frozenset[str] = frozenset()  # Numbers; of those with a "*" the prefixes are apart.
    barred_prefixes: tuple[str, ...] = ()
    talked: dict[str, tuple[str, float]] = field(
        default_factory=dict[str, tuple[str, float]]
    )  # By number: who talked with that caller last, and when. The latest is at the end.
    reserved: dict[str, list[Place]] = field(
        default_factory=dict[str, list[Place]]
    )  # By agent: calls that wait for nobody else. Sorted.
    serial: int = 0  # Of the calls, in order of their inputs.
    ignored: int = 0  # Inputs about somebody unknown, or too late to matter.
    # What one input has touched; all empty between inputs.
    effects: list[Effect] = field(default_factory=list[Effect])
    changed: dict[str, None] = field(default_factory=dict[str, None])  # Agents.
    fresh: dict[str, None] = field(default_factory=dict[str, None])  # Agents that became ready.
    reopened: dict[str, None] = field(default_factory=dict[str, None])  # Calls that wait again.
    widened: dict[str, None] = field(default_factory=dict[str, None])  # More may join these now.
    watched: dict[str, None] = field(default_factory=dict[str, None])  # Is there nobody for them?
    released: dict[str, None] = field(default_factory=dict[str, None])  # Agents not to wait for.
    stepping: dict[str, None] = field(default_factory=dict[str, None])  # Calls whose step is over.
    sharing: dict[str, None] = field(default_factory=dict[str, None])  # Queues to share phones in.

    def refresh(self, agent: Agent, now: float) -> None:
        """Bring state, counters and indexes in line with the agent's facts."""
        available = agent.may_ring()
        if available and not (agent.talking or agent.occupied):
            state, reason, call = _READY, "", ""
        else:
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
        if available is not agent.available:
            agent.available = available
            if available:
                self.fresh[agent.id] = None  # Listed when nobody takes him at once.
            elif agent.listed:
                self.unlist(agent)
        if self.reserved and agent.id in self.reserved and not agent.is_present():
            self.released[agent.id] = None

    def enlist(self, agent: Agent, now: float) -> None:
        """Into the indexes of his queues, for calls to come."""
        agent.listed = True
        queues = self.queues
        for queue_id, position in agent.places.items():
            queues[queue_id].index.add(position, now)

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
        self.rekey(agent, now)

    def rekey(self, agent: Agent, now: float) -> None:
        """What the strategies compare of him has changed."""
        if agent.listed:
            for queue_id, position in agent.places.items():
                self.queues[queue_id].index.rekey(position, now)

    def remember(self, number: str, agent_id: str, at: float) -> None:
        """Who talked with this caller."""
        if number:
            _ = self.talked.pop(number, None)
            self.talked[number] = (agent_id, at)
            if len(self.talked) > TALKED_MAX:
                del self.talked[next(iter(self.talked))]

    def _recount(self, agent: Agent, before: AgentState, state: AgentState, now: float) -> None:
        """The queues count their members by state; nobody signed in is worth a look."""
        old, new = before.code, state.code
        queues = self.queues
        for queue_id in agent.places:
            states = queues[queue_id].states
            states[old] -= 1
            states[new] += 1
        if before is _INACTIVE or state is _INACTIVE:
            step = 1 if before is _INACTIVE else -1
            for queue_id, position in agent.places.items():
                queue = queues[queue_id]
                self.watch_empty(queue, now)
                for lane in queue.lanes.values():
                    if lane.allowed is None:
                        continue
                    lane.signed_in += step * lane.allowed[position]
                    for place in lane.waiting:
                        self.watched[place[3]] = None

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
        calls = (self.calls[place[3]] for place in queue.line)
        entered = min((call.entered_at for call in calls if not call.callback), default=None)
        if entered is not None:
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
        at, code, owner, agent_id = deadline
        due = Due(code)
        match due:
            case Due.WRAP_UP | Due.DELAY | Due.BREAK:
                agent = self.agents.get(owner)
                return agent is not None and at == _due_of_agent(agent, due)
            case Due.EMPTY | Due.RECALCULATE:
                queue = self.queues.get(owner)
                if queue is None:
                    return False
                return at == (queue.empty_at if due is Due.EMPTY else queue.recalculate_at)
            case Due.EDIT:
                return self.edits.next_end() == at
            case _:
                call = self.calls.get(owner)
                return call is not None and at == _due_of(call, due, agent_id)


def _due_of_agent(agent: Agent, due: Due) -> float | None:
    if due is Due.WRAP_UP:
        return agent.wrap_up_until
    return agent.delay_until if due is Due.DELAY else agent.break_until


def _due_of(call: Call, due: Due, agent_id: str) -> float | None:
    """When it is, as far as the call is concerned."""
    match due:
        case Due.RING:
            leg = call.legs.get(agent_id)
            return None if leg is None else leg.deadline
        case Due.STEP:
            return call.step_until
        case Due.ANNOUNCE:
            return call.announce_at
        case Due.UNMATCHED:
            return call.unmatched_at
        case _ if call.state is _TALKING:
            return None
        case Due.MAX_WAIT:
            return call.leave_at
        case Due.STAGE:
            return call.stage_at
        case Due.RISE:
            return call.rise_at
        case _:
            raise AssertionError(due)
