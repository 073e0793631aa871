"""Calls from extension to extension, and to the numbers of the system itself."""

from dataclasses import replace

import pytest

from pbx.history.records import Hangup, Verdict
from pbx.plan import ExtensionPlan
from sip.flow import Flow
from sip.message import Request, respond
from sip.parser import parse
from tests.exchange.office import OPENS, SERVER, TICK, Office
from tests.sim.plans import make_plan
from tests.sim.world import Habits

SLOW = ("10.9.0.9", 5060)
"""A fixed contact that answers when the test does."""


def test_the_caller_hears_ringing_and_is_answered_with_the_other_side() -> None:
    office = Office()
    office.dial("101", "102")
    office.run_until(OPENS + 3)
    assert office.got("101") == ["401", "100", "180"]
    office.answer("102")
    office.run_until(OPENS + 4)
    assert office.got("101")[3:] == ["200"]
    office.hang_up("102")
    office.run_for(1.0)
    record = office.record
    assert (record.verdict, record.hangup, record.extension) == (
        Verdict.ANSWERED,
        Hangup.CALLEE,
        "102",
    )
    assert (record.wait_seconds, record.talk_seconds) == (3 - 2 * TICK, 1.0)
    office.close()


@pytest.mark.parametrize(
    ("status", "verdict", "told"),
    [(486, Verdict.BUSY, "486"), (603, Verdict.REJECTED, "603"), (404, Verdict.NOT_FOUND, "404")],
)
def test_the_other_side_refuses(status: int, verdict: Verdict, told: str) -> None:
    office = Office()
    office.dial("101", "102")
    office.run_for(1.0)
    office.reject("102", status)
    office.run_for(1.0)
    assert (office.record.verdict, office.got("101")[-1]) == (verdict, told)
    office.close()


def test_the_other_side_does_not_pick_up() -> None:
    office = Office()
    office.dial("101", "102")
    office.run_for(31.0)
    record = office.record
    assert (record.verdict, record.hangup, record.wait_seconds) == (
        Verdict.NO_ANSWER,
        Hangup.SYSTEM,
        30.0,
    )
    assert office.got("101")[-1] == "480"
    assert office.state("102") == "idle"
    office.close()


def test_no_such_number() -> None:
    office = Office()
    office.dial("101", "12345")
    office.run_for(1.0)
    assert (office.record.verdict, office.got("101")[-1]) == (Verdict.NOT_FOUND, "404")
    office.close()


def test_nobody_is_registered_there() -> None:
    office = Office()
    office.registers("102", expires=0)
    office.run_for(1.0)
    office.dial("101", "102")
    office.run_for(1.0)
    assert (office.record.verdict, office.got("101")[-1]) == (Verdict.UNREACHABLE, "480")
    office.close()


def test_calling_oneself_is_busy() -> None:
    office = Office()
    office.dial("901", "901")
    office.run_for(1.0)
    assert office.record.verdict is Verdict.BUSY
    assert office.agents["901"] == "ready"
    office.close()


def test_the_echo_test_goes_on_until_the_caller_hangs_up() -> None:
    office = Office()
    office.dial("101", "600")
    office.run_for(20.0)
    (line,) = office.workers[0].lines.values()
    assert line.echo
    office.hang_up("101")
    office.run_for(1.0)
    assert office.record.verdict is Verdict.SERVED
    office.close()


def test_a_prompt_is_played_and_then_we_hang_up() -> None:
    office = Office()
    office.dial("101", "700")
    office.run_for(4.0)
    assert (office.record.verdict, office.record.hangup) == (Verdict.SERVED, Hangup.SYSTEM)
    assert office.record.ended_at - office.record.started_at == 3.0
    office.close()


