"""A call centre seen from outside: what each input means and each effect says, written down.

`take` is told of an input before its effects are looked at, `see` of each effect in its order.
Nothing is judged here, and nothing that a broken core says may raise.
"""

from collections import Counter
from dataclasses import replace
from typing import Final

from pbx.distribution.config import DistributionConfig, Member, QueueConfig, Strategy
from pbx.distribution.effects import (
    AgentChanged,
    Connect,
    Effect,
    How,
    Leave,
    Ring,
    StopCause,
    StopRinging,
)
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatusSet,
    AgentUnreachable,
    AgentVacated,
    AnswerFailed,
    CallbackBooked,
    CallJoined,
    CallLeft,
    CallMoved,
    Configured,
    ConversationEnded,
    Input,
    LeaveReason,
    MemberDropped,
    MemberRestored,
    MemberSet,
    OperatorsSet,
    Period,
    PeriodBegan,
    Remembered,
    RingEnded,
    RingOutcome,
    StrategySet,
    TagsSet,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from tests.distribution.rules_people import Caller, Person

LATE_KEPT: Final = 6  # Phones stopped last: their answer may still come.

Edit = tuple[Member | None, float | None]
"""What a supervisor made of a membership (None: dropped), and until when."""


class Settings:
    """The configuration with what the supervisors changed."""

    def __init__(self, config: DistributionConfig) -> None:
        self.given = config
        self.members: dict[tuple[str, str], Edit] = {}
        self.tags: dict[str, tuple[tuple[str, int], ...]] = {}
        self.strategies: dict[str, Strategy] = {}
        self.now = config
        self.queues: dict[str, QueueConfig] = {}
        self.touched: set[str] = set()  # Queues that the last input changed something about.
        self.work_out()

    def work_out(self) -> None:
        agents = {agent.id for agent in self.given.agents}
        self.now = replace(
            self.given,
            agents=tuple(
                replace(agent, tags=self.tags.get(agent.id, agent.tags))
                for agent in self.given.agents
            ),
            queues=tuple(self._queue(queue, agents) for queue in self.given.queues),
        )
        self.queues = {queue.id: queue for queue in self.now.queues}

    def _queue(self, queue: QueueConfig, agents: set[str]) -> QueueConfig:
        members = {member.agent: member for member in queue.members}
        for (queue_id, agent), (member, _) in self.members.items():
            if queue_id != queue.id or agent not in agents:
                continue
            if member is None:
                members.pop(agent, None)
            else:
                members[agent] = member
        strategy = self.strategies.get(queue.id, queue.strategy)
        return replace(queue, members=tuple(members.values()), strategy=strategy)

    def configure(self, config: DistributionConfig) -> None:
        """Edits whose queue or agent is gone are forgotten."""
        self.given = config
        queues = {queue.id for queue in config.queues}
        agents = {agent.id for agent in config.agents}
        self.members = {
            (queue, agent): edit
            for (queue, agent), edit in self.members.items()
            if queue in queues and agent in agents
        }
        self.tags = {agent: tags for agent, tags in self.tags.items() if agent in agents}
        self.strategies = {queue: s for queue, s in self.strategies.items() if queue in queues}
        self.touched = queues
        self.work_out()

    def edit(self, event: Input) -> bool:
        """Carry a live edit out; False: it is none, or nothing that would change anything."""
        before = dict(self.members), dict(self.tags), dict(self.strategies)
        self._edit(event)
        if before == (self.members, self.tags, self.strategies):
            return False
        queue = getattr(event, "queue", "")
        self.touched = {queue} if queue else set()
        self.work_out()
        return True

    def _edit(self, event: Input) -> None:
        queues = {queue.id for queue in self.given.queues}
        agents = {agent.id for agent in self.given.agents}
        match event:
            case MemberSet(queue, member, until) if queue in queues and member.agent in agents:
                self.members[queue, member.agent] = member, until
            case MemberDropped(queue, agent, until) if queue in queues and agent in agents:
                self.members[queue, agent] = None, until
            case MemberRestored(queue, agent):
                self.members.pop((queue, agent), None)
            case TagsSet(agent, None):
                self.tags.pop(agent, None)
            case TagsSet(agent, tags) if agent in agents and tags is not None:
                self.tags[agent] = tags
            case StrategySet(queue, None):
                self.strategies.pop(queue, None)
            case StrategySet(queue, strategy) if queue in queues and strategy is not None:
                self.strategies[queue] = strategy
            case _:
                pass

    def time_passes(self, now: float) -> bool:
        """Undo what was only for a while."""
        over = [key for key, (_, until) in self.members.items() if until and until <= now]
        for key in over:
            del self.members[key]
        self.touched = {queue for queue, _ in over}
        if over:
            self.work_out()
        return bool(over)


