"""Whom we do not listen to, and until when. Bounded, and the same after a restart."""

from dataclasses import dataclass
from math import inf
from typing import Final

from sip.deadlines import Deadlines
from sip.networks import Network, contains, parse_network

BANS_MAX: Final = 10_000  # A botnet is larger, but most of it does not come back.
OFFENDERS_MAX: Final = 10_000
LONGEST_DOUBLINGS: Final = 20  # Enough to get from a second to any limit.


@dataclass(frozen=True, slots=True)
class Ban:
    """Of an address, an IPv6 /64 or a network; with a user only of that user's sign-in there."""

    source: str
    user: str
    reason: str
    since: float
    until: float  # `inf`: until it is lifted by hand.


class Bans:
    __slots__ = ("_all", "_deadlines", "_networks", "_offences", "hosts", "users")

    def __init__(self) -> None:
        self.hosts: set[str] = set()  # For a quick look: these addresses and /64s are banned.
        self.users: set[tuple[str, str]] = set()  # These are in quarantine.
        self._networks: dict[str, Network] = {}
        self._all: dict[tuple[str, str], Ban] = {}
        self._deadlines = Deadlines()
        self._offences: dict[str, int] = {}  # How often each was banned before.

    def __len__(self) -> int:
        return len(self._all)

    def get(self, source: str, user: str = "") -> Ban | None:
        return self._all.get((source, user))

    def listing(self) -> list[Ban]:
        return list(self._all.values())

    @property
    def has_networks(self) -> bool:
        return bool(self._networks)

    def covers(self, host: str) -> bool:
        """Whether a network that is banned holds this address."""
        return contains(tuple(self._networks.values()), host)

    def seconds(self, source: str, first: float, longest: float) -> float:
        """How long the next ban lasts: twice as long each time."""
        times = min(self._offences.get(source, 0), LONGEST_DOUBLINGS)
        return min(first * 2.0**times, longest)

    def add(self, ban: Ban) -> None:
        key = (ban.source, ban.user)
        if key not in self._all and len(self._all) >= BANS_MAX:
            self._remove(min(self._all, key=lambda other: self._all[other].until))
        self._all[key] = ban
        if ban.user:
            self.users.add(key)
        else:
            self.hosts.add(ban.source)
            if "/" in ban.source and not ban.source.endswith("::/64"):
                self._networks[ban.source] = parse_network(ban.source)
        self._deadlines.arm(_name(key), None if ban.until == inf else ban.until)
        self._offences[ban.source] = self._offences.pop(ban.source, 0) + 1
        if len(self._offences) > OFFENDERS_MAX:
            del self._offences[next(iter(self._offences))]

    def lift(self, source: str, user: str = "") -> Ban | None:
        """By hand: also what it did before is forgiven."""
        ban = self._all.get((source, user))
        if ban is not None:
            self._remove((source, user))
            _ = self._offences.pop(source, None)
        return ban

    @property
    def next_deadline(self) -> float | None:
        return self._deadlines.next

    def take_expired(self, now: float) -> list[Ban]:
        expired: list[Ban] = []
        for name in self._deadlines.take_due(now):
            source, _, user = name.partition(" ")
            ban = self._all.get((source, user))
            if ban is not None:
                self._remove((source, user))
                expired.append(ban)
        return expired

    def _remove(self, key: tuple[str, str]) -> None:
        del self._all[key]
        self._deadlines.arm(_name(key), None)
        self.users.discard(key)
        if not key[1]:
            self.hosts.discard(key[0])
            _ = self._networks.pop(key[0], None)


def _name(key: tuple[str, str]) -> str:
    """A source has no space in it."""
    return f"{key[0]} {key[1]}"
