"""Who may call the outside, and for how long: no spelling and no second line leads past it."""

import pytest

from pbx.distribution.inputs import Period
from pbx.events import (
    OutsideEnded,
    OutsideRefused,
    TollAlarm,
)
from pbx.history.records import Verdict
from tests.trunks.offices import TRUNKS, street, uri

SPELLINGS = [
    *("0900123456", "00380900123456", "%2B380900123456", "+380-900-12-34-56"),
    *("380900123456", "0%2D900%2D123456", "0900123456;phone-context=%2B44"),
    *("000380900123456", "0900%20123456", "9" * 40, "%30900123456", "++380900123456"),
    *("0671234567", "00441234567", "+12125551234", "0322123456"),
]


@pytest.mark.parametrize("number", SPELLINGS)
def test_no_spelling_leads_past_the_class_of_service(number: str) -> None:
    office, one, two = street()
    office.dial("103", number)
    office.run_for(8.0)
    assert (one.invites, two.invites) == ([], [])
    assert office.record.verdict in (Verdict.REJECTED, Verdict.NOT_FOUND)
    office.close()


def test_who_may_not_call_hears_so() -> None:
    office, _, _ = street()
    office.dial("103", "0900123456")
    office.run_for(1.0)
    assert office.state("103") == "talking"  # With the announcement.
    (refused,) = office.told(OutsideRefused)
    assert (refused.extension, refused.number) == ("103", "+380900123456")
    assert refused.why == "class of service"
    office.hang_up("103")
    office.close()


def test_or_sees_it_where_that_is_wanted() -> None:
    office, _, _ = street(TRUNKS + "  say_why: false\n")
    office.dial("103", "0900123456")
    office.run_for(1.0)
    assert "403" in office.got("103")
    office.close()


def test_knocking_at_forbidden_doors_is_an_alarm() -> None:
    office, _, _ = street(TRUNKS + "  say_why: false\n")
    for _ in range(5):
        office.dial("103", "0900123456")
        office.run_for(1.0)
    (alarm,) = office.told(TollAlarm)
    assert (alarm.extension, alarm.why) == ("103", "class of service")
    office.close()


def test_calls_at_a_time_are_counted_for_each_extension() -> None:
    office, one, _ = street(TRUNKS.replace("minutes_per_day: 2,", "calls: 1,"))
    second = office.add_phone("102", office.of("102").password, office.of("102").habits)
    office.dial("102", "1234567")
    office.run_for(1.0)
    office.phone(second, second.dial("7654321", office.now))
    office.run_for(1.0)
    assert len(one.invites) == 1
    assert [e.why for e in office.told(OutsideRefused)] == ["too many calls at a time"]
    office.close()


def test_a_call_ends_when_the_day_is_used_up() -> None:
    office, one, _ = street()
    office.dial("102", "1234567")
    office.run_for(89.0)
    assert office.state("102") == "talking"  # 9 at 6 a minute are 90 seconds.
    office.run_for(2.0)
    assert office.state("102") == "idle"
    used = [(round(e.seconds), round(e.money)) for e in office.told(OutsideEnded)]
    assert used == [(60, 6), (30, 3)]  # Written down each minute: a crash costs no more.
    office.dial("102", "1234567")
    office.run_for(1.0)
    assert len(one.invites) == 1
    assert [e.why for e in office.told(TollAlarm)] == ["money of the day used up"]
    office.hang_up("102")
    office.run_for(1.0)
    office.begin(Period.DAY)
    office.dial("102", "1234567")
    office.run_for(1.0)
    assert len(one.invites) == 2
    office.close()


def test_help_can_be_called_whatever_has_happened() -> None:
    office, one, _ = street(TRUNKS.replace("health: 0s\n", "health: 0s\n    channels: 1\n", 1))
    office.dial("101", "1234567")
    office.run_for(1.0)
    office.dial("103", "112")
    office.run_for(1.0)
    assert office.state("103") == "talking"
    assert uri(one)[-1] == "sip:112@192.0.2.1"
    assert office.told(OutsideRefused) == []
    office.close()


def test_a_full_trunk_leaves_calls_to_the_next() -> None:
    office, one, two = street(TRUNKS.replace("health: 0s\n", "health: 0s\n    channels: 1\n", 1))
    for user in ("101", "103"):
        office.dial(user, "1234567")
    office.run_for(1.0)
    assert (len(one.invites), len(two.invites)) == (1, 1)
    office.call_in(one, "sip:380441230000@10.0.0.1", "sip:+380501112233@192.0.2.1")
    office.run_for(1.0)
    assert one.ended[-1][0] == 486
    office.hang_up("101")
    office.run_for(1.0)
    office.dial("102", "1234567")
    office.run_for(1.0)
    assert len(one.invites) == 2
    office.close()
