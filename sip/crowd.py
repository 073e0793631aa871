"""Who holds connections to us, and who must make room: caps on what strangers can take away.

A connection is *half open* until it has brought a whole message. Clients that mean it do so at
once, so of the half-open ones the oldest makes room for the newest: a flood of silent connections
(slowloris) never keeps a phone out, it only throws out its own.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final, NamedTuple

_SUBSCRIBER_BITS: Final = 64  # Of an IPv6 address: one customer has as many as he likes below.


@dataclass(frozen=True, slots=True)
class CrowdLimits:
    all_max: int = 4_096  # File descriptors of a process are few thousands.
    source_max: int = 1_024  # A large office behind one address.
    source_half_open_max: int = 128  # Its phones, all at once after a power cut.


class Entry(NamedTuple):
    """Whether a new connection may stay, and which other one must be closed for it."""

    admitted: bool
    thrown_out: int | None = None


REFUSED: Final = Entry(False)
ADMITTED: Final = Entry(True)


class Crowd:
    """Connections by number and source. Plain state."""

    __slots__ = ("_half_open", "_limits", "_source_of", "_sources")

    def __init__(self, limits: CrowdLimits) -> None:
        self._limits = limits
        self._source_of: dict[int, str] = {}
        self._sources: dict[str, _Source] = {}
        self._half_open: OrderedDict[int, None] = OrderedDict()  # Of all sources, oldest first.

    def __len__(self) -> int:
        return len(self._source_of)

    @property
    def half_open(self) -> int:
        return len(self._half_open)

    def enter(self, host: str, number: int) -> Entry:
        """A new connection from this address. Who is thrown out has left already."""
        assert number not in self._source_of, number
        source = source_of(host)
        here, limits = self._sources.get(source), self._limits
        entry = ADMITTED
        if here is not None and (
            len(here.half_open) >= limits.source_half_open_max or here.count >= limits.source_max
        ):
            entry = self._make_room(here.half_open)
        if entry == ADMITTED and len(self) >= limits.all_max:
            entry = self._make_room(self._half_open)
        if entry.admitted:
            self._add(source, number)
        return entry

    def heard(self, number: int) -> None:
        """It has brought a whole message."""
        source = self._source_of.get(number)
        if source is not None and number in self._half_open:
            del self._half_open[number]
            del self._sources[source].half_open[number]

    def leave(self, number: int) -> None:
        source = self._source_of.pop(number, None)
        if source is None:
            return
        here = self._sources[source]
        here.count -= 1
        _ = here.half_open.pop(number, None)
        _ = self._half_open.pop(number, None)
        if not here.count:
            del self._sources[source]

    def _make_room(self, half_open: "OrderedDict[int, None]") -> Entry:
        oldest = next(iter(half_open), None)
        if oldest is None:
            return REFUSED
        self.leave(oldest)
        return Entry(True, oldest)

    def _add(self, source: str, number: int) -> None:
        here = self._sources.get(source)
        if here is None:
            here = self._sources[source] = _Source()
        here.count += 1
        here.half_open[number] = self._half_open[number] = None
        self._source_of[number] = source


class _Source:
    __slots__ = ("count", "half_open")

    def __init__(self) -> None:
        self.count = 0
        self.half_open: OrderedDict[int, None] = OrderedDict()


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, or the network of an IPv6 customer."""
    if ":" not in host:
        return host
    number = int(IPv6Address(host)) >> (128 - _SUBSCRIBER_BITS)
    return f"{IPv6Address(number << (128 - _SUBSCRIBER_BITS))}/{_SUBSCRIBER_BITS}"
