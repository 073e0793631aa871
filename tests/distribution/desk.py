"""A small call centre for exact tests: inputs by name, effects as short lines."""

from typing import Any, Final

from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    RetryDelays,
    Strategy,
)
from pbx.distribution.core import Distribution
from pbx.distribution.effects import (
    AgentChanged,
    Announce,
    Connect,
    Effect,
    Leave,
    PickRefused,
    Release,
    Ring,
    StopRinging,
)
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    CallJoined,
    Configured,
    ConversationEnded,
    Input,
    RingEnded,
    RingOutcome,
)

NO_DELAYS: Final = RetryDelays(0.0, 0.0, 0.0, 0.0)


def queue(strategy: Strategy, *members: str | Member, **settings: object) -> QueueConfig:
    """A queue "q" (or `id=`) of these members."""
    name = str(settings.pop("id", "q"))
    listed = tuple(Member(m) if isinstance(m, str) else m for m in members)
    config = QueueConfig(name, strategy, listed)
    for key, value in settings.items():
        config = _with(config, key, value)
    return config


def _with(config: QueueConfig, key: str, value: object) -> QueueConfig:
    fields = {name: getattr(config, name) for name in QueueConfig.__slots__}
    return QueueConfig(**{**fields, key: value})


def config_of(*queues: QueueConfig, agents: tuple[AgentConfig, ...] = ()) -> DistributionConfig:
    """All members, with the default settings unless given in `agents`."""
    given = {agent.id: agent for agent in agents}
    names = dict.fromkeys(member.agent for config in queues for member in config.members)
    return DistributionConfig(queues, tuple(given.get(name, AgentConfig(name)) for name in names))


class Desk:
    """Everybody signed in, one after the other at 1.0, 2.0 … , unless `absent`."""

    def __init__(
        self,
        *queues: QueueConfig,
        agents: tuple[AgentConfig, ...] = (),
        absent: tuple[str, ...] = (),
    ) -> None:
        self.core = Distribution(config_of(*queues, agents=agents), seed=1)
        self.last: list[Effect] = []
        for number, agent in enumerate(self.core.agents, start=1):
            if agent not in absent:
                self.core.apply(AgentReachable(agent), float(number))
                self.core.apply(AgentSignedIn(agent), float(number))

    def do(self, at: float, event: Input) -> list[str]:
        self.last = self.core.apply(event, at)
        return said(self.last)

    def join(
        self,
        at: float,
        call: str,
        queue_id: str = "q",
        priority: int = 0,
        **wishes: Any,  # noqa: ANN401
    ) -> list[str]:
        return self.do(at, CallJoined(call, queue_id, priority=priority, **wishes))

    def configure(
        self, at: float, *queues: QueueConfig, agents: tuple[AgentConfig, ...] = ()
    ) -> list[str]:
        return self.do(at, Configured(config_of(*queues, agents=agents)))

    def talk(self, at: float, call: str, agent: str, until: float) -> list[str]:
        """A whole conversation of an agent who rings; the effects of its end."""
        self.answer(at, call, agent)
        return self.hang_up(until, call, agent)

    def ring_ended(self, at: float, call: str, agent: str, outcome: RingOutcome) -> list[str]:
        return self.do(at, RingEnded(call, agent, outcome))

    def answer(self, at: float, call: str, agent: str) -> list[str]:
        return self.ring_ended(at, call, agent, RingOutcome.ANSWERED)

    def reject(self, at: float, call: str, agent: str) -> list[str]:
        return self.ring_ended(at, call, agent, RingOutcome.REJECTED)

    def hang_up(self, at: float, call: str, agent: str) -> list[str]:
        return self.do(at, ConversationEnded(call, agent))

    def wait(self, until: float) -> list[tuple[float, str]]:
        """Let time pass up to `until`, waking exactly at each deadline."""
        lines: list[tuple[float, str]] = []
        while (at := self.core.next_deadline) is not None and at <= until:
            self.last = self.core.on_time(at)
            lines += [(at, line) for line in said(self.last)]
        return lines

    def state(self, agent: str) -> str:
        view = self.core.agent(agent)
        return f"{view.state.value} {view.reason}".strip()

    def rings(self) -> list[Ring]:
        return [effect for effect in self.last if isinstance(effect, Ring)]


def said(effects: list[Effect]) -> list[str]:
    """One line for each effect; agents' states are asked for with `Desk.state`."""
    lines: list[str] = []
    for effect in effects:
        match effect:
            case Ring(call, agent):
                lines.append(f"ring {agent} for {call}")
            case StopRinging(call, agent, cause, missed):
                missed_too = ", missed" if missed else ""
                lines.append(f"stop {agent} for {call}: {cause.value}{missed_too}")
            case Connect(call, agent):
                lines.append(f"connect {call} to {agent}")
            case Release(call, agent):
                lines.append(f"release {agent} of {call}")
            case Leave(call, queue_id, reason):
                lines.append(f"{call} leaves {queue_id}: {reason.value}")
            case Announce(call, position, expected):
                seconds = None if expected is None else round(expected, 1)
                lines.append(f"tell {call}: {position}, {seconds}")
            case PickRefused(call, agent, why):
                lines.append(f"{agent} may not pick {call}: {why.name}")
            case AgentChanged():
                pass
    return lines
