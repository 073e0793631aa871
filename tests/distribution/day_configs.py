"""Random configurations over all strategies and knobs.

Whole and half seconds, so that deadlines coincide often; few numbers and few tags, so that callers
come again and requirements are met now and then.
"""

from dataclasses import replace
from random import Random
from typing import Final

from pbx.distribution.config import (
    AgentConfig,
    BreakReason,
    DistributionConfig,
    Member,
    Newcomer,
    QueueConfig,
    Relax,
    RetryDelays,
    Strategy,
    Tag,
    TagCount,
    Window,
    WithinTier,
)

STRATEGIES: Final = tuple(Strategy)
CHOOSING: Final = tuple(s for s in Strategy if s is not Strategy.MANUAL)
AGENTS: Final = ("anna", "bohdan", "clara", "dmytro", "eva", "fedir")
MANY_AGENTS: Final = tuple(f"a{number:03}" for number in range(150))
QUEUES: Final = ("sales", "support", "night")
NUMBERS: Final = ("", "380501", "380501", "380502", "380502", "48221")
TAGS: Final = ("sales", "support", "french", "english")
REQUIREMENTS: Final = (
    "",
    "sales",
    "sales & french",
    "french >= 50 | english",
    "!sales",
    "sales & (french | !english)",
    "support, english >= 30",
    "not (sales and french)",
    "piano",
    "not piano",
    "(sales",
)
_DROPS: Final = ("language", "skill", "sales", "french", "piano", "all")


def random_config(
    rng: Random, strategy: Strategy | None = None, names: tuple[str, ...] = AGENTS
) -> DistributionConfig:
    agents = [name for name in names if rng.random() < 0.9] or [names[0]]
    queues = [name for name in QUEUES if rng.random() < 0.85] or [QUEUES[0]]
    languages = (Tag("french", "language"), Tag("english", "language"), Tag("sales"))
    return DistributionConfig(
        tuple(_random_queue(rng, name, agents, strategy) for name in queues),
        tuple(
            AgentConfig(
                name,
                tags=random_tags(rng),
                max_calls=rng.choice((1, 1, 1, 2)),
                max_no_answer=rng.choice((0, 0, 2)),
                wrap_up=rng.choice((None, None, 0.0, 4.0)),
                wrap_up_max=10.0,
                wrap_up_extensions=rng.choice((0, 0, 1)),
                ring_in_use=rng.random() < 0.15,
            )
            for name in agents
        ),
        rng.choice((languages, languages, ())),
        rng.choice(((), (), (), ("48*",), ("anonymous", "48221"))),
        _random_breaks(rng),
        rng.choice((0, 0, 0, 0, 4)),
    )


def _random_breaks(rng: Random) -> tuple[BreakReason, ...]:
    """For agents who know four words."""
    keep = rng.choice((0, 3, 4))
    lunch = BreakReason("lunch", longest=rng.choice((2.0, 5.0)), keep_at_work=keep)
    training = BreakReason("training", keep_at_work=rng.choice((1, 4)))
    return rng.choice(((), (lunch,), (lunch, training)))


def random_tags(rng: Random) -> tuple[tuple[str, int], ...]:
    return tuple((tag, rng.choice((0, 20, 50, 80))) for tag in TAGS if rng.random() < 0.6)


def random_member(rng: Random, agent: str, *, delays: bool) -> Member:
    return Member(
        agent,
        order=rng.randint(1, 3),
        rank=rng.choice((0, 0, 10, 20)),
        weight=rng.choice((1, 1, 2, 3, 5)),
        ring_timeout=rng.choice((None, None, 4.0)),
        delay=rng.choice((0.0, 3.0, 6.0)) if delays else 0.0,
    )


