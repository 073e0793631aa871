"""What the configuration says of mailboxes, as plain values."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pbx.plan import Destination


@dataclass(frozen=True, slots=True)
class BoxPlan:
    """One mailbox. Its id is the number that is dialled for it, mostly an extension's."""

    id: str
    language: str = ""  # "": that of the company.
    pin: str = field(default="", repr=False)
    """The one to begin with; "": chosen at the first call of its own phone."""
    pin_on_own_phone: bool = True
    greeting: str = ""  # A sound by name, until the owner records one.
    answers: frozenset[str] = frozenset()  # Values of `Reason`: when calls of its extension come.
    operator: "Destination | None" = None  # For callers who press 0.
    seconds_max: float = 180.0
    seconds_min: float = 2.0
    silence_seconds: float = 6.0  # Ends a message; 0: nothing but the caller does.
    messages_max: int = 100
    keep_seconds: float = 0.0  # Messages that were heard; 0: for ever.
    members: tuple[str, ...] = ()  # Extensions that share it, beside the one of its id.


@dataclass(frozen=True, slots=True)
class VoicemailPlan:
    root: str = ""  # An absolute directory.
    boxes: dict[str, BoxPlan] = field(default_factory=dict[str, BoxPlan])
    pin_digits: int = 4
    # Extension → the mailboxes that it is a member of, in the order of the configuration.
    shared: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def mailbox_of(self, extension: str) -> str:
        """What its phones open as their own: one that it shares, if it has none."""
        shared = self.shared.get(extension, ())
        return extension if extension in self.boxes or not shared else shared[0]

    def is_own(self, mailbox: str, extension: str) -> bool:
        return mailbox in self.shared.get(extension, ())


NO_VOICEMAIL: Final = VoicemailPlan()
