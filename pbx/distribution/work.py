"""What an agent has done: answered calls and talk, by day, hour, shift and in the last while.

Days, hours and shifts are counted always, whatever the strategies are, so that one that is chosen
at noon knows the morning; single moments only while some queue has a rolling window. One flat
object for each agent: it is read and written with every call.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from pbx.distribution.config import Window

# What is kept for rolling windows: at least so long, and at most so many.
RECENT_SECONDS: Final = 3600.0
RECENT_MAX: Final = 1000

Marks = tuple[int, int, int]
"""In which day, hour and shift a call was counted."""


@dataclass(slots=True)
class Work:
    """Talk is in milliseconds. `day`, `hour` and `shift` number the periods."""

    day: int = 0
    day_calls: int = 0
    day_talk: int = 0
    hour: int = 0
    hour_calls: int = 0
    hour_talk: int = 0
    shift: int = 0
    shift_calls: int = 0
    shift_talk: int = 0
    answers: list[float] = field(default_factory=list[float])  # When.
    ends: list[float] = field(
        default_factory=list[float]
    )  # When a talk ended, and how long it was.
    talks: list[int] = field(default_factory=list[int])  # ... and how long it was.

    def begin(self, window: Window) -> None:
        """A new day, hour or shift."""
        match window:
            case Window.DAY:
                self.day += 1
                self.day_calls = self.day_talk = 0
            case Window.HOUR:
                self.hour += 1
                self.hour_calls = self.hour_talk = 0
            case _:
                self.shift += 1
                self.shift_calls = self.shift_talk = 0

    def answered(self, now: float, keep: float) -> Marks:
        """`keep`: seconds that the longest rolling window asks for; 0: there is none."""
        self.day_calls += 1
        self.hour_calls += 1
        self.shift_calls += 1
        if keep:
            answers = self.answers
            answers.append(now)
            if answers[0] + keep <= now or len(answers) > RECENT_MAX:
                _forget(now - keep, answers)
        return self.day, self.hour, self.shift

    def undo(self, answered_at: float, marks: Marks) -> None:
        """That call was not answered after all."""
        day, hour, shift = marks
        self.day_calls -= day == self.day
        self.hour_calls -= hour == self.hour
        self.shift_calls -= shift == self.shift
        if answered_at in self.answers:
            self.answers.remove(answered_at)

    def talked(self, now: float, milliseconds: int, keep: float) -> None:
        self.day_talk += milliseconds
        self.hour_talk += milliseconds
        self.shift_talk += milliseconds
        if keep:
            ends = self.ends
            ends.append(now)
            self.talks.append(milliseconds)
            if ends[0] + keep <= now or len(ends) > RECENT_MAX:
                _forget(now - keep, ends, self.talks)

    def calls_in(self, window: Window, seconds: float, now: float) -> int:
        match window:
            case Window.DAY:
                return self.day_calls
            case Window.HOUR:
                return self.hour_calls
            case Window.SHIFT:
                return self.shift_calls
            case Window.ROLLING:
                return len(self.answers) - _gone(self.answers, seconds, now)

    def talk_in(self, window: Window, seconds: float, now: float) -> int:
        match window:
            case Window.DAY:
                return self.day_talk
            case Window.HOUR:
                return self.hour_talk
            case Window.SHIFT:
                return self.shift_talk
            case Window.ROLLING:
                return sum(self.talks[_gone(self.ends, seconds, now) :])

    def next_expiry(self, seconds: float, now: float, *, talk: bool) -> float | None:
        """When the next entry leaves a rolling window."""
        moments = self.ends if talk else self.answers
        gone = _gone(moments, seconds, now)
        return moments[gone] + seconds if gone < len(moments) else None


def _gone(moments: list[float], seconds: float, now: float) -> int:
    """How many are out of the window: those with moment + seconds <= now."""
    at = bisect_right(moments, now - seconds)
    while at and moments[at - 1] + seconds > now:  # The sum is what counts; it may be rounded.
        at -= 1
    while at < len(moments) and moments[at] + seconds <= now:
        at += 1
    return at


def _forget(before: float, moments: list[float], *others: list[int]) -> None:
    gone = max(bisect_right(moments, before), len(moments) - RECENT_MAX)
    del moments[:gone]
    for other in others:
        del other[:gone]
