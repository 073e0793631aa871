"""The distribution written a second time, as naively as possible: lists, scans, no index, no heap.

It follows the spec's words and knows nothing of the core's parts, but for the values that both
speak in and the parser of requirements. Its effects are tuples of a word and the fields that
matter, compared with the core's as a sorted list after every input.
"""

from pbx.distribution.config import DistributionConfig
from pbx.distribution.effects import Effect
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
    CallbackBooked,
    CallJoined,
    CallLeft,
    CallMoved,
    CallPicked,
    Configured,
    ConversationEnded,
    Input,
    MemberDropped,
    MemberRestored,
    MemberSet,
    OperatorsSet,
    PeriodBegan,
    Remembered,
    RingEnded,
    RingStarted,
    StrategySet,
    TagsSet,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from tests.distribution.oracle_parts import Person, Talked, Word
from tests.distribution.oracle_time import Time

AgentInput = (
    AgentSignedIn
    | AgentSignedOut
    | AgentStatusSet
    | AgentReachable
    | AgentUnreachable
    | AgentOccupied
    | AgentVacated
    | WrapUpEnded
    | WrapUpExtended
)


class Oracle(Time):
    def __init__(self, config: DistributionConfig) -> None:
        super().__init__()
        self.configure(config, 0.0)

    def apply(self, event: Input, now: float, core_says: list[Effect] | None = None) -> list[Word]:
        """`core_says` is looked at only for what is left to chance."""
        self.out, self.core_says = [], core_says or []
        match event:
            case TimePassed():
                self.time_passed(now)
            case Configured(config):
                self.configure(config, now)
            case MemberSet() | MemberDropped() | MemberRestored() | TagsSet() | StrategySet():
                self.edit(event, now)
            case PeriodBegan(period):
                self.period_began(period)
            case OperatorsSet(queue, main, backup):
                if queue in self.notes:
                    self.notes[queue].main, self.notes[queue].backup = main, backup
            case Remembered(number, agent, at):
                known = self.talked.get(number)
                if number and (known is None or at > known.at):
                    self.talked[number] = Talked(agent, at)
            case _:
                self.call_or_person(event, now)
        self.match(now)
        self.watch_empty(now)
        self.watch_unmatched(now)
        return sorted(self.out, key=repr)

    def next_deadline(self) -> float | None:
        return min((at for at, _, _, _ in self.deadlines()), default=None)

    def call_or_person(self, event: Input, now: float) -> None:
        match event:
            case CallJoined():
                self.call_joined(event, now)
            case CallLeft(call_id):
                self.call_left(call_id, now)
            case CallbackBooked(call_id, callback):
                self.callback_booked(call_id, callback, now)
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
                self.pick(call_id, agent, now)
            case CallMoved(call_id, queue):
                self.call_moved(call_id, queue, now)
            case (
                AgentSignedIn()
                | AgentSignedOut()
                | AgentStatusSet()
                | AgentReachable()
                | AgentUnreachable()
                | AgentOccupied()
                | AgentVacated()
                | WrapUpEnded()
                | WrapUpExtended()
            ):
                person = self.people.get(event.agent)
                if person is not None and not person.removed:
                    self.person_event(event, person, now)
            case _:
                raise AssertionError(event)

    # People.

    def person_event(self, event: AgentInput, person: Person, now: float) -> None:
        agent = person.config.id
        match event:
            case AgentSignedIn():
                seats = self.configured.seats
                if person.signed_in:
                    pass
                elif seats and sum(p.signed_in for p in self.people.values()) >= seats:
                    self.out.append(("status refused", agent, "NO_SEAT"))
                else:
                    person.signed_in, person.on_break, person.misses = True, False, 0
                    person.idle = person.free = now
                    person.shift += 1
                    self.welcome(agent, now)
            case AgentSignedOut():
                person.signed_in = False
                self.withdraw(agent, now, blame=True)
                person.wrap_until = person.delay_until = person.overdue_at = None
                person.misses = 0
            case AgentStatusSet(_, status, reason):
                self.status_set(person, status, reason, now)
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
                allowed = person.config.wrap_up_extensions
                if allowed and person.extensions >= allowed:
                    return
                if person.wrap_until is not None:
                    person.extensions += 1
                    limit = person.wrap_since + person.config.wrap_up_max
                    limit = max(limit, person.wrap_until)
                    person.wrap_until = min(person.wrap_until + max(0.0, seconds), limit)

    def status_set(self, person: Person, status: AgentStatus, reason: str, now: float) -> None:
        if not person.signed_in:
            return
        on_break = status is AgentStatus.BREAK
        longest = 0.0
        if on_break and self.configured.break_reasons and reason not in ("", "break"):
            known = {known.name: known for known in self.configured.break_reasons}
            if reason not in known:
                self.out.append(("status refused", person.config.id, "UNKNOWN_REASON"))
                return
            at_work = [p for p in self.people.values() if p.signed_in and not p.on_break]
            if sum(p is not person for p in at_work) < known[reason].keep_at_work:
                self.out.append(("status refused", person.config.id, "TOO_FEW_AT_WORK"))
                return
            longest = known[reason].longest
        person.break_since = now
        person.overdue_at = now + longest if longest else None
        if on_break is not person.on_break:
            person.idle = person.free = now
        person.on_break, person.break_reason = on_break, reason
        if on_break:
            self.withdraw(person.config.id, now, blame=True)
            person.wrap_until = person.delay_until = None
        else:
            person.misses = 0
