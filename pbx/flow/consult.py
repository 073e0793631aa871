"""A caller waits while who talked to them asks somebody else first."""

from typing import TYPE_CHECKING

from pbx.calls.commands import Command
from pbx.flow.block import Block

if TYPE_CHECKING:
    from pbx.calls.call import Call


class ConsultBlock(Block):
    """What happens is decided by the call between the two who talk (pbx/consulting.py)."""

    name = "consult"

    def __init__(self, extension: str) -> None:
        self.extension = extension  # Who asks.
        self.next_deadline = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return []
