"""Twice as many calls as go through clean: how many of them do, how soon the others are refused,
and how soon all is well again. Plain calls of half a second through the drivers' company.
"""

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.server import KIT, SIP_PORT, WEB_PORT, missing, running
from tests.interop.sipp import SCENARIOS, Counters, Sipp

Figure = tuple[str, float, str]
CALLER, PHONES = "127.0.0.3", ("127.0.0.2", "7060")
RATE_FIRST, RATE_MAX = 100, 1_600  # Calls a second.
STEP_SECONDS, HOLD_MS = 10, 500  # A short step would only fill the socket's buffer.
CLOSER = 1.07  # The search ends when a clean rate and one that is not are so close together.
# Transactions are kept for 32 s: those of the search would fill the table.
REST_SECONDS = 33
SECONDS = 60
RECOVERY_SECONDS_MAX = 30.0
RTT = ("-trace_rtt", "-rtt_freq", "1")


def run() -> list[Figure]:
    lacking = missing("sipp")
    if lacking:
        sys.stderr.write(f"overload: skipped, there is no {lacking}\n")
        return []
    with tempfile.TemporaryDirectory(prefix="dzvin-overload-") as name, phones(), running():
        place = Path(name)
        highest = search(place)
        time.sleep(REST_SECONDS)
        counted, times, seconds = offer(place, 2 * highest, SECONDS)
        recovery = recover()
    admitted = counted.succeeded - len(times)
    times.sort()
    return [
        ("overload_highest_clean_per_s", float(highest), "1/s"),
        ("overload_failed", float(counted.failed), "calls"),
        ("overload_admitted_percent", round(admitted / seconds / highest * 100, 1), "%"),
        ("overload_refused", float(len(times)), "calls"),
        ("overload_refusal_p50_ms", _percentile(times, 0.5), "ms"),
        ("overload_refusal_p99_ms", _percentile(times, 0.99), "ms"),
        ("overload_recovery_s", round(recovery, 1), "s"),
    ]


@contextmanager
def phones() -> Iterator[None]:
    """One that answers every call."""
    host, port = PHONES
    scenario = str(KIT / "sipp/uas.xml")
    command = ["sipp", "-sf", scenario, "-i", host, "-p", port, "-nostdin", "-l", "20000"]
    callee = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        callee.kill()
        _ = callee.wait()


def search(place: Path) -> int:
    """The highest rate at which every call goes through and hardly a message is sent again."""
    clean, unclean = RATE_FIRST, RATE_MAX
    rate = 2 * clean
    while unclean > clean * CLOSER:
        counted, refused, _ = offer(place, rate, STEP_SECONDS)
        few = counted.created * 0.005
        bad = counted.failed or len(refused) > few or counted.retransmissions > 2 * few
        clean, unclean = (clean, rate) if bad else (rate, unclean)
        rate = 2 * clean if unclean == RATE_MAX else (clean + unclean) // 2
        rate = min(rate, unclean - 1)
        sys.stderr.write(f"# {counted.created} calls offered: {'not ' if bad else ''}clean\n")
    return clean


def offer(place: Path, rate: int, seconds: int) -> tuple[Counters, list[float], float]:
    """What came of so many calls, after how long each refused one was refused, and how long it
    really took to make them: a busy machine makes them late."""
    begin = time.monotonic()
    directory = Path(tempfile.mkdtemp(dir=place)) / "caller"
    with Sipp(
        directory,
        str(scenario(place)),
        target=f"127.0.0.1:{SIP_PORT}",
        calls=rate * seconds,
        rate=rate,
        hold_ms=HOLD_MS,
        keys={"ext": "plain", "caller": "9001"},
        limit=8_000,
        host=CALLER,
        timeout=110,
        log_messages=False,
        options=RTT,
    ) as caller:
        counted = caller.finish(120)
        return counted, caller.response_times(), time.monotonic() - begin - HOLD_MS / 1000


def scenario(place: Path) -> Path:
    """As the one of the tests, but only refusals are timed."""
    path = place / "caller.xml"
    if not path.exists():
        text = (SCENARIOS / "caller_may_be_refused.xml").read_text()
        answered = '<recv response="200" rrs="true" rtd="1">'
        assert answered in text
        _ = path.write_text(text.replace(answered, answered.replace(' rtd="1"', "")))
    return path


def recover() -> float:
    """Seconds until nobody is refused any more."""
    begin = time.monotonic()
    while time.monotonic() - begin < RECOVERY_SECONDS_MAX and _share() > 0.0:
        time.sleep(0.1)
    return time.monotonic() - begin


def _share() -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{WEB_PORT}/metrics", timeout=5) as page:
        for line in page.read().decode().splitlines():
            if line.startswith("pbx_overload_share "):
                return float(line.split()[1])
    return 0.0


def _percentile(ordered: list[float], share: float) -> float:
    return round(ordered[int(len(ordered) * share)] * 1000, 1) if ordered else 0.0
