"""Lamps of what people set on their phones: do-not-disturb, forwards, the hidden number."""

from dataclasses import replace

import pytest

from pbx.phone_settings import PhoneSet, Setting
from tests.exchange.company import Company
from tests.exchange.lamp_phone import Lamp, LampPhone, again, plug_in, watch
from tests.exchange.test_feature_stories import code, company, sets

LIT = "confirmed"


def phone_of(office: Company, user: str = "101") -> LampPhone:
    return plug_in(office, user)


def shown(lamp: Lamp) -> list[str]:
    """What each document says, without its number."""
    return [look.partition(" ")[2] for look in lamp.looks]


def dials(office: Company, user: str, digits: str) -> None:
    office.dial(user, digits)
    office.run_for(5.0)


def out(office: Company, phone: LampPhone) -> None:
    """The phone wants no lamps any more, and nothing is left over."""
    for lamp in phone.lamps:
        if lamp.statuses[-1] == 200:
            again(office, phone, lamp, 0)
    office.close()


def test_do_not_disturb() -> None:
    """Both codes, the one for on and the one for off, show what is; changed by codes."""
    office = company()
    phone = phone_of(office)
    on, off = watch(office, phone, "*78"), watch(office, phone, "*79")
    dials(office, "101", "*78")
    assert (on.looks, off.looks) == (["0f", "1p confirmed"], ["0f", "1p confirmed"])
    dials(office, "102", "*78")  # That is somebody else's phone.
    dials(office, "101", "*79")
    assert shown(on) == shown(off) == ["", LIT, "terminated"]
    out(office, phone)


def test_one_key_for_on_and_off() -> None:
    office = company()
    phone = phone_of(office)
    lamp = watch(office, phone, "*76")
    assert code(office, "101", "*76") == "do-not-disturb-on"
    assert office.exchange.phones.of("101").do_not_disturb
    assert shown(lamp) == ["", LIT]
    office.dial("102", "101")
    office.run_for(1.0)
    assert office.got("102")[-1] == "486"
    assert code(office, "101", "*76") == "do-not-disturb-off"
    assert not office.exchange.phones.of("101").do_not_disturb
    assert shown(lamp) == ["", LIT, "terminated"]
    out(office, phone)


def test_it_is_lit_from_the_beginning_by_the_configuration() -> None:
    office = Company(
        "extensions: {101: {do_not_disturb: true, forward: {busy: 102}}, 102: , 103: }"
    )
    phone = phone_of(office)
    lamps = [watch(office, phone, name) for name in ("*76", "*90", "*90102", "*90103", "*72")]
    assert [shown(lamp) for lamp in lamps] == [[LIT], [LIT], [LIT], [""], [""]]
    out(office, phone)


@pytest.mark.parametrize(
    ("code", "off", "setting"),
    [
        ("*72", "*73", Setting.FORWARD_ALWAYS),
        ("*90", "*91", Setting.FORWARD_BUSY),
        ("*52", "*53", Setting.FORWARD_NO_ANSWER),
        ("*54", "*55", Setting.FORWARD_UNREACHABLE),
    ],
)
def test_forwards(code: str, off: str, setting: Setting) -> None:
    """Any forward of this kind, and one to a certain number."""
    office = company()
    phone = phone_of(office)
    names = (code, off, f"{code}102", f"{code}103")
    every, end, to_102, to_103 = (watch(office, phone, name) for name in names)
    dials(office, "101", f"{code}102")
    assert [shown(lamp)[1:] for lamp in (every, end, to_102, to_103)] == [[LIT], [LIT], [LIT], []]
    sets(office, "101", **{setting.value: "103"})
    office.run_for(0.5)
    assert [shown(lamp)[2:] for lamp in (every, end, to_102)] == [[], [], ["terminated"]]
    assert shown(to_103) == ["", LIT]
    dials(office, "101", off)
    assert shown(every) == ["", LIT, "terminated"]
    assert shown(to_103) == ["", LIT, "terminated"]
    out(office, phone)


def test_the_hidden_number() -> None:
    office = company()
    phone = phone_of(office)
    lamp = watch(office, phone, "*67")
    dials(office, "101", "*67")
    dials(office, "101", "*68")
    assert shown(lamp) == ["", LIT, "terminated"]
    out(office, phone)


def test_the_phone_of_somebody_else() -> None:
    office = company()
    phone = phone_of(office)
    lamp, presence = watch(office, phone, "*78102"), watch(office, phone, "*78102", "presence")
    sets(office, "102", do_not_disturb=True)
    office.run_for(0.5)
    assert shown(lamp) == ["", LIT]
    assert "on-the-phone" in presence.bodies[-1]
    assert 'entity="sip:*78102@10.0.0.1"' in lamp.bodies[-1]
    sets(office, "101", do_not_disturb=True)
    office.run_for(0.5)
    assert len(lamp.looks) == 2
    out(office, phone)


@pytest.mark.parametrize(
    ("watcher", "name", "status"),
    [("101", "*78999", 404), ("101", "*78102", 403), ("102", "*78", 200), ("102", "*78102", 200)],
)
def test_who_may_see_it(watcher: str, name: str, status: int) -> None:
    office = Company("extensions: {101: , 102: {private: true}}")
    phone = phone_of(office, watcher)
    assert watch(office, phone, name).statuses == [401, status]
    out(office, phone)


def test_a_change_of_the_configuration_is_told() -> None:
    office = company()
    phone = phone_of(office)
    lamp = watch(office, phone, "*78")
    plan = office.exchange.plan
    usual = office.exchange.phones.of("101")
    quiet = {"101": replace(usual, do_not_disturb=True)}
    office.configure(replace(plan, phones=replace(plan.phones, preferences=quiet)))
    office.run_for(0.5)
    assert shown(lamp) == ["", LIT]
    office._do(
        office.exchange.set_phone(PhoneSet("101", Setting.DO_NOT_DISTURB, False), office.now)
    )
    office.run_for(0.5)
    assert shown(lamp) == ["", LIT, "terminated"]
    out(office, phone)
