"""The oracle's memory, and the questions that it can answer from it by looking through lists."""

from math import lcm

from pbx.distribution.config import DistributionConfig, Member, QueueConfig, Strategy, WithinTier
from tests.distribution.oracle_parts import Caller, Edit, Notes, Person, Talked, Tally, Word
from tests.distribution.oracle_tags import Asked

COUNTING = (Strategy.FEWEST_CALLS, Strategy.LEAST_TALK_TIME)


class Facts:
    def __init__(self) -> None:
        self.configured = DistributionConfig()
        self.member_edits: dict[tuple[str, str], Edit] = {}
        self.tag_edits: dict[str, tuple[tuple[str, int], ...]] = {}
        self.strategy_edits: dict[str, Strategy] = {}
        self.queues: dict[str, QueueConfig] = {}  # As configured and edited.
        self.notes: dict[str, Notes] = {}
        self.people: dict[str, Person] = {}
        self.calls: list[Caller] = []
        self.talked: dict[str, Talked] = {}
        self.tallies: list[Tally] = []
        self.day = self.hour = 0
        self.serial = 0
        self.out: list[Word] = []

    def find(self, call_id: str) -> Caller | None:
        return next((call for call in self.calls if call.id == call_id), None)

    # Queues.

    def strategy(self, queue: str) -> Strategy:
        config = self.queues[queue]
        return config.then if config.strategy is Strategy.MANUAL else config.strategy

    def members(self, queue: str) -> list[str]:
        """In the order of their positions."""
        members = list(self.queues[queue].members)
        if self.strategy(queue) is Strategy.IN_ORDER:
            members.sort(key=lambda member: member.order)
        if self.strategy(queue) is Strategy.BY_RANK:
            members.sort(key=lambda member: -member.rank)
        return [member.agent for member in members]

    def member(self, queue: str, agent: str) -> Member | None:
        return next((m for m in self.queues[queue].members if m.agent == agent), None)

    def queues_of(self, agent: str) -> set[str]:
        return {queue for queue in self.queues if self.member(queue, agent) is not None}

    def tier(self, queue: str, agent: str) -> int:
        member = self.member(queue, agent)
        assert member is not None
        return -member.rank if self.strategy(queue) is Strategy.BY_RANK else member.order

    def tiers(self, queue: str) -> bool:
        """Does everybody of a tier, or rank, ring together?"""
        config, strategy = self.queues[queue], self.strategy(queue)
        if strategy is Strategy.BY_RANK:
            return config.within_rank is WithinTier.ALL
        return strategy is Strategy.IN_ORDER and config.within_tier is WithinTier.ALL

    def wide(self, queue: str) -> bool:
        return self.strategy(queue) is Strategy.RING_ALL or self.tiers(queue)

    def shares(self, queue: str) -> bool:
        config = self.queues[queue]
        ring_all = self.strategy(queue) is Strategy.RING_ALL
        return ring_all and config.join_ringing and config.share_ringing

    def step_seconds(self, queue: str) -> float:
        config, strategy = self.queues[queue], self.strategy(queue)
        if strategy is Strategy.BY_RANK:
            return config.rank_timeout
        if strategy is not Strategy.IN_ORDER:
            return 0.0
        if config.tier_timeout:
            return config.tier_timeout
        return config.ring_timeout if config.keep_ringing else 0.0

    def keeps_ringing(self, queue: str) -> bool:
        in_order = self.strategy(queue) is Strategy.IN_ORDER
        return in_order and self.queues[queue].keep_ringing

    def empty(self, queue: str) -> bool:
        return all(self.people[a].state()[0] == "inactive" for a in self.members(queue))

    def line(self, queue: str) -> list[Caller]:
        """Not answered yet."""
        found = [c for c in self.calls if c.queue == queue and c.state != "talking"]
        return sorted(found, key=self.place)

    def place(self, call: Caller) -> tuple[int, float, int, str]:
        priority = call.priority + call.queue_priority + call.risen
        return (-priority, call.joined, call.serial, call.id)

    def rise(self, call: Caller, now: float) -> None:
        call.risen = 0
        while (at := self.rises_at(call)) is not None and at <= now:
            call.risen += 1

    def rises_at(self, call: Caller) -> float | None:
        config = self.queues[call.queue]
        if not config.rise_every or call.risen >= config.rise_max:
            return None
        return call.joined + (call.risen + 1) * config.rise_every

    # What a call asks for.

    def asked(self, call: Caller, relaxed: bool = True) -> Asked:
        """Of the agent, as of when the call was last looked at."""
        config = self.queues[call.queue]
        drops = {
            step.drop for step in config.relax if relaxed and call.entered + step.after <= call.seen
        }
        dimensions = {tag.name: tag.dimension for tag in self.configured.tags}
        return Asked((config.requires, call.requires), frozenset(drops), dimensions)

    def tags(self, agent: str) -> dict[str, int]:
        return dict(self.people[agent].config.tags)

    def has_tags(self, call: Caller, agent: str) -> bool:
        return self.asked(call).met_by(self.tags(agent))

    def delay_passed(self, call: Caller, agent: str) -> bool:
        member = self.member(call.queue, agent)
        return member is not None and call.entered + member.delay <= call.seen

    def eligible(self, call: Caller, agent: str) -> bool:
        return self.delay_passed(call, agent) and self.has_tags(call, agent)

    # Stages.

    def held(self, call: Caller) -> bool:
        config = self.queues[call.queue]
        if config.strategy is not Strategy.MANUAL:
            return False
        return not config.auto_after or call.entered + config.auto_after > call.seen

    def general(self, call: Caller) -> bool:
        return not call.kept_for and not self.held(call)

    def unrestricted(self, call: Caller) -> bool:
        """Any member will do."""
        delays = [member.delay for member in self.queues[call.queue].members]
        pending = any(call.entered + delay > call.seen for delay in delays)
        return self.general(call) and not pending and self.asked(call).asks_nothing()

    def thresholds(self, call: Caller) -> list[float]:
        """When something will have changed about who may be offered this call."""
        config = self.queues[call.queue]
        after = [step.after for step in config.relax]
        after += [member.delay for member in config.members]
        if config.strategy is Strategy.MANUAL and config.auto_after:
            after.append(config.auto_after)
        return sorted(at for seconds in after if (at := call.entered + seconds) > call.seen)

    def stage_ends(self, call: Caller) -> float | None:
        config = self.queues[call.queue]
        ends = self.thresholds(call)
        if call.kept_for and call.reserve == "personal":
            ends.append(call.entered + config.personal_for)
        elif call.kept_for:
            ends.append(call.sticky_since + config.sticky_wait)
        return min(ends, default=None)

    def restage(self, call: Caller, now: float) -> None:
        call.seen = now
        call.reopened = call.reopened or call.state == "waiting"
        call.kept_for = ""
        if call.reserve in ("new", "personal"):
            if self.waits_for_own(call, now):
                call.reserve, call.kept_for = "personal", call.preferred
                call.personal_was = call.preferred
                return
            call.reserve, call.sticky_since = "sticky", now
            call.sticky = self.talked.get(call.number) if call.number else None
        if call.reserve == "sticky":
            if call.sticky is not None and self.waits_for_last(call, now):
                call.kept_for = call.sticky.agent
                return
            call.reserve = "over"

    def waits_for_own(self, call: Caller, now: float) -> bool:
        config = self.queues[call.queue]
        if not self.may_be_kept_for(call, call.preferred):
            return False
        ends = call.entered + config.personal_for
        return self.people[call.preferred].present() and config.personal_for > 0 and now < ends

    def waits_for_last(self, call: Caller, now: float) -> bool:
        config, sticky = self.queues[call.queue], call.sticky
        if sticky is None or sticky.agent == call.personal_was:
            return False
        if not self.may_be_kept_for(call, sticky.agent):
            return False
        if not config.sticky_for or sticky.at + config.sticky_for <= call.entered:
            return False
        if self.member(call.queue, sticky.agent) is None:
            return False
        if not self.asked(call, relaxed=False).met_by(self.tags(sticky.agent)):
            return False
        present = self.people[sticky.agent].present() or config.sticky_ignore_status
        return present and now < call.sticky_since + config.sticky_wait

    def may_be_kept_for(self, call: Caller, agent: str) -> bool:
        person = self.people.get(agent)
        return person is not None and not person.removed and agent not in call.tried

    def end_lost_reserves(self, now: float) -> None:
        """Whoever turned the call away, or is not there any more, is waited for no longer."""
        for call in self.calls:
            if not call.kept_for or call.state == "talking":
                continue
            ignored = call.reserve == "sticky" and self.queues[call.queue].sticky_ignore_status
            lost = not self.may_be_kept_for(call, call.kept_for)
            if lost or not (ignored or self.people[call.kept_for].present()):
                self.restage(call, now)

    # Nobody has what is asked for.

    def unmatched(self, call: Caller) -> bool:
        if call.callback or call.state != "waiting" or not self.general(call):
            return False
        if self.thresholds(call) or self.empty(call.queue):
            return False
        return not any(
            self.has_tags(call, agent)
            for agent in self.members(call.queue)
            if self.people[agent].state()[0] != "inactive"
        )

    def stride(self, queue: str) -> int:
        return lcm(*(member.weight for member in self.queues[queue].members))
