"""When to wake which machine: one heap for all of them.

A machine has at most one deadline; moving it leaves the old entry in the heap, to be
skipped when its time comes.
"""

from heapq import heapify, heappop, heappush
from typing import Final

STALE_MAX: Final = 1024  # Stale entries beyond twice the live ones; then the heap is built anew.


class Deadlines:
    __slots__ = ("_armed", "_heap")

    def __init__(self) -> None:
        self._armed: dict[str, float] = {}  # What counts.
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, key: str, at: float | None) -> None:
        """Set, move or (None) remove the deadline of a machine."""
        if at is None:
            _ = self._armed.pop(key, None)
        elif self._armed.get(key) != at:
            self._armed[key] = at
            heappush(self._heap, (at, key))
            if len(self._heap) > 2 * len(self._armed) + STALE_MAX:
                self._heap = [(when, name) for name, when in self._armed.items()]
                heapify(self._heap)

    @property
    def next(self) -> float | None:
        heap, armed = self._heap, self._armed
        while heap:
            at, key = heap[0]
            if armed.get(key) == at:
                return at
            _ = heappop(heap)
        return None

    def take_due(self, now: float) -> list[str]:
        """Remove and return the machines due at `now`, oldest deadline first."""
        due: list[str] = []
        heap, armed = self._heap, self._armed
        while heap and heap[0][0] <= now:
            at, key = heappop(heap)
            if armed.get(key) == at:
                del armed[key]
                due.append(key)
        return due
