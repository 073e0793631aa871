"""What the distribution core and editors get."""

import json
from dataclasses import Field, fields
from pathlib import Path

import pytest

from pbx.codes import TAKES
from pbx.config import Config, json_schema, load, to_distribution
from pbx.config.schema import schema_text
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
    check,
)
from tests.data import ROOT


def test_every_setting_arrives() -> None:
    config = Config.model_validate(
        {
            "agents": {
                "901": {
                    "tags": {"fr": 50},
                    "max_calls": 2,
                    "max_no_answer": 3,
                    "wrap_up": 4,
                    "wrap_up_max": 5,
                    "wrap_up_extensions": 6,
                    "ring_in_use": True,
                },
                "902": {},
            },
            "queues": {
                "q": {
                    "strategy": "in_order",
                    "members": [
                        {
                            **{"agent": 901, "order": 2, "rank": 3, "weight": 4},
                            **{"ring_timeout": 6, "delay": 7},
                        },
                        902,
                    ],
                    "ring_timeout": 7,
                    "wrap_up": 8,
                    "retry_after": {"no_answer": 1, "busy": 2, "rejected": 3, "unreachable": 4},
                    "max_wait": 9,
                    "grace_if_ringing": True,
                    "max_length": 10,
                    "join_empty": False,
                    "leave_empty_after": "never",
                    "weight": 11,
                    "priority": {"start": 12, "rise_every": 16, "rise_max": 17},
                    "join_ringing": False,
                    "share_ringing": False,
                    "outbound_resets_idle": False,
                    "tier_timeout": 13,
                    "keep_ringing": True,
                    "within_tier": "one_by_one",
                    "rounds": 14,
                    "announce": {"position": True, "wait": False, "every": 15},
                    "requires": "fr & !pl",
                    "relax": [{"after": 18, "drop": "language"}, {"after": 19, "drop": "all"}],
                    "leave_unmatched_after": 20,
                    "window": "21m",
                    "recalculate": 22,
                    "newcomer": "zero",
                    "rank_timeout": 23,
                    "within_rank": "all",
                    "count_tags": "foreign",
                    "auto_after": 24,
                    "then": "random",
                    "personal_for": 25,
                    "sticky": {"for": 26, "wait": 27, "ignore_status": True},
                    "wrap_up_max": 28,
                }
            },
            "tags": {"language": ["fr", "pl"], "skill": ["sales"]},
            "seats": 7,
            "break_reasons": {
                "обід": None,
                "training": {
                    **{"longest": "1h", "keep_at_work": 2, "paid": False, "productive": True}
                },
            },
            "blacklist": ["+48*", "anonymous", 5],
        }
    )
    core = to_distribution(config)
    assert core == DistributionConfig(
        queues=(
            QueueConfig(
                id="q",
                strategy=Strategy.IN_ORDER,
                members=(Member("901", 2, 3, 4, 6.0, 7.0), Member("902")),
                ring_timeout=7.0,
                wrap_up=8.0,
                retry_after=RetryDelays(1.0, 2.0, 3.0, 4.0),
                max_wait=9.0,
                grace_if_ringing=True,
                max_length=10,
                join_empty=False,
                leave_empty_after=None,
                weight=11,
                priority=12,
                join_ringing=False,
                share_ringing=False,
                outbound_resets_idle=False,
                tier_timeout=13.0,
                keep_ringing=True,
                within_tier=WithinTier.ONE_BY_ONE,
                rounds=14,
                announce_every=15.0,
                announce_wait=False,
                requires="fr & !pl",
                relax=(Relax(18.0, "language"), Relax(19.0, "all")),
                leave_unmatched_after=20.0,
                window=Window.ROLLING,
                window_seconds=21 * 60.0,
                recalculate=22.0,
                newcomer=Newcomer.ZERO,
                rank_timeout=23.0,
                within_rank=WithinTier.ALL,
                count_tags=TagCount.FOREIGN,
                auto_after=24.0,
                then=Strategy.RANDOM,
                personal_for=25.0,
                sticky_for=26.0,
                sticky_wait=27.0,
                sticky_ignore_status=True,
                rise_every=16.0,
                rise_max=17,
                wrap_up_max=28.0,
            ),
        ),
        agents=(AgentConfig("901", (("fr", 50),), 2, 3, 4.0, 5.0, 6, True), AgentConfig("902")),
        tags=(Tag("fr", "language"), Tag("pl", "language"), Tag("sales", "skill")),
        break_reasons=(
            BreakReason("обід"),
            BreakReason("training", 3600.0, keep_at_work=2, paid=False, productive=True),
        ),
        seats=7,
        blacklist=("+48*", "anonymous", "5"),
    )
    # Nothing was forgotten above.
    for value in (core.queues[0], core.queues[0].members[0], core.agents[0], core):
        assert [f.name for f in fields(value) if getattr(value, f.name) == default_of(f)] == []


