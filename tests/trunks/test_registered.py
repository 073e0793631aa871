"""Trunks that register: refreshed, moved to another server, called by a contact of their own."""

from pbx.config.document import parse
from pbx.config.load import validate
from pbx.events import (
    TrunkChanged,
)
from pbx.planning import make_plan
from sip.message import Request
from tests.trunks.offices import OFFICE, ONE, REGISTERING, TWO, registering
from tests.trunks.street import Provider, Street


def test_it_registers_and_is_called_at_its_contact() -> None:
    office, one, two = registering()
    contact = one.registered["acme"]
    user = contact.partition(":")[2].partition("@")[0]
    assert len(user) == 24
    assert two.registered == {}
    line = office.exchange.trunks.lines["voip"]
    assert (line.registering is not None and line.registering.up) is True
    office.call_in(one, contact, "sip:+380501112233@x.example", to="sip:+380441230000@x")
    office.run_for(1.0)
    assert one.ended[-1][0] == 404  # As nobody strips its +.
    office.call_in(one, contact, "sip:+380501112233@x.example", to="sip:380441230000@x")
    office.run_for(1.0)
    assert office.ringing == ["901"]
    office.call_in(two, f"sip:{user}x@10.0.0.1", "sip:+380501112233@x.example")
    office.run_for(1.0)
    assert two.ended[-1][0] == 401
    office.far_end_hangs_up(one)
    office.hang_up("901")
    office.run_for(60.0)
    office.close()


def test_an_invite_with_credentials_goes_out() -> None:
    office, one, _ = registering()
    office.dial("101", "+441234567")
    office.run_for(1.0)
    assert office.state("101") == "talking"
    (invite,) = one.invites
    assert "Authorization" in invite.first
    assert str(invite.from_.uri) == "sip:acme@provider.example"
    assert invite.uri == "sip:+441234567@provider.example"
    office.close()


def test_refreshed_in_time_for_hours() -> None:
    office, one, _ = registering()
    before = one.requests.count("REGISTER")
    office.run_for(4 * 3600.0)
    assert 24 <= one.requests.count("REGISTER") - before <= 32
    assert "acme" in one.registered
    assert office.told(TrunkChanged) == []
    office.close()


def test_another_server_takes_over_and_calls_follow() -> None:
    office, one, two = registering()
    one.silent = True
    office.run_for(700.0)
    assert "acme" in two.registered
    changes = [(e.what, e.server, e.up) for e in office.told(TrunkChanged)]
    assert ("server", "udp:192.0.2.1:5060", False) in changes
    assert changes[-1] == ("registration", "udp:192.0.2.2:5060", True)
    office.dial("101", "+441234567")
    office.run_for(1.0)
    assert (office.state("101"), len(one.invites), len(two.invites)) == ("talking", 0, 1)
    office.close()


def test_a_dead_server_costs_no_caller_a_wait() -> None:
    office, one, two = registering()
    one.silent = True
    office.run_for(60.0)  # Known by OPTIONS, long before the registration ends.
    office.dial("101", "+441234567")
    office.run_for(0.5)
    assert (office.state("101"), len(two.invites)) == ("talking", 1)
    office.close()


def test_a_wrong_password_is_not_repeated() -> None:
    one, two = Provider(ONE, "another-word"), Provider(TWO, "another-word")
    text = REGISTERING.replace("sip.provider.example]", "192.0.2.1]")
    office = Street(text, one, two)
    office.run_for(600.0)
    sent = [m for m in office.sent_to(ONE, "REGISTER") if isinstance(m, Request)]
    assert len(sent) <= 6  # Two for each of at most three attempts.
    assert one.registered == {}
    office.close()


def test_what_is_configured_anew_is_done_at_once() -> None:
    office, one, _ = registering()
    assert "acme" in one.registered
    plan = make_plan(validate(parse(OFFICE, "x")), {})
    office.configure(plan)
    office.run_for(1.0)
    assert one.registered == {}
    assert office.exchange.trunks.leaving == 0
    office.configure(make_plan(validate(parse(REGISTERING, "x")), {}))
    office.run_for(1.0)
    assert "acme" in one.registered
    office.configure(make_plan(validate(parse(REGISTERING + "\n", "x")), {}))
    requests = len(one.requests)
    office.run_for(1.0)
    assert len(one.requests) == requests  # The same trunk goes on.


def test_a_registration_and_a_line_by_address_at_the_same_server() -> None:
    """The contact tells whose a call is; without it the address does."""
    line = "  direct: {servers: 192.0.2.1, networks: [192.0.2.1], numbers: {77: 'extension:102'}}\n"
    one = Provider(ONE, "s3cret-s3cret")
    text = REGISTERING.replace("outgoing:", f"{line}outgoing:", 1)
    office = Street(text.replace("sip.provider.example]", "192.0.2.1]"), one)
    contact = one.registered["acme"]
    office.call_in(one, "sip:77@10.0.0.1", "sip:1@x.example")
    office.call_in(one, contact, "sip:2@x.example", to="sip:380441230000@x")
    office.run_for(1.0)
    assert office.ringing == ["102", "901"]
    office.call_in(one, contact, "sip:3@x.example", to="sip:77@x")
    office.run_for(1.0)
    assert one.ended[-1][0] == 404  # That number is the other line's.
    for user in ("102", "901"):
        office.hang_up(user)
    office.far_end_hangs_up(one)
    office.run_for(60.0)
    office.close()
