"""Which agents are at work: from the configuration, from feature codes, from their phones'
registrations."""

import heapq
from typing import Final

from pbx.distribution.effects import AgentState
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentUnreachable,
    Input,
    WrapUpEnded,
)
from pbx.plan import AgentPlan, Plan, SignIn

ANY_BREAK: Final = "break"
"""The reason of a break for which none is given."""


class Attendance:
    """Turns registrations and codes into inputs of the distribution.

    An agent whose last device has gone is unreachable at once and signed out after a grace time,
    so that a phone
    that restarts costs no sign-in.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._agents: dict[str, AgentPlan] = {}
        self._reachable: set[str] = set()
        self._quiet: frozenset[str] = frozenset()  # With a phone that is not to be disturbed.
        self._signed_in: set[str] = set()
        self._on_break: set[str] = set()
        self.heap: list[tuple[float, str]] = []  # When to sign out after the grace time, and whom.
        self._grace_until: dict[str, float] = {}

    def configure(self, plan: Plan, devices: dict[str, int]) -> list[Input]:
        """`devices`: how many an extension has now. Agents that are new or gone are signed in or
        out."""
        self._grace_seconds = plan.sign_out_grace_seconds
        inputs: list[Input] = []
        for agent in sorted(self._agents.keys() - plan.agents.keys()):
            self._forget(agent)
        fresh = sorted(plan.agents.keys() - self._agents.keys())
        self._agents = dict(plan.agents)
        for agent in fresh:
            agent_plan = self._agents[agent]
            if agent_plan.sign_in is SignIn.ALWAYS:
                inputs += self._sign_in(agent)
            extension = plan.extensions[agent_plan.extension]
            if not extension.contact:
                inputs += self._devices(agent, devices.get(extension.id, 0), now=0.0)
        for agent, agent_plan in self._agents.items():
            extension = plan.extensions[agent_plan.extension]
            if extension.contact and devices.get(extension.id, 1):
                inputs += self._reached(agent)  # It never registers, so it signs nobody in.
        return inputs

    def on_devices(self, agent: str, count: int, now: float) -> list[Input]:
        """The agent's extension has this many devices now."""
        return self._devices(agent, count, now)

    def on_code(self, agent: str, code: str, reason: str = ANY_BREAK) -> tuple[list[Input], str]:
        """A feature code dialled from the agent's phone → what happens, and the sound that says
        so. `reason`: of a break; another one than before changes the break."""
        match code:
            case "sign_in" if agent in self._signed_in:
                self._signed_in.discard(agent)
                self._on_break.discard(agent)
                return [AgentSignedOut(agent)], "signed-out"
            case "sign_in":
                return self._sign_in(agent), "signed-in"
            case "break" if agent in self._on_break and reason == ANY_BREAK:
                self._on_break.discard(agent)
                return [AgentStatusSet(agent, AgentStatus.ACTIVE)], "back-from-break"
            case "break":
                self._on_break.add(agent)
                return [AgentStatusSet(agent, AgentStatus.BREAK, reason)], "on-break"
            case "end_wrap_up":
                return [WrapUpEnded(agent)], "beep"
            case _:
                return [], "no-such-number"

    def on_quiet(self, agents: frozenset[str]) -> list[Input]:
        """These agents do not want to be disturbed now. They stay signed in, but are not rung."""
        inputs: list[Input] = []
        for agent in sorted(self._quiet ^ agents):
            if agent in self._reachable:
                quiet = agent in agents
                inputs.append(AgentUnreachable(agent) if quiet else AgentReachable(agent))
        self._quiet = agents
        return inputs

    def note_state(self, agent: str, state: AgentState) -> None:
        """The distribution changed it: too many misses put an agent on break, say."""
        if state is AgentState.BREAK:
            self._on_break.add(agent)
        elif state is AgentState.READY:
            self._on_break.discard(agent)

    @property
    def next_deadline(self) -> float | None:
        while self.heap and self._grace_until.get(self.heap[0][1]) != self.heap[0][0]:
            _ = heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def on_time(self, now: float) -> list[Input]:
        inputs: list[Input] = []
        while (at := self.next_deadline) is not None and at <= now:
            agent = heapq.heappop(self.heap)[1]
            del self._grace_until[agent]
            if agent in self._signed_in:
                self._signed_in.discard(agent)
                self._on_break.discard(agent)
                inputs.append(AgentSignedOut(agent))
        return inputs

    def _devices(self, agent: str, count: int, now: float) -> list[Input]:
        if count > 0:
            signed_in: list[Input] = []
            fresh = agent not in self._reachable and agent not in self._signed_in
            if fresh and self._agents[agent].sign_in is SignIn.REGISTER:
                signed_in = self._sign_in(agent)
            return [*signed_in, *self._reached(agent)]
        if agent not in self._reachable:
            return []
        self._reachable.discard(agent)
        if self._agents[agent].sign_in is SignIn.REGISTER:
            until = now + self._grace_seconds
            self._grace_until[agent] = until
            heapq.heappush(self.heap, (until, agent))
        return [] if agent in self._quiet else [AgentUnreachable(agent)]

    def _reached(self, agent: str) -> list[Input]:
        _ = self._grace_until.pop(agent, None)
        if agent in self._reachable:
            return []
        self._reachable.add(agent)
        return [] if agent in self._quiet else [AgentReachable(agent)]

    def _sign_in(self, agent: str) -> list[Input]:
        self._signed_in.add(agent)
        return [AgentSignedIn(agent)]

    def _forget(self, agent: str) -> None:
        self._reachable.discard(agent)
        self._signed_in.discard(agent)
        self._on_break.discard(agent)
        _ = self._grace_until.pop(agent, None)
