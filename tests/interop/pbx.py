"""The real server, `pbx run`, in a directory of its own, on ports of its own."""

import json
import os
import re
import sqlite3
import ssl
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.interop.programs import (
    HOST,
    PATIENCE_SECONDS,
    Program,
    children,
    eventually,
    free_ports,
    is_alive,
)

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
STOP_SECONDS = 10.0
MEDIA_PORTS = 400
WORKERS = 1
SIPP_HOST = "127.0.0.3"  # Calls from here need no password.
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_TRACEBACK = "Traceback (most recent call last)"

Settings = dict[str, Any]


def settings(**changes: Any) -> Settings:  # noqa: ANN401
    """Two callers, two agents who are signed in while registered, and a queue for every story."""
    quick = {"no_answer": 1, "busy": 1, "rejected": 1, "unreachable": 1}
    both: Settings = {"members": [901, 902], "music": "hold", "retry_after": quick}
    one_by_one: Settings = {**both, "strategy": "round_robin"}
    base: Settings = {
        "company": "Interop",
        "sip": {"host": HOST, "realm": "interop", "trusted": [SIPP_HOST]},
        "web": {"host": HOST},
        "media": {"host": HOST, "workers": WORKERS},
        "sounds": {"path": str(ROOT / "sounds"), "language": "en"},
        "extensions": {"101": "Olena", "102": "Taras", "901": "Anna", "902": "Bohdan"},
        "agents": {"901": "Anna", "902": "Bohdan", "909": {"signed_in": "code", "extension": 102}},
        "queues": {
            "sales": {**one_by_one, "number": 500, "greeting": "welcome"},
            "everybody": {**both, "number": 501, "strategy": "ring_all"},
            "narrow": {**one_by_one, "number": 502, "max_length": 1},
            "hurried": {**one_by_one, "number": 503, "max_wait": "2s"},
            "deserted": {"number": 504, "members": [909], "join_empty": False},
            "patient": {**one_by_one, "number": 505, "ring_timeout": "2s"},
        },
        "numbers": {"600": {"echo": True}},
    }
    for name, part in changes.items():
        base[name] = {**base.get(name, {}), **part} if isinstance(part, dict) else part
    return base


