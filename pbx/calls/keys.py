"""Keys that are pressed within a call to send the other side elsewhere, or to ask somebody first
(RFC 4733, or INFO).

IDLE --one of the codes--> ASKING --number, then # or a pause--> transfer, or consultation
  ^                          |
  +--------- * --------------+
"""

from collections.abc import Sequence
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
    code: str = ""  # The last one that was complete.
    asking: bool = False  # Who is called next is being typed.
    until: float = 0.0  # Then what was typed so far counts.

    def press(self, digit: str, codes: Sequence[str], now: float) -> Typed:
        """`codes`: those that mean something now; none begins with another one."""
        if self.asking:
            return self._number(digit, now)
        typed = digit if now > self.until else self.digits + digit
        while typed and not any(code.startswith(typed) for code in codes):
            typed = typed[1:]
        self.digits, self.until = typed, now + KEY_SECONDS
        if typed not in codes:
            return Typed.NOTHING
        self.digits, self.code = "", typed
        return Typed.CODE

    def ask(self, now: float) -> None:
        """What comes next is a number."""
        self.asking, self.until = True, now + FIRST_SECONDS

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
