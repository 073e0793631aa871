"""`fewest_calls` and `least_talk_time`: who has worked least in a window."""

from collections.abc import Container
from heapq import heappop, heappush
from random import Random
from typing import Final

from pbx.distribution.agents import Agent, Credit
from pbx.distribution.config import Newcomer, QueueConfig, Strategy, Window
from pbx.distribution.effects import AgentState
from pbx.distribution.indexes import effective
from pbx.distribution.lanes import Lane
from pbx.distribution.ranked import Ranked

_INACTIVE: Final = AgentState.INACTIVE

Measure = tuple[Strategy, Window, float]
"""What is compared: a credit in one measure says nothing in another."""


def measure_of(config: QueueConfig) -> Measure | None:
    """None: the queue's strategy counts nothing."""
    strategy = effective(config)
    if strategy in (Strategy.FEWEST_CALLS, Strategy.LEAST_TALK_TIME):
        return strategy, config.window, config.window_seconds
    return None


class Counting(Ranked):
    """Compares what each member has done in the window, plus his credit as a newcomer.

    With `recalculate` the values stand still between two recalculations.
    """

    __slots__ = (
        "_expires",
        "_expiries",
        "_frozen",
        "_minimum",
        "_queue",
        "_seconds",
        "_talk",
        "_window",
        "ranked_at",
    )

    def __init__(self, config: QueueConfig, agents: list[Agent], random: Random) -> None:
        super().__init__(config, agents, random)
        self._queue = config.id
        self._talk = effective(config) is Strategy.LEAST_TALK_TIME
        self._window = config.window
        self._seconds = config.window_seconds
        self._minimum = config.newcomer is Newcomer.MINIMUM
        # By agent, the ranking as of `ranked_at`; None: it never stands still.
        self._frozen: dict[str, int] | None = {} if config.recalculate else None
        self.ranked_at: float | None = None
        # When a ready member's value changes: a heap, and by position which entry is meant.
        self._expiries: list[tuple[float, int]] = []
        self._expires: list[float | None] = [None] * len(agents)

    def value(self, position: int, lane: Lane, now: float) -> float:
        return self._compared(self.agents[position], now)

    def add(self, position: int, now: float) -> None:
        super().add(position, now)
        if self._window is Window.ROLLING and self._frozen is None:
            agent = self.agents[position]
            at = agent.work.next_expiry(self._seconds, now, talk=self._talk)
            credit = agent.credits.get(self._queue)
            if credit is not None and credit.until is not None and credit.until > now:
                at = credit.until if at is None else min(at, credit.until)
            self._expires[position] = at
            if at is not None:
                heappush(self._expiries, (at, position))

    def first(self, lane: Lane, skip: Container[int], now: float) -> int:
        expiries = self._expiries
        while expiries and expiries[0][0] <= now:
            at, position = heappop(expiries)
            if self._expires[position] == at and self.is_ready(position):
                self.add(position, now)
        return super().first(lane, skip, now)

    def welcome(self, agent: Agent, now: float) -> None:
        """The agent has just signed in: how much he is taken to have done."""
        own = self._own(agent, now)
        least = self._least_of_the_others(agent, own, now) if self._minimum else own
        _ = agent.credits.pop(self._queue, None)
        if least > own:
            until = now + self._seconds if self._window is Window.ROLLING else None
            agent.credits[self._queue] = Credit(least - own, until)
        if self._frozen is not None:
            self._frozen[agent.id] = max(own, least)

    def recalculate(self, now: float) -> None:
        """Rank everybody anew."""
        if self._frozen is not None:
            self._frozen = {agent.id: self._live(agent, now) for agent in self.agents}
            self.ranked_at = now
        self.refill(now)

    def take_over(self, before: "Counting", now: float) -> None:
        """The ranking stands still on; new members come into it as they are."""
        if self._frozen is not None and before._frozen is not None:
            live = {agent.id: self._live(agent, now) for agent in self.agents}
            self._frozen = live | before._frozen
            self.ranked_at = before.ranked_at

    def begin(self, window: Window, now: float) -> None:
        """A day or an hour has begun; the agents' work knows."""
        if window is not self._window:
            return
        for agent in self.agents:
            _ = agent.credits.pop(self._queue, None)
        self.refill(now)

    def _least_of_the_others(self, agent: Agent, own: int, now: float) -> int:
        """Or `own`, as soon as it is clear that it is not more."""
        least: int | None = None
        for other in self.agents:
            if other is not agent and other.state is not _INACTIVE:
                value = self._compared(other, now)
                if value <= own:
                    return own
                least = value if least is None else min(least, value)
        return own if least is None else least

    def _compared(self, agent: Agent, now: float) -> int:
        if self._frozen is not None:
            return self._frozen.get(agent.id, 0)
        return self._live(agent, now)

    def _live(self, agent: Agent, now: float) -> int:
        """Calls, or milliseconds of talk, with the credit."""
        value = self._own(agent, now)
        credit = agent.credits.get(self._queue)
        if credit is not None and (credit.until is None or now < credit.until):
            value += credit.amount
        return value

    def _own(self, agent: Agent, now: float) -> int:
        if self._talk:
            return agent.work.talk_in(self._window, self._seconds, now)
        return agent.work.calls_in(self._window, self._seconds, now)
