"""Which hosts a request for a SIP URI may go to, in which order: RFC 3263, RFC 2782, RFC 3403.

    resolve(key, uri) -> Ask … Ask          what is not known yet, for the edge to look up
    on_answer(answer) -> Ask … | Located    until all is known

`locate` does all that is decided: from what is known of the DNS to sites, or to the questions
whose answers are missing. `in_order` draws the order for one request.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final, NamedTuple, TypeVar

from sip.uri import Uri

TTL_SECONDS_MIN: Final = 5.0  # Some zones say 0: each call would wait for the DNS.
TTL_SECONDS_MAX: Final = 86_400.0  # RFC 8767 §4 caps far higher; a day is enough to be wrong.
MISSING_SECONDS: Final = 60.0  # How long "there is no such record" is believed (RFC 2308 §5).
FAILED_SECONDS: Final = 15.0  # How long we leave a DNS alone that does not answer.
STALE_SECONDS_MAX: Final = 7 * 86_400.0  # Old answers used while the DNS is away: RFC 8767 §4.
RECORDS_MAX: Final = 32  # Of one answer; the largest providers have a dozen.
FOREVER: Final = float("inf")  # An address needs no DNS.
STEPS: Final = 1000  # Of one unit of weight.
CACHE_MAX: Final = 4096  # Questions; a trunk asks about six.

_PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
# RFC 3263 §4.1, RFC 7118 §5.4 and the IANA registry of SIP transports.
_SERVICES: Final = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
_SRV_LABELS: Final = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}


class Kind(Enum):
    NAPTR = "NAPTR"
    SRV = "SRV"
    A = "A"
    AAAA = "AAAA"


class Question(NamedTuple):
    name: str  # In lower case, without the dot at its end.
    kind: Kind


class Naptr(NamedTuple):
    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    priority: int
    weight: int
    port: int
    target: str  # "" where the zone has ".": there is no such service here.


Record = Naptr | Srv | str
"""A string is an IP address."""


class End(NamedTuple):
    """Where packets go."""

    transport: str
    host: str  # An IP literal.
    port: int


class Site(NamedTuple):
    """A host of the service, with all its addresses; RFC 2782 says what the figures mean."""

    priority: int
    weight: int
    ends: tuple[End, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    question: Question
    records: tuple[Record, ...] = ()  # None: the name or the type does not exist.
    ttl: float = MISSING_SECONDS
    failed: bool = False  # No answer at all, or a server that cannot say.


@dataclass(frozen=True, slots=True)
class Ask:
    """Look this up and come back with an `Answer`."""

    question: Question


@dataclass(frozen=True, slots=True)
class Located:
    """The answer to `resolve`. Without sites nobody is there, as far as we can tell."""

    key: str
    sites: tuple[Site, ...]
    good_until: float


@dataclass(frozen=True, slots=True)
class Abilities:
    """What we can send over, the preferred one first."""

    transports: tuple[str, ...] = ("udp", "tcp")
    kinds: tuple[Kind, ...] = (Kind.A, Kind.AAAA)


Output = Ask | Located
T = TypeVar("T")
Known = Mapping[Question, tuple[Record, ...]]


@dataclass(slots=True)
class _Entry:
    records: tuple[Record, ...]
    good_until: float
    expired_at: float  # By the zone's own word.


class Resolver:
    """Asks each question once however many wait for it, and remembers the answers."""

    def __init__(self, abilities: Abilities | None = None) -> None:
        self.abilities = abilities or Abilities()
        self._cache: dict[Question, _Entry] = {}
        self._waiting: dict[str, Uri] = {}
        self._asked: set[Question] = set()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def resolve(self, key: str, uri: Uri, now: float) -> list[Output]:
        """`key` is the caller's own; a second `resolve` with it takes the place of the first."""
        self._waiting[key] = uri
        return self._go_on([key], now)

    def on_answer(self, answer: Answer, now: float) -> list[Output]:
        self._asked.discard(answer.question)
        self._remember(answer, now)
        return self._go_on(list(self._waiting), now)

    def forget(self) -> None:
        """The administrator has changed the DNS and will not wait."""
        self._cache.clear()

    def _go_on(self, keys: Iterable[str], now: float) -> list[Output]:
        outputs: list[Output] = []
        for key in keys:
            fresh = {q: e.records for q, e in self._cache.items() if e.good_until > now}
            found = locate(self._waiting[key], fresh, self.abilities)
            if not found.missing:
                del self._waiting[key]
                until = min((self._cache[q].good_until for q in found.used), default=FOREVER)
                outputs.append(Located(key, found.sites, until))
            new = [question for question in found.missing if question not in self._asked]
            self._asked.update(new)
            outputs += [Ask(question) for question in new]
        return outputs

    def _remember(self, answer: Answer, now: float) -> None:
        old = self._cache.pop(answer.question, None)
        while len(self._cache) >= CACHE_MAX:
            del self._cache[next(iter(self._cache))]  # The oldest answer.
        if answer.failed:
            self._cache[answer.question] = _after_failure(old, now)
            return
        ttl = min(max(answer.ttl, TTL_SECONDS_MIN), TTL_SECONDS_MAX)
        if not answer.records:
            ttl = min(ttl, MISSING_SECONDS)
        until = now + ttl
        self._cache[answer.question] = _Entry(answer.records[:RECORDS_MAX], until, until)


