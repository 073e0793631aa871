"""Keys that are pressed within a call to send the other side elsewhere (RFC 4733, or INFO).

IDLE --the transfer keys--> ASKING --number, then # or a pause--> the transfer
  ^                           |
  +--------- * ---------------+
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

KEY_SECONDS: Final = 1.5  # Between the keys of a code: what comes later begins anew.
NUMBER_SECONDS: Final = 4.0  # After the last digit of a number.
FIRST_SECONDS: Final = 10.0  # For its first digit.
NUMBER_MAX: Final = 32


class Typed(Enum):
    NOTHING = "nothing"
    CODE = "the code is complete"
    NUMBER = "the number is complete"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class CallKeys:
    """What one side types."""

    leg: str
    digits: str = ""
    asking: bool = False  # Who is called next is being typed.
    until: float = 0.0  # Then what was typed so far counts.

    def press(self, digit: str, code: str, now: float) -> Typed:
        if self.asking:
            return self._number(digit, now)
        typed = digit if now > self.until else self.digits + digit
        while typed and not code.startswith(typed):
            typed = typed[1:]
        self.digits, self.until = typed, now + KEY_SECONDS
        if typed != code:
            return Typed.NOTHING
        self.digits, self.asking, self.until = "", True, now + FIRST_SECONDS
        return Typed.CODE

    def on_time(self) -> Typed:
        """The pause was long enough."""
        return Typed.NUMBER if self.digits else Typed.CANCELLED

    def _number(self, digit: str, now: float) -> Typed:
        if digit == "#":
            return self.on_time()
        if digit == "*" and not self.digits:
            return Typed.CANCELLED
        self.digits = (self.digits + digit)[:NUMBER_MAX]
        self.until = now + NUMBER_SECONDS
        return Typed.NOTHING
