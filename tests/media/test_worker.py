"""The worker as a process, and control's side of it."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from media import protocol
from media.client import InProcessWorker, MediaWorker
from media.protocol import (
    Close,
    Closed,
    Connect,
    Echo,
    Event,
    Open,
    Ping,
    Play,
    PlayEnded,
    Pong,
    SessionStats,
)
from tests.media.rig import HOST, Phone, Waiter, free_port, run


class Control(Waiter):
    def __init__(self, path: Path | None, orphan_seconds: float = 30.0) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.lost: list[str] = []
        self.worker: MediaWorker | InProcessWorker
        if path is None:
            self.worker = InProcessWorker(self._on_event)
        else:
            self.worker = MediaWorker(
                path, self._on_event, self._on_lost, orphan_seconds=orphan_seconds
            )

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    def _on_lost(self, reason: str) -> None:
        self.lost.append(reason)
        self.changed.set()

    async def hears(self, *events: Event) -> None:
        await self.until(lambda: all(event in self.events for event in events), events)


def echo(control: Control, phone: Phone) -> int:
    """A session that sends back what comes."""
    port = free_port()
    control.worker.send(Open("a", port, HOST))
    address = (phone.host, phone.port)
    control.worker.send(Connect("a", address, (phone.host, phone.port + 1), "", "PCMU", 0))
    control.worker.send(Echo("a"))
    return port


@pytest.mark.parametrize("in_process", [True, False])
def test_commands_go_and_events_come(in_process: bool, tmp_path: Path) -> None:
    async def main() -> None:
        control = Control(None if in_process else tmp_path / "w")
        phone = Phone("127.0.0.2")
        hello = await control.worker.start()
        assert hello.sessions == ()
        assert (hello.pid == os.getpid()) == in_process
        port = echo(control, phone)
        control.worker.send(Play("b", 1, ("/none",)))  # Unknown: nothing comes back.
        control.worker.send(Ping(1))
        await control.hears(Pong(1))
        await phone.hears(phone.send(port))
        control.worker.send(Play("a", 2, ("/none",)))
        control.worker.send(Close("a"))
        error = "/none: No such file or directory"
        await control.hears(PlayEnded("a", 2, False, error))
        await control.until(lambda: isinstance(control.events[-1], Closed))
        await control.worker.stop()
        phone.close()
        assert control.lost == []

    run(main)


def test_sound_goes_on_without_control_until_the_next_one_adopts_it(tmp_path: Path) -> None:
    async def main() -> None:
        first, second = Control(tmp_path / "w"), Control(tmp_path / "w")
        phone = Phone("127.0.0.2")
        pid = (await first.worker.start()).pid
        port = echo(first, phone)
        first.worker.send(Ping(1))
        await first.hears(Pong(1))
        first.worker.detach()
        await phone.hears(phone.send(port))
        hello = await second.worker.start()
        assert (hello.pid, hello.sessions) == (pid, ("a",))
        # Nobody knows that call any more: its port is free, and may be used at once.
        second.worker.send(Open("b", port, HOST))
        address = (phone.host, phone.port)
        second.worker.send(Connect("b", address, (phone.host, phone.port + 1), "", "PCMU", 0))
        second.worker.send(Echo("b"))
        second.worker.send(Ping(1))
        await second.hears(Pong(1))
        await phone.hears(phone.send(port))
        assert second.events == [Pong(1)]
        await second.worker.stop()
        assert isinstance(first.worker, MediaWorker)
        await first.worker.wait()
        phone.close()

    run(main)


@pytest.mark.parametrize("path", ["w", f"{'deep/' * 30}w"])
def test_a_worker_that_hangs_is_ended_and_told(path: str, tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        control = Control(tmp_path / path)
        hello = await control.worker.start()
        os.kill(hello.pid, signal.SIGSTOP)
        await control.until(lambda: bool(control.lost), "the end")
        assert control.lost == ["the worker does not answer"]
        assert isinstance(control.worker, MediaWorker)
        await control.worker.wait()

    run(main)


def test_one_that_hangs_is_not_adopted(tmp_path: Path) -> None:
    async def main() -> None:
        first, second = Control(tmp_path / "w"), Control(tmp_path / "w")
        hello = await first.worker.start()
        first.worker.detach()
        os.kill(hello.pid, signal.SIGSTOP)
        again = await second.worker.start()
        assert again.pid != hello.pid
        assert isinstance(first.worker, MediaWorker)
        await first.worker.wait()
        assert (first.lost, second.lost) == ([], [])
        await second.worker.stop()

    run(main)


def test_without_control_it_ends_at_last(tmp_path: Path) -> None:
    async def main() -> None:
        control = Control(tmp_path / "w", orphan_seconds=0.05)
        _ = await control.worker.start()
        control.worker.detach()
        assert isinstance(control.worker, MediaWorker)
        await control.worker.wait()
        assert not (tmp_path / "w").exists()

    run(main)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_that_nobody_asked_for_is_told(number: signal.Signals, tmp_path: Path) -> None:
    async def main() -> None:
        control = Control(tmp_path / "w")
        phone = Phone("127.0.0.2")
        hello = await control.worker.start()
        _ = echo(control, phone)
        control.worker.send(Ping(1))
        await control.hears(Pong(1))
        os.kill(hello.pid, number)
        await control.until(lambda: bool(control.lost), "the end")
        assert isinstance(control.worker, MediaWorker)
        await control.worker.wait()
        closed = [event for event in control.events if isinstance(event, Closed)]
        asked = number == signal.SIGTERM
        assert closed == ([Closed("a", SessionStats(codec="PCMU"))] if asked else [])
        control.worker.send(Ping(2))  # Into the void: nothing happens.
        # The next one starts in its place.
        again = Control(tmp_path / "w")
        assert (await again.worker.start()).pid != hello.pid
        await again.worker.stop()
        phone.close()

    run(main)


def test_garbage_from_control_harms_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        control = Control(tmp_path / "w")
        hello = await control.worker.start()
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "w"))
        frames = (b"\0\0\0\3abc", b"\0\0\0\0", protocol.pack(Pong(1)), protocol.pack(Ping(9)))
        writer.write(b"".join(frames))
        answers = protocol.event_reader()
        received: list[Event] = []
        while Pong(9) not in received:
            received += answers.feed(await reader.read(1000))
        assert isinstance(received[0], protocol.Hello)
        assert received[0].pid == hello.pid
        # The newest connection is in control: the first one was let go.
        await control.until(lambda: bool(control.lost))
        writer.close()
        await writer.wait_closed()
        again = Control(tmp_path / "w")
        assert (await again.worker.start()).pid == hello.pid
        await again.worker.stop()
        assert isinstance(control.worker, MediaWorker)
        await control.worker.wait()

    run(main)
