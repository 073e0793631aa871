"""Genders, cases, and which form of a noun stands behind a number."""

from enum import Enum
from typing import Final

LANGUAGES: Final = ("en", "uk", "ru", "pl")
"""Those that have a grammar here."""

Sounds = tuple[str, ...]
"""Names of sounds, to be played one after another."""


class Gender(Enum):
    MASCULINE = "m"
    FEMININE = "f"
    NEUTER = "n"


class Case(Enum):
    """English has none. Of things, the accusative differs only in the feminine singular."""

    NOMINATIVE = "nominative"
    ACCUSATIVE = "accusative"


class Form(Enum):
    """Of a noun behind a number: minute, minutes; хвилина, хвилини, хвилин."""

    ONE = "one"
    FEW = "few"
    MANY = "many"


def grammar_of(language: str) -> str:
    """Whose grammar is used: its own, or English."""
    return language if language in LANGUAGES else "en"


def form(value: int, language: str) -> Form:
    """CLDR's plural categories of whole numbers."""
    value = abs(value)
    match grammar_of(language):
        case "en":
            return Form.ONE if value == 1 else Form.MANY
        case "pl" if value == 1:
            return Form.ONE
        case "pl":
            return Form.FEW if _ends_few(value) else Form.MANY
        case _:
            if value % 10 == 1 and value % 100 != 11:
                return Form.ONE
            return Form.FEW if _ends_few(value) else Form.MANY


def _ends_few(value: int) -> bool:
    return value % 10 in (2, 3, 4) and value % 100 not in (12, 13, 14)


def noun(name: str, value: int, language: str, case: Case = Case.NOMINATIVE) -> str:
    """The sound of a noun behind `value`: "units/minute-few"."""
    found = form(value, language)
    accusative = case is Case.ACCUSATIVE and found is Form.ONE and grammar_of(language) != "en"
    return f"{name}-{found.value}{'-acc' if accusative else ''}"
