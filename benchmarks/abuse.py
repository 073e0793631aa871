"""What strangers cost: the guard, and a flood."""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.server import ROOT, cpu_seconds, missing
from sip.flow import Flow
from sip.guard import Guard, GuardConfig
from tests.interop.conftest import Office
from tests.interop.sipp import Sipp

Figure = tuple[str, float, str]
FLOW = Flow("udp", ("10.0.0.1", 5060), ("198.51.100.7", 5062))
DATA = b"INVITE sip:1@x SIP/2.0\r\n" + b"Via: SIP/2.0/UDP 10.0.0.9\r\n" * 15
ROUNDS = 200_000
FLOOD_RATE, FLOOD_SECONDS = 1000, 12
HOLD_MS = 500
RTT = ("-trace_rtt", "-rtt_freq", "1")


def run() -> list[Figure]:
    figures = guard()
    lacking = missing("sipp")
    if lacking:
        sys.stderr.write(f"abuse: floods are skipped, there is no {lacking}\n")
        return figures
    return [*figures, *flood()]


def guard() -> list[Figure]:
    """Per datagram, before a byte of it is parsed."""
    figures: list[Figure] = []
    for name in ("friend", "banned"):
        watch = Guard(GuardConfig())
        if name == "friend":
            watch.on_admitted(FLOW, "101", 0.0)
        else:
            _ = watch.ban(FLOW.remote[0], "scan", 1e9, 0.0)
        best = 1.0
        for round_ in range(3):
            begin = time.perf_counter()
            for n in range(ROUNDS):
                _ = watch.drops(DATA, FLOW, round_ * ROUNDS + n * 0.001)
            best = min(best, (time.perf_counter() - begin) / ROUNDS)
        figures.append((f"guard_{name}_us", round(best * 1e6, 3), "us"))
    return figures


def flood() -> list[Figure]:
    """CPU for a thousand unauthenticated INVITEs a second, and calls meanwhile."""
    with ExitStack() as programs, tempfile.TemporaryDirectory(prefix="dzvin-abuse-") as name:
        office = Office(Path(name), programs)
        pbx = office.serve()
        figures = (str(FLOOD_RATE), str(FLOOD_SECONDS), "100")
        command = [sys.executable, "-m", "tests.interop.flood", pbx.sip, *figures]
        before = cpu_seconds(pbx.pid)
        sending = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        caller = _calls(office, rate=1, calls=10)
        counted = caller.finish(60)
        told, _ = sending.communicate(timeout=60)
        used = cpu_seconds(pbx.pid) - before
        slowest = max(caller.response_times())
        office.close()
    sent = json.loads(told)["sent"]
    return [
        ("flood_calls_failed", float(10 - counted.succeeded), "calls"),
        ("flood_set_up_max_ms", round(slowest * 1000, 1), "ms"),
        ("flood_cpu_us_per_invite", round(used / sent * 1e6, 1), "us"),
    ]


def _calls(office: Office, rate: int, calls: int) -> Sipp:
    return office.sipp_caller(
        "caller_may_be_refused.xml", "600", calls=calls, rate=rate, hold_ms=HOLD_MS, timeout=110,
        limit=8_000, log_messages=False, options=RTT,
    )  # fmt: skip
