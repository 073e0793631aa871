"""One room: who is in it, whom each hears, and how he gets it."""

from collections.abc import Iterable, Mapping
from typing import Final

from media.formats import LAWS
from media.jitter import Jitter
from media.line import Line
from media.mixing import Seat
from media.session import Session

# A room of telephones is mixed as telephones sound; one better ear, and all is mixed at 16 kHz.
NARROW_RATE: Final = 8000
WIDE_RATE: Final = 16_000
# If nothing comes from whom a member heard until now, it is not waited for longer.
SILENT_TICKS: Final = 3
WAIT_TICKS: Final = 12


class Wait:
    """A member changes from one talker's packets to a mix.

    The mix is later by what packets wait in the jitter buffer: the member's first packet of it is
    the one with the sound that follows what it has heard already, so nothing is lost or said twice.
    """

    __slots__ = ("before", "begun_at", "jitter", "mark", "talker")

    def __init__(
        self,
        begun_at: int,
        jitter: Jitter | None = None,
        mark: int = 0,
        talker: Session | None = None,
        before: tuple[Seat, ...] = (),
    ) -> None:
        self.begun_at = begun_at  # A tick.
        self.jitter = jitter
        self.before = before  # Whom it has heard.
        self.mark = mark  # The position in the jitter buffer after what it has heard.
        self.talker = talker  # Whose numbers its stream had; None: it was on a stream of ours.

    def over(self, tick: int) -> bool:
        if tick < self.begun_at or self.follows or self.jitter is None:
            return tick >= self.begun_at
        waited = tick - self.begun_at
        return waited >= WAIT_TICKS or (waited >= SILENT_TICKS and self.jitter.silent)

    @property
    def follows(self) -> bool:
        """Is what plays now what it is to hear next?"""
        return self.jitter is not None and self.jitter.at > self.mark


class Place:
    """One session in a room."""

    __slots__ = ("codec", "heard", "hears", "line", "name", "playing", "room", "seat", "wait")

    def __init__(self, name: str, line: Line, room: "Room") -> None:
        self.name = name
        self.line = line
        self.room = room
        self.seat = Seat()
        self.codec: tuple[str, str] = ("", "")  # That its seat was made for, with its parameters.
        self.hears: tuple[str, ...] = ()  # As commanded.
        self.heard: tuple[str, ...] = ()  # Who is in its mix now.
        self.playing = False  # It hears files instead of the room.
        self.wait: Wait | None = None

    def __repr__(self) -> str:
        return f"<Place {self.name} hears {self.hears}>"

    @property
    def codec_wanted(self) -> tuple[str, str]:
        return self.line.session.leg.codec, self.line.session.leg.fmtp


class Room:
    __slots__ = ("name", "places", "rate")

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: dict[str, Place] = {}
        self.rate = NARROW_RATE

    def __repr__(self) -> str:
        return f"<Room {self.name} of {len(self.places)}>"

    @property
    def rate_wanted(self) -> int:
        codecs = {place.line.session.leg.codec for place in self.places.values()} - {""}
        return NARROW_RATE if codecs <= LAWS else WIDE_RATE

    @property
    def seats(self) -> list[Seat]:
        return [place.seat for place in self.places.values()]

    @property
    def mixing(self) -> bool:
        return any(place.heard for place in self.places.values())

    def listening(self) -> dict[str, tuple[str, ...]]:
        """Of each member: whom it is to hear now."""
        return {
            name: () if place.playing else heard_of(name, place.hears, self.places)
            for name, place in self.places.items()
        }

    def in_mix(self) -> set[str]:
        """Who must be decoded: one of several whom somebody hears."""
        listening = self.listening().values()
        return {name for heard in listening if len(heard) > 1 for name in heard}


def heard_of(name: str, hears: Iterable[str], present: Mapping[str, object]) -> tuple[str, ...]:
    """Nobody hears itself, who is not there, or anybody twice."""
    return tuple(dict.fromkeys(other for other in hears if other != name and other in present))
