"""The command line as a user has it: `python -m pbx.cli …` in a process of its own."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pbx import __version__, cli
from pbx.events import CallEnded
from pbx.history.records import Verdict
from pbx.store import Store
from tests.data import ROOT
from tests.pbx.test_store import SOON, Alarms, record
from tests.pbx.test_web import make_server

PLAIN = {"COLUMNS": "200", "TZ": "UTC", "TERM": "dumb", "PYTHONPATH": str(ROOT)}


def pbx(*arguments: str, cwd: Path | None = None, **env: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PBX_")}
    done = subprocess.run(
        [sys.executable, "-m", "pbx.cli", *arguments],
        env=clean | PLAIN | env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "pbx.sqlite"
    store = Store(path, Alarms())
    store.put(CallEnded("c1", record("c1", caller_name="Anna [red]\x1b[31m"), 0.0))
    missed = replace(record("c2"), answered_at=None, agent="", extension="")
    store.put(CallEnded("c2", replace(missed, verdict=Verdict.ABANDONED, caller_name=""), 0.0))
    assert store.close() == 0
    return path


@pytest.fixture(scope="module")
def url(history: Path) -> Iterator[str]:
    """A web server in a thread of its own, as the CLI's is another process."""
    started, address = threading.Event(), [("", 0)]
    loop = asyncio.new_event_loop()

    async def serve(stop: asyncio.Event) -> None:
        from pbx.store import History

        server = make_server(History(history).calls)
        address[0] = await server.start("127.0.0.1", 0)
        started.set()
        _ = await stop.wait()
        await server.stop()
        await loop.shutdown_default_executor()

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve(stop)))
    thread.start()
    assert started.wait(SOON)
    yield "http://{}:{}".format(*address[0])
    _ = loop.call_soon_threadsafe(stop.set)
    thread.join(SOON)
    loop.close()


def table(text: str) -> list[list[str]]:
    """The cells of each line, columns being two or more spaces apart."""
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.split("\n")
    ]


def test_help_tells_a_stranger_what_to_do() -> None:
    code, out, _ = pbx("--help")
    assert code == 0
    for command in ("run", "check", "status", "calls", "demo", "version"):
        assert f"\n  {command} " in out
        code, text, _ = pbx(command, "--help")
        assert code == 0
        assert command == "version" or f"Examples:\n    pbx {command}" in text
    assert "Exit codes: 0 done, 1 failed or faults found, 2 wrong usage, 3 no PBX answers." in out


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, pbx.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    heavy = {"rich", "aiohttp", "pydantic", "structlog", "numpy", "prometheus_client", "asyncio"}
    assert heavy & set(loaded) == set()


def test_version() -> None:
    assert pbx("version") == (0, f"{__version__}\n", "")


def test_status_tables(url: str) -> None:
    code, out, err = pbx("status", "--url", url)
    assert (code, err) == (0, "")
    lines = [line for line in table(out) if line and "─" not in line[0]]
    assert lines == [
        ["Dzvin 1.2.3, up 1:01:40, 3 devices registered"],
        ["ALARM disk full"],
        ["ALARM media worker 1 is dead"],
        ["Queue", "Waiting", "Longest", "Ready", "Answered today", "Abandoned today"],
        ["sales", "2", "1:15", "1", "214", "9"],
        ["Agent", "Name", "State", "For", "Reason", "Call"],
        ["901", "Olena", "talking", "1:05", "c1"],
        ["Call", "Caller", "Called", "State", "For", "Queue", "Agent"],
        ["c1", "+380 Anna\\x1b[31m", "500", "talking", "1:00", "sales"],
    ]


def test_status_as_json(url: str) -> None:
    """A proxy of the user's is not asked: it could not reach our loopback."""
    code, out, _ = pbx("status", "--json", PBX_URL=url + "/", http_proxy="http://127.0.0.1:1")
    assert code == 0
    assert json.loads(out)["queues"][0]["waiting"] == 2


