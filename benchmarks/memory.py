"""Memory of 1,000 registered phones and of 100 calls; CPU of a registration with its challenge."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from benchmarks.server import SIP_PORT, children, drive, kit, missing, running

Figure = tuple[str, float, str]
TARGET = f"127.0.0.1:{SIP_PORT}"
PHONES = 1000


def run() -> list[Figure]:
    lacking = missing("sipp")
    if lacking:
        sys.stderr.write(f"memory: skipped, there is no {lacking}\n")
        return []
    figures: list[Figure] = []
    with kit() as tools:
        with running() as pid:
            results = drive(tools, "bench_reg.py", "ours", str(pid), TARGET, str(PHONES))
            if results:
                figures += [
                    ("register_cpu_ms", results[-1]["cpu_ms_each"], "ms"),
                    ("rss_kib_per_phone", results[-1]["rss_kib_each"], "KiB"),
                ]
        with running() as pid:
            figures += _of_calls(tools, pid)
    return figures


def _of_calls(tools: Path, pid: int) -> list[Figure]:
    """100 calls with sound: memory of all processes before, while they talk, and after."""
    idle, before = _mib(pid, "Rss"), _mib(pid, "Anonymous")
    most = Most(lambda: _mib(pid, "Anonymous"))
    options = (TARGET, "plain", "100", "--secs", "6", "--reps", "1")
    with most:
        results = drive(tools, "bench_media.py", "ours", str(pid), "sip", *options)
    if not results:
        return []
    time.sleep(3.0)
    kept = _mib(pid, "Anonymous") - before
    _ = drive(tools, "bench_media.py", "ours", str(pid), "sip", *options)
    time.sleep(3.0)
    return [
        ("rss_mib_idle", round(idle, 1), "MiB"),
        ("anonymous_mib_idle", round(before, 1), "MiB"),
        ("anonymous_mib_per_100_calls", round(most.value - before, 1), "MiB"),
        ("anonymous_mib_kept_after_100_calls", round(kept, 1), "MiB"),
        ("anonymous_mib_kept_after_200_calls", round(_mib(pid, "Anonymous") - before, 1), "MiB"),
        ("relay_of_calls_cpu_us_per_packet", results[-1]["cpu_ms_per_1000pkt"], "us"),
        ("relay_of_calls_delay_p99_us", results[-1]["delay_us"]["p99"], "us"),
    ]


class Most:
    """The highest value while it runs, looked at four times a second."""

    def __init__(self, look: Callable[[], float]) -> None:
        self.value = 0.0
        self._look = look
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.25):
            self.value = max(self.value, self._look())


def _mib(pid: int, kind: str) -> float:
    """Of all processes. `Anonymous` is what they have made; `Rss` counts files as well, which come
    into memory page by page as they are used, and may leave it."""
    total = 0
    for process in (pid, *children(pid)):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                total += int(line.split()[1])
    return total / 1024
