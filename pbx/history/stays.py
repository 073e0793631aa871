"""What is remembered of a call while its story is told: its stays in queues, whom it rang, and the
times when it rang nobody."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pbx.distribution.effects import WhyNot
from pbx.distribution.inputs import LeaveReason

# What keeps an agent from being rung, as said of several; the others as `WhyNot` says it.
KEPT: Final[dict[WhyNot, str]] = {
    WhyNot.TALKING: "talking",
    WhyNot.RINGING: "ringing for another call",
    WhyNot.WRAP_UP: "in wrap-up",
    WhyNot.BREAK: "on break",
    WhyNot.UNREACHABLE: "without a phone",
    WhyNot.DELAYED: "left in peace after a failed offer",
    WhyNot.OCCUPIED: "in another call",
    WhyNot.INACTIVE: "signed out",
    WhyNot.LACKS_TAG: "without what is required",
    WhyNot.NOT_YET: "only for calls that have waited longer",
    WhyNot.RESERVED: "ready, but the call is kept for somebody else",
    WhyNot.MANUAL: "ready, but must pick the call",
    WhyNot.SERVED_FIRST: "ready, but another call goes first",
    WhyNot.RANKED_BEHIND: "ready, but stands behind",
    WhyNot.TRIED: "rung already",
    WhyNot.LATER_TIER: "in a later tier",
    WhyNot.FROZEN: "too late to join the ringing",
}
# Members in these states cannot take any call: where all are, nobody was free.
NOT_FREE: Final = frozenset(list(KEPT)[:8])


@dataclass(frozen=True, slots=True)
class Moment:
    at: float  # Unix seconds.
    text: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """Members whom the same thing keeps from being rung."""

    why: WhyNot
    reason: str  # Of a break; what is lacking.
    agents: tuple[str, ...]

    def words(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"{len(self.agents)} {KEPT.get(self.why, self.why.value)}{reason}"


@dataclass(slots=True)
class Offer:
    agent: str
    at: float
    began: float | None = None  # The first sign of ringing.
    ended: float | None = None
    outcome: str = ""

    def rang(self, now: float) -> float:
        end = now if self.ended is None else self.ended
        return 0.0 if self.began is None else end - self.began


@dataclass(slots=True)
class Gap:
    """A time when no phone rang for the call."""

    at: float
    kept: tuple[Kept, ...]
    last: tuple[Kept, ...]  # At its end.
    ended: float | None = None


@dataclass(slots=True)
class Stay:
    """In one queue."""

    queue: str
    at: float
    number: str = ""
    offers: list[Offer] = field(default_factory=list[Offer])
    gaps: list[Gap] = field(default_factory=list[Gap])
    answered_at: float | None = None
    agent: str = ""
    ended: float | None = None
    reason: LeaveReason | None = None

    def waited(self, now: float) -> float:
        ends = [at for at in (self.answered_at, self.ended) if at is not None]
        return min(ends, default=now) - self.at


def nobody(kept: Sequence[Kept]) -> str:
    if not kept:
        return "nobody can be rung: the queue has no members"
    if all(group.why is WhyNot.INACTIVE for group in kept):
        return "nobody is signed in"
    return "nobody is free" if all(group.why in NOT_FREE for group in kept) else "nobody is rung"
