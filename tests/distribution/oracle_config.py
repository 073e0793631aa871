"""The oracle under a new configuration, or a supervisor's edits to it."""

from dataclasses import replace

from pbx.distribution.config import DistributionConfig, Member, QueueConfig, Strategy
from pbx.distribution.inputs import (
    MemberDropped,
    MemberRestored,
    MemberSet,
    StrategySet,
    TagsSet,
)
from tests.distribution.oracle_facts import COUNTING
from tests.distribution.oracle_match import Matching
from tests.distribution.oracle_parts import Caller, Edit, Notes, Person

EditInput = MemberSet | MemberDropped | MemberRestored | TagsSet | StrategySet


class Configuration(Matching):
    def configure(self, config: DistributionConfig, now: float) -> None:
        self.configured = config
        queues = {queue.id for queue in config.queues}
        agents = {agent.id for agent in config.agents}
        for queue, agent in list(self.member_edits):
            if queue not in queues or agent not in agents:
                del self.member_edits[queue, agent]
        self.tag_edits = {a: tags for a, tags in self.tag_edits.items() if a in agents}
        self.strategy_edits = {q: s for q, s in self.strategy_edits.items() if q in queues}
        self.take_up(now, queues)

    def edit(self, event: EditInput, now: float) -> None:
        """Supervisors' words that change nothing, or are about nobody, mean nothing."""
        before = (dict(self.member_edits), dict(self.tag_edits), dict(self.strategy_edits))
        anew = self.note_edit(event)
        if before != (self.member_edits, self.tag_edits, self.strategy_edits):
            self.take_up(now, anew)

    def note_edit(self, event: EditInput) -> set[str]:
        """The queue that it is about."""
        queues = {queue.id for queue in self.configured.queues}
        agents = {agent.id for agent in self.configured.agents}
        match event:
            case MemberSet(queue, member, until):
                if queue in queues and member.agent in agents:
                    self.member_edits[queue, member.agent] = Edit(member, until)
            case MemberDropped(queue, agent, until):
                if queue in queues and agent in agents:
                    self.member_edits[queue, agent] = Edit(None, until)
            case MemberRestored(queue, agent):
                _ = self.member_edits.pop((queue, agent), None)
            case TagsSet(agent, tags):
                if tags is None:
                    _ = self.tag_edits.pop(agent, None)
                elif agent in agents:
                    self.tag_edits[agent] = tags
                return set()
            case StrategySet(queue, strategy):
                if strategy is None:
                    _ = self.strategy_edits.pop(queue, None)
                elif queue in queues:
                    self.strategy_edits[queue] = strategy
        return {event.queue}

    def edited(self) -> DistributionConfig:
        agents = [
            replace(agent, tags=self.tag_edits.get(agent.id, agent.tags))
            for agent in self.configured.agents
        ]
        queues = [self.edited_queue(queue) for queue in self.configured.queues]
        return replace(self.configured, queues=tuple(queues), agents=tuple(agents))

    def edited_queue(self, queue: QueueConfig) -> QueueConfig:
        members: list[Member] = list(queue.members)
        for (queue_id, agent), edit in self.member_edits.items():
            if queue_id != queue.id:
                continue
            at = next((n for n, member in enumerate(members) if member.agent == agent), None)
            here = slice(len(members), None) if at is None else slice(at, at + 1)
            members[here] = [] if edit.member is None else [edit.member]
        strategy = self.strategy_edits.get(queue.id, queue.strategy)
        return replace(queue, members=tuple(members), strategy=strategy)

    # Carrying it out.

    def take_up(self, now: float, anew: set[str]) -> None:
        """`anew`: queues whose ranking is recalculated, from now on in the same rhythm."""
        config = self.edited()
        new = {queue.id: queue for queue in config.queues}
        known = {agent.id: agent for agent in config.agents}
        for queue in list(self.queues):
            self.withdraw_strangers(queue, new.get(queue), set(known), now)
        for agent, person in self.people.items():
            if agent not in known:
                person.removed, person.signed_in = True, False
                person.wrap_until = person.delay_until = person.overdue_at = None
        self.forget_removed()
        for agent_config in config.agents:
            person = self.people.setdefault(agent_config.id, Person(agent_config))
            person.config, person.removed = agent_config, False
        old, self.queues = self.queues, new
        for queue in old.keys() - new.keys():
            del self.notes[queue]
        for queue in new:
            self.change_queue(queue, old.get(queue), now)
        for queue in new:
            if queue in anew:
                self.notes[queue].anchor = now
                self.recalculate(queue, now)
        self.freshen()
        for agent, person in self.people.items():
            if person.ready():
                self.catch_up(agent)
        for call in self.calls:
            if call.queue in new:
                self.change_call(call, new[call.queue], now)

    def withdraw_strangers(
        self, queue: str, config: QueueConfig | None, known: set[str], now: float
    ) -> None:
        members = {m.agent for m in config.members} if config is not None else set[str]()
        for call in self.line(queue):
            for agent, phone in list(call.phones.items()):
                if config is None:
                    self.stop(call, agent, "withdrawn")
                elif agent not in known or not (phone.personal or agent in members):
                    self.withdraw(agent, now, blame=False)
            if config is None:
                self.leave(call, "system")

    def forget_removed(self) -> None:
        for agent, person in list(self.people.items()):
            if person.removed and not person.talking:
                del self.people[agent]
                self.tallies = [tally for tally in self.tallies if tally.agent != agent]
                for notes in self.notes.values():
                    _ = notes.credits.pop(agent, None)

    def change_queue(self, queue: str, old: QueueConfig | None, now: float) -> None:
        config, members = self.queues[queue], self.members(queue)
        notes = self.notes.setdefault(queue, Notes())
        strategy = self.strategy(queue)
        was = None
        if old is not None:
            was = old.then if old.strategy is Strategy.MANUAL else old.strategy
        # In turn: the first of those whose turn was next who is still a member.
        first = next((agent for agent in notes.turns if agent in members), None)
        at = 0
        if first is not None and was is Strategy.ROUND_ROBIN:
            at = members.index(first)
        notes.turns = members[at:] + members[:at]
        weights = {member.agent: member.weight for member in config.members}
        kept = old is not None and weights == {m.agent: m.weight for m in old.members}
        if strategy is not was or not kept:
            notes.passes, notes.furthest = dict.fromkeys(members, 0), 0
        if old is not None and (was, old.window, old.window_seconds) != (
            strategy,
            config.window,
            config.window_seconds,
        ):
            notes.credits = {}
        if strategy not in COUNTING or not config.recalculate:
            notes.recalculate_at = notes.ranked_at = None
            notes.frozen = {}
        if not self.empty(queue):
            notes.empty_since = None
        elif notes.empty_since is None:
            notes.empty_since = now

    def change_call(self, call: Caller, config: QueueConfig, now: float) -> None:
        self.rise(call, now)
        if call.state == "talking":
            return
        call.leave_at = None
        if config.max_wait and not call.overdue and not call.callback:
            call.leave_at = call.entered + config.max_wait
        if not config.announce_every or call.callback:
            call.announce_at = None
        elif call.announce_at is None:
            call.announce_at = now + config.announce_every
        self.restage(call, now)
