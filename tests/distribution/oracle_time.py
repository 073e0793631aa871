"""The oracle's clock: everything that is due at a time, found by looking at everything."""

from pbx.distribution.inputs import MemberRestored
from tests.distribution.oracle_calls import Calls
from tests.distribution.oracle_parts import Caller

Deadline = tuple[float, int, str, str]
"""When, what, whose, and for phones and edits which agent."""

WRAP_UP, DELAY, RING, STEP, MAX_WAIT, EMPTY, ANNOUNCE, STAGE, RISE = range(9)
RECALCULATE, UNMATCHED, EDIT, BREAK = range(9, 13)


class Time(Calls):
    def deadlines(self) -> list[Deadline]:
        found: list[tuple[float | None, int, str, str]] = []
        for agent, person in self.people.items():
            found.append((person.wrap_until, WRAP_UP, agent, ""))
            found.append((person.delay_until, DELAY, agent, ""))
            found.append((person.overdue_at, BREAK, agent, ""))
        for call in self.calls:
            found += self.deadlines_of(call)
        for queue, notes in self.notes.items():
            found.append((self.empty_at(queue), EMPTY, queue, ""))
            found.append((notes.recalculate_at, RECALCULATE, queue, ""))
        for (queue, agent), edit in self.member_edits.items():
            found.append((edit.until, EDIT, queue, agent))
        return [(at, kind, owner, agent) for at, kind, owner, agent in found if at is not None]

    def deadlines_of(self, call: Caller) -> list[tuple[float | None, int, str, str]]:
        if call.state == "talking":
            return []
        return [
            *((phone.until, RING, call.id, agent) for agent, phone in call.phones.items()),
            (call.step_until, STEP, call.id, ""),
            (call.leave_at, MAX_WAIT, call.id, ""),
            (call.announce_at, ANNOUNCE, call.id, ""),
            (self.stage_ends(call), STAGE, call.id, ""),
            (self.rises_at(call), RISE, call.id, ""),
            (self.unmatched_at(call), UNMATCHED, call.id, ""),
        ]

    def empty_at(self, queue: str) -> float | None:
        after, since = self.queues[queue].leave_empty_after, self.notes[queue].empty_since
        line = [call for call in self.line(queue) if not call.callback]
        if after is None or not line or since is None:
            return None
        return max(min(c.entered for c in line), since) + after

    def unmatched_at(self, call: Caller) -> float | None:
        after = self.queues[call.queue].leave_unmatched_after
        if call.unmatched_since is None or after is None:
            return None
        return call.unmatched_since + after

    def time_passed(self, now: float) -> None:
        for deadline in sorted(d for d in self.deadlines() if d[0] <= now):
            if deadline in self.deadlines():
                self.due(deadline, now)
                self.freshen()

    def due(self, deadline: Deadline, now: float) -> None:
        _, kind, owner, agent = deadline
        match kind:
            case 0:
                person = self.people[owner]
                person.wrap_until = None
                person.idle = person.free = now
            case 1:
                self.people[owner].delay_until = None
            case 5:
                self.empty_too_long(owner, now)
            case 9:
                self.recalculate(owner, now)
            case 11:
                self.edit(MemberRestored(owner, agent), now)
            case 12:
                person = self.people[owner]
                person.overdue_at = None
                self.out.append(("overdue", owner, person.break_reason, person.break_since))
            case _:
                call = self.find(owner)
                assert call is not None
                self.due_of(call, kind, agent, now)

    def due_of(self, call: Caller, kind: int, agent: str, now: float) -> None:
        match kind:
            case 2:
                self.no_answer(call, agent, now)
            case 3:
                call.stepping = True
            case 4:
                call.leave_at = None
                if call.state == "ringing" and self.queues[call.queue].grace_if_ringing:
                    call.overdue = True
                else:
                    self.leave(call, "timed_out")
            case 6:
                self.announce(call, now)
            case 7:
                self.restage(call, now)
            case 8:
                self.rise(call, now)
            case _:
                self.leave(call, "no_match")

    def empty_too_long(self, queue: str, now: float) -> None:
        after, since = self.queues[queue].leave_empty_after, self.notes[queue].empty_since
        assert after is not None
        assert since is not None
        for call in self.line(queue):
            if not call.callback and max(call.entered, since) + after <= now:
                self.leave(call, "nobody_signed_in")

    def watch_empty(self, now: float) -> None:
        for queue, notes in self.notes.items():
            if not self.empty(queue):
                notes.empty_since = None
            elif notes.empty_since is None:
                notes.empty_since = now

    def watch_unmatched(self, now: float) -> None:
        for call in self.calls:
            if call.queue not in self.queues or not self.unmatched(call):
                call.unmatched_since = None
            elif call.unmatched_since is None:
                call.unmatched_since = now
