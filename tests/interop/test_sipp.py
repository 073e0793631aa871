"""What real phones do not do on demand, scripted: answers that cross the CANCEL, many calls."""

import time

import pytest

from tests.interop.conftest import Office
from tests.interop.pbx import offers, settings

pytestmark = pytest.mark.interop

CALLS = 20
AGENTS = 10


def test_an_answer_that_crosses_the_cancel_is_acked_and_hung_up(office: Office) -> None:
    """RFC 3261 §9.1, §13.2.2.4: the late 200 is a dialog all the same, and must be ended."""
    late = office.sipp_agent("agent_answers_late.xml")
    quick = office.sipp_agent("agent.xml", hold_ms=500)
    always = {"signed_in": "always"}
    pbx = office.serve(
        settings(
            extensions={"901": {"contact": late.address}, "902": {"contact": quick.address}},
            agents={"901": always, "902": always},
        )
    )
    caller = office.sipp_caller("caller.xml", "501", hold_ms=2000)
    assert caller.finish().succeeded == 1, caller.problems()
    assert quick.finish().succeeded == 1, quick.problems()
    assert late.finish().succeeded == 1, late.problems()
    assert late.methods() == ["INVITE", "CANCEL", "ACK", "BYE"]
    record = pbx.record()
    assert (record["agent"], record["verdict"]) == ("902", "answered")
    assert sorted(offers(record)) == [("901", "answered elsewhere"), ("902", "answered")]
    for agent in ("901", "902"):
        pbx.wait_agent(agent, "ready")


def test_an_agent_that_rings_is_cancelled_properly(office: Office) -> None:
    """The caller goes: CANCEL, 200, 487, ACK."""
    ringing = office.sipp_agent("agent_rings.xml")
    pbx = office.serve(
        settings(
            extensions={"901": {"contact": ringing.address}},
            agents={"901": {"signed_in": "always"}},
        )
    )
    caller = office.sipp_caller("caller.xml", "500", hold_ms=1000)
    assert caller.finish().succeeded == 1, caller.problems()
    assert ringing.finish().succeeded == 1, ringing.problems()
    assert ringing.methods() == ["INVITE", "CANCEL", "ACK"]
    assert pbx.record()["verdict"] == "abandoned"


def test_a_batch_of_calls(office: Office) -> None:
    """Every call reaches an agent, nothing is sent twice, nothing is left over."""
    farm = office.sipp_agent("agent.xml", calls=CALLS, hold_ms=100)
    agents = [f"a{number}" for number in range(AGENTS)]
    pbx = office.serve(
        settings(
            extensions={agent: {"contact": farm.address} for agent in agents},
            agents={agent: {"signed_in": "always"} for agent in agents},
            queues={"farm": {"number": 510, "strategy": "round_robin", "members": agents}},
        )
    )
    begun = time.monotonic()
    caller = office.sipp_caller("caller.xml", "510", calls=CALLS, rate=5, hold_ms=1500)
    counted = caller.finish()
    assert (counted.succeeded, counted.failed, counted.retransmissions) == (CALLS, 0, 0), (
        caller.problems()
    )
    farmed = farm.finish()
    assert (farmed.succeeded, farmed.failed, farmed.retransmissions) == (CALLS, 0, 0)
    assert time.monotonic() - begun < 20
    records = pbx.wait_records(CALLS)
    assert {record["verdict"] for record in records} == {"answered"}
    turns = [record["agent"] for record in sorted(records, key=lambda r: float(r["started_at"]))]
    assert turns == agents * (CALLS // AGENTS)
    pbx.wait_metric(0, "pbx_calls_active")
    pbx.wait_metric(CALLS, "pbx_queue_calls_total", queue="farm", reason="answered")


def test_a_caller_who_is_hung_up_on(office: Office) -> None:
    """The caller of a queue that times out hears the excuse and gets our BYE."""
    pbx = office.serve()
    caller = office.sipp_caller("caller_waits.xml", "503")
    assert caller.finish().succeeded == 1, caller.problems()
    assert pbx.record()["verdict"] == "timed out"
