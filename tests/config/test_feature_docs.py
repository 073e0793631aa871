"""docs/features.md: what it says to write can be written, and nothing is left out."""

import re

import pytest

from pbx.config import Config, find_sounds
from pbx.config.check import check
from pbx.config.codes import FeatureCodes
from pbx.config.devices import DeviceSettings, KeySettings, Model, ProvisioningSettings
from pbx.config.document import parse
from pbx.config.phones import ForwardSettings, PhoneUseSettings
from pbx.forwarding import FORWARDS_MAX
from pbx.provisioning.render import TEMPLATES
from pbx.web.provisioning import FAILURES_MAX
from tests.data import ROOT

TEXT = (ROOT / "docs/features.md").read_text()
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
PEOPLE = """
extensions: {101: Olena, 102: Petro, 103: Iryna, 901: Anna, 902: Borys}
agents: {901: , 902: }
"""


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: f"line {_line(snippet)}")
def test_a_snippet_has_no_faults(snippet: str) -> None:
    people, tree = parse(PEOPLE, "people").tree, parse(snippet, "snippet").tree
    extensions, own = people["extensions"], tree.get("extensions", {})
    assert isinstance(extensions, dict)
    assert isinstance(own, dict)
    config = Config.model_validate(people | tree | {"extensions": extensions | own})
    sounds = find_sounds(config.sounds)
    assert check(config, sounds.prompts, sounds.music) == []


def test_the_table_of_codes_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| `([0-9*#]+)` \| `([a-z_]+)` \|", TEXT, re.MULTILINE)
    assert {name: code for code, name in rows} == FeatureCodes.model_validate({}).digits()


def test_every_setting_is_told_of() -> None:
    told = set(re.findall(r"`([a-z_]+)", TEXT))
    models = (ForwardSettings, PhoneUseSettings, DeviceSettings, KeySettings, ProvisioningSettings)
    assert {name for model in models for name in model.model_fields} - told == set()
    assert {model.value for model in Model} <= told
    assert {"devices", "provisioning", "pick_up_groups", "feature_codes"} <= {
        *told,
        *(key for snippet in SNIPPETS for key in parse(snippet, "snippet").tree),
    }


def test_defaults_are_as_told() -> None:
    """`name` (value): at its first mention in a list."""
    told = dict(re.findall(r"^- `([a-z_]+)` \(([a-z0-9_]+)\)", TEXT, re.MULTILINE))
    fields = {**PhoneUseSettings.model_fields, **DeviceSettings.model_fields}
    defaults = {name: str(fields[name].default).lower() for name in told}
    assert told == defaults
    assert len(told) >= 6


def test_figures_are_those_of_the_program() -> None:
    assert FORWARDS_MAX == 5
    assert "A chain of forwards ends after five" in TEXT
    assert f"Who asks for {FAILURES_MAX} wrong addresses within a\nminute" in TEXT


def test_every_template_is_there() -> None:
    folder = ROOT / "pbx/provisioning/templates"
    assert {path.name for path in folder.iterdir()} == set(TEMPLATES.values())


def _line(snippet: str) -> int:
    return TEXT.count("\n", 0, TEXT.index(snippet)) + 1
