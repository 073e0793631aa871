"""What is wrong with a configuration, in words an administrator can act on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from pbx.printable import printable

KNOWN_WORDS_SHOWN_MAX: Final = 40  # A hint is a line or three.
KNOWN_WORDS_COMPARED_MAX: Final = 10_000  # Comparing takes some 20 µs a word.
FOUND_SHOWN_MAX: Final = 40
ERRORS_MAX: Final = 100  # Who has more mends these first; each may cost a search for a near word.


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One fault. Lines and columns count from 1; line 0 is a place without lines."""

    file: str
    line: int
    column: int
    path: str  # The setting, as `queues.sales.strategy`; "" for the file as such.
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        setting = f" {self.path}:" if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return printable(f"{where}:{setting} {self.message}{hint}")


class ConfigErrors(Exception):
    """All faults found, in the order of the files. The only exception that reading raises."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        assert errors
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest right word, or all of them when they are few, or ""."""
    words = sorted(set(known))[:KNOWN_WORDS_COMPARED_MAX]
    near = get_close_matches(word[: 2 * FOUND_SHOWN_MAX], words, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    if 0 < len(words) <= KNOWN_WORDS_SHOWN_MAX:
        return f"known: {', '.join(words)}"
    return ""


def describe(value: object) -> str:
    """What was found, short enough for one line of an error."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            short = value if len(value) <= FOUND_SHOWN_MAX else value[:FOUND_SHOWN_MAX] + "…"
            return f'"{short}"'
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return str(value)
