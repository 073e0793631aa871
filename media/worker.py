"""A media worker: `python -m media.worker --socket PATH`.

It listens on a Unix socket for control, carries out its commands and tells what happens. When
control goes away (a restart, a crash) the sound goes on: the sessions live for `orphan_seconds`,
and whoever connects until then gets a `Hello` with their names and the events that were missed.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Final, cast

from media import protocol
from media.engine import Engine
from media.places import short

# How long sound goes on without anybody in control: a restart takes seconds.
ORPHAN_SECONDS: Final = 60.0
# Events kept for the next control; more than a busy minute has.
MISSED_EVENTS_MAX: Final = 10_000
# Control that does not read so much is stuck; it may connect again.
UNREAD_BYTES_MAX: Final = 8 << 20
SWITCH_SECONDS: Final = 0.0005


class Worker:
    def __init__(self, loop: asyncio.AbstractEventLoop, orphan_seconds: float) -> None:
        self.broken = 0  # Frames that were no command.
        self.ended: asyncio.Future[None] = loop.create_future()
        self.engine = Engine(loop, self.emit)
        self._loop = loop
        self._orphan_seconds = orphan_seconds
        self._control: Control | None = None
        self._missed: deque[bytes] = deque(maxlen=MISSED_EVENTS_MAX)
        self._unsent: list[bytes] = []
        self._orphan_timer: asyncio.TimerHandle | None = None
        self._wait_for_control()

    def adopt(self, control: "Control") -> None:
        """The newest connection is in control."""
        if self._orphan_timer is not None:
            self._orphan_timer.cancel()
            self._orphan_timer = None
        previous, self._control = self._control, control
        if previous is not None:
            previous.close()
        hello = protocol.Hello(os.getpid(), protocol.VERSION, self.engine.sessions)
        control.write(b"".join((protocol.pack(hello), *self._missed)))
        self._missed.clear()

    def lost(self, control: "Control") -> None:
        if control is self._control:
            self._control = None
            self._missed.extend(self._unsent)
            self._unsent.clear()
            self._wait_for_control()

    def on_command(self, command: protocol.Command) -> None:
        self.engine.command(command)
        if isinstance(command, protocol.Shutdown):
            self.end()

    def emit(self, event: protocol.Event) -> None:
        """Events of one turn of the loop leave in one write."""
        if self._control is None:
            self._missed.append(protocol.pack(event))
            return
        if not self._unsent:
            _ = self._loop.call_soon(self._flush)
        self._unsent.append(protocol.pack(event))

    def end(self) -> None:
        self.engine.close()
        self._flush()
        if not self.ended.done():
            self.ended.set_result(None)

    def _flush(self) -> None:
        frames, self._unsent = self._unsent, []
        if frames and self._control is not None:
            self._control.write(b"".join(frames))

    def _wait_for_control(self) -> None:
        if not self.ended.done():
            self._orphan_timer = self._loop.call_later(self._orphan_seconds, self.end)


class Control(asyncio.Protocol):
    """A connection of control."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._reader = protocol.command_reader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Those of uvloop are no subclass.
        self._transport = cast("asyncio.Transport", transport)
        self._worker.adopt(self)

    def data_received(self, data: bytes) -> None:
        broken = self._reader.broken
        for command in self._reader.feed(data):
            self._worker.on_command(command)
        self._worker.broken += self._reader.broken - broken

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._worker.lost(self)

    def write(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def serve(path: Path, orphan_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    worker = Worker(loop, orphan_seconds)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.end)
    before = os.umask(0o177)  # Nobody else on this machine may command us.
    try:
        with short(path) as place:
            server = await loop.create_unix_server(lambda: Control(worker), place)
    finally:
        _ = os.umask(before)
    worker.engine.warm()
    # What was made until now stays: the collector need not look at it ever again.
    gc.freeze()
    try:
        await worker.ended
        await asyncio.sleep(0)  # The last events leave.
    finally:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="media.worker", description="Relay and play RTP.")
    _ = parser.add_argument("--socket", type=Path, required=True, help="where control connects")
    _ = parser.add_argument(
        "--orphan-seconds",
        type=float,
        default=ORPHAN_SECONDS,
        help="how long to go on without control (default: %(default)s)",
    )
    arguments = parser.parse_args()
    # A worker has one core: numpy shall not share out its products among threads.
    _ = os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # When a sound is decoded beside the calls, packets wait this long at most for their turn.
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(arguments.socket, arguments.orphan_seconds))
    arguments.socket.unlink(missing_ok=True)


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """uvloop halves the cost of a packet; without it everything works as well."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    main()
