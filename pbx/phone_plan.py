"""What the configuration says about phones: what their users prefer, feature codes, groups.

Plain values; `pbx.phone_settings` lays on top of them what people change on their phones.
"""

from dataclasses import dataclass, field
from typing import Final

from pbx.codes import NO_CODES, Codes


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the calls of one extension are treated. Forwards are numbers to dial; "": none."""

    forward_always: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    forward_unreachable: str = ""
    do_not_disturb: bool = False
    calls_max: int = 0  # With so many calls it is busy; 0: as many as its phones take.
    hide_number: bool = False  # From callees outside the company (RFC 3323).
    intercom: bool = True  # Its phones may be made to answer by themselves.


USUAL: Final = Preferences()


@dataclass(frozen=True, slots=True)
class PhonesPlan:
    preferences: dict[str, Preferences] = field(default_factory=dict[str, Preferences])
    """Of those extensions that have others than the usual ones."""
    codes: Codes = NO_CODES
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Extension → those whose calls it may pick up."""
    break_codes: dict[str, str] = field(default_factory=dict[str, str])
    """Digits after the feature code for a break → the reason."""


NO_PHONES: Final = PhonesPlan()
