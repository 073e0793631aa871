"""Rule 8 again, for the strategies whose promise is about many calls: turns, shares and dice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from math import gcd
from typing import Any

from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    RetryDelays,
    Strategy,
)
from pbx.distribution.core import Distribution
from pbx.distribution.effects import Effect, Ring
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentVacated,
    CallJoined,
    CallLeft,
    Configured,
    ConversationEnded,
    Input,
    RingEnded,
    RingOutcome,
)
from pbx.snapshot import freeze, thaw

NAMES = ("anna", "bohdan", "clara", "dmytro", "eva", "fedir")


class OneLine:
    """One queue, whose calls come one after the other; time goes on by a second each."""

    def __init__(self, strategy: Strategy, members: Iterable[Member], seed: int = 0) -> None:
        delays = RetryDelays(0.0, 0.0, 0.0, 0.0)
        self.queue = QueueConfig("q", strategy, tuple(members), retry_after=delays)
        self.core = Distribution(self._config(), seed)
        self.now, self.calls = 0.0, 0
        for member in self.queue.members:
            self.apply(AgentReachable(member.agent))
            self.apply(AgentSignedIn(member.agent))

    def _config(self) -> DistributionConfig:
        names = dict.fromkeys((*NAMES, *(member.agent for member in self.queue.members)))
        return DistributionConfig((self.queue,), tuple(map(AgentConfig, names)))

    def apply(self, event: Input) -> list[Effect]:
        return self.core.apply(event, self.now)

    def rung(self, event: Input) -> str:
        """Who is rung in consequence; "": nobody."""
        rings = [effect.agent for effect in self.apply(event) if isinstance(effect, Ring)]
        assert len(rings) < 2
        return "".join(rings)

    def serve(self, rejecting: str = "") -> list[str]:
        """A call from its beginning to its end. Who was rung for it, the last one talked."""
        self.now += 1.0
        self.core.on_time(self.now)
        self.calls += 1
        call = f"c{self.calls}"
        rung = [self.rung(CallJoined(call, "q"))]
        while rung[-1] == rejecting:
            rung.append(self.rung(RingEnded(call, rejecting, RingOutcome.REJECTED)))
        if rung[-1]:
            self.apply(RingEnded(call, rung[-1], RingOutcome.ANSWERED))
            self.apply(ConversationEnded(call, rung[-1]))
        else:
            self.apply(CallLeft(call))
        return [agent for agent in rung if agent]

    def reload(self, members: Iterable[Member]) -> None:
        self.queue = replace(self.queue, members=tuple(members))
        self.apply(Configured(self._config()))

    def restart(self) -> None:
        self.core = thaw(freeze(self.core))


def turns_are_even(size: int, steady: set[int], acts: list[int]) -> None:
    """`round_robin`: offers to those who are always ready differ by one at most.

    The others come and go, reject, and are taken out of the queue and put back; the memory of
    whose turn it is survives that, reloads and restarts.
    """
    members = [Member(name) for name in NAMES[:size]]
    line = OneLine(Strategy.ROUND_ROBIN, members)
    places = {at % size for at in steady}
    always = [name for at, name in enumerate(NAMES[:size]) if at in places]
    others = [name for name in NAMES[:size] if name not in always]
    offers = Counter(dict.fromkeys(always, 0))
    busy: set[str] = set()
    for act in acts:
        other = others[act % len(others)] if others else ""
        match act % 11:
            case 0 if other:
                line.apply(AgentVacated(other) if other in busy else AgentOccupied(other))
                busy ^= {other}
            case 1:
                here = {member.agent for member in line.queue.members} ^ {other}
                line.reload(member for member in members if member.agent in here)
            case 2:
                line.restart()
            case 3:
                offers.update(set(line.serve(rejecting=other)) & set(always))
            case _:
                offers.update(set(line.serve()) & set(always))
        assert max(offers.values()) - min(offers.values()) <= 1, offers


def shares_are_exact(weights: list[int], reload_at: int, *, restart: bool) -> None:
    """`weighted`: in any run of calls as long as one cycle everybody has exactly his share."""
    names = NAMES[: len(weights)]
    members = [Member(name, weight=weight) for name, weight in zip(names, weights, strict=True)]
    line = OneLine(Strategy.WEIGHTED, members)
    cycle = sum(weights) // gcd(*weights)
    share = {name: weight // gcd(*weights) for name, weight in zip(names, weights, strict=True)}
    served: list[str] = []
    for number in range(3 * cycle):
        if number == reload_at:
            line.reload(members)
            if restart:
                line.restart()
        served += line.serve()
    for start in range(len(served) - cycle + 1):
        assert Counter(served[start : start + cycle]) == share


def orders_drawn(calls: int, agents: int) -> list[tuple[str, ...]]:
    """`random`: in which order they are rung for each of these calls, which everybody rejects."""
    names = [f"a{number}" for number in range(agents)]
    line = OneLine(Strategy.RANDOM, map(Member, names), seed=8)
    orders: list[tuple[str, ...]] = []
    for number in range(calls):
        line.now += 0.25  # Nobody rests so long.
        line.core.on_time(line.now)
        call = f"c{number}"
        order = [line.rung(CallJoined(call, "q"))]
        while len(order) < agents:
            order.append(line.rung(RingEnded(call, order[-1], RingOutcome.REJECTED)))
        line.apply(CallLeft(call))
        orders.append(tuple(order))
    return orders


def chi_square(counts: Counter[Any], kinds: int) -> float:
    """How far from even; with `kinds - 1` degrees of freedom."""
    expected = counts.total() / kinds
    seen = sum((count - expected) ** 2 / expected for count in counts.values())
    return seen + (kinds - len(counts)) * expected
