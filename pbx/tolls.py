"""What each extension has spent on calls to the outside today, and when it must stop.

Calls under way count while they go on, all of them together: so whoever talks on two lines at
once reaches a limit twice as early, and no call lasts longer than what is left for the day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from pbx.dialplan import Outward, Rights

SECONDS_PER_MINUTE = 60.0
DENIALS_ALARM = 5  # So many refusals within ...
DENIALS_SECONDS = 60.0  # ... this time are no slip of a finger any more.


class Denial(Enum):
    """Why a call does not go out."""

    CLASS = "class of service"
    CALLS = "too many calls at a time"
    MINUTES = "minutes of the day used up"
    MONEY = "money of the day used up"
    NOBODY = "caller has no right to the outside"  # Neither extension nor allowed trunk.


class Spent(NamedTuple):
    """Of one extension on one day."""

    seconds: float = 0.0
    money: float = 0.0


@dataclass(slots=True)
class _Running:
    extension: str
    price: float  # Of a minute.
    since: float | None = None  # When it was answered; time counts from then.


class Tolls:
    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {}
        self._running: dict[str, _Running] = {}  # By call.
        self._calls: dict[str, dict[str, _Running]] = {}  # The same by extension.
        self._cut_at: dict[str, float] = {}  # Extension → when nothing is left.
        self._rights: dict[str, Rights] = {}  # Of those who are calling.
        self._denials: dict[str, list[float]] = {}

    def load(self, spent: Mapping[str, tuple[float, float]]) -> None:
        """After a restart: what had been spent today before it."""
        for extension, before in spent.items():
            here = self.spent.get(extension, Spent())
            total = Spent(here.seconds + before[0], here.money + before[1])
            self.spent[extension] = total

    def check(self, extension: str, rights: Rights, outward: Outward, now: float) -> Denial | None:
        """None: it may go out."""
        if outward.emergency:
            return None
        if outward.call_class not in rights.classes:
            return Denial.CLASS
        if rights.calls is not None and self.running(extension) >= rights.calls:
            return Denial.CALLS
        spent = self.total(extension, now)
        minutes = rights.minutes_per_day
        if minutes is not None and spent.seconds >= minutes * SECONDS_PER_MINUTE:
            return Denial.MINUTES
        money = rights.money_per_day
        if money is not None and outward.price > 0 and spent.money >= money:
            return Denial.MONEY
        return None

    def on_denied(self, extension: str, now: float) -> bool:
        """True when it has become an alarm: once for each row of refusals."""
        recent = [at for at in self._denials.get(extension, []) if at > now - DENIALS_SECONDS]
        recent.append(now)
        if len(recent) < DENIALS_ALARM:
            self._denials[extension] = recent
            return False
        _ = self._denials.pop(extension, None)
        return True

    def begin(self, call: str, extension: str, rights: Rights, outward: Outward) -> None:
        """It is being made: it counts as a call, not yet as time."""
        if outward.emergency:
            return
        running = self._running[call] = _Running(extension, outward.price)
        self._calls.setdefault(extension, {})[call] = running
        self._rights[extension] = rights

    def answered(self, call: str, now: float) -> None:
        running = self._running.get(call)
        if running is not None and running.since is None:
            running.since = now
            self._plan_cut(running.extension, now)

    def end(self, call: str, now: float) -> Spent:
        """What this call used since it was answered, or since the day began."""
        running = self._running.pop(call, None)
        if running is None:
            return Spent()
        mine = self._calls[running.extension]
        del mine[call]
        if not mine:
            del self._calls[running.extension]
        used = _used(running, now)
        if used != (0.0, 0.0):
            before = self.spent.get(running.extension, Spent())
            self.spent[running.extension] = Spent(
                before.seconds + used.seconds, before.money + used.money
            )
        self._plan_cut(running.extension, now)
        if not self.running(running.extension):
            _ = self._rights.pop(running.extension, None)
        return used

    def settle(self, now: float) -> list[tuple[str, Spent]]:
        """What each call under way has used since it was settled last; it counts as spent now."""
        used: list[tuple[str, Spent]] = []
        for call, running in self._running.items():
            if running.since is not None:
                spent = _used(running, now)
                used.append((call, spent))
                before = self.spent.get(running.extension, Spent())
                self.spent[running.extension] = Spent(
                    before.seconds + spent.seconds, before.money + spent.money
                )
                running.since = now
        return used

    def new_day(self, now: float) -> None:
        """Everything begins anew. What calls under way have used must be settled before."""
        self.spent.clear()
        for extension in list(self._rights):
            self._plan_cut(extension, now)

    def change_rights(self, rights: dict[str, Rights], others: Rights, now: float) -> None:
        """Another configuration: it counts for calls under way, too."""
        for extension in list(self._rights):
            self._rights[extension] = rights.get(extension, others)
            self._plan_cut(extension, now)

    @property
    def calls(self) -> int:
        return len(self._running)

    def running(self, extension: str) -> int:
        return len(self._calls.get(extension, ()))

    def total(self, extension: str, now: float) -> Spent:
        """With the calls under way."""
        seconds, money = self.spent.get(extension, Spent())
        for call in self._calls.get(extension, {}).values():
            used = _used(call, now)
            seconds, money = seconds + used.seconds, money + used.money
        return Spent(seconds, money)

    @property
    def next_deadline(self) -> float | None:
        return min(self._cut_at.values(), default=None)

    def on_time(self, now: float) -> list[str]:
        """The calls that must end now: their extension has nothing left for the day."""
        broke = [extension for extension, at in self._cut_at.items() if at <= now]
        for extension in broke:
            del self._cut_at[extension]
        return [
            name
            for extension in broke
            for name, call in self._calls.get(extension, {}).items()
            if call.since is not None
        ]

    def _plan_cut(self, extension: str, now: float) -> None:
        _ = self._cut_at.pop(extension, None)
        rights = self._rights.get(extension)
        calls = self._calls.get(extension, {}).values()
        talking = [call for call in calls if call.since is not None]
        if rights is None or not talking:
            return
        spent = self.total(extension, now)
        left: list[float] = []
        if rights.minutes_per_day is not None:
            rest = rights.minutes_per_day * SECONDS_PER_MINUTE - spent.seconds
            left.append(rest / len(talking))
        per_second = sum(call.price for call in talking) / SECONDS_PER_MINUTE
        if rights.money_per_day is not None and per_second > 0:
            left.append((rights.money_per_day - spent.money) / per_second)
        if left:
            self._cut_at[extension] = now + max(0.0, min(left))


def _used(call: _Running, now: float) -> Spent:
    if call.since is None:
        return Spent()
    seconds = max(0.0, now - call.since)
    return Spent(seconds, seconds / SECONDS_PER_MINUTE * call.price)
