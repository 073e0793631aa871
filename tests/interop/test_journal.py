"""The real server writes its journal, and `pbx why` and `pbx replay` speak truly of its calls.

The phones are those of `pbx demo`, on real sockets.
"""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pbx.demo.phone import Habits, Phone, PhoneState
from sip.events import Send
from sip.tokens import Tokens
from tests.interop.pbx import ROOT, RunningPbx, settings
from tests.interop.programs import HOST

pytestmark = pytest.mark.interop

PATIENCE_SECONDS = 10.0
RING_SECONDS = 2.0  # Of the queue 505.
DATAGRAM_MAX = 65_535


class Phones:
    """Some phones, moved on by one loop."""

    def __init__(self, pbx: RunningPbx) -> None:
        self._pbx = pbx
        self._phones: dict[str, tuple[Phone, socket.socket]] = {}

    def add(self, user: str) -> None:
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.setblocking(False)
        line.bind((HOST, 0))
        phone = Phone(
            user,
            self._pbx.password(user),
            address=line.getsockname(),
            server=(HOST, self._pbx.sip_port),
            rtp_port=line.getsockname()[1],  # Nobody listens to the sound.
            tokens=Tokens(os.urandom(16)),
            habits=Habits(answer_after=None),
        )
        self._phones[user] = phone, line
        self.do(user, lambda phone, now: phone.register(now))

    def do(self, user: str, what: Callable[[Phone, float], list[Any]]) -> None:
        phone, line = self._phones[user]
        for output in what(phone, time.monotonic()):
            if isinstance(output, Send):
                line.sendto(output.data, output.flow.remote)

    def reject(self, user: str) -> None:
        phone, _ = self._phones[user]
        phone.habits = replace(phone.habits, reject_status=603)
        self.do(user, lambda phone, now: phone.reject(now))

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Live on until it is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {PATIENCE_SECONDS} s: {what}")
            ready, _, _ = select.select([line for _, line in self._phones.values()], [], [], 0.02)
            for user, (phone, line) in self._phones.items():
                if line in ready:
                    data = line.recv(DATAGRAM_MAX)
                    self.do(user, lambda phone, now, data=data: phone.on_datagram(data, now))  # type: ignore[misc]
                due = phone.next_deadline
                if due is not None and due <= time.monotonic():
                    self.do(user, lambda phone, now: phone.on_time(now))

    def state(self, user: str, state: PhoneState) -> None:
        phone = self._phones[user][0]
        self.until(lambda: phone.state is state, f"{user} is {state.value}")

    def live_on(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, "time passes")

    def close(self) -> None:
        for _, line in self._phones.values():
            line.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningPbx]:
    pbx = RunningPbx(tmp_path / "pbx", settings())
    try:
        yield pbx
    finally:
        if pbx.running:
            pbx.stop()


@pytest.fixture
def phones(server: RunningPbx) -> Iterator[Phones]:
    made = Phones(server)
    try:
        for user in ("101", "901", "902"):
            made.add(user)
        for agent in ("901", "902"):
            made.until(lambda: _is_ready(server, agent), f"{agent} is ready")  # noqa: B023
        yield made
    finally:
        made.close()


def _is_ready(server: RunningPbx, agent: str) -> bool:
    states = {str(found["id"]): str(found["state"]) for found in server.status()["agents"]}
    return states[agent] == "ready"


def pbx(server: RunningPbx, *arguments: str) -> tuple[int, str]:
    """Exit code and output of another process of it."""
    directory = server.database.parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "pbx.cli", *arguments, "--config", str(directory / "pbx.yaml")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def journal_of(server: RunningPbx) -> Path:
    (path,) = (server.database.parent / "journal").glob("*.jsonl")
    return path


def lose_and_answer(server: RunningPbx, phones: Phones) -> list[dict[str, Any]]:
    """A call that nobody takes, and one that Bohdan takes."""
    ringing, idle, talking = PhoneState.RINGING, PhoneState.IDLE, PhoneState.TALKING
    phones.do("101", lambda phone, now: phone.dial("505", now))
    phones.state("901", ringing)
    phones.state("902", ringing)  # 901 has rung for 2 s.
    phones.reject("902")
    phones.live_on(0.7)
    phones.do("101", lambda phone, now: phone.hang_up(now))
    phones.state("101", idle)
    phones.live_on(1.5)
    phones.do("101", lambda phone, now: phone.dial("501", now))
    phones.state("902", ringing)
    phones.live_on(0.5)
    phones.do("902", lambda phone, now: phone.answer(now))
    phones.state("101", talking)
    phones.live_on(1.0)
    phones.do("101", lambda phone, now: phone.hang_up(now))
    phones.state("902", idle)
    return server.wait_records(2)


def test_why_and_replay(server: RunningPbx, phones: Phones) -> None:
    lost, answered = lose_and_answer(server, phones)
    phones.live_on(0.5)  # The journal is as late as 200 ms.
    code, text = pbx(server, "why", lost["id"][:8])
    lines = text.splitlines()
    assert (code, lines[1]) == (
        0,
        f"Call {lost['id']} from 101 in patient: not answered, the caller hung up.",
    )
    waited, rang, *_ = lines[2].split("; ")
    assert float(waited.split()[1]) == pytest.approx(lost["wait_seconds"], abs=0.06)
    assert rang.startswith("rang Anna 2 s (no answer), Bohdan ")
    assert "(rejected), then for 0." in rang
    assert rang.endswith(" s nobody was free: 2 left in peace after a failed offer")
    assert "            Not Bohdan: is ready, but stands behind." in lines

    code, text = pbx(server, "why", answered["id"])
    assert code == 0
    head, sentence, *_ = text.splitlines()[1:]
    assert head == f"Call {answered['id']} from 101 in everybody: answered by Bohdan."
    assert "(answered elsewhere), Bohdan 0." in sentence
    assert sentence.split("; ")[-1].startswith("talked with Bohdan 1")

    # While it runs, and after it.
    assert pbx(server, "replay", str(journal_of(server)), "--check")[0] == 0
    server.stop()
    code, text = pbx(server, "replay", str(journal_of(server)), "--check")
    assert code == 0
    assert " all as on the day. Digest " in text
    digest = journal_of(server).read_text().splitlines()[-1]
    assert text.split()[-1].rstrip(".") in digest


def test_after_kill_9(server: RunningPbx, phones: Phones) -> None:
    lost, _ = lose_and_answer(server, phones)
    phones.do("101", lambda phone, now: phone.dial("505", now))
    phones.state("901", PhoneState.RINGING)
    phones.live_on(0.5)
    waiting = server.status()["calls"][0]["id"]
    server._kill_family()
    code, text = pbx(server, "why", lost["id"])
    assert code == 0
    assert "rang Anna 2 s (no answer)" in text
    code, text = pbx(server, "why", waiting)
    assert text.splitlines()[1].endswith("still waits where the journal ends.")
    assert pbx(server, "replay", str(journal_of(server)), "--check")[0] == 0
