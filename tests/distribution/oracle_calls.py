"""The oracle's callers: how they come, are answered, and go."""

from pbx.distribution.config import DistributionConfig
from pbx.distribution.inputs import CallJoined, RingOutcome
from tests.distribution.oracle_config import Configuration
from tests.distribution.oracle_parts import Caller


def blacklisted(config: DistributionConfig, number: str) -> bool:
    for entry in config.blacklist:
        if entry == "anonymous":
            if not number:
                return True
        elif entry.endswith("*"):
            if number.startswith(entry[:-1]):
                return True
        elif entry == number:
            return True
    return False


class Calls(Configuration):
    def call_joined(self, event: CallJoined, now: float) -> None:
        if self.find(event.call) is not None:
            return
        if event.queue not in self.queues:
            self.out.append(("leave", event.call, event.queue, "system"))
            return
        if not event.callback and blacklisted(self.configured, event.number):
            self.out.append(("leave", event.call, event.queue, "blacklisted"))
            return
        self.serial += 1
        call = Caller(
            event.call,
            event.queue,
            event.priority,
            self.queues[event.queue].priority,
            now if event.joined_at is None else event.joined_at,
            self.serial,
            now,
            event.number,
            event.requires,
            event.preferred_agent,
            event.callback,
        )
        self.enter(call, now)

    def enter(self, call: Caller, now: float) -> None:
        config = self.queues[call.queue]
        full = config.max_length and len(self.line(call.queue)) >= config.max_length
        if full and not call.callback:
            self.out.append(("leave", call.id, call.queue, "queue_full"))
            return
        if not config.join_empty and not call.callback and self.empty(call.queue):
            self.out.append(("leave", call.id, call.queue, "nobody_signed_in"))
            return
        call.reopened = True
        if config.max_wait and not call.callback:
            call.leave_at = call.entered + config.max_wait
        if config.announce_every and not call.callback:
            call.announce_at = call.entered
        self.calls.append(call)
        self.rise(call, now)
        self.restage(call, now)

    def call_left(self, call_id: str, now: float) -> None:
        call = self.find(call_id)
        if call is None:
            return
        if call.state == "talking":
            self.conversation_ended(call, now)
            return
        self.calls.remove(call)
        self.stop_all(call, "caller_left")

    def callback_booked(self, call_id: str, callback: str, now: float) -> None:
        call = self.find(call_id)
        if call is None or call.state == "talking" or self.find(callback) is not None:
            return
        self.calls.remove(call)
        self.stop_all(call, "caller_left")
        booked = Caller(
            callback,
            call.queue,
            call.priority,
            call.queue_priority,
            call.joined,
            call.serial,
            now,
            call.number,
            call.requires,
            callback=True,
        )
        self.enter(booked, now)

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
        del call.phones[agent]
        person = self.people[agent]
        person.ringing = ""
        if outcome is not RingOutcome.ANSWERED:
            self.blame(call, agent, outcome, now)
            return
        person.misses = 0
        person.talking.append(call.id)
        self.out.append(("connect", call.id, agent))
        self.stop_all(call, "answered_elsewhere")
        call.state, call.agent, call.alone = "talking", agent, False
        call.step_until = call.announce_at = None
        self.count_answer(call, agent, now)

    def conversation_ended(self, call: Caller, now: float) -> None:
        self.calls.remove(call)
        person = self.people[call.agent]
        person.talking.remove(call.id)
        person.idle = person.free = now
        queue = self.queues.get(call.queue)
        seconds = person.config.wrap_up
        if seconds is not None and queue is not None and queue.wrap_up_max is not None:
            seconds = min(seconds, queue.wrap_up_max)
        if seconds is None:
            seconds = queue.wrap_up if queue is not None else 0.0
        if not person.signed_in or person.on_break:
            seconds = 0.0
        if seconds:
            person.wrap_since, person.wrap_until = now, now + seconds
            person.extensions = 0
        self.count_talk(call, seconds, now)
        self.freshen()
        self.forget_removed()

    def answer_failed(self, call_id: str, agent: str, now: float) -> None:
        call = self.find(call_id)
        if call is None or call.state != "talking" or call.agent != agent:
            return
        person = self.people[agent]
        call.agent, call.state, call.reopened = "", "waiting", True
        call.tried[agent] = call.round
        person.talking.remove(call.id)
        self.count_no_answer(call)
        self.delay(person, call.queue, RingOutcome.FAILED, now)
        self.freshen()
        self.forget_removed()
        if call.queue not in self.queues:
            self.calls.remove(call)
            self.out.append(("leave", call.id, call.queue, "system"))
            return
        self.rise(call, now)
        self.restage(call, now)
        if self.queues[call.queue].announce_every and not call.callback:
            call.announce_at = now + self.queues[call.queue].announce_every
        if call.overdue or (call.leave_at is not None and call.leave_at <= now):
            self.leave(call, "timed_out")

    def call_moved(self, call_id: str, queue: str, now: float) -> None:
        call = self.find(call_id)
        if call is None or queue not in self.queues:
            return
        if call.state == "talking":
            self.conversation_ended(call, now)
        else:
            self.calls.remove(call)
            self.stop_all(call, "withdrawn")
        moved = Caller(
            call.id,
            queue,
            call.priority,
            self.queues[queue].priority,
            call.joined,
            call.serial,
            now,
            call.number,
            call.requires,
            callback=call.callback,
        )
        self.enter(moved, now)
