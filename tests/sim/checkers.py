"""What must be true after every step of a simulated day, whatever happened.

Everything is told twice: by the events that leave the exchange, and by its parts. The checker
keeps its own books from the events and compares.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, assert_never

from pbx.calls.call import Call, CallState
from pbx.calls.leg import Leg
from pbx.demo.phone import Output as PhoneOutput
from pbx.demo.phone import Phone, Talking
from pbx.distribution.effects import AgentState
from pbx.events import (
    AgentRefused,
    AgentStateChanged,
    BreakTooLong,
    CallAnswered,
    CallEnded,
    CallQueued,
    CallRegrouped,
    CallStarted,
    ConferenceChanged,
    Event,
    OfferEnded,
    OfferStarted,
    OutsideEnded,
    OutsideRefused,
    PhoneSettingChanged,
    QueueLeft,
    RecordingChanged,
    RegistrationChanged,
    Regrouped,
    RequestRefused,
    SourceBanned,
    SourceUnbanned,
    Supervised,
    TollAlarm,
    TrunkChanged,
    VoicemailLeft,
    WorkerFailed,
)
from pbx.exchange import Exchange
from pbx.history.records import CallRecord, Verdict
from tests.sim.audio import FakeWorker
from tests.sim.rooms import check_conference, check_guests

TOLERANCE: Final = 1e-6  # Seconds; Unix times as floats are this exact.


@dataclass(slots=True)
class Book:
    """One call, as its events tell it."""

    id: str
    caller: str
    started: float
    queue: str = ""  # Where it waits now.
    joined: int = 0  # In order of joining, over all queues.
    offers: set[str] = field(default_factory=set[str])  # Extensions that ring now.
    answered: CallAnswered | None = None
    before: CallAnswered | None = None  # A transfer is under way, or was.
    regrouped: bool = False
    left: list[str] = field(default_factory=list[str])  # Reasons.


class Checker:
    def __init__(self) -> None:
        self.alike = True  # No call has tags, a priority or an agent of its own.
        self.live: dict[str, Book] = {}
        self.records: dict[str, CallRecord] = {}
        self.agents: dict[str, str] = {}  # States.
        self.waiting: dict[str, list[Book]] = {}  # By queue, in order of arrival.
        self.joined: Counter[str] = Counter()  # By queue.
        self.left: Counter[tuple[str, str]] = Counter()  # By queue and reason.
        self.phones_answered: Counter[str] = Counter()  # By user: calls they picked up.
        self.bridged: Counter[str] = Counter()  # By extension.
        self._joins = 0
        self._fresh_offers: list[Book] = []

    # --- what is told

    def on_phone(self, phone: Phone, output: PhoneOutput) -> None:
        if isinstance(output, Talking) and phone.called:
            self.phones_answered[phone.user] += 1

    def check(
        self, exchange: Exchange, workers: list[FakeWorker], events: list[Event], now: float
    ) -> None:
        """After every input of the exchange, with the events that it caused."""
        silent = {id(book): book for queue in self.waiting.values() for book in _silent(queue)}
        self._fresh_offers.clear()
        for event in events:
            self._on_event(event)
        if events:
            self._check_queues(exchange)
            self._check_agents(exchange)
            if self.alike:
                self._check_order(exchange, silent)
        self._check_sound(exchange, workers)

    def _on_event(self, event: Event) -> None:
        match event:
            case CallStarted():
                assert event.call not in self.live, event
                assert event.call not in self.records, event
                self.live[event.call] = Book(event.call, event.caller, event.at)
            case CallQueued():
                self._queued(self._book(event.call), event)
            case QueueLeft():
                self._queue_left(self._book(event.call), event)
            case OfferStarted():
                self._offered(self._book(event.call), event)
            case OfferEnded():
                book = self._book(event.call)
                assert event.extension in book.offers, f"{event} never began"
                book.offers.remove(event.extension)
            case CallAnswered():
                self._answered(self._book(event.call), event)
            case CallRegrouped():
                self._regrouped(self._book(event.call), event)
            case CallEnded():
                self._ended(event)
            case AgentStateChanged():
                self.agents[event.agent] = event.state
            case SourceBanned() | SourceUnbanned() | Supervised() | ConferenceChanged():
                pass
            case RegistrationChanged() | RequestRefused() | WorkerFailed():
                pass
            case AgentRefused() | BreakTooLong() | PhoneSettingChanged():
                pass
            case TrunkChanged() | OutsideEnded() | OutsideRefused() | TollAlarm():
                pass
            case RecordingChanged():
                pass
            case VoicemailLeft():
                pass
            case _:
                assert_never(event)

    def _book(self, call: str) -> Book:
        assert call in self.live, f"call {call} has ended, or never began"
        return self.live[call]

    def _queued(self, book: Book, event: CallQueued) -> None:
        assert not book.queue, f"{event} waits in {book.queue}"
        assert book.answered is None, event
        self._joins += 1
        book.queue, book.joined = event.queue, self._joins
        self.joined[event.queue] += 1
        self.waiting.setdefault(event.queue, []).append(book)

    def _queue_left(self, book: Book, event: QueueLeft) -> None:
        assert book.queue == event.queue, f"{event}, but it waits in {book.queue!r}"
        self.left[event.queue, event.reason] += 1
        self.waiting[event.queue].remove(book)
        book.queue = ""
        book.left.append(event.reason)

    def _offered(self, book: Book, event: OfferStarted) -> None:
        assert book.answered is None, f"{event} of a call that was answered"
        assert event.extension, f"{event} to nobody"
        assert event.extension not in book.offers, f"{event} twice"
        assert event.queue == book.queue or not event.agent, event
        if event.agent:
            self._fresh_offers.append(book)
        book.offers.add(event.extension)

    def _answered(self, book: Book, event: CallAnswered) -> None:
        assert book.answered is None, f"{event} for the second time"
        book.answered = event
        self.bridged[event.extension] += 1
        picked_up = self.phones_answered[event.extension]
        assert self.bridged[event.extension] <= picked_up, f"{event}, but that phone did not answer"

    def _regrouped(self, book: Book, event: CallRegrouped) -> None:
        match event.how:
            case Regrouped.BLIND | Regrouped.CONSULT:
                assert book.answered is not None, event
                book.before, book.answered, book.regrouped = book.answered, None, True
            case Regrouped.BACK:
                assert book.answered is None, event
                book.answered = book.before
            case Regrouped.CONFERENCE:
                assert book.answered is not None, event
                book.before, book.answered, book.regrouped = book.answered, None, True
            case (
                Regrouped.ATTENDED | Regrouped.PARKED | Regrouped.STEPPED_IN | Regrouped.TAKEN_OVER
            ):
                book.regrouped = True
            case Regrouped.PICKED_UP:
                book.regrouped = True
                self.phones_answered[event.by] += 1

    def _ended(self, event: CallEnded) -> None:
        book = self.live.pop(event.call, None)
        assert book is not None, f"{event} for the second time"
        assert not book.queue, f"{event}, but it waits in {book.queue}"
        assert not book.offers, f"{event}, but {book.offers} ring"
        record = event.record
        answered = book.answered or book.before
        assert (record.verdict is Verdict.ANSWERED) is (answered is not None), event
        assert abs(record.started_at - book.started) < TOLERANCE, event
        assert record.started_at <= record.ended_at <= event.at, event
        waits = (record.wait_seconds, record.ring_seconds, record.talk_seconds)
        assert min(waits) >= 0.0, event
        if book.answered is not None and not book.regrouped:
            assert record.answered_at == book.answered.at, event
            assert record.extension == book.answered.extension, event
            talked = record.ended_at - record.answered_at
            assert abs(talked - record.talk_seconds) < TOLERANCE, event
        self.records[event.call] = record

    # --- what is compared

    def _check_queues(self, exchange: Exchange) -> None:
        for queue in exchange.distribution.queues:
            view = exchange.distribution.queue(queue)
            waiting = self.waiting.get(queue, [])
            counted = self.joined[queue] - sum(
                count for (name, _), count in self.left.items() if name == queue
            )
            names = [place.call for place in view.waiting]
            assert counted == len(names), f"{queue}: {counted} should wait, {len(names)} do"
            told = [book.id for book in waiting]
            assert told == names if self.alike else sorted(told) == sorted(names), queue
            left = sum(count for _, count in view.left)
            assert view.joined == len(names) + len(view.talking) + left, view

    def _check_agents(self, exchange: Exchange) -> None:
        rings: Counter[str] = Counter()
        for book in self.live.values():
            rings.update(book.offers)
        for name in exchange.distribution.agents:
            agent = exchange.distribution.agent(name)
            told = self.agents.get(name, AgentState.INACTIVE.value)
            assert told == agent.state.value, f"{name} is {agent.state}, but told to be {told}"
            extension = exchange.plan.extension_of.get(name, "")
            if agent.state is AgentState.RINGING:
                assert rings[extension] == 1, f"{name} is ringing for {rings[extension]} calls"
            elif agent.state in (AgentState.READY, AgentState.DELAYED, AgentState.WRAP_UP):
                assert not rings[extension], f"{name} is {agent.state}, but rings"
        for call in exchange.calls.values():
            book = self.live[call.id]
            forks = call.forks.values()
            ringing = {fork.extension for fork in forks if fork.party != call.bridged}
            assert ringing == book.offers, f"{call}: {ringing} {book.offers}"
            assert (call.state is CallState.TALKING) is (book.answered is not None), call

    def _check_order(self, exchange: Exchange, silent: dict[int, Book]) -> None:
        """Rules 3 and 4: nobody is passed over, and nobody waits for nothing."""
        members = {queue.id: queue.members for queue in exchange.plan.distribution.queues}
        for queue, line in self.waiting.items():
            still = [book for book in line if not book.offers]
            if not still:
                continue
            for book in self._fresh_offers:
                passed = [b.id for b in still if id(b) in silent and b.joined < book.joined]
                assert book.queue != queue or not passed, f"{book.id} is rung before {passed}"
            names = [member.agent for member in members[queue]]
            ready = [name for name in names if self.agents.get(name) == AgentState.READY.value]
            assert not ready, f"{still[0].id} waits in {queue} while {ready} are ready"

    def _early(self, exchange: Exchange, call: Call) -> set[frozenset[str]]:
        """Callers hear what the side that rings sends before its answer."""
        near = exchange.legs[call.caller_leg].media if call.caller_leg in exchange.legs else ""
        rung = [f.legs[0] for f in call.forks.values() if len(f.legs) == 1]
        heard = [exchange.legs[leg] for leg in rung if leg in exchange.legs]
        return {frozenset((near, leg.media)) for leg in heard if near and leg.connected}

    def _check_sound(self, exchange: Exchange, workers: list[FakeWorker]) -> None:
        """Exactly those who talk with each other hear each other."""
        pairs = {frozenset(pair) for worker in workers for pair in worker.pairs}
        legs = exchange.legs
        talking: set[frozenset[str]] = set()
        for call in exchange.calls.values():
            if call.state is not CallState.TALKING:
                talking |= self._early(exchange, call)
                continue
            fork = call.forks.get(call.bridged)
            assert fork is not None, call
            both = [legs[call.caller_leg], legs[fork.leg]]
            typing = call.keys is not None and call.keys.asking
            if typing or any(leg.held for leg in both) or _is_lost(exchange, both, workers):
                continue
            if call.id not in exchange.guests:
                talking.add(frozenset(leg.media for leg in both))
            else:
                check_guests(exchange, call, [leg.media for leg in both], workers)
        assert pairs == talking, f"hear each other: {pairs}, should: {talking}"
        for conference in exchange.conferences.values():
            check_conference(exchange, conference, workers)

    def check_over(self, exchange: Exchange, workers: list[FakeWorker]) -> None:
        """After the last call and the last timer nothing is left of anything."""
        assert not self.live, f"not ended: {list(self.live.values())}"
        left = {kind: count for kind, count in exchange.leftovers().items() if count}
        left.pop("bindings", None)
        assert not left, f"left over: {left}"
        assert exchange.silent
        assert not exchange.distribution.world.calls
        for agent in exchange.distribution.world.agents.values():
            assert not agent.occupied, f"{agent.id} is occupied by nothing"
            assert agent.state not in (AgentState.RINGING, AgentState.TALKING), agent
        assert not {**exchange.guests, **exchange.rooms, **exchange.supervisors}
        assert not exchange.conferences
        for worker in workers:
            assert not worker.lines, worker
            assert not worker.rooms, worker
            assert not worker.ports, worker


def _silent(line: list[Book]) -> list[Book]:
    """Those for whom nobody rings."""
    return [book for book in line if not book.offers]


def _is_lost(exchange: Exchange, legs: list[Leg], workers: list[FakeWorker]) -> bool:
    """Their worker has died, and there is no other one: they wait for it."""
    return any(workers[exchange.pool.worker(leg.media)].dead for leg in legs)
