"""Feature codes dialled and keys pressed on a real phone."""

import pytest

from tests.interop import tones
from tests.interop.baresip import Baresip
from tests.interop.conftest import Office
from tests.interop.pbx import ROOT
from tests.interop.programs import let_pass

pytestmark = pytest.mark.interop


LAST_SECONDS = 0.3  # Of a prompt: a phone plays what is in its buffer no more when we hang up.


def likeness(phone: Baresip, prompt: str) -> float:
    """Of what it heard last and the beginning of this prompt."""
    said = tones.read(ROOT / f"sounds/en/{prompt}.flac")
    return tones.find(said[: -round(LAST_SECONDS * tones.RATE)], phone.heard()).likeness


def test_a_forward_is_asked_for_set_and_followed(office: Office) -> None:
    owner, other, caller = office.phones("101", "102", "901")
    owner.dial("*72")
    owner.wait_established()
    let_pass(1.0)  # The prompt is interrupted.
    owner.press("102#")
    owner.wait_closed(10.0)
    assert likeness(owner, "forward-on") >= 0.95
    caller.dial("101")
    other.wait_incoming()
    other.accept()
    caller.wait_established()
    assert owner.happened("CALL_INCOMING") == []
    caller.hang_up()
    other.wait_closed()
    asked, forwarded = office.pbx.wait_records(2)
    assert (asked["verdict"], forwarded["extension"]) == ("served", "102")


def test_do_not_disturb(office: Office) -> None:
    owner, caller = office.phones("101", "102")
    owner.dial("*78")
    owner.wait_closed(10.0)
    caller.dial("101")
    assert caller.wait_closed().param.startswith("486")
    assert owner.happened("CALL_INCOMING") == []
    assert likeness(owner, "do-not-disturb-on") >= 0.95
