"""Rules of time zones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.provisioning.time_zones import Change, Zone, parse_zone, read_zone

KYIV = (Change(3, 5, 0, 3), Change(10, 5, 0, 4))


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Kyiv", Zone("Europe/Kyiv", "EET-2EEST,M3.5.0/3,M10.5.0/4", 120, KYIV)),
        (
            "America/New_York",
            Zone(
                *("America/New_York", "EST5EDT,M3.2.0,M11.1.0", -300),
                (Change(3, 2, 0, 2), Change(11, 1, 0, 2)),
            ),
        ),
        ("Asia/Tokyo", Zone("Asia/Tokyo", "JST-9", 540)),
        ("Asia/Kolkata", Zone("Asia/Kolkata", "IST-5:30", 330)),
        ("", None),
        ("Europe/Nowhere", None),
        ("../../etc/passwd", None),
        ("/etc/passwd", None),
    ],
)
def test_zones_of_the_system(name: str, zone: Zone | None) -> None:
    assert read_zone(name) == zone


@pytest.mark.parametrize(
    ("posix", "minutes", "offset"),
    [
        ("UTC0", 0, "+0"),
        ("IST-5:30", 330, "+5:30"),
        ("NST3:30", -210, "-3:30"),
        ("<-03>3", -180, "-3"),
    ],
)
def test_offsets(posix: str, minutes: int, offset: str) -> None:
    zone = parse_zone("Z", posix)
    assert zone is not None
    assert (zone.minutes, zone.offset) == (minutes, offset)


@given(st.text("ABCZ<>+-0123456789:,./MJ", max_size=40))
def test_anything_is_a_zone_or_none(posix: str) -> None:
    zone = parse_zone("Z", posix)
    assert zone is None or zone.posix == posix
