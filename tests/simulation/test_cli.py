"""`pbx simulate` as a user has it."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from pbx.cli import app
from tests.data import ROOT

CONFIG = str(ROOT / "config/quickstart/pbx.yaml")
PLAIN = ("--agents", "6", "--calls-per-hour", "90", "--hours", "2", "--runs", "3")
COMPANY = (CONFIG, "--calls-per-hour", "60", "--hours", "2", "--runs", "3")


def simulate(*arguments: str) -> Result:
    return CliRunner(env={"PBX_CONFIG": "", "COLUMNS": "200"}).invoke(app, ["simulate", *arguments])


def found(*arguments: str) -> dict[str, Any]:
    result = simulate(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def lines(text: str) -> list[str]:
    """Without the spaces that align."""
    return [re.sub(" {2,}", "  ", line.strip()) for line in text.splitlines()]


def test_a_plain_queue_beside_theory() -> None:
    result = simulate(*PLAIN)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = lines(result.stdout)
    assert shown[:4] == [
        "6 agents, longest_idle; 3 runs from seed 1",
        "90 calls an hour, talk 180 s.",
        "The first hour is not counted.",
        "Theory: Erlang-C.",
    ]
    level = next(line for line in shown if line.startswith("Service level"))
    assert re.fullmatch(
        r"Service level  \d\d\.\d % \([\d.]+…[\d.]+\)  64\.31 %"
        r"  answered within 20 s ÷ \(A \+ B - b\)",
        level,
    )
    assert any(re.fullmatch(r"1:00  █+.?  \d+  \d+%", line) for line in shown)


def test_the_same_seed_says_the_same() -> None:
    assert simulate(*PLAIN).stdout == simulate(*PLAIN).stdout
    assert found(*PLAIN) != found(*PLAIN, "--seed", "2")


def test_json() -> None:
    data = found(*PLAIN, "--patience", "2m", "--threshold", "15")
    figure = data["figures"]["service_level"]
    assert figure["formula"] == "answered within 15 s ÷ (A + B - b)"
    assert figure["as_it_is"]["low"] <= figure["as_it_is"]["mean"] <= figure["as_it_is"]["high"]
    assert 0.5 < figure["theory"] < 1.0
    assert (data["runs"], data["queues"].keys(), len(data["intervals"])) == (3, {"calls"}, 24)
    count = data["figures"]
    whole = count["offered"]["as_it_is"]["mean"]
    parts = ("answered", "abandoned", "left_otherwise", "still_waiting")
    assert sum(count[name]["as_it_is"]["mean"] for name in parts) == pytest.approx(whole)


def test_theory_only_where_it_holds() -> None:
    for options, words in (
        (("--variation", "0.5"), "Erlang's formulas need talk of variation 1"),
        (("--agents", "4"), "No theory: 4 agents cannot cope with 4.5 Erlangs"),
    ):
        data = found(*PLAIN, *options)
        assert "theory" not in data["figures"]["asa"]
        assert data["notes"][-1].startswith(words)
    assert "theory" not in found(*PLAIN, "--calls-per-hour", "50,90")["figures"]["asa"]


def test_what_if_of_a_configuration() -> None:
    result = simulate(*COMPANY, "--strategy", "longest_idle", "--agents", "+1", "--queue", "sales")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = lines(result.stdout)
    assert shown[0].endswith("sales; 3 runs from seed 1. What if: longest_idle, +1 agent?")
    assert "As it is  What if  Difference  How it is calculated" in shown
    assert not any(line.startswith("Queue") for line in shown)


def test_all_queues_of_a_configuration_and_their_own_rates() -> None:
    shared = found(*COMPANY)
    assert shared["queues"].keys() == {"sales", "support", "vip"}
    own = found(CONFIG, "--calls-per-hour", "vip=60", "--hours", "2", "--runs", "3")
    assert own["queues"]["sales"]["as_it_is"]["offered"]["mean"] < 10  # Only from on_timeout.
    assert own["queues"]["vip"]["as_it_is"]["offered"]["mean"] > 80


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("journal") / "monday.jsonl"
    result = simulate(*COMPANY, "--runs", "1", "--record", str(path))
    assert result.exit_code == 0
    return str(path)


def test_a_recorded_day(journal: str) -> None:
    data = found("--day", journal, "--runs", "3")
    for name in ("offered", "answered", "abandoned", "service_level", "asa", "occupancy"):
        figure = data["figures"][name]
        assert figure["as_it_is"]["mean"] == pytest.approx(figure["that_day"])
    assert data["intervals"][0]["at"] == "0:00"


def test_what_if_of_a_recorded_day(journal: str, tmp_path: Path) -> None:
    chart = tmp_path / "what-if.svg"
    options = ("--agents", "+1", "--during", "0:30-1:30", "--runs", "3", "--chart", str(chart))
    result = simulate("--day", journal, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = lines(result.stdout)
    assert shown[0] == (
        "monday.jsonl: sales, support, vip; 3 runs from seed 1. What if: +1 agent at 0:30-1:30?"
    )
    assert "That day  As it is  What if  Difference  How it is calculated" in shown
    root = ElementTree.parse(chart).getroot()
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2
    again = found("--day", journal, "--resample", "--strategy", "random", "--runs", "3")
    assert again["change"] == "random"
    other = found(CONFIG, "--day", journal, "--runs", "1")
    assert other["figures"]["answered"]["difference"]["mean"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--agents", "6"), "say how many calls come: --calls-per-hour 60"),
        (("--agents", "0", "--calls-per-hour", "9"), "--agents: expected 1 to 10,000, or +N or -N"),
        (("--agents", "many", "--calls-per-hour", "9"), "or +N or -N, not 'many'"),
        ((*PLAIN, "--calls-per-hour", "sixty"), "expected 60 or 20,60,90, not 'sixty'"),
        ((*PLAIN, "--calls-per-hour", "nan"), "expected 60 or 20,60,90, not 'nan'"),
        ((*PLAIN, "--handling", "long"), "--handling: expected a time such as 15s, 5m, 1h30m"),
        ((*PLAIN, "--patience", "0s"), "--patience: expected a time above 0s, or never"),
        ((*PLAIN, "--strategy", "fair"), "--strategy: there is no 'fair'; there are ring_all,"),
        ((*PLAIN, "--queue", "sales"), "--queue and --during are for a configuration or a day"),
        ((*PLAIN, "--calls-per-hour", "1000000", "--hours", "168"), "more than 1,000,000 calls"),
        ((*COMPANY, "--queue", "nobody"), "--queue: there is no 'nobody'; there are sales, supp"),
        ((*COMPANY, "--calls-per-hour", "x=5"), "--calls-per-hour: there is no queue 'x' here"),
        ((*COMPANY, "--agents", "3"), "--agents: with a configuration or a day say +N or -N"),
        ((*COMPANY, "--agents", "-3"), "queue 'sales': none of its 3 agents would be left"),
        ((*COMPANY, "--during", "1-2"), "--during is for --agents +N"),
        ((*COMPANY, "--agents", "+1", "--during", "noon"), "expected a time such as 12:00-14:00"),
        ((*COMPANY, "--agents", "+1", "--during", "3-2"), "'3-2' ends before it begins"),
        (("--day", "none.jsonl"), "--day: none.jsonl: no such file"),
        (("none.yaml", "--calls-per-hour", "9"), "none.yaml: no such file"),
        (("--calls-per-hour", "9"), "no configuration: none of pbx.yaml"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = simulate(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_faults_of_the_configuration_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pbx.yaml"
    _ = path.write_text("queues:\n  sales: {strategy: fair}\n")
    result = simulate(str(path), "--calls-per-hour", "60")
    assert result.exit_code == 1
    assert f"{path}:2:" in result.stderr


def test_a_file_that_cannot_be_written() -> None:
    result = simulate(*PLAIN, "--runs", "1", "--chart", "/nowhere/day.svg")
    assert (result.exit_code, result.stderr) == (1, "/nowhere/day.svg: No such file or directory\n")
