"""What relaying one packet costs a media worker, and how many calls it carries.

A real worker process, commanded over its protocol; the packets are made and checked by a small C
program. CPU is what /proc says of the worker over the steady window, divided by the packets sent
in it. The bare loop (uvloop's `add_reader`, `recv`, `send` and nothing else) runs beside it at the
same load, and so does rtpengine if it is installed: the machine's mood divides out in the ratios.
Delays are mostly that mood: of what a shared host takes away, the machine tells too.

`python -m benchmarks.relay [bare]`
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import rtpengine
from media import protocol
from media.client import MediaWorker

ROOT = Path(__file__).resolve().parents[1]
BLASTER = Path(os.environ.get("RTPBLAST_SOURCE", ROOT.parent / "shared/bench/tools/rtpblast.c"))
CALLS = 100
SECONDS = 5
SKIP_SECONDS = 1
WARM_SECONDS = 1.5  # A new worker imports its decoders.
ROUNDS = 3
# Calls tried for the highest number: geometric steps, then halving between good and bad.
SEARCH_FROM = 300
SEARCH_MAX = 1200
SEARCH_STEP = 50
TRIES = 2  # Something else on the machine may have spoilt the first.
# Lost or later than 60 ms, in percent: as for the figures of the other servers.
LOST_MAX_PERCENT = 0.1
SEARCH_SECONDS = 4
CORES = os.cpu_count() or 1
BLASTER_NICE = -15  # It is not what shall give out, if we may say so.

# Below the ephemeral ports, on addresses of its own: whatever else runs here does not collide.
HERE, CALLER, AGENT = "127.0.9.1", "127.0.9.3", "127.0.9.2"
WORKER_PORT, PHONE_PORT = 20_000, 10_000

Figure = tuple[str, float, str]
Leg = tuple[str, int, str, int]  # A phone, and where it sends to.


@dataclass(frozen=True, slots=True)
class Load:
    cpu_us: float  # Per packet received and sent on.
    lost_percent: float
    delay_p50_us: float
    delay_p99_us: float


def run() -> list[Figure]:
    gcc = shutil.which("gcc")
    if gcc is None or not BLASTER.exists():
        missing = "gcc" if gcc is None else f"{BLASTER} (set RTPBLAST_SOURCE)"
        sys.stderr.write(f"relay: skipped, there is no {missing}\n")
        return []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        program = directory / "rtpblast"
        _ = subprocess.run([gcc, "-O2", "-o", str(program), str(BLASTER)], check=True)
        return measure(program, directory)


def measure(program: Path, directory: Path) -> list[Figure]:
    """In turn, so that all of them meet the same moods."""
    ways: dict[str, Callable[[int, int], Load]] = {
        "bare_loop_": partial(through_bare_loop, program, directory),
        "": partial(through_workers, program, directory, 1),
    }
    if shutil.which("rtpengine") is not None:
        ways["rtpengine_"] = partial(through_rtpengine, program, directory)
    stolen, passed = machine_ticks()
    loads = [{name: way(CALLS, SECONDS) for name, way in ways.items()} for _ in range(ROUNDS)]
    stolen, passed = (b - a for a, b in zip((stolen, passed), machine_ticks(), strict=True))
    figures: list[Figure] = []
    for name in ways:
        load = median([turn[name] for turn in loads])
        figures += [
            (f"relay_{name}cpu_us_per_packet", round(load.cpu_us, 2), "us"),
            (f"relay_{name}delay_p50_us", load.delay_p50_us, "us"),
            (f"relay_{name}delay_p99_us", load.delay_p99_us, "us"),
        ]
    figures.append(("relay_machine_stolen_percent", round(100 * stolen / passed, 1), "%"))
    _ = ways.pop("bare_loop_")
    if CORES > 1:
        ways["worker_per_core_"] = partial(through_workers, program, directory, CORES)
    for name, way in ways.items():
        figures.append((f"relay_{name}max_calls", float(highest(way)), "calls"))
    return figures


def median(loads: list[Load]) -> Load:
    return sorted(loads, key=lambda load: load.cpu_us)[len(loads) // 2]


def machine_ticks() -> tuple[int, int]:
    """Of all processors: what the host has taken away, and everything."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return ticks[-1], sum(ticks)


def highest(way: Callable[[int, int], Load]) -> int:
    """The most calls that lose nothing: half as many again while good, then halved to a step."""
    good, bad, calls = 0, SEARCH_MAX, SEARCH_FROM
    while bad - good > SEARCH_STEP:
        if any(way(calls, SEARCH_SECONDS).lost_percent <= LOST_MAX_PERCENT for _ in range(TRIES)):
            good = calls
        else:
            bad = calls
        calls = (good + bad) // 2 if bad < SEARCH_MAX else min(calls * 3 // 2, SEARCH_MAX - 1)
    return good


def through_bare_loop(program: Path, directory: Path, calls: int, seconds: int) -> Load:
    with bare_relay(calls) as pid:
        return blast(program, directory, calls, pid, seconds)


