"""Memory of 1,000 registered phones and of 100 calls; CPU of a registration with its challenge."""

import sys
import time
from pathlib import Path

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
    before = _rss_mib(pid)
    options = (TARGET, "plain", "100", "--secs", "6", "--reps", "1")
    results = drive(tools, "bench_media.py", "ours", str(pid), "sip", *options)
    if not results:
        return []
    time.sleep(3.0)
    return [
        ("rss_mib_idle", round(before, 1), "MiB"),
        ("rss_mib_per_100_calls", round(results[-1]["rss_media"] - before, 1), "MiB"),
        ("rss_mib_kept_after_100_calls", round(_rss_mib(pid) - before, 1), "MiB"),
        ("relay_of_calls_cpu_us_per_packet", results[-1]["cpu_ms_per_1000pkt"], "us"),
        ("relay_of_calls_delay_p99_us", results[-1]["delay_us"]["p99"], "us"),
    ]


def _rss_mib(pid: int) -> float:
    total = 0
    for process in (pid, *children(pid)):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                total += int(line.split()[1])
    return total / 1024
