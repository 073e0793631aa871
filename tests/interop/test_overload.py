"""More calls than are allowed, or than the machine can take: some are refused, none is harmed."""

import pytest

from tests.interop.conftest import Office
from tests.interop.pbx import settings
from tests.interop.programs import eventually

pytestmark = pytest.mark.interop

LIMIT, OFFERED, CALLS = 10, 40, 120
OPTIONS = ("-trace_rtt", "-rtt_freq", "1")


def test_above_the_limit_calls_are_refused_at_once_and_the_others_go_on(office: Office) -> None:
    pbx = office.serve(settings(overload={"calls_per_second": LIMIT}))
    caller = office.sipp_caller(
        "caller_may_be_refused.xml", "600", calls=CALLS, rate=OFFERED, hold_ms=2000, options=OPTIONS
    )
    counted = caller.finish()
    assert (counted.succeeded, counted.failed) == (CALLS, 0), caller.problems()
    refused = [m for m in caller.messages() if m.startswith("received SIP/2.0 503")]
    assert len(refused) == caller.counted()
    assert all("Retry-After: 2\r" in m or "Retry-After: 2\n" in m for m in refused)
    seconds = CALLS / OFFERED
    admitted = LIMIT * (1 + seconds)
    assert CALLS - len(refused) == pytest.approx(admitted, abs=4)
    assert pbx.metric("pbx_calls_shed") <= len(refused)
    records = pbx.wait_records(CALLS - len(refused))
    assert {record["verdict"] for record in records} == {"served"}
    assert min(record["ended_at"] - record["started_at"] for record in records) > 1.5
    eventually(lambda: pbx.status()["counters"]["transactions"] < CALLS, "nothing piles up")


def test_above_the_limit_callers_may_hear_an_excuse(office: Office) -> None:
    pbx = office.serve(settings(overload={"calls_per_second": 1, "excuse": "welcome"}))
    caller = office.sipp_caller("caller.xml", "600", calls=3, rate=20, hold_ms=1000)
    counted = caller.finish()
    assert (counted.succeeded, counted.failed) == (3, 0), caller.problems()
    paths = sorted(record["path"] for record in pbx.wait_records(3))
    assert [path.startswith('["play') for path in paths] == [False, True, True], paths
