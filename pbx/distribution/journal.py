"""The journal: inputs with their times as JSON lines, and the replay that gives the same effects.

A file is a row of segments. Each begins with the seed and the configuration, or with the state of
a core that was at work already; the inputs follow, one a line:

    {"journal":1,"seed":7,"config":{...},"clock":[12.0,1795300000.0]}
    {"at":12.5,"is":"CallJoined","call":"c1","queue":"sales","sum":"8f3a01c2"}
    {"digest":"5ad0...","inputs":1,"decisions":2}

Fields that have their default are left out. Times are written so that they read back exactly.
`clock` says which Unix time a moment was, and stands in a line of its own when that has changed;
`sum` is of the effects that the input had, `digest` of all since the segment began.
"""

import marshal
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast, get_args, get_type_hints
from zlib import crc32

from pbx.distribution.config import DistributionConfig
from pbx.distribution.core import Distribution
from pbx.distribution.effects import AgentChanged, Effect, Explanation
from pbx.distribution.errors import ConfigError, ParseError
from pbx.distribution.inputs import Input
from pbx.distribution.journal_values import (
    items_of,
    named_fields,
    object_of,
    read_as,
    read_named,
    renamed,
    text_of,
)

VERSION: Final = 1
DIGEST_BYTES: Final = 16
_INPUTS: Final[dict[str, type]] = {kind.__name__: kind for kind in get_args(Input)}
Value = Any
"""A value whose kind is known only when it runs."""


class Clock(NamedTuple):
    """The same moment on two clocks."""

    monotonic: float
    unix: float

    def unix_of(self, at: float) -> float:
        return at - self.monotonic + self.unix


class Header(NamedTuple):
    """The first line of a segment."""

    config: DistributionConfig
    seed: int
    clock: Clock | None = None
    by: str = ""  # The version that wrote it.
    state: Value = None  # A core at work, as `pbx.snapshot` writes it; `config` is empty then.


class Entry(NamedTuple):
    at: float
    event: Input
    sum: str = ""  # Of its effects; "": not noted.


class Told(NamedTuple):
    """An input as it happened, with the effects that it had."""

    at: float
    event: Input
    effects: list[Effect]


class Digest(NamedTuple):
    """What the inputs of a segment came to so far."""

    text: str
    inputs: int
    decisions: int


Line = Header | Entry | Digest | Clock


class Tally:
    """Counts a segment's inputs and decisions, and digests their effects."""

    __slots__ = ("_hash", "decisions", "inputs")

    def __init__(self) -> None:
        self.inputs = 0
        self.decisions = 0
        self._hash = blake2b(digest_size=DIGEST_BYTES)

    def add(self, at: float, effects: Sequence[Effect]) -> str:
        """The sum for the input's own line; "" if it had no effects."""
        self.inputs += 1
        if not effects:
            return ""
        data = _sum_bytes(at, effects)
        self._hash.update(data)
        self.decisions += len(effects) - [type(effect) for effect in effects].count(AgentChanged)
        return f"{crc32(data):08x}"

    def digest(self) -> Digest:
        return Digest(self._hash.hexdigest(), self.inputs, self.decisions)


def is_decision(effect: Effect) -> bool:
    """Does it make somebody do something? A changed state of an agent is only told."""
    return type(effect) is not AgentChanged


# Of an explanation only what was compared is summed up: it is long.
_COMPARED: Final = ("queue", "how._value_", "key", "round", "ready", "states")


def _summed_fields(kind: type) -> tuple[str, ...]:
    """As `attrgetter` wants them, so that it gives nothing but numbers and texts."""
    names: list[str] = []
    for name, hint in get_type_hints(kind).items():
        if hint is Explanation:
            names += [f"{name}.{compared}" for compared in _COMPARED]
        elif isinstance(hint, type) and issubclass(hint, Enum):
            names.append(f"{name}._value_")
        else:
            names.append(name)
    return tuple(names)


SUMMED: Final[dict[type, tuple[str, ...]]] = {
    kind: _summed_fields(kind) for kind in get_args(Effect)
}
_summed: Final[dict[type, Callable[[Value], tuple[Value, ...]]]] = {
    kind: attrgetter(*names) for kind, names in SUMMED.items()
}
_SUM_FORMAT: Final = 2  # Of marshal: no references, so equal values give equal bytes.


def _sum_bytes(at: float, effects: Sequence[Effect]) -> bytes:
    """Ten times faster than as lines, and every live input pays for it."""
    plain = [(type(effect).__name__, _summed[type(effect)](effect)) for effect in effects]
    return marshal.dumps([at, plain], _SUM_FORMAT)


