"""What a call requires of an agent, as people write it: "sales & (french >= 50 | english)".

    expression = and ("|" and)*            also "or"
    and        = not (("&" | ",") not)*    also "and"
    not        = "!" not | "(" expression ")" | tag [">=" level]    also "not"

A tag without a level asks for any level from 1 to 100. "" and "()" ask for nothing.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, assert_never

from pbx.distribution.config import DROP_ALL
from pbx.distribution.errors import ConfigError

TEXT_MAX: Final = 1000
LEVEL_MAX: Final = 100
_DEPTH_MAX: Final = 20
_CACHED: Final = 4096  # Distinct requirements that are remembered parsed.
_TOKEN: Final = re.compile(r"\s*(>=|[()&|!,]|[^\s()&|!,<>=]+)")
_WORDS: Final = {"and": "&", ",": "&", "or": "|", "not": "!"}


@dataclass(frozen=True, slots=True)
class Has:
    tag: str
    level: int = 1  # At least.


@dataclass(frozen=True, slots=True)
class All:
    parts: "tuple[Requirement, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: "tuple[Requirement, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Requirement"


Requirement = Has | All | AnyOf | Not
NOTHING: Final = All(())
IMPOSSIBLE: Final = AnyOf(())


@lru_cache(_CACHED)
def parse(text: str) -> Requirement:
    """Raises ConfigError that quotes what was not understood."""
    if not text.strip():
        return NOTHING
    if len(text) > TEXT_MAX:
        raise ConfigError(f"a requirement is longer than {TEXT_MAX} characters")
    parser = _Parser(_tokens(text), text)
    found = parser.expression(0)
    if parser.rest:
        raise parser.fault()
    return found


def understood(text: str) -> Requirement:
    """As `parse`, but what is no requirement is one that nobody meets: its call is not lost."""
    try:
        return parse(text)
    except ConfigError:
        return IMPOSSIBLE


def both(first: str, second: str) -> str:
    """The requirement that asks for both."""
    first, second = first.strip(), second.strip()
    if not first or not second or first == second:
        return first or second
    return f"({first}) & ({second})"


def meets(tags: Mapping[str, int], requirement: Requirement) -> bool:
    match requirement:
        case Has(tag, level):
            return tags.get(tag, 0) >= level
        case All(parts):
            return all(meets(tags, part) for part in parts)
        case AnyOf(parts):
            return any(meets(tags, part) for part in parts)
        case Not(part):
            return not meets(tags, part)
        case _:
            assert_never(requirement)


def named_tags(requirement: Requirement) -> frozenset[str]:
    """Every tag that the requirement speaks of."""
    match requirement:
        case Has(tag):
            return frozenset({tag})
        case Not(part):
            return named_tags(part)
        case All(parts) | AnyOf(parts):
            return frozenset[str]().union(*map(named_tags, parts))
        case _:
            assert_never(requirement)


def without(
    requirement: Requirement, drops: Collection[str], dimensions: Mapping[str, str]
) -> Requirement:
    """What is left when tags, or all tags of a dimension, do not matter any more.

    Never stricter than before. `dimensions`: of each tag that is not a "skill".
    """
    if DROP_ALL in drops:
        return NOTHING
    return _simple(_without(requirement, drops, dimensions, NOTHING))


def _simple(requirement: Requirement) -> Requirement:
    """Without the parts that say nothing."""
    match requirement:
        case Not(part):
            part = _simple(part)
            if part in (NOTHING, IMPOSSIBLE):
                return IMPOSSIBLE if part == NOTHING else NOTHING
            return Not(part)
        case All(parts):
            left = tuple(part for part in map(_simple, parts) if part != NOTHING)
            if IMPOSSIBLE in left:
                return IMPOSSIBLE
            return left[0] if len(left) == 1 else All(left)
        case AnyOf(parts):
            left = tuple(part for part in map(_simple, parts) if part != IMPOSSIBLE)
            if NOTHING in left:
                return NOTHING
            return left[0] if len(left) == 1 else AnyOf(left)
        case _:
            return requirement


def _without(
    requirement: Requirement,
    drops: Collection[str],
    dimensions: Mapping[str, str],
    freed: All | AnyOf,
) -> Requirement:
    """`freed` takes a dropped tag's place: what makes the whole easier to meet."""
    match requirement:
        case Has(tag):
            dropped = tag in drops or dimensions.get(tag, "skill") in drops
            return freed if dropped else requirement
        case Not(part):
            other = IMPOSSIBLE if freed == NOTHING else NOTHING
            return Not(_without(part, drops, dimensions, other))
        case All(parts):
            return All(tuple(_without(part, drops, dimensions, freed) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_without(part, drops, dimensions, freed) for part in parts))
        case _:
            assert_never(requirement)


def lacking(tags: Mapping[str, int], requirement: Requirement) -> str:
    """The parts that these tags do not meet, in words; "" if they meet all."""
    if meets(tags, requirement):
        return ""
    if isinstance(requirement, All):
        return " & ".join(text for part in requirement.parts if (text := lacking(tags, part)))
    return written(requirement)


def written(requirement: Requirement) -> str:
    """As text that `parse` reads back."""
    match requirement:
        case Has(tag, level):
            return tag if level == 1 else f"{tag} >= {level}"
        case Not(part):
            return f"!{_inner(part)}"
        case AnyOf(()):
            return "!()"
        case All(parts):
            return " & ".join(map(_inner, parts))
        case AnyOf(parts):
            return " | ".join(map(_inner, parts))
        case _:
            assert_never(requirement)


def _inner(part: Requirement) -> str:
    return written(part) if isinstance(part, Has | Not) else f"({written(part)})"


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ConfigError(f"{text[at:].strip()[:20]!r} is not understood in {text[:80]!r}")
        tokens.append(_WORDS.get(found[1].lower(), found[1]))
        at = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self.rest = tokens[::-1]
        self._text = text

    def expression(self, depth: int) -> Requirement:
        if depth > _DEPTH_MAX:
            raise ConfigError(f"too many brackets in {self._text[:80]!r}")
        parts = [self._all(depth)]
        while self._take("|"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self, depth: int) -> Requirement:
        parts = [self._one(depth)]
        while self._take("&"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Requirement:
        if self._take("!"):
            if depth > _DEPTH_MAX:
                raise ConfigError(f'too many "not" in {self._text[:80]!r}')
            return Not(self._one(depth + 1))
        if self._take("("):
            if self._take(")"):
                return NOTHING
            inner = self.expression(depth + 1)
            if not self._take(")"):
                raise self.fault()
            return inner
        if not self.rest or self.rest[-1] in "()&|!,>=":
            raise self.fault()
        tag = self.rest.pop()
        return Has(tag, self._level()) if self._take(">=") else Has(tag)

    def _level(self) -> int:
        text = self.rest.pop() if self.rest else ""
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LEVEL_MAX):
            raise ConfigError(f"expected a level from 1 to {LEVEL_MAX}, not {text[:20]!r}")
        return int(text)

    def _take(self, token: str) -> bool:
        if self.rest and self.rest[-1] == token:
            _ = self.rest.pop()
            return True
        return False

    def fault(self) -> ConfigError:
        what = f"{self.rest[-1][:20]!r} is not understood" if self.rest else "something is missing"
        return ConfigError(f"{what} in {self._text[:80]!r}")
