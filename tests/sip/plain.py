"""State is plain data: it can be written down by a generic walker, and read back."""

from collections import deque
from collections.abc import Iterator
from enum import Enum
from random import Random
from typing import Any, TypeVar, cast

ATOMS = (type(None), bool, int, float, str, bytes)


T = TypeVar("T")


def attributes(value: object) -> Iterator[tuple[str, object]]:
    """Name and value of what is stored in an instance, slots of its bases included."""
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, slot):
                yield slot, getattr(value, slot)
    yield from getattr(value, "__dict__", {}).items()


def rebuild(value: T, path: str = "") -> T:
    """A copy made of nothing but data, without memory of what was shared: a tree.

    AssertionError names the path of anything that is not plain data.
    """
    return cast("T", _rebuild(value, path))


def _rebuild(value: object, path: str) -> object:
    kind: Any = type(value)
    if kind in ATOMS or isinstance(value, Enum):
        return value
    if kind in (list, set, frozenset, deque):
        items: Any = value
        return kind(rebuild(item, f"{path}[]") for item in items)
    if isinstance(value, dict):
        assert kind is dict, f"{path}: {kind}"
        return {
            rebuild(key, f"{path}.key"): rebuild(item, f"{path}[{key!r}]")
            for key, item in value.items()
        }
    if isinstance(value, tuple):
        parts = [rebuild(item, f"{path}[]") for item in value]
        return tuple(parts) if kind is tuple else kind(*parts)
    if isinstance(value, Random):
        dice = Random()
        dice.setstate(value.getstate())
        return dice
    assert kind.__module__.split(".")[0] in ("sip", "media", "pbx"), f"{path}: {kind}"
    assert "<locals>" not in kind.__qualname__, f"{path}: {kind}"
    copy = kind.__new__(kind)
    for name, item in attributes(value):
        object.__setattr__(copy, name, rebuild(item, f"{path}.{name}"))
    return copy
