"""Rules 1 to 7 and 9 of the spec, each a machine that looks at nothing but its own rule."""

import json
from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from pbx.distribution import journal
from pbx.distribution.config import DistributionConfig, QueueConfig
from pbx.distribution.core import Distribution
from pbx.distribution.effects import (
    AgentState,
    Connect,
    Effect,
    How,
    Leave,
    Release,
    Ring,
    StopCause,
    StopRinging,
)
from pbx.distribution.inputs import (
    AgentSignedOut,
    AgentUnreachable,
    Configured,
    Input,
    LeaveReason,
    MemberDropped,
    RingEnded,
    RingOutcome,
    TimePassed,
)
from pbx.snapshot import freeze, thaw
from tests.distribution.rules_inputs import AGENTS, QUEUES, WANTS, Kind
from tests.distribution.rules_machine import CallCentre, nth, step, without
from tests.distribution.rules_people import Caller
from tests.distribution.rules_wants import could_serve, restricted


class OneCallAtATime(CallCentre):
    """1. An agent never rings for two calls at once, and is never rung while not ready."""

    def at_effect(self, effect: Effect) -> None:
        if isinstance(effect, Ring):
            person = self.watch.people.get(effect.agent)
            assert person is not None, f"{effect.agent} is nobody here"
            assert not person.ringing, f"{effect.agent} rings already: {self.watch.phones}"
            assert person.ready, f"{effect.agent} is not ready: {person}"


class OneAgentPerCall(CallCentre):
    """2. A call is connected to at most one agent; who answers too late is free again at once."""

    def before(self, event: Input) -> None:
        match event:
            case RingEnded(call, agent, RingOutcome.ANSWERED):
                caller = self.watch.calls.get(call)
                self.rang = (call, agent) in self.watch.phones
                self.again = caller is not None and caller.agent == agent
            case _:
                self.rang = self.again = False

    def at_effect(self, effect: Effect) -> None:
        if isinstance(effect, Connect):
            caller = self.watch.calls[effect.call]
            assert not caller.agent, f"{effect.call} talks to {caller.agent}"

    def check(self, event: Input, effects: list[Effect]) -> None:
        connected = [effect for effect in effects if isinstance(effect, Connect)]
        released = [effect for effect in effects if isinstance(effect, Release)]
        match event:
            case RingEnded(call, agent, RingOutcome.ANSWERED):
                assert connected == ([Connect(call, agent)] if self.rang else [])
                late = not self.rang and not self.again
                assert released == ([Release(call, agent)] if late else [])
                self._check_losers(call, effects)
            case _:
                assert (connected, released) == ([], [])

    def _check_losers(self, call: str, effects: list[Effect]) -> None:
        assert not (self.rang and self.watch.ringing(call)), "phones ring for a caller who talks"
        for effect in effects:
            if not isinstance(effect, StopRinging) or effect.call != call:
                continue
            assert (effect.cause, effect.missed) == (StopCause.ANSWERED_ELSEWHERE, False)
            view = self.core.agent(effect.agent)
            assert view.ready or view.state is AgentState.RINGING
            assert self.watch.people[effect.agent].misses == view.misses

    def teardown(self) -> None:
        """What the core says of itself must not differ from what it ordered."""
        if hasattr(self, "core"):
            for queue in self.core.queues:
                for call, agent in self.core.queue(queue).talking:
                    assert self.watch.calls[call].agent == agent


class NobodyWaitsForNothing(CallCentre):
    """3. No eligible call waits while an agent whom its queue may ring now is ready."""

    def check(self, event: Input, effects: list[Effect]) -> None:
        for queue in self.watch.queues:
            for caller in self.watch.waiting(queue):
                for agent, person in self.watch.people.items():
                    if person.ready and could_serve(self.watch, caller, agent, self.now):
                        raise AssertionError(f"{caller} waits although {person} is ready")

    @step(queue=st.sampled_from(QUEUES), n=st.integers(0, 15))
    def who_is_waited_for_goes(self, queue: str, n: int) -> None:
        people = self.watch.people.items()
        busy = [name for name, person in people if person.present and not person.ready]
        if busy:
            agent = nth(busy, n)
            self.join(queue, preferred_agent=agent)
            self.do((AgentSignedOut, AgentUnreachable)[n % 2](agent))


