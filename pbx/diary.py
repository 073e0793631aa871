"""What the running exchange needs of days and hours: it is told when one begins, and its journal
is kept, one file a day.

Edge: the clock and a timer of the loop.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from pbx.config import Config
from pbx.distribution.inputs import Period
from pbx.distribution.journal import Clock
from pbx.exchange import Exchange, Output
from pbx.journal import Journal
from pbx.local_time import LocalTime, Periods
from pbx.status import Alarm

LOOK_SECONDS: Final = 60.0  # The wall clock may be put right at any time; a timer does not notice.
CLOCK_TOLERANCE_SECONDS: Final = 1.0


class Diary:
    def __init__(
        self,
        config: Config,
        exchange: Exchange,
        loop: asyncio.AbstractEventLoop,
        on_alarm: Callable[[Alarm], None],
        carry_out: Callable[[list[Output]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._unix = clock
        self.local = LocalTime(config.timezone)
        self.journal: Journal | None = None
        directory = config.storage.journal_directory
        if directory is not None:
            self.journal = Journal(directory, config.storage.journal_days, on_alarm)
        self._exchange = exchange
        self._loop = loop
        self._carry_out = carry_out
        self._periods = Periods(self.local, self._unix())
        self._epoch = exchange.epoch  # As in the call records, until the wall clock is put right.
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Before the exchange's distribution has its first input."""
        self._begin(fresh=True)
        self._look()

    def note(self) -> None:
        """Take what the distribution was told. After every wake-up."""
        told = self._exchange.inputs
        if not told:
            return
        self._exchange.inputs = []
        if self.journal is None:
            return
        if self.journal.gap:
            self.journal.lost += len(told)
            self._begin()  # With what these inputs have made of it.
        else:
            self.journal.put(told)

    def reload(self, config: Config) -> None:
        """Another time zone takes effect; the journal stays where it is."""
        if config.timezone != self.local.zone:
            self.local = LocalTime(config.timezone)
            self._periods = Periods(self.local, self._unix())

    def midnight(self) -> float:
        """When this day began, Unix seconds."""
        return self.local.unix_of(self.local.day(self._unix()), "00:00")

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def close(self) -> int:
        """Write what is left; returns how many inputs were lost. Waits: call it in a thread."""
        return 0 if self.journal is None else self.journal.close()

    def _look(self) -> None:
        self._check_clock()
        now = self._unix()
        for period in self._periods.due(now):
            if period is Period.DAY:
                self._begin()
            self._carry_out(self._exchange.on_period(period, self._loop.time()))
        wait = min(max(self._periods.next_at - self._unix(), 0.0), LOOK_SECONDS)
        self._timer = self._loop.call_later(wait, self._look)

    def _begin(self, *, fresh: bool = False) -> None:
        if self.journal is not None:
            core = self._exchange.distribution
            self.journal.begin(core, self._periods.day, self._clock(), fresh=fresh)

    def _check_clock(self) -> None:
        epoch = self._unix() - self._loop.time()
        if abs(epoch - self._epoch) > CLOCK_TOLERANCE_SECONDS:
            self._epoch = epoch
            if self.journal is not None:
                self.journal.set_clock(self._clock())

    def _clock(self) -> Clock:
        now = self._loop.time()
        return Clock(now, now + self._epoch)
