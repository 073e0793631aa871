"""When to wake which machine: one table for all of them.

A machine has at most one deadline; moving it leaves the old entry behind, to be skipped when its
time comes. What is due at one moment is one entry of the heap, however many machines it is.
"""

from heapq import heappop, heappush
from math import ceil, inf
from typing import Final

STALE_MAX: Final = 1024  # Entries beyond twice the live ones; then the stale are thrown out.

FAR_SECONDS: Final = 4.5
"""Nothing is sent again after so long: what is further away only ends or forgets something, ..."""
BEAT_SECONDS: Final = 0.5
"""... which may come a little late (RFC 3261 §17.1.1.2: "at least"), so that many come at once.
A wake-up for each of them costs more than what is to be done then."""


class Deadlines:
    __slots__ = ("_armed", "_entries", "_entries_max", "_keys", "_times")

    def __init__(self) -> None:
        self._armed: dict[str, float] = {}  # What counts.
        self._keys: dict[float, list[str]] = {}
        self._times: list[float] = []  # Heap of the keys of `_keys`.
        self._entries = 0  # In all lists of `_keys`.
        self._entries_max = STALE_MAX

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, key: str, at: float | None, now: float = inf) -> None:
        """Set, move or (None) remove the deadline of a machine.

        With `now` one that is far away is met at the next beat after it.
        """
        armed = self._armed
        if at is None:
            _ = armed.pop(key, None)
            return
        if at - now > FAR_SECONDS:
            at = ceil(at / BEAT_SECONDS) * BEAT_SECONDS
        if armed.get(key) == at:
            return
        armed[key] = at
        keys = self._keys.get(at)
        if keys is None:
            self._keys[at] = [key]
            heappush(self._times, at)
        else:
            keys.append(key)
        self._entries += 1
        if self._entries > self._entries_max:
            self._throw_out_stale()

    @property
    def next(self) -> float | None:
        armed = self._armed
        while self._times:
            at = self._times[0]
            keys = self._keys[at]
            while keys:
                if armed.get(keys[-1]) == at:
                    return at
                _ = keys.pop()
                self._entries -= 1
            _ = heappop(self._times)
            del self._keys[at]
        return None

    def take_due(self, now: float) -> list[str]:
        """Remove and return the machines due at `now`, oldest deadline first."""
        due: list[str] = []
        armed = self._armed
        while self._times and self._times[0] <= now:
            at = heappop(self._times)
            keys = self._keys.pop(at)
            self._entries -= len(keys)
            for key in keys:
                if armed.get(key) == at:
                    del armed[key]
                    due.append(key)
        return due

    def _throw_out_stale(self) -> None:
        self._keys = {}
        for key, at in self._armed.items():
            self._keys.setdefault(at, []).append(key)
        self._times = sorted(self._keys)
        self._entries = len(self._armed)
        self._entries_max = 2 * self._entries + STALE_MAX
