"""Control's side of a media worker: start it, command it, hear from it.

`MediaWorker` is a process of its own; `InProcessWorker` has the same interface and runs the engine
on the loop of the caller, for tests and tiny installations.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from media import protocol
from media.engine import Engine

# A worker starts in a fraction of a second; a machine that is that slow cannot carry calls.
START_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 0.01
# After SIGTERM there is only closing to do.
STOP_SECONDS: Final = 3.0

# numpy's linear algebra would start a thread for each core, and is not used.
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1"}

OnEvent = Callable[[protocol.Event], None]
OnLost = Callable[[str], None]
"""The worker is gone, and why. Its sessions are gone too, unless it can be adopted again."""


class WorkerError(Exception):
    """A worker that does not start."""


class MediaWorker(asyncio.Protocol):
    """One worker process.

    `start` takes over a worker that is still alive at `path` (after a restart of control), or
    starts a new one. Commands of one turn of the loop leave in one write.
    """

    def __init__(
        self,
        path: Path,
        on_event: OnEvent,
        on_lost: OnLost,
        *,
        orphan_seconds: float = 60.0,
    ) -> None:
        self.path = path
        self.hello: protocol.Hello | None = None
        self.broken = 0  # Frames that were no event.
        self._on_event = on_event
        self._on_lost = on_lost
        self._orphan_seconds = orphan_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.Transport | None = None
        self._reader = protocol.event_reader()
        self._greeted: asyncio.Future[protocol.Hello] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._unsent: list[bytes] = []
        self._stopping = False

    async def start(self) -> protocol.Hello:
        """Raises WorkerError. `Hello.sessions` names what an adopted worker still carries."""
        try:
            return await self._connect()
        except OSError:
            pass  # Nobody is there: the usual case.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "media.worker", "--socket", str(self.path)),
            *("--orphan-seconds", str(self._orphan_seconds)),
            stdin=asyncio.subprocess.DEVNULL,
            # Ctrl-C at the terminal of control is not meant for the worker.
            start_new_session=True,
            env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": _python_path()},
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                return await self._connect_when_ready(self._process)
        except TimeoutError as error:
            self._process.kill()
            raise WorkerError(f"no worker at {self.path} after {START_SECONDS} s") from error

    async def stop(self) -> None:
        """Close its sessions and end it."""
        self._stopping = True
        self.send(protocol.Shutdown())
        self._flush()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                if self._gone is not None:
                    await asyncio.shield(self._gone)
                if self._process is not None:
                    _ = await self._process.wait()
        except TimeoutError:
            if self._process is not None:
                self._process.kill()
                _ = await self._process.wait()
        self.detach()

    def detach(self) -> None:
        """Leave it alive for the next control."""
        self._stopping = True
        if self._transport is not None:
            self._flush()
            self._transport.close()

    async def wait(self) -> None:
        """Until the process that we started has ended."""
        if self._process is not None:
            _ = await self._process.wait()

    @property
    def pid(self) -> int | None:
        return None if self.hello is None else self.hello.pid

    def send(self, command: protocol.Command) -> None:
        if self._transport is None:
            return  # `on_lost` told.
        if not self._unsent:
            _ = asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(protocol.pack(command))

    def _flush(self) -> None:
        frames, self._unsent = self._unsent, []
        if frames and self._transport is not None:
            self._transport.write(b"".join(frames))

    async def _connect(self) -> protocol.Hello:
        loop = asyncio.get_running_loop()
        self._greeted = loop.create_future()
        _ = await loop.create_unix_connection(lambda: self, str(self.path))
        return await self._greeted

    async def _connect_when_ready(self, process: asyncio.subprocess.Process) -> protocol.Hello:
        while True:
            try:
                return await self._connect()
            except OSError:
                if process.returncode is not None:
                    raise WorkerError(f"worker ended with {process.returncode}") from None
                await asyncio.sleep(RETRY_SECONDS)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Those of uvloop are no subclass.
        self._transport = cast("asyncio.Transport", transport)
        self._reader = protocol.event_reader()
        self._gone = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        for event in self._reader.feed(data):
            if isinstance(event, protocol.Hello):
                self.hello = event
                if self._greeted is not None and not self._greeted.done():
                    self._greeted.set_result(event)
                continue
            self._on_event(event)
        self.broken = self._reader.broken

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._unsent.clear()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_exception(ConnectionResetError("the worker hung up"))
        elif not self._stopping:
            self._on_lost(str(exc) if exc is not None else "the worker hung up")


class InProcessWorker:
    """The engine on the caller's loop. Commands and events wait for the next turn, as with a
    process, so that neither side is called in the middle of its own work."""

    def __init__(self, on_event: OnEvent) -> None:
        self.hello: protocol.Hello | None = None
        self.engine: Engine | None = None
        self._on_event = on_event
        self._loop: asyncio.AbstractEventLoop | None = None
        self._commands: list[protocol.Command] = []
        self._events: list[protocol.Event] = []

    async def start(self) -> protocol.Hello:
        self._loop = asyncio.get_running_loop()
        self.engine = Engine(self._loop, self._emit)
        self.hello = protocol.Hello(os.getpid(), protocol.VERSION)
        return self.hello

    async def stop(self) -> None:
        if self.engine is not None:
            self._carry_out()
            self.engine.close()
            self._report()

    def detach(self) -> None:
        """There is nobody to leave it to."""
        if self.engine is not None:
            self.engine.close()

    @property
    def pid(self) -> int | None:
        return None if self.hello is None else self.hello.pid

    def send(self, command: protocol.Command) -> None:
        assert self._loop is not None, "start() first"
        if not self._commands:
            _ = self._loop.call_soon(self._carry_out)
        self._commands.append(command)

    def _carry_out(self) -> None:
        commands, self._commands = self._commands, []
        if self.engine is not None:
            for command in commands:
                self.engine.command(command)

    def _emit(self, event: protocol.Event) -> None:
        assert self._loop is not None
        if not self._events:
            _ = self._loop.call_soon(self._report)
        self._events.append(event)

    def _report(self) -> None:
        events, self._events = self._events, []
        for event in events:
            self._on_event(event)


def _python_path() -> str:
    """The worker must find this very package, wherever control was started from."""
    package = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
