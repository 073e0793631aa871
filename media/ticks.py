"""The timers of a worker: the 20 ms tick, keys that lost their end, and half a second for the rest.

Each runs only while somebody needs it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from media.player import TICK_SECONDS, Schedule

# How often silence and due reports are looked for.
HOUSEKEEPING_SECONDS: Final = 0.5
# Timers of uvloop count milliseconds and may be early by one.
TICK_EARLY_SECONDS: Final = 0.002
# How often keys are looked at whose last packets seem lost.
KEY_CHECK_SECONDS: Final = 0.1


class Every:
    """Does something again and again, from `start` until it says that there is no need."""

    __slots__ = ("_clock", "_do", "_loop", "_seconds", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        do: Callable[[float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._seconds = seconds
        self._do = do
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def start(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._on_time)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        if self._do(self._clock()):
            self.start()


class Ticks:
    """Calls `do(tick, now)` for each tick of one schedule, while it returns True."""

    __slots__ = ("_clock", "_do", "_loop", "_timer", "schedule")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        do: Callable[[int, float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.schedule = Schedule(clock())
        self._loop = loop
        self._do = do
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def start(self) -> None:
        if self._timer is None:
            self.schedule.rest(self._clock())
            self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def at(self, now: float) -> int:
        """The number of the tick that this moment belongs to."""
        return int((now - self.schedule.start) / TICK_SECONDS)

    def _arm(self) -> None:
        wait = self.schedule.at(self.schedule.next) - self._clock()
        self._timer = self._loop.call_later(max(0.0, wait), self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        now = self._clock()
        wanted = True
        try:
            for tick in self.schedule.due(now, TICK_EARLY_SECONDS):
                wanted = self._do(tick, now)
        finally:  # A bug in one call must not silence the others for good.
            if wanted and self._timer is None:
                self._arm()
