"""Times of day, dates and durations. Moments are given as numbers: this package knows no clock."""

from typing import Final, NamedTuple

from pbx.speech.grammar import Case, Gender, Sounds, grammar_of, noun
from pbx.speech.numbers import number

_DAYS_MAX: Final = 36_500  # A hundred years; longer ones are nonsense.

# Seconds and gender (Ukrainian and Polish minutes, Russian too, are feminine) of each unit.
_UNITS: Final = (
    (86_400, "units/day", Gender.MASCULINE),
    (3_600, "units/hour", Gender.FEMININE),
    (60, "units/minute", Gender.FEMININE),
    (1, "units/second", Gender.FEMININE),
)
_PARTS_MAX: Final = 2  # "One day two hours" is exact enough to listen to.
# From which hour on; the sound of that part of the day.
_PARTS_OF_DAY: Final = (
    (17, "time/evening"),
    (12, "time/afternoon"),
    (4, "time/morning"),
    (0, "time/night"),
)


class Moment(NamedTuple):
    """Local time, as calendars and clocks show it."""

    year: int
    month: int
    day: int
    hour: int
    minute: int


def clock(hour: int, minute: int, language: str, *, twelve: bool | None = None) -> Sounds:
    """14:05. `twelve`: with a.m. and p.m., as only English usually has it."""
    if grammar_of(language) == "en":
        return _english_clock(hour, minute, twelve=twelve is not False)
    shown = _on_twelve(hour) if twelve else hour
    part = _part_of_day(hour) if twelve else ()
    return (f"time/hour-{shown}", *_minutes(minute, language), *part)


def _english_clock(hour: int, minute: int, *, twelve: bool) -> Sounds:
    said = number(_on_twelve(hour) if twelve else hour, "en")
    if minute:
        said += _two_digits(minute)
    elif not twelve:
        said += ("time/hundred",)
    return (*said, "time/pm" if hour >= 12 else "time/am") if twelve else said


def _on_twelve(hour: int) -> int:
    return hour % 12 or 12


def _part_of_day(hour: int) -> Sounds:
    return (next(sound for first, sound in _PARTS_OF_DAY if hour >= first),)


def _minutes(minute: int, language: str) -> Sounds:
    """None on the hour. Polish has the bare number: czternasta zero pięć."""
    if not minute:
        return ()
    if grammar_of(language) == "pl":
        zero = ("digits/0",) if minute < 10 else ()
        return (*zero, *number(minute, language))
    return _counted(minute, "units/minute", Gender.FEMININE, language)


def _two_digits(value: int) -> Sounds:
    """Of an English year or time: oh five, twenty-six."""
    said = number(value, "en")
    return ("number/oh", *said) if value < 10 else said


def date(year: int, month: int, day: int, language: str, *, with_year: bool = False) -> Sounds:
    """May twenty-first; двадцять першого травня."""
    said = (f"ordinals/{day}", f"date/month-{month}")
    if grammar_of(language) == "en":
        said = (said[1], said[0])
    return (*said, *_year(year, language)) if with_year else said


def _year(year: int, language: str) -> Sounds:
    century, rest = divmod(year, 100)
    if grammar_of(language) == "en":
        if year % 1000 < 10:
            return number(year, language)
        hundred: Sounds = ("time/hundred",)
        return (*number(century, language), *(_two_digits(rest) if rest else hundred))
    if century not in (19, 20):
        return (*number(year, language), "date/year")
    if year == 2000:
        return ("ordinals/2000", "date/year")
    if not rest:
        return (*number(year, language), "date/year")
    return (*number(year - rest, language), *_ordinal(rest, language), "date/year")


def _ordinal(value: int, language: str) -> Sounds:
    """1 to 99, as the end of a year: двадцять шостого, dwudziestego szóstego."""
    tens = value - value % 10
    if value <= 31 or not value % 10:
        return (f"ordinals/{value}",)
    first = "ordinals" if grammar_of(language) == "pl" else "digits"
    return (f"{first}/{tens}", f"ordinals/{value % 10}")


def received(when: Moment, now: Moment, language: str) -> Sounds:
    """When a message came: today, yesterday, or the date; then the time."""
    age = _day_number(now) - _day_number(when)
    if age in (0, 1):
        day: Sounds = ("date/yesterday" if age else "date/today",)
    else:
        other = when.year != now.year
        day = date(when.year, when.month, when.day, language, with_year=other)
    at = ("time/at",) if grammar_of(language) == "en" else ()
    return (*day, *at, *clock(when.hour, when.minute, language))


def _day_number(when: Moment) -> int:
    """Days of the Gregorian calendar since some day. Years begin in March: leap days are last."""
    year = when.year - (when.month <= 2)
    month = (when.month - 3) % 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + when.day


def time_now(hour: int, minute: int, language: str) -> Sounds:
    """The time is 2:05 p.m."""
    return ("time/now", *clock(hour, minute, language))


def duration(seconds: float, language: str, case: Case = Case.NOMINATIVE) -> Sounds:
    """The two largest of days, hours, minutes and seconds: one hour twenty-one minutes."""
    rest = min(max(round(seconds), 0), _DAYS_MAX * _UNITS[0][0])
    said: list[str] = []
    parts = 0
    for length, unit, gender in _UNITS:
        count, left = divmod(rest, length)
        if parts and (not count or parts == _PARTS_MAX):
            break
        if count or (length == 1 and not parts):
            said += _counted(count, unit, _gender(unit, gender, language), language, case)
            parts += 1
            rest = left
    return tuple(said)


def _gender(unit: str, usual: Gender, language: str) -> Gender:
    """Russian hours are masculine, and so are the days of all three."""
    masculine = unit == "units/hour" and grammar_of(language) == "ru"
    return Gender.MASCULINE if masculine else usual


def _counted(
    count: int, unit: str, gender: Gender, language: str, case: Case = Case.NOMINATIVE
) -> Sounds:
    case = case if gender is Gender.FEMININE else Case.NOMINATIVE
    return (*number(count, language, gender, case), noun(unit, count, language, case))
