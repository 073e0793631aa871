"""What each agent has done, counted by hand: every answer and every talk is kept and looked at.

For `fewest_calls` and `least_talk_time`, with their windows, credits and standing rankings.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from pbx.distribution.config import Newcomer, QueueConfig, Strategy, Window
from pbx.distribution.effects import AgentState, Connect, Effect
from pbx.distribution.inputs import (
    AgentSignedIn,
    AnswerFailed,
    CallLeft,
    CallMoved,
    ConversationEnded,
    Input,
    Period,
    PeriodBegan,
    TimePassed,
)
from tests.distribution.rules_watch import Watch

COUNTED = (Strategy.FEWEST_CALLS, Strategy.LEAST_TALK_TIME)
Measure = tuple[Strategy, Window, float]


@dataclass(frozen=True, slots=True)
class Deed:
    """An answered call, or a talk that ended: when, the how-manieth input, and how much."""

    at: float
    number: int
    amount: int
    call: str
    dated: bool  # Moments are remembered only while some queue has a rolling window.


@dataclass(slots=True)
class Ranking:
    """Of a queue with `recalculate`: it stands still until `next_at`."""

    values: dict[str, int]
    next_at: float


@dataclass(slots=True)
class Tally:
    watch: Watch
    number: int = 0  # Of the input.
    answers: dict[str, list[Deed]] = field(default_factory=lambda: defaultdict(list))
    talks: dict[str, list[Deed]] = field(default_factory=lambda: defaultdict(list))
    began: dict[Period, int] = field(default_factory=dict)
    shifts: dict[str, int] = field(default_factory=dict)
    credits: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)  # Until when.
    rankings: dict[str, Ranking] = field(default_factory=dict)
    measures: dict[str, Measure | None] = field(default_factory=dict)

    def open(self) -> None:
        """A new core has ranked everybody."""
        self._settings_changed(set(self.watch.queues), 0.0)

    def value(self, queue: QueueConfig, agent: str, now: float) -> int:
        """What the queue compares: lowest first."""
        if queue.id in self.rankings:
            return self.rankings[queue.id].values.get(agent, 0)
        return self._live(queue, agent, now)

    def _live(self, queue: QueueConfig, agent: str, now: float) -> int:
        amount, until = self.credits.get((queue.id, agent), (0, 0.0))
        return self._own(queue, agent, now) + (amount if now < until else 0)

    def _own(self, queue: QueueConfig, agent: str, now: float) -> int:
        strategy = _strategy(queue)
        deeds = (self.answers if strategy is Strategy.FEWEST_CALLS else self.talks)[agent]
        return sum(deed.amount for deed in deeds if self._counts(queue, agent, deed, now))

    def _counts(self, queue: QueueConfig, agent: str, deed: Deed, now: float) -> bool:
        match queue.window:
            case Window.DAY:
                return deed.number > self.began.get(Period.DAY, 0)
            case Window.HOUR:
                return deed.number > self.began.get(Period.HOUR, 0)
            case Window.SHIFT:
                return deed.number > self.shifts.get(agent, 0)
            case Window.ROLLING:
                return deed.dated and deed.at + queue.window_seconds > now

    # The day, in the order of `CallCentre.do`.

    def before(self, event: Input, now: float) -> None:
        """The watch knows nothing of the input yet."""
        self.number += 1
        match event:
            case ConversationEnded(call) | CallLeft(call) | CallMoved(call):
                self._talk_over(event, call, now)
            case AnswerFailed(call, agent):
                caller = self.watch.calls.get(call)
                if caller is not None and caller.agent == agent:
                    self.answers[agent] = [d for d in self.answers[agent] if d.call != call]
            case AgentSignedIn(agent):
                self._signed_in(agent, now)
            case PeriodBegan(period):
                self._period_began(period)
            case TimePassed():
                for queue in self.watch.queues.values():
                    self._recalculate(queue, now)
            case _:
                pass

    def _talk_over(self, event: Input, call: str, now: float) -> None:
        caller = self.watch.calls.get(call)
        if caller is None or not caller.agent:
            return
        if isinstance(event, ConversationEnded) and event.agent != caller.agent:
            return
        if isinstance(event, CallMoved) and event.queue not in self.watch.queues:
            return
        answered = next(d for d in reversed(self.answers[caller.agent]) if d.call == call)
        spent = round(now * 1000) - round(answered.at * 1000)
        self.talks[caller.agent].append(self._deed(now, spent, call))

    def _deed(self, now: float, amount: int, call: str) -> Deed:
        rolling = any(queue.window is Window.ROLLING for queue in self.watch.queues.values())
        return Deed(now, self.number, amount, call, rolling)

    def _signed_in(self, agent: str, now: float) -> None:
        person = self.watch.people.get(agent)
        if person is None or person.removed or person.signed_in:
            return
        self.shifts[agent] = self.number
        for queue in self.watch.queues.values():
            if _strategy(queue) in COUNTED and agent in [m.agent for m in queue.members]:
                self._welcome(queue, agent, now)

    def _welcome(self, queue: QueueConfig, agent: str, now: float) -> None:
        others = [
            self.value(queue, member.agent, now)
            for member in queue.members
            if member.agent != agent
            and self.watch.people[member.agent].state()[0] is not AgentState.INACTIVE
        ]
        own = self._own(queue, agent, now)
        least = own
        if queue.newcomer is Newcomer.MINIMUM and others:
            least = max(own, min(others))
        until = now + queue.window_seconds if queue.window is Window.ROLLING else float("inf")
        self.credits[queue.id, agent] = least - own, until
        if queue.id in self.rankings:
            self.rankings[queue.id].values[agent] = least

    def _period_began(self, period: Period) -> None:
        self.began[period] = self.number
        for queue in self.watch.queues.values():
            if queue.window.value == period.value:
                self.credits = {k: v for k, v in self.credits.items() if k[0] != queue.id}

    def _recalculate(self, queue: QueueConfig, now: float) -> None:
        ranking = self.rankings.get(queue.id)
        if ranking is None or ranking.next_at > now:
            return
        ranking.values = {m.agent: self._live(queue, m.agent, now) for m in queue.members}
        while ranking.next_at <= now:
            ranking.next_at += queue.recalculate

    def taken(self, now: float) -> None:
        """The watch knows the input."""
        gone = (set(self.answers) | set(self.talks) | set(self.shifts)) - set(self.watch.people)
        for agent in gone:
            for deeds in (self.answers, self.talks):
                deeds.pop(agent, None)
            self.shifts.pop(agent, None)
        self.credits = {
            (queue, agent): credit
            for (queue, agent), credit in self.credits.items()
            if agent in self.watch.people and queue in self.watch.queues
        }
        if self.watch.reconfigured:
            self._settings_changed(self.watch.settings.touched, now)

    def _settings_changed(self, touched: set[str], now: float) -> None:
        measures = {queue.id: _measure(queue) for queue in self.watch.queues.values()}
        before, self.measures = self.measures, measures
        old, self.rankings = self.rankings, {}
        for queue in self.watch.queues.values():
            measure = measures[queue.id]
            same = measure is not None and before.get(queue.id) == measure
            if not same:
                self.credits = {k: v for k, v in self.credits.items() if k[0] != queue.id}
            if measure is None or not queue.recalculate:
                continue
            values = {m.agent: self._live(queue, m.agent, now) for m in queue.members}
            next_at = now + queue.recalculate
            if queue.id not in touched and queue.id in old:
                values, next_at = values | old[queue.id].values, old[queue.id].next_at
            self.rankings[queue.id] = Ranking(values, next_at)

    def at_effect(self, effect: Effect, now: float) -> None:
        if isinstance(effect, Connect):
            self.answers[effect.agent].append(self._deed(now, 1, effect.call))


def _strategy(queue: QueueConfig) -> Strategy:
    return queue.then if queue.strategy is Strategy.MANUAL else queue.strategy


def _measure(queue: QueueConfig) -> Measure | None:
    strategy = _strategy(queue)
    return (strategy, queue.window, queue.window_seconds) if strategy in COUNTED else None
