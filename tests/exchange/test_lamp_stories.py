"""What lamps on phones show while people call each other, wait and go away."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest

from pbx.codes import Codes
from pbx.lamps import SAME_MAX, SECONDS_MAX, USER_MAX
from pbx.plan import ParkingPlan, Plan, SignIn
from pbx.registrar_plan import RegistrarPlan
from pbx.snapshot import freeze, thaw
from sip.flow import Address
from sip.message import Message
from sip.parser import parse
from tests.exchange.lamp_phone import NS, again, plug_in, watch
from tests.exchange.office import TICK, Office
from tests.sim.plans import make_plan


def test_a_call_on_the_lamps_of_both_sides() -> None:
    office = Office()
    phone = plug_in(office, "103")
    of_caller, of_called = watch(office, phone, "101"), watch(office, phone, "102")
    assert of_caller.statuses == [401, 200]
    office.dial("101", "102")
    office.run_for(1.0)
    assert of_caller.looks == ["0f", "1p proceeding"]
    assert of_called.looks == ["0f", "1p early", "2p early"]  # Now with the tag of its dialog.
    office.answer("102")
    office.run_for(1.0)
    assert of_caller.looks[2:] == ["2p confirmed"]
    assert of_called.looks[3:] == ["3p confirmed"]
    office.hang_up("101")
    office.run_for(1.0)
    assert (of_caller.looks[3:], of_called.looks[4:]) == (["3p terminated"], ["4p terminated"])
    again(office, phone, of_called)
    assert of_called.looks[5:] == ["5f"]
    for lamp in (of_caller, of_called):
        again(office, phone, lamp, 0)
        assert lamp.states[-1] == "terminated;reason=timeout"
    office.close()


def test_a_lamp_tells_how_to_pick_the_call_up() -> None:
    """RFC 4235 §4.1.2: the tags are from the phone's side of the dialog."""
    office = Office()
    lamp = watch(office, phone := plug_in(office, "103"), "102")
    office.dial("101", "102")
    office.run_for(1.0)
    (invite,) = office.messages("102", "INVITE")
    (ringing,) = [m for m in _sent(office, "102") if getattr(m, "status", 0) == 180]
    body = lamp.bodies[-1]
    assert f'call-id="{invite.call_id}"' in body
    assert f'local-tag="{ringing.to_tag}"' in body
    assert f'remote-tag="{invite.from_tag}"' in body
    assert 'direction="recipient"' in body
    assert 'entity="sip:102@10.0.0.1"' in body
    assert '<remote><identity display="Name 101">sip:101@10.0.0.1</identity>' in body
    replaces = f"{invite.call_id};to-tag={ringing.to_tag};from-tag={invite.from_tag};early-only"
    office.phone(office.of("103"), office.of("103").dial("102", office.now, replaces))
    office.run_for(1.0)
    assert (office.state("101"), office.state("102"), office.state("103")) == (
        *("talking", "idle", "talking"),
    )
    office.hang_up("101")
    office.run_for(1.0)
    again(office, phone, lamp, 0)
    office.close()


def test_a_busy_minute_is_told_in_few_words() -> None:
    """At most one NOTIFY in a tenth of a second, and the last one tells how it is."""
    office = Office()
    lamp = watch(office, phone := plug_in(office, "103"), "101")
    office.wire = []
    for _ in range(8):
        office.dial("101", "102")
        office.run_for(8 * TICK)
        office.hang_up("101")
        office.run_for(8 * TICK)
    office.run_for(1.0)
    sent = [p.at for p in office.wire if p.target == phone.address]
    assert len(sent) <= 12
    assert all(b - a >= 0.1 for a, b in pairwise(sent))
    dark = watch(office, phone, "101")
    assert dark.looks == ["0f"]
    shown: dict[str, str] = {}
    for body in lamp.bodies:
        shown |= _dialogs(body)
    assert set(shown.values()) <= {"terminated"}
    for one in (lamp, dark):
        again(office, phone, one, 0)
    office.close()


def test_a_mere_question_is_answered_once() -> None:
    office = Office()
    lamp = watch(office, plug_in(office, "103"), "101", expires=0)
    assert (lamp.granted, lamp.states, lamp.looks) == (
        ["0"],
        ["terminated;reason=timeout"],
        ["0f"],
    )
    assert len(office.exchange.lamps) == 0
    office.close()


def test_a_phone_that_does_not_come_back() -> None:
    office = Office()
    lamp = watch(office, plug_in(office, "103"), "101", expires=86_400)
    assert lamp.granted == [str(SECONDS_MAX)]
    office.run_for(SECONDS_MAX + 1.0)
    assert lamp.states == ["active", "terminated;reason=timeout"]
    assert (len(office.exchange.lamps), office.exchange.endpoint.subscriptions) == (0, 0)
    office.close()


@pytest.mark.parametrize("status", [481, 0])
def test_a_phone_that_has_forgotten_or_is_gone(status: int) -> None:
    office = Office()
    _ = watch(office, phone := plug_in(office, "103"), "101")
    phone.notify_status = status
    office.dial("101", "102")
    office.run_for(1.0 if status else 34.0)
    assert len(office.exchange.lamps) == 0
    assert office.exchange.legs.lines.watched == set()
    office.close()


