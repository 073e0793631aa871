"""How the oracle rings people and stops ringing them, and lets callers go."""

from dataclasses import replace

from pbx.distribution.inputs import RingOutcome
from tests.distribution.oracle_counts import Counts
from tests.distribution.oracle_parts import Caller, Person, RungPhone


class Offers(Counts):
    def joinable(self, call: Caller) -> bool:
        """May others ring along who become ready, or may be offered the call by now?"""
        if call.state != "ringing" or call.alone or call.overdue or not self.general(call):
            return False
        picked = any(phone.picked for phone in call.phones.values())
        return self.queues[call.queue].join_ringing and self.wide(call.queue) and not picked

    def begin_step(self, call: Caller, now: float) -> None:
        seconds = self.step_seconds(call.queue)
        call.step_until = now + seconds if seconds else None

    def ring(self, call: Caller, agent: str, how: str, now: float) -> None:
        config, picked = self.queues[call.queue], how == "PICKED"
        member = self.member(call.queue, agent)
        timeout = config.ring_timeout
        if member is not None:
            timeout = member.ring_timeout or timeout
        until: float | None = now + 2.0 + timeout
        if self.keeps_ringing(call.queue) and call.step_until is not None:
            until = None
        personal = call.kept_for == agent and call.reserve == "personal"
        call.phones[agent] = RungPhone(now, None, timeout, until, picked, personal)
        self.people[agent].ringing = call.id
        ends = [at for at in (until, call.step_until) if at is not None]
        if call.leave_at is not None and not config.grace_if_ringing:
            ends.append(call.leave_at)
        self.count_offer(call.queue, agent)
        self.out.append(("ring", call.id, agent, min(ends), str(picked), how))
        self.freshen()

    def stop(self, call: Caller, agent: str, cause: str, missed: bool = False) -> None:
        """Without a look at who is ready now: that is for whoever calls this."""
        del call.phones[agent]
        self.people[agent].ringing = ""
        self.out.append(("stop", call.id, agent, cause, str(missed)))

    def stop_all(self, call: Caller, cause: str) -> None:
        for agent in list(call.phones):
            self.stop(call, agent, cause)
        self.freshen()

    def no_answer(self, call: Caller, agent: str, now: float) -> None:
        self.stop(call, agent, "no_answer", missed=True)
        self.blame(call, agent, RingOutcome.NO_ANSWER, now)

    def blame(self, call: Caller, agent: str, outcome: RingOutcome, now: float) -> None:
        call.tried[agent] = call.round
        if outcome is RingOutcome.NO_ANSWER:
            self.miss(self.people[agent])
        self.delay(self.people[agent], call.queue, outcome, now)
        self.silent(call)

    def miss(self, person: Person) -> None:
        person.misses += 1
        limit = person.config.max_no_answer
        if limit and person.misses >= limit and not person.on_break:
            person.on_break, person.break_reason, person.misses = True, "no_answer", 0

    def delay(self, person: Person, queue: str, outcome: RingOutcome, now: float) -> None:
        if person.on_break or not person.signed_in:
            return
        reason = outcome.value if outcome is not RingOutcome.FAILED else "unreachable"
        seconds = 10.0
        if queue in self.queues:
            seconds = getattr(self.queues[queue].retry_after, reason)
        person.delay_reason, person.delay_until = reason, now + max(seconds, 0.1)

    def silent(self, call: Caller) -> None:
        self.freshen()
        if call.phones or call.state != "ringing":
            return
        call.state, call.step_until, call.alone = "waiting", None, False
        call.reopened, call.stepping = True, False
        if call.overdue:
            self.leave(call, "timed_out")

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
        self.silent(call)

    def leave(self, call: Caller, reason: str) -> None:
        self.calls.remove(call)
        self.stop_all(call, "caller_left")
        self.out.append(("leave", call.id, call.queue, reason))

    # Picking from the list.

    def pick(self, call_id: str, agent: str, now: float) -> None:
        call = self.find(call_id)
        if agent not in self.people:
            return
        # A step that is due at this very moment counts, whether the call was looked at or not.
        refused = "TAKEN" if call is None else self.why_not(replace(call, seen=now), agent)
        if call is None or refused:
            self.out.append(("refused", call_id, agent, refused))
            return
        self.stop_all(call, "answered_elsewhere")
        call.state, call.step_until = "ringing", None
        call.stepping = call.alone = False
        self.ring(call, agent, "PICKED", now)

    def why_not(self, call: Caller, agent: str) -> str:
        person = self.people[agent]
        claims = [phone.picked for who, phone in call.phones.items() if who != agent]
        if call.state == "talking" or any(claims):
            return "TAKEN"
        if call.kept_for not in ("", agent):
            return "RESERVED"
        if not call.kept_for:
            if self.member(call.queue, agent) is None:
                return "NOT_A_MEMBER"
            if not self.has_tags(call, agent):
                return "LACKS_TAG"
            if not self.delay_passed(call, agent):
                return "NOT_YET"
        if person.ready():
            return ""
        if person.ringing:
            return "RINGS_IT" if person.ringing == call.id else "RINGING"
        return person.state()[0].upper()
