"""What `test_loss` runs where datagrams get lost; LOSS_PERCENT says how many."""

import os
from collections import Counter

from tests.interop.conftest import Office
from tests.interop.pbx import settings
from tests.interop.programs import eventually

PERCENT = int(os.environ.get("LOSS_PERCENT", "0"))
CALLS = 200
RATE = 8
RING_MS, TALK_MS = 100, 1000
SET_UP_MAX = 2.5  # Seconds, for 95 of 100.
LEFT = ("calls", "ending", "legs", "media", "ports", "sessions", "dialogs")


def test_calls(office: Office) -> None:
    # Some calls are begun twice there: the INVITE comes again after a lost answer.
    phone = office.sipp_agent("agent.xml", calls=2 * CALLS, hold_ms=RING_MS, timeout=200)
    pbx = office.serve(settings(extensions={"700": {"contact": phone.address}}))
    caller = office.sipp_caller(
        "caller.xml",
        "700",
        calls=CALLS,
        rate=RATE,
        hold_ms=TALK_MS,
        timeout=150,
        log_messages=False,
        options=("-trace_rtt", "-rtt_freq", "1", "-recv_timeout", "40000"),
    )
    counted = caller.finish(160)
    least = CALLS if PERCENT <= 5 else CALLS * 99 // 100
    unanswered = [call for call in pbx.records() if call["verdict"] != "answered"]
    assert counted.succeeded >= least, f"{unanswered}\n{caller.problems()}"
    times = sorted(caller.response_times())
    assert times[len(times) * 95 // 100] < SET_UP_MAX, times[-20:]
    records = pbx.wait_records(CALLS, timeout=40.0)
    assert max(Counter(record["id"] for record in records).values()) == 1
    assert len(records) == CALLS
    eventually(
        lambda: not any(pbx.status()["counters"][kind] for kind in LEFT),
        f"nothing is left over: {pbx.status()['counters']}",
        45.0,
        every=0.5,
    )
