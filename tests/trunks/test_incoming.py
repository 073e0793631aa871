"""Calls from trunks: whose they are, who calls, and what they may not."""

import pytest

from pbx.events import (
    CallStarted,
    RegistrationChanged,
)
from sip.flow import Flow
from sip.headers import NameAddr
from sip.uri import Uri
from tests.sim.world import SERVER
from tests.trunks.offices import ONE, TRUNKS, street


def test_a_did_call_reaches_its_queue() -> None:
    office, one, _ = street()
    office.call_in(one, "sip:+380441230000@10.0.0.1", "sip:+380501112233@192.0.2.1")
    office.run_for(1.0)
    assert office.ringing == ["901"]
    office.answer("901")
    office.run_for(1.0)
    assert one.up == {"in1"}
    office.far_end_hangs_up(one)
    office.run_for(1.0)
    assert (office.record.caller, office.record.called) == ("+380501112233", "380441230000")
    assert office.record.queue == "sales"
    office.close()


@pytest.mark.parametrize("number", ["101", "500", "*45", "0501234567", "112", "999", "+"])
def test_a_provider_reaches_only_what_is_opened_to_it(number: str) -> None:
    office, one, two = street()
    office.call_in(one, f"sip:{number}@10.0.0.1", "sip:101@10.0.0.1")
    office.run_for(2.0)
    if number == "500":  # Numbers of queues are for everybody.
        assert office.ringing == ["901"]
    else:
        assert one.ended[-1][0] in (403, 404)
        assert (office.ringing, two.invites) == ([], [])
    office.far_end_hangs_up(one)
    office.run_for(60.0)
    office.close()


def test_an_extension_in_from_gets_no_rights_of_it() -> None:
    """GHSA-qqxj-v78h-hrf9: the address says whose call it is, the From does not."""
    text = TRUNKS.replace("networks: [192.0.2.1]", "networks: [192.0.2.1]\n    onward: second")
    office, one, two = street(text.replace("onward: second", ""))
    office.call_in(one, "sip:0501234567@10.0.0.1", "sip:101@10.0.0.1")
    office.run_for(1.0)
    assert (two.invites, one.ended[-1][0]) == ([], 404)
    office.close()
    office, one, two = street(text)
    office.call_in(one, "sip:0501234567@10.0.0.1", "sip:101@10.0.0.1")
    office.run_for(1.0)
    assert len(two.invites) == 1  # Onward is allowed there, ...
    office.call_in(one, "sip:00441234567@10.0.0.1", "sip:101@10.0.0.1")
    office.run_for(1.0)
    assert one.ended[-1][0] == 403  # ... and nowhere else.
    office.far_end_hangs_up(one)
    office.run_for(1.0)
    office.close()


def test_a_trunk_cannot_register_an_extension() -> None:
    office, one, _ = street("sip: {trusted: [192.0.2.1]}\n" + TRUNKS)
    me = NameAddr("", Uri.parse("sip:101@10.0.0.1"))
    register = one.endpoint.request(
        "r", "REGISTER", uri="sip:10.0.0.1", flow=Flow("udp", ONE, SERVER), from_=me, to=me,
        now=office.now, headers=[("Contact", "<sip:thief@192.0.2.1>"), ("Expires", "600")],
    )  # fmt: skip
    office.provide(one, register)
    office.run_for(1.0)
    assert office.told(RegistrationChanged) == []
    assert len(office.exchange.registrar.bindings("101")) == 1
    office.close()


def test_a_stranger_is_no_trunk() -> None:
    office, _, two = street()
    office.call_in(two, "sip:+380441230000@10.0.0.1", "sip:+380501112233@192.0.2.1")
    office.run_for(1.0)
    assert (two.ended[-1][0], office.told(CallStarted)) == (401, [])
    office.close()


IDENTITY = TRUNKS.replace("networks: [192.0.2.1]", "networks: [192.0.2.1]\n    believed: true", 1)


@pytest.mark.parametrize(
    ("text", "headers", "caller"),
    [
        (TRUNKS, [("P-Asserted-Identity", "<sip:+380671@x.example>")], "+380501112233"),
        (IDENTITY, [("P-Asserted-Identity", "<sip:+380671@x.example>")], "+380671"),
        (IDENTITY, [("P-Asserted-Identity", "<tel:+380672>, <sip:x@y>")], "+380672"),
        (IDENTITY, [("Remote-Party-ID", "<sip:0673@x>;party=calling")], "0673"),
        (IDENTITY, [("P-Asserted-Identity", "<<"), ("Remote-Party-ID", "x")], "+380501112233"),
        (
            IDENTITY,
            [("P-Asserted-Identity", "<sip:+380671@x.example>"), ("Privacy", "id")],
            "anonymous",
        ),
        (IDENTITY, [("Remote-Party-ID", "<sip:0673@x>;privacy=full")], "anonymous"),
        (TRUNKS, [("Privacy", "none")], "+380501112233"),
    ],
)
def test_who_calls(text: str, headers: list[tuple[str, str]], caller: str) -> None:
    office, one, _ = street(text)
    office.call_in(one, "sip:+380441230001@10.0.0.1", "sip:+380501112233@192.0.2.1", *headers)
    office.run_for(1.0)
    assert office.told(CallStarted)[0].caller == caller
    office.far_end_hangs_up(one)
    office.hang_up("101")
    office.run_for(60.0)
    office.close()