class FirstComeFirstServed(CallCentre):
    """4. Within a queue, by priority and then arrival, unless the older one cannot use him."""

    def at_effect(self, effect: Effect) -> None:
        if not isinstance(effect, Ring) or effect.explanation.how is How.PICKED:
            return
        served = self.watch.calls[effect.call]
        queue = self.watch.queues[served.queue]
        place = served.place(queue, self.now)
        # Nobody takes over a phone that rings already who may not be served by everybody.
        shared = effect.explanation.how is How.SHARED
        for caller in self.watch.waiting(served.queue):
            if shared and (caller.kept_for or restricted(self.watch, caller, self.now)):
                continue
            if caller.place(queue, self.now) < place:
                overtook = could_serve(self.watch, caller, effect.agent, self.now)
                assert not overtook, f"{served} overtook {caller}"

    def check(self, event: Input, effects: list[Effect]) -> None:
        for queue_id, queue in self.watch.queues.items():
            line = sorted(
                self.watch.line(queue_id), key=lambda caller: caller.place(queue, self.now)
            )
            told = self.core.queue(queue_id).waiting
            assert [(w.call, w.position) for w in told] == [
                (caller.id, n) for n, caller in enumerate(line, start=1)
            ]


class EveryCallLeavesOnce(CallCentre):
    """5. Every call that joins leaves exactly once, with one of the reasons."""

    def opened(self, config: DistributionConfig, seed: int) -> None:
        self.gone: set[str] = set()

    def before(self, event: Input) -> None:
        self.inside = set(self.watch.calls)

    def at_effect(self, effect: Effect) -> None:
        match effect:
            case Leave(call, queue, _):
                caller = self.watch.calls.get(call)
                if queue not in self.watch.queues and caller is None:
                    return  # It never came in.
                assert caller is not None, f"{effect} again"
                assert caller.queue == queue
                assert not caller.agent, "whoever talks leaves by hanging up"
            case Ring(call) | Connect(call):
                assert call in self.watch.calls, f"{effect} for nobody"
            case _:
                pass

    def check(self, event: Input, effects: list[Effect]) -> None:
        for name in self.watch.queues:
            view = self.core.queue(name)
            inside = {caller.id for caller in self.watch.calls.values() if caller.queue == name}
            seen = [waiting.call for waiting in view.waiting] + [call for call, _ in view.talking]
            assert sorted(seen) == sorted(inside)
            left = self.watch.left.get(name, Counter[LeaveReason]())
            assert dict(view.left) == dict(left)
            assert view.joined == self.watch.joined[name] == len(inside) + left.total()

    def teardown(self) -> None:
        if hasattr(self, "core"):
            self.close()
            assert self.watch.calls == {}


class NobodyIsLost(CallCentre):
    """6. Every agent is in one state that the facts explain, and comes back from each of them."""

    def check(self, event: Input, effects: list[Effect]) -> None:
        assert set(self.core.agents) == set(self.watch.people)
        for name, person in self.watch.people.items():
            view = self.core.agent(name)
            assert (view.state, view.reason) == person.state(), person
            assert view.ready is person.ready, person
            told = self.watch.told.get(name)
            if told is None:
                assert view.state is AgentState.INACTIVE
            else:
                told_of = (told.state, told.reason, told.since, told.call)
                assert told_of == (view.state, view.reason, view.since, view.call)
            self._check_reason(name)
        self._check_counts()

    def _check_reason(self, name: str) -> None:
        """Whatever keeps him busy is there, or ends at a known time that is still to come."""
        view, deadline = self.core.agent(name), self.core.next_deadline
        match view.state:
            case AgentState.RINGING:
                assert (view.call, name) in self.watch.phones
                assert deadline is not None
                assert view.call in self.watch.calls
            case AgentState.TALKING:
                assert self.watch.calls[view.call].agent == name
            case AgentState.WRAP_UP | AgentState.DELAYED:
                person = self.watch.people[name]
                wrapping = view.state is AgentState.WRAP_UP
                assert view.until == (person.wrap_until if wrapping else person.rest_until)
                assert view.until is not None
                assert deadline is not None
                assert self.now < view.until
                assert deadline <= view.until
            case _:
                pass

    def _check_counts(self) -> None:
        for name, queue in self.watch.queues.items():
            states = Counter(self.watch.people[m.agent].state()[0] for m in queue.members)
            assert dict(self.core.queue(name).agents) == {s: states[s] for s in AgentState}

    def teardown(self) -> None:
        """When all calls are over and all timers have run out, who can work is ready."""
        if not hasattr(self, "core"):
            return
        self.close()
        for name, person in self.watch.people.items():
            if person.present and not person.occupied:
                assert self.core.agent(name).state is AgentState.READY, name


