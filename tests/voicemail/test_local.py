"""Unix seconds on the clocks of a place, compared with the standard library."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pbx.voicemail.local import moment


@given(unix=st.integers(0, 7_258_118_399), offset=st.sampled_from([0, 3600, 7200, -12_600, 45_900]))
def test_as_datetime_has_it(unix: int, offset: int) -> None:
    there = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix + offset)
    found = moment(float(unix), float(offset))
    assert found == (there.year, there.month, there.day, there.hour, there.minute)