class RunningPbx(Program):
    """A server that answers; `stop` ends it and checks how it ended."""

    def __init__(self, directory: Path, configuration: Settings) -> None:
        directory.mkdir(parents=True)
        variable = directory / "var"
        variable.mkdir()
        self.database = variable / "pbx.sqlite"
        self.control = variable / "control.sock"
        self.secrets_file = variable / "secrets.yaml"
        self.sip_port = free_ports()
        self.web_port = self.sip_port + 4
        self.web_scheme = "https" if configuration["web"].get("tls") else "http"
        first = free_ports(MEDIA_PORTS)
        self.media_ports = range(first, first + MEDIA_PORTS)
        whole = {
            **configuration,
            "storage": {"path": str(self.database)},
            "secrets": str(self.secrets_file),
        }
        config_file = directory / "pbx.yaml"
        config_file.write_text(yaml.safe_dump(whole, sort_keys=False))
        environment = {
            "PBX_SIP__PORT": str(self.sip_port),
            "PBX_WEB__PORT": str(self.web_port),
            "PBX_MEDIA__PORTS": f"{first}-{first + MEDIA_PORTS - 1}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        self._command = [sys.executable, "-m", "pbx.cli", "run", str(config_file)]
        self._directory, self._environment = directory, environment
        self._start()

    def _start(self) -> None:
        log = self._directory / "log"
        super().__init__(self._command, log, env=self._environment, cwd=self._directory)
        try:
            eventually(
                self._answers, "the server answers /health and has its media workers", START_SECONDS
            )
        except BaseException:
            self._kill_family()
            raise
        self.started = time.monotonic()

    def restart(self) -> None:
        """Stop it, and start it again with all that it keeps."""
        self.stop()
        self._start()

    def start_again(self) -> None:
        """After its control alone was killed."""
        self._start()

    def kill_and_start(self) -> None:
        """As if the power had failed for a moment."""
        self._kill_family()
        self._start()

    @property
    def sip(self) -> str:
        return f"{HOST}:{self.sip_port}"

    def _answers(self) -> bool:
        if not self.running:
            pytest.fail(f"the server ended with code {self.process.returncode}:\n{self.tail()}")
        try:
            workers = self.status()["workers"] if self.get("/health") else []
            return len(workers) == WORKERS and all(worker["alive"] for worker in workers)
        except OSError:
            return False

    def tail(self) -> str:
        return self.output()[-3000:]

    def _kill_family(self) -> None:
        family = children(self.pid)
        self.kill()
        for pid in family:
            if is_alive(pid):
                os.kill(pid, 9)

    def stop(self) -> None:
        """SIGTERM by pid: it must end by itself with code 0, and leave no process behind."""
        family = children(self.pid)
        code = self.end(STOP_SECONDS)
        left = [pid for pid in family if is_alive(pid)]
        for pid in left:
            os.kill(pid, 9)
        assert code == 0, f"the server ended with code {code}:\n{self.tail()}"
        assert left == [], f"the server left processes behind: {left}"
        before, traceback, after = self.output().partition(_TRACEBACK)
        assert not traceback, f"{before[-1000:]}{traceback}{after[:3000]}"

    # What it tells over HTTP.

    def get(self, path: str) -> str:
        url = f"{self.web_scheme}://{HOST}:{self.web_port}{path}"
        anybody = ssl._create_unverified_context() if self.web_scheme == "https" else None
        with urllib.request.urlopen(url, timeout=3, context=anybody) as answer:
            body: bytes = answer.read()
        return body.decode()

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.get("/status.json"))
        return told

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for line in self.get("/metrics").splitlines():
            if found := _SAMPLE.match(line):
                labels = frozenset(_LABEL.findall(found[2] or ""))
                samples[found[1], labels] = float(found[3])
        return samples

    def metric(self, name: str, **labels: str) -> float:
        """One sample, 0.0 when it is not there."""
        return self.metrics().get((name, frozenset(labels.items())), 0.0)

    def wait_metric(self, value: float, name: str, **labels: str) -> None:
        """The page is made anew once a second at most, so wait for the figure."""
        eventually(
            lambda: self.metric(name, **labels) == value,
            f"{name}{labels} is {value}, not {self.metric(name, **labels)}",
        )

    def agent_state(self, agent: str) -> str:
        return next((a["state"] for a in self.status()["agents"] if a["id"] == agent), "")

    def wait_agent(self, agent: str, state: str, timeout: float = PATIENCE_SECONDS) -> None:
        eventually(
            lambda: self.agent_state(agent) == state,
            f"agent {agent} is {state}, not {self.agent_state(agent)}",
            timeout,
        )

    def wait_waiting(self, queue: str, calls: int) -> None:
        def waiting() -> bool:
            queues = self.status()["queues"]
            return any(q["id"] == queue and q["waiting"] == calls for q in queues)

        eventually(waiting, f"{calls} calls wait in {queue}")

    def wait_idle(self) -> None:
        """Nobody talks or waits any more."""
        eventually(lambda: not self.status()["calls"], "all calls are over")

    # What it keeps.

    def password(self, extension: str) -> str:
        """Made by the server at its first start."""
        secrets = yaml.safe_load(self.secrets_file.read_text())
        return str(secrets[f"extension_{extension}"])

    def records(self) -> list[dict[str, Any]]:
        """The records of all calls that have ended, the oldest first, each with its offers."""
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            calls = [dict(row) for row in database.execute("SELECT * FROM calls ORDER BY number")]
            for call in calls:
                rows = database.execute(
                    "SELECT * FROM offers WHERE call_id = ? ORDER BY position", (call["id"],)
                )
                call["offers"] = [dict(row) for row in rows]
        return calls

    def wait_records(
        self, count: int = 1, timeout: float = PATIENCE_SECONDS
    ) -> list[dict[str, Any]]:
        eventually(
            lambda: len(self.records()) >= count, f"{count} records, not {self.records()}", timeout
        )
        found = self.records()
        assert len(found) == count, found
        return found

    def record(self) -> dict[str, Any]:
        """The record of the only call so far."""
        return self.wait_records(1)[0]


def offers(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Who was rung and what came of it, in order."""
    return [(offer["agent"], offer["outcome"]) for offer in record["offers"]]
