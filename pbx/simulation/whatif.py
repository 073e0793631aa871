"""The same day with one thing changed: another strategy, more agents or fewer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from pbx.distribution.config import AgentConfig, DistributionConfig, Member, QueueConfig, Strategy
from pbx.distribution.inputs import Configured, LeaveReason
from pbx.simulation.day import AGENTS_MAX, Day, Timed
from pbx.simulation.errors import SimulationError
from pbx.simulation.traffic import Shift, signed_in

EXTRA: Final = "extra-"  # The ids of agents who are not in the configuration begin so.


@dataclass(frozen=True, slots=True)
class Change:
    """Of these queues (None: of all). Seconds since the day began."""

    queues: tuple[str, ...] | None = None
    strategy: Strategy | None = None
    settings: dict[str, object] = field(default_factory=dict[str, object])
    agents: int = 0  # So many more; below 0 so many of the last members less.
    from_: float = 0.0
    until: float | None = None
    # All queues and agents, and the ways from queue to queue, are those of another company.
    config: DistributionConfig | None = None
    overflow: Mapping[tuple[str, LeaveReason], str] | None = None

    @property
    def extra(self) -> tuple[str, ...]:
        return tuple(f"{EXTRA}{number + 1}" for number in range(self.agents))


def changed(day: Day, change: Change) -> Day:
    """Raises SimulationError if there is nothing to be changed so."""
    if change.agents > AGENTS_MAX:
        raise SimulationError(f"more than {AGENTS_MAX:,} agents")
    until = None if change.until is None else day.start + change.until
    shifts = tuple(Shift(agent, day.start + change.from_, until) for agent in change.extra)
    script = tuple(
        Timed(timed.at, Configured(_config(timed.event.config, change)))
        if isinstance(timed.event, Configured)
        else timed
        for timed in day.script
    )
    script = tuple(sorted((*script, *signed_in(shifts)), key=lambda timed: timed.at))
    overflow = day.overflow if change.overflow is None else change.overflow
    return replace(day, config=_config(day.config, change), script=script, overflow=overflow)


def _config(config: DistributionConfig, change: Change) -> DistributionConfig:
    config = change.config or config
    known = {queue.id for queue in config.queues}
    for name in change.queues or ():
        if name not in known:
            raise SimulationError(f"there is no queue {name!r}; there are {', '.join(known)}")
    chosen = known if change.queues is None else set(change.queues)
    like = _pattern(config, chosen)
    queues = tuple(
        _queue(queue, change) if queue.id in chosen else queue for queue in config.queues
    )
    extra = tuple(replace(like, id=agent) for agent in change.extra)
    return replace(config, queues=queues, agents=config.agents + extra)


def _pattern(config: DistributionConfig, chosen: set[str]) -> AgentConfig:
    """Whoever is added can what the first member can."""
    members = [
        queue.members[0].agent for queue in config.queues if queue.id in chosen and queue.members
    ]
    for agent in config.agents:
        if agent.id in members[:1]:
            return agent
    return AgentConfig("")


def _queue(queue: QueueConfig, change: Change) -> QueueConfig:
    members = queue.members
    if change.agents < 0:
        if len(members) <= -change.agents:
            count = len(members)
            raise SimulationError(f"queue {queue.id!r}: none of its {count} agents would be left")
        members = members[: change.agents]
    like = members[0] if members else Member("")
    members += tuple(replace(like, agent=agent) for agent in change.extra)
    settings: dict[str, object] = {"members": members}
    if change.strategy is not None:
        settings |= {"strategy": change.strategy, **change.settings}
    return replace(queue, **settings)  # type: ignore[arg-type]
