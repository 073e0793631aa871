"""Which UDP ports of a range are free. RTP takes an even port, RTCP the odd one above it."""

from collections import deque
from typing import Final

PORT_MAX: Final = 65_535


class PortPool:
    """Pairs of ports, handed out first in, first out.

    A port rests as long as possible before it is used again, so that late packets of an old
    call do not fall into a new one (RFC 3550 §11 asks for pairs starting even).
    """

    __slots__ = ("_free", "_taken", "high", "low")

    def __init__(self, low: int, high: int) -> None:
        """Ports from `low` to `high`, both included."""
        assert 0 < low <= high <= PORT_MAX, (low, high)
        self.low = low
        self.high = high
        self._free = deque(range(low + low % 2, high, 2))
        self._taken: set[int] = set()

    def __repr__(self) -> str:
        return f"<PortPool {self.low}-{self.high} in_use={self.in_use} free={self.free}>"

    @property
    def in_use(self) -> int:
        return len(self._taken)

    @property
    def free(self) -> int:
        return len(self._free)

    def take(self) -> int | None:
        """The RTP port of a free pair, or None when the range is used up."""
        if not self._free:
            return None
        port = self._free.popleft()
        self._taken.add(port)
        return port

    def give(self, port: int) -> None:
        """Give back what `take` returned."""
        assert port in self._taken, port
        self._taken.remove(port)
        self._free.append(port)
