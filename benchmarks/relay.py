"""What relaying one packet costs a media worker, and how many calls it carries.

A real worker process, commanded over its protocol; the packets are made and checked by a small C
program. CPU is what /proc says of the worker over the steady window, divided by the packets sent
in it. The bare loop (uvloop's `add_reader`, `recv`, `send` and nothing else) runs beside it at the
same load: the machine's mood divides out in the ratio of the two.

`python -m benchmarks.relay [bare]`
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

# Below the ephemeral ports, on addresses of its own: whatever else runs here does not collide.
HERE, CALLER, AGENT = "127.0.9.1", "127.0.9.3", "127.0.9.2"
WORKER_PORT, PHONE_PORT = 20_000, 10_000

Figure = tuple[str, float, str]


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
    bare: list[Load] = []
    ours: list[Load] = []
    for _ in range(ROUNDS):
        with bare_relay(CALLS) as pid:
            bare.append(blast(program, directory, CALLS, pid))
        ours.append(asyncio.run(through_worker(program, directory, CALLS)))
    best, floor = median(ours), median(bare)
    return [
        ("relay_cpu_us_per_packet", round(best.cpu_us, 2), "us"),
        ("relay_bare_loop_cpu_us_per_packet", round(floor.cpu_us, 2), "us"),
        ("relay_delay_p50_us", best.delay_p50_us, "us"),
        ("relay_delay_p99_us", best.delay_p99_us, "us"),
        ("relay_max_calls", float(highest(program, directory)), "calls"),
    ]


def median(loads: list[Load]) -> Load:
    return sorted(loads, key=lambda load: load.cpu_us)[len(loads) // 2]


def highest(program: Path, directory: Path) -> int:
    """The most calls that lose nothing: doubled while good, then halved down to a step."""
    good, bad, calls = 0, SEARCH_MAX, SEARCH_FROM
    while bad - good > SEARCH_STEP:
        if any(carries(program, directory, calls) for _ in range(TRIES)):
            good = calls
        else:
            bad = calls
        calls = (good + bad) // 2 if bad < SEARCH_MAX else min(calls * 3 // 2, SEARCH_MAX - 1)
    return good


def carries(program: Path, directory: Path, calls: int) -> bool:
    load = asyncio.run(through_worker(program, directory, calls, seconds=4))
    return load.lost_percent <= LOST_MAX_PERCENT


async def through_worker(
    program: Path, directory: Path, calls: int, seconds: int = SECONDS
) -> Load:
    failed: list[str] = []

    def on_event(event: protocol.Event) -> None:
        if isinstance(event, protocol.Failed):
            failed.append(event.error)

    worker = MediaWorker(directory / "worker", on_event, failed.append)
    _ = await worker.start()
    try:
        for call in range(calls):
            for command in commands(call):
                worker.send(command)
        await asyncio.sleep(WARM_SECONDS)
        load = await asyncio.to_thread(blast, program, directory, calls, worker.pid or 0, seconds)
    finally:
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


def blast(program: Path, directory: Path, calls: int, pid: int, seconds: int = SECONDS) -> Load:
    legs = directory / "legs"
    _ = legs.write_text(
        "".join(
            f"{host} {PHONE_PORT + 2 * call} {HERE} {WORKER_PORT + 4 * call + 2 * side}\n"
            for call in range(calls)
            for side, host in enumerate((CALLER, AGENT))
        )
    )
    with subprocess.Popen(
        [str(program), str(legs), str(seconds), str(SKIP_SECONDS)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        _ = process.stdout.readline()
        before = cpu_seconds(pid)
        _ = process.stdout.readline()
        after = cpu_seconds(pid)
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
