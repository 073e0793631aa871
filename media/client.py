"""Control's side of a media worker: start it, command it, hear from it.

`MediaWorker` is a process of its own; `InProcessWorker` has the same interface and runs the engine
on the loop of the caller, for tests and tiny installations.
"""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from media import protocol
from media.engine import Engine
from media.places import short

# A worker starts in a fraction of a second; a machine that is that slow cannot carry calls.
START_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 0.01
# After SIGTERM there is only closing to do.
STOP_SECONDS: Final = 3.0

# A worker that hangs is found within a second: so often it is asked, so many answers may miss.
PING_SECONDS: Final = 0.2
UNANSWERED_MAX: Final = 4
# One that works, or waits for a processor or the disk, only lacks time: it gets more.
BUSY_UNANSWERED_MAX: Final = 25
_BUSY: Final = frozenset("RD")  # States of threads (proc(5)).
# A worker that is adopted greets at once; one that hangs is of no use.
GREETING_SECONDS: Final = 1.0
CLEAR_SECONDS: Final = 3.0  # To close what an earlier control left behind.
_ANSWER: Final = protocol.Pong(0)  # To the pings of our own.
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid.

SOCKETS: Final = "media-"  # And a number.

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
        self._why = ""  # We have given it up.
        self._unanswered = 0  # Pings.
        self._ping: asyncio.TimerHandle | None = None
        self._ping_runs = False  # It was started, so somebody wants to know when it is lost.
        self._left_over: set[str] = set()  # Sessions of an earlier control, being closed.
        self._cleared: asyncio.Future[None] | None = None

    async def start(self) -> protocol.Hello:
        """Raises WorkerError. `Hello.sessions` names what an adopted worker still carried: nobody
        knows these calls any more, so they are closed before anything new is given to it."""
        hello = await self._adopt()
        if hello is None:
            hello = await self._spawn()
        self._watch()
        return hello

    async def _adopt(self) -> protocol.Hello | None:
        """The worker that an earlier control left, if it is any good."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                hello = await self._connect()
        except TimeoutError:
            self._give_up("it does not greet")
            return None
        except OSError:
            return None  # Nobody is there: the usual case.
        if hello.version != protocol.VERSION or not await self._clear(hello):
            self._give_up("it is of no use")
            return None
        return hello

    async def end_left_over(self) -> None:
        """End the worker that is there, if any."""
        if await self._adopt() is not None:
            await self.stop()

    async def _clear(self, hello: protocol.Hello) -> bool:
        self._left_over = set(hello.sessions)
        self._cleared = asyncio.get_running_loop().create_future()
        for session in hello.sessions:
            self.send(protocol.Close(session))
        if not self._left_over:
            return True
        try:
            async with asyncio.timeout(CLEAR_SECONDS):
                await self._cleared
        except TimeoutError:
            return False
        return True

    def _give_up(self, why: str) -> None:
        """It hangs, or is too old: end it, whoever has started it."""
        self._why = why
        transport, self._transport = self._transport, None
        if transport is None:
            return
        pid = _peer_of(transport)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        transport.abort()

    async def _spawn(self) -> protocol.Hello:
        self._why = ""
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

    # Does it still answer?

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        self._unanswered, self._ping_runs = 0, True
        self._ping = loop.call_later(PING_SECONDS, self._on_ping, loop.time() + PING_SECONDS)

    def _on_ping(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        if self._transport is None or self._stopping:
            return
        # When we are late ourselves, the machine is; its answers may not have been read yet.
        if loop.time() - due < PING_SECONDS / 2:
            self._unanswered += 1
        if self._unanswered > UNANSWERED_MAX and (
            self._unanswered > BUSY_UNANSWERED_MAX or not _is_busy(self.pid)
        ):
            self._give_up("the worker does not answer")  # `connection_lost` tells.
            return
        self.send(protocol.Ping(0))
        self._ping = loop.call_later(PING_SECONDS, self._on_ping, loop.time() + PING_SECONDS)

    def _rest(self) -> None:
        """No pings any more."""
        if self._ping is not None:
            self._ping.cancel()
            self._ping = None

    async def stop(self) -> None:
        """Close its sessions and end it."""
        self._stopping = True
        self._rest()
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
        self._rest()
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
        with short(self.path) as path:
            _ = await loop.create_unix_connection(lambda: self, path)
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
            if event == _ANSWER:
                self._unanswered = 0
            elif not self._is_left_over(event):
                self._on_event(event)
        self.broken = self._reader.broken

    def _is_left_over(self, event: protocol.Event) -> bool:
        """About a session that nobody knows any more."""
        if not self._left_over or getattr(event, "session", None) not in self._left_over:
            return False
        if isinstance(event, protocol.Closed):
            self._left_over.discard(event.session)
            if not self._left_over and self._cleared is not None and not self._cleared.done():
                self._cleared.set_result(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        self._transport = None
        self._unsent.clear()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_exception(ConnectionResetError("the worker hung up"))
        elif not self._stopping and self._ping_runs:
            self._ping_runs = False
            why = str(exc) if exc is not None else "the worker hung up"
            self._on_lost(self._why or why)


async def end_others(directory: Path, workers: int) -> None:
    """Workers that an earlier control with more of them has left there: their ports are ours."""
    known = {f"{SOCKETS}{number}" for number in range(workers)}
    for name in sorted(os.listdir(directory)):
        if name.startswith(SOCKETS) and name not in known:
            other = MediaWorker(directory / name, lambda _: None, lambda _: None)
            await other.end_left_over()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(directory / name)


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


def _is_busy(pid: int | None) -> bool:
    """Does any of its threads run, or want to? A process that was stopped, or waits for itself, has
    none."""
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # It has just ended.
            if task.read_text().rpartition(") ")[2][:1] in _BUSY:
                return True
    return False


def _peer_of(transport: asyncio.Transport) -> int | None:
    """The process at the other end of a Unix socket (unix(7): SO_PEERCRED)."""
    sock = transport.get_extra_info("socket")
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (AttributeError, OSError):
        return None
    pid, _, _ = _CREDENTIALS.unpack(raw)
    return pid if pid > 0 else None
