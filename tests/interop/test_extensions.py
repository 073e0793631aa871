"""Phones that call phones, the echo test, and who is not let in."""

import re

import pytest

from tests.interop import tones
from tests.interop.conftest import Office
from tests.interop.pbx import ROOT, settings
from tests.interop.programs import HOST, let_pass
from tests.interop.tones import CALLER_HZ, SECOND_AGENT_HZ

pytestmark = pytest.mark.interop

TALK_SECONDS = 3.0


@pytest.mark.parametrize("who_hangs_up", ["caller", "callee"])
def test_extension_calls_extension(office: Office, who_hangs_up: str) -> None:
    caller, callee = office.phones("101", "102")
    caller.dial("102")
    rang = callee.wait_incoming().at
    caller.wait_ringing()
    let_pass(0.5)
    answered = callee.accept()
    caller.wait_established()
    let_pass(TALK_SECONDS)
    one, other = (caller, callee) if who_hangs_up == "caller" else (callee, caller)
    ended = one.hang_up()
    other.wait_closed(1.0)
    one.wait_closed()
    for phone, hz in ((callee, CALLER_HZ), (caller, SECOND_AGENT_HZ)):
        heard = tones.measure(phone.heard(), hz)
        assert heard is not None
        assert heard.share >= 0.999, heard
        assert (heard.gaps, heard.jumps) == ((), 0), heard
        assert heard.seconds == pytest.approx(TALK_SECONDS, abs=0.5)
    record = office.pbx.record()
    assert (record["verdict"], record["hangup"]) == ("answered", who_hangs_up)
    assert (record["caller"], record["extension"], record["queue"]) == ("101", "102", "")
    times = (record["ring_seconds"], record["talk_seconds"])
    assert times == pytest.approx((answered - rang, ended - answered), abs=0.05)


def test_the_caller_gives_up(office: Office) -> None:
    caller, callee = office.phones("101", "102")
    caller.dial("102")
    callee.wait_incoming()
    caller.wait_ringing()
    caller.hang_up()
    callee.wait_closed(1.0)
    assert len(callee.received("CANCEL")) == 1
    assert office.pbx.record()["verdict"] == "abandoned"


def test_a_declined_call(office: Office) -> None:
    caller, callee = office.phones("101", "102")
    caller.dial("102")
    callee.wait_incoming()
    callee.hang_up()
    assert caller.wait_closed().param.startswith("486")
    assert office.pbx.record()["verdict"] == "busy"


def test_a_number_that_does_not_exist(office: Office) -> None:
    (caller,) = office.phones("101")
    caller.dial("999")
    assert caller.wait_closed().param.startswith("404")
    assert office.pbx.record()["verdict"] == "not found"


def test_an_extension_without_a_phone(office: Office) -> None:
    (caller,) = office.phones("101")
    caller.dial("102")
    assert caller.wait_closed().param.startswith("480")
    assert office.pbx.record()["verdict"] == "unreachable"


def test_echo(office: Office) -> None:
    (caller,) = office.phones("101")
    caller.dial("600")
    caller.wait_established()
    prompt = tones.read(ROOT / "sounds/en/echo-test.flac")
    let_pass(len(prompt) / tones.RATE + 2.5)
    caller.hang_up()
    caller.wait_closed()
    heard = caller.heard()
    said = tones.find(prompt, heard)
    assert said.likeness >= 0.98
    echo = tones.measure(heard[round(said.at * tones.RATE) + len(prompt) :], CALLER_HZ)
    assert echo is not None
    assert echo.share >= 0.999, echo
    assert (echo.gaps, echo.jumps) == ((), 0), echo
    assert echo.seconds > 2.0
    record = office.pbx.record()
    assert (record["verdict"], record["hangup"]) == ("served", "caller")


def shape(answer: str) -> tuple[str, ...]:
    """An answer without what differs from request to request."""
    lines = answer.strip().splitlines()
    return (lines[0], *(re.split(r"[:\s]", line)[0] for line in lines[1:]))


# baresip tries again at once and would be banned: that is another test's business.
UNGUARDED = {"allow": [HOST]}


def test_wrong_password_and_unknown_user_look_the_same(office: Office) -> None:
    pbx = office.serve(settings(security=UNGUARDED))
    wrong = office.phone("101", password="not-the-password")
    unknown = office.phone("198", password="whatever")
    for phone in (wrong, unknown):
        phone.wait_refused()
    # Each asks once without and once with a password, and then again and again.
    assert [shape(a) for a in wrong.received("")[:2]] == [
        shape(a) for a in unknown.received("")[:2]
    ]
    assert wrong.received("SIP/2.0 200") == []
    assert pbx.metric("pbx_registered_devices") == 0
    assert pbx.status()["registrations"] == 0


def test_who_is_not_registered_may_call_only_with_a_password(office: Office) -> None:
    """The INVITE is challenged too, whoever sends it."""
    _ = office.serve(settings(security=UNGUARDED))
    phone = office.phone("101", password="not-the-password")
    phone.wait_refused()
    phone.dial("500")
    assert phone.wait_closed().param.startswith("401")
    let_pass(0.5)
    assert office.pbx.records() == []
