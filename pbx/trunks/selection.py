"""Which trunk, and which of its ends, a call tries next.

Lower priorities first, the same priority by chance and weight (RFC 2782's figures); ends that
answer before ends that lately did not. These are a last resort: health may be wrong, and a call
that is refused for fear of a failure has failed.
"""

from collections.abc import Collection, Sequence
from random import Random
from typing import NamedTuple

from sip.resolver import End, drawn


class Way(NamedTuple):
    trunk: str
    end: End

    def __str__(self) -> str:
        return f"{self.trunk} {self.end.transport}:{self.end.host}:{self.end.port}"


class Candidate(NamedTuple):
    """A trunk with room for a call."""

    trunk: str
    priority: int
    weight: int
    good: tuple[End, ...]  # In order.
    poor: tuple[End, ...] = ()  # Down, or not registered.


def choose(candidates: Sequence[Candidate], tried: Collection[str], rng: Random) -> Way | None:
    """The next way; None when all have been tried. `tried` has the texts of ways."""
    order: list[Candidate] = []
    for priority in sorted({candidate.priority for candidate in candidates}):
        level = [candidate for candidate in candidates if candidate.priority == priority]
        level.sort(key=lambda candidate: candidate.weight > 0)
        order += drawn(level, [candidate.weight for candidate in level], rng)
    for kind in ("good", "poor"):
        for candidate in order:
            ends: tuple[End, ...] = getattr(candidate, kind)
            for end in ends:
                way = Way(candidate.trunk, end)
                if str(way) not in tried:
                    return way
    return None
