"""Encrypted sound with phones that we did not write: keys in the description, and DTLS."""

import json

import pytest

from tests.interop import telephones, tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import Settings, settings
from tests.interop.pjsip import Pjsip
from tests.interop.programs import HOST, eventually, free_ports, let_pass

pytestmark = pytest.mark.interop

SECRET = "inline:"


def configured(own: str = "allowed", **encryption: object) -> Settings:
    chosen = {"keys_without_tls": True, **encryption}
    numbers = {"101": {"encryption": own}, "102": {"encryption": "allowed"}}
    return settings(encryption=chosen, extensions=numbers)


def assert_clean(one: Baresip, other: Baresip) -> None:
    for phone, hz in ((one, other.tone_hz), (other, one.tone_hz)):
        _ = phone.end()
        found = tones.measure(phone.heard(), hz)
        assert found is not None
        assert found.share >= telephones.CLEAN


def described(office: Office, what: str) -> int:
    """How many of the messages that were seen say this."""
    traced = json.loads(office.pbx.get("/trace.json?last=1000"))
    return sum(what in message["text"] for message in traced)


def no_key_was_told(office: Office) -> None:
    """Neither in the trace nor in the log."""
    traced = office.pbx.get("/trace.json?last=1000") + office.pbx.output()
    told = {text[:3] for text in traced.split(SECRET)[1:]}
    assert told <= {"***"}


def baresips(office: Office, encryption: str, other: str = "") -> tuple[Baresip, Baresip]:
    one = office.phone("101", encryption=encryption, tone_hz=tones.CALLER_HZ)
    two = office.phone("102", encryption=other, tone_hz=tones.SECOND_AGENT_HZ)
    for phone in (one, two):
        phone.wait_registered()
    return one, two


@pytest.mark.parametrize("encryption", ["srtp", "srtp-mand", "dtls_srtp"])
def test_baresip_encrypts_with_one_who_does_not(office: Office, encryption: str) -> None:
    """It calls, and it is called: the other side hears the same."""
    _ = office.serve(configured("allowed" if encryption == "srtp" else "required"))
    one, two = baresips(office, encryption)
    _ = one.dial(f"sip:102@{office.pbx.sip}")
    _ = two.wait("CALL_INCOMING")
    _ = two.accept()
    _ = one.wait_established()
    let_pass(1.5)
    _ = one.hang_up()
    _ = two.wait_closed()
    assert described(office, "a=fingerprint" if "dtls" in encryption else SECRET) >= 2
    no_key_was_told(office)
    assert_clean(one, two)


def test_baresip_is_called_with_keys(office: Office) -> None:
    _ = office.serve(configured("required"))
    one, two = baresips(office, "srtp-mand")
    _ = two.dial(f"sip:101@{office.pbx.sip}")
    _ = one.wait("CALL_INCOMING")
    _ = one.accept()
    _ = two.wait_established()
    let_pass(1.5)
    _ = two.hang_up()
    _ = one.wait_closed()
    assert described(office, "RTP/SAVP ") >= 2
    no_key_was_told(office)
    assert_clean(one, two)


def test_who_does_not_encrypt_but_must_is_refused(office: Office) -> None:
    _ = office.serve(configured("required"))
    one, _two = baresips(office, "")
    _ = one.dial(f"sip:102@{office.pbx.sip}")
    closed = one.wait_closed()
    assert "488" in closed.param
    assert described(office, '399 dzvin "Encryption is required"') == 1


def test_a_phone_over_tls_is_offered_keys_and_refuses_them(office: Office) -> None:
    """It has no module for it: the call is plain, and nobody notices."""
    port = free_ports()
    _ = office.serve(settings(sip={"tls": {"port": port}}))
    one = office.phone("101")
    two = office.phone("102", transport="tls", server=f"{HOST}:{port}")
    _ = eventually(lambda: office.pbx.status()["registrations"] == 2, "two registrations")
    _ = one.dial(f"sip:102@{office.pbx.sip}")
    _ = two.wait("CALL_INCOMING")
    _ = two.accept()
    _ = one.wait_established()
    let_pass(1.5)
    _ = one.hang_up()
    _ = two.wait_closed()
    assert_clean(one, two)


@pytest.mark.parametrize("encryption", ["optional", "mandatory"])
def test_pjsip_encrypts(office: Office, encryption: str) -> None:
    _ = office.serve(configured("required" if encryption == "mandatory" else "allowed"))
    one = telephones.pjsip(office, "101", encryption=encryption)
    two = telephones.telephone(office, "baresip", "102")
    assert isinstance(one, Pjsip)
    telephones.talk(one, two)
    assert described(office, SECRET) >= 2
    no_key_was_told(office)
    one.hang_up()
