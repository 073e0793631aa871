"""`pbx demo`: the PBX with a sample company and simulated phones on loopback, until it is enough.

Edge: sockets, clock and dice of the phones. Everything between phones and PBX is real SIP and real
RTP.
"""

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import uvloop
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from media.g711 import encode
from pbx import log
from pbx.app import App, new_password
from pbx.cli import status_tables
from pbx.config import Config, complete_secrets
from pbx.config.sounds import find_sounds
from pbx.demo.phone import Habits, Idle, Output, Phone, PhoneState, Registered, Talking
from sip.events import Send
from sip.flow import Address
from sip.tokens import Tokens

if TYPE_CHECKING:
    from media.negotiation import Remote

HOST: Final = "127.0.0.1"
QUEUES: Final = ("500", "501", "502")
AGENTS_PER_CALLER: Final = 0.6  # So that some callers wait.
FRAME_SECONDS: Final = 0.02
FRAME_BYTES: Final = 160
REFRESH_SECONDS: Final = 0.5
REPORT_SECONDS: Final = 2.0  # Between two lines where no terminal is.
DATAGRAM_MAX: Final = 65_535


def run(*, callers: int, seconds: float) -> int:
    """Show it for so many seconds (0: until Ctrl-C); the exit code."""
    log.configure("error", "console")
    return uvloop.run(_run(callers, seconds))


async def _run(callers: int, seconds: float) -> int:
    with tempfile.TemporaryDirectory(prefix="dzvin-demo-") as folder:
        config = _company(callers, Path(folder))
        loop = asyncio.get_running_loop()
        app = App(config, loop)
        await app.start()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        town = Town(config, app.sip_address, loop)
        try:
            await town.open()
            await _show(app, town, stop, seconds)
        finally:
            await town.close()
            await app.stop()
    _ = sys.stdout.write(f"{town.talks} conversations. The demo is over.\n")
    return 0


