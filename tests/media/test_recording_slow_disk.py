"""Fifty recordings on a disk that takes an eighth of what they need: no call notices.

Every packet is relayed, and at once; memory has its limit; of each recording is told exactly how
many packets are missing, and what was taken is where it belongs.
"""

import asyncio
import re
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from media import g711, protocol, rtp
from media.client import MediaWorker
from media.codecs import Pcm
from tests.media.rig import HOST, free_port, rig, run, turn
from tests.media.slow_disk import SlowDisk, slow_disk
from tests.media.speaker import TICK, read

pytestmark = pytest.mark.interop  # Nothing else may be running: delays are compared.

CALLS = 50
DISK_RATE = 200_000
FAST_SECONDS, SLOW_SECONDS = 3.0, 20.0
PATIENCE_SECONDS = 20.0
TELEPHONES = "127.0.0.2"
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
PACKET = 160
# Each packet is one level, none like its neighbour's: so they can be counted in the file.
LEVELS: Pcm = g711.decode(bytes((0x80, 0x84, 0x88, 0x8C, 0x00, 0x04, 0x08)), "PCMU")
CODES = [g711.encode(np.full(PACKET, level, np.int16), "PCMU") for level in LEVELS]
SURE_SAMPLES = 75  # What was made up before a packet is blended into its first 10 ms.
GROWTH_MIB_MAX = 32.0
LATER_SECONDS_MAX = 0.005
BUSY_SECONDS_MAX = 0.05
OVERLAPPED_MAX = 3  # Packets so late that the next one has taken most of their place.
# Of a smaller worker.
ALL, QUEUE, LEAST, SAID, RECORDINGS = 300, 100, 10, 120, 12


class Delays(NamedTuple):
    """Seconds on the way through the worker."""

    median: float
    nearly_all: float  # 95 of 100.


class Side:
    """What one telephone has said and heard."""

    def __init__(self, number: int, port: int, sock: socket.socket) -> None:
        self.number, self.port, self.sock = number, port, sock
        self.sent: list[float] = []
        self.took: list[float] = []  # Of the packets that came to the other side.

    def speak(self) -> None:
        seq = len(self.sent)
        head = rtp.pack(0, seq, seq * PACKET, self.number)
        self.sent.append(time.time())
        _ = self.sock.sendto(head + CODES[seq % len(CODES)], (HOST, self.port))


