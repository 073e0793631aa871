"""Calls to a queue that go another way: nobody answers, somebody leaves, a phone has vanished."""

import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import ROOT, offers, settings
from tests.interop.programs import let_pass
from tests.interop.sipp import Sipp
from tests.interop.tones import CALLER_HZ, SECOND_AGENT_HZ

pytestmark = pytest.mark.interop

LIKENESS_MIN = 0.98
TIME_TOLERANCE = 0.05
BUFFER_SECONDS = 0.16
PICK_UP_SECONDS = 0.5  # Also for the caller's baresip: see "a second source" there.
RING_SECONDS = 2.0  # Of the queue "patient".


def assert_heard(phone: Baresip, prompt: str) -> None:
    """All but the very end, which is still in the buffer of baresip when we hang up."""
    sound = tones.read(ROOT / f"sounds/en/{prompt}.flac")[: -round(BUFFER_SECONDS * tones.RATE)]
    assert tones.find(sound, phone.heard()).likeness >= LIKENESS_MIN


def talk_to_second(caller: Baresip, second: Baresip, seconds: float = 1.0) -> None:
    """The second agent is rung, answers, both hear each other, the caller hangs up."""
    second.wait_incoming(RING_SECONDS + 2.0)
    let_pass(PICK_UP_SECONDS)
    second.accept()
    second.wait_established()
    let_pass(seconds)
    caller.hang_up()
    caller.wait_closed()
    second.wait_closed()
    for phone, hz in ((second, CALLER_HZ), (caller, SECOND_AGENT_HZ)):
        heard = tones.measure(phone.heard(), hz)
        assert heard is not None
        assert heard.share >= 0.999
        assert (heard.gaps, heard.jumps) == ((), 0)


def test_caller_abandons_while_waiting(office: Office) -> None:
    (caller,) = office.phones("101")
    caller.dial("500")
    queued = caller.wait_established()
    office.pbx.wait_waiting("sales", 1)
    let_pass(1.0)
    left = caller.hang_up()
    caller.wait_closed()
    record = office.pbx.record()
    assert (record["verdict"], record["hangup"]) == ("abandoned", "caller")
    assert record["wait_seconds"] == pytest.approx(left - queued.at, abs=TIME_TOLERANCE)
    assert (record["ring_seconds"], record["talk_seconds"], record["agent"]) == (0, 0, "")
    assert offers(record) == []
    office.pbx.wait_metric(1, "pbx_queue_calls_total", queue="sales", reason="abandoned")
    office.pbx.wait_metric(0, "pbx_queue_waiting", queue="sales")


def test_caller_abandons_while_an_agent_rings(office: Office) -> None:
    caller, first, second = office.team()
    caller.dial("500")
    caller.wait_established()
    first.wait_incoming()
    let_pass(1.0)
    caller.hang_up()
    caller.wait_closed()
    first.wait_closed(1.0)
    assert len(first.received("CANCEL")) == 1
    record = office.pbx.record()
    assert (record["verdict"], record["agent"]) == ("abandoned", "")
    assert [agent for agent, _ in offers(record)] == ["901"]
    assert offers(record)[0][1] != "answered"
    assert second.happened("CALL_INCOMING") == []
    for agent in ("901", "902"):
        office.pbx.wait_agent(agent, "ready")


def test_an_agent_who_declines_is_passed_over(office: Office) -> None:
    """baresip declines with 486, which is what most phones send for "reject"."""
    caller, first, second = office.team()
    caller.dial("500")
    caller.wait_established()
    first.wait_incoming()
    first.hang_up()
    talk_to_second(caller, second)
    assert offers(office.pbx.record()) == [("901", "busy"), ("902", "answered")]


@pytest.mark.parametrize(
    ("scenario", "outcome"), [("agent_busy.xml", "busy"), ("agent_declines.xml", "rejected")]
)
def test_an_agent_who_refuses_is_passed_over(office: Office, scenario: str, outcome: str) -> None:
    refusing = office.sipp_agent(scenario, hold_ms=200)
    office.serve(with_static_first(refusing))
    caller, second = office.phones("101", "902")
    office.pbx.wait_agent("902", "ready")
    caller.dial("500")
    caller.wait_established()
    talk_to_second(caller, second)
    assert refusing.finish().succeeded == 1, refusing.problems()
    assert offers(office.pbx.record()) == [("901", outcome), ("902", "answered")]


