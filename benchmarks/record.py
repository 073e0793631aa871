"""What recording a call costs a media worker: the same calls, recorded and not, in one worker.

A real worker process carries 50 calls. Rounds with and without recordings alternate, so that the
mood of the machine is the same for both; CPU is that of all its threads, as /proc says.

`python -m benchmarks.record`
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.relay import BLASTER, WARM_SECONDS, Figure, blast, commands
from media import protocol
from media.client import MediaWorker

CALLS = 50
ROUNDS = 5
SECONDS = 5
SKIP_SECONDS = 1  # Of each round: `blast` leaves its beginning out.


def run() -> list[Figure]:
    gcc = shutil.which("gcc")
    if gcc is None or not BLASTER.exists():
        missing = "gcc" if gcc is None else f"{BLASTER} (set RTPBLAST_SOURCE)"
        sys.stderr.write(f"record: skipped, there is no {missing}\n")
        return []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        program = directory / "rtpblast"
        _ = subprocess.run([gcc, "-O2", "-o", str(program), str(BLASTER)], check=True)
        return asyncio.run(measure(program, directory))


async def measure(program: Path, directory: Path) -> list[Figure]:
    failed: list[str] = []
    ended: list[protocol.RecordingEnded] = []

    def on_event(event: protocol.Event) -> None:
        if isinstance(event, protocol.Failed):
            failed.append(event.error)
        elif isinstance(event, protocol.RecordingEnded):
            ended.append(event)

    worker = MediaWorker(directory / "worker", on_event, failed.append)
    _ = await worker.start()
    plain: list[float] = []
    recorded: list[float] = []
    late: list[float] = []
    try:
        for call in range(CALLS):
            for command in commands(call):
                worker.send(command)
        await asyncio.sleep(WARM_SECONDS)
        for number in range(ROUNDS):
            plain.append(await one_round(program, directory, worker, late))
            for command in tapes(directory, number):
                worker.send(command)
            recorded.append(await one_round(program, directory, worker, late))
            for call in range(CALLS):
                worker.send(protocol.EndRecording(f"{number}.{call}"))
    finally:
        await worker.stop()
    if failed or any(event.error for event in ended):
        raise RuntimeError(f"{failed} {[event.error for event in ended if event.error]}")
    before, after = median(plain), median(recorded)
    return [
        ("record_cpu_ms_per_call_second", round(after * 1000, 3), "ms"),
        ("record_relay_alone_cpu_ms_per_call_second", round(before * 1000, 3), "ms"),
        ("record_adds_percent", round(100 * (after / before - 1), 1), "%"),
        ("record_delay_p99_us", late[-1], "us"),
        ("record_relay_alone_delay_p99_us", late[-2], "us"),
    ]


def tapes(directory: Path, number: int) -> Iterator[protocol.Command]:
    for call in range(CALLS):
        path = str(directory / f"{number}-{call}.wav")
        yield protocol.Record(f"{number}.{call}", path, f"{call}.0", f"{call}.1")


async def one_round(
    program: Path, directory: Path, worker: MediaWorker, late: list[float]
) -> float:
    """CPU seconds of a call in each second."""
    pid = worker.pid or 0
    task = asyncio.create_task(asyncio.to_thread(blast, program, directory, CALLS, pid, SECONDS))
    await asyncio.sleep(SKIP_SECONDS)
    before = cpu_of_all_threads(pid)
    await asyncio.sleep(SECONDS - 2 * SKIP_SECONDS)
    used = cpu_of_all_threads(pid) - before
    load = await task
    late.append(load.delay_p99_us)
    return used / CALLS / (SECONDS - 2 * SKIP_SECONDS)


def cpu_of_all_threads(pid: int) -> float:
    """Seconds; from the scheduler, in nanoseconds. Those that have ended do not count."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


if __name__ == "__main__":
    for figure in run():
        _ = sys.stdout.write(f"{figure}\n")
