"""How long a caller will still wait, from what is known of this queue, and how wrong that was.

Releases, not arrivals, end a wait. Those who are in wrap-up are free within a mean wrap-up, those
who talk at one over the mean talk time each; after that everybody at work is free once per mean
handling time. Agents of several queues count by the share of their calls that is this queue's.
Too few recent calls: no estimate.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from pbx.distribution.effects import AgentState

# Conversations that the estimate is made from: how many are needed, kept, and how old at most.
NEEDED: Final = 20
KEPT: Final = 50
RECENT_SECONDS: Final = 1800.0
# The steps in which a wait is spoken (up to 1, 2, 3, 5, 10 minutes): it never rises by two at once.
WAIT_STEPS: Final = (60.0, 120.0, 180.0, 300.0, 600.0)
_SHARE_WEIGHT: Final = 0.05  # Of the latest call in the share; the last twenty matter.
_SHARE_MIN: Final = 0.02
_TALK_MIN: Final = 1.0


Handled = tuple[float, float, float]
"""When a conversation ended; seconds of talk; seconds of wrap-up."""


@dataclass(slots=True)
class Error:
    """Of the estimates that callers were told last before they were answered; seconds."""

    count: int = 0
    total: float = 0.0  # Positive: told too much.
    absolute: float = 0.0
    close: int = 0  # The same spoken step, or the next to it.


@dataclass(slots=True)
class Estimates:
    handled: deque[Handled] = field(default_factory=lambda: deque[Handled](maxlen=KEPT))
    share: float = 1.0  # Of its members' calls that are this queue's.
    error: Error = field(default_factory=Error)

    def member_answered(self, *, here: bool) -> None:
        """A member answered a call, of this queue or of another."""
        self.share += _SHARE_WEIGHT * ((1.0 if here else 0.0) - self.share)

    def expected(self, position: int, states: list[int], now: float) -> float | None:
        """Seconds until the call at `position` is answered; `states`: members by state code."""
        handled = self.handled
        while handled and handled[0][0] < now - RECENT_SECONDS:
            _ = handled.popleft()
        if len(handled) < NEEDED:
            return None
        talk = max(sum(talk for _, talk, _ in handled) / len(handled), _TALK_MIN)
        wrap_up = sum(wrap_up for _, _, wrap_up in handled) / len(handled)
        busy = states[AgentState.TALKING.code] + states[AgentState.RINGING.code]
        wrapping = states[AgentState.WRAP_UP.code]
        working = busy + wrapping + states[AgentState.READY.code] + states[AgentState.DELAYED.code]
        if not working:
            return None
        needed = position / max(self.share, _SHARE_MIN)
        if wrap_up > 0 and wrapping:
            rate = wrapping / wrap_up + busy / talk
            if needed <= rate * wrap_up:
                return needed / rate
            return wrap_up + (needed - rate * wrap_up) * (talk + wrap_up) / working
        return needed * (talk + wrap_up) / working

    def answered(self, said_at: float, expected: float, now: float) -> None:
        """A caller who was told `expected` at `said_at` is answered."""
        error = said_at + expected - now
        self.error.count += 1
        self.error.total += error
        self.error.absolute += abs(error)
        self.error.close += abs(_step(expected) - _step(now - said_at)) <= 1


def _step(seconds: float) -> int:
    return sum(seconds > step for step in WAIT_STEPS)


def not_much_more(expected: float, before: float | None) -> float:
    """A caller who was told a time is not told one that is two steps longer."""
    if before is None:
        return expected
    above = [step for step in WAIT_STEPS if step >= before]
    return min(expected, above[1]) if len(above) > 1 else expected
