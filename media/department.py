"""A part of a worker that is there only when somebody needs it: rooms, recordings, transcoding.

The engine founds a department at the first command that is its business, and tells it from then on
what becomes of the lines. A department reads with taps (`Engine.tap`), sends with `Line.transmit`,
and decides nothing itself: the deciding is done by a module without sockets and clock.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media.engine import Engine
    from media.line import Line
    from media.protocol import Command, Connect


class Department:
    """Knows nothing and does nothing: to be derived from."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine

    @property
    def busy(self) -> bool:
        """Does it want `on_tick`?"""
        return False

    def on_command(self, command: "Command") -> None:
        """One of those that it was founded for."""

    def secure(self, line: "Line", command: "Connect", now: float) -> None:
        """The peer's keys are new, or no more, before the sockets follow. Raises ValueError."""

    def on_connected(self, line: "Line") -> None:
        """Address, codec or direction of the peer is new, or may be."""

    def on_planned(self, line: "Line") -> None:
        """Whom its peer's packets go to may have changed: `line.hearers`."""

    def on_touched(self, line: "Line") -> None:
        """What it sends of its own is about to change, or to be looked at."""

    def on_left(self, line: "Line", *, for_good: bool) -> None:
        """It is about to do something else, or to close; not `for_good`: to play something."""

    def on_joining(self, a: "Line", b: "Line") -> None:
        """These two are about to hear each other, and nobody else."""

    def on_ended(self, line: "Line") -> None:
        """What it played is over, or the keys that it pressed."""

    def on_key(self, session: str, digit: str) -> None:
        """Its peer pressed a key."""

    def members(self, room: str) -> Mapping[str, tuple[str, ...]]:
        """Of a room: by session, whom it hears."""
        return {}

    def on_room(self, room: str) -> None:
        """Its `members` are others, or hear others."""

    def on_tick(self, tick: int, now: float) -> None:
        """Every 20 ms while anybody is `busy`."""

    def on_closed(self, session: str) -> None:
        """Its sockets are gone."""

    def on_time(self, now: float) -> None:
        """Every half second."""

    def leftovers(self) -> int:
        """What it holds, for leak checks."""
        return 0

    def close(self) -> None:
        """The worker ends."""