@pytest.mark.parametrize(
    ("target", "event", "accept", "status"),
    [
        ("12345", "dialog", "", 404),
        ("agent-999", "dialog", "", 404),
        ("*45", "dialog", "", 404),  # Whoever watches is no agent,
        ("*45902", "dialog", "", 200),  # but may watch one.
        ("101", "dialog", "application/pidf+xml", 406),
        ("101", "dialog", "application/*", 200),
        ("101", "presence", "application/pidf+xml, text/plain", 200),
        ("101", "unknown", "", 489),
    ],
)
def test_what_can_be_watched(target: str, event: str, accept: str, status: int) -> None:
    office = Office()
    office.configure(with_codes(office))
    phone = plug_in(office, "103")
    lamp = watch(office, phone, target, event, accept=accept)
    assert lamp.statuses == [401, status]
    if status == 200:
        again(office, phone, lamp, 0)
    office.close()


def test_unknown_event_package() -> None:
    office = Office()
    phone = plug_in(office, "103")
    office.wire = []
    _ = watch(office, phone, "101", "conference")
    (refused,) = [m for m in _got(office, phone.address) if getattr(m, "status", 0) == 489]
    assert refused.get("Allow-Events") == "dialog, message-summary, presence"
    assert office.exchange.endpoint.leftovers()["subscriptions"] == 0
    office.close()


def test_a_private_extension() -> None:
    office = Office()
    plan = replace(office.exchange.plan, registrar=RegistrarPlan(private=frozenset({"101"})))
    other = plug_in(office, "103")
    watched_before = watch(office, other, "101")
    office.configure(plan)
    office.run_for(0.5)
    assert watched_before.states == ["active", "terminated;reason=rejected"]
    assert watch(office, other, "101").statuses == [401, 403]
    assert watch(office, other, "101", "presence").statuses == [401, 403]
    own = plug_in(office, "101")
    lamp = watch(office, own, "101")
    assert lamp.statuses == [401, 200]
    again(office, own, lamp, 0)
    office.close()


def test_an_extension_that_is_no_more() -> None:
    office = Office()
    lamp = watch(office, plug_in(office, "103"), "102")
    plan = office.exchange.plan
    rest = {name: e for name, e in plan.extensions.items() if name != "102"}
    office.configure(replace(plan, extensions=rest))
    office.run_for(0.5)
    assert lamp.states == ["active", "terminated;reason=noresource"]
    assert len(office.exchange.lamps) == 0
    office.configure(plan)
    office.close()


def test_the_lamp_of_a_queue() -> None:
    office = Office(agents={"901": SignIn.CODE})
    phone = plug_in(office, "103")
    by_name, by_number = watch(office, phone, "sales"), watch(office, phone, "500")
    office.dial("101")
    office.run_for(1.0)
    assert by_name.looks == by_number.looks == ["0f", "1p confirmed"]
    office.dial("102")
    office.run_for(1.0)
    assert len(by_name.looks) == 2  # Lit already.
    office.hang_up("101")
    office.hang_up("102")
    office.run_for(1.0)
    assert by_name.looks[2:] == ["2p terminated"]
    for lamp in (by_name, by_number):
        again(office, phone, lamp, 0)
    office.close()


def test_the_lamps_of_an_agent() -> None:
    office = Office(agents={"901": SignIn.REGISTER})
    phone = plug_in(office, "901")
    own = watch(office, phone, "agent-901")
    office.dial("101")
    office.run_for(1.0)
    assert own.looks == ["0f", "1p early"]
    office.answer("901")
    office.run_for(1.0)
    assert own.looks[2:] == ["2p confirmed"]
    office.hang_up("101")
    office.run_for(1.0)
    assert own.looks[3:] == ["3p terminated"]
    again(office, phone, own, 0)
    office.close()


def test_the_lamps_of_feature_codes() -> None:
    """A key that dials a code shows what pressing it changes."""
    office = Office(agents={"901": SignIn.CODE})
    office.configure(with_codes(office))
    phone = plug_in(office, "901")
    signed_in, on_break = watch(office, phone, "*45"), watch(office, phone, "*46901")
    at_lunch = watch(office, phone, "*461")
    for code in ("*45", "*46"):
        office.dial("901", code)
        office.run_for(5.0)
        office.hang_up("901")
        office.run_for(1.0)
    assert (signed_in.looks, on_break.looks) == (["0f", "1p confirmed"], ["0f", "1p confirmed"])
    for code in ("*46", "*45"):
        office.dial("901", code)
        office.run_for(5.0)
        office.hang_up("901")
        office.run_for(1.0)
    assert (signed_in.looks[2:], on_break.looks[2:]) == (["2p terminated"], ["2p terminated"])
    assert at_lunch.looks == on_break.looks
    for lamp in (signed_in, on_break, at_lunch):
        again(office, phone, lamp, 0)
    office.close()


