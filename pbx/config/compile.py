"""The configuration as the distribution core wants it: plain frozen values, times in seconds."""

from pbx.config.model import AgentSettings, Config, MemberSettings, QueueSettings
from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    RetryDelays,
)


def to_distribution(config: Config) -> DistributionConfig:
    return DistributionConfig(
        queues=tuple(_queue(id_, queue) for id_, queue in config.queues.items()),
        agents=tuple(_agent(id_, agent) for id_, agent in config.agents.items()),
    )


def _queue(id_: str, queue: QueueSettings) -> QueueConfig:
    retry = queue.retry_after
    return QueueConfig(
        id=id_,
        strategy=queue.strategy,
        members=tuple(_member(member) for member in queue.members),
        ring_timeout=queue.ring_timeout,
        wrap_up=queue.wrap_up,
        retry_after=RetryDelays(
            no_answer=retry.no_answer,
            busy=retry.busy,
            rejected=retry.rejected,
            unreachable=retry.unreachable,
        ),
        max_wait=queue.max_wait,
        grace_if_ringing=queue.grace_if_ringing,
        max_length=queue.max_length,
        join_empty=queue.join_empty,
        leave_empty_after=queue.leave_empty_after,
        weight=queue.weight,
        priority=queue.priority,
        join_ringing=queue.join_ringing,
        share_ringing=queue.share_ringing,
        outbound_resets_idle=queue.outbound_resets_idle,
        tier_timeout=queue.tier_timeout,
        keep_ringing=queue.keep_ringing,
        within_tier=queue.within_tier,
        rounds=queue.rounds,
        announce_every=queue.announce.every if queue.announce.position else 0.0,
        announce_wait=queue.announce.wait,
    )


def _member(member: MemberSettings) -> Member:
    return Member(
        agent=member.agent,
        order=member.order,
        rank=member.rank,
        weight=member.weight,
        ring_timeout=member.ring_timeout,
    )


def _agent(id_: str, agent: AgentSettings) -> AgentConfig:
    return AgentConfig(
        id=id_,
        tags=tuple(agent.tags.items()),
        max_calls=agent.max_calls,
        max_no_answer=agent.max_no_answer,
        wrap_up=agent.wrap_up,
        wrap_up_max=agent.wrap_up_max,
        ring_in_use=agent.ring_in_use,
    )
