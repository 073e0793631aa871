"""Feature codes: what is dialled → which code it is, and what stands behind it.

A code may take digits: `*72102` is the code `*72` with the number 102. Where one code is the
beginning of another (`*8` and `*80`), the longest one that fits counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple


class Takes(Enum):
    """What stands behind the digits of a code."""

    NOTHING = "nothing"
    OPTION = "option"  # Or nothing.
    NUMBER = "number"  # If it is missing, the caller is asked for it.
    EXTENSION = "extension"  # Never missing.


TAKES: Final[dict[str, Takes]] = {
    "sign_in": Takes.NOTHING,
    "break": Takes.OPTION,
    "end_wrap_up": Takes.NOTHING,
    "do_not_disturb": Takes.NOTHING,
    "do_not_disturb_on": Takes.NOTHING,
    "do_not_disturb_off": Takes.NOTHING,
    "forward_always": Takes.NUMBER,
    "forward_always_off": Takes.NOTHING,
    "forward_busy": Takes.NUMBER,
    "forward_busy_off": Takes.NOTHING,
    "forward_no_answer": Takes.NUMBER,
    "forward_no_answer_off": Takes.NOTHING,
    "forward_unreachable": Takes.NUMBER,
    "forward_unreachable_off": Takes.NOTHING,
    "hide_number": Takes.NOTHING,
    "show_number": Takes.NOTHING,
    "intercom": Takes.EXTENSION,
    "pick_up_group": Takes.NOTHING,
    "pick_up": Takes.EXTENSION,
    "park": Takes.OPTION,
    "listen": Takes.EXTENSION,
    "whisper": Takes.EXTENSION,
    "barge": Takes.EXTENSION,
    "take_over": Takes.EXTENSION,
    "echo": Takes.NOTHING,
    "time": Takes.NOTHING,
    "mailbox": Takes.NOTHING,
    "any_mailbox": Takes.OPTION,
    "leave_message": Takes.EXTENSION,
}

SEPARATOR: Final = ":"  # Between a code's name and what was dialled behind it.


class Dialled(NamedTuple):
    code: str
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of one configuration, by their digits."""

    names: dict[str, str] = field(default_factory=dict[str, str])  # Digits → name in TAKES.
    longest: int = 0

    @classmethod
    def of(cls, digits: Mapping[str, str]) -> "Codes":
        """`digits` by name; a code without digits is switched off."""
        names = {code: name for name, code in digits.items() if code}
        return cls(names, max(map(len, names), default=0))

    def match(self, number: str) -> Dialled | None:
        for length in range(min(self.longest, len(number)), 0, -1):
            name = self.names.get(number[:length])
            if name is not None and fits(TAKES[name], number[length:]):
                return Dialled(name, number[length:])
        return None


def fits(takes: Takes, rest: str) -> bool:
    """Can this be dialled behind a code that takes that?"""
    match takes:
        case Takes.NOTHING:
            return not rest
        case Takes.EXTENSION:
            return bool(rest)
        case Takes.OPTION | Takes.NUMBER:
            return True


def write(dialled: Dialled) -> str:
    """As the target of a destination of kind "code"."""
    return SEPARATOR.join(part for part in dialled if part)


def read(target: str) -> Dialled:
    """What `write` wrote."""
    name, _, rest = target.partition(SEPARATOR)
    return Dialled(name, rest)


NO_CODES: Final = Codes()
