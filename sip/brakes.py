"""Who is refused again and again by the same method is not answered for a while.

Some phones ask again the moment they are refused (a SUBSCRIBE for a lamp that does not exist), ten
thousand times a minute. Silence costs nothing, and makes them wait as RFC 3261 §17.1.2.2 says.
"""

from typing import Final

from sip.flow import Address

METHODS: Final = frozenset({"MESSAGE", "NOTIFY", "PUBLISH", "REFER", "SUBSCRIBE"})
"""INVITE and REGISTER are not among them: whoever cannot call calls again, and is heard."""

REFUSALS_MAX: Final = 20  # At once: a phone with so many lamps of people who are no more.
REFUSALS_PER_SECOND: Final = 1.0  # Afterwards.
SOURCES_MAX: Final = 4_096  # The oldest is forgotten: it may be refused anew.


class Brakes:
    """A leaky bucket for each source and method that was refused lately."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[tuple[Address, str], tuple[float, float]] = {}  # Level, and when.

    def __len__(self) -> int:
        return len(self._levels)

    def holds(self, source: Address, method: str, now: float) -> bool:
        """Whether this request is not to be answered."""
        key = source, method
        found = self._levels.get(key)
        if found is None:
            return False
        level = _after(found, now)
        if level <= 0.0:
            del self._levels[key]
        return level + 1.0 > REFUSALS_MAX

    def refused(self, source: Address, method: str, now: float) -> None:
        key = source, method
        found = self._levels.pop(key, (0.0, now))
        self._levels[key] = max(0.0, _after(found, now)) + 1.0, now
        if len(self._levels) > SOURCES_MAX:
            del self._levels[next(iter(self._levels))]


def _after(found: tuple[float, float], now: float) -> float:
    level, at = found
    return level - (now - at) * REFUSALS_PER_SECOND