def through_rtpengine(program: Path, directory: Path, calls: int, seconds: int) -> Load:
    with rtpengine.running() as peer:
        legs: list[Leg] = []
        for call in range(calls):
            phone = PHONE_PORT + 2 * call
            ports = peer.call(call, (CALLER, phone), (AGENT, phone))
            for host, port in zip((CALLER, AGENT), ports, strict=True):
                legs.append((host, phone, rtpengine.HOST, port))
        return blast_legs(program, directory, legs, (peer.pid,), seconds)


def through_workers(program: Path, directory: Path, workers: int, calls: int, seconds: int) -> Load:
    return asyncio.run(_through_workers(program, directory, workers, calls, seconds))


async def _through_workers(
    program: Path, directory: Path, workers: int, calls: int, seconds: int
) -> Load:
    failed: list[str] = []

    def on_event(event: protocol.Event) -> None:
        if isinstance(event, protocol.Failed):
            failed.append(event.error)

    names = (directory / f"worker{number}" for number in range(workers))
    crew = [MediaWorker(name, on_event, failed.append) for name in names]
    for worker in crew:
        _ = await worker.start()
    try:
        for call in range(calls):
            for command in commands(call):
                crew[call % workers].send(command)
        await asyncio.sleep(WARM_SECONDS)
        pids = [worker.pid or 0 for worker in crew]
        legs = legs_of(calls)
        load = await asyncio.to_thread(blast_legs, program, directory, legs, pids, seconds)
    finally:
        for worker in crew:
            await worker.stop()
    if failed:
        raise RuntimeError(failed[0])
    return load


def commands(call: int) -> Iterator[protocol.Command]:
    port = WORKER_PORT + 4 * call
    for side, host in enumerate((CALLER, AGENT)):
        session = f"{call}.{side}"
        phone = PHONE_PORT + 2 * call
        yield protocol.Open(session, port + 2 * side, HERE)
        yield protocol.Connect(session, (host, phone), (host, phone + 1), "", "PCMU", 0, 101)
    yield protocol.Join(f"{call}.0", f"{call}.1")


def legs_of(calls: int) -> list[Leg]:
    return [
        (host, PHONE_PORT + 2 * call, HERE, WORKER_PORT + 4 * call + 2 * side)
        for call in range(calls)
        for side, host in enumerate((CALLER, AGENT))
    ]


def blast(program: Path, directory: Path, calls: int, pid: int, seconds: int = SECONDS) -> Load:
    return blast_legs(program, directory, legs_of(calls), (pid,), seconds)


def blast_legs(
    program: Path, directory: Path, legs: Sequence[Leg], pids: Sequence[int], seconds: int
) -> Load:
    """From each phone to its port here, in pairs."""
    path = directory / "legs"
    _ = path.write_text("".join(f"{a} {b} {c} {d}\n" for a, b, c, d in legs))
    with subprocess.Popen(
        [str(program), str(path), str(seconds), str(SKIP_SECONDS)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, process.pid, BLASTER_NICE)
        assert process.stdout is not None
        _ = process.stdout.readline()
        before = sum(map(cpu_of_all_threads, pids))
        _ = process.stdout.readline()
        after = sum(map(cpu_of_all_threads, pids))
        result: dict[str, Any] = json.loads(process.stdout.read())
    return Load(
        cpu_us=(after - before) * 1e6 / result["sent"],
        lost_percent=result["loss_pct"] + result["late60_pct"],
        delay_p50_us=result["delay_us"]["p50"],
        delay_p99_us=result["delay_us"]["p99"],
    )


def cpu_seconds(pid: int) -> float:
    """Of the main thread, in nanoseconds from the scheduler: no ticks."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def cpu_of_all_threads(pid: int) -> float:
    """Those that have ended do not count."""
    return sum(cpu_seconds(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir())


@contextmanager
def bare_relay(calls: int) -> Iterator[int]:
    """The least that Python with uvloop can do, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.relay", "bare", str(calls)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        try:
            _ = process.stdout.readline()
            yield process.pid
        finally:
            process.terminate()


def bare(calls: int) -> None:
    import uvloop

    loop = uvloop.new_event_loop()

    def pass_on(receive: Callable[[int], bytes], send: Callable[[bytes], int]) -> None:
        try:
            _ = send(receive(2048))
        except OSError:
            return

    for call in range(calls):
        pair: list[socket.socket] = []
        for side, host in enumerate((CALLER, AGENT)):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            sock.bind((HERE, WORKER_PORT + 4 * call + 2 * side))
            sock.connect((host, PHONE_PORT + 2 * call))
            pair.append(sock)
        left, right = pair
        loop.add_reader(left, pass_on, left.recv, right.send)
        loop.add_reader(right, pass_on, right.recv, left.send)
    _ = sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop.run_forever()


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        bare(int(sys.argv[2]))
    else:
        for figure in run():
            _ = sys.stdout.write(f"{figure}\n")