def _random_queue(
    rng: Random, name: str, agents: list[str], strategy: Strategy | None
) -> QueueConfig:
    size = rng.choice((0.0, 0.2, 0.3, 0.5, 0.7, 0.7, 0.85, 0.85, 1.0, 1.0))
    members = rng.sample(agents, round(size * len(agents)))
    delays = rng.random() < 0.2
    line = QueueConfig(
        name,
        strategy or rng.choice(STRATEGIES),
        tuple(random_member(rng, agent, delays=delays) for agent in members),
        ring_timeout=rng.choice((5.0, 8.0)),
        wrap_up=rng.choice((0.0, 3.0)),
        retry_after=RetryDelays(*(rng.choice((0.0, 2.0, 5.0)) for _ in range(4))),
        max_wait=rng.choice((0.0, 0.0, 12.0, 40.0)),
        grace_if_ringing=rng.random() < 0.4,
        max_length=rng.choice((0, 0, 0, 3)),
        join_empty=rng.random() < 0.8,
        leave_empty_after=rng.choice((None, 0.0, 10.0)),
        weight=rng.choice((0, 0, 5)),
        priority=rng.choice((0, 0, 1)),
        announce_every=rng.choice((0.0, 0.0, 7.0)),
        announce_wait=rng.random() < 0.8,
        leave_unmatched_after=rng.choice((None, 0.0, 4.0, 8.0)),
        rise_every=rng.choice((0.0, 0.0, 4.0)),
        rise_max=rng.choice((1, 3, 10)),
        wrap_up_max=rng.choice((None, None, 2.0)),
    )
    return _before_the_strategy(rng, _by_strategy(rng, line))


def _by_strategy(rng: Random, queue: QueueConfig) -> QueueConfig:
    return replace(
        queue,
        join_ringing=rng.random() < 0.75,
        share_ringing=rng.random() < 0.7,
        outbound_resets_idle=rng.random() < 0.7,
        tier_timeout=rng.choice((0.0, 2.0, 3.0, 6.0)),
        keep_ringing=rng.random() < 0.6,
        within_tier=rng.choice(tuple(WithinTier)),
        rounds=rng.choice((0, 0, 1, 2)),
        window=rng.choice(tuple(Window)),
        window_seconds=rng.choice((6.0, 20.0)),
        recalculate=rng.choice((0.0, 0.0, 5.0, 8.0)),
        newcomer=rng.choice(tuple(Newcomer)),
        rank_timeout=rng.choice((0.0, 0.0, 3.0)),
        within_rank=rng.choice(tuple(WithinTier)),
        count_tags=rng.choice(tuple(TagCount)),
        auto_after=rng.choice((0.0, 4.0, 8.0)),
        then=rng.choice(CHOOSING),
    )


def _before_the_strategy(rng: Random, queue: QueueConfig) -> QueueConfig:
    relax = [
        Relax(rng.choice((2.0, 4.0, 6.0, 10.0)), rng.choice(_DROPS))
        for _ in range(rng.choice((0, 0, 1, 2)))
    ]
    return replace(
        queue,
        requires=rng.choice(REQUIREMENTS) if rng.random() < 0.2 else "",
        relax=tuple(relax),
        personal_for=rng.choice((0.0, 6.0, 12.0)),
        sticky_for=rng.choice((0.0, 30.0, 100.0, 100.0)),
        sticky_wait=rng.choice((0.0, 4.0, 8.0, 8.0)),
        sticky_ignore_status=rng.random() < 0.4,
    )


def crowded_config(rng: Random) -> DistributionConfig:
    """Everybody in `ring_all` queues that share phones."""
    config = random_config(rng, Strategy.RING_ALL)
    members = tuple(Member(agent) for agent in AGENTS)
    agents = {agent.id: agent for agent in config.agents}
    queues = [
        replace(
            queue,
            members=members,
            max_length=0,
            join_ringing=True,
            share_ringing=True,
            retry_after=RetryDelays(1.0, 0.0, 0.0, 0.0),
            wrap_up=0.0,
            requires="",
        )
        for queue in config.queues
    ]
    return replace(
        config,
        queues=tuple(queues[: rng.choice((1, 1, 2))]),
        agents=tuple(agents.get(name, AgentConfig(name)) for name in AGENTS),
    )


def busy_config(rng: Random) -> DistributionConfig:
    """Enough conversations that the expected wait can be told."""
    config = random_config(rng, rng.choice(CHOOSING))
    members = tuple(Member(agent) for agent in AGENTS[:4])
    queues = [
        replace(
            queue,
            members=members,
            max_length=0,
            max_wait=0.0,
            requires="",
            personal_for=0.0,
            sticky_for=0.0,
            relax=(),
            rise_every=0.0,
            announce_every=rng.choice((4.0, 7.0)),
            announce_wait=True,
            retry_after=RetryDelays(1.0, 0.0, 0.0, 0.0),
        )
        for queue in config.queues
    ]
    return DistributionConfig(
        tuple(queues[: rng.choice((1, 1, 2))]),
        tuple(AgentConfig(name, wrap_up=rng.choice((None, 0.0, 2.0))) for name in AGENTS),
    )
