"""Values as the text of a journal: dataclasses, enums, tuples and numbers to JSON and back.

Dataclasses become objects without the fields that have their default, enums their values, tuples
lists. What is written of a kind of value is worked out once: a live input pays for each line.
"""

import json
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from json.encoder import encode_basestring_ascii
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Final, TypeGuard, cast, get_args, get_origin, get_type_hints

from pbx.distribution.errors import ParseError

# The state of 50,000 agents is about 80 MB; whatever is far above that is not ours.
TEXT_MAX: Final = 256 * 1024 * 1024
# What a line says beside the fields of its value; a field of the same name gets a "_".
RESERVED: Final = frozenset({"at", "is", "sum"})

Value = Any
"""Anything that a field may hold, or the JSON of it."""

Table = tuple[tuple[str, str, Value], ...]
"""Of a dataclass's fields: name, `"name":`, default."""


@cache
def named_fields(kind: Value) -> Table:
    """For a line of its own."""
    return tuple(
        (name, f'"{name}_":' if name in RESERVED else key, default)
        for name, key, default in _fields(kind)
    )


@cache
def _fields(kind: Value) -> Table:
    return tuple((field.name, f'"{field.name}":', _default(field)) for field in fields(kind))


def _default(field: Field[Any]) -> Value:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def items_of(value: Value, table: Table) -> list[str]:
    parts: list[str] = []
    for name, key, default in table:
        item = getattr(value, name)
        if item is not default and item != default:
            write = _WRITERS.get(item.__class__)
            parts.append(key + (text_of(item) if write is None else write(item)))
    return parts


def text_of(value: Value) -> str:
    """The JSON of it."""
    kind = value.__class__
    write = _WRITERS.get(kind)
    if write is None:
        write = _WRITERS[kind] = _writer(kind)
    return write(value)


def _float_text(value: float) -> str:
    if not isfinite(value):
        raise ValueError(f"{value} is not a number that JSON knows")
    return float.__repr__(value)


def _writer(kind: Value) -> Callable[[Value], str]:
    """Dataclasses become objects without their defaults, enums their values, tuples lists."""
    if is_dataclass(kind):
        table = _fields(cast("Value", kind))
        return lambda value: "{" + ",".join(items_of(value, table)) + "}"
    if issubclass(kind, Enum):
        texts = {id(member): text_of(member.value) for member in kind}  # Their hashes are slow.
        return lambda value: texts[id(value)]
    if issubclass(kind, tuple):
        return lambda value: "[" + ",".join([text_of(item) for item in value]) + "]"
    raise ValueError(f"a {kind.__name__} has no place in a journal")


_WRITERS: Final[dict[type, Callable[[Value], str]]] = {
    str: encode_basestring_ascii,
    float: _float_text,
    int: int.__repr__,
    bool: lambda value: "true" if value else "false",
    NoneType: lambda value: "null",
}


# --- reading


def object_of(text: str) -> dict[str, Value]:
    if len(text) > TEXT_MAX:
        raise ParseError("the line is too long")
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ParseError("not an object")
    return cast("dict[str, Value]", data)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def read_as(kind: Value, data: Value) -> Value:
    """`data` as a value of the type `kind`."""
    return _reader(kind)(data)


@cache
def _reader(kind: Value) -> Callable[[Value], Value]:
    origin: object = get_origin(kind)
    if origin is tuple:
        return _tuple_reader(get_args(kind))
    if origin is UnionType:
        inner = next(kind for kind in get_args(kind) if kind is not NoneType)
        return lambda data: None if data is None else read_as(inner, data)
    if is_dataclass(kind):
        return lambda data: read_named(cast("type", kind), data, {})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_reader(kind)
    if kind is float:
        return _read_float
    return lambda data: _exactly(cast("type", kind), data)


def _is_list(value: Value) -> TypeGuard[list[Value]]:
    return isinstance(value, list)


def _exactly(kind: type, data: Value) -> Value:
    if type(data) is not kind:
        raise ParseError(f"{str(data)[:40]!r} is not a {kind}")
    return data


def _read_float(data: Value) -> float:
    if type(data) is float and isfinite(data):
        return data
    if type(data) is int:
        try:
            return float(data)
        except OverflowError:
            pass
    raise ParseError(f"{str(data)[:40]!r} is not a number of seconds")


def _enum_reader(kind: type[Enum]) -> Callable[[Value], Value]:
    def read_enum(data: Value) -> Value:
        try:
            return kind(data)
        except ValueError as error:
            raise ParseError(str(error)) from error

    return read_enum


def _tuple_reader(kinds: tuple[Any, ...]) -> Callable[[Value], Value]:
    def read_tuple(data: Value) -> Value:
        if not _is_list(data):
            raise ParseError(f"{str(data)[:40]!r} is not a list")
        if kinds[-1] is Ellipsis:
            return tuple([read_as(kinds[0], item) for item in data])
        if len(data) != len(kinds):
            raise ParseError(f"expected {len(kinds)} items, not {len(data)}")
        return tuple([read_as(kind, item) for kind, item in zip(kinds, data, strict=True)])

    return read_tuple


@cache
def renamed(kind: Value) -> dict[str, str]:
    """The names that its fields have in a line, where those are not their own."""
    return {f"{field.name}_": field.name for field in fields(kind) if field.name in RESERVED}


@cache
def _readers(kind: Value) -> dict[str, Callable[[Value], Value]]:
    return {name: _reader(hint) for name, hint in get_type_hints(kind).items()}


def read_named(kind: type, data: Value, renamed: dict[str, str]) -> Value:
    if not isinstance(data, dict):
        raise ParseError(f"{str(data)[:40]!r} is not an object")
    readers = _readers(kind)
    values: dict[str, Value] = {}
    for key, item in cast("dict[str, Value]", data).items():
        name = renamed.get(key, key) if renamed else key
        reader = readers.get(name)
        if reader is None:
            raise ParseError(f"{kind.__name__} has no {key[:40]!r}")
        values[name] = reader(item)
    try:
        return kind(**values)
    except TypeError as error:
        raise ParseError(f"{kind.__name__}: {error}") from error
