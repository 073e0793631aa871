"""What strangers and too many callers cost: the guard, a flood, and twice the calls that we can."""

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
from tests.interop import pbx as interop
from tests.interop.conftest import Office
from tests.interop.pbx import settings
from tests.interop.sipp import Sipp

Figure = tuple[str, float, str]
FLOW = Flow("udp", ("10.0.0.1", 5060), ("198.51.100.7", 5062))
DATA = b"INVITE sip:1@x SIP/2.0\r\n" + b"Via: SIP/2.0/UDP 10.0.0.9\r\n" * 15
ROUNDS = 200_000
FLOOD_RATE, FLOOD_SECONDS = 1000, 12
STEP_SECONDS, HOLD_MS = 2, 500
MEDIA_PORTS = 2_000  # Four for each call of half a second.
RATES = (100, 200, 300, 400, 500, 600, 750, 900)
# Transactions are kept for 32 s: those of the search would fill the table.
REST_SECONDS = 33
OVERLOAD_SECONDS = 8
RTT = ("-trace_rtt", "-rtt_freq", "1")


def run() -> list[Figure]:
    figures = guard()
    lacking = missing("sipp")
    if lacking:
        sys.stderr.write(f"abuse: floods are skipped, there is no {lacking}\n")
        return figures
    return [*figures, *flood(), *overload()]


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


def overload() -> list[Figure]:
    """Twice as many calls as go through clean, and how soon all is well again."""
    interop.MEDIA_PORTS = MEDIA_PORTS
    with ExitStack() as programs, tempfile.TemporaryDirectory(prefix="dzvin-abuse-") as name:
        office = Office(Path(name), programs)
        pbx = office.serve(settings(media={"workers": 1}))
        capacity = RATES[0]
        for rate in RATES:
            caller = _calls(office, rate, rate * STEP_SECONDS)
            counted = caller.finish(60)
            bad = counted.failed or caller.counted() > counted.created * 0.005
            if bad or counted.retransmissions > counted.created * 0.01:
                break
            capacity = rate
        time.sleep(REST_SECONDS)
        caller = _calls(office, 2 * capacity, 2 * capacity * OVERLOAD_SECONDS)
        counted = caller.finish(120)
        refused, seconds = caller.counted(), OVERLOAD_SECONDS
        begin = time.monotonic()
        while pbx.metric("pbx_overload_share") > 0.0 and time.monotonic() - begin < 30:
            time.sleep(0.1)
        recovered = time.monotonic() - begin
        times = sorted(caller.response_times())
        office.close()
    admitted = counted.succeeded - refused
    return [
        ("overload_capacity_per_s", float(capacity), "1/s"),
        ("overload_failed", float(counted.failed), "calls"),
        ("overload_admitted_percent", round(admitted / seconds / capacity * 100, 1), "%"),
        ("overload_refused", float(refused), "calls"),
        ("overload_answer_p50_ms", round(times[len(times) // 2] * 1000, 1), "ms"),
        ("overload_answer_p99_ms", round(times[int(len(times) * 0.99)] * 1000, 1), "ms"),
        ("overload_recovery_s", round(recovered, 1), "s"),
    ]


def _calls(office: Office, rate: int, calls: int) -> Sipp:
    return office.sipp_caller(
        "caller_may_be_refused.xml", "600", calls=calls, rate=rate, hold_ms=HOLD_MS, timeout=110,
        limit=8_000, log_messages=False, options=RTT,
    )  # fmt: skip
