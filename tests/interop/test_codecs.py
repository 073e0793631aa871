"""Telephones of different codecs talk through the running server."""

import json
from collections.abc import Sequence

import pytest

from media import formats
from tests.interop.conftest import Office
from tests.interop.pbx import settings
from tests.interop.pjsip import Pjsip
from tests.interop.telephones import VOICES, Telephone, assert_heard, talk

pytestmark = pytest.mark.interop

NEEDS_OPUS = pytest.mark.skipif("opus" not in formats.installed(), reason="no libopus0")
# What baresip calls them.
BARESIP = {"opus": "opus/48000/2", "G722": "G722/16000"}


def baresip(office: Office, user: str, codecs: Sequence[str]) -> Telephone:
    named = ",".join(BARESIP.get(codec, codec) for codec in codecs)
    phone = office.phone(user, tone_hz=VOICES[user], codecs=named)
    phone.wait_registered()
    return phone


def pjsip(office: Office, user: str, codecs: Sequence[str]) -> Telephone:
    phone = Pjsip(
        office._place(user),
        user,
        tone_hz=VOICES[user],
        server=office.pbx.sip,
        password=office.pbx.password(user),
        codecs=tuple(codecs),
    )
    _ = office._programs.enter_context(phone)
    phone.wait_registered()
    return phone


def codecs_of(office: Office, caller: Telephone, called: Telephone) -> set[str]:
    """What the record says when the call is over."""
    _ = caller.hang_up()
    _ = called.wait_closed()
    audio = json.loads(office.pbx.record()["audio"])
    return {leg["codec"] for leg in audio}


@NEEDS_OPUS
def test_opus_talks_with_the_law(office: Office) -> None:
    one, other = baresip(office, "101", ["opus"]), baresip(office, "102", ["PCMA"])
    talk(one, other)
    assert codecs_of(office, one, other) == {"opus", "PCMA"}


def test_who_is_called_knows_g722_alone(office: Office) -> None:
    talk(baresip(office, "101", ["PCMU"]), pjsip(office, "102", ["G722"]))


@NEEDS_OPUS
def test_g722_talks_with_opus(office: Office) -> None:
    one, other = pjsip(office, "101", ["G722"]), baresip(office, "102", ["opus"])
    talk(one, other)
    one.hold()
    one.resume()
    assert_heard({one: other, other: one})


def test_two_that_know_g722_are_not_transcoded(office: Office) -> None:
    both = ["PCMU", "G722"]
    one, other = baresip(office, "101", both), pjsip(office, "102", both)
    talk(one, other)
    assert codecs_of(office, one, other) == {"G722"}


def test_an_extension_that_is_to_use_the_law_alone(office: Office) -> None:
    _ = office.serve(
        settings(extensions={"101": "Olena", "102": {"name": "Taras", "codecs": ["PCMA"]}})
    )
    one, other = baresip(office, "101", ["G722"]), pjsip(office, "102", ["G722", "PCMA"])
    talk(one, other)
    assert codecs_of(office, one, other) == {"G722", "PCMA"}
