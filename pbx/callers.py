"""What is done for certain callers: VIPs, regular customers, those whom nobody wants to hear.

Applied once per call, when it first enters a queue.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

ANONYMOUS: Final = "anonymous"
BEGINNING: Final = "*"  # At the end of "48*": all numbers that begin so.
# What networks write instead of a number that is not shown (RFC 3323 §4.1.1.3, and practice).
_NO_NUMBER: Final = frozenset({"", ANONYMOUS, "restricted", "private", "unavailable", "unknown"})


def number_of(caller: str) -> str:
    """The number, or "" when it is not shown: all such callers would be taken for one."""
    return "" if caller.lower() in _NO_NUMBER else caller


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a call asks of the queues that it enters, beside what they do for everybody."""

    priority: int = 0
    requires: str = ""
    agent: str = ""  # Who gets it first, in the first queue only.
    language: str = ""  # Spoken to the caller; also before any queue.


NO_WISHES: Final = Wishes()


@dataclass(frozen=True, slots=True)
class CallerRule:
    numbers: tuple[str, ...]  # "+38044*": all that begin so; ANONYMOUS: callers without a number.
    queue: str = ""  # Instead of the one that was dialled.
    wishes: Wishes = NO_WISHES
    blacklisted: bool = False


@dataclass(frozen=True, slots=True)
class CallerRules:
    """Finds the first rule that fits, however many there are."""

    rules: tuple[CallerRule, ...] = ()
    _exact: dict[str, int] = field(default_factory=dict[str, int])
    _beginnings: dict[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def of(cls, rules: Iterable[CallerRule]) -> "CallerRules":
        made = cls(tuple(rules))
        for index, rule in enumerate(made.rules):
            for number in rule.numbers:
                stem = number.removesuffix(BEGINNING)
                _ = (made._exact if stem == number else made._beginnings).setdefault(stem, index)
        return made

    def find(self, caller: str) -> CallerRule | None:
        if not self.rules:
            return None
        number = number_of(caller)
        if not number:
            index = self._exact.get(ANONYMOUS)
            return None if index is None else self.rules[index]
        beginnings = (number[:length] for length in range(1, len(number) + 1))
        fits = [self._beginnings[stem] for stem in beginnings if stem in self._beginnings]
        if number in self._exact:
            fits.append(self._exact[number])
        return self.rules[min(fits)] if fits else None