class Telephones:
    """All of them on one socket; the kernel says when a packet came."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.bind((TELEPHONES, 0))
        self.talked = 0.0  # Seconds.
        ports: set[int] = set()
        while len(ports) < 2 * CALLS:
            ports.add(free_port())
        self.sides = [Side(number, port, self.sock) for number, port in enumerate(ports)]
        asyncio.get_running_loop().add_reader(self.sock, self._read)

    def _read(self) -> None:
        while True:
            try:
                packet, ancillary, _, _ = self.sock.recvmsg(2048, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            header = rtp.unpack(packet)
            side = self.sides[header.ssrc]
            side.took.append(seconds + nanoseconds / 1e9 - side.sent[header.seq])

    async def talk(self, seconds: float, each_second: Callable[[], object]) -> Delays:
        """Everybody says a packet every 20 ms, a tenth of them at a time; none is lost."""
        start = time.monotonic()
        begun = [len(side.took) for side in self.sides]
        for step in range(round(seconds / TICK) * 10):
            await asyncio.sleep(max(0.0, start + step * TICK / 10 - time.monotonic()))
            for side in self.sides[step % 10 :: 10]:
                side.speak()
            if step % 500 == 0:
                _ = each_second()
        self.talked += time.monotonic() - start
        await until(lambda: not self.missing(), "no packet is lost")
        took = sorted(d for side, n in zip(self.sides, begun, strict=True) for d in side.took[n:])
        return Delays(took[len(took) // 2], took[len(took) * 95 // 100])

    def missing(self) -> int:
        return sum(len(side.sent) - len(side.took) for side in self.sides)

    def close(self) -> None:
        _ = asyncio.get_running_loop().remove_reader(self.sock)
        self.sock.close()


def begin(worker: MediaWorker, phones: Telephones, place: Path) -> None:
    at = phones.sock.getsockname()
    for side in phones.sides:
        worker.send(protocol.Open(f"s{side.number}", side.port, HOST))
        worker.send(protocol.Connect(f"s{side.number}", at, (at[0], 0), "", "PCMU", 0, 101))
    for call in range(CALLS):
        a, b = f"s{2 * call}", f"s{2 * call + 1}"
        worker.send(protocol.Join(a, b))
        worker.send(protocol.Record(str(call), str(place / f"{call}.wav"), a, b))


def memory_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def packets_in(sound: Pcm) -> int:
    edges = np.flatnonzero(np.diff(sound)) + 1
    pieces = np.split(sound, edges)
    return sum(len(piece) >= SURE_SAMPLES and piece[0] in LEVELS for piece in pieces)


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def told(event: protocol.RecordingEnded) -> int:
    """How many packets are missing."""
    assert event.reason == "stopped"
    found = re.fullmatch(r"(\d+) packets are missing: the disk was too slow", event.error)
    assert found or not event.error, event.error
    return int(found[1]) if found else 0


def check(phones: Telephones, ended: dict[int, protocol.RecordingEnded], files: list[Path]) -> None:
    """What was said is either in the file or told to be missing."""
    missing = [told(ended[call]) for call in range(CALLS)]
    assert sum(missing) > CALLS * 100
    for call, file in enumerate(files):
        sound = read(file)
        said = sum(len(side.sent) for side in phones.sides[2 * call : 2 * call + 2])
        kept = packets_in(sound[:, 0]) + packets_in(sound[:, 1])
        assert 0 <= said - kept - missing[call] <= OVERLAPPED_MAX, call
        assert len(sound) == round(ended[call].seconds * 8000)
        assert FAST_SECONDS + SLOW_SECONDS < ended[call].seconds < phones.talked + 1.0


def test_fifty_recordings_on_a_slow_disk(tmp_path: Path) -> None:
    ended: dict[int, protocol.RecordingEnded] = {}

    def on_event(event: protocol.Event) -> None:
        if isinstance(event, protocol.RecordingEnded):
            ended[int(event.recording)] = event

    async def main(disk: SlowDisk) -> None:
        files = [disk.place / f"{call}.wav" for call in range(CALLS)]
        worker = MediaWorker(tmp_path / "socket", on_event, lambda error: None)
        pid = (await worker.start()).pid
        phones = Telephones()
        try:
            begin(worker, phones, disk.place)
            await until(lambda: all(map(Path.exists, files)), "all files are there")
            fast = await phones.talk(FAST_SECONDS, bool)
            memory = [memory_mib(pid)]
            disk.slow_down(DISK_RATE)
            slow = await phones.talk(SLOW_SECONDS, lambda: memory.append(memory_mib(pid)))
            memory.append(memory_mib(pid))
            disk.speed_up()
            for call in range(CALLS):
                worker.send(protocol.EndRecording(str(call)))
            await until(lambda: len(ended) == CALLS, "all recordings end")
            check(phones, ended, files)
        finally:
            phones.close()
            await worker.stop()
        assert max(memory) - memory[0] < GROWTH_MIB_MAX, memory
        assert slow.median < fast.median + LATER_SECONDS_MAX, (fast, slow)
        assert slow.nearly_all < fast.nearly_all + BUSY_SECONDS_MAX, (fast, slow)

    with slow_disk(tmp_path / "disk") as disk:
        run(partial(main, disk))


def test_ended_recordings_share_the_memory_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls come and go while the disk takes nothing at all."""
    monkeypatch.setattr("media.recording.ALL_PACKETS_MAX", ALL)
    monkeypatch.setattr("media.recording.QUEUE_PACKETS_MAX", QUEUE)
    monkeypatch.setattr("media.recording.QUEUE_PACKETS_MIN", LEAST)

    async def main() -> None:
        with slow_disk(tmp_path / "disk") as disk, rig() as setup:
            disk.slow_down(1)
            phone = setup.call("a")
            for number in range(RECORDINGS):
                name = str(number)
                setup.engine.command(protocol.Record(name, str(disk.place / name), "a"))
                for _ in range(SAID):
                    _ = phone.send(setup.ports["a"])
                    await asyncio.sleep(0)
                await turn()
                setup.engine.command(protocol.EndRecording(name))
            assert setup.of(protocol.RecordingEnded) == []
            disk.speed_up()
            _ = await setup.event(protocol.RecordingEnded, RECORDINGS)
            kept = [SAID - told(event) for event in setup.of(protocol.RecordingEnded)]
            assert kept == [QUEUE, QUEUE, QUEUE, *[LEAST] * (RECORDINGS - 3)]
            # All is as before.
            setup.engine.command(protocol.Record("r", str(disk.place / "r"), "a"))
            for _ in range(QUEUE):
                _ = phone.send(setup.ports["a"])
            await turn()
            setup.engine.command(protocol.EndRecording("r"))
            end = await setup.event(protocol.RecordingEnded, RECORDINGS + 1)
            assert told(end) == 0

    run(main)