async def _show(app: App, town: "Town", stop: asyncio.Event, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds if seconds else None
    console = Console()
    every = REFRESH_SECONDS if console.is_terminal else REPORT_SECONDS
    with contextlib.ExitStack() as stack:
        live = None
        if console.is_terminal:
            live = stack.enter_context(Live(console=console, auto_refresh=False, screen=False))
        while not stop.is_set() and (end is None or loop.time() < end):
            wait = every if end is None else min(every, max(0.0, end - loop.time()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    _ = await stop.wait()
            if live is not None:
                live.update(Group(_headline(app, town), *status_tables(app.status())), refresh=True)
            else:
                console.print(_line(app, town))


def _headline(app: App, town: "Town") -> Table:
    host, port = app.sip_address
    table = Table.grid(padding=(0, 2))
    table.add_row(
        f"SIP {host}:{port}",
        f"{len(town.lines)} phones",
        f"{town.talks} conversations",
        f"{town.packets} sound packets heard",
        "Ctrl-C ends it",
    )
    return table


def _line(app: App, town: "Town") -> str:
    status = app.status()
    waiting = sum(queue.waiting for queue in status.queues)
    answered = sum(queue.answered for queue in status.queues)
    return (
        f"{len(status.calls)} calls, {waiting} waiting, {answered} answered, "
        f"{town.packets} sound packets heard"
    )


def _company(callers: int, folder: Path) -> Config:
    agents = [str(901 + n) for n in range(max(3, int(callers * AGENTS_PER_CALLER)))]
    people = [str(1001 + n) for n in range(callers)]
    queue = {"members": agents, "wrap_up": "3s", "music": "hold", "ring_timeout": "6s"}
    if "welcome" in find_sounds(Config().sounds).prompts:
        queue["greeting"] = "welcome"
    config = Config.model_validate(
        {
            "company": "Demo",
            "sip": {"host": HOST, "port": 0},
            "web": {"host": HOST, "port": 0},
            "media": {"host": HOST, "ports": "30000-39999"},
            "storage": {"path": str(folder / "pbx.sqlite")},
            "secrets": str(folder / "secrets.yaml"),
            "extensions": {name: {"name": f"Phone {name}"} for name in (*agents, *people)},
            "agents": {name: {"name": f"Agent {name}"} for name in agents},
            "queues": {
                "sales": {**queue, "number": "500", "strategy": "round_robin"},
                "support": {**queue, "number": "501", "strategy": "ring_all"},
                "vip": {**queue, "number": "502", "strategy": "longest_idle", "weight": 1},
            },
        }
    )
    return complete_secrets(config, new_password)


class Town:
    """All the phones, their sockets and what their people do next."""

    def __init__(self, config: Config, server: Address, loop: asyncio.AbstractEventLoop) -> None:
        self.lines: list[Line] = []
        self.talks = 0
        self.packets = 0
        self._loop = loop
        self._rng = Random(secrets.randbits(64))
        self._ticker: asyncio.TimerHandle | None = None
        self._sound = _melody()
        for name, extension in config.extensions.items():
            agent = name in config.agents
            self.lines.append(Line(name, extension.password, agent, server, self, loop))

    async def open(self) -> None:
        for line in self.lines:
            line.open()
        self._tick(0, self._loop.time())

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        for line in self.lines:
            line.close()

    def habits(self, agent: bool) -> Habits:
        rng = self._rng
        if not agent:
            return Habits(hang_up_after=rng.uniform(4.0, 12.0))
        if rng.random() < 0.1:
            return Habits(answer_after=None, reject_after=rng.uniform(1.0, 3.0))
        return Habits(answer_after=rng.uniform(0.5, 3.0), hang_up_after=rng.uniform(5.0, 15.0))

    def call_soon(self, line: "Line") -> None:
        _ = self._loop.call_later(self._rng.uniform(0.2, 6.0), line.call, self._rng.choice(QUEUES))

    def _tick(self, number: int, started: float) -> None:
        """Sound of everybody who talks, every 20 ms."""
        for line in self.lines:
            line.speak(self._sound[number % len(self._sound)])
        at = started + (number + 1) * FRAME_SECONDS
        self._ticker = self._loop.call_at(at, self._tick, number + 1, started)


class Line:
    """One phone with its two sockets."""

    def __init__(
        self,
        user: str,
        password: str,
        agent: bool,
        server: Address,
        town: Town,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._town = town
        self._loop = loop
        self._agent = agent
        self._sip = _socket()
        self._rtp = _socket()
        self._timer: asyncio.TimerHandle | None = None
        self._to: Remote | None = None
        self._sequence = 0
        self._server = server
        self.open_ = False
        self.phone = Phone(
            user,
            password,
            address=self._sip.getsockname(),
            server=server,
            rtp_port=self._rtp.getsockname()[1],
            tokens=Tokens(secrets.token_bytes(16)),
            habits=town.habits(agent),
        )

    def open(self) -> None:
        self.open_ = True
        self._loop.add_reader(self._sip, self._on_sip)
        self._loop.add_reader(self._rtp, self._on_rtp)
        self._carry_out(self.phone.register(self._loop.time()))

    def close(self) -> None:
        self.open_ = False
        if self._timer is not None:
            self._timer.cancel()
        for sock in (self._sip, self._rtp):
            _ = self._loop.remove_reader(sock)
            sock.close()

    def call(self, number: str) -> None:
        if self.open_ and self.phone.state is PhoneState.IDLE:
            self._carry_out(self.phone.dial(number, self._loop.time()))

    def speak(self, payload: bytes) -> None:
        remote = self._to
        if remote is None:
            return
        self._sequence += 1
        header = bytes((0x80, remote.payload_type)) + (self._sequence & 0xFFFF).to_bytes(2)
        stamp = (self._sequence * FRAME_BYTES & 0xFFFFFFFF).to_bytes(4)
        with contextlib.suppress(OSError):
            _ = self._rtp.sendto(header + stamp + b"demo" + payload, remote.address)

    def _on_sip(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            data = self._sip.recv(DATAGRAM_MAX)
            self._carry_out(self.phone.on_datagram(data, self._loop.time()))

    def _on_rtp(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            _ = self._rtp.recv(DATAGRAM_MAX)
            self._town.packets += 1

    def _on_time(self) -> None:
        self._timer = None
        self._carry_out(self.phone.on_time(self._loop.time()))

    def _carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Send():
                    with contextlib.suppress(OSError):
                        _ = self._sip.sendto(output.data, self._server)
                case Talking():
                    self._to = output.remote
                    self._town.talks += self._agent
                case Idle():
                    self._to = None
                    self.phone.habits = self._town.habits(self._agent)
                    if not self._agent:
                        self._town.call_soon(self)
                case Registered() if not self._agent and self.phone.state is PhoneState.IDLE:
                    self._town.call_soon(self)
                case _:
                    pass
        deadline = self.phone.next_deadline
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._on_time)


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((HOST, 0))
    return sock


def _melody() -> list[bytes]:
    """A second of a 440 Hz tone as PCMU frames."""
    import numpy as np

    samples = (np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000) * 8000).astype(np.int16)
    data = encode(samples, "PCMU")
    return [data[at : at + FRAME_BYTES] for at in range(0, len(data), FRAME_BYTES)]