def default_of(field: Field[object]) -> object:
    factory = field.default_factory
    return factory() if callable(factory) else field.default


def queue_of(**settings: object) -> QueueConfig:
    config = Config.model_validate({"queues": {"q": settings}})
    return to_distribution(config).queues[0]


@pytest.mark.parametrize(
    ("settings", "kind", "seconds"),
    [
        ({}, Window.DAY, 3600.0),
        ({"window": "day"}, Window.DAY, 3600.0),
        ({"window": "Hour"}, Window.ROLLING, 3600.0),
        ({"window": "hour", "align": "rolling"}, Window.ROLLING, 3600.0),
        ({"window": "hour", "align": "clock"}, Window.HOUR, 3600.0),
        ({"window": "shift"}, Window.SHIFT, 3600.0),
        ({"window": "90m"}, Window.ROLLING, 5400.0),
        ({"window": 600}, Window.ROLLING, 600.0),
    ],
)
def test_windows(settings: dict[str, object], kind: Window, seconds: float) -> None:
    queue = queue_of(**settings)
    assert (queue.window, queue.window_seconds) == (kind, seconds)


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ({"recalculate": "every_call"}, "recalculate", 0.0),
        ({"recalculate": "1h"}, "recalculate", 3600.0),
        ({"priority": 5}, "priority", 5),
        ({"priority": {"rise_every": "30s"}}, "rise_every", 30.0),
        ({"sticky": "7d"}, "sticky_for", 604_800.0),
        ({"sticky": {"for": "30d"}}, "sticky_wait", 30.0),
        ({}, "sticky_for", 0.0),
        ({"leave_unmatched_after": "never"}, "leave_unmatched_after", None),
        ({"strategy": "Longest Idle"}, "strategy", Strategy.LONGEST_IDLE),
        ({"strategy": "Top-Down"}, "within_tier", WithinTier.ONE_BY_ONE),
        ({"strategy": "ring-progressively"}, "keep_ringing", True),
        ({"strategy": "ring-progressively", "keep_ringing": False}, "keep_ringing", False),
        ({"strategy": "manual", "then": "rrmemory"}, "then", Strategy.ROUND_ROBIN),
        ({"requires": " sales\n and  french "}, "requires", "sales and french"),
        ({"requires": 7}, "requires", "7"),
    ],
)
def test_forms(settings: dict[str, object], field: str, value: object) -> None:
    assert getattr(queue_of(**settings), field) == value


def test_steps_are_members_with_an_order() -> None:
    queue = queue_of(steps=[[901, "902"], [{"agent": "903", "ring_timeout": "9s"}]])
    assert queue.strategy is Strategy.IN_ORDER
    assert queue.members == (Member("901"), Member("902"), Member("903", 2, ring_timeout=9.0))
    assert queue_of(steps=[[901]], strategy="by_rank").strategy is Strategy.BY_RANK


def test_the_samples_suit_the_core() -> None:
    for path in (ROOT / "config").glob("*/pbx.yaml"):
        check(to_distribution(load(path, {})))


def test_the_schema_is_up_to_date() -> None:
    committed = (ROOT / "config/pbx.schema.json").read_text()
    assert committed == schema_text(), (
        "python -c 'from pbx.config.schema import schema_text; print(schema_text(), end=\"\")'"
        " > config/pbx.schema.json"
    )


def test_the_schema_tells_of_every_setting() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert set(schema["properties"]) == {*Config.model_fields, "include"}
    assert schema["additionalProperties"] is False
    queue = schema["$defs"]["QueueSettings"]["properties"]
    assert queue["ring_timeout"]["anyOf"] == [{"type": "number"}, {"type": "string"}]
    assert schema["$defs"]["FeatureCodes"]["properties"].keys() == TAKES.keys()


def test_the_samples_name_the_schema() -> None:
    first = (ROOT / "config/quickstart/pbx.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../pbx.schema.json"
    assert Path(ROOT, "config/quickstart", "../pbx.schema.json").is_file()


def test_break_reasons_are_words_or_more() -> None:
    config = Config.model_validate({"break_reasons": ["lunch", 15]})
    assert to_distribution(config).break_reasons == (BreakReason("lunch"), BreakReason("15"))


def test_ways_out_that_are_not_given_are_those_of_their_like() -> None:
    ways = {"on_timeout": "queue:a", "on_empty": "queue:b"}
    queue = Config.model_validate({"queues": {"q": ways}}).queues["q"]
    assert [str(queue.ways_out[way]) for way in ("on_all_missed", "on_no_agent")] == [
        *("queue:a", "queue:b")
    ]
