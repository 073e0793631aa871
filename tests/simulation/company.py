"""Small companies and days to try things on."""

from math import inf

from pbx.distribution.config import AgentConfig, DistributionConfig, Member, QueueConfig, Strategy
from pbx.distribution.inputs import Input, LeaveReason
from pbx.simulation.day import Caller, Day, Timed
from pbx.simulation.ledger import Ledger
from pbx.simulation.phones import Phones
from pbx.simulation.run import live
from pbx.simulation.traffic import Shift, signed_in

Noted = tuple[str, str, float, LeaveReason | None, str]
"""Call, queue, wait, how it left, agent."""


def company(*queues: QueueConfig, agents: tuple[AgentConfig, ...] = ()) -> DistributionConfig:
    named = {agent.id for agent in agents}
    members = {member.agent: None for queue in queues for member in queue.members}
    others = tuple(AgentConfig(name) for name in members if name not in named)
    return DistributionConfig(queues, agents + others)


def queue(
    id: str, *agents: str, strategy: Strategy = Strategy.LONGEST_IDLE, **more: object
) -> QueueConfig:
    members = tuple(Member(agent) for agent in agents)
    return QueueConfig(id, strategy, members, **more)  # type: ignore[arg-type]


def caller(call: str, at: float, talk: float, patience: float = inf, **more: object) -> Caller:
    return Caller(call, "sales", at, talk, patience, **more)  # type: ignore[arg-type]


def day(
    config: DistributionConfig,
    *callers: Caller,
    seconds: float = 1000.0,
    script: tuple[Timed, ...] | None = None,
    overflow: dict[tuple[str, LeaveReason], str] | None = None,
) -> Day:
    everybody = tuple(Shift(agent.id) for agent in config.agents)
    acts = signed_in(everybody) if script is None else script
    return Day(config, 0.0, seconds, callers, acts, overflow or {})


def lived(one: Day, phones: Phones | None = None, seed: int = 1) -> list[Noted]:
    return noted(live(one, seed, phones or Phones()))


def noted(ledger: Ledger) -> list[Noted]:
    return [
        (visit.call, visit.queue, round(visit.wait, 3), visit.reason, visit.agent)
        for visit in ledger.visits
    ]


def watched(one: Day, phones: Phones | None = None) -> list[tuple[float, Input]]:
    """Every input that the core got."""
    inputs: list[tuple[float, Input]] = []
    _ = live(one, 1, phones or Phones(), lambda at, event: inputs.append((at, event)))
    return inputs
