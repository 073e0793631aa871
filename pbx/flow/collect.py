"""Ask the caller for digits: a prompt, then keys until # or until a pause.

PROMPTING --the end, or a key--> LISTENING --#, pause, enough--> the next block
    ^                                |
    +---- nothing was pressed -------+
"""

from typing import TYPE_CHECKING, Final

from pbx.calls.commands import AnswerCaller, Command, GoTo, PlayToCaller, StopPlaying
from pbx.flow.block import Block
from pbx.history.records import Verdict
from pbx.plan import HANGUP, Destination

if TYPE_CHECKING:
    from pbx.calls.call import Call

FIRST_SECONDS: Final = 7.0  # People look for the keypad on the screen of their phone.
NEXT_SECONDS: Final = 4.0
DIGITS_MAX: Final = 32  # As long as a number in the configuration may be.
END: Final = "#"
AGAIN: Final = "*"  # As the first thing after digits: begin anew.


class CollectBlock(Block):
    """`then` is the destination that the digits lead to: they are put at the end of its target.

    Whoever presses nothing is asked again, `tries` times in all, and then goes to `otherwise`.
    """

    name = "collect"

    def __init__(
        self,
        prompt: tuple[str, ...],
        then: Destination,
        *,
        otherwise: Destination = HANGUP,
        digits_max: int = DIGITS_MAX,
        tries: int = 2,
        first_seconds: float = FIRST_SECONDS,
        next_seconds: float = NEXT_SECONDS,
        verdict: Verdict | None = None,
    ) -> None:
        """`verdict`: of a call that ends here; without one it counts as abandoned."""
        assert 0 < digits_max <= DIGITS_MAX
        assert tries > 0
        self.prompt = prompt
        self.then = then
        self.otherwise = otherwise
        self.digits_max = digits_max
        self.tries = tries
        self.first_seconds = first_seconds
        self.next_seconds = next_seconds
        self.verdict = verdict
        self.digits = ""
        self.done = False
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        if self.verdict is not None:
            call.verdict = self.verdict
        return [AnswerCaller(), *self._ask(now)]

    def on_played(self, call: "Call", now: float) -> list[Command]:
        if not self.done and not self.digits:
            self.next_deadline = now + self.first_seconds
        return []

    def on_sound_lost(self, call: "Call", now: float) -> list[Command]:
        return [] if self.done or self.digits else self._ask(now)

    def on_digit(self, call: "Call", digit: str, now: float) -> list[Command]:
        if self.done:
            return []
        interrupted: list[Command] = [] if self.digits or not self.prompt else [StopPlaying()]
        if digit == END:
            return [*interrupted, *self._finish(now)]
        if digit == AGAIN and self.digits:
            self.digits = ""
            return self._ask(now)
        self.digits += digit
        if len(self.digits) >= self.digits_max:
            return [*interrupted, *self._finish(now)]
        self.next_deadline = now + self.next_seconds
        return interrupted

    def on_time(self, call: "Call", now: float) -> list[Command]:
        return [] if self.done else self._finish(now)

    def _finish(self, now: float) -> list[Command]:
        if self.digits:
            return self._go(Destination(self.then.kind, self.then.target + self.digits))
        self.tries -= 1
        return self._ask(now) if self.tries else self._go(self.otherwise)

    def _ask(self, now: float) -> list[Command]:
        # With a prompt its end sets the clock; should that never come, this one is long enough.
        self.next_deadline = now + self.first_seconds * (2 if self.prompt else 1)
        return [PlayToCaller(self.prompt)] if self.prompt else []

    def _go(self, to: Destination) -> list[Command]:
        self.done, self.next_deadline = True, None
        return [GoTo(to)]
