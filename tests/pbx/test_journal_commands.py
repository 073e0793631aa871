"""`pbx why` and `pbx replay` on the journals of made-up days."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pbx.cli import app
from pbx.distribution.config import Strategy
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentStatus,
    AgentStatusSet,
    CallLeft,
    RingOutcome,
)
from pbx.local_time import LocalTime
from tests.distribution.desk import queue
from tests.history.shift import OPENS, Shift

DAY, BEFORE = "2026-11-21", "2026-11-20"
CONFIG = """
timezone: Europe/Kyiv
storage: {{path: {place}/pbx.sqlite}}
extensions: {{anna: Anna, bohdan: Bohdan}}
agents: {{anna: Anna K., bohdan: Bohdan}}
queues: {{q: {{members: [anna, bohdan]}}}}
"""


def busy_shift() -> Shift:
    """abc1 is lost, abd2 answered."""
    day = Shift(queue(Strategy.ROUND_ROBIN, "anna", "bohdan", wrap_up=10.0))
    day.do(5.0, AgentStatusSet("bohdan", AgentStatus.BREAK, "lunch"))
    day.join(100.0, "abc1", number="777")
    day.rings(100.0, "abc1", "anna")
    day.ends(112.0, "abc1", "anna", RingOutcome.REJECTED)
    day.do(114.0, CallLeft("abc1"))
    day.join(200.0, "abd2")
    day.answer(204.0, "abd2", "anna")
    day.hang_up(300.0, "abd2", "anna")
    day.close()
    return day


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, and the journals of two days beside its database."""
    directory = tmp_path_factory.mktemp("company")
    (directory / "pbx.yaml").write_text(CONFIG.format(place=directory))
    journals = directory / "journal"
    journals.mkdir()
    for day, shift in ((BEFORE, Shift(queue(Strategy.RING_ALL, "anna"))), (DAY, busy_shift())):
        (journals / f"{day}.jsonl").write_text("".join(shift.lines))
    return directory


def pbx(place: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    done = CliRunner().invoke(app, [*arguments, "--config", str(place / "pbx.yaml")])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_why(place: Path) -> None:
    code, out, err = pbx(place, "why", "abc")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:4] == [
        DAY,
        "Call abc1 from 777 in q: not answered, the caller hung up.",
        "waited 14 s; rang Anna K. 12 s (rejected), then for 2 s nobody was free:"
        " 1 on break (lunch), 1 left in peace after a failed offer",
        # 0:00 at Greenwich is 2:00 at Kyiv.
        "02:01:40  the caller 777 enters q, place 1 of 1",
    ]
    assert lines[-1] == "02:01:54  the caller hung up after 14 s"
    assert "            Not Bohdan: is on break, for 1:35." in lines


