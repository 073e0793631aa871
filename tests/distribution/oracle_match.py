"""The oracle's matching: over all calls, the first that can use somebody, again and again."""

from pbx.distribution.config import Strategy, TagCount
from pbx.distribution.effects import Effect, Ring
from tests.distribution.oracle_offers import Offers
from tests.distribution.oracle_parts import Caller

Key = tuple[float, ...]


class Matching(Offers):
    def __init__(self) -> None:
        super().__init__()
        self.core_says: list[Effect] = []  # Only asked whom `random` chose.

    def match(self, now: float) -> None:
        while True:
            self.freshen()
            self.end_lost_reserves(now)
            for call in list(self.calls):
                if call.reopened and call.state == "waiting" and self.rounds_over(call):
                    self.leave(call, "all_missed")
            wishes: list[tuple[int, bool, tuple[int, float, int, str], int, Caller]] = []
            for call in self.calls:
                if call.queue not in self.queues:
                    continue
                weight = -self.queues[call.queue].weight
                if call.stepping and call.state == "ringing":
                    wishes.append((weight, False, self.place(call), 0, call))
                elif call.state == "ringing" and self.joiners(call):
                    wishes.append((weight, self.shares(call.queue), self.place(call), 1, call))
                elif call.state == "waiting" and self.usable(call):
                    wishes.append((weight, False, self.place(call), 2, call))
            if not wishes:
                break
            _, _, _, kind, call = min(wishes, key=lambda wish: wish[:4])
            if kind == 0:
                self.step(call, now)
            elif kind == 1:
                for agent in self.joiners(call):
                    self.ring(call, agent, "JOINED", now)
            else:
                self.offer(call, now)
        self.share(now)
        for call in self.calls:
            call.reopened = call.stepping = False

    # Who can be had.

    def usable(self, call: Caller) -> list[str]:
        """Ready, and to be offered this call without having asked for it."""
        if call.kept_for:
            return [call.kept_for] if self.people[call.kept_for].ready() else []
        if self.held(call):
            return []
        ready = [agent for agent in self.members(call.queue) if self.people[agent].ready()]
        return [agent for agent in ready if self.eligible(call, agent)]

    def rounds_over(self, call: Caller) -> bool:
        rounds = self.queues[call.queue].rounds
        if not rounds or not self.general(call):
            return False
        if call.round < rounds or call.round not in call.tried.values():
            return False
        return all(call.tried.get(agent) == call.round for agent in self.usable(call))

    def joiners(self, call: Caller) -> list[str]:
        if not self.joinable(call):
            return []
        found: list[str] = []
        for agent in self.usable(call):
            last = call.tried.get(agent, 0)
            if last == call.round:
                continue
            tier = self.tier(call.queue, agent)
            if not self.tiers(call.queue) or tier == call.level[1] or (last, tier) < call.level:
                found.append(agent)
        return found

    # The order.

    def operator(self, queue: str, agent: str) -> int:
        notes = self.notes[queue]
        if agent == notes.main:
            return 0
        return 1 if agent == notes.backup else 2

    def idle(self, queue: str, agent: str) -> float:
        person = self.people[agent]
        return person.idle if self.queues[queue].outbound_resets_idle else person.free

    def foreign(self, call: Caller, agent: str) -> int:
        config = self.queues[call.queue]
        tags = [tag for tag, level in self.tags(agent).items() if level >= 1]
        if config.count_tags is TagCount.FOREIGN:
            tags = [tag for tag in tags if not self.asked(call).names(tag)]
        return len(tags)

    def key(self, call: Caller, agent: str, now: float) -> Key:
        queue = call.queue
        place = self.members(queue).index(agent)
        match self.strategy(queue):
            case Strategy.LONGEST_IDLE:
                return (self.idle(queue, agent), place)
            case Strategy.ROUND_ROBIN:
                return (self.notes[queue].turns.index(agent),)
            case Strategy.IN_ORDER:
                return (self.tier(queue, agent), place)
            case Strategy.BY_RANK if self.tiers(queue):
                return (self.tier(queue, agent), place)
            case Strategy.BY_RANK:
                return (self.tier(queue, agent), self.idle(queue, agent), place)
            case Strategy.FEWEST_CALLS | Strategy.LEAST_TALK_TIME:
                return (self.value(queue, agent, now), self.idle(queue, agent), place)
            case Strategy.FEWEST_TAGS:
                return (self.foreign(call, agent), self.idle(queue, agent), place)
            case Strategy.WEIGHTED:
                return (self.notes[queue].passes[agent], place)
            case Strategy.RANDOM:
                return (0 if agent == self.drawn(call) else 1, place)
            case _:
                return (place,)

    def drawn(self, call: Caller) -> str:
        """Whom the core has drawn by lot: it may be any of those who stand equal otherwise."""
        for effect in self.core_says:
            if isinstance(effect, Ring) and effect.call == call.id and not effect.auto_answer:
                return effect.agent
        return ""

    def best(self, call: Caller, agents: list[str], now: float, operators: bool = True) -> str:
        return min(
            agents,
            key=lambda agent: (
                call.tried.get(agent, 0),
                self.operator(call.queue, agent) if operators else 0,
                self.key(call, agent, now),
            ),
        )

    # Offers.

    def offer(self, call: Caller, now: float) -> None:
        if call.kept_for:
            self.offer_alone(call, call.kept_for, call.reserve.upper(), now)
            return
        first = self.best(call, self.usable(call), now)
        again, rounds = call.tried.get(first) == call.round, self.queues[call.queue].rounds
        if again and rounds and call.round >= rounds:
            self.leave(call, "all_missed")
            return
        operator = self.operator(call.queue, first)
        if again or (operator == 2 and self.ring_all(call) and call.tried):
            call.round += 1
        if operator < 2:
            self.offer_alone(call, first, ("MAIN", "BACKUP")[operator], now)
            return
        call.state = "ringing"
        self.begin_step(call, now)
        self.ring_with(call, first, "", now)

    def offer_alone(self, call: Caller, agent: str, how: str, now: float) -> None:
        call.state, call.alone = "ringing", True
        self.ring(call, agent, how, now)

    def ring_all(self, call: Caller) -> bool:
        return self.strategy(call.queue) is Strategy.RING_ALL

    def ring_with(self, call: Caller, first: str, how: str, now: float) -> None:
        queue = call.queue
        tier = self.tier(queue, first)
        call.level = (call.tried.get(first, 0), tier)
        chosen, found = [first], "FIRST"
        if self.ring_all(call):
            chosen, found = self.usable(call), "EVERYBODY"
        elif self.tiers(queue):
            found = "TIER"
            chosen = [
                agent
                for agent in self.usable(call)
                if self.tier(queue, agent) == tier and call.tried.get(agent) != call.round
            ]
        for agent in chosen:
            self.ring(call, agent, how or found, now)

    def step(self, call: Caller, now: float) -> None:
        call.stepping = False
        call.step_until = None
        if self.keeps_ringing(call.queue):
            self.begin_step(call, now)
            untried = [a for a in self.usable(call) if call.tried.get(a) != call.round]
            if untried:
                first = self.best(call, untried, now, operators=False)
                self.ring_with(call, first, "NEXT_STEP", now)
                return
        for agent in list(call.phones):
            self.no_answer(call, agent, now)

    # Sharing.

    def share(self, now: float) -> None:
        """Whoever still waits gets half the phones, or ten, of the call with the most."""
        for queue in self.queues:
            for call in self.line(queue):
                givers = [c for c in self.line(queue) if len(c.phones) > 1]
                if call.state != "waiting" or not self.shares(queue) or not givers:
                    continue
                if self.unrestricted(call):
                    giver = max(givers, key=lambda c: (len(c.phones), -c.joined, -c.serial))
                    self.share_phones(giver, call, now)

    def share_phones(self, giver: Caller, call: Caller, now: float) -> None:
        latest = list(reversed(giver.phones))
        untried = [agent for agent in latest if agent not in call.tried]
        tried = [agent for agent in latest if agent in call.tried]
        taken = (untried + tried)[: min(len(latest) // 2, 10)]
        call.round += 1 if call.tried else 0
        call.state = "ringing"
        taken.sort(key=self.members(call.queue).index)
        call.level = (call.tried.get(taken[0], 0), self.tier(call.queue, taken[0]))
        for agent in taken:
            assert not giver.phones[agent].picked
            self.stop(giver, agent, "withdrawn")
            begun = [word for word in self.out if word[:3] == ("ring", giver.id, agent)]
            if begun:  # Not yet told to anybody.
                self.out.remove(begun[0])
                del self.out[-1]
            self.ring(call, agent, "SHARED", now)
