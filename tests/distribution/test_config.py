"""Names of the strategies, and configurations that contradict themselves."""

import pytest

from pbx.distribution.config import (
    ALIAS_SETTINGS,
    ALIASES,
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    Strategy,
    WithinTier,
    strategy_named,
)
from pbx.distribution.core import Distribution
from pbx.distribution.errors import ConfigError
from tests.distribution.desk import config_of, queue

ALL = Strategy.RING_ALL


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("ring_all", Strategy.RING_ALL),
        ("ringall", Strategy.RING_ALL),
        ("ring-all", Strategy.RING_ALL),
        ("linear", Strategy.IN_ORDER),
        ("top-down", Strategy.IN_ORDER),
        ("rrmemory", Strategy.ROUND_ROBIN),
        ("rrordered", Strategy.ROUND_ROBIN),
        ("round-robin", Strategy.ROUND_ROBIN),
        ("leastrecent", Strategy.LONGEST_IDLE),
        ("longest-idle-agent", Strategy.LONGEST_IDLE),
        ("fewestcalls", Strategy.FEWEST_CALLS),
        ("agent-with-least-talk-time", Strategy.LEAST_TALK_TIME),
        ("wrandom", Strategy.WEIGHTED),
    ],
)
def test_the_names_of_the_field(name: str, strategy: Strategy) -> None:
    assert strategy_named(name)[0] is strategy


def test_every_strategy_has_its_own_name() -> None:
    assert all(ALIASES[strategy.value] is strategy for strategy in Strategy)


def test_some_names_say_more() -> None:
    strategy, settings = strategy_named("ring-progressively")
    assert strategy is Strategy.IN_ORDER
    assert settings == {
        "within_tier": WithinTier.ONE_BY_ONE,
        "keep_ringing": True,
        "tier_timeout": 10.0,
    }
    for name, extra in ALIAS_SETTINGS.items():
        assert name in ALIASES
        assert extra.keys() <= set(QueueConfig.__slots__)


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match="unknown strategy 'roundrobbin'"):
        strategy_named("roundrobbin")


def agents(*names: str) -> tuple[AgentConfig, ...]:
    return tuple(AgentConfig(name) for name in names)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (DistributionConfig((), agents("a", "a")), "two agents have the same id"),
        (config_of(queue(ALL, "a"), queue(ALL, "a")), "two queues have the same id"),
        (DistributionConfig((queue(ALL, "a"),), ()), "queue 'q': unknown agent 'a'"),
        (DistributionConfig((queue(ALL, "a", "a"),), agents("a")), "listed twice"),
        (config_of(queue(ALL, "a", then=Strategy.MANUAL)), "must be a strategy that chooses"),
        (config_of(queue(ALL, "a", recalculate=0.1)), "recalculate must be at least"),
        (config_of(queue(ALL, "a", rise_every=0.1)), "rise_every must be at least"),
        (config_of(queue(ALL, Member("a", weight=0))), "weight must be at least 1"),
        (config_of(queue(ALL, "a", ring_timeout=0.0)), "ring_timeout must be above 0"),
        (config_of(queue(ALL, Member("a", ring_timeout=-1.0))), "ring_timeout must be above 0"),
        (config_of(queue(ALL, "a", max_wait=-1.0)), "negative"),
        (config_of(queue(ALL, "a", announce_every=0.1)), "announce_every must be at least"),
        (DistributionConfig((), (AgentConfig("a", max_calls=0),)), "max_calls"),
    ],
)
def test_what_is_refused(config: DistributionConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Distribution(config, seed=1)
