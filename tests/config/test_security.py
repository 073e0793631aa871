"""Settings against abuse and overload: what they become, what is refused, and what docs say."""

import re

import pytest

from pbx.config import Config
from pbx.config.check import check
from pbx.config.document import parse
from pbx.config.explain import Fault
from pbx.config.security import OverloadSettings, SecuritySettings, security_plan
from pbx.config.values import in_words
from pbx.overload import OverloadPlan
from pbx.security_plan import SecurityPlan
from sip.guard import GuardConfig
from tests.data import ROOT

TEXT = (ROOT / "docs/security.md").read_text()
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def faults(text: str) -> list[Fault]:
    config = Config.model_validate(parse(text, "test").tree)
    return check(config, ["sorry", "welcome"], [])


def test_the_defaults_are_those_of_the_machines() -> None:
    assert security_plan(SecuritySettings(), OverloadSettings()) == SecurityPlan(
        True, GuardConfig(), OverloadPlan()
    )


def test_all_settings_reach_the_machines() -> None:
    text = """
    security: {allow: [10.0.0.0/8], ban_after: 3, scan_after: 7, ban_window: 1m, ban_time: 2m,
               ban_time_max: 1h, stranger_rate: 5, stranger_burst: 9, scanners: false}
    overload: {calls_per_second: 4, excuse: sorry, longest_delay: 100ms}
    """
    config = Config.model_validate(parse(text, "test").tree)
    assert security_plan(config.security, config.overload) == SecurityPlan(
        True,
        GuardConfig(("10.0.0.0/8",), 3, 7, 60.0, 120.0, 3600.0, 5.0, 9.0, ()),
        OverloadPlan(4.0, 0.1, "sorry"),
    )


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (
            "security: {ban_time: 2d, ban_time_max: 1d}",
            ("security", "ban_time"),
            "longer than the longest ban, ban_time_max",
        ),
        (
            "security: {allow: [10.0.0.0/8, 0.0.0.0/0]}",
            ("security", "allow", 1),
            "this allows the whole world; to switch the guard off: `enabled: false`",
        ),
        (
            "overload: {excuse: sorry}",
            ("overload", "excuse"),
            "nobody hears it: `calls_per_second` has no limit",
        ),
        (
            "overload: {excuse: sory, calls_per_second: 1}",
            ("overload", "excuse"),
            'there is no sound "sory"',
        ),
    ],
)
def test_faults(text: str, place: tuple[str | int, ...], what: str) -> None:
    assert [(fault.place, fault.message) for fault in faults(text)] == [(place, what)]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_of_the_docs_has_no_faults(snippet: str) -> None:
    assert faults(snippet) == []


def test_every_setting_is_told_of_with_its_default() -> None:
    told = dict(re.findall(r"^- `([a-z_]+)`(?: \(([a-z0-9]+)\))?:", TEXT, re.MULTILINE))
    fields = {**SecuritySettings.model_fields, **OverloadSettings.model_fields}
    assert told.keys() == fields.keys()
    for name, default in told.items():
        if default:
            value = fields[name].default
            assert default in (str(value).lower(), f"{value:g}" if value else "0", _time(value)), (
                name
            )


def _time(value: object) -> str:
    if not isinstance(value, float):
        return ""
    if value == 86_400.0:
        return "1d"
    return f"{value * 1000:g}ms" if value < 1 else in_words(value)