def test_a_fixed_contact_needs_no_registration() -> None:
    office = Office()
    phone = office.add_phone("109", "", Habits(answer_after=None))
    office.devices["109"] = [phone]
    contact = f"sip:{phone.address[0]}:{phone.address[1]}"
    plain = ExtensionPlan("109", "Plain", contact=contact, flow=Flow("udp", SERVER, phone.address))
    plan = make_plan(
        callers=["101", "102", "103"],
        agents={},
        extensions={"109": plain},
    )
    office.configure(plan)
    office.dial("101", "109")
    office.run_for(1.0)
    assert office.ringing == ["109"]
    office.answer("109")
    office.run_for(1.0)
    assert office.answered_by() == ["109"]
    office.close()


def dials_a_slow_one() -> tuple[Office, list[bytes]]:
    """And what it has received."""
    office = Office()
    inbox = office.inboxes[SLOW] = []
    plan = office.exchange.plan
    plain = ExtensionPlan(
        "109", "Slow", contact="sip:10.9.0.9:5060", flow=Flow("udp", SERVER, SLOW)
    )
    office.configure(replace(plan, extensions={**plan.extensions, "109": plain}))
    office.dial("101", "109")
    office.run_for(0.1)
    return office, inbox


def test_a_device_that_takes_its_time_but_says_so_is_not_unplugged() -> None:
    """It sends 100 at once and 180 after six seconds."""
    office, inbox = dials_a_slow_one()
    invite = parse(inbox[0])
    assert isinstance(invite, Request)
    office.send(SLOW, bytes(respond(invite, 100)))
    office.run_for(6.0)
    assert len(office.exchange.calls) == 1
    office.send(SLOW, bytes(respond(invite, 180, to_tag="slow")))
    office.run_for(1.0)
    assert office.got("101")[-1] == "180"
    office.send(SLOW, bytes(respond(invite, 486, to_tag="slow")))
    office.run_for(1.0)
    assert office.record.verdict is Verdict.BUSY
    office.close()


def test_a_machine_that_stood_still_has_not_heard_nothing() -> None:
    """Four seconds of silence count only as far as we have lived through them."""
    office, inbox = dials_a_slow_one()
    office.outage(4.5)
    office.run_for(5.7)
    assert (len(inbox), len(office.exchange.calls)) == (3, 1)
    invite = parse(inbox[-1])
    assert isinstance(invite, Request)
    office.send(SLOW, bytes(respond(invite, 486, to_tag="slow")))
    office.run_for(1.0)
    assert office.record.verdict is Verdict.BUSY
    office.dial("101", "109")
    office.run_for(0.1)
    office.outage(4.5)
    office.run_for(7.3)
    assert len(office.exchange.calls) == 1
    office.run_for(0.3)
    assert office.records[-1].verdict is Verdict.UNREACHABLE
    office.close()


def test_a_direct_call_takes_the_agent_out_of_the_queue() -> None:
    office = Office()
    office.dial("101")
    office.run_for(1.0)
    assert office.ringing == ["901"]
    office.dial("102", "901")
    office.run_for(1.0)
    # The queue rings somebody else; this phone rings for the one who wants this agent.
    assert office.agents == {"901": "occupied", "902": "ringing"}
    office.answer("901")
    office.run_for(1.0)
    assert {c.caller: c.bridged for c in office.exchange.calls.values()} == {
        "101": "",
        "102": "901",
    }
    office.hang_up("102")
    office.run_for(1.0)
    assert office.agents["901"] == "ready"
    office.close()


def test_an_agent_who_calls_out_is_occupied_even_if_the_plan_changes_meanwhile() -> None:
    office = Office()
    office.dial("901", "101")
    office.run_for(1.0)
    office.answer("101")
    office.run_for(1.0)
    plan = office.exchange.plan
    # 901 now sits at the extension 103.
    seats = {"901": "103", "902": "902"}
    office.configure(
        replace(
            plan,
            agents={a: replace(plan.agents[a], extension=seats[a]) for a in seats},
            agent_of={seat: agent for agent, seat in seats.items()},
            extension_of=seats,
        )
    )
    office.hang_up("901")
    office.run_for(1.0)
    assert office.agents == {"901": "ready", "902": "ready"}
    office.dial("102")
    office.run_for(1.0)
    assert office.ringing == ["103"]
    office.close()
