"""Calls to the outside: which route a number takes, what kind of call that is, who may make it.

A number has one spelling here (`Numbering.canonical`), the most exact pattern wins, and only
that decides: no other way of dialling leads past a right.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pbx.numbering import Numbering, Pattern


class CallClass(Enum):
    """Class of service, the cheapest first."""

    INTERNAL = "internal"
    LOCAL = "local"
    MOBILE = "mobile"
    INTERNATIONAL = "international"
    PREMIUM = "premium"
    EMERGENCY = "emergency"  # Everybody's right; no limit counts.


@dataclass(frozen=True, slots=True)
class TrunkChoice:
    """Lower priorities are tried first; the same priority is shared by weight."""

    trunk: str
    priority: int = 0
    weight: int = 1


@dataclass(frozen=True, slots=True)
class RoutePlan:
    id: str
    patterns: tuple[Pattern, ...]
    call_class: CallClass
    trunks: tuple[TrunkChoice, ...]
    price: float = 0.0  # Money for a minute.
    ring_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Rights:
    """None: no limit."""

    classes: frozenset[CallClass] = frozenset()
    minutes_per_day: float | None = None
    money_per_day: float | None = None
    calls: int | None = None  # To the outside at a time.


NO_RIGHTS: Final = Rights(calls=0)


@dataclass(frozen=True, slots=True)
class Outward:
    """A way out that was found for a number."""

    number: str  # In its one spelling.
    route: str
    call_class: CallClass
    trunks: tuple[TrunkChoice, ...]
    price: float = 0.0
    ring_seconds: float = 60.0

    @property
    def emergency(self) -> bool:
        return self.call_class is CallClass.EMERGENCY


@dataclass(frozen=True, slots=True)
class DialPlan:
    numbering: Numbering = field(default_factory=Numbering)
    routes: tuple[RoutePlan, ...] = ()
    emergency: tuple[str, ...] = ()
    emergency_trunks: tuple[TrunkChoice, ...] = ()
    rights: dict[str, Rights] = field(default_factory=dict[str, Rights])  # By extension.
    others: Rights = NO_RIGHTS
    say_why: bool = True  # Who may not call hears so; else the phone gets a refusal.

    def find(self, dialled: str) -> Outward | None:
        """None: no number, or no route for it."""
        urgent = self.find_emergency(dialled)
        if urgent is not None:
            return urgent
        if not self.routes:
            return None
        number = self.numbering.canonical(dialled)
        best: tuple[tuple[int, ...], RoutePlan] | None = None
        for route in self.routes if number else ():
            for pattern in route.patterns:
                if pattern.fits(number) and (best is None or pattern.rank < best[0]):
                    best = pattern.rank, route
        if best is None:
            return None
        route = best[1]
        return Outward(
            number, route.id, route.call_class, route.trunks, route.price, route.ring_seconds
        )

    def find_emergency(self, dialled: str) -> Outward | None:
        """With or without what is dialled first to get out: nobody thinks of that then."""
        for number in (dialled, self.numbering.without_outside(dialled)):
            if number in self.emergency:
                return Outward(number, "emergency", CallClass.EMERGENCY, self.emergency_trunks)
        return None

    def rights_of(self, extension: str) -> Rights:
        return self.rights.get(extension, self.others)
