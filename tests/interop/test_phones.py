"""Three makes of real telephones: they register, call, are called, hold and resume."""

import re

import pytest

from tests.interop.conftest import Office
from tests.interop.pbx import settings
from tests.interop.programs import eventually
from tests.interop.telephones import MAKES, MUSIC, assert_heard, pjsip, talk, telephone

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("make", MAKES)
def test_it_calls_holds_and_resumes(office: Office, make: str) -> None:
    phone, other = telephone(office, make, "101"), telephone(office, "baresip", "102")
    talk(phone, other)
    phone.hold()
    assert_heard({other: MUSIC})
    phone.resume()
    assert_heard({phone: other, other: phone})
    _ = phone.hang_up()
    _ = other.wait_closed()
    record = office.pbx.record()
    assert (record["verdict"], record["hangup"]) == ("answered", "caller")


@pytest.mark.parametrize("make", MAKES)
def test_it_is_called_held_and_resumed(office: Office, make: str) -> None:
    phone, other = telephone(office, make, "101"), telephone(office, "baresip", "102")
    talk(other, phone)
    other.hold()
    assert_heard({phone: MUSIC})
    other.resume()
    assert_heard({phone: other, other: phone})
    _ = other.hang_up()
    _ = phone.wait_closed()
    assert office.pbx.record()["hangup"] == "caller"


def test_two_calls_on_one_phone(office: Office) -> None:
    """One is held while the other talks, and the other way round."""
    _ = office.serve(settings(extensions={"103": "Petro"}))
    phone = pjsip(office, "101")
    first, second = telephone(office, "baresip", "102"), telephone(office, "baresip", "103")
    talk(phone, first)
    phone.hold(0)
    talk(phone, second)
    assert_heard({phone: second, second: phone, first: MUSIC})
    phone.hold(1)
    phone.resume(0)
    assert_heard({phone: first, first: phone, second: MUSIC})


def test_an_empty_reinvite_is_answered_with_an_offer_of_all_codecs(office: Office) -> None:
    """RFC 3261 §14.2; the answer comes in the ACK."""
    phone, other = pjsip(office, "101"), telephone(office, "baresip", "102")
    talk(phone, other)
    phone.ask_for_an_offer()
    _ = phone.wait("media", state="active")
    _ = phone.wait("media", state="active")
    answers = [answer for answer in phone.received("SIP/2.0 200 OK") if "INVITE\n" in answer]
    (codecs,) = re.findall(r"m=audio \d+ RTP/AVP ([\d ]+)", answers[1])
    assert {"0", "8"} <= set(codecs.split())  # It took one of them before.
    assert_heard({phone: other, other: phone})


def test_a_phone_that_insists_on_session_timers(office: Office) -> None:
    """RFC 4028; baresip at the other side knows nothing of them."""
    phone, other = pjsip(office, "101", timer="always"), telephone(office, "baresip", "102")
    talk(phone, other)
    phone.hang_up()
    _ = other.wait_closed()
    talk(other, phone)
    (agreed,) = [answer for answer in phone.received("SIP/2.0 200 OK") if "INVITE\n" in answer]
    assert "\nSession-Expires: " in agreed


def test_a_phone_that_insists_on_reliable_ringing(office: Office) -> None:
    """RFC 3262: the 180 is repeated until its PRACK comes."""
    phone = pjsip(office, "101", reliable="mandatory")
    other = telephone(office, "baresip", "102")
    talk(phone, other)
    (rings,) = phone.received("SIP/2.0 180")
    assert "\nRSeq: " in rings
    assert any("PRACK\n" in answer for answer in phone.received("SIP/2.0 200 OK"))


def test_intercom(office: Office) -> None:
    """The phone answers by itself, since it is asked to."""
    caller, phone = telephone(office, "baresip", "101"), pjsip(office, "102")
    _ = caller.dial("*80102")
    _ = caller.wait_established()
    assert_heard({phone: caller, caller: phone})


def test_keys_pressed_on_the_way(office: Office) -> None:
    """They arrive at the other phone as they were pressed (RFC 4733)."""
    phone, other = pjsip(office, "101"), pjsip(office, "102")
    talk(phone, other)
    phone.press("19#")
    eventually(lambda: len(other.told("digit")) == 3, "three digits arrive")
    assert [told.values["digit"] for told in other.told("digit")] == ["1", "9", "#"]
