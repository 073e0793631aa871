"""What rooms cost a media worker: conferences of three, a supervisor who whispers, music.

A real worker process, commanded over its protocol, with the packets of the relay benchmark. CPU is
what the scheduler says of the worker; the bare loop (receive, send, nothing else) runs beside it
with as many packets, for this machine may be slow or busy: what counts is the ratio.

`make bench ONLY=mix`
"""

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import relay
from benchmarks.relay import AGENT, BLASTER, CALLER, HERE, PHONE_PORT, WORKER_PORT, Load
from media import protocol
from media.client import MediaWorker

ROOMS: Final = 60
CALLS: Final = 100
LISTENERS: Final = 500
ROUNDS: Final = 3
MUSIC_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 0.5
PACKETS_A_SECOND: Final = 50

Figure = tuple[str, float, str]


def run() -> list[Figure]:
    gcc = shutil.which("gcc")
    if gcc is None or not BLASTER.exists():
        missing = "gcc" if gcc is None else f"{BLASTER} (set RTPBLAST_SOURCE)"
        _ = sys.stderr.write(f"mix: skipped, there is no {missing}\n")
        return []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        program = directory / "rtpblast"
        _ = subprocess.run([gcc, "-O2", "-o", str(program), str(BLASTER)], check=True)
        return [*rooms(program, directory), *whisper(program, directory), *music(directory)]


def rooms(program: Path, directory: Path) -> list[Figure]:
    """Rooms of three: each member sends and hears."""
    legs = 3 * ROOMS
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(ROUNDS):
        with relay.bare_relay(legs // 2) as pid:
            bare.append(core(relay.blast(program, directory, legs // 2, pid), legs))
        commands = [*opened(legs), *(conference(room) for room in range(ROOMS))]
        ours.append(core(through(program, directory, legs // 2, commands), legs))
    cost, floor = middle(ours), middle(bare)
    return [
        ("mix_room_of_3_core_percent", round(100 * cost / ROOMS, 3), "%"),
        ("mix_room_of_3_bare_loop_core_percent", round(100 * floor / ROOMS, 3), "%"),
        ("mix_ratio_to_bare_loop", round(cost / floor, 2), "x"),
        ("mix_rooms_of_3_on_one_core", float(int(ROOMS / cost)), "rooms"),
    ]


def whisper(program: Path, directory: Path) -> list[Figure]:
    """A supervisor on top of a call; he sends and hears as well."""
    plain: list[float] = []
    ours: list[float] = []
    legs = 3 * ROOMS
    for _ in range(ROUNDS):
        calls = [*opened(legs), *(talk(room) for room in range(ROOMS))]
        plain.append(core(through(program, directory, legs // 2, calls), legs))
        commands = [*calls, *(whispering(room) for room in range(ROOMS))]
        ours.append(core(through(program, directory, legs // 2, commands), legs))
    added = (middle(ours) - middle(plain)) / ROOMS
    return [("whisper_on_a_call_core_percent", round(100 * added, 3), "%")]


def music(directory: Path) -> list[Figure]:
    """Many who wait and hear the same piece."""
    costs = [asyncio.run(listen(directory)) for _ in range(ROUNDS)]
    cost = middle(costs)
    each = cost / (LISTENERS * PACKETS_A_SECOND)
    return [
        (f"music_{LISTENERS}_listeners_core_percent", round(100 * cost, 2), "%"),
        ("music_cpu_us_per_packet", round(1e6 * each, 2), "us"),
    ]


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def core(load: Load, legs: int) -> float:
    """As a part of a core."""
    return load.cpu_us * legs * PACKETS_A_SECOND / 1e6


def opened(legs: int) -> Iterator[protocol.Command]:
    """Sessions where the blaster has its legs."""
    for leg in range(legs):
        call, side = divmod(leg, 2)
        phone, host = PHONE_PORT + 2 * call, (CALLER, AGENT)[side]
        yield protocol.Open(f"{leg}", WORKER_PORT + 4 * call + 2 * side, HERE)
        yield protocol.Connect(f"{leg}", (host, phone), (host, phone + 1), "", "PCMU", 0, 101)


def conference(room: int) -> protocol.Command:
    names = [f"{3 * room + n}" for n in range(3)]
    return protocol.Mix(
        f"room {room}",
        tuple(protocol.Member(name, tuple({*names} - {name})) for name in names),
    )


def talk(room: int) -> protocol.Command:
    return protocol.Join(f"{3 * room}", f"{3 * room + 1}")


def whispering(room: int) -> protocol.Command:
    caller, agent, supervisor = (f"{3 * room + n}" for n in range(3))
    return protocol.Mix(
        f"room {room}",
        (
            protocol.Member(caller, (agent,)),
            protocol.Member(agent, (caller, supervisor)),
            protocol.Member(supervisor, (caller, agent)),
        ),
    )


def through(program: Path, directory: Path, calls: int, commands: list[protocol.Command]) -> Load:
    async def main() -> Load:
        async with working(directory) as worker:
            await asyncio.sleep(relay.WARM_SECONDS)
            for command in commands:
                worker.send(command)
            await asyncio.sleep(SETTLE_SECONDS)
            return await asyncio.to_thread(
                relay.blast, program, directory, calls, worker.pid or 0, relay.SECONDS
            )

    return asyncio.run(main())


class working:
    """A worker, for as long as it is needed."""

    def __init__(self, directory: Path) -> None:
        self.failed: list[str] = []
        self.worker = MediaWorker(directory / "worker", self._on_event, self.failed.append)

    def _on_event(self, event: protocol.Event) -> None:
        if isinstance(event, protocol.Failed):
            self.failed.append(event.error)

    async def __aenter__(self) -> MediaWorker:
        _ = await self.worker.start()
        return self.worker

    async def __aexit__(self, *_: object) -> None:
        await self.worker.stop()
        if self.failed:
            raise RuntimeError(self.failed[0])


async def listen(directory: Path) -> float:
    path = directory / "music.wav"
    if not path.exists():
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            samples = (n * 7919 % 20_011 - 10_000 for n in range(8000 * 60))
            file.writeframes(array("h", samples).tobytes())
    async with working(directory) as worker:
        phones = [bound(leg) for leg in range(LISTENERS)]
        for command in opened(LISTENERS):
            worker.send(command)
        for leg in range(LISTENERS):
            worker.send(protocol.Play(f"{leg}", 1, (str(path),), repeat=True))
        await asyncio.sleep(relay.WARM_SECONDS)
        pid = worker.pid or 0
        before = relay.cpu_seconds(pid)
        await asyncio.sleep(MUSIC_SECONDS)
        cost = (relay.cpu_seconds(pid) - before) / MUSIC_SECONDS
        for phone in phones:
            phone.close()
        return cost


def bound(leg: int) -> socket.socket:
    """A telephone that does not read: what comes is dropped when its buffer is full."""
    call, side = divmod(leg, 2)
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.bind(((CALLER, AGENT)[side], PHONE_PORT + 2 * call))
    return phone


if __name__ == "__main__":
    for figure in run():
        _ = sys.stdout.write(f"{figure}\n")
