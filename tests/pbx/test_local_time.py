"""Days and hours in the time zones of the world, on the days when clocks are changed."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.distribution.inputs import Period
from pbx.local_time import LocalTime, Periods

DAY, HOUR = Period.DAY, Period.HOUR
KYIV = LocalTime("Europe/Kyiv")
ZONES = (
    *("UTC", "Europe/Kyiv", "America/New_York", "Asia/Kathmandu", "Asia/Kolkata"),
    *("Australia/Lord_Howe", "Pacific/Apia", "Asia/Beirut", "America/Havana", "Pacific/Chatham"),
)


def unix(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def hours(local: LocalTime, start: str, count: int) -> list[str]:
    """The next full hours, as the clock on the wall shows them."""
    at, found = unix(start), []
    for _ in range(count):
        at = local.next_hour(at)
        found.append(local.time_of_day(at))
    return found


@pytest.mark.parametrize(
    ("zone", "start", "strikes"),
    [
        ("Europe/Kyiv", "2026-06-01T10:15", ["14:00:00", "15:00:00"]),
        ("Europe/Kyiv", "2026-03-28T23:30", ["02:00:00", "04:00:00", "05:00:00"]),
        ("Europe/Kyiv", "2026-10-24T23:30", ["03:00:00", "03:00:00", "04:00:00"]),
        ("Asia/Kathmandu", "2026-06-01T10:20", ["17:00:00", "18:00:00"]),
        # Half an hour forth at 2:00, half an hour back at 2:00.
        ("Australia/Lord_Howe", "2026-10-03T14:40", ["03:00:00", "04:00:00"]),
        ("Australia/Lord_Howe", "2026-04-04T14:10", ["02:00:00", "03:00:00"]),
        # Midnight does not exist: the day begins at 1.
        ("Asia/Beirut", "2026-03-28T21:10", ["01:00:00", "02:00:00"]),
    ],
)
def test_hours(zone: str, start: str, strikes: list[str]) -> None:
    assert hours(LocalTime(zone), start, len(strikes)) == strikes


@pytest.mark.parametrize("zone", ZONES)
@given(st.floats(1.6e9, 1.9e9))
def test_a_full_hour_is_never_far(zone: str, at: float) -> None:
    local = LocalTime(zone)
    following = local.next_hour(at)
    assert at < following <= at + 5400
    assert local.time_of_day(following).endswith(":00:00")


@pytest.mark.parametrize("zone", ZONES)
def test_each_day_and_each_hour_of_a_year_begins_once(zone: str) -> None:
    local = LocalTime(zone)
    start, end = unix("2026-01-01T12:10"), unix("2027-01-01T12:10")
    periods = Periods(local, start)
    began: list[tuple[Period, str]] = []
    strikes = 0
    while (at := periods.next_at) <= end:
        told = periods.due(at)
        assert periods.due(at) == []
        strikes += 1
        assert told[-1] is HOUR
        if told[0] is DAY:
            began.append((DAY, local.day(at)))
            assert local.time_of_day(at) in ("00:00:00", "01:00:00")
    days = [day for _, day in began]
    assert days == sorted(set(days))
    assert len(days) == 365
    assert 8758 <= strikes <= 8761


def test_days_across_the_change_of_summer_time_are_longer_and_shorter() -> None:
    starts = [KYIV.unix_of(day, "00:00") for day in ("2026-10-24", "2026-10-25", "2026-10-26")]
    assert [(end - start) / 3600 for start, end in pairwise(starts)] == [24, 25]
    starts = [KYIV.unix_of(day, "00:00") for day in ("2026-03-29", "2026-03-30")]
    assert [(end - start) / 3600 for start, end in pairwise(starts)] == [23]


def test_a_clock_that_leaps() -> None:
    at = unix("2026-06-01T10:15")
    periods = Periods(KYIV, at)
    assert periods.due(at + 5 * 86_400) == [DAY, HOUR]  # It slept: one of each.
    assert periods.due(at + 5 * 86_400 + 60) == []
    later = at + 5 * 86_400
    assert periods.due(later - 1800) == []  # Put right by half an hour: nothing begins twice.
    assert periods.due(periods.next_at) == [HOUR]
    # It was years ahead: the days begin again from what it says now.
    ahead = Periods(KYIV, at + 4 * 365 * 86_400)
    assert ahead.due(at) == []
    assert ahead.day == "2026-06-01"
    assert ahead.due(KYIV.unix_of("2026-06-02", "00:00")) == [DAY, HOUR]


def test_times_of_day() -> None:
    at = KYIV.unix_of("2026-11-21", "14:03:27.25")
    assert KYIV.day(at) == "2026-11-21"
    assert KYIV.time_of_day(at) == "14:03:27"
    assert KYIV.time_of_day(at, milliseconds=True) == "14:03:27.250"
    assert KYIV.time_of_day(at - 0.2501, milliseconds=True) == "14:03:27.000"
    assert KYIV.unix_of("2026-11-21", "14:03") == at - 27.25
    assert KYIV.unix_of("2026-11-21", "24:00") == KYIV.unix_of("2026-11-22", "00:00")
    # An hour that comes twice: the first.
    assert KYIV.unix_of("2026-10-25", "03:30") == unix("2026-10-25T00:30")


@pytest.mark.parametrize(
    "text", ["", "14", "14:60", "25:00", "14:03:60", "a:b", "1:2:3:4", "-1:00"]
)
def test_no_times_of_day(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        KYIV.unix_of("2026-11-21", text)


def test_no_days_and_no_zones() -> None:
    with pytest.raises(ValueError, match="2026"):
        KYIV.unix_of("2026-13-01", "14:03")
    for zone in ("Europe/Nowhere", "../etc/passwd", "Europe"):
        with pytest.raises(ValueError, match="zone"):
            LocalTime(zone)
    assert LocalTime("").day(0.0) in ("1970-01-01", "1969-12-31")
