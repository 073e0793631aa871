"""The journal: inputs with their times as JSON lines, and the replay that gives the same effects.

The first line holds the seed and the configuration, each further one an input:

    {"journal":1,"seed":7,"config":{...}}
    {"at":12.5,"is":"CallJoined","call":"c1","queue":"sales"}

Fields that have their default are left out. Times are written so that they read back exactly.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Final, NamedTuple, TypeGuard, cast, get_args, get_origin, get_type_hints

from pbx.distribution.config import DistributionConfig
from pbx.distribution.core import Distribution
from pbx.distribution.effects import Effect
from pbx.distribution.errors import ConfigError, ParseError
from pbx.distribution.inputs import Input

VERSION: Final = 1
# A configuration of 10,000 agents is about 2 MB; whatever is far above that is not ours.
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
_INPUTS: Final[dict[str, type]] = {kind.__name__: kind for kind in get_args(Input)}


_Value = Any
"""Anything that a field of an input may hold, or the JSON of it."""


class Entry(NamedTuple):
    at: float
    event: Input


def header(config: DistributionConfig, seed: int) -> str:
    """The first line."""
    return _text({"journal": VERSION, "seed": seed, "config": _plain(config)})


def line(at: float, event: Input) -> str:
    """One input as one line, without the line break."""
    return _text({"at": at, "is": type(event).__name__, **_plain(event)})


def effect_line(at: float, effect: Effect) -> str:
    """One effect as one line: for comparing replays, and for people."""
    return _text({"at": at, "is": type(effect).__name__, **_plain(effect)})


def read_header(text: str) -> tuple[DistributionConfig, int]:
    """Raises ParseError."""
    data = _object(text)
    seed = data.get("seed")
    if data.get("journal") != VERSION or type(seed) is not int:
        raise ParseError("not the first line of a journal of this version")
    return cast("DistributionConfig", _read(DistributionConfig, data.get("config"))), seed


def read_line(text: str) -> Entry:
    """Raises ParseError."""
    data = _object(text)
    at, name = data.pop("at", None), data.pop("is", None)
    kind = _INPUTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ParseError(f"unknown input {str(name)[:40]!r}")
    return Entry(cast("float", _read(float, at)), cast("Input", _read(kind, data)))


def start(text: str) -> Distribution:
    """The core at the beginning of the journal with this first line. Raises ParseError."""
    config, seed = read_header(text)
    try:
        return Distribution(config, seed)
    except ConfigError as error:
        raise ParseError(f"the journal's configuration: {error}") from error


def replay(
    lines: Iterable[str], core: Distribution | None = None, until: float | None = None
) -> Iterator[tuple[Entry, list[Effect]]]:
    """Each input of the journal with the effects it has, up to and including `until`.

    Without `core` the first line is the header. With it, a snapshot taken just before the first
    line given, the replay goes on from there; it is also how to look into the core afterwards.
    """
    rest = iter(lines)
    if core is None:
        core = start(next(rest, ""))
    for text in rest:
        entry = read_line(text)
        if until is not None and entry.at > until:
            return
        try:
            effects = core.apply(entry.event, entry.at)
        except ConfigError:
            effects = []  # It was refused on the day, too.
        yield entry, effects


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def _object(text: str) -> dict[str, Any]:
    if len(text) > LINE_BYTES_MAX:
        raise ParseError("the line is too long")
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ParseError("not an object")
    return cast("dict[str, Any]", data)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _plain(value: _Value) -> _Value:
    """Dataclasses become objects without their defaults, enums their values, tuples lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(item)
            for field in fields(value)
            if (item := getattr(value, field.name)) != _default(field)
        }
    if isinstance(value, Enum):
        return value.value
    if _is_tuple(value):
        return [_plain(item) for item in value]
    return value


def _is_tuple(value: _Value) -> TypeGuard[tuple[_Value, ...]]:
    return isinstance(value, tuple)


def _is_list(value: _Value) -> TypeGuard[list[_Value]]:
    return isinstance(value, list)


def _default(field: Field[Any]) -> _Value:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def _read(kind: _Value, data: _Value) -> _Value:
    """`data` as a value of the type `kind`."""
    origin: object = get_origin(kind)
    if origin is tuple:
        return _read_tuple(get_args(kind), data)
    if origin is UnionType:
        return None if data is None else _read(_not_none(get_args(kind)), data)
    if is_dataclass(kind):
        return _read_dataclass(cast("type", kind), data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as error:
            raise ParseError(str(error)) from error
    if kind is float:
        if type(data) in (int, float) and _is_finite(data):
            return float(data)
    elif type(data) is kind:
        return data
    raise ParseError(f"{str(data)[:40]!r} is not a {kind}")


def _is_finite(number: float) -> bool:
    try:
        return isfinite(float(number))
    except OverflowError:
        return False


def _not_none(kinds: tuple[Any, ...]) -> _Value:
    return next(kind for kind in kinds if kind is not NoneType)


def _read_tuple(kinds: tuple[Any, ...], data: _Value) -> tuple[Any, ...]:
    if not _is_list(data):
        raise ParseError(f"{str(data)[:40]!r} is not a list")
    if kinds[-1] is Ellipsis:
        return tuple(_read(kinds[0], item) for item in data)
    if len(data) != len(kinds):
        raise ParseError(f"expected {len(kinds)} items, not {len(data)}")
    return tuple(_read(kind, item) for kind, item in zip(kinds, data, strict=True))


def _read_dataclass(kind: type, data: _Value) -> _Value:
    if not isinstance(data, dict):
        raise ParseError(f"{str(data)[:40]!r} is not an object")
    hints = get_type_hints(kind)
    values = cast("dict[str, Any]", data)
    unknown = values.keys() - hints.keys()
    if unknown:
        raise ParseError(f"{kind.__name__} has no {sorted(unknown)[0][:40]!r}")
    try:
        return kind(**{name: _read(hints[name], item) for name, item in values.items()})
    except TypeError as error:
        raise ParseError(f"{kind.__name__}: {error}") from error
