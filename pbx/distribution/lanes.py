"""Who may serve a waiting call, and who waits for these: the lanes of a queue.

Calls that ask for the same share a lane. A lane knows which members have what is asked for, so
that neither a call nor an agent is compared with everybody. Most queues have one lane: everybody.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pbx.distribution.calls import Place
from pbx.distribution.config import AgentConfig, Member
from pbx.distribution.positions import Positions
from pbx.distribution.requirements import Requirement, meets, understood

Entry = tuple[float, float, int, int]
"""Two values compared, the member's position, and the version that tells an outdated entry."""

OPEN: Final = ""
"""The key of the lane of calls that everybody may serve."""


@dataclass(slots=True)
class Lane:
    key: str
    requires: str
    allowed: bytes | None  # By position: 1 for who may serve; None: everybody.
    mask: Positions | None  # The same as a set.
    signed_in: int  # Members who may serve and are signed in. Not counted if everybody may.
    waiting: list[Place] = field(default_factory=list[Place])  # Sorted; nobody rings for them.
    heap: list[Entry] = field(default_factory=list[Entry])  # Of the ready ones; see ranked.py.

    def allows(self, position: int) -> bool:
        return self.allowed is None or self.allowed[position] == 1

    def requirement(self) -> Requirement:
        return understood(self.requires)


def key_of(requires: str, delay: float | None) -> str:
    """`delay`: members with a longer one may not serve yet; None: all have come."""
    return (
        OPEN if not requires and delay is None else f"{'' if delay is None else delay}@{requires}"
    )


def make_lane(
    key: str,
    requires: str,
    delay: float | None,
    members: Sequence[Member],
    agents: Sequence[AgentConfig],
) -> Lane:
    """`agents`: those of the members."""
    if not requires and delay is None:
        return Lane(key, requires, None, None, 0)
    requirement = understood(requires)
    mask = Positions(len(members))
    allowed = bytearray(len(members))
    known: dict[tuple[tuple[str, int], ...], bool] = {}  # Many agents have the same tags.
    for position, (member, agent) in enumerate(zip(members, agents, strict=True)):
        if delay is not None and member.delay > delay:
            continue
        able = known.get(agent.tags)
        if able is None:
            able = known[agent.tags] = meets(dict(agent.tags), requirement)
        if able:
            allowed[position] = 1
            mask.add(position)
    return Lane(key, requires, bytes(allowed), mask, 0)


def add_place(places: list[Place], place: Place) -> None:
    """Into a sorted list; most often at its end."""
    if places and place < places[-1]:
        insort(places, place)
    else:
        places.append(place)


def drop_place(places: list[Place], place: Place) -> None:
    """Out of a sorted list; most often from its beginning."""
    at = 0 if places[0] is place else bisect_left(places, place)
    assert places[at] == place, place
    del places[at]
