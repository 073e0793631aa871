"""What a REGISTER and a call cost our server over each transport: CPU of the control process.

Two phones of ours, on one connection each, register again and again (each time challenged), then
call each other: INVITE with its challenge, 180, 200, ACK, BYE on both legs. No sound is sent.
"""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import uvloop

from benchmarks.peers import company
from benchmarks.server import ROOT, SIP_PORT, WEB_PORT, cpu_seconds, wait_until_well
from pbx.demo.phone import Habits, Idle, Output, Phone, Registered, Talking
from sip.events import Send
from sip.tls import client_context
from sip.tokens import Tokens
from sip.transport import Transports

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sip.flow import Flow

HOST: Final = "127.0.0.1"
TLS_PORT: Final = SIP_PORT + 1
REGISTERS: Final = 1_000
CALLS: Final = 300
STEP_SECONDS: Final = 5.0
TRANSPORTS: Final = ("udp", "tcp", "tls", "ws")

Figure = tuple[str, float, str]


class Line:
    """A phone with its socket; `next` waits for what happens to it."""

    def __init__(self, user: str, transport: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.user, self.transport = user, transport
        self.told: asyncio.Queue[Output] = asyncio.Queue()
        self.send: Callable[[bytes], None] = lambda data: None
        self.close: Callable[[], Awaitable[None]]
        self._timer: asyncio.TimerHandle | None = None
        self.phone: Phone

    async def open(self) -> None:
        local = await self._open_ws() if self.transport == "ws" else await self._open_sip()
        self.phone = Phone(
            self.user,
            f"pw{self.user[1:]}",
            address=local,
            server=(HOST, SIP_PORT),
            rtp_port=9,
            tokens=Tokens(f"{self.user} {self.transport}".encode()),
            habits=Habits(answer_after=0.0),
            transport=self.transport,
        )

    async def _open_sip(self) -> tuple[str, int]:
        transports = Transports(
            self.loop,
            lambda data, flow, now: self.take(data),
            lambda message, flow, now: self.take(bytes(message)),
            lambda flow, now: None,
        )
        transports.client_context = client_context(verify=False)
        local = await transports.listen_udp(HOST, 0)
        port = TLS_PORT if self.transport == "tls" else SIP_PORT
        flow: Flow = transports.flow_to(self.transport, (HOST, port))
        self.send = lambda data: transports.send(flow, data)
        self.close = transports.close
        return local

    async def _open_ws(self) -> tuple[str, int]:
        client = aiohttp.ClientSession()
        socket = await client.ws_connect(f"ws://{HOST}:{WEB_PORT}/ws", protocols=("sip",))
        unsent: asyncio.Queue[bytes] = asyncio.Queue()

        async def write() -> None:
            while True:
                await socket.send_bytes(await unsent.get())

        async def read() -> None:
            async for message in socket:
                self.take(message.data.encode())

        tasks = [self.loop.create_task(write()), self.loop.create_task(read())]

        async def close() -> None:
            _ = tasks[0].cancel()
            _ = await socket.close()
            await client.close()
            _ = await asyncio.gather(*tasks, return_exceptions=True)

        self.send, self.close = unsent.put_nowait, close
        return HOST, 9

    def take(self, data: bytes) -> None:
        self.do(self.phone.on_datagram(data, self.loop.time()))

    def do(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self.send(output.data)
            else:
                self.told.put_nowait(output)
        if self._timer is not None:
            self._timer.cancel()
        deadline = self.phone.next_deadline
        self._timer = None if deadline is None else self.loop.call_at(deadline, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.do(self.phone.on_time(self.loop.time()))

    async def until(self, kind: type[Registered | Talking | Idle]) -> None:
        async with asyncio.timeout(STEP_SECONDS):
            while not isinstance(await self.told.get(), kind):
                pass

    async def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self.close()


async def measure(transport: str, pid: int) -> tuple[float, float]:
    """Milliseconds of CPU for a REGISTER and for a call."""
    lines = [Line(f"p{number:05d}", transport) for number in (1, 2)]
    for line in lines:
        await line.open()
        await register(line)
    before = cpu_seconds(pid)
    for _ in range(REGISTERS // 2):
        for line in lines:
            await register(line)
    registers = (cpu_seconds(pid) - before) / REGISTERS
    before = cpu_seconds(pid)
    for _ in range(CALLS):
        await call(*lines)
    calls = (cpu_seconds(pid) - before) / CALLS
    for line in lines:
        await line.end()
    return 1000 * registers, 1000 * calls


async def register(line: Line) -> None:
    line.do(line.phone.register(line.loop.time()))
    await line.until(Registered)


async def call(caller: Line, callee: Line) -> None:
    caller.do(caller.phone.dial(callee.user, caller.loop.time()))
    for line in (callee, caller):
        await line.until(Talking)
    caller.do(caller.phone.hang_up(caller.loop.time()))
    for line in (caller, callee):
        await line.until(Idle)


def run() -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="dzvin-bench-") as name:
        path = company.write(Path(name), sip_port=SIP_PORT, web_port=WEB_PORT)
        settings = json.loads(path.read_text())
        settings["sip"]["tls"] = {"port": TLS_PORT}
        settings["security"] = {"allow": [HOST]}  # Nobody registers so often,
        settings["overload"] = {"longest_delay": 0}  # and a busy machine shall not spoil it.
        settings["encryption"] = {"extensions": "off"}  # The ways are compared, not the sound.
        _ = path.write_text(json.dumps(settings))
        command = [sys.executable, "-m", "pbx.cli", "run", "--log-level", "error", str(path)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            _ = wait_until_well(process)
            for transport in TRANSPORTS:
                registers, calls = uvloop.run(measure(transport, process.pid))
                figures.append((f"register_{transport}_cpu", registers, "ms"))
                figures.append((f"call_{transport}_cpu", calls, "ms"))
        finally:
            process.send_signal(signal.SIGTERM)
            _ = process.wait(15)
    return figures
