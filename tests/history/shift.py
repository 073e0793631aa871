"""A shift in a call centre whose journal is written down, line by line."""

from collections.abc import Iterator

from pbx.distribution import journal
from pbx.distribution.config import DistributionConfig, QueueConfig
from pbx.distribution.core import Distribution
from pbx.distribution.effects import Effect
from pbx.distribution.inputs import (
    AgentReachable,
    AgentSignedIn,
    CallJoined,
    ConversationEnded,
    Input,
    RingEnded,
    RingOutcome,
    RingStarted,
    TimePassed,
)
from pbx.distribution.journal import Clock, Tally
from pbx.history import telling
from pbx.history.words import Names
from tests.distribution.desk import config_of

OPENS = 1_795_219_200.0  # Unix seconds at 0.
NAMES = Names({"anna": "Anna", "bohdan": "Bohdan", "clara": "Clara", "eva": "Eva", "ivan": "Ivan"})


def clock(unix: float) -> str:
    """Seconds since the doors opened."""
    return f"{unix - OPENS:g}"


class Shift:
    """Everybody is signed in and reachable at 1.0, one after the other, unless `absent`."""

    def __init__(self, *queues: QueueConfig, absent: tuple[str, ...] = ()) -> None:
        self.core = Distribution(config_of(*queues), 7)
        self.tally = Tally()
        self.clock = Clock(0.0, OPENS)
        self.lines = [journal.header(config_of(*queues), 7, self.clock) + "\n"]
        for agent in self.core.agents:
            if agent not in absent:
                self.do(1.0, AgentReachable(agent), AgentSignedIn(agent))

    def do(self, at: float, *events: Input) -> list[Effect]:
        """What comes due by then comes first."""
        while (due := self.core.next_deadline) is not None and due <= at:
            self._one(due, TimePassed())
        return [effect for event in events for effect in self._one(at, event)]

    def _one(self, at: float, event: Input) -> list[Effect]:
        effects = self.core.apply(event, at)
        self.lines.append(journal.line(at, event, self.tally.add(at, effects)) + "\n")
        return effects

    def join(self, at: float, call: str, queue: str = "q", number: str = "") -> None:
        self.do(at, CallJoined(call, queue, number))

    def rings(self, at: float, call: str, agent: str) -> None:
        self.do(at, RingStarted(call, agent))

    def ends(self, at: float, call: str, agent: str, outcome: RingOutcome) -> None:
        self.do(at, RingEnded(call, agent, outcome))

    def answer(self, at: float, call: str, agent: str) -> None:
        self.ends(at, call, agent, RingOutcome.ANSWERED)

    def hang_up(self, at: float, call: str, agent: str) -> None:
        self.do(at, ConversationEnded(call, agent))

    def close(self) -> None:
        self.lines.append(journal.digest_line(self.tally.digest()) + "\n")

    def story(self, call: str = "c1", names: Names = NAMES) -> list[str]:
        return tell([self.lines], call, names)


def tell(days: list[list[str]], call: str, names: Names = NAMES) -> list[str]:
    def pages() -> Iterator[tuple[list[str], int]]:
        for lines in days:
            numbers = [n for n, line in enumerate(lines, start=1) if f'"{call}"' in line]
            yield lines, max(numbers, default=0)

    return telling.tell(pages(), call, names, clock).split("\n")


__all__ = ["NAMES", "OPENS", "DistributionConfig", "Shift", "clock", "tell"]
