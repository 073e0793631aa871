"""What the configuration says about conferences, and about who may listen to whom."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Mode(Enum):
    """What a guest of a conversation does there."""

    LISTEN = "listen"  # Hears both, is heard by nobody.
    WHISPER = "whisper"  # Is heard by the one he watches.
    BARGE = "barge"  # Is heard by both.
    TAKE_OVER = "take_over"  # Takes the place of the one he watches.
    PARTY = "party"  # A third one, whom somebody has added.


SPEAKS: Final = frozenset({Mode.BARGE, Mode.PARTY})
"""Heard by both sides, and by other guests."""

MODES: Final = (Mode.LISTEN, Mode.WHISPER, Mode.BARGE, Mode.TAKE_OVER)
"""What supervisors may be allowed to do."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Of one supervisor."""

    everybody: bool = False
    extensions: frozenset[str] = frozenset()
    modes: frozenset[Mode] = frozenset(MODES)

    def allow(self, extension: str, mode: Mode) -> bool:
        return mode in self.modes and (self.everybody or extension in self.extensions)


NO_RIGHTS: Final = Rights(modes=frozenset())


@dataclass(frozen=True, slots=True)
class SupervisionPlan:
    rights: dict[str, Rights] = field(default_factory=dict[str, Rights])  # By extension.
    follow: bool = True  # On to the next conversation of who is watched.
    tone: bool = False  # The talkers hear that somebody comes.
    keys: dict[str, Mode | None] = field(default_factory=dict[str, "Mode | None"])
    """Pressed by the supervisor; None: leave."""

    def rights_of(self, supervisor: str) -> Rights:
        return self.rights.get(supervisor, NO_RIGHTS)


class RoomWish(Enum):
    """What a member of a conference may want, by keys."""

    MUTE = "mute"  # Oneself, or be heard again.
    COUNT = "count"  # How many are here?
    LOCK = "lock"  # Nobody else may come; or they may again.
    KICK = "kick"  # Who came last.


class Announce(Enum):
    """What the others hear when somebody comes or goes."""

    OFF = "off"
    BEEP = "beep"
    NUMBER = "number"  # "Extension 1 0 2 has joined."


@dataclass(frozen=True, slots=True)
class ConferencePlan:
    id: str
    number: str
    pin: str = ""
    moderator_pin: str = ""
    members_max: int = 32
    announce: Announce = Announce.BEEP
    music: tuple[str, ...] = ()  # While nobody else is there.
    wait_for_moderator: bool = False
    record: bool = False


@dataclass(frozen=True, slots=True)
class RoomsPlan:
    supervision: SupervisionPlan = field(default_factory=SupervisionPlan)
    conferences: dict[str, ConferencePlan] = field(default_factory=dict[str, ConferencePlan])
    recordings: str = ""  # The directory of recorded conferences.


NO_ROOMS: Final = RoomsPlan()
