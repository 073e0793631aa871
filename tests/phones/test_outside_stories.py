"""Forwards to numbers outside: with the rights of who forwards, and never to 112."""

import pytest

from pbx.events import OutsideEnded, PhoneSettingChanged
from pbx.phone_settings import PhoneSet, Setting
from tests.trunks.street import Provider, Street

OFFICE = """
media: {silence_timeout: 0s}
extensions: {101: Olena, 102: Taras, 103: Vira}
trunks:
  line: {servers: 192.0.2.1, health: 0s, caller_id: {number: "+380441239999"}}
outgoing:
  country: 380
  area: 44
  local_digits: 7
  emergency: ["112"]
  routes:
    kyiv: {numbers: "+38044XXXXXXX", kind: local, trunks: line}
    abroad: {numbers: "+*", kind: international, trunks: line}
  rights:
    default: {kinds: []}
    boss: {extensions: 101, kinds: [local, international]}
    clerk: {extensions: 102, kinds: local}
"""


def street() -> tuple[Street, Provider]:
    line = Provider(("192.0.2.1", 5060))
    return Street(OFFICE, line), line


def sets(office: Street, extension: str, setting: Setting, value: str | bool) -> None:
    change = PhoneSet(extension, setting, value)
    office._do(office.exchange.set_phone(change, office.now))


def changes(office: Street) -> list[tuple[str, str | None]]:
    return [(event.extension, event.value) for event in office.told(PhoneSettingChanged)]


def test_who_may_not_call_out_is_forwarded_out_by_who_may() -> None:
    office, line = street()
    sets(office, "102", Setting.FORWARD_ALWAYS, "1234567")
    office.dial("103", "102")
    office.run_for(1.0)
    assert office.state("103") == "talking"
    (invite,) = line.invites
    assert invite.uri == "sip:+380441234567@192.0.2.1"
    office.hang_up("103")
    office.run_for(1.0)
    (used,) = office.told(OutsideEnded)
    assert used.extension == "102"
    assert office.record.path[0] == "dial 102"
    office.close()


def test_a_caller_with_more_rights_gains_nothing_by_a_forward() -> None:
    """102 may not call abroad, so that its forward is none and its phone rings."""
    office, line = street()
    sets(office, "102", Setting.FORWARD_ALWAYS, "00441234567")
    office.dial("101", "102")
    office.run_for(1.0)
    assert (office.ringing, line.invites) == (["102"], [])
    office.close()


@pytest.mark.parametrize(
    ("user", "number", "allowed"),
    [
        ("101", "00441234567", True),
        ("101", "1234567", True),
        ("102", "1234567", True),
        ("102", "00441234567", False),
        ("103", "1234567", False),
        ("101", "112", False),
    ],
)
def test_a_forward_is_refused_when_it_is_set(user: str, number: str, allowed: bool) -> None:
    office, line = street()
    office.dial(user, f"*72{number}")
    office.run_for(5.0)
    assert changes(office) == ([(user, number)] if allowed else [])
    assert line.invites == []
    office.close()


def test_a_hidden_number() -> None:
    office, line = street()
    sets(office, "101", Setting.HIDE_NUMBER, True)
    office.dial("101", "1234567")
    office.run_for(1.0)
    (invite,) = line.invites
    assert str(invite.from_.uri) == "sip:anonymous@anonymous.invalid"
    assert invite.get("Privacy") == "id"
    office.close()