def test_why_on_a_day(place: Path) -> None:
    assert pbx(place, "why", "abd2", "--day", DAY)[1].splitlines()[1].endswith("by Anna K..")
    code, out, err = pbx(place, "why", "abd2", "--day", BEFORE)
    assert (code, out) == (1, "")
    assert err.startswith(f"no call abd2 in the journal of {BEFORE} (")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("why", "ab"), 2, f"ab is the beginning of 2 calls of {DAY}: abc1, abd2"),
        (("why", "zzz"), 1, f"no call zzz in the journal of {BEFORE} to {DAY} ("),
        (("why", "a b"), 2, "'a b' is no id of a call"),
        (("why", "abc1", "--day", "friday"), 2, "'friday' is no day such as 2026-11-21"),
        (("why", "abc1", "--journal", "/nowhere"), 1, "/nowhere: No such file or directory"),
        (("replay", "friday"), 2, "'friday' is no day such as 2026-11-21"),
        (("replay", "2026-11-23"), 2, f"no journal of 2026-11-23; there are {BEFORE} to {DAY}"),
        (("replay", DAY, "--until", "25"), 2, "'25' is no time such as 14:03"),
        (("replay", "today"), 2, "no journal of "),
    ],
)
def test_mistakes(place: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    found, out, err = pbx(place, *arguments)
    assert (found, out) == (code, "")
    assert err.startswith(says)


def test_no_journal_at_all(tmp_path: Path) -> None:
    (tmp_path / "pbx.yaml").write_text(CONFIG.format(place=tmp_path))
    (tmp_path / "journal").mkdir()
    assert "there is no journal in it" in pbx(tmp_path, "why", "abc")[2]
    text = CONFIG.format(place=tmp_path).replace("/pbx.sqlite", '/pbx.sqlite, journal: ""')
    (tmp_path / "pbx.yaml").write_text(text)
    code, _, err = pbx(tmp_path, "replay", "today")
    assert code == 2
    assert 'no journal is kept (storage.journal is ""); name one with --journal' in err
    (tmp_path / "pbx.yaml").write_text("queues: 7")
    assert pbx(tmp_path, "replay", "today")[0] == 1


def test_replay(place: Path) -> None:
    code, out, err = pbx(place, "replay", DAY)
    assert (code, err) == (0, "")
    *lines, last = out.splitlines()
    turn = "round_robin: places after the one offered last 0, 1 of 1 ready"
    assert lines == [
        "02:00:00.000  --- the PBX starts",
        f"02:01:40.000    ring Anna K. for abc1 ({turn})",
        f"02:03:20.000    ring Anna K. for abd2 ({turn.replace(' 0,', ' 1,')})",
        "02:03:24.000    connect abd2 to Anna K.",
    ]
    assert last.startswith("13 inputs, 3 decisions, all as on the day. Digest ")


def test_replay_of_one_call_or_agent(place: Path) -> None:
    _, out, _ = pbx(place, "replay", DAY, "--call", "abc", "--inputs")
    assert [line[14:] for line in out.splitlines()[1:-1]] == [
        "call joined: call abc1, queue q, number 777",
        "  ring Anna K. for abc1 (round_robin: places after the one offered last 0, 1 of 1 ready)",
        "  Anna K. is ringing abc1",
        "ring started: call abc1, agent Anna K.",
        "ring ended: call abc1, agent Anna K., outcome rejected",
        "call left: call abc1",
    ]
    for agent in ("bohdan", "Bohdan"):
        _, out, _ = pbx(place, "replay", DAY, "--agent", agent)
        assert [line[14:] for line in out.splitlines()[1:-1]] == [
            "  Bohdan is ready",
            "  Bohdan is on break: lunch",
        ]


def test_replay_until_a_time_shows_the_state_then(place: Path) -> None:
    code, out, _ = pbx(place, "replay", DAY, "--until", "02:01:45")
    assert code == 0
    cells = [line.split() for line in out.splitlines()]
    assert ["At", "02:01:45:"] in cells
    assert ["q", "1", "0", "0"] in cells
    assert ["q", "1", "abc1", "777", "0:05", "Anna", "K."] in cells
    assert ["Anna", "K.", "ringing", "02:01:40", "0:05", "abc1"] in cells
    assert ["Bohdan", "break", "02:00:05", "1:40", "lunch"] in cells
    assert "Nobody waits." in pbx(place, "replay", DAY, "--until", "23:00")[1]


def test_replay_check(place: Path, tmp_path: Path) -> None:
    code, out, _ = pbx(place, "replay", DAY, "--check")
    assert code == 0
    assert out.startswith("13 inputs, 3 decisions, all as on the day. Digest ")
    assert len(out.splitlines()) == 1
    text = (place / "journal" / f"{DAY}.jsonl").read_text()
    at = text.index('"sum":"', text.index("abd2")) + 7
    changed = tmp_path / "changed.jsonl"
    changed.write_text(text[:at] + "00000000" + text[at + 8 :])
    code, out, _ = pbx(place, "replay", str(changed), "--check")
    assert code == 1
    assert out.splitlines() == [
        "13 inputs, 3 decisions; 1 input went otherwise than on the day.",
        "The first: CallJoined, input 11 at 02:03:20.",
        "  now: ring anna for abd2 (round_robin: places after the one offered last 1,"
        " 1 of 1 ready)",
        "  now: anna is ringing abd2",
    ]
    changed.write_text(text[:-20])
    code, out, _ = pbx(place, "replay", str(changed), "--check")
    assert code == 1
    assert out.splitlines()[1].startswith("Careful: line 15 is not whole")


def test_a_file_needs_no_configuration(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    done = CliRunner().invoke(app, ["replay", str(place / "journal" / f"{DAY}.jsonl")])
    assert done.exit_code == 0
    assert "ring anna for abc1" in done.stdout
    done = CliRunner().invoke(app, ["why", "abc1", "--journal", str(place / "journal")])
    assert "rang anna 12 s" in done.stdout
    assert LocalTime("UTC").day(OPENS) == DAY


def test_a_call_that_began_the_day_before(place: Path, tmp_path: Path) -> None:
    first, second = Shift(queue(Strategy.RING_ALL, "anna")), busy_shift()
    first.do(5.0, AgentOccupied("anna"))
    first.join(10.0, "abx9", number="555")
    (tmp_path / f"{BEFORE}.jsonl").write_text("".join(first.lines))
    (tmp_path / f"{DAY}.jsonl").write_text("".join(second.lines))
    _, out, _ = pbx(place, "why", "abx", "--journal", str(tmp_path))
    assert out.splitlines()[:2] == [
        BEFORE,
        "Call abx9 from 555 in q: lost when the PBX stopped.",
    ]
