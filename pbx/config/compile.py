"""The configuration as the distribution core wants it: plain frozen values, times in seconds."""

from dataclasses import replace

from pbx.config.model import AgentSettings, Config
from pbx.config.queue_values import CountWindow
from pbx.config.queues import MemberSettings, QueueSettings
from pbx.distribution.config import (
    AgentConfig,
    BreakReason,
    DistributionConfig,
    Member,
    QueueConfig,
    Relax,
    RetryDelays,
    Tag,
    Window,
)


def to_distribution(config: Config) -> DistributionConfig:
    return DistributionConfig(
        queues=tuple(_queue(id_, queue) for id_, queue in config.queues.items()),
        agents=tuple(_agent(id_, agent) for id_, agent in config.agents.items()),
        tags=tuple(Tag(tag, dimension) for dimension, tags in config.tags.items() for tag in tags),
        blacklist=config.blacklist,
        break_reasons=tuple(
            BreakReason(name, reason.longest, reason.keep_at_work, reason.paid, reason.productive)
            for name, reason in config.break_reasons.items()
        ),
        seats=config.seats,
    )


def _queue(id_: str, queue: QueueSettings) -> QueueConfig:
    retry, window = queue.retry_after, window_of(queue)
    base = QueueConfig(
        id=id_,
        strategy=queue.strategy,
        members=tuple(_member(member) for _, member in queue.places()),
        ring_timeout=queue.ring_timeout,
        wrap_up=queue.wrap_up,
        wrap_up_max=queue.wrap_up_max,
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
        priority=queue.priority.start,
        rise_every=queue.priority.rise_every,
        rise_max=queue.priority.rise_max,
        announce_every=queue.announce.every if queue.announces else 0.0,
        announce_wait=queue.announce.wait,
    )
    return _before_the_strategy(_strategy(base, queue, window), queue)


def _strategy(base: QueueConfig, queue: QueueSettings, window: CountWindow) -> QueueConfig:
    return replace(
        base,
        rounds=queue.rounds,
        join_ringing=queue.join_ringing,
        share_ringing=queue.share_ringing,
        outbound_resets_idle=queue.outbound_resets_idle,
        tier_timeout=queue.tier_timeout,
        keep_ringing=queue.keep_ringing,
        within_tier=queue.within_tier,
        rank_timeout=queue.rank_timeout,
        within_rank=queue.within_rank,
        window=window.kind,
        window_seconds=window.seconds,
        recalculate=queue.recalculate,
        newcomer=queue.newcomer,
        count_tags=queue.count_tags,
        auto_after=queue.auto_after,
        then=queue.then,
    )


def _before_the_strategy(base: QueueConfig, queue: QueueSettings) -> QueueConfig:
    base = replace(
        base,
        requires=queue.requires,
        relax=tuple(Relax(step.after, step.drop) for step in queue.relax),
        leave_unmatched_after=queue.leave_unmatched_after,
        personal_for=queue.personal_for,
    )
    if queue.sticky is None:
        return base
    return replace(
        base,
        sticky_for=queue.sticky.for_,
        sticky_wait=queue.sticky.wait,
        sticky_ignore_status=queue.sticky.ignore_status,
    )


def window_of(queue: QueueSettings) -> CountWindow:
    """`hour` are the last 60 minutes, unless they are aligned with the clock."""
    return CountWindow(Window.HOUR) if queue.align == "clock" else queue.window


def _member(member: MemberSettings) -> Member:
    return Member(
        agent=member.agent,
        order=member.order,
        rank=member.rank,
        weight=member.weight,
        ring_timeout=member.ring_timeout,
        delay=member.delay,
    )


def _agent(id_: str, agent: AgentSettings) -> AgentConfig:
    return AgentConfig(
        id=id_,
        tags=tuple(agent.tags.items()),
        max_calls=agent.max_calls,
        max_no_answer=agent.max_no_answer,
        wrap_up=agent.wrap_up,
        wrap_up_max=agent.wrap_up_max,
        wrap_up_extensions=agent.wrap_up_extensions,
        ring_in_use=agent.ring_in_use,
    )