def with_static_first(agent: Sipp) -> dict[str, object]:
    """The first agent is sipp, at a fixed address and always signed in."""
    return settings(
        extensions={"901": {"contact": agent.address}}, agents={"901": {"signed_in": "always"}}
    )


def test_an_agent_who_does_not_answer_is_passed_over(office: Office) -> None:
    caller, first, second = office.team()
    caller.dial("505")
    caller.wait_established()
    rang = first.wait_incoming().at
    stopped = first.wait_closed(RING_SECONDS + 1.0).at
    assert stopped - rang == pytest.approx(RING_SECONDS, abs=0.1)
    talk_to_second(caller, second)
    record = office.pbx.record()
    assert offers(record) == [("901", "no answer"), ("902", "answered")]
    assert record["offers"][0]["rang_seconds"] == pytest.approx(RING_SECONDS, abs=0.1)


def test_an_agent_whose_phone_was_unplugged_before_the_call(office: Office) -> None:
    caller, first, second = office.team()
    first.freeze()
    caller.dial("505")
    caller.wait_established()
    talk_to_second(caller, second)
    record = office.pbx.record()
    assert [agent for agent, _ in offers(record)] == ["901", "902"]
    assert offers(record)[0][1] in ("unreachable", "no answer")
    # Plugged in again it finds the INVITE in its socket, rings, and must be cancelled then.
    first.thaw()
    first.wait_incoming()
    first.wait_closed(2.0)
    assert len(first.received("CANCEL")) >= 1


def test_an_agent_whose_phone_is_unplugged_while_it_rings(office: Office) -> None:
    caller, first, second = office.team()
    caller.dial("505")
    caller.wait_established()
    first.wait_incoming()
    first.freeze()
    talk_to_second(caller, second)
    assert offers(office.pbx.record()) == [("901", "no answer"), ("902", "answered")]
    first.thaw()
    first.wait_closed(2.0)


def test_nobody_is_signed_in(office: Office) -> None:
    (caller,) = office.phones("101")
    caller.dial("504")
    caller.wait_established()
    caller.wait_closed(8.0)
    assert_heard(caller, "sorry-empty")
    record = office.pbx.record()
    assert (record["verdict"], record["queue"]) == ("nobody signed in", "deserted")
    office.pbx.wait_metric(1, "pbx_calls_total", verdict="nobody signed in")


def test_the_queue_is_full(office: Office) -> None:
    caller, other = office.phones("101", "102")
    caller.dial("502")
    caller.wait_established()
    office.pbx.wait_waiting("narrow", 1)
    other.dial("502")
    other.wait_established()
    other.wait_closed(8.0)
    assert_heard(other, "sorry-queue-full")
    record = office.pbx.record()
    assert (record["verdict"], record["caller"]) == ("queue full", "102")
    caller.hang_up()
    caller.wait_closed()
    assert [r["verdict"] for r in office.pbx.wait_records(2)] == ["queue full", "abandoned"]


@pytest.mark.parametrize("agent_rings", [False, True])
def test_the_longest_wait(office: Office, agent_rings: bool) -> None:
    """After two seconds the caller hears that nobody is free, and a phone that rings stops."""
    users = ("101", "901") if agent_rings else ("101",)
    caller, *agents = office.phones(*users)
    for agent in agents:
        office.pbx.wait_agent(agent.user, "ready")
    caller.dial("503")
    queued = caller.wait_established()
    for agent in agents:
        agent.wait_incoming()
        stopped = agent.wait_closed(3.0)
        assert stopped.at - queued.at == pytest.approx(2.0, abs=0.2)
    caller.wait_closed(10.0)
    assert_heard(caller, "sorry-nobody-free")
    record = office.pbx.record()
    assert record["verdict"] == "timed out"
    assert record["wait_seconds"] == pytest.approx(2.0, abs=0.2)
