import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.snapshot import SnapshotError, freeze, thaw


class Colour(Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: float


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    data: bytes = b""


@dataclass(slots=True)
class Node:
    leaf: Leaf
    children: list["Node"] = field(default_factory=list["Node"])
    parent: "Node | None" = None


class Machine:
    __slots__ = ("__secret", "heap", "rng")

    def __init__(self) -> None:
        self.heap = [(1.5, "a"), (2.5, "b")]
        self.rng = Random(7)
        self.__secret = 42

    def secret(self) -> int:
        return self.__secret


def there_and_back(value: object) -> Any:  # noqa: ANN401
    return thaw(json.loads(json.dumps(freeze(value))))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.lists(inner).map(deque)
        | st.sets(st.integers())
        | st.frozensets(st.text())
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back_equal(value: object) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


def test_objects_enums_and_named_tuples() -> None:
    for value in (Colour.RED, Point(1, 2.0), Leaf("x", b"\x00\xff"), {Point(0, 0): Colour.RED}):
        assert there_and_back(value) == value


def test_shared_objects_stay_shared_and_cycles_are_closed() -> None:
    root = Node(Leaf("root"))
    child = Node(root.leaf, parent=root)
    root.children += [child, child]
    back = there_and_back(root)
    assert back.children[0] is back.children[1]
    assert back.children[0].parent is back


def test_slots_private_names_and_dice() -> None:
    machine = Machine()
    back = there_and_back(machine)
    assert back.heap == machine.heap
    assert back.secret() == 42
    assert back.rng.random() == machine.rng.random()


@pytest.mark.parametrize("value", [lambda: 1, iter(()), asyncio.Event, open, object()])
def test_what_is_not_plain_data_is_refused_by_name(value: object) -> None:
    with pytest.raises(SnapshotError, match=r"Node\.leaf"):
        freeze(Node(value))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        ["o", 0, "os:system", {}],
        ["e", "subprocess:Popen", "x"],
        ["n", "pbx.snapshot:freeze", []],
        ["o", 0, "pbx.snapshot:nobody", {}],
        ["?", 0],
        [[]],
    ],
)
def test_a_snapshot_creates_only_classes_of_ours(data: object) -> None:
    with pytest.raises(SnapshotError):
        thaw(data)