CALLS = [
    ["Started", "Caller", "Called", "Queue", "Agent", "Wait", "Talk", "Verdict", "By", "Id"],
    [
        *("14.11. 22:13:20", "+380441234567", "500", "sales", "0:15", "-", "abandoned"),
        *("callee", "c2"),
    ],
    [
        *("14.11. 22:13:20", "+380441234567 Anna [red]\\x1b[31m", "500", "sales", "901"),
        *("0:15", "1:20", "answered", "callee", "c1"),
    ],
]


def test_calls_of_the_running_pbx_and_of_the_file(url: str, history: Path) -> None:
    for source in (("--url", url), ("--database", str(history))):
        code, out, err = pbx("calls", *source)
        assert (code, err) == (0, "")
        assert [line for line in table(out) if line and "─" not in line[0]] == CALLS
        code, out, _ = pbx("calls", *source, "--json", "--limit", "1", "--before", "c2")
        assert [call["id"] for call in json.loads(out)] == ["c1"]


def test_no_calls_yet(tmp_path: Path) -> None:
    _ = Store(tmp_path / "pbx.sqlite", Alarms()).close()
    assert pbx("calls", "--database", "pbx.sqlite", cwd=tmp_path) == (0, "No calls yet.\n", "")


def test_nobody_answers() -> None:
    code, out, err = pbx("status", "--url", "http://127.0.0.1:1")
    assert (code, out) == (3, "")
    assert err == (
        "no PBX answers at http://127.0.0.1:1: [Errno 111] Connection refused\n"
        "Is it running (pbx run)? Is its web.host and web.port another: --url, or PBX_URL.\n"
    )


def test_somebody_else_answers(url: str) -> None:
    code, _, err = pbx("status", "--url", f"{url}/calls.json?")
    assert (code, err.startswith("what answers at http")) == (1, True)
    code, _, err = pbx("status", "--url", f"{url}/nothing")
    assert (code, "404 Not Found" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "none.yaml"), "none.yaml: no such file"),
        (("check",), "no configuration: none of pbx.yaml, config/pbx.yaml, /etc/dzvin/pbx.yaml"),
        (("calls", "--database", "none"), "none: no such file; the setting storage.path"),
        (("calls", "--limit", "0"), "Invalid value for '--limit'"),
        (("status", "--url", "file:///etc/passwd"), "--url must begin with http:// or https://"),
        (("stauts",), "No such command 'stauts'"),
        (("run", "--log-level", "loud", "pbx.yml"), "log level 'loud' is not one of debug, info"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    _ = (tmp_path / "pbx.yml").write_text("company: Test\n")
    code, out, err = pbx(*arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def test_check_finds_the_file_and_its_faults(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    _ = (tmp_path / "config/pbx.yaml").write_text("company: Test\nextensons:\n  101: {}\n")
    code, out, err = pbx("check", cwd=tmp_path)
    assert (code, out) == (1, "")
    first, *_, last = err.splitlines()
    assert first.startswith("config/pbx.yaml:2:1: ")
    assert "extensions" in first
    assert last == "config/pbx.yaml: 1 fault"


def test_check_of_a_right_configuration(tmp_path: Path) -> None:
    _ = (tmp_path / "pbx.yaml").write_text("company: Test\nextensions:\n  101: {name: Olena}\n")
    for extra, arguments in (({}, ["check"]), ({"PBX_CONFIG": "pbx.yaml"}, ["check"])):
        code, out, err = pbx(*arguments, cwd=tmp_path, **extra)
        assert (code, err) == (0, "")
        assert out == "pbx.yaml: no faults. 1 extensions, 0 agents, 0 queues.\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1.0, "0:00"), (7.9, "0:07"), (754, "12:34"), (3600, "1:00:00"), (90061, "25:01:01")],
)
def test_duration(seconds: float, text: str) -> None:
    assert cli.duration(seconds) == text