# --- writing


def header(
    config: DistributionConfig,
    seed: int,
    clock: Clock | None = None,
    *,
    by: str = "",
    state: str = "",
) -> str:
    """The first line of a segment. `state` is JSON, and the configuration is in it."""
    parts = [f'"journal":{VERSION}', f'"seed":{seed}']
    if not state:
        parts.append(f'"config":{text_of(config)}')
    if clock is not None:
        parts.append(f'"clock":{text_of(clock)}')
    if by:
        parts.append(f'"by":{text_of(by)}')
    if state:
        parts.append(f'"state":{state}')
    return "{" + ",".join(parts) + "}"


def line(at: float, event: Input, sum: str = "") -> str:
    """One input as one line, without the line break."""
    text = _line(at, event)
    return f'{text[:-1]},"sum":"{sum}"}}' if sum else text


def effect_line(at: float, effect: Effect) -> str:
    """One effect as one line: for comparing replays, and for people."""
    return _line(at, effect)


def digest_line(digest: Digest) -> str:
    counts = f'"inputs":{digest.inputs},"decisions":{digest.decisions}'
    return f'{{"digest":{text_of(digest.text)},{counts}}}'


def clock_line(clock: Clock) -> str:
    return f'{{"clock":{text_of(clock)}}}'


def _line(at: float, value: Value) -> str:
    kind = value.__class__
    items = items_of(value, named_fields(kind))
    return ",".join([f'{{"at":{text_of(at)},"is":"{kind.__name__}"', *items]) + "}"


# --- reading


def read(text: str) -> Line:
    """Any line. Raises ParseError."""
    data = object_of(text)
    if "is" in data:
        return _entry(data)
    if "journal" in data:
        return _header(data)
    if "digest" in data:
        return cast("Digest", read_named(Digest, data, {"digest": "text"}))
    return _clock(data.get("clock"))


def read_header(text: str) -> Header:
    """Raises ParseError."""
    return _header(object_of(text))


def read_line(text: str) -> Entry:
    """Raises ParseError."""
    return _entry(object_of(text))


def start(text: str) -> Distribution:
    """The core at the beginning of the journal with this first line. Raises ParseError."""
    return first_core(read_header(text))


def first_core(head: Header) -> Distribution:
    """The core that a segment without `state` begins with. Raises ParseError."""
    try:
        return Distribution(head.config, head.seed)
    except ConfigError as error:
        raise ParseError(f"the journal's configuration: {error}") from error


def replay(
    lines: Iterable[str], core: Distribution | None = None, until: float | None = None
) -> Iterator[tuple[Entry, list[Effect]]]:
    """Each input of the journal with the effects it has, up to and including `until`.

    Without `core` the first line is the header. With it, a snapshot taken just before the first
    line given, the replay goes on from there; it is also how to look into the core afterwards.
    For one segment without gaps; `pbx.history.replay` takes whole days.
    """
    rest = iter(lines)
    if core is None:
        core = start(next(rest, ""))
    for text in rest:
        entry = read(text)
        if not isinstance(entry, Entry):
            continue
        if until is not None and entry.at > until:
            return
        try:
            effects = core.apply(entry.event, entry.at)
        except ConfigError:
            effects = []  # It was refused on the day, too.
        yield entry, effects


def _entry(data: dict[str, Value]) -> Entry:
    at, name, sum_ = data.pop("at", None), data.pop("is", None), data.pop("sum", "")
    kind = _INPUTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ParseError(f"unknown input {str(name)[:40]!r}")
    event = read_named(kind, data, renamed(kind))
    return Entry(
        cast("float", read_as(float, at)), cast("Input", event), cast("str", read_as(str, sum_))
    )


def _header(data: dict[str, Value]) -> Header:
    seed = data.get("seed")
    if data.get("journal") != VERSION or type(seed) is not int:
        raise ParseError("not the first line of a journal of this version")
    state = data.get("state")
    config = DistributionConfig()
    if state is None:
        config = cast("DistributionConfig", read_as(DistributionConfig, data.get("config")))
    clock = data.get("clock")
    by = cast("str", read_as(str, data.get("by", "")))
    return Header(config, seed, None if clock is None else _clock(clock), by, state)


def _clock(data: Value) -> Clock:
    return Clock(*cast("tuple[float, float]", read_as(tuple[float, float], data)))
