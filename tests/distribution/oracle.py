"""The distribution written a second time, as naively as possible: lists, scans, no index, no heap.

It follows the spec's words and knows nothing of the core's parts. Its effects are tuples of a
word and the fields that matter, compared with the core's as a sorted list after every input.
"""

from pbx.distribution.config import (
    DistributionConfig,
    QueueConfig,
    Strategy,
    WithinTier,
)
from pbx.distribution.inputs import (
    AgentOccupied,
    AgentReachable,
    AgentSignedIn,
    AgentSignedOut,
    AgentStatus,
    AgentStatusSet,
    AgentUnreachable,
    AgentVacated,
    AnswerFailed,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
    ConversationEnded,
    Input,
    RingEnded,
    RingOutcome,
    RingStarted,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from tests.distribution.oracle_parts import Caller, Person, RungPhone, Word


class Oracle:
    def __init__(self, config: DistributionConfig) -> None:
        self.people: dict[str, Person] = {}
        self.calls: list[Caller] = []
        self.queues: dict[str, QueueConfig] = {}
        self.last_offered: dict[str, list[str]] = {}  # The order of turns, by queue.
        self.empty_since: dict[str, float] = {}
        self.answers: dict[str, list[float]] = {}
        self.out: list[Word] = []
        self.count = 0
        self.configure(config, 0.0)

    # The door.

    def apply(self, event: Input, now: float) -> list[Word]:
        self.out = []
        match event:
            case CallJoined():
                self.call_joined(event, now)
            case CallLeft(call_id, _):
                self.call_left(call_id, now)
            case RingStarted(call_id, agent):
                self.ring_started(call_id, agent, now)
            case RingEnded(call_id, agent, outcome):
                self.ring_ended(call_id, agent, outcome, now)
            case AnswerFailed(call_id, agent):
                self.answer_failed(call_id, agent, now)
            case ConversationEnded(call_id, agent):
                call = self.find(call_id)
                if call is not None and call.state == "talking" and call.agent == agent:
                    self.conversation_ended(call, now)
            case CallPicked(call_id, agent):
                self.call_picked(call_id, agent, now)
            case CallMoved(call_id, queue):
                self.call_moved(call_id, queue, now)
            case Configured(config):
                self.configure(config, now)
            case TimePassed():
                self.time_passed(now)
            case _:
                person = self.people.get(event.agent)
                if person is not None and not person.removed:
                    self.person_event(event, person, now)
        self.match(now)
        self.watch_empty(now)
        return sorted(self.out, key=repr)

    def next_deadline(self) -> float | None:
        return min((at for at, _, _, _ in self.deadlines()), default=None)

    # Facts.

    def find(self, call_id: str) -> Caller | None:
        return next((call for call in self.calls if call.id == call_id), None)

    def members(self, queue: str) -> list[str]:
        config = self.queues[queue]
        members = list(config.members)
        if config.strategy is Strategy.IN_ORDER:
            members.sort(key=lambda member: member.order)
        return [member.agent for member in members]

    def tier(self, queue: str, agent: str) -> int:
        return next(m.order for m in self.queues[queue].members if m.agent == agent)

    def line(self, queue: str) -> list[Caller]:
        """Not answered yet."""
        found = [c for c in self.calls if c.queue == queue and c.state != "talking"]
        return sorted(found, key=Caller.order)

    def ready(self, queue: str) -> list[str]:
        return [agent for agent in self.members(queue) if self.people[agent].ready()]

    def empty(self, queue: str) -> bool:
        return all(self.people[a].state()[0] == "inactive" for a in self.members(queue))

    def key(self, queue: str, agent: str) -> tuple[float, ...]:
        config, members = self.queues[queue], self.members(queue)
        place = members.index(agent)
        if config.strategy is Strategy.LONGEST_IDLE:
            person = self.people[agent]
            return (person.idle if config.outbound_resets_idle else person.free, place)
        if config.strategy is Strategy.ROUND_ROBIN:
            return (self.last_offered[queue].index(agent),)
        if config.strategy is Strategy.IN_ORDER:
            return (self.tier(queue, agent), place)
        return (place,)

    def wide(self, queue: str) -> bool:
        config = self.queues[queue]
        if config.strategy is Strategy.RING_ALL:
            return True
        return config.strategy is Strategy.IN_ORDER and config.within_tier is WithinTier.ALL

    def step_seconds(self, queue: str) -> float:
        config = self.queues[queue]
        if config.strategy is not Strategy.IN_ORDER:
            return 0.0
        if config.tier_timeout:
            return config.tier_timeout
        return config.ring_timeout if config.keep_ringing else 0.0

    # Matching: over all pairs, the first call that can use somebody, again and again.

    def match(self, now: float) -> None:
        while True:
            for call in list(self.calls):
                if call.reopened and call.state == "waiting" and self.rounds_over(call):
                    self.leave(call, "timed_out", now)
            wishes: list[tuple[int, bool, tuple[int, float, int], int, Caller]] = []
            for call in self.calls:
                if call.queue not in self.queues:
                    continue
                weight = -self.queues[call.queue].weight
                if call.stepping and call.state == "ringing":
                    wishes.append((weight, False, call.order(), 0, call))
                elif call.state == "ringing" and self.joiners(call):
                    wishes.append((weight, self.shares(call.queue), call.order(), 1, call))
                elif call.state == "waiting" and self.ready(call.queue):
                    wishes.append((weight, False, call.order(), 2, call))
            if not wishes:
                break
            _, _, _, kind, call = min(wishes, key=lambda wish: wish[:4])
            if kind == 0:
                self.step(call, now)
            elif kind == 1:
                for agent in self.joiners(call):
                    self.ring(call, agent, now)
            else:
                self.offer(call, now)
        self.share(now)
        for call in self.calls:
            call.reopened = call.stepping = False

    def shares(self, queue: str) -> bool:
        config = self.queues[queue]
        ring_all = config.strategy is Strategy.RING_ALL
        return ring_all and config.join_ringing and config.share_ringing

    def share(self, now: float) -> None:
        """Whoever still waits gets half the phones, or ten, of the call with the most."""
        for queue in self.queues:
            for call in self.line(queue):
                givers = [c for c in self.line(queue) if len(c.phones) > 1]
                if call.state != "waiting" or not self.shares(queue) or not givers:
                    continue
                giver = max(givers, key=lambda c: (len(c.phones), -c.joined, -c.number))
                latest = list(reversed(giver.phones))
                untried = [agent for agent in latest if agent not in call.tried]
                tried = [agent for agent in latest if agent in call.tried]
                taken = (untried + tried)[: min(len(latest) // 2, 10)]
                call.round += 1 if call.tried else 0
                call.state = "ringing"
                self.set_joinable(call)
                for agent in sorted(taken, key=self.members(queue).index):
                    assert not giver.phones[agent].picked
                    self.stop(giver, agent, "withdrawn")
                    begun = [word for word in self.out if word[:3] == ("ring", giver.id, agent)]
                    if begun:  # Not yet told to anybody.
                        self.out.remove(begun[0])
                        del self.out[-1]
                    self.ring(call, agent, now)

    def rounds_over(self, call: Caller) -> bool:
        config = self.queues[call.queue]
        if config.strategy is not Strategy.IN_ORDER or not config.rounds:
            return False
        if call.round < config.rounds or call.round not in call.tried.values():
            return False
        return all(call.tried.get(agent) == call.round for agent in self.ready(call.queue))

    def joiners(self, call: Caller) -> list[str]:
        if not call.joinable:
            return []
        found: list[str] = []
        for agent in self.ready(call.queue):
            last = call.tried.get(agent, 0)
            if last == call.round:
                continue
            tier = self.tier(call.queue, agent)
            if (
                self.queues[call.queue].strategy is Strategy.RING_ALL
                or tier == call.level[1]
                or (last, tier) < call.level
            ):
                found.append(agent)
        return found

    def best(self, call: Caller, agents: list[str]) -> str:
        return min(agents, key=lambda a: (call.tried.get(a, 0), self.key(call.queue, a)))

    def offer(self, call: Caller, now: float) -> None:
        first = self.best(call, self.ready(call.queue))
        ring_all = self.queues[call.queue].strategy is Strategy.RING_ALL
        if call.tried.get(first) == call.round or (ring_all and call.tried):
            call.round += 1
        call.state = "ringing"
        self.begin_step(call, now)
        self.set_joinable(call)
        self.ring_with(call, first, now)

    def ring_with(self, call: Caller, first: str, now: float) -> None:
        queue = call.queue
        tier = self.tier(queue, first)
        call.level = (call.tried.get(first, 0), tier)
        chosen = [first]
        if self.queues[queue].strategy is Strategy.RING_ALL:
            chosen = self.ready(queue)
        elif self.wide(queue):
            chosen = [
                agent
                for agent in self.ready(queue)
                if self.tier(queue, agent) == tier and call.tried.get(agent) != call.round
            ]
        for agent in chosen:
            self.ring(call, agent, now)

    def step(self, call: Caller, now: float) -> None:
        call.stepping = False
        call.step_until = None
        if self.queues[call.queue].keep_ringing and self.step_seconds(call.queue):
            self.begin_step(call, now)
            untried = [a for a in self.ready(call.queue) if call.tried.get(a) != call.round]
            if untried:
                self.ring_with(call, self.best(call, untried), now)
                return
        for agent in list(call.phones):
            self.no_answer(call, agent, now)

    # Offers.

    def begin_step(self, call: Caller, now: float) -> None:
        seconds = self.step_seconds(call.queue)
        call.step_until = now + seconds if seconds else None

    def set_joinable(self, call: Caller) -> None:
        config = self.queues[call.queue]
        picked = any(phone.picked for phone in call.phones.values())
        call.joinable = (
            config.join_ringing and self.wide(call.queue) and not picked and not call.overdue
        )

    def ring(self, call: Caller, agent: str, now: float, picked: bool = False) -> None:
        config = self.queues[call.queue]
        member = next(m for m in config.members if m.agent == agent)
        timeout = member.ring_timeout or config.ring_timeout
        until: float | None = now + 2.0 + timeout
        if config.keep_ringing and call.step_until is not None:
            until = None
        call.phones[agent] = RungPhone(now, None, timeout, until, picked)
        self.people[agent].ringing = call.id
        ends = [at for at in (until, call.step_until) if at is not None]
        if call.leave_at is not None and not config.grace_if_ringing:
            ends.append(call.leave_at)
        turns = self.last_offered[call.queue]
        at = turns.index(agent) + 1
        self.last_offered[call.queue] = turns[at:] + turns[:at]
        self.out.append(("ring", call.id, agent, min(ends), str(picked)))

    def stop(self, call: Caller, agent: str, cause: str, missed: bool = False) -> None:
        del call.phones[agent]
        self.people[agent].ringing = ""
        self.out.append(("stop", call.id, agent, cause, str(missed)))

    def no_answer(self, call: Caller, agent: str, now: float) -> None:
        self.stop(call, agent, "no_answer", missed=True)
        self.blame(call, agent, RingOutcome.NO_ANSWER, now)

    def blame(self, call: Caller, agent: str, outcome: RingOutcome, now: float) -> None:
        call.tried[agent] = call.round
        if outcome is RingOutcome.NO_ANSWER:
            self.miss(self.people[agent])
        self.delay(self.people[agent], call.queue, outcome, now)
        self.silent(call, now)

    def miss(self, person: Person) -> None:
        person.misses += 1
        limit = person.config.max_no_answer
        if limit and person.misses >= limit and not person.on_break:
            person.on_break, person.break_reason, person.misses = True, "no_answer", 0

    def delay(self, person: Person, queue: str, outcome: RingOutcome, now: float) -> None:
        if person.on_break or not person.signed_in or queue not in self.queues:
            return
        delays = self.queues[queue].retry_after
        reason = outcome.value if outcome is not RingOutcome.FAILED else "unreachable"
        seconds: float = getattr(delays, reason)
        person.delay_reason, person.delay_until = reason, now + max(seconds, 0.1)

    def silent(self, call: Caller, now: float) -> None:
        if call.phones or call.state != "ringing":
            return
        call.state, call.joinable, call.step_until = "waiting", False, None
        call.reopened, call.stepping = True, False
        if call.overdue:
            self.leave(call, "timed_out", now)

    def withdraw(self, agent: str, now: float, blame: bool) -> None:
        person = self.people[agent]
        if not person.ringing:
            return
        call = self.find(person.ringing)
        assert call is not None
        phone = call.phones[agent]
        rings_since = phone.offered + 2.0
        if phone.started is not None:
            rings_since = min(rings_since, phone.started)
        missed = blame and now - rings_since >= 2.0
        if missed:
            self.miss(person)
        call.tried[agent] = call.round
        self.stop(call, agent, "withdrawn", missed)
        self.silent(call, now)

    def leave(self, call: Caller, reason: str, now: float) -> None:
        self.calls.remove(call)
        for agent in list(call.phones):
            self.stop(call, agent, "caller_left")
        self.out.append(("leave", call.id, call.queue, reason))

    # Calls.

    def call_joined(self, event: CallJoined, now: float) -> None:
        if self.find(event.call) is not None:
            return
        if event.queue not in self.queues:
            self.out.append(("leave", event.call, event.queue, "system"))
            return
        self.count += 1
        joined = now if event.joined_at is None else event.joined_at
        priority = event.priority + self.queues[event.queue].priority
        self.enter(Caller(event.call, event.queue, priority, joined, self.count, now))

    def enter(self, call: Caller) -> None:
        config = self.queues[call.queue]
        if config.max_length and len(self.line(call.queue)) >= config.max_length:
            self.out.append(("leave", call.id, call.queue, "queue_full"))
        elif not config.join_empty and self.empty(call.queue):
            self.out.append(("leave", call.id, call.queue, "nobody_signed_in"))
        else:
            call.reopened = True
            if config.max_wait:
                call.leave_at = call.entered + config.max_wait
            if config.announce_every:
                call.announce_at = call.entered
            self.calls.append(call)

    def call_left(self, call_id: str, now: float) -> None:
        call = self.find(call_id)
        if call is None:
            return
        if call.state == "talking":
            self.conversation_ended(call, now)
            return
        self.calls.remove(call)
        for agent in list(call.phones):
            self.stop(call, agent, "caller_left")

    def ring_started(self, call_id: str, agent: str, now: float) -> None:
        call = self.find(call_id)
        phone = call.phones.get(agent) if call is not None else None
        if phone is None or phone.started is not None:
            return
        phone.started = now
        if phone.until is not None:
            phone.until = min(now, phone.offered + 2.0) + phone.timeout

    def ring_ended(self, call_id: str, agent: str, outcome: RingOutcome, now: float) -> None:
        call = self.find(call_id)
        if call is None or agent not in call.phones:
            winner = call is not None and call.agent == agent
            if outcome is RingOutcome.ANSWERED and not winner:
                self.out.append(("release", call_id, agent))
            return
        if outcome is not RingOutcome.ANSWERED:
            del call.phones[agent]
            self.people[agent].ringing = ""
            self.blame(call, agent, outcome, now)
            return
        del call.phones[agent]
        person = self.people[agent]
        person.ringing, person.misses = "", 0
        person.talking.append(call.id)
        self.out.append(("connect", call.id, agent))
        for other in list(call.phones):
            self.stop(call, other, "answered_elsewhere")
        call.state, call.agent, call.joinable = "talking", agent, False
        call.step_until = call.announce_at = None
        self.answers[call.queue].append(now)

    def conversation_ended(self, call: Caller, now: float) -> None:
        self.calls.remove(call)
        person = self.people[call.agent]
        person.talking.remove(call.id)
        person.idle = person.free = now
        queue = self.queues.get(call.queue)
        seconds = person.config.wrap_up
        if seconds is None:
            seconds = queue.wrap_up if queue is not None else 0.0
        if seconds and person.signed_in and not person.on_break:
            person.wrap_since, person.wrap_until = now, now + seconds
        self.forget_removed()

    def answer_failed(self, call_id: str, agent: str, now: float) -> None:
        call = self.find(call_id)
        if call is None or call.state != "talking" or call.agent != agent:
            return
        person = self.people[agent]
        call.agent, call.state, call.reopened = "", "waiting", True
        call.tried[agent] = call.round
        person.talking.remove(call.id)
        if call.queue not in self.queues:
            if person.signed_in and not person.on_break:
                person.delay_reason, person.delay_until = "unreachable", now + 10.0
            self.calls.remove(call)
            self.out.append(("leave", call.id, call.queue, "system"))
            self.forget_removed()
            return
        self.delay(person, call.queue, RingOutcome.FAILED, now)
        if self.queues[call.queue].announce_every:
            call.announce_at = now + self.queues[call.queue].announce_every
        if call.overdue or (call.leave_at is not None and call.leave_at <= now):
            self.leave(call, "timed_out", now)
        self.forget_removed()

    def call_picked(self, call_id: str, agent: str, now: float) -> None:
        call = self.find(call_id)
        if call is None or call.state == "talking" or agent not in self.people:
            return
        if agent not in self.members(call.queue) or not self.people[agent].ready():
            return
        for other in list(call.phones):
            self.stop(call, other, "answered_elsewhere")
        call.state, call.step_until, call.joinable = "ringing", None, False
        call.stepping = False
        self.ring(call, agent, now, picked=True)

    def call_moved(self, call_id: str, queue: str, now: float) -> None:
        call = self.find(call_id)
        if call is None or queue not in self.queues:
            return
        if call.state == "talking":
            self.conversation_ended(call, now)
        else:
            self.calls.remove(call)
            for agent in list(call.phones):
                self.stop(call, agent, "withdrawn")
        priority = call.priority + self.queues[queue].priority
        priority -= self.queues[call.queue].priority if call.queue in self.queues else 0
        self.enter(Caller(call.id, queue, priority, call.joined, call.number, now))

    # People.

    def person_event(self, event: Input, person: Person, now: float) -> None:
        agent = person.config.id
        match event:
            case AgentSignedIn():
                if not person.signed_in:
                    person.signed_in, person.on_break, person.misses = True, False, 0
                    person.idle = person.free = now
            case AgentSignedOut():
                person.signed_in = False
                self.withdraw(agent, now, blame=True)
                person.wrap_until = person.delay_until = None
                person.misses = 0
            case AgentStatusSet(_, status, reason):
                if not person.signed_in:
                    return
                on_break = status is AgentStatus.BREAK
                if on_break is not person.on_break:
                    person.idle = person.free = now
                person.on_break, person.break_reason = on_break, reason
                if on_break:
                    self.withdraw(agent, now, blame=True)
                    person.wrap_until = person.delay_until = None
                else:
                    person.misses = 0
            case AgentReachable():
                person.reachable = True
            case AgentUnreachable():
                person.reachable = False
                self.withdraw(agent, now, blame=False)
            case AgentOccupied():
                person.outside += 1
                person.idle = now
                if not person.config.ring_in_use:
                    self.withdraw(agent, now, blame=False)
            case AgentVacated():
                if person.outside:
                    person.outside -= 1
                    person.idle = now
            case WrapUpEnded():
                if person.wrap_until is not None:
                    person.wrap_until = None
                    person.idle = person.free = now
            case WrapUpExtended(_, seconds):
                if person.wrap_until is not None:
                    limit = person.wrap_since + person.config.wrap_up_max
                    limit = max(limit, person.wrap_until)
                    person.wrap_until = min(person.wrap_until + max(0.0, seconds), limit)
            case _:
                raise AssertionError(event)

    def forget_removed(self) -> None:
        for agent, person in list(self.people.items()):
            if person.removed and not person.talking:
                del self.people[agent]

    # Time.

    def deadlines(self) -> list[tuple[float, int, str, str]]:
        found: list[tuple[float, int, str, str]] = []

        def add(at: float | None, kind: int, owner: str, agent: str = "") -> None:
            if at is not None:
                found.append((at, kind, owner, agent))

        for agent, person in self.people.items():
            add(person.wrap_until, 0, agent)
            add(person.delay_until, 1, agent)
        for call in self.calls:
            for agent, phone in call.phones.items():
                add(phone.until, 2, call.id, agent)
            add(call.step_until, 3, call.id)
            if call.state != "talking":
                add(call.leave_at, 4, call.id)
            add(call.announce_at, 6, call.id)
        for queue in self.queues:
            add(self.empty_at(queue), 5, queue)
        return found

    def empty_at(self, queue: str) -> float | None:
        after, line = self.queues[queue].leave_empty_after, self.line(queue)
        if after is None or not line or queue not in self.empty_since:
            return None
        return max(min(c.entered for c in line), self.empty_since[queue]) + after

    def time_passed(self, now: float) -> None:
        done: set[tuple[float, int, str, str]] = set()
        while True:
            due = [d for d in self.deadlines() if d[0] <= now and d not in done]
            if not due:
                return
            deadline = min(due)
            done.add(deadline)
            self.due(deadline, now)

    def due(self, deadline: tuple[float, int, str, str], now: float) -> None:
        _, kind, owner, agent = deadline
        call = self.find(owner) if kind in (2, 3, 4, 6) else None
        if kind == 0:
            person = self.people[owner]
            person.wrap_until = None
            person.idle = person.free = now
        elif kind == 1:
            self.people[owner].delay_until = None
        elif kind == 5:
            for waiting in self.line(owner):
                after = self.queues[owner].leave_empty_after
                assert after is not None
                if max(waiting.entered, self.empty_since[owner]) + after <= now:
                    self.leave(waiting, "nobody_signed_in", now)
        elif call is None:
            pass
        elif kind == 2:
            self.no_answer(call, agent, now)
        elif kind == 3:
            call.stepping = True
        elif kind == 4:
            call.leave_at = None
            if call.state == "ringing" and self.queues[call.queue].grace_if_ringing:
                call.overdue = True
                self.set_joinable(call)
            elif call.state != "talking":
                self.leave(call, "timed_out", now)
        else:
            self.announce(call, now)

    def announce(self, call: Caller, now: float) -> None:
        config = self.queues[call.queue]
        first = call.announce_at == call.entered
        passed = int((now - call.entered) / config.announce_every) + 1
        call.announce_at = call.entered + config.announce_every * passed
        if first and call.state == "ringing":
            return
        position = self.line(call.queue).index(call) + 1
        recent = [at for at in self.answers[call.queue][-50:] if at >= now - 1800.0]
        expected: float | None = None
        if config.announce_wait and len(recent) >= 20:
            expected = position * (now - recent[0]) / len(recent)
            if call.told is not None:
                steps = [s for s in (60.0, 120.0, 180.0, 300.0, 600.0) if s >= call.told]
                if len(steps) > 1:
                    expected = min(expected, steps[1])
            call.told = expected
        self.out.append(("announce", call.id, position, expected))

    def watch_empty(self, now: float) -> None:
        for queue in self.queues:
            if not self.empty(queue):
                self.empty_since.pop(queue, None)
            elif queue not in self.empty_since:
                self.empty_since[queue] = now

    # Configuration.

    def configure(self, config: DistributionConfig, now: float) -> None:
        new = {queue.id: queue for queue in config.queues}
        for queue in list(self.queues):
            kept = {m.agent for m in new[queue].members} if queue in new else set[str]()
            for call in self.line(queue):
                for agent in [a for a in call.phones if a not in kept]:
                    if queue in new:
                        self.withdraw(agent, now, blame=False)
                    else:
                        self.stop(call, agent, "withdrawn")
                if queue not in new:
                    self.leave(call, "system", now)
        known = {agent.id: agent for agent in config.agents}
        for agent, person in self.people.items():
            if agent not in known:
                person.removed, person.signed_in = True, False
                person.wrap_until = person.delay_until = None
        self.forget_removed()
        for agent_config in config.agents:
            person = self.people.setdefault(agent_config.id, Person(agent_config))
            person.config, person.removed = agent_config, False
        self.change_queues(new, now)

    def change_queues(self, new: dict[str, QueueConfig], now: float) -> None:
        for queue in self.queues.keys() - new.keys():
            self.empty_since.pop(queue, None)
            del self.last_offered[queue], self.answers[queue]
        old, self.queues = self.queues, new
        for queue, queue_config in new.items():
            self.answers.setdefault(queue, [])
            turns = self.last_offered.get(queue, [])
            members = self.members(queue)
            was = old.get(queue)
            round_robin = was is not None and was.strategy is Strategy.ROUND_ROBIN
            first = next((agent for agent in turns if agent in members), None)
            at = members.index(first) if first is not None and round_robin else 0
            self.last_offered[queue] = members[at:] + members[:at]
            for call in self.line(queue):
                self.change_call(call, queue_config, now)
        for queue in new:
            if self.empty(queue):
                self.empty_since.setdefault(queue, now)

    def change_call(self, call: Caller, config: QueueConfig, now: float) -> None:
        call.reopened = call.state == "waiting"
        call.leave_at = None
        if config.max_wait and not call.overdue:
            call.leave_at = call.entered + config.max_wait
        if not config.announce_every:
            call.announce_at = None
        elif call.announce_at is None:
            call.announce_at = now + config.announce_every
        if call.state == "ringing":
            self.set_joinable(call)
