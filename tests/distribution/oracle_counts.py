"""What the oracle counts: calls, talks, turns of `weighted`, and what a wait is estimated from."""

from pbx.distribution.config import Newcomer, QueueConfig, Strategy, Window
from pbx.distribution.inputs import Period
from tests.distribution.oracle_facts import COUNTING, Facts
from tests.distribution.oracle_parts import Caller, Credit, Sample, Talked, Tally, rounded

STEPS = (60.0, 120.0, 180.0, 300.0, 600.0)


class Counts(Facts):
    # `fewest_calls` and `least_talk_time`.

    def counted(self, queue: str, agent: str, now: float) -> int:
        """The agent's own, in the queue's window, over all queues."""
        config, total = self.queues[queue], 0
        talk = self.strategy(queue) is Strategy.LEAST_TALK_TIME
        for tally in self.tallies:
            if tally.agent == agent and tally.talk is talk and self.within(tally, config, now):
                total += tally.amount
        return total

    def today(self, agent: str) -> tuple[int, int]:
        """Calls answered, and milliseconds talked."""
        mine = [t for t in self.tallies if t.agent == agent and t.day == self.day]
        talks = [tally.amount for tally in mine if tally.talk]
        return len(mine) - len(talks), sum(talks)

    def within(self, tally: Tally, config: QueueConfig, now: float) -> bool:
        match config.window:
            case Window.DAY:
                return tally.day == self.day
            case Window.HOUR:
                return tally.hour == self.hour
            case Window.SHIFT:
                return tally.shift == self.people[tally.agent].shift
            case Window.ROLLING:
                return tally.rolling and tally.at + config.window_seconds > now

    def fresh_value(self, queue: str, agent: str, now: float) -> int:
        credit = self.notes[queue].credits.get(agent)
        if credit is None or (credit.until is not None and credit.until <= now):
            return self.counted(queue, agent, now)
        return self.counted(queue, agent, now) + credit.amount

    def value(self, queue: str, agent: str, now: float) -> int:
        if self.queues[queue].recalculate:
            return self.notes[queue].frozen[agent]
        return self.fresh_value(queue, agent, now)

    def recalculate(self, queue: str, now: float) -> None:
        notes, every = self.notes[queue], self.queues[queue].recalculate
        notes.frozen = {}
        notes.recalculate_at = notes.ranked_at = None
        if not every or self.strategy(queue) not in COUNTING:
            return
        for agent in self.members(queue):
            notes.frozen[agent] = self.fresh_value(queue, agent, now)
        times = 1
        while notes.anchor + times * every <= now:
            times += 1
        notes.recalculate_at = notes.anchor + times * every
        notes.ranked_at = now

    def welcome(self, agent: str, now: float) -> None:
        """He has just signed in."""
        for queue, config in self.queues.items():
            if agent not in self.members(queue):
                continue
            notes = self.notes[queue]
            if self.strategy(queue) is Strategy.WEIGHTED:
                notes.passes[agent] = max(notes.passes[agent], notes.furthest)
            if self.strategy(queue) not in COUNTING:
                continue
            others = [
                self.value(queue, other, now)
                for other in self.members(queue)
                if other != agent and self.people[other].signed_in
            ]
            own = self.counted(queue, agent, now)
            _ = notes.credits.pop(agent, None)
            amount = 0
            if others and config.newcomer is Newcomer.MINIMUM:
                amount = max(0, min(others) - own)
                rolling = config.window is Window.ROLLING
                until = now + config.window_seconds if rolling else None
                notes.credits[agent] = Credit(amount, until)
            if config.recalculate:
                notes.frozen[agent] = own + amount

    def period_began(self, period: Period) -> None:
        window = Window.DAY if period is Period.DAY else Window.HOUR
        if period is Period.DAY:
            self.day += 1
        else:
            self.hour += 1
        for queue, notes in self.notes.items():
            if period is Period.DAY:
                notes.main = notes.backup = ""
            if self.queues[queue].window is window:
                notes.credits = {}

    def tally(self, agent: str, amount: int, now: float, *, talk: bool) -> Tally:
        rolling = any(queue.window is Window.ROLLING for queue in self.queues.values())
        shift = self.people[agent].shift
        tally = Tally(agent, now, talk, amount, self.day, self.hour, shift, rolling)
        self.tallies.append(tally)
        return tally

    def count_answer(self, call: Caller, agent: str, now: float) -> None:
        call.answered = now
        if call.told is not None:
            spoken = [
                sum(step < wait for step in STEPS) for wait in (call.told, now - call.told_at)
            ]
            error = (call.told_at + call.told) - now
            self.notes[call.queue].errors.append((error, abs(spoken[0] - spoken[1]) <= 1))
        call.tally = self.tally(agent, 1, now, talk=False)
        for queue in self.queues:
            if agent in self.members(queue):
                notes = self.notes[queue]
                mine = 1.0 if queue == call.queue else 0.0
                notes.share += 0.05 * (mine - notes.share)

    def count_no_answer(self, call: Caller) -> None:
        """The agent's leg failed after all."""
        self.tallies = [tally for tally in self.tallies if tally is not call.tally]
        call.tally = None

    def count_talk(self, call: Caller, wrap: float, now: float) -> None:
        spent = round(now * 1000) - round(call.answered * 1000)
        _ = self.tally(call.agent, spent, now, talk=True)
        if call.number:
            self.talked[call.number] = Talked(call.agent, now)
        if call.queue in self.queues:
            self.notes[call.queue].samples.append(Sample(now, now - call.answered, wrap))

    # `weighted`.

    def freshen(self) -> None:
        """Whoever has become ready does not make up for all that he has missed."""
        for agent, person in self.people.items():
            ready = person.ready()
            if ready and not person.was_ready:
                self.catch_up(agent)
            person.was_ready = ready

    def catch_up(self, agent: str) -> None:
        for queue in self.queues:
            notes = self.notes[queue]
            if self.strategy(queue) is Strategy.WEIGHTED and agent in notes.passes:
                least = notes.furthest - self.stride(queue)
                notes.passes[agent] = max(notes.passes[agent], least)

    def count_offer(self, queue: str, agent: str) -> None:
        member, notes = self.member(queue, agent), self.notes[queue]
        if member is None:
            return
        at = notes.turns.index(agent) + 1
        notes.turns = notes.turns[at:] + notes.turns[:at]
        if self.strategy(queue) is Strategy.WEIGHTED:
            notes.furthest = max(notes.furthest, notes.passes[agent])
            notes.passes[agent] += self.stride(queue) // member.weight

    # How long it will take.

    def expected_wait(self, call: Caller, now: float) -> float | None:
        notes = self.notes[call.queue]
        if not self.unrestricted(call):
            return None
        samples = [sample for sample in notes.samples[-50:] if sample.ended >= now - 1800.0]
        states = [self.people[agent].state()[0] for agent in self.members(call.queue)]
        serving = sum(state in ("talking", "ringing") for state in states)
        wrapping = states.count("wrap_up")
        people = serving + wrapping + states.count("ready") + states.count("delayed")
        if len(samples) < 20 or not people:
            return None
        talk = sum(sample.talk for sample in samples) / len(samples)
        wrap = sum(sample.wrap for sample in samples) / len(samples)
        if not talk and not wrap:
            return None
        talk = max(talk, 1.0)
        position = self.line(call.queue).index(call) + 1
        need = position / max(notes.share, 0.02)
        if wrap and wrapping:
            rate = wrapping / wrap + serving / talk
            if need <= rate * wrap:
                return need / rate
            return wrap + (need - rate * wrap) * (talk + wrap) / people
        return need * (talk + wrap) / people

    def announce(self, call: Caller, now: float) -> None:
        config = self.queues[call.queue]
        first = call.announce_at == call.entered
        times = 1
        while call.entered + config.announce_every * times <= now:
            times += 1
        call.announce_at = call.entered + config.announce_every * times
        if first and call.state == "ringing":
            return
        position = self.line(call.queue).index(call) + 1
        expected = self.expected_wait(call, now) if config.announce_wait else None
        if expected is not None:
            if call.told is not None:
                steps = [step for step in STEPS if step >= call.told]
                if len(steps) > 1:
                    expected = min(expected, steps[1])
            call.told, call.told_at = expected, now
        self.out.append(("announce", call.id, position, rounded(expected)))
