"""Days and hours where the company is. No clock is read here: Unix seconds are given.

Edge only because it needs `datetime`.
"""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pbx.distribution.inputs import Period

# All offsets from UTC, and all changes of summer time, are multiples of this.
OFFSET_STEP_SECONDS: Final = 900
STEPS_MAX: Final = 8  # Lord Howe Island goes back half an hour: 90 minutes without a full hour.
# A clock that has gone back further than that was wrong before; it is believed from now on.
WRONG_CLOCK_SECONDS: Final = 3 * 3600.0


class LocalTime:
    """A time zone by its IANA name; "": the system's own. Raises ValueError for an unknown one."""

    def __init__(self, zone: str = "") -> None:
        self.zone = zone
        try:
            self._zone = ZoneInfo(zone) if zone else None
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {zone!r}") from error

    def day(self, unix: float) -> str:
        """`2026-11-21`."""
        return f"{self._local(unix):%Y-%m-%d}"

    def time_of_day(self, unix: float, *, milliseconds: bool = False) -> str:
        """`14:03:27`, or `14:03:27.250`."""
        whole = round(unix * 1000)
        text = f"{self._local(whole // 1000):%H:%M:%S}"
        return f"{text}.{whole % 1000:03}" if milliseconds else text

    def utc_offset(self, unix: float) -> float:
        """Seconds that the clocks there are ahead of UTC."""
        offset = self._local(unix).astimezone(self._zone).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    def next_hour(self, unix: float) -> float:
        """When the next full hour strikes; also 3 o'clock, after 1:59 in spring."""
        at = int(unix) // OFFSET_STEP_SECONDS * OFFSET_STEP_SECONDS
        for _ in range(STEPS_MAX):
            at += OFFSET_STEP_SECONDS
            if self._local(at).minute == 0:
                break
        return float(at)

    def unix_of(self, day: str, time_of_day: str) -> float:
        """Of `2026-11-21` and `14:03` or `14:03:27.5`; of an hour that comes twice, the first.
        Raises ValueError."""
        parts = [float(part) for part in time_of_day.split(":")]
        if not 2 <= len(parts) <= 3 or not (
            0 <= parts[0] <= 24 and all(0 <= part < 60 for part in parts[1:])
        ):
            raise ValueError(f"{time_of_day!r} is no time such as 14:03 or 14:03:27")
        midnight = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=self._zone)
        hours, minutes, seconds = (*parts, 0.0)[:3]
        return (midnight + timedelta(hours=hours, minutes=minutes, seconds=seconds)).timestamp()

    def _local(self, unix: float) -> datetime:
        return datetime.fromtimestamp(unix, self._zone)


class Periods:
    """Says once of each hour and each day that it has begun, whatever the clock does."""

    def __init__(self, local: LocalTime, unix: float) -> None:
        self._local = local
        self._begin(unix)

    def _begin(self, unix: float) -> None:
        self.day = self._local.day(unix)
        self.next_at = self._local.next_hour(unix)

    def due(self, unix: float) -> list[Period]:
        """The day goes first. Hours that a clock has leapt over are not told one by one."""
        if unix < self.next_at:
            if self.next_at - unix > WRONG_CLOCK_SECONDS:
                self._begin(unix)
            return []
        self.next_at = self._local.next_hour(unix)
        day = self._local.day(unix)
        if day == self.day:
            return [Period.HOUR]
        self.day = day
        return [Period.DAY, Period.HOUR]
