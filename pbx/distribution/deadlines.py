"""All deadlines of the core in one heap.

Whoever owns a deadline keeps its time in a field of its own. An entry whose time is not the
owner's any more is stale and skipped, so that moving a deadline is one push.
"""

from enum import IntEnum
from heapq import heapify, heappop, heappush


class Due(IntEnum):
    """What is due; what is due at the same moment comes in this order."""

    WRAP_UP = 0  # Wrap-up is over.
    DELAY = 1  # So is the back-off.
    RING = 2  # An agent's ring time is over.
    STEP = 3  # The next tier's turn.
    MAX_WAIT = 4  # The call has waited long enough.
    EMPTY = 5  # Nobody has been signed in for too long.
    ANNOUNCE = 6  # Tell the caller his place.
    STAGE = 7  # Somebody else may serve the call.
    RISE = 8  # Its priority rises.
    RECALCULATE = 9  # The ranking of a queue.
    UNMATCHED = 10  # The call has waited long enough for somebody who is not there.
    EDIT = 11  # What a supervisor changed for a while is as configured again.
    BREAK = 12  # An agent's break has lasted as long as it may.


Deadline = tuple[float, int, str, str]
"""When; a Due; whose; for RING the agent.

What is due at the same moment is ordered by its owner, not by when it was noted: so it does not
matter which outdated entries have been dropped, and a replay sees the same order.
"""


class Deadlines:
    __slots__ = ("heap",)

    def __init__(self) -> None:
        self.heap: list[Deadline] = []

    def __len__(self) -> int:
        return len(self.heap)

    def add(self, at: float, due: int, owner: str, agent: str = "") -> None:
        heappush(self.heap, (at, due, owner, agent))

    def first(self) -> Deadline | None:
        return self.heap[0] if self.heap else None

    def pop(self) -> Deadline:
        return heappop(self.heap)

    def entries(self) -> list[Deadline]:
        return list(self.heap)

    def replace(self, entries: list[Deadline]) -> None:
        """Keep only these: the core throws the stale ones out when they are too many."""
        heapify(entries)
        self.heap = entries
