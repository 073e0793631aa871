"""Who is listened to at all: decided by the source, before a byte is parsed.

Three kinds of sources. *Allowed* ones (by configuration) are never held up. *Friends* are those
from which somebody has lately proved a password: an office with fifty phones behind one address
must not go dark because one of them has a wrong password, or because a stranger writes its address
on forged datagrams. All others are *strangers*: a few requests each, no scanners, and soon a ban.

A wrong password counts as proven only if it answers a nonce that we gave to that very address, for
who forges his address never sees the nonce.

Everything is bounded, and forgotten from the oldest on; a source is an address, of IPv6 a /64.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Network, ip_network
from typing import Final, NamedTuple, TypeVar

from sip.bans import Ban, Bans
from sip.flow import Address, Flow
from sip.networks import Network, contains, parse_network

STRANGERS_MAX: Final = 20_000  # 6 MB. Who is forgotten begins anew, with nothing but its bucket.
FRIENDS_MAX: Final = 20_000
USERS_MAX: Final = 2_000  # Of one friend.
TALLIES_MAX: Final = 4_096
FRIEND_SECONDS: Final = 7200.0  # Since the last right password: two registrations of an hour.
FRIEND_RATE: Final = 2_000.0  # Messages a second of all phones of an office together.
FRIEND_BURST: Final = 10_000.0  # 500 phones that all come back after a power cut.
NO_LIMIT: Final = 1e12  # Of those who are allowed.
# Of one phone, in REFUSALS_SECONDS; then it is not answered for MUTE. A whole office may be behind
# one proxy: each of its users may be refused once more, a right password makes up for a refusal.
REFUSALS_MAX: Final = 50
REFUSALS_SECONDS: Final = 10.0
MUTE_SECONDS: Final = 10.0
HEAD_BYTES_MAX: Final = 4_096  # Of a stranger's datagram, in which its program is looked for.
SITE_BITS: Final = 64  # Of an IPv6 address.

K = TypeVar("K")

SCANNERS: Final = (
    *("friendly-scanner", "friendly-request", "sipvicious", "sipcli", "sip-scan"),
    *("sundayddr", "iwar", "vaxsipuseragent", "pplsip", "gulp", "siparmyknife", "smap"),
)
# What goes on although a phone is muted: answers, and the ends of its calls.
_GOES_ON: Final = (b"SIP/2.0 ", b"ACK ", b"BYE ", b"CANCEL ")


@dataclass(frozen=True, slots=True)
class GuardConfig:
    allow: tuple[str, ...] = ()  # Addresses and networks.
    wrong_max: int = 10  # Wrong passwords within `window`, then comes the ban.
    unanswered_max: int = 50  # Requests without credentials within `window`, likewise.
    window: float = 600.0
    ban_seconds: float = 600.0  # The first time; twice as long each further time,
    ban_seconds_max: float = 86_400.0  # but no longer than this.
    rate: float = 20.0  # Datagrams a second from a stranger,
    burst: float = 100.0  # after so many at once.
    scanners: tuple[str, ...] = SCANNERS


class Banned(NamedTuple):
    """From now on nothing is heard from this source, or nothing for this user there."""

    source: str
    user: str
    reason: str
    seconds: float


class Unbanned(NamedTuple):
    source: str
    user: str
    by: str  # "time" or "hand".


@dataclass(slots=True)
class _Source:
    """A token bucket, and what is known against it."""

    tokens: float
    at: float  # When the tokens were counted.
    rate: float
    burst: float
    since: float = 0.0  # Beginning of the window of the counts.
    unanswered: int = 0
    wrong: int = 0
    users: dict[str, float] = field(default_factory=dict[str, float])  # Who was right, and when.


@dataclass(slots=True)
class _Tally:
    since: float
    count: int = 0


def source_of(host: str) -> str:
    """What is counted as one: an IPv6 customer has a /64 at least."""
    return _prefix_of(host) if ":" in host else host


@lru_cache(maxsize=8192)
def _prefix_of(host: str) -> str:
    try:
        return str(IPv6Network((host.partition("/")[0].partition("%")[0], 64), strict=False))
    except ValueError:
        return host


def parse_source(text: str) -> str:
    """An address or a network that somebody typed, as it is counted here. ValueError if neither."""
    network = ip_network(text.strip(), strict=False)
    if network.prefixlen == network.max_prefixlen or (
        network.version == 6 and network.prefixlen > SITE_BITS
    ):
        return source_of(str(network.network_address))
    return str(network)


class Guard:
    def __init__(self, config: GuardConfig) -> None:
        self.counters = {"dropped": 0, "muted": 0, "quarantined": 0, "scanners": 0}
        self.bans = Bans()
        self.friends: dict[str, _Source] = {}  # Always the same table.
        self._strangers: dict[str, _Source] = {}
        self._wrong: dict[tuple[str, str], _Tally] = {}  # Of a user at a friend.
        self._refusals: dict[Address, _Tally] = {}
        self._muted: dict[Address, float] = {}  # Until when.
        self._allow: tuple[Network, ...] = ()
        self._peers: tuple[Network, ...] = ()  # Allowed, too: providers.
        self._scanners: tuple[bytes, ...] = ()
        self.configure(config)

    def configure(self, config: GuardConfig) -> None:
        self.config = config
        self._allow = tuple(parse_network(network) for network in config.allow)
        self._scanners = tuple(word.lower().encode() for word in config.scanners)
        for host in [host for host in self.friends if not self.friends[host].users]:
            del self.friends[host]  # They were allowed; perhaps they are again.
        self._strangers.clear()

    def allow_peers(self, networks: tuple[Network, ...]) -> None:
        """Providers that may call us without a password."""
        if networks != self._peers:
            self._peers = networks
            self._strangers.clear()

    # --- before anything is parsed --------------------------------------------------------------

    def drops(self, data: bytes, flow: Flow, now: float) -> list[Banned] | None:
        """None: listen to it. A list: do not; in it are the bans that this has brought."""
        host = flow.remote[0]
        if ":" in host:
            host = source_of(host)
        source = self.friends.get(host)
        if source is None:
            return self._drops_stranger(host, data, now)
        tokens = source.tokens + (now - source.at) * source.rate
        source.at = now
        if tokens > source.burst:
            tokens = source.burst
        if tokens < 1.0:
            source.tokens = tokens
            self.counters["dropped"] += 1
            return []
        source.tokens = tokens - 1.0
        if self._muted and flow.remote in self._muted:
            return self._drops_muted(data, flow, now)
        return None

    def refuses(self, host: str) -> bool:
        """Whether no connection is taken from there."""
        host = source_of(host)
        if host in self.bans.hosts:
            return True
        return self.bans.has_networks and host not in self.friends and self.bans.covers(host)

    def is_friend(self, host: str) -> bool:
        return source_of(host) in self.friends

    def _drops_stranger(self, host: str, data: bytes, now: float) -> list[Banned] | None:
        if host in self.bans.hosts:
            self.counters["dropped"] += 1
            return []
        source = self._strangers.get(host)
        if source is None:
            source = self._new(host, now)
            if source is None:
                return None
        tokens = min(source.burst, source.tokens + (now - source.at) * source.rate)
        source.at = now
        source.tokens = max(0.0, tokens - 1.0)
        if tokens < 1.0:
            self.counters["dropped"] += 1
            return []
        if self._scanners and self._is_scanner(data):
            self.counters["scanners"] += 1
            return self._ban(host, "", "scanner", now)
        return None

    def _is_scanner(self, data: bytes) -> bool:
        """By the name of the program, which few bother to change."""
        head = data[:HEAD_BYTES_MAX].lower()
        begin = head.find(b"user-agent")
        if begin < 0:
            return False
        name = head[begin : head.find(b"\n", begin)]
        return any(word in name for word in self._scanners)

    def _new(self, host: str, now: float) -> _Source | None:
        """A stranger; None if it is allowed to do anything."""
        plain = host.partition("/")[0]
        if contains(self._allow, plain) or contains(self._peers, plain):
            self._befriend(host, _Source(NO_LIMIT, now, NO_LIMIT, NO_LIMIT))
            return None
        config = self.config
        source = _Source(config.burst, now, config.rate, config.burst, now)
        if self.bans.has_networks and self.bans.covers(plain):
            source.tokens = source.rate = source.burst = 0.0
        if len(self._strangers) >= STRANGERS_MAX:
            del self._strangers[next(iter(self._strangers))]
        self._strangers[host] = source
        return source

    def _drops_muted(self, data: bytes, flow: Flow, now: float) -> list[Banned] | None:
        if now >= self._muted[flow.remote]:
            del self._muted[flow.remote]
            return None
        if data.startswith(_GOES_ON):
            return None
        self.counters["muted"] += 1
        return []

    # --- what became of a request ---------------------------------------------------------------

    def on_admitted(self, flow: Flow, username: str, now: float) -> None:
        """A right password."""
        host = source_of(flow.remote[0])
        friend = self.friends.pop(host, None)
        if friend is None:
            _ = self._strangers.pop(host, None)
            friend = _Source(FRIEND_BURST, now, FRIEND_RATE, FRIEND_BURST, now)
        self._befriend(host, friend)
        if friend.rate == NO_LIMIT:
            return
        if username not in friend.users and len(friend.users) >= USERS_MAX:
            del friend.users[next(iter(friend.users))]
        friend.users[username] = now
        if self._wrong:
            _ = self._wrong.pop((host, username), None)
        if self._refusals and (tally := self._refusals.get(flow.remote)) is not None:
            tally.count -= 1
            if tally.count <= 0:
                del self._refusals[flow.remote]

    def _befriend(self, host: str, source: _Source) -> None:
        """It was not in the table: so it becomes the latest."""
        if len(self.friends) >= FRIENDS_MAX:
            del self.friends[next(iter(self.friends))]
        self.friends[host] = source

    def on_called(self, flow: Flow, now: float) -> None:
        """We send a request there, so its answers are welcome."""
        host = source_of(flow.remote[0])
        friend = self.friends.get(host)
        if friend is None and host not in self.bans.hosts:
            self.on_admitted(flow, "", now)
        elif friend is not None and "" in friend.users:
            friend.users[""] = now

    def on_unanswered(self, flow: Flow, now: float) -> list[Banned]:
        """A request without credentials: everybody's first, and a scanner's only one."""
        host = source_of(flow.remote[0])
        source = self._counted(host, now)
        if source is None:
            return []
        if source.users:
            return self._on_tally(flow.remote, source, now)
        source.unanswered += 1
        if source.unanswered <= self.config.unanswered_max:
            return []
        return self._ban(host, "", "scan", now)

    def on_refused(self, flow: Flow, now: float) -> list[Banned]:
        """Anything else that was refused: a phone that asks again and again."""
        return self.on_unanswered(flow, now)

    def on_wrong(self, flow: Flow, username: str, proven: bool, now: float) -> list[Banned]:
        """A wrong password, or an unknown user."""
        host = source_of(flow.remote[0])
        source = self._counted(host, now)
        if source is None:
            return []
        limit = self.config.wrong_max
        source.wrong += 1
        if not source.users:
            return self._ban(host, "", "password", now) if source.wrong >= limit else []
        if not proven:
            return self._on_tally(flow.remote, source, now)
        tally = self._tally(self._wrong, (host, username), self.config.window, now)
        tally.count += 1
        # Each who is right there forgives the wrong passwords of another.
        if source.wrong >= limit * (1 + len(source.users)):
            return self._ban(host, "", "password", now)
        if tally.count < limit:
            return []
        del self._wrong[host, username]
        return self._ban(host, username, "password", now)

    def is_quarantined(self, flow: Flow, username: str) -> bool:
        """Whether this user's password is not even looked at there. Ask if `bans.users`."""
        found = (source_of(flow.remote[0]), username) in self.bans.users
        self.counters["quarantined"] += found
        return found

    def _counted(self, host: str, now: float) -> _Source | None:
        """The source, its counts of this window; None if it is allowed to do anything."""
        source = self.friends.get(host)
        if source is not None:
            if source.rate == NO_LIMIT:
                return None
            if now - max(source.users.values()) > FRIEND_SECONDS:
                del self.friends[host]
                source = None
        source = source or self._strangers.get(host) or self._new(host, now)
        if source is None:
            return None
        if now - source.since > self.config.window:
            source.since, source.unanswered, source.wrong = now, 0, 0
            if source.users:
                fresh = {u: at for u, at in source.users.items() if now - at <= FRIEND_SECONDS}
                source.users = fresh
        return source

    def _on_tally(self, address: Address, friend: _Source, now: float) -> list[Banned]:
        tally = self._tally(self._refusals, address, REFUSALS_SECONDS, now)
        tally.count += 1
        if tally.count > REFUSALS_MAX + len(friend.users):
            del self._refusals[address]
            if len(self._muted) >= TALLIES_MAX:
                del self._muted[next(iter(self._muted))]
            self._muted[address] = now + MUTE_SECONDS
        return []

    @staticmethod
    def _tally(tallies: dict[K, _Tally], key: K, window: float, now: float) -> _Tally:
        tally = tallies.get(key)
        if tally is None or now - tally.since > window:
            if tally is None and len(tallies) >= TALLIES_MAX:
                del tallies[next(iter(tallies))]
            tally = tallies[key] = _Tally(now)
        return tally

    # --- bans -----------------------------------------------------------------------------------

    def _ban(self, host: str, user: str, reason: str, now: float) -> list[Banned]:
        if (host in self.bans.hosts) if not user else ((host, user) in self.bans.users):
            return []
        config = self.config
        seconds = self.bans.seconds(host, config.ban_seconds, config.ban_seconds_max)
        return self.ban(host, reason, seconds, now, user)

    def ban(
        self, source: str, reason: str, seconds: float, now: float, user: str = ""
    ) -> list[Banned]:
        """An address or a network; for ever with `inf`. Nobody who is allowed is banned."""
        if self.is_allowed(source):
            return []
        self.bans.add(Ban(source, user, reason, now, now + seconds))
        if not user:
            self._forget(source)
        return [Banned(source, user, reason, seconds)]

    def restore(self, ban: Ban) -> None:
        """One of before a restart."""
        if not self.is_allowed(ban.source):
            self.bans.add(ban)

    def unban(self, source: str, user: str = "") -> list[Unbanned]:
        if self.bans.lift(source, user) is None:
            return []
        self._forget(source)
        return [Unbanned(source, user, "hand")]

    def is_allowed(self, source: str) -> bool:
        host = source.partition("/")[0]
        return contains(self._allow, host) or contains(self._peers, host)

    def _forget(self, source: str) -> None:
        if "/" in source:
            self._strangers.clear()
            network = (parse_network(source),)
            for host in [h for h in self.friends if contains(network, h.partition("/")[0])]:
                del self.friends[host]
        _ = self._strangers.pop(source, None)
        _ = self.friends.pop(source, None)

    @property
    def next_deadline(self) -> float | None:
        return self.bans.next_deadline

    def on_time(self, now: float) -> list[Unbanned]:
        return [Unbanned(ban.source, ban.user, "time") for ban in self.bans.take_expired(now)]
