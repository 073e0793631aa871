"""Prometheus text exposition (format 0.0.4) of counters, gauges and histograms with labels.

`generate_latest` of prometheus-client needs 40 ms for 300 queues with three metrics each, all of it
on the event loop. Here a text is made once, and again only after its figures changed.
Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

SERIES_MAX: Final = 10_000  # Per family: 300 queues with 30 reasons each. More go to "other".
OTHER: Final = "other"

Labels = tuple[str, ...]


class Series:
    """One family of counters or gauges."""

    __slots__ = ("_heads", "_page", "_values", "kind", "label_names", "name", "text")

    def __init__(self, name: str, text: str, kind: str, label_names: Labels = ()) -> None:
        assert kind in ("counter", "gauge"), kind
        self.name = name
        self.text = text
        self.kind = kind
        self.label_names = label_names
        self._values: dict[Labels, float] = {}
        self._heads: dict[Labels, str] = {}  # 'name{a="b"} '
        self._page = b""  # Empty: to be made.
        if not label_names:
            self.set((), 0)

    def add(self, labels: Labels, by: float = 1) -> None:
        self._page = b""
        try:
            self._values[labels] += by
        except KeyError:
            labels = self._admit(labels)
            self._values[labels] = self._values.get(labels, 0) + by

    def set(self, labels: Labels, value: float) -> None:
        self._page = b""
        if labels not in self._values:
            labels = self._admit(labels)
        self._values[labels] = value

    def get(self, labels: Labels = ()) -> float:
        return self._values.get(labels, 0)

    def keep(self, wanted: Callable[[Labels], bool]) -> None:
        """Forget the series that are not wanted."""
        self._page = b""
        for labels in [labels for labels in self._values if not wanted(labels)]:
            del self._values[labels], self._heads[labels]

    def page(self) -> bytes:
        """The whole family as text."""
        if not self._page:
            heads = self._heads
            lines = [f"{heads[labels]}{value}\n" for labels, value in self._values.items()]
            head = _preamble(self.name, self.text, self.kind)
            self._page = "".join([head, *lines]).encode()
        return self._page

    def _admit(self, labels: Labels) -> Labels:
        assert len(labels) == len(self.label_names), (self.name, labels)
        if len(self._values) >= SERIES_MAX:
            labels = (OTHER,) * len(labels)
        self._heads[labels] = f"{self.name}{_braces(self.label_names, labels)} "
        return labels


class _Cell:
    """One histogram: its counts per bucket (not yet cumulative), and its text when up to date."""

    __slots__ = ("counts", "heads", "text", "total")

    def __init__(self, heads: tuple[str, ...]) -> None:
        self.heads = heads
        self.counts = [0] * (len(heads) - 2)
        self.total = 0.0
        self.text = ""

    def render(self) -> str:
        if not self.text:
            values: list[float] = []
            running = 0
            for count in self.counts:
                running += count
                values.append(running)
            values += (self.total, running)
            self.text = "".join(
                [f"{head}{value}\n" for head, value in zip(self.heads, values, strict=True)]
            )
        return self.text


class Histogram:
    """One family of histograms. `bounds` are the upper bounds, +Inf not among them."""

    __slots__ = ("_cells", "_page", "bounds", "label_names", "name", "text")

    def __init__(
        self, name: str, text: str, bounds: Sequence[float], label_names: Labels = ()
    ) -> None:
        assert list(bounds) == sorted(set(bounds)), bounds
        self.name = name
        self.text = text
        self.bounds = tuple(bounds)
        self.label_names = label_names
        self._cells: dict[Labels, _Cell] = {}
        self._page = b""
        if not label_names:
            _ = self._admit(())

    def observe(self, labels: Labels, value: float) -> None:
        self._page = b""
        cell = self._cells.get(labels) or self._admit(labels)
        cell.counts[bisect_left(self.bounds, value)] += 1
        cell.total += value
        cell.text = ""

    def keep(self, wanted: Callable[[Labels], bool]) -> None:
        self._page = b""
        for labels in [labels for labels in self._cells if not wanted(labels)]:
            del self._cells[labels]

    def page(self) -> bytes:
        if not self._page:
            head = _preamble(self.name, self.text, "histogram")
            texts = [cell.render() for cell in self._cells.values()]
            self._page = "".join([head, *texts]).encode()
        return self._page

    def _admit(self, labels: Labels) -> _Cell:
        assert len(labels) == len(self.label_names), (self.name, labels)
        if len(self._cells) >= SERIES_MAX:
            labels = (OTHER,) * len(labels)
        if (cell := self._cells.get(labels)) is None:
            cell = self._cells[labels] = _Cell(self._heads(labels))
        return cell

    def _heads(self, labels: Labels) -> tuple[str, ...]:
        names, plain = (*self.label_names, "le"), _braces(self.label_names, labels)
        limits = (*(str(float(bound)) for bound in self.bounds), "+Inf")
        return (
            *(f"{self.name}_bucket{_braces(names, (*labels, limit))} " for limit in limits),
            f"{self.name}_sum{plain} ",
            f"{self.name}_count{plain} ",
        )


def _preamble(name: str, text: str, kind: str) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _braces(names: Labels, values: Labels) -> str:
    pairs = zip(names, values, strict=True)
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    safe = value.encode("utf-8", "replace").decode("utf-8")
    return safe.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
