"""Cardinal numbers.

A number is spoken in groups of three digits, each with the name of its power of a thousand. Gender
and case show in the last group, and there only in one (in the Slavic languages also two): двадцять
одна, двадцять дві. In Polish, one shows nothing in a larger number: dwadzieścia jeden minut.
"""

from typing import Final

from pbx.speech.grammar import Case, Gender, Sounds, form, grammar_of

NUMBER_MAX: Final = 10**12 - 1
"""Larger ones are spoken digit by digit."""

POWERS: Final = (
    (10**9, "number/billion", Gender.MASCULINE),
    (10**6, "number/million", Gender.MASCULINE),
    (10**3, "number/thousand", Gender.FEMININE),
)
"""From the largest: value, sound, gender (Polish: all masculine)."""


def number(
    value: int,
    language: str,
    gender: Gender = Gender.MASCULINE,
    case: Case = Case.NOMINATIVE,
) -> Sounds:
    """A whole number, as it stands before a noun of that gender."""
    if abs(value) > NUMBER_MAX:
        return tuple(f"digits/{digit}" for digit in str(abs(value)))
    if value < 0:
        return ("number/minus", *number(-value, language, gender, case))
    if value == 0:
        return ("digits/0",)
    said: list[str] = []
    rest = value
    for power, sound, its_gender in POWERS:
        count, rest = divmod(rest, power)
        if count:
            said += _power(count, sound, its_gender, language)
    if rest:
        said += _group(rest, language, gender, case, alone=rest == value)
    return tuple(said)


def _power(count: int, sound: str, gender: Gender, language: str) -> list[str]:
    """Thousands, millions: a single one goes without "one", but in English."""
    grammar = grammar_of(language)
    if grammar == "en":
        return [*_group(count, language), sound]
    if grammar == "pl":
        gender = Gender.MASCULINE
    name = f"{sound}-{form(count, language).value}"
    return [name] if count == 1 else [*_group(count, language, gender, alone=False), name]


def _group(
    value: int,
    language: str,
    gender: Gender = Gender.MASCULINE,
    case: Case = Case.NOMINATIVE,
    *,
    alone: bool = True,
) -> list[str]:
    """1 to 999. `alone`: nothing stands before it."""
    hundreds, rest = divmod(value, 100)
    said = [f"digits/{100 * hundreds}"] if hundreds else []
    if rest > 20 and rest % 10:
        said.append(f"digits/{rest - rest % 10}")
        rest %= 10
    if rest:
        simple = alone and not said
        said.append(f"digits/{rest}{_ending(rest, language, gender, case, simple=simple)}")
    return said


def _ending(value: int, language: str, gender: Gender, case: Case, *, simple: bool) -> str:
    grammar = grammar_of(language)
    if grammar == "en" or (grammar == "pl" and value == 1 and not simple):
        return ""
    match value, gender:
        case 1, Gender.FEMININE:
            return "-f-acc" if case is Case.ACCUSATIVE else "-f"
        case 1, Gender.NEUTER:
            return "-n"
        case 2, Gender.FEMININE:
            return "-f"
        case _:
            return ""
