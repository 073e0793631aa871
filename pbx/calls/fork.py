"""One person rung on all their devices: the first to answer is the person, the others stop."""

from dataclasses import dataclass, field
from typing import Final

from pbx.calls.causes import Cause
from sip.states import Named


class ForkState(Named):
    RINGING = "ringing"  # Or about to.
    UP = "up"
    ENDED = "ended"


TRANSITIONS: Final[dict[ForkState, frozenset[ForkState]]] = {
    ForkState.RINGING: frozenset({ForkState.UP, ForkState.ENDED}),
    ForkState.UP: frozenset({ForkState.ENDED}),
    ForkState.ENDED: frozenset(),
}

_RANK: Final = (
    # When several devices refuse, the person's answer is what says most (as RFC 3261 §16.7 step 6
    # does for proxies).
    Cause.REJECTED,
    Cause.BUSY,
    Cause.NO_ANSWER,
    Cause.NOT_ACCEPTABLE,
    Cause.FORBIDDEN,
    Cause.FAILED,
    Cause.NOT_FOUND,
    Cause.UNREACHABLE,
)


@dataclass(slots=True)
class Fork:
    """`party` names the person within the call: an agent or an extension."""

    party: str
    extension: str
    agent: str = ""
    state: ForkState = ForkState.RINGING
    legs: list[str] = field(default_factory=list[str])  # Still up: dialled, ringing or answered.
    leg: str = ""  # The device that answered.
    rings: bool = False
    started: float = 0.0
    ringing_since: float | None = None
    answered: float | None = None
    causes: list[Cause] = field(default_factory=list[Cause])
    why: str = ""
    occupies: str = ""  # The agent who owns the extension, of a call outside the queues.

    def on_ringing(self, now: float) -> bool:
        """True the first time any device rings."""
        if self.rings or self.state is not ForkState.RINGING:
            return False
        self.rings, self.ringing_since = True, now
        return True

    def on_early(self, leg: str) -> bool:
        """True when its sound may be heard: of several devices none is better than the others."""
        return self.state is ForkState.RINGING and self.legs == [leg]

    def on_answered(self, leg: str, now: float) -> list[str] | None:
        """The devices that must stop ringing; None when this answer comes too late."""
        if self.state is not ForkState.RINGING or leg not in self.legs:
            return None
        self._become(ForkState.UP)
        self.leg, self.answered = leg, now
        losers = [other for other in self.legs if other != leg]
        self.legs = [leg]
        return losers

    def on_ended(self, leg: str, cause: Cause) -> Cause | None:
        """The person's answer once the last device has ended, None before that."""
        if leg not in self.legs or self.state is ForkState.ENDED:
            return None
        self.legs.remove(leg)
        self.causes.append(cause)
        if self.legs:
            return None
        was_up = self.state is ForkState.UP
        self._become(ForkState.ENDED)
        if was_up:
            return cause
        return min(self.causes, key=lambda c: _RANK.index(c) if c in _RANK else len(_RANK))

    def drop(self) -> list[str]:
        """Give up: the devices to hang up."""
        if self.state is ForkState.ENDED:
            return []
        self._become(ForkState.ENDED)
        legs, self.legs = self.legs, []
        return legs

    def _become(self, state: ForkState) -> None:
        assert state in TRANSITIONS[self.state], (self.party, self.state, state)
        self.state = state
