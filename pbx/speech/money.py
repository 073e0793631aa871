"""Amounts of money: дві гривні п'ять копійок, one dollar and five cents."""

from typing import Final, NamedTuple

from pbx.speech.grammar import Case, Gender, Sounds, grammar_of, noun
from pbx.speech.numbers import number

_M, _F, _N = Gender.MASCULINE, Gender.FEMININE, Gender.NEUTER


_ALL_FEMININE: Final = {"uk": _F, "ru": _F, "pl": _F}


class Currency(NamedTuple):
    """Sounds of its unit and of the hundredth, with their genders by language."""

    unit: str
    part: str
    unit_gender: dict[str, Gender]
    part_gender: dict[str, Gender]


CURRENCIES: Final = {
    "UAH": Currency("money/uah", "money/kopiyka", _ALL_FEMININE, _ALL_FEMININE),
    "EUR": Currency("money/eur", "money/cent", {"uk": _N, "ru": _M, "pl": _N}, {}),
    "USD": Currency("money/usd", "money/cent", {}, {}),
    "PLN": Currency("money/pln", "money/grosz", {}, {}),
    "GBP": Currency("money/gbp", "money/penny", {}, {}),
}
"""Masculine where nothing else is said."""


def money(hundredths: int, currency: str, language: str, case: Case = Case.NOMINATIVE) -> Sounds:
    """An amount in hundredths of the unit. A currency that is not known: the bare number."""
    if hundredths < 0:
        return ("number/minus", *money(-hundredths, currency, language, case))
    found = CURRENCIES.get(currency)
    whole, rest = divmod(hundredths, 100)
    if found is None:
        return number(whole, language)
    grammar = grammar_of(language)
    unit_gender = found.unit_gender.get(grammar, Gender.MASCULINE)
    part_gender = found.part_gender.get(grammar, Gender.MASCULINE)
    part = (
        *number(rest, language, part_gender, case),
        noun(
            found.part, rest, language, case if part_gender is Gender.FEMININE else Case.NOMINATIVE
        ),
    )
    if rest and not whole:
        return part
    unit_case = case if unit_gender is Gender.FEMININE else Case.NOMINATIVE
    unit = (
        *number(whole, language, unit_gender, case),
        noun(found.unit, whole, language, unit_case),
    )
    if not rest:
        return unit
    joint = ("number/and",) if grammar == "en" else ()
    return (*unit, *joint, *part)
