"""`sip:` settings about registrations, and what the exchange makes of them."""

from pathlib import Path

import pytest

from pbx.config import ConfigErrors, load
from pbx.config.check import check
from pbx.config.document import parse
from pbx.config.load import validate
from pbx.planning import make_plan
from pbx.registrar_plan import RegistrarPlan
from sip.registration import RegistrarLimits


def plan_of(text: str) -> RegistrarPlan:
    config = validate(parse(text, "pbx.yaml"))
    assert check(config) == []
    return make_plan(config, {}).registrar


def test_defaults() -> None:
    limits = RegistrarLimits(
        min_expires=60, max_expires=3600, default_expires=3600, contacts_max=10
    )
    assert plan_of("extensions: {101: Olena}") == RegistrarPlan(limits, 60.0, frozenset())


def test_all_of_them() -> None:
    text = """
sip:
  min_expires: 30
  max_expires: 600
  default_expires: 300
  contacts_max: 3
  qualify_interval: 30s
extensions:
  101: {name: Olena, private: true}
  102: Petro
"""
    limits = RegistrarLimits(min_expires=30, max_expires=600, default_expires=300, contacts_max=3)
    assert plan_of(text) == RegistrarPlan(limits, 30.0, frozenset({"101"}))


def test_the_default_bends_to_the_limits() -> None:
    limits = plan_of("sip: {max_expires: 300}").limits
    assert limits is not None
    assert limits.default_expires == 300
    assert plan_of("sip: {qualify_interval: 0}").qualify_seconds == 0.0


def test_a_fixed_contact_is_asked_if_it_is_wished() -> None:
    text = """
extensions:
  700: {contact: "sip:door@10.0.0.5"}
  701: {contact: "sip:gate@10.0.0.6", qualify_interval: 30s}
"""
    extensions = make_plan(validate(parse(text, "pbx.yaml")), {}).extensions
    assert {name: plan.qualify_seconds for name, plan in extensions.items()} == {
        "700": 0.0,
        "701": 30.0,
    }


FAULTS = {
    "sip: {min_expires: 600, max_expires: 300}\n": (
        "1:20: sip.min_expires: 600 is more than max_expires, 300"
    ),
    "sip: {default_expires: 30}\n": (
        "1:24: sip.default_expires: 30 is not from 60 to 3600"
        " (these are min_expires and max_expires)"
    ),
    "sip: {qualify_interval: 2s}\n": (
        "1:25: sip.qualify_interval: 2s is too often: at least 5s (0s: never)"
    ),
    "extensions: {700: {contact: sip:door@10.0.0.5, qualify_interval: 4s}}\n": (
        "1:66: extensions.700.qualify_interval: 4s is too often: at least 5s (0s: never)"
    ),
    "extensions: {101: {qualify_interval: 60s}}\n": (
        "1:38: extensions.101.qualify_interval: it has no fixed contact: phones that register are"
        " asked as often as `sip` says"
    ),
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pbx.yaml"
    _ = path.write_text(text)
    with pytest.raises(ConfigErrors) as refused:
        _ = load(path, {})
    told = [str(error).removeprefix(f"{path}:") for error in refused.value.errors]
    assert told == [FAULTS[text]]
