"""Callers left in a slot until somebody takes them up; picking up what rings elsewhere."""

from enum import Enum
from typing import TYPE_CHECKING, Final

from pbx.calls.commands import AnswerCaller, Command, GoTo, ParkCall, PickUp, PlayToCaller
from pbx.flow.block import Block
from pbx.plan import Destination

if TYPE_CHECKING:
    from pbx.calls.call import Call


class ParkState(Enum):
    ASKING = "asking"  # For a slot.
    SAYING = "saying which slot it is"
    WAITING = "waiting"
    OVER = "over"


_S = ParkState
TRANSITIONS: Final[dict[ParkState, frozenset[ParkState]]] = {
    _S.ASKING: frozenset({_S.SAYING, _S.WAITING}),
    _S.SAYING: frozenset({_S.WAITING, _S.OVER}),
    _S.WAITING: frozenset({_S.OVER}),
    _S.OVER: frozenset(),
}


class ParkBlock(Block):
    """Music until somebody dials the slot; after `seconds` the parker's phone rings."""

    name = "park"

    def __init__(
        self, slot: str, seconds: float, music: tuple[str, ...], numbers: dict[str, tuple[str, ...]]
    ) -> None:
        """`slot` "": any that is free. `numbers`: how each slot is said."""
        self.slot = slot
        self.seconds = seconds
        self.music = music
        self.numbers = numbers
        self.parker = ""
        self.state = ParkState.ASKING
        self.next_deadline: float | None = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return [ParkCall(self.slot)]

    def on_parked(self, slot: str, parker: str, now: float, *, says: bool) -> list[Command]:
        """`says`: it is still the parker who listens, and wants to know where."""
        self.slot, self.parker = slot, parker
        self.next_deadline = now + self.seconds
        words = self.numbers.get(slot, ()) if says else ()
        if words:
            self._become(ParkState.SAYING)
            return [AnswerCaller(), PlayToCaller(words)]
        self._become(ParkState.WAITING)
        return [AnswerCaller(), *self._music()]

    def on_played(self, call: "Call", now: float) -> list[Command]:
        if self.state is not ParkState.SAYING:
            return []
        self._become(ParkState.WAITING)
        return self._music()

    def on_caller_replaced(self, call: "Call", now: float) -> list[Command]:
        if self.state is ParkState.SAYING:
            self._become(ParkState.WAITING)
        self.next_deadline = now + self.seconds
        return self._music()

    def on_time(self, call: "Call", now: float) -> list[Command]:
        """Nobody took them up: back to who parked them."""
        self.next_deadline = None
        self._become(ParkState.OVER)
        call.ring_back = ""
        return [GoTo(Destination("extension", self.parker))]

    def _music(self) -> list[Command]:
        return [PlayToCaller(self.music, repeat=True, resume=True)] if self.music else []

    def _become(self, state: ParkState) -> None:
        assert state in TRANSITIONS[self.state], (self.slot, self.state, state)
        self.state = state


class PickUpBlock(Block):
    """Who dials this takes a call that rings somewhere else, or the place of a leg."""

    name = "pick up"

    def __init__(self, extension: str, leg: str = "") -> None:
        self.extension = extension
        self.leg = leg
        self.next_deadline = None

    def start(self, call: "Call", now: float) -> list[Command]:
        return [PickUp(self.extension, self.leg)]
