"""Telephone numbers: one spelling for all the ways to dial one, and patterns of numbers.

`dialled` undoes what SIP and tel URIs allow (RFC 3261 §19.1.6, RFC 3966 §5): escapes, visual
separators, contexts. `Numbering.canonical` undoes what people dial: 00380…, 0…, a local number.
What is allowed is decided about the one spelling that is left.
"""

from dataclasses import dataclass
from typing import Final

from sip.uri import Uri

DIGITS: Final = "0123456789"
E164_DIGITS_MAX: Final = 15  # ITU-T E.164 §6.2.1.
E164_DIGITS_MIN: Final = 5  # The shortest numbers of small islands, country code included.
SHORT_DIGITS_MAX: Final = 6  # Codes of a country's services: 112, 1500, 116111.
DIALLED_MAX: Final = 64  # Characters; nobody dials so many.

_SEPARATORS: Final = str.maketrans("", "", " -.()")  # RFC 3966 §3, and the spaces people type.
_CHOICES: Final = {"X": DIGITS, "Z": DIGITS[1:], "N": DIGITS[2:]}
_PATTERN_ELEMENTS_MAX: Final = 32
BEGINNING: Final = "*"


def dialled(uri: Uri) -> str:
    """What was dialled: digits, `*`, `#`, a leading `+`; any other user part as it is."""
    user = uri.user_unescaped
    if not uri.params and user.isascii() and user.isalnum() and len(user) <= DIALLED_MAX:
        return user  # As nearly all: nothing to undo.
    if len(user) > DIALLED_MAX:
        return user[:DIALLED_MAX]
    # In a sip: URI the parameters of a telephone number are part of the user (§19.1.6).
    text, semicolon, rest = user.partition(";")
    number = text.translate(_SEPARATORS)
    if not _is_number(number):
        return user
    if number.startswith("+"):
        return number
    context = _context(rest if semicolon else "", uri)
    return context + number if context else number


def _context(params: str, uri: Uri) -> str:
    """The `+…` of a phone-context (RFC 3966 §5.1.5); a domain says nothing to us."""
    found = uri.param("phone-context") or ""
    for item in params.split(";"):
        name, _, value = item.partition("=")
        if name.strip().lower() == "phone-context":
            found = value
    prefix = found.strip().translate(_SEPARATORS)
    return prefix if prefix.startswith("+") and _is_number(prefix) else ""


def _is_number(text: str) -> bool:
    body = text.removeprefix("+")
    return bool(body) and all(char in "0123456789*#" for char in body)


def is_digits(text: str) -> bool:
    """ASCII digits only: other scripts have digits, too, which no exchange understands."""
    return bool(text) and text.isascii() and text.isdigit()


@dataclass(frozen=True, slots=True)
class Numbering:
    """How numbers are dialled where the company is. Without a country they stay as dialled."""

    country: str = ""  # "380"
    area: str = ""  # "44": what local numbers belong to.
    international: str = "00"
    national: str = "0"
    local_digits: int = 0  # Numbers of this length are local ones; 0: there are none.
    national_digits: int = 0  # Numbers of this length are national ones without their prefix.
    outside: str = ""  # Dialled first to get out of the house.

    def canonical(self, number: str) -> str:
        """`+` and the whole number, or a short code; "" for what can be no number."""
        if number.startswith("+"):
            return _e164(number[1:])
        if self.outside:
            if not number.startswith(self.outside):
                return ""
            number = number.removeprefix(self.outside)
            if number.startswith("+"):
                return _e164(number[1:])
        if not is_digits(number):
            return ""
        if self.international and number.startswith(self.international):
            return _e164(number.removeprefix(self.international))
        if not self.country:
            return number
        return self._of_our_country(number)

    def _of_our_country(self, number: str) -> str:
        if self.local_digits and len(number) == self.local_digits:
            return _e164(f"{self.country}{self.area}{number}")
        if self.national_digits and len(number) == self.national_digits:
            return _e164(f"{self.country}{number}")
        if self.national and number.startswith(self.national):
            return _e164(f"{self.country}{number.removeprefix(self.national)}")
        if len(number) <= SHORT_DIGITS_MAX:
            return number
        if not self.national:
            return _e164(f"{self.country}{number}")
        # A whole number without its +, as it stands on some screens. Anything else is refused
        # rather than guessed: a guess could make a dear call out of a cheap one.
        return _e164(number) if number.startswith(self.country) else ""

    def without_outside(self, number: str) -> str:
        return number.removeprefix(self.outside) if self.outside else number


def _e164(digits: str) -> str:
    """No country code begins with 0: more zeros than the prefix has are a trick or a slip."""
    good = is_digits(digits) and digits[0] != "0"
    return f"+{digits}" if good and E164_DIGITS_MIN <= len(digits) <= E164_DIGITS_MAX else ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`+38044XXXXXXX`, `1[0-5]X`, `+44*`: X any digit, Z 1-9, N 2-9, [1-5] these, * the rest."""

    text: str
    choices: tuple[str, ...]  # Of each place, the characters that fit.
    open: bool = False  # More may follow.

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """ValueError says what is wrong."""
        body = text.removesuffix(BEGINNING)
        choices: list[str] = []
        at = 0
        while at < len(body):
            choice, at = _element(body, at)
            choices.append(choice)
        if not choices and body == text:
            raise ValueError("nothing to match")
        if len(choices) > _PATTERN_ELEMENTS_MAX:
            raise ValueError(f"more than {_PATTERN_ELEMENTS_MAX} places")
        return cls(text, tuple(choices), body != text)

    def fits(self, number: str) -> bool:
        places = len(self.choices)
        if len(number) < places or (len(number) > places and not self.open):
            return False
        return all(char in choice for char, choice in zip(number, self.choices, strict=False))

    @property
    def rank(self) -> tuple[int, ...]:
        """The smaller, the more is said: place by place, then a pattern that ends."""
        return (*(len(choice) for choice in self.choices), len(DIGITS) + 1 + self.open)

    def covers(self, other: "Pattern") -> bool:
        """Whether all that fits the other one fits this one, too."""
        mine, theirs = self.choices, other.choices
        if len(mine) > len(theirs) or (not self.open and (other.open or len(mine) < len(theirs))):
            return False
        pairs = zip(mine, theirs, strict=False)
        return all(set(their) <= set(choice) for choice, their in pairs)

    def __str__(self) -> str:
        return self.text


def _element(text: str, at: int) -> tuple[str, int]:
    char = text[at]
    if char == "+":
        if at:
            raise ValueError("+ stands only at the beginning")
        return "+", at + 1
    if char == "[":
        end = text.find("]", at)
        if end < 0:
            raise ValueError("[ without ]")
        return _digits_of(text[at + 1 : end]), end + 1
    if char in _CHOICES:
        return _CHOICES[char], at + 1
    if char in DIGITS:
        return char, at + 1
    raise ValueError(f"{char!r} has no meaning here")


def _digits_of(text: str) -> str:
    """`1-5`, `13`, `1-37`: the digits between the brackets."""
    found: set[str] = set()
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            low, high = text[at], text[at + 2]
            if low not in DIGITS or high not in DIGITS or low > high:
                raise ValueError(f"[{text}] is no range of digits")
            found.update(DIGITS[int(low) : int(high) + 1])
            at += 3
            continue
        if text[at] not in DIGITS:
            raise ValueError(f"[{text}] is no range of digits")
        found.add(text[at])
        at += 1
    if not found:
        raise ValueError("[] has no digits")
    return "".join(sorted(found))
