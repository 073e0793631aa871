"""Real telephones that transfer, are transferred, park and pick up; and what everybody hears."""

from typing import Any

import pytest

from tests.interop.conftest import Office
from tests.interop.pbx import RunningPbx, settings
from tests.interop.telephones import (
    MAKES,
    MUSIC,
    RINGING,
    assert_heard,
    linphone,
    pjsip,
    talk,
    telephone,
)

pytestmark = pytest.mark.interop


def serve(office: Office, **changes: Any) -> RunningPbx:  # noqa: ANN401
    """With a third extension."""
    return office.serve(settings(extensions={"103": "Petro"}, **changes))


@pytest.mark.parametrize("make", MAKES)
def test_it_transfers_blind(office: Office, make: str) -> None:
    _ = serve(office)
    caller, phone = telephone(office, "baresip", "101"), telephone(office, make, "102")
    target = telephone(office, "baresip", "103")
    talk(caller, phone)
    phone.transfer("103")
    _ = target.wait_incoming()
    assert_heard({caller: RINGING})
    _ = target.accept()
    _ = phone.wait_closed()
    assert_heard({caller: target, target: caller})


@pytest.mark.parametrize("make", MAKES)
def test_it_is_transferred_blind(office: Office, make: str) -> None:
    _ = serve(office)
    phone, other = telephone(office, make, "101"), telephone(office, "baresip", "102")
    target = telephone(office, "baresip", "103")
    talk(phone, other)
    other.transfer("103")
    _ = target.wait_incoming()
    assert_heard({phone: RINGING})
    _ = target.accept()
    _ = other.wait_closed()
    assert_heard({phone: target, target: phone})
    _ = phone.hang_up()
    _ = target.wait_closed()


@pytest.mark.parametrize("make", MAKES)
def test_it_is_transferred_attended(office: Office, make: str) -> None:
    _ = serve(office)
    phone, other = telephone(office, make, "101"), pjsip(office, "102")
    target = telephone(office, "baresip", "103")
    talk(phone, other)
    other.hold(0)
    assert_heard({phone: MUSIC})
    talk(other, target)
    assert_heard({phone: MUSIC, other: target, target: other})
    other.transfer_to_call(0, 1)
    _ = other.wait_closed(0)
    _ = other.wait_closed(1)
    assert_heard({phone: target, target: phone})
    _ = target.hang_up()
    _ = phone.wait_closed()


def test_linphone_transfers_attended(office: Office) -> None:
    _ = serve(office)
    caller, phone = telephone(office, "baresip", "101"), linphone(office, "102")
    target = telephone(office, "baresip", "103")
    talk(caller, phone)
    phone.hold()
    talk(phone, target)
    assert_heard({caller: MUSIC, phone: target, target: phone})
    phone.transfer_to_call(1, 2)
    phone.wait_closed()
    assert_heard({caller: target, target: caller})


def test_the_target_has_not_answered_yet(office: Office) -> None:
    """A "blonde" transfer: with Replaces for a call that still rings."""
    _ = serve(office)
    caller, phone = telephone(office, "baresip", "101"), pjsip(office, "102")
    target = telephone(office, "baresip", "103")
    talk(caller, phone)
    phone.hold(0)
    _ = phone.dial("103")
    _ = target.wait_incoming()
    phone.wait_ringing(1)
    phone.transfer_to_call(0, 1)
    _ = phone.wait_closed(0)
    _ = phone.wait_closed(1)
    assert_heard({caller: RINGING})
    _ = target.accept()
    _ = target.wait_established()
    assert_heard({caller: target, target: caller})


@pytest.mark.parametrize(("target", "status"), [("99999", 404), ("103", 486)])
def test_in_vain(office: Office, target: str, status: int) -> None:
    """A number that is not there, or is busy: they talk again."""
    _ = serve(office)
    caller, phone = telephone(office, "baresip", "101"), pjsip(office, "102")
    third = telephone(office, "baresip", "103")
    talk(caller, phone)
    phone.transfer(target)
    if target == "103":
        _ = third.wait_incoming()
        assert_heard({caller: RINGING})
        _ = third.hang_up()
    phone.wait_transferred(status)
    assert_heard({caller: phone, phone: caller})
    _ = caller.hang_up()
    _ = phone.wait_closed()


@pytest.mark.parametrize("make", MAKES)
def test_it_parks_and_another_takes_up(office: Office, make: str) -> None:
    _ = serve(office, parking={"slots": "701-703"})
    caller, phone = telephone(office, "baresip", "101"), telephone(office, make, "102")
    other = telephone(office, "baresip", "103")
    talk(caller, phone)
    phone.transfer("702")
    _ = phone.wait_closed()
    assert_heard({caller: MUSIC})
    _ = other.dial("702")
    _ = other.wait_established()
    assert_heard({caller: other, other: caller})
    _ = caller.hang_up()
    _ = other.wait_closed()


@pytest.mark.parametrize("make", MAKES)
def test_it_picks_up(office: Office, make: str) -> None:
    _ = serve(office)
    caller, ringing = telephone(office, "baresip", "101"), telephone(office, "baresip", "102")
    phone = telephone(office, make, "103")
    _ = caller.dial("102")
    _ = ringing.wait_incoming()
    _ = phone.dial("**102")
    _ = phone.wait_established()
    _ = caller.wait_established()
    _ = ringing.wait_closed()
    assert_heard({caller: phone, phone: caller})
