"""What the distribution core and editors get."""

import json
from pathlib import Path

from pbx.config import Config, json_schema, load, to_distribution
from pbx.config.schema import schema_text
from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    RetryDelays,
    Strategy,
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
                    "ring_in_use": True,
                },
                "902": {},
            },
            "queues": {
                "q": {
                    "strategy": "in_order",
                    "members": [
                        {"agent": 901, "order": 2, "rank": 3, "weight": 4, "ring_timeout": 6},
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
                    "priority": 12,
                    "join_ringing": False,
                    "share_ringing": False,
                    "outbound_resets_idle": False,
                    "tier_timeout": 13,
                    "keep_ringing": True,
                    "within_tier": "one_by_one",
                    "rounds": 14,
                    "announce": {"position": True, "wait": True, "every": 15},
                }
            },
        }
    )
    assert to_distribution(config) == DistributionConfig(
        queues=(
            QueueConfig(
                id="q",
                strategy=Strategy.IN_ORDER,
                members=(Member("901", 2, 3, 4, 6.0), Member("902")),
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
                announce_wait=True,
            ),
        ),
        agents=(AgentConfig("901", (("fr", 50),), 2, 3, 4.0, 5.0, True), AgentConfig("902")),
    )


def test_the_samples_suit_the_core() -> None:
    for path in (ROOT / "config").glob("*/pbx.yaml"):
        check(to_distribution(load(path, {})), supported=Strategy)


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
    assert schema["$defs"]["FeatureCodes"]["properties"].keys() == {
        *("sign_in", "break", "end_wrap_up")
    }


def test_the_samples_name_the_schema() -> None:
    first = (ROOT / "config/quickstart/pbx.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../pbx.schema.json"
    assert Path(ROOT, "config/quickstart", "../pbx.schema.json").is_file()
