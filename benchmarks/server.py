"""A server of ours for the drivers, and the drivers themselves (a kit of C and Python programs)."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers import company

ROOT = Path(__file__).resolve().parents[1]
KIT = Path(os.environ.get("BENCH_KIT", ROOT.parent / "shared/bench"))
SIP_PORT, WEB_PORT = 5090, 18090
TICKS = os.sysconf("SC_CLK_TCK")


def missing(*programs: str) -> str:
    """What is not there of the kit and the programs it needs, "" when all is."""
    lacking = [name for name in ("gcc", *programs) if shutil.which(name) is None]
    if not (KIT / "tools/benchlib.py").exists():
        lacking.append(f"{KIT} (set BENCH_KIT)")
    return ", ".join(lacking)


@contextmanager
def kit() -> Iterator[Path]:
    """A copy of the drivers with their C tools built; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dzvin-kit-") as name:
        copy = Path(name) / "bench"
        _ = shutil.copytree(KIT, copy)
        _ = subprocess.run(["chmod", "-R", "u+w", str(copy)], check=True)
        for tool in ("agentsim", "rtpblast"):
            source = copy / f"tools/{tool}.c"
            command = ["gcc", "-O2", "-w", "-o", str(source.with_suffix("")), str(source)]
            _ = subprocess.run(command, check=True)
        yield copy / "tools"


@contextmanager
def running(workers: int = 1) -> Iterator[int]:
    """Our server with the drivers' company; yields its pid."""
    with tempfile.TemporaryDirectory(prefix="dzvin-bench-") as name:
        config = company.write(Path(name), sip_port=SIP_PORT, web_port=WEB_PORT, workers=workers)
        command = [sys.executable, "-m", "pbx.cli", "run", "--log-level", "warning", str(config)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            wait_until_well(process)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                _ = process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                _ = process.wait()


def wait_until_well(process: subprocess.Popen[bytes], seconds: float = 20.0) -> float:
    """Seconds until /health answers."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{WEB_PORT}/health", timeout=1):
                return time.monotonic() - begin
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise RuntimeError(f"the server does not answer after {seconds} s")


def drive(tools: Path, script: str, *arguments: str) -> list[dict[str, Any]]:
    """Run a driver; the results it printed, one JSON object each."""
    command = [sys.executable, str(tools / script), *arguments]
    done = subprocess.run(command, cwd=tools, capture_output=True, text=True, check=False)
    results: list[dict[str, Any]] = []
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            results.append(json.loads(line))
        elif line.startswith("##"):
            print(f"# {line[2:].strip()}", file=sys.stderr, flush=True)
    if not results:
        sys.stderr.write(f"{script} measured nothing: {done.stderr[-500:]}\n")
    return results


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
