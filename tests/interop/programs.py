"""Start programs that we did not write, and leave nothing of them behind.

A program is ended by the pid that was started here, never by name: others may run the same one.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import pytest

T = TypeVar("T")

HOST = "127.0.0.1"
# For what must come, on however slow a machine: no test measures by it.
PATIENCE_SECONDS = 15.0
BLOCK = 10  # baresip also listens for TLS on its SIP port + 1, sipp takes RTP ports in pairs
# Below the kernel's ephemeral ports (32768 and up), above what services on a machine like to use.
# Processes that run tests side by side have ports of their own.
PART = 2_200 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) * BLOCK
FIRST_PORT = 10_000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) * PART
LAST_PORT = FIRST_PORT + PART
_next_port = random.Random(os.getpid()).randrange(FIRST_PORT, LAST_PORT, BLOCK)


def need(*programs: str) -> None:
    """Skip the test when a program is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip("not installed: " + ", ".join(missing))


def is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def free_ports(count: int = BLOCK) -> int:
    """The first (even) of `count` ports in a row that are free on loopback, UDP and TCP.

    They are handed out in turn, so that those given back rest as long as possible.
    """
    global _next_port
    size = -(-count // BLOCK) * BLOCK
    for _ in range((LAST_PORT - FIRST_PORT) // BLOCK):
        first = _next_port if _next_port + size <= LAST_PORT else FIRST_PORT
        _next_port = first + size
        if all(map(is_free, range(first, first + size))):
            return first
    pytest.fail(f"no {count} free ports in a row from {FIRST_PORT} to {LAST_PORT}")


def let_pass(seconds: float) -> None:
    """Let real time go by: people talk. For anything that can be waited for, use `eventually`."""
    threading.Event().wait(seconds)


def eventually(
    look: Callable[[], T | None],
    what: str,
    timeout: float = PATIENCE_SECONDS,
    every: float = 0.02,
) -> T:
    """The first true value of `look()`; fails with `what` when there is none within `timeout`."""
    deadline = time.monotonic() + timeout
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout} s: {what}")
        let_pass(every)


def parent(pid: int) -> int:
    """The pid of the process that started `pid`, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def children(pid: int) -> set[int]:
    """All living descendants of a process."""
    parents = {
        int(d.name): parent(int(d.name)) for d in Path("/proc").iterdir() if d.name.isdigit()
    }
    found: set[int] = set()
    fresh = {pid}
    while fresh:
        fresh = {child for child, its_parent in parents.items() if its_parent in fresh} - found
        found |= fresh
    return found


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class Program:
    """One child process with its output in a file."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        commands: bool = False,
    ) -> None:
        """`commands`: it reads lines from standard input, see `say`."""
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE if commands else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else {**os.environ, **env},
                cwd=cwd,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def say(self, line: str) -> None:
        """One line to its standard input."""
        assert self.process.stdin is not None
        _ = self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """As if its plug were pulled: sockets stay, nobody answers."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(5)

    def end(self, grace: float = 3.0) -> int:
        """SIGTERM, and SIGKILL after `grace` seconds. The exit code."""
        self.thaw()
        self.signal(signal.SIGTERM)
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        try:
            return self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.wait(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
