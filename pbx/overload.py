"""Whether there is room for one more call: configured limits, and how long the line is.

The line is what has come and not been looked at: the delay of the oldest message, as the edge
measures it. Which share of the new calls is refused follows RFC 8033 (PIE): in proportion to how
far the delay is from the wanted one, and to where it goes. A short stall of the machine refuses
nobody, a lasting one as many as it must, and calls in progress are not touched at all.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

# From then on calls are refused. Half a second is too long: then messages are sent again (T1).
LONGEST_DELAY: Final = 0.15
PATIENCE_SECONDS: Final = 0.25  # A stall as short as this refuses nobody (RFC 8033 §4.4).
WANTED: Final = 0.07  # The share of the longest delay that it is then brought to.
PERIOD_SECONDS: Final = 0.015  # Between two adjustments (RFC 8033 §4.2).
SILENCE_SECONDS: Final = 0.5  # Without a report for so long nothing waits.
GROWTH: Final = 30.0  # Of the share, per second and second of delay too much;
DAMPING: Final = 6.0  # and for each second that the delay has become longer.
RETRY_MIN: Final = 2  # Seconds that refused callers are asked to wait,
RETRY_MAX: Final = 30  # from a few to many refused.
BURST_SECONDS: Final = 1.0  # The calls of one second may come at once.


@dataclass(frozen=True, slots=True)
class OverloadPlan:
    calls_per_second: float = 0.0  # 0: no limit.
    longest_delay: float = LONGEST_DELAY  # 0: the line may be as long as it likes.
    excuse: str = ""  # A sound for callers over `calls_per_second`, instead of a refusal.


class Admitted(Enum):
    YES = "yes"
    EXCUSED = "over the limit: to be told so"


class Overload:
    """`admit` is asked for every new call, by the endpoint before anything is kept of it."""

    def __init__(self, plan: OverloadPlan | None = None) -> None:
        self.plan = plan or OverloadPlan()
        self.refused = 0
        self.share = 0.0  # Of new calls that is refused now, from 0 to 1.
        self.verdict = Admitted.YES  # On the call that was let in last.
        self._credit = 0.0  # Of refusals: at 1 the next call is refused.
        self._tokens: float = self._burst
        self._counted_at = 0.0
        self._delay = 0.0  # As last reported.
        self._reported_at = 0.0
        self._high_since: float | None = None
        self._line_at = 0.0  # When somebody last waited in the line.

    def configure(self, plan: OverloadPlan) -> None:
        self.plan = plan
        self._tokens = min(self._tokens, self._burst)

    @property
    def _burst(self) -> float:
        return max(1.0, self.plan.calls_per_second * BURST_SECONDS)

    @property
    def overloaded(self) -> bool:
        return self.share > 0.0

    def on_delay(self, delay: float, now: float) -> None:
        """So old was the message that was looked at just now; 0 when none waits."""
        if delay:
            self._line_at = now
        self._adjust(delay, now)

    def _adjust(self, delay: float, now: float) -> None:
        longest = self.plan.longest_delay
        wanted = WANTED * longest
        passed = min(now - self._reported_at, SILENCE_SECONDS)
        if passed < PERIOD_SECONDS or not longest:
            return
        growth = GROWTH * (delay - wanted) * passed
        damping = DAMPING * (delay - self._delay)
        self._delay, self._reported_at = delay, now
        if delay <= wanted:
            self._high_since = None
        elif self._high_since is None and delay > longest:
            self._high_since = now
        lasts = self._high_since is not None and now - self._high_since >= PATIENCE_SECONDS
        if self.share or lasts:
            # RFC 8033 §4.2: when nearly nothing waits the share goes down by itself.
            decay = 0.98 ** (passed / PERIOD_SECONDS) if delay < wanted / 2 else 1.0
            self.share = min(1.0, max(0.0, self.share * decay + growth + damping))
            if self.share < 0.001:
                self.share = 0.0

    def on_lag(self, lag: float, now: float) -> None:
        """So late was a timer: for what comes over connections, where no delay can be read."""
        if now - self._line_at > SILENCE_SECONDS:
            self._adjust(lag, now)

    def admit(self, sessions: int, now: float) -> int:
        """0, or after how many seconds the caller may try again."""
        if self.share:
            if now - self._reported_at > SILENCE_SECONDS:
                self.share = self._credit = 0.0
            self._credit += self.share
            if self._credit >= 1.0:
                self._credit -= 1.0
                self.refused += 1
                return round(RETRY_MIN + (RETRY_MAX - RETRY_MIN) * self.share)
        self.verdict = Admitted.YES
        return 0 if not self.plan.calls_per_second else self._in_time(now)

    def _in_time(self, now: float) -> int:
        rate = self.plan.calls_per_second
        tokens = min(self._burst, self._tokens + (now - self._counted_at) * rate)
        self._counted_at = now
        if tokens >= 1.0:
            self._tokens = tokens - 1.0
            return 0
        self._tokens = tokens
        self.refused += 1
        if self.plan.excuse:
            self.verdict = Admitted.EXCUSED
            return 0
        return RETRY_MIN
