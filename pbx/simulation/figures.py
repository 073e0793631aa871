"""What a day comes to, each figure with the formula that it is calculated by.

At least four service levels are in use, so a number without its formula says little. Calls belong
to the time when they joined; refused ones (full, nobody signed in, blacklisted) are not offered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from pbx.distribution.effects import AgentState
from pbx.distribution.inputs import LeaveReason
from pbx.simulation.ledger import AgentDay, Ledger, Visit

_S = AgentState
_ANSWERED: Final = LeaveReason.ANSWERED
_ABANDONED: Final = LeaveReason.ABANDONED


class Unit(Enum):
    CALLS = "calls"
    SHARE = "share"
    SECONDS = "seconds"
    RATIO = "ratio"


class Figure(NamedTuple):
    name: str
    label: str
    unit: Unit
    formula: str
    good: int  # 1: more is better; -1: less is; 0: neither.


FIGURES: Final = (
    Figure("offered", "Offered", Unit.CALLS, "N: calls that joined the queue", 0),
    Figure("answered", "Answered", Unit.CALLS, "A: bridged to an agent", 1),
    Figure("abandoned", "Abandoned", Unit.CALLS, "B: hung up before that", -1),
    Figure("short_abandons", "Short abandons", Unit.CALLS, "b: hung up within {short:g} s", 0),
    Figure("left_otherwise", "Left otherwise", Unit.CALLS, "F: timeout, key, callback, moved", -1),
    Figure("still_waiting", "Still waiting", Unit.CALLS, "N - A - B - F at the end", -1),
    Figure("refused", "Refused", Unit.CALLS, "full or nobody signed in; not in N", -1),
    Figure(
        "service_level",
        "Service level",
        Unit.SHARE,
        "answered within {threshold:g} s ÷ (A + B - b)",
        1,
    ),
    Figure("asa", "ASA", Unit.SECONDS, "mean wait of the answered", -1),
    Figure("wait_p90", "Wait, 90th percentile", Unit.SECONDS, "of the answered", -1),
    Figure("mean_wait", "Mean wait of all", Unit.SECONDS, "join to answer or end, A + B + F", -1),
    Figure("had_to_wait", "P(wait)", Unit.SHARE, "no phone rang at once ÷ N", -1),
    Figure("abandonment_rate", "Abandonment rate", Unit.SHARE, "(B - b) ÷ (N - b)", -1),
    Figure("abandoned_share", "Abandoned of offered", Unit.SHARE, "B ÷ N", -1),
    Figure(
        "occupancy",
        "Occupancy",
        Unit.SHARE,
        "(ring + talk + wrap-up) ÷ (ring + talk + wrap-up + ready)",
        0,
    ),
    Figure("missed", "Missed offers", Unit.CALLS, "rung without an answer", -1),
    Figure(
        "gini", "Unevenness", Unit.RATIO, "Gini of answered per signed-in hour; 0: all alike", -1
    ),
    Figure("spread", "Most ÷ least", Unit.RATIO, "of answered per signed-in hour", -1),
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    answer_within: float = 20.0
    short_abandon: float = 5.0


USUAL: Final = Thresholds()

Values = dict[str, float | None]
"""By the names above; None: there is nothing to divide by."""


@dataclass(slots=True)
class Counts:
    """What the shares are made of; they add up over intervals and runs."""

    offered: int = 0
    answered: int = 0
    in_time: int = 0
    abandoned: int = 0
    short: int = 0
    otherwise: int = 0
    refused: int = 0

    def add(self, visit: Visit, thresholds: Thresholds) -> None:
        reason = visit.reason
        if reason is not None and visit.refused:
            self.refused += 1
            return
        self.offered += 1
        if reason is _ANSWERED:
            self.answered += 1
            self.in_time += visit.wait <= thresholds.answer_within
        elif reason is _ABANDONED:
            self.abandoned += 1
            self.short += visit.wait < thresholds.short_abandon
        elif reason is not None:
            self.otherwise += 1

    @property
    def service_level(self) -> float | None:
        return _share(self.in_time, self.answered + self.abandoned - self.short)


def measure(
    ledger: Ledger,
    thresholds: Thresholds,
    queues: Iterable[str] | None = None,
    agents: Iterable[str] | None = None,
) -> Values:
    """Of these queues and agents, or of all. Callers for whom a place is kept count at its end."""
    chosen = None if queues is None else frozenset(queues)
    visits = [
        visit
        for visit in ledger.visits
        if not visit.callback and (chosen is None or visit.queue in chosen)
    ]
    staff = ledger.agents
    people = [staff[name] for name in (staff if agents is None else agents) if name in staff]
    return _of_calls(visits, thresholds) | _of_agents(people)


def _of_calls(visits: Sequence[Visit], thresholds: Thresholds) -> Values:
    counts = Counts()
    for visit in visits:
        counts.add(visit, thresholds)
    ended = [v for v in visits if v.reason is not None and not v.refused]
    waits = sorted(visit.wait for visit in ended if visit.reason is _ANSWERED)
    waited = sum(visit.offered_at != visit.joined_at for visit in visits if not visit.refused)
    offered, abandoned, short = counts.offered, counts.abandoned, counts.short
    return {
        "offered": offered,
        "answered": counts.answered,
        "abandoned": abandoned,
        "short_abandons": short,
        "left_otherwise": counts.otherwise,
        "still_waiting": offered - counts.answered - abandoned - counts.otherwise,
        "refused": counts.refused,
        "service_level": counts.service_level,
        "asa": _mean(waits),
        "wait_p90": waits[(len(waits) - 1) * 9 // 10] if waits else None,
        "mean_wait": _mean([visit.wait for visit in ended]),
        "had_to_wait": _share(waited, offered),
        "abandonment_rate": _share(abandoned - short, offered - short),
        "abandoned_share": _share(abandoned, offered),
    }


def _of_agents(agents: Sequence[AgentDay]) -> Values:
    handling = sum(agent.of(_S.RINGING, _S.TALKING, _S.WRAP_UP) for agent in agents)
    idle = sum(agent.of(_S.READY) for agent in agents)
    rates = [agent.answered / agent.signed_in for agent in agents if agent.signed_in > 0]
    return {
        "occupancy": _share(handling, handling + idle),
        "missed": sum(agent.missed for agent in agents),
        "gini": gini(rates),
        "spread": max(rates) / min(rates) if rates and min(rates) > 0 else None,
    }


def gini(values: Sequence[float]) -> float | None:
    """Mean difference between two of them ÷ twice their mean: 0 all alike, near 1 one has all."""
    total = sum(values)
    if total <= 0:
        return None
    count = len(values)
    ranked = sum(rank * value for rank, value in enumerate(sorted(values), start=1))
    return max(2.0 * ranked / (count * total) - (count + 1) / count, 0.0)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
