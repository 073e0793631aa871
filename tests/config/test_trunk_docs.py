"""docs/trunks.md: what it says to write can be written, nothing is left out, defaults are true."""

import re

import pytest
from pydantic import BaseModel

from pbx.config import Config, find_sounds
from pbx.config.check import check
from pbx.config.document import parse
from pbx.config.routes import (
    ChoiceSettings,
    EmergencySettings,
    OutgoingSettings,
    RightsSettings,
    RouteSettings,
)
from pbx.config.trunks import CallerIdSettings, RewriteSettings, ServerSettings, TrunkSettings
from pbx.config.values import seconds_of
from tests.data import ROOT

TEXT = (ROOT / "docs/trunks.md").read_text()
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
OFFICE = """
extensions: {101: Olena, 102: Taras, 901: Anna}
agents: {901: Anna}
queues: {sales: {members: [901], number: 500}}
"""
TRUNKS = "trunks: {voip: {servers: 192.0.2.1}, carrier: {servers: 192.0.2.2}}"
MODELS: tuple[type[BaseModel], ...] = (
    *(TrunkSettings, ServerSettings, RewriteSettings, CallerIdSettings),
    *(OutgoingSettings, RouteSettings, ChoiceSettings, EmergencySettings, RightsSettings),
)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: f"line {_line(snippet)}")
def test_a_snippet_has_no_faults(snippet: str) -> None:
    trees = [parse(text, "x").tree for text in (OFFICE, TRUNKS, snippet)]
    config = Config.model_validate(trees[0] | trees[1] | trees[2])
    sounds = find_sounds(config.sounds)
    assert check(config, sounds.prompts, sounds.music) == []


def test_every_setting_is_told_of() -> None:
    settings = {
        field.alias or name for model in MODELS for name, field in model.model_fields.items()
    }
    told = set(re.findall(r"`([a-z_]+)", TEXT))
    told |= {word for snippet in SNIPPETS for word in re.findall(r"([a-z_]+):", snippet)}
    assert settings - told == set()


def test_defaults_are_as_told() -> None:
    """`name` (value): at its mention in a list."""
    told: dict[str, str] = {}
    for line in TEXT.splitlines():
        if line.startswith(("- ", "  ")):
            told |= dict(re.findall(r"`([a-z_]+)` \(([a-z0-9.]+)[;)]", line))
    fields = {
        field.alias or name: field.default
        for model in reversed(MODELS)
        for name, field in model.model_fields.items()
    }
    assert len(told) > 18
    for name, value in told.items():
        default = fields[name]
        if isinstance(default, bool):
            assert str(default).lower() == value, name
        elif isinstance(default, float):
            assert default == seconds_of(value), name
        else:
            assert str(default) == value, name


def _line(snippet: str) -> int:
    return TEXT.count("\n", 0, TEXT.index(snippet)) + 1
