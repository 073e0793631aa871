"""The ports of all media workers, and which session lives where.

Control hands out the ports itself, so an SDP can be written at once; commands to a worker are
one-way.
"""

from dataclasses import dataclass
from typing import NamedTuple

from media.ports import PortPool
from media.protocol import Close, Command, Open


class NoPorts(Exception):
    """Every port of every worker is taken."""


class ToWorker(NamedTuple):
    """Give this command to that worker."""

    worker: int
    command: Command


@dataclass(slots=True)
class _Session:
    worker: int
    port: int
    closing: bool = False


class MediaPool:
    """Media sessions by id. A port is free again only when its worker has said that it is
    closed."""

    def __init__(self, workers: int, low: int, high: int, bind: str) -> None:
        assert workers > 0
        share = (high - low + 1) // workers // 2 * 2
        self._pools = [PortPool(low + n * share, low + (n + 1) * share - 1) for n in range(workers)]
        self._bind = bind
        self._sessions: dict[str, _Session] = {}
        self._alive = [True] * workers

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def workers(self) -> int:
        return len(self._pools)

    def is_alive(self, worker: int) -> bool:
        return self._alive[worker]

    @property
    def ports_in_use(self) -> int:
        return sum(pool.in_use for pool in self._pools)

    def pick_worker(self) -> int:
        """The living worker with the fewest ports in use; NoPorts when none lives."""
        living = [n for n, alive in enumerate(self._alive) if alive]
        if not living:
            raise NoPorts("no media worker is running")
        return min(living, key=lambda n: self._pools[n].in_use)

    def open(self, session: str, worker: int) -> ToWorker:
        assert session not in self._sessions, session
        port = self._pools[worker].take()
        if port is None:
            raise NoPorts(f"all media ports of worker {worker} are in use")
        self._sessions[session] = _Session(worker, port)
        return ToWorker(worker, Open(session=session, port=port, host=self._bind))

    def port(self, session: str) -> int:
        return self._sessions[session].port

    def worker(self, session: str) -> int:
        return self._sessions[session].worker

    def is_open(self, session: str) -> bool:
        found = self._sessions.get(session)
        return found is not None and not found.closing

    def close(self, session: str) -> list[ToWorker]:
        found = self._sessions.get(session)
        if found is None or found.closing:
            return []
        found.closing = True
        return [ToWorker(found.worker, Close(session=session))]

    def on_closed(self, session: str) -> None:
        found = self._sessions.pop(session, None)
        if found is not None:
            self._pools[found.worker].give(found.port)

    def on_worker_lost(self, worker: int) -> None:
        """Nothing new is given to it. Its sessions stay until somebody has taken them."""
        self._alive[worker] = False

    @property
    def any_alive(self) -> bool:
        return any(self._alive)

    def take_all(self, worker: int) -> dict[str, None]:
        """The sessions that went down with it; its ports are free again."""
        lost = [name for name, session in self._sessions.items() if session.worker == worker]
        for name in lost:
            self.on_closed(name)
        return dict.fromkeys(lost)

    def on_worker_back(self, worker: int) -> None:
        self._alive[worker] = True