class Watch:
    def __init__(self, config: DistributionConfig) -> None:
        self.settings = Settings(config)
        self.people = {agent.id: Person(agent) for agent in config.agents}
        self.calls: dict[str, Caller] = {}  # Those inside a queue, or talking.
        self.phones: set[tuple[str, str]] = set()  # Call and agent.
        self.late: list[tuple[str, str]] = []
        self.joined: Counter[str] = Counter()
        self.left: dict[str, Counter[LeaveReason]] = {}
        self.told: dict[str, AgentChanged] = {}
        self.memory: dict[str, tuple[str, float]] = {}  # Who talked last with a number.
        self.operators: dict[str, tuple[str, str]] = {}
        self.reconfigured = False  # By this very input.
        self._serial = 0
        self._event: Input = TimePassed()
        self._withdrawn: dict[str, tuple[str, bool]] = {}  # Agent: the call; had he tried it?

    # Questions

    @property
    def queues(self) -> dict[str, QueueConfig]:
        return self.settings.queues

    def ringing(self, call: str) -> list[str]:
        return sorted(agent for ringing, agent in self.phones if ringing == call)

    def waiting(self, queue: str) -> list[Caller]:
        """Those for whom nobody rings."""
        rung = {call for call, _ in self.phones}
        return [c for c in self.line(queue) if c.id not in rung]

    def line(self, queue: str) -> list[Caller]:
        """Those who are not answered yet, in no order."""
        return [c for c in self.calls.values() if c.queue == queue and not c.agent]

    # Inputs

    def take(self, event: Input, now: float) -> None:
        self._event = event
        self._withdrawn = {}
        self.reconfigured = False
        match event:
            case CallJoined():
                self._joined(event, now)
            case CallLeft(call, reason):
                self._gone(call, reason, now)
            case CallMoved(call, queue) if call in self.calls and queue in self.queues:
                self._moved(self.calls[call], queue, now)
            case CallbackBooked(call, callback) if callback not in self.calls:
                self._booked(call, callback, now)
            case RingEnded(call, agent, outcome):
                self._ring_ended(call, agent, outcome, now)
            case AnswerFailed(call, agent) if self._talks(call, agent):
                self._answer_failed(self.calls[call], now)
            case ConversationEnded(call, agent) if self._talks(call, agent):
                self._gone(call, LeaveReason.ANSWERED, now)
            case Configured(config):
                self._configured(config, now)
            case TimePassed():
                self.reconfigured = self.settings.time_passes(now)
                for person in self.people.values():
                    person.time_passes(now)
            case OperatorsSet(queue, main, backup) if queue in self.queues:
                self.operators[queue] = main, backup
            case PeriodBegan(Period.DAY):
                self.operators.clear()
            case Remembered(number, agent, at):
                if at > self.memory.get(number, ("", -1.0))[1]:
                    self.memory[number] = agent, at
            case _:
                self._about_agent(event, now)
        if self.reconfigured or self.settings.edit(event):
            self.reconfigured = True
            self._new_settings()

    def _talks(self, call: str, agent: str) -> bool:
        caller = self.calls.get(call)
        return caller is not None and caller.agent == agent != ""

    def _joined(self, event: CallJoined, now: float) -> None:
        if event.call in self.calls or event.queue not in self.queues:
            return
        self._serial += 1
        self._enter(
            Caller(
                event.call,
                event.queue,
                now,
                now if event.joined_at is None else event.joined_at,
                self._serial,
                event.priority,
                self.queues[event.queue].priority,
                event.number,
                event.requires,
                event.preferred_agent,
                event.callback,
            )
        )

    def _enter(self, caller: Caller) -> None:
        self.calls[caller.id] = caller
        self.joined[caller.queue] += 1

    def _gone(self, call: str, reason: LeaveReason, now: float) -> None:
        caller = self.calls.pop(call, None)
        if caller is None:
            return
        self._count_left(caller, LeaveReason.ANSWERED if caller.agent else reason)
        if caller.agent:
            self._talk_over(caller, now)

    def _talk_over(self, caller: Caller, now: float) -> None:
        if caller.agent in self.people:
            person = self.people[caller.agent]
            person.talk_ends(caller.id, self.queues.get(caller.queue), now)
            self._forget(caller.agent)
        if caller.number:
            self.memory[caller.number] = caller.agent, now

    def _count_left(self, caller: Caller, reason: LeaveReason) -> None:
        if caller.queue in self.queues:
            self.left.setdefault(caller.queue, Counter())[reason] += 1

    def _moved(self, caller: Caller, queue: str, now: float) -> None:
        self._gone(caller.id, LeaveReason.MOVED, now)
        self._enter(
            Caller(
                caller.id,
                queue,
                now,
                caller.joined_at,
                caller.serial,
                caller.priority,
                self.queues[queue].priority,
                caller.number,
                caller.requires,
                "",
                caller.callback,
            )
        )

    def _booked(self, call: str, callback: str, now: float) -> None:
        caller = self.calls.get(call)
        if caller is None or caller.agent:
            return
        self._gone(call, LeaveReason.CALLBACK, now)
        self._enter(
            Caller(
                callback,
                caller.queue,
                now,
                caller.joined_at,
                caller.serial,
                caller.priority,
                caller.queue_priority,
                caller.number,
                caller.requires,
                callback=True,
            )
        )

    def _ring_ended(self, call: str, agent: str, outcome: RingOutcome, now: float) -> None:
        if (call, agent) not in self.phones:
            return
        self._silent(call, agent)
        if outcome is RingOutcome.ANSWERED or call not in self.calls:
            return
        self.calls[call].tried.add(agent)
        if agent in self.people:
            if outcome is RingOutcome.NO_ANSWER:
                self.people[agent].miss()
            self.people[agent].rest(outcome, self.queues.get(self.calls[call].queue), now)

    def _silent(self, call: str, agent: str) -> None:
        if (call, agent) in self.phones:
            self.phones.remove((call, agent))
            if agent in self.people:
                self.people[agent].ringing -= 1

    def _answer_failed(self, caller: Caller, now: float) -> None:
        caller.tried.add(caller.agent)
        person = self.people.get(caller.agent)
        if person is not None:
            if caller.id in person.talks:
                person.talks.remove(caller.id)
            person.rest(RingOutcome.FAILED, self.queues.get(caller.queue), now)
            self._forget(caller.agent)
        caller.agent = ""

    def _configured(self, config: DistributionConfig, now: float) -> None:
        before = set(self.queues)
        self.settings.configure(config)
        self.reconfigured = True
        for queue in before - set(self.queues):
            self.joined.pop(queue, None)
            self.left.pop(queue, None)
            self.operators.pop(queue, None)
        for queue in set(self.queues) - before:
            self.joined[queue] = sum(caller.queue == queue for caller in self.calls.values())
        agents = {agent.id for agent in config.agents}
        for name, person in list(self.people.items()):
            if name not in agents:
                person.removed = True
                person.sign_out()
                self._forget(name)
        for agent in config.agents:
            self.people.setdefault(agent.id, Person(agent)).removed = False

    def _forget(self, name: str) -> None:
        """Whoever is not configured any more is forgotten when his conversation ends."""
        person = self.people[name]
        if person.removed and not person.talks:
            del self.people[name]

    def _new_settings(self) -> None:
        for agent in self.settings.now.agents:
            self.people[agent.id].config = agent

    def _about_agent(self, event: Input, now: float) -> None:
        person = self.people.get(getattr(event, "agent", ""))
        if person is None or person.removed:
            return
        match event:
            case AgentSignedIn():
                person.sign_in(now)
            case AgentSignedOut():
                person.sign_out()
            case AgentStatusSet(_, status, reason):
                person.choose(status, reason, now)
            case AgentReachable():
                person.reachable = True
            case AgentUnreachable():
                person.reachable = False
            case AgentOccupied():
                person.occupied += 1
                person.idle_since = now
            case AgentVacated() if person.occupied:
                person.occupied -= 1
                person.idle_since = now
            case WrapUpEnded():
                person.end_wrap_up(now)
            case WrapUpExtended(_, seconds):
                person.extend_wrap_up(seconds)
            case _:
                pass

    # Effects

    def see(self, effect: Effect, now: float) -> None:
        match effect:
            case Ring(call, agent, _, why):
                self._rung(call, agent, why.how)
            case StopRinging(call, agent, cause, missed):
                self._stopped(call, agent, cause, missed, now)
            case Connect(call, agent):
                if call in self.calls:
                    self.calls[call].agent = agent
                if agent in self.people:
                    self.people[agent].talks.append(call)
                    self.people[agent].misses = 0
            case Leave(call, queue, reason):
                caller = self.calls.get(call)
                if caller is not None and caller.queue == queue:
                    del self.calls[call]
                    self._count_left(caller, reason)
            case AgentChanged(agent):
                self.told[agent] = effect
            case _:
                pass

    def _rung(self, call: str, agent: str, how: How) -> None:
        if (call, agent) not in self.phones:
            self.phones.add((call, agent))
            if agent in self.people:
                self.people[agent].ringing += 1
        source, had_tried = self._withdrawn.get(agent, ("", True))
        if how is How.SHARED and not had_tried and source in self.calls:
            self.calls[source].tried.discard(agent)

    def _stopped(self, call: str, agent: str, cause: StopCause, missed: bool, now: float) -> None:
        self._silent(call, agent)
        self.late = [*self.late[1 - LATE_KEPT :], (call, agent)]
        caller, person = self.calls.get(call), self.people.get(agent)
        moved = isinstance(self._event, CallMoved) and self._event.call == call
        if caller is not None and cause in (StopCause.NO_ANSWER, StopCause.WITHDRAWN) and not moved:
            self._withdrawn[agent] = call, agent in caller.tried
            caller.tried.add(agent)
        if person is not None and missed:
            person.miss()
        if person is not None and cause is StopCause.NO_ANSWER:
            queue = self.queues.get(caller.queue) if caller is not None else None
            person.rest(RingOutcome.NO_ANSWER, queue, now)
