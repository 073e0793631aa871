"""Extensions and telephone numbers, grouped as people of the country say them."""

from typing import Final

from pbx.speech.grammar import Sounds, grammar_of
from pbx.speech.numbers import number

PAUSE: Final = "pause"
DIGITS_MAX: Final = 32  # More are no telephone number.
_KEYS: Final = {"*": "number/star", "#": "number/hash", "+": "number/plus"}

# Country codes that are told apart from the number, the longest first.
_COUNTRIES: Final = ("380", "48", "44", "49", "7", "1")
# How many digits make a group, for a national number of so many digits.
_GROUPS: Final = {
    9: {"pl": (3, 3, 3), "uk": (2, 3, 2, 2), "ru": (2, 3, 2, 2), "en": (3, 3, 3)},
    10: {"pl": (3, 3, 2, 2), "uk": (3, 3, 2, 2), "ru": (3, 3, 2, 2), "en": (3, 3, 4)},
}


def digits(text: str) -> Sounds:
    """One by one; what is neither a digit nor a key is left out."""
    said = (_KEYS.get(sign) or _digit(sign) for sign in text[:DIGITS_MAX])
    return tuple(sound for sound in said if sound)


def _digit(sign: str) -> str:
    return f"digits/{sign}" if sign in "0123456789" else ""


def extension(text: str, language: str) -> Sounds:
    """English: digit by digit. The Slavic languages: 201 is two hundred and one, 2014 is 20 14."""
    if grammar_of(language) == "en" or not _is_digits(text) or len(text) > 4:
        return digits(text)
    return _grouped(text, (2, 2) if len(text) == 4 else (len(text),), language)


def phone_number(text: str, language: str) -> Sounds:
    """With a short pause between groups: 067, 123, 45, 67."""
    plain = "".join(sign for sign in text if sign in "0123456789+*#")[:DIGITS_MAX]
    if not _is_digits(plain.removeprefix("+")) or len(plain) < 5:
        return extension(plain, language)
    country = _country(plain)
    national = plain[len(country) :]
    groups = _GROUPS.get(len(national), {}).get(grammar_of(language)) or _evenly(len(national))
    said = _grouped(national, groups, language)
    if not country:
        return said
    code = country.removeprefix("+")
    return ("number/plus", *_group(code, language), PAUSE, *said)


def _country(plain: str) -> str:
    if not plain.startswith("+"):
        return ""
    return next((f"+{code}" for code in _COUNTRIES if plain[1:].startswith(code)), "+")


def _evenly(length: int) -> tuple[int, ...]:
    """Groups of three, the last ones of two so that none has one digit: 5 is 3 2, 7 is 3 2 2."""
    twos = -length % 3
    return (3,) * ((length - 2 * twos) // 3) + (2,) * twos if length >= 2 * twos else (length,)


def _grouped(text: str, groups: tuple[int, ...], language: str) -> Sounds:
    said: list[str] = []
    start = 0
    for length in groups:
        if said:
            said.append(PAUSE)
        said += _group(text[start : start + length], language)
        start += length
    return tuple(said)


def _group(text: str, language: str) -> Sounds:
    """As a number, after its leading zeros; English speaks each digit."""
    if grammar_of(language) == "en":
        return digits(text)
    value = text.lstrip("0")
    zeros = ("digits/0",) * (len(text) - len(value))
    return (*zeros, *number(int(value), language)) if value else zeros


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