def test_messages_waiting() -> None:
    office = Office()
    phone = plug_in(office, "101")
    lamp = watch(office, phone, "101", "message-summary")
    assert lamp.bodies == [
        "Messages-Waiting: no\r\nMessage-Account: sip:101@10.0.0.1\r\nVoice-Message: 0/0 (0/0)\r\n"
    ]
    has_messages(office, "101", 2, 1)
    office.run_for(0.5)
    assert lamp.bodies[1:] == [
        "Messages-Waiting: yes\r\nMessage-Account: sip:101@10.0.0.1\r\nVoice-Message: 2/1 (0/0)\r\n"
    ]
    assert lamp.notifies[1].get("Content-Type") == "application/simple-message-summary"
    by_number = watch(office, phone, "*98", "message-summary")  # A voicemail button.
    assert "Message-Account: sip:101@" in by_number.bodies[0]
    for one in (lamp, by_number):
        again(office, phone, one, 0)
    office.close()


def test_presence() -> None:
    office = Office()
    phone = plug_in(office, "103")
    lamp = watch(office, phone, "102", "presence")
    assert "<basic>open</basic>" in lamp.bodies[0]
    office.dial("102", "101")
    office.run_for(1.0)
    assert "<rpid:on-the-phone/>" in lamp.bodies[-1]
    office.hang_up("102")
    office.registers("102", expires=0)
    office.run_for(1.0)
    assert "<basic>closed</basic>" in lamp.bodies[-1]
    again(office, phone, lamp, 0)
    office.close()


def test_a_parking_slot() -> None:
    office = Office()
    office.configure(replace(office.exchange.plan, parking=ParkingPlan(("710",))))
    phone = plug_in(office, "103")
    lamp = watch(office, phone, "710")
    assert (lamp.statuses, lamp.looks) == ([401, 200], ["0f"])
    again(office, phone, lamp, 0)
    office.close()


def test_a_phone_that_was_switched_off_and_on_again_and_again() -> None:
    office = Office()
    phone = plug_in(office, "103")
    lamps = [watch(office, phone, "101") for _ in range(SAME_MAX + 2)]
    assert len(office.exchange.lamps) == SAME_MAX
    office.dial("101", "102")
    office.run_for(1.0)
    assert [len(lamp.notifies) for lamp in lamps] == [1, 1, 2, 2, 2, 2]
    office.hang_up("101")
    for lamp in lamps:
        again(office, phone, lamp, 0)
    assert [lamp.statuses[-1] for lamp in lamps] == [481, 481, 200, 200, 200, 200]
    office.close()


def test_lamps_survive_that_everything_is_written_down() -> None:
    office = Office()
    phone = plug_in(office, "103")
    lamp = watch(office, phone, "101")
    office.dial("101", "102")
    office.run_for(1.0)
    office.restart()
    office.hang_up("101")
    office.run_for(1.0)
    assert lamp.looks == ["0f", "1p proceeding", "2p terminated"]
    assert freeze(thaw(freeze(office.exchange.lamps))) == freeze(office.exchange.lamps)
    again(office, phone, lamp, 0)
    office.close()


def test_too_many_lamps() -> None:
    many = make_plan(callers=[str(n) for n in range(1000, 1000 + USER_MAX + 1)], agents={})
    office = Office()
    plan = office.exchange.plan
    office.configure(replace(plan, extensions=plan.extensions | many.extensions))
    phone = plug_in(office, "103")
    lamps = [watch(office, phone, str(1000 + n)) for n in range(USER_MAX + 1)]
    assert [lamp.statuses[-1] for lamp in lamps] == [*[200] * USER_MAX, 503]
    office.run_for(1000.0)
    assert len(office.exchange.lamps) == 0
    office.configure(plan)
    office.close()


def test_an_extension_that_nobody_watches_costs_nothing() -> None:
    office = Office()
    office.dial("101", "102")
    office.run_for(1.0)
    assert not office.exchange.lamps.dirty
    assert not office.exchange.legs.lines.changed
    office.hang_up("101")
    office.close()


def has_messages(office: Office, mailbox: str, new: int, old: int) -> None:
    """As the voicemail will say it."""
    told = office.exchange.lamps.set_messages(mailbox, new, old, office.now)
    office._do(told)


def with_codes(office: Office) -> Plan:
    codes = Codes.of({"sign_in": "*45", "break": "*46"})
    plan = office.exchange.plan
    numbers = {number: to for number, to in plan.numbers.items() if to.kind != "code"}
    phones = replace(plan.phones, codes=codes, break_codes={"1": "lunch"})
    return replace(plan, numbers=numbers, phones=phones)


def _dialogs(body: str) -> dict[str, str]:
    """State by id."""
    root = ET.fromstring(body)
    found = [(d.get("id") or "", d.find("d:state", NS)) for d in root.findall("d:dialog", NS)]
    return {id_: (state.text or "") for id_, state in found if state is not None}


def _got(office: Office, address: Address) -> list[Message]:
    return [parse(p.data) for p in office.wire or [] if p.target == address]


def _sent(office: Office, user: str) -> list[Message]:
    return [parse(p.data) for p in office.wire or [] if p.source == office.of(user).address]
