"""docs/distribution.md: what it says to write can be written, and nothing is left out."""

import re

import pytest

from pbx.config import Config, find_sounds
from pbx.config.check import check
from pbx.config.document import parse
from pbx.config.model import AgentSettings, BreakSettings, CallerSettings, NumberSettings
from pbx.config.queues import (
    MemberSettings,
    PrioritySettings,
    QueueSettings,
    RetrySettings,
    StickySettings,
    StrategySettings,
)
from pbx.distribution.config import Strategy
from tests.data import ROOT

TEXT = (ROOT / "docs/distribution.md").read_text()
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
PEOPLE = """
extensions: {101: Olena, 901: Anna, 902: Borys, 903: Vira, 904: Hanna}
agents: {901: {tags: [sales, french]}, 902: {tags: [sales, support]}, 903: , 904: }
"""
NOT_ABOUT_WHO_GETS_THE_CALL = {
    *("name", "number", "greeting", "music", "language", "announce", "on_key", "to", "echo"),
    *("extension", "signed_in"),
}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: f"line {_line(snippet)}")
def test_a_snippet_has_no_faults(snippet: str) -> None:
    tree = parse(PEOPLE, "people").tree | parse(snippet, "snippet").tree
    agents = tree["agents"]
    assert isinstance(agents, dict)
    tree["agents"] = {agent: {} for agent in ("901", "902", "903", "904")} | agents
    config = Config.model_validate(tree)
    sounds = find_sounds(config.sounds)
    assert check(config, sounds.prompts, sounds.music) == []


def test_every_setting_is_told_of() -> None:
    settings = {
        name
        for model in (QueueSettings, MemberSettings, CallerSettings, NumberSettings)
        for name in model.model_fields
    }
    settings |= {"start", *RetrySettings.model_fields, *PrioritySettings.model_fields}
    settings |= {*BreakSettings.model_fields, *AgentSettings.model_fields}
    settings |= {field.alias or name for name, field in StickySettings.model_fields.items()}
    told = set(re.findall(r"`([a-z_]+)", TEXT))
    assert (
        settings - told - NOT_ABOUT_WHO_GETS_THE_CALL - {*("to", "echo", "extension", "signed_in")}
        == set()
    )
    assert {strategy.value for strategy in Strategy} <= told


def test_defaults_are_as_told() -> None:
    """`name` (value): at its first mention in a list."""
    told = dict(re.findall(r"^- `([a-z_]+)` \(([a-z0-9_]+)\)", TEXT, re.MULTILINE))
    defaults = {name: field.default for name, field in QueueSettings.model_fields.items()}
    config = parse("".join(f"{name}: {value}\n" for name, value in told.items()), "told").tree
    queue = QueueSettings.model_validate(config)
    assert {name: getattr(queue, name) for name in told} == {name: defaults[name] for name in told}
    assert len(told) > 15
    assert set(told) <= {*StrategySettings.model_fields, "leave_unmatched_after", "personal_for"}


def _line(snippet: str) -> int:
    return TEXT.count("\n", 0, TEXT.index(snippet)) + 1
