"""Calls with sipp: CPU per plain call and per queue call, how long the agent's INVITE takes, and
how
many calls a second go through without a failure or a retransmission."""

import sys
from pathlib import Path
from typing import Any

from benchmarks.server import SIP_PORT, children, cpu_seconds, drive, kit, median, missing, running

Figure = tuple[str, float, str]
TARGET = f"127.0.0.1:{SIP_PORT}"
ROUNDS = 3


def run() -> list[Figure]:
    lacking = missing("sipp", "tcpdump")
    if lacking:
        sys.stderr.write(f"signalling: skipped, there is no {lacking}\n")
        return []
    with kit() as tools:
        return [
            *plain(tools),
            *queue(tools),
            *ring_all(tools),
            *most(tools),
        ]


def plain(tools: Path) -> list[Figure]:
    with running() as pid:
        figures, _ = _cpu(tools, pid, "plain_call", "bench_sig.py", "plain", 50)
    return figures


def queue(tools: Path) -> list[Figure]:
    with running() as pid:
        figures, results = _cpu(tools, pid, "queue_call", "bench_queue.py", "q500-rrmemory", 50)
    return [
        *figures,
        *_offers("queue", results),
    ]


def ring_all(tools: Path) -> list[Figure]:
    """50 agents at four calls a second; 500 at one call in two seconds."""
    figures: list[Figure] = []
    for size, rate, seconds in ((50, "4", "10"), (500, "0.5", "20")):
        options = ("--ring", "200", "3000", "--rates", rate, "--secs", seconds)
        more = ("--reps", str(ROUNDS))
        name = f"q{size}-ringall"
        with running() as pid:
            found = drive(tools, "bench_queue.py", "ours", str(pid), TARGET, name, *options, *more)
        if found:
            figures += [
                (f"ring_all_{size}_cpu_ms", median([r["cpu_ms_per_call"] for r in found]), "ms"),
                *_offers(f"ring_all_{size}", found),
            ]
    return figures


def _offers(name: str, results: list[dict[str, Any]]) -> list[Figure]:
    """How long it took until the first phone was rung."""
    return [
        (f"{name}_offer_{part}_ms", median([r["latency_ms"][part] for r in results]), "ms")
        for part in ("p50", "p99")
    ]


def most(tools: Path) -> list[Figure]:
    figures: list[Figure] = []
    searches = (
        ("plain_calls_max_per_s", "bench_sig.py", "plain", ("100", "700")),
        ("queue_calls_max_per_s", "bench_queue.py", "q500-rrmemory", ("50", "400")),
    )
    for name, script, extension, (low, high) in searches:
        with running() as pid:
            options = (TARGET, extension, "--rates", "", "--search", low, high)
            results = drive(tools, script, "ours", str(pid), *options)
        good = [float(r["rate"]) for r in results if r["good"]]
        figures.append((name, max(good, default=0.0), "1/s"))
    return figures


def _cpu(
    tools: Path, pid: int, name: str, script: str, extension: str, rate: int
) -> tuple[list[Figure], list[dict[str, Any]]]:
    """CPU per call of all processes together, and of control and worker apart."""
    worker = children(pid)
    before = cpu_seconds(pid), sum(map(cpu_seconds, worker))
    options = ("--rates", str(rate), "--secs", "10", "--reps", str(ROUNDS))
    results = drive(tools, script, "ours", str(pid), TARGET, extension, *options)
    after = cpu_seconds(pid), sum(map(cpu_seconds, worker))
    calls = sum(r["ok"] for r in results) or 1
    control, media = ((b - a) / calls * 1000 for a, b in zip(before, after, strict=True))
    return [
        (f"{name}_cpu_ms", median([r["cpu_ms_per_call"] for r in results]), "ms"),
        (f"{name}_control_cpu_ms", round(control, 3), "ms"),
        (f"{name}_worker_cpu_ms", round(media, 3), "ms"),
        (f"{name}_failed_percent", max(r["fail_pct"] for r in results), "%"),
    ], results