def _after_failure(old: _Entry | None, now: float) -> _Entry:
    """Old records are better than none while the DNS is away."""
    if old is None or now >= old.expired_at + STALE_SECONDS_MAX:
        return _Entry((), now + FAILED_SECONDS, now)
    return _Entry(old.records, now + FAILED_SECONDS, old.expired_at)


# --- what is decided


class Found(NamedTuple):
    sites: tuple[Site, ...] = ()
    used: tuple[Question, ...] = ()
    missing: tuple[Question, ...] = ()  # With these the answer may be another one.


def locate(uri: Uri, known: Known, abilities: Abilities) -> Found:
    """RFC 3263 §4.1 and §4.2, as far as `known` goes."""
    walk = _Walk(known, abilities)
    sites = walk.sites(uri)
    if walk.missing:
        return Found(missing=tuple(walk.missing))
    return Found(tuple(sites), tuple(walk.used))


class _Walk:
    """One way through the tree of RFC 3263; an unknown record counts as absent and is noted."""

    def __init__(self, known: Known, abilities: Abilities) -> None:
        self._known = known
        self._abilities = abilities
        self.used: dict[Question, None] = {}
        self.missing: dict[Question, None] = {}

    def sites(self, uri: Uri) -> list[Site]:
        transport = (uri.param("transport") or "").lower()
        if transport == "tcp" and uri.scheme == "sips":
            transport = "tls"  # RFC 3261 §26.2.2: sips over TCP means TLS.
        host = (uri.param("maddr") or uri.host).lower().rstrip(".")
        if _is_address(host) or uri.port is not None or transport not in {"", *_SRV_LABELS}:
            transport = transport or ("tls" if uri.scheme == "sips" else "udp")
            return self._host(host, transport, uri.port or _PORTS.get(transport, 0))
        if transport:
            return self._service(host, [(transport, f"{_SRV_LABELS[transport]}.{host}")])
        return self._by_naptr(host, secure=uri.scheme == "sips")

    def _by_naptr(self, host: str, *, secure: bool) -> list[Site]:
        able = [t for t in self._abilities.transports if not secure or t == "tls"]
        offered = [
            record
            for record in self._ask(host, Kind.NAPTR)
            if isinstance(record, Naptr)
            and record.flags.lower() == "s"
            and _SERVICES.get(record.service.lower()) in able
        ]
        # RFC 3403 §4.1: once a record of some order is usable, higher orders do not count.
        first = min((record.order for record in offered), default=0)
        chosen = sorted((r for r in offered if r.order == first), key=lambda r: r.preference)
        if chosen:
            names = [(_SERVICES[r.service.lower()], r.replacement) for r in chosen]
            return self._service(host, names)
        return self._service(host, [(t, f"{_SRV_LABELS[t]}.{host}") for t in able if t in _PORTS])

    def _service(self, host: str, names: Sequence[tuple[str, str]]) -> list[Site]:
        """The SRV records of these services, the first service first; else the host itself."""
        sites: list[Site] = []
        any_record = False
        for rank, (transport, name) in enumerate(names):
            for record in self._ask(name, Kind.SRV):
                if not isinstance(record, Srv):
                    continue
                any_record = True
                priority = rank * 65_536 + record.priority
                for _, _, ends in self._host(record.target, transport, record.port):
                    sites.append(Site(priority, record.weight, ends))
        if any_record or not names:
            return sites
        transport = names[0][0]  # §4.1: UDP, or TCP or TLS where these were asked for.
        return self._host(host, transport, _PORTS[transport])

    def _host(self, host: str, transport: str, port: int) -> list[Site]:
        if transport not in self._abilities.transports or not host:
            return []
        if _is_address(host):
            return [Site(0, 0, (End(transport, host, port),))]
        found = [r for kind in self._abilities.kinds for r in self._ask(host, kind)]
        ends = tuple(End(transport, r, port) for r in found if isinstance(r, str))
        return [Site(0, 0, ends)] if ends else []

    def _ask(self, name: str, kind: Kind) -> tuple[Record, ...]:
        question = Question(name.lower().rstrip("."), kind)
        records = self._known.get(question)
        if records is None:
            self.missing[question] = None
            return ()
        self.used[question] = None
        return records


def in_order(sites: Sequence[Site], rng: Random) -> list[End]:
    """The order for one request: by priority, within it by chance and weight (RFC 2782)."""
    ends: list[End] = []
    for priority in sorted({site.priority for site in sites}):
        # Those of weight 0 first, so that they get their small chance.
        left = sorted((s for s in sites if s.priority == priority), key=lambda s: s.weight > 0)
        for site in drawn(left, [site.weight for site in left], rng):
            ends += [end for end in site.ends if end not in ends]
    return ends


def drawn(items: Sequence[T], weights: Sequence[int], rng: Random) -> list[T]:
    """All of them, each next one drawn among the rest in proportion to its weight.

    RFC 2782 draws from 0 to the sum, both included. In whole numbers that favours the first of
    small weights, so the steps are finer; those of weight 0, who stand first, keep a small chance.
    """
    left = [(item, weight * STEPS) for item, weight in zip(items, weights, strict=True)]
    order: list[T] = []
    while left:
        total = sum(weight for _, weight in left)
        if total == 0:
            order.append(left.pop(rng.randrange(len(left)))[0])
            continue
        threshold = rng.randint(0, total)
        running = 0
        for place, (item, weight) in enumerate(left):
            running += weight
            if running >= threshold:
                order.append(item)
                del left[place]
                break
    return order


def _is_address(host: str) -> bool:
    try:
        _ = ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
