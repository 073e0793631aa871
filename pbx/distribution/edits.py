"""What supervisors change while people work: kept apart from the configuration, and on top of it.

So a reload neither undoes it nor makes it permanent.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    Strategy,
)

Tags = tuple[tuple[str, int], ...]
Key = tuple[str, str]
"""Queue and agent."""


@dataclass(frozen=True, slots=True)
class MemberEdit:
    member: Member | None  # None: taken out of the queue.
    until: float | None


@dataclass(slots=True)
class Edits:
    members: dict[Key, MemberEdit] = field(default_factory=dict[Key, MemberEdit])
    tags: dict[str, Tags] = field(default_factory=dict[str, Tags])
    strategies: dict[str, Strategy] = field(default_factory=dict[str, Strategy])

    def on(self, config: DistributionConfig) -> DistributionConfig:
        """The configuration with the edits applied; without any, itself."""
        if not (self.members or self.tags or self.strategies):
            return config
        return replace(
            config,
            queues=tuple(self._queue(queue) for queue in config.queues),
            agents=tuple(self._agent(agent) for agent in config.agents),
        )

    def forget_strangers(self, config: DistributionConfig) -> None:
        """Drop the edits whose queue or agent is not configured any more."""
        queues = {queue.id for queue in config.queues}
        agents = {agent.id for agent in config.agents}
        for queue, agent in list(self.members):
            if queue not in queues or agent not in agents:
                del self.members[queue, agent]
        for agent in self.tags.keys() - agents:
            del self.tags[agent]
        for queue in self.strategies.keys() - queues:
            del self.strategies[queue]

    def next_end(self) -> float | None:
        return min((e.until for e in self.members.values() if e.until is not None), default=None)

    def end(self, now: float) -> list[str]:
        """Drop the edits whose time is over; returns their queues."""
        over = [k for k, e in self.members.items() if e.until is not None and e.until <= now]
        for key in over:
            del self.members[key]
        return [queue for queue, _ in over]

    def copy(self) -> "Edits":
        return Edits(dict(self.members), dict(self.tags), dict(self.strategies))

    def _agent(self, agent: AgentConfig) -> AgentConfig:
        tags = self.tags.get(agent.id)
        return agent if tags is None else replace(agent, tags=tags)

    def _queue(self, queue: QueueConfig) -> QueueConfig:
        edits = {agent: edit for (name, agent), edit in self.members.items() if name == queue.id}
        members = tuple(_members(queue, edits)) if edits else queue.members
        strategy = self.strategies.get(queue.id, queue.strategy)
        if members is queue.members and strategy is queue.strategy:
            return queue
        return replace(queue, members=members, strategy=strategy)


def _members(queue: QueueConfig, edits: dict[str, MemberEdit]) -> Iterator[Member]:
    for member in queue.members:
        edit = edits.pop(member.agent, None)
        if edit is None:
            yield member
        elif edit.member is not None:
            yield edit.member
    for edit in edits.values():
        if edit.member is not None:
            yield edit.member
