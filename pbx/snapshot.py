"""Write a tree of our own objects down as plain JSON values, and read it back.

Works on anything whose state is plain data: numbers, text, bytes, containers, enums, `Random` and
instances of
classes of `sip`, `media` and `pbx`. Whatever is not (a function, a socket, a task) is refused by
name, which is how
the rule "state is plain data" is kept. Shared objects stay shared, cycles are allowed.
"""

# A walker over anything: its values have no types that could be known.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

import base64
import importlib
from collections import deque
from enum import Enum
from random import Random
from typing import Any, Final

PACKAGES: Final = ("sip.", "media.", "pbx.", "tests.")
"""Only classes of these packages are ever created from a snapshot: it is data, not code."""

Plain = Any
"""None, bool, int, float, str, or a list of these whose first item names its kind."""


class SnapshotError(Exception):
    """Something in the tree is not plain data, or the data is not a snapshot."""


def freeze(root: object) -> Plain:
    """Everything reachable from `root` as JSON values. Raises SnapshotError with the path of what
    cannot be."""
    return _Freezer().freeze(root, type(root).__name__)


def thaw(data: Plain) -> Any:  # noqa: ANN401
    """The tree that `freeze` wrote. Raises SnapshotError."""
    return _Thawer().thaw(data)


class _Freezer:
    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._keep: list[object] = []  # An id is only unique while its object lives.

    def freeze(self, value: Any, path: str) -> Plain:  # noqa: ANN401
        if value is None or (
            isinstance(value, bool | int | float | str) and not isinstance(value, Enum)
        ):
            return value
        if isinstance(value, bytes):
            return ["b", base64.b64encode(value).decode("ascii")]
        if isinstance(value, Enum):
            return ["e", _name(type(value), path), value.name]
        if isinstance(value, tuple):
            return self._tuple(value, path)
        if isinstance(value, frozenset):
            return ["f", [self.freeze(item, path) for item in sorted(value, key=repr)]]
        number = self._seen.get(id(value))
        if number is not None:
            return ["#", number]
        number = self._seen[id(value)] = len(self._seen)
        self._keep.append(value)
        return self._mutable(value, number, path)

    def _tuple(self, value: tuple[Any, ...], path: str) -> Plain:
        items = [self.freeze(item, f"{path}[{n}]") for n, item in enumerate(value)]
        if type(value) is tuple:
            return ["t", items]
        return ["n", _name(type(value), path), items]

    def _mutable(self, value: Any, number: int, path: str) -> Plain:  # noqa: ANN401
        if isinstance(value, list):
            return ["l", number, [self.freeze(v, f"{path}[{n}]") for n, v in enumerate(value)]]
        if isinstance(value, dict):
            pairs = [
                [self.freeze(k, f"{path} key"), self.freeze(v, f"{path}[{k!r}]")]
                for k, v in value.items()
            ]
            return ["d", number, pairs, _name(type(value), path) if type(value) is not dict else ""]
        if isinstance(value, set):
            return ["s", number, [self.freeze(v, path) for v in sorted(value, key=repr)]]
        if isinstance(value, deque):
            return ["q", number, [self.freeze(v, path) for v in value], value.maxlen]
        if isinstance(value, Random):
            return ["r", number, self.freeze(value.getstate(), path)]
        name = _name(type(value), path)
        return ["o", number, name, {k: self.freeze(v, f"{path}.{k}") for k, v in _state(value)}]


class _Thawer:
    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def thaw(self, data: Plain) -> Any:  # noqa: ANN401
        if not isinstance(data, list):
            return data
        match data:
            case ["b", str(text)]:
                return base64.b64decode(text)
            case ["e", name, member]:
                return _class(name)[member]
            case ["t", items]:
                return tuple(self.thaw(item) for item in items)
            case ["n", name, items]:
                return _class(name)(*(self.thaw(item) for item in items))
            case ["f", items]:
                return frozenset(self.thaw(item) for item in items)
            case ["#", number]:
                return self._made[number]
            case [str(kind), int(number), *rest]:
                return self._mutable(kind, number, rest)
            case _:
                raise SnapshotError(f"not a snapshot: {str(data)[:80]}")

    def _mutable(self, kind: str, number: int, rest: list[Any]) -> Any:  # noqa: ANN401
        made: Any
        match kind, rest:
            case "l", [items]:
                made = self._made[number] = []
                made.extend(self.thaw(item) for item in items)
            case "d", [pairs, name]:
                made = self._made[number] = _class(name)() if name else {}
                for key, value in pairs:
                    made[self.thaw(key)] = self.thaw(value)
            case "s", [items]:
                made = self._made[number] = set()
                made.update(self.thaw(item) for item in items)
            case "q", [items, maxlen]:
                made = self._made[number] = deque(maxlen=maxlen)
                made.extend(self.thaw(item) for item in items)
            case "r", [state]:
                made = self._made[number] = Random()
                made.setstate(self.thaw(state))
            case "o", [name, fields]:
                cls = _class(name)
                if hasattr(cls, "__struct_fields__"):  # Made as a whole, so never in a cycle.
                    values = {key: self.thaw(value) for key, value in fields.items()}
                    made = self._made[number] = cls(**values)
                    return made
                made = self._made[number] = cls.__new__(cls)
                for key, value in fields.items():
                    object.__setattr__(made, key, self.thaw(value))
            case _:
                raise SnapshotError(f"unknown kind {kind!r}")
        return made


def _state(value: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    fields: dict[str, Any] = dict(getattr(value, "__dict__", {}))
    for cls in type(value).__mro__:
        for slot in (
            [cls.__dict__["__slots__"]]
            if isinstance(cls.__dict__.get("__slots__"), str)
            else cls.__dict__.get("__slots__", ())
        ):
            attribute = f"_{cls.__name__.lstrip('_')}{slot}" if _private(slot) else slot
            if slot not in ("__dict__", "__weakref__") and hasattr(value, attribute):
                fields[attribute] = getattr(value, attribute)
    for slot in getattr(value, "__struct_fields__", ()):
        fields[slot] = getattr(value, slot)
    return list(fields.items())


def _private(slot: str) -> bool:
    return slot.startswith("__") and not slot.endswith("__")


def _name(cls: type, path: str) -> str:
    if not cls.__module__.startswith(PACKAGES) or "<" in cls.__qualname__:
        raise SnapshotError(f"{path} is a {cls.__module__}.{cls.__qualname__}, not plain data")
    return f"{cls.__module__}:{cls.__qualname__}"


def _class(name: str) -> Any:  # noqa: ANN401
    module, _, qualname = name.partition(":")
    if not module.startswith(PACKAGES):
        raise SnapshotError(f"{name} is not one of our classes")
    found: Any = importlib.import_module(module)
    try:
        for part in qualname.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise SnapshotError(f"{name} does not exist any more") from error
    if not isinstance(found, type):
        raise SnapshotError(f"{name} is not a class")
    return found
