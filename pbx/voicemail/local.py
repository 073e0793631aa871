"""Unix seconds as calendars and clocks show them, without asking a clock or a table of zones.

The distance from UTC is told by the edge, which knows where the company is.
"""

from typing import Final

from pbx.speech.times import Moment

DAY_SECONDS: Final = 86_400
_ERA_DAYS: Final = 146_097  # Of 400 years, after which the Gregorian calendar repeats.
_TO_MARCH_OF_0: Final = 719_468  # Days from 0000-03-01 to 1970-01-01.


def moment(unix: float, utc_offset: float) -> Moment:
    """`utc_offset`: seconds that the clocks there are ahead."""
    days, seconds = divmod(int(unix + utc_offset), DAY_SECONDS)
    # Years begin in March here, so that the odd day is the last one (H. Hinnant, days_from_civil).
    era, day_of_era = divmod(days + _TO_MARCH_OF_0, _ERA_DAYS)
    leaps = day_of_era // 1_460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leaps) // 365
    day = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day + 2) // 153
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return Moment(
        year=era * 400 + year_of_era + (month <= 2),
        month=month,
        day=day - (153 * month_from_march + 2) // 5 + 1,
        hour=seconds // 3600,
        minute=seconds // 60 % 60,
    )
