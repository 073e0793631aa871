"""Thousands of queue calls: none fails, none is left over, and memory does not grow."""

from pathlib import Path

import pytest

from tests.interop.conftest import Office
from tests.interop.pbx import RunningPbx, settings
from tests.interop.programs import children, eventually

pytestmark = [pytest.mark.interop, pytest.mark.slow]

CALLS = 7_500
SETTLED = 4_500  # By then all that is kept of past calls is at its limits.
RATE = 50
AGENTS = 120
RING_MS, TALK_MS = 100, 800
LINGER_SECONDS = 45.0  # Transactions and sessions are kept for 32 s (RFC 3261 §17, timers D to L).
# The interpreter's arenas and SQLite's cache may still settle; a leak of 1 KiB a call would be 2.5.
GROWTH_MIB_MAX = 2.0


def memory_mib(pids: set[int]) -> float:
    kib = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                kib += int(line.split()[1])
    return kib / 1024


def ended(pbx: RunningPbx) -> int:
    return int(sum(n for (name, _), n in pbx.metrics().items() if name == "pbx_calls_total"))


def test_thousands_of_queue_calls(office: Office) -> None:
    farm = office.sipp_agent(
        "agent.xml", calls=CALLS, hold_ms=RING_MS, timeout=400, log_messages=False
    )
    agents = [f"a{number}" for number in range(AGENTS)]
    pbx = office.serve(
        settings(
            extensions={agent: {"contact": farm.address} for agent in agents},
            agents={agent: {"signed_in": "always"} for agent in agents},
            queues={"farm": {"number": 510, "strategy": "longest_idle", "members": agents}},
        )
    )
    family = {pbx.pid, *children(pbx.pid)}
    caller = office.sipp_caller(
        "caller.xml",
        "510",
        calls=CALLS,
        rate=RATE,
        hold_ms=RING_MS + TALK_MS,
        timeout=400,
        log_messages=False,
    )
    eventually(lambda: ended(pbx) >= SETTLED, f"{SETTLED} calls", 300, every=0.5)
    settled = memory_mib(family)
    eventually(lambda: ended(pbx) >= CALLS * 0.95, "nearly all calls", 300, every=0.5)
    grown = memory_mib(family) - settled
    counted = caller.finish(60)
    assert (counted.succeeded, counted.failed) == (CALLS, 0), caller.problems()
    assert grown < GROWTH_MIB_MAX, f"{grown:.1f} MiB at the end, from {settled:.1f}"
    assert {record["verdict"] for record in pbx.wait_records(CALLS, timeout=10.0)} == {"answered"}

    kinds = ("calls", "ending", "legs", "media", "ports", "transactions", "sessions", "dialogs")
    eventually(
        lambda: not any(pbx.status()["counters"][kind] for kind in kinds),
        f"nothing is left over: {pbx.status()['counters']}",
        LINGER_SECONDS,
        every=0.5,
    )
