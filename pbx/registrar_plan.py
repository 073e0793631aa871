"""What the exchange needs to know of the configuration about registered phones."""

from dataclasses import dataclass
from typing import Final

from sip.registration import RegistrarLimits


@dataclass(frozen=True, slots=True)
class RegistrarPlan:
    limits: RegistrarLimits | None = None  # None: as they were at the start.
    qualify_seconds: float = 0.0  # How often each phone is asked; 0: never.
    private: frozenset[str] = frozenset()  # Extensions that nobody may watch.


NEVER_ASKED: Final = RegistrarPlan()