class TheJournalTellsAll(CallCentre):
    """7. Replaying the journal gives the same effects; a snapshot goes on as the original."""

    def opened(self, config: DistributionConfig, seed: int) -> None:
        self.lines = [journal.header(config, seed)]
        self.said: list[list[str]] = []
        self.twin: Distribution | None = None

    def check(self, event: Input, effects: list[Effect]) -> None:
        self.lines.append(journal.line(self.now, event))
        self.said.append(_lines(effects))
        if self.twin is not None:
            assert _lines(self.twin.apply(event, self.now)) == self.said[-1]
            assert self.twin.next_deadline == self.core.next_deadline
            assert _views(self.twin) == _views(self.core)

    def refused(self, event: Input) -> None:
        self.lines.append(journal.line(self.now, event))
        self.said.append([])

    @precondition(lambda self: self.twin is None)
    @rule()
    def a_snapshot_is_taken(self) -> None:
        self.twin = thaw(json.loads(json.dumps(freeze(self.core))))

    def teardown(self) -> None:
        if not hasattr(self, "core"):
            return
        core = journal.start(self.lines[0])
        replayed = list(journal.replay(self.lines[1:], core))
        assert [_lines(effects) for _, effects in replayed] == self.said
        assert [journal.line(*entry) for entry, _ in replayed] == self.lines[1:]
        assert _views(core) == _views(self.core)


def _lines(effects: list[Effect]) -> list[str]:
    return [journal.effect_line(0.0, effect) for effect in effects]


def _views(core: Distribution) -> list[str]:
    return [repr(core.queue(name)) for name in core.queues] + [
        repr(core.agent(name)) for name in core.agents
    ]


class ReconfigurationLosesNobody(CallCentre):
    """9. A new configuration in the middle of offers loses no call and leaves no phone ringing."""

    kind = Kind(least=1)
    wants = (*WANTS, *({"preferred_agent": agent} for agent in AGENTS))

    def acts(self, queue: str, agent: str) -> tuple[Input, ...]:
        drops = MemberDropped(queue, agent), MemberDropped(queue, agent, self.now + 5.0)
        return *drops, *drops, *super().acts(queue, agent)

    def before(self, event: Input) -> None:
        self.inside = list(self.watch.calls.values())
        self.old = self.watch.queues

    def check(self, event: Input, effects: list[Effect]) -> None:
        for call, agent in self.watch.phones:
            caller = self.watch.calls.get(call)
            assert caller is not None, f"{agent} rings for nobody"
            assert caller.queue in self.watch.queues
            person = self.watch.people.get(agent)
            assert person is not None, f"{agent} is not configured"
            assert not person.removed
            assert person.present, f"{person} rings"
            members = {member.agent for member in self.watch.queues[caller.queue].members}
            assert agent in members or agent == caller.preferred, f"{agent} is no member"
        rings = {
            (waiting.call, agent)
            for queue in self.core.queues
            for waiting in self.core.queue(queue).waiting
            for agent in waiting.ringing
        }
        assert rings == self.watch.phones
        if self.watch.reconfigured:
            self._check_calls(event, effects)

    @step(queue=st.sampled_from(QUEUES), n=st.integers(0, 15))
    def an_own_agent_is_deleted(self, queue: str, n: int) -> None:
        """Somebody who rings for a call of a queue that he is no member of."""
        config = self.watch.settings.queues.get(queue)
        members = {member.agent for member in config.members} if config else set[str]()
        people = self.watch.people.items()
        free = [name for name, person in people if person.ready and name not in members]
        if free:
            agent = nth(free, n)
            self.join(queue, preferred_agent=agent)
            self.do(Configured(without(self.watch.settings.given, agent)))

    def _check_calls(self, event: Input, effects: list[Effect]) -> None:
        gone = {e.call: e.reason for e in effects if isinstance(e, Leave)}
        for caller in self.inside:
            call, queue = caller.id, self.watch.queues.get(caller.queue)
            if call in self.watch.calls:
                assert call not in gone
                assert self.watch.calls[call].queue == caller.queue
            elif queue is None:
                assert gone[call] is LeaveReason.SYSTEM
            elif not isinstance(event, TimePassed):
                self._check_gone(caller, queue, gone[call])

    def _check_gone(self, caller: Caller, queue: QueueConfig, reason: LeaveReason) -> None:
        """Its queue is there: then it may leave only because its last phone became silent."""
        if reason is LeaveReason.TIMED_OUT:
            waits = [self.old[caller.queue].max_wait, queue.max_wait]
            assert min(wait for wait in waits if wait) <= self.now - caller.entered_at
        else:
            assert reason is LeaveReason.ALL_MISSED
            assert queue.rounds

    def teardown(self) -> None:
        """Nobody has become deaf: after one more configuration everything works on."""
        if hasattr(self, "core"):
            self.do(Configured(self.watch.settings.given))
            self.close()
            assert self.watch.phones == set()


RULES = {
    1: OneCallAtATime,
    2: OneAgentPerCall,
    3: NobodyWaitsForNothing,
    4: FirstComeFirstServed,
    5: EveryCallLeavesOnce,
    6: NobodyIsLost,
    7: TheJournalTellsAll,
    9: ReconfigurationLosesNobody,
}
