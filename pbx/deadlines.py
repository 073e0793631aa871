"""Named deadlines of many things at once: one heap, stale entries skipped."""

import heapq
from collections.abc import Sequence
from typing import Any, Protocol


class Timed(Protocol):
    """Who wants to be woken. Nothing of it is due before the first entry of its heap, which may be
    stale: so most need not be asked when."""

    @property
    def heap(self) -> Sequence[tuple[Any, ...]]: ...

    @property
    def next_deadline(self) -> float | None: ...


class Deadlines:
    """(kind, key) → absolute deadline. Starting a running one moves it."""

    __slots__ = ("_at", "heap")

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], float] = {}
        self.heap: list[tuple[float, str, str]] = []

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, which: tuple[str, str]) -> bool:
        return which in self._at

    def start(self, kind: str, key: str, at: float) -> None:
        if self._at.get((kind, key)) != at:
            self._at[kind, key] = at
            heapq.heappush(self.heap, (at, kind, key))

    def stop(self, kind: str, key: str) -> None:
        _ = self._at.pop((kind, key), None)

    @property
    def next_deadline(self) -> float | None:
        while self.heap:
            at, kind, key = self.heap[0]
            if self._at.get((kind, key)) == at:
                return at
            _ = heapq.heappop(self.heap)
        return None

    def take_expired(self, now: float) -> list[tuple[str, str]]:
        """Remove and return what is due at `now`, oldest first."""
        due: list[tuple[str, str]] = []
        while (at := self.next_deadline) is not None and at <= now:
            _, kind, key = heapq.heappop(self.heap)
            del self._at[kind, key]
            due.append((kind, key))
        return due
