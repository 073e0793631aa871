"""Where a call for an extension goes: to its phones, or on to somebody else.

A chain of forwards never comes back to an extension that it has been to, and ends after
FORWARDS_MAX steps. A forward that may not be followed is as good as none: the phone rings, or
the caller is told that it is busy, so that nobody is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pbx.calls.causes import Cause
from pbx.phone_plan import USUAL, Preferences
from pbx.plan import Destination, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

FORWARDS_MAX: Final = 5  # Whom a call has not reached by then, it will not reach.


class Reason(StrEnum):
    """Why a call was forwarded, in the words of RFC 5806 §4."""

    ALWAYS = "unconditional"
    BUSY = "user-busy"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unavailable"
    DO_NOT_DISTURB = "do-not-disturb"


@dataclass(frozen=True, slots=True)
class Diversion:
    """One step of a call's way: whom it was for, and why it did not stay there."""

    extension: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Reach:
    """How one call reaches one extension: what the dial block goes by."""

    always: Destination | None = None
    busy: Destination | None = None
    no_answer: Destination | None = None
    unreachable: Destination | None = None
    refused: Reason | None = None  # BUSY or DO_NOT_DISTURB: its phones are not rung.

    def onward(self, cause: Cause) -> tuple[Destination, Reason] | None:
        """Where the call goes when the phones were not answered, for this cause."""
        reason = _REASONS.get(cause, Reason.UNREACHABLE)
        if reason is Reason.BUSY:
            to, reason = self.busy, self.refused or reason
        elif reason is Reason.NO_ANSWER:
            to = self.no_answer
        else:
            to = self.unreachable
        return None if to is None else (to, reason)


FREE: Final = Reach()

_REASONS: Final[dict[Cause, Reason]] = {
    Cause.BUSY: Reason.BUSY,
    Cause.REJECTED: Reason.BUSY,  # "Decline" on most phones: not now.
    Cause.NO_ANSWER: Reason.NO_ANSWER,
}


def reach(
    plan: Plan,
    preferences: Preferences,
    extension: str,
    *,
    lines: int,
    been: Sequence[Diversion],
    caller: str,
    find: "Callable[[Plan, str], Destination | None]",
) -> Reach:
    """`lines`: the calls that the extension has now; `been`: the forwards that the call followed;
    `caller`: the extension that calls, or ""; `find`: where a number leads."""
    if preferences == USUAL:
        return FREE
    tried = {extension, caller, *(step.extension for step in been)}

    def follow(number: str) -> Destination | None:
        if not number or len(been) >= FORWARDS_MAX:
            return None
        to = find(plan, number)
        if to is None or not may_forward(plan, extension, to):
            return None
        return None if to.kind == "extension" and to.target in tried else to

    no_answer = follow(preferences.forward_no_answer)
    refused = None
    if preferences.do_not_disturb:
        refused = Reason.DO_NOT_DISTURB
    elif 0 < preferences.calls_max <= lines:
        refused = Reason.BUSY
    return Reach(
        always=follow(preferences.forward_always),
        busy=follow(preferences.forward_busy),
        no_answer=no_answer,
        unreachable=follow(preferences.forward_unreachable) or no_answer,
        refused=refused,
    )


def with_mailbox(found: Reach, extension: str, answers: frozenset[str]) -> Reach:
    """Its mailbox takes what no forward takes. `answers`: in which cases."""
    box = Destination("voicemail", extension)
    return replace(
        found,
        busy=found.busy or (box if "busy" in answers else None),
        no_answer=found.no_answer or (box if "no_answer" in answers else None),
        unreachable=found.unreachable or (box if "unreachable" in answers else None),
    )


def may_forward(plan: Plan, extension: str, to: Destination) -> bool:
    """Calls to the outside need a right of who forwards; the limits of a day are looked at when a
    call goes out. Nobody's caller is sent to 112."""
    if to.kind == "outside":
        dial_plan = plan.outside.dial_plan
        outward = dial_plan.find(to.target)
        if outward is None or outward.emergency:
            return False
        return outward.call_class in dial_plan.rights_of(extension).classes
    return to.kind not in _NO_TARGETS and to != Destination("extension", extension)


_NO_TARGETS: Final = frozenset({"code", "pickup", "park", "intercom", "mailbox", "my_mailbox"})
"""What a caller must not do in the name of somebody else."""
