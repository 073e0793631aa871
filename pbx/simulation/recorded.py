"""Days like a recorded one, or that very day with something changed.

What cannot be known of it is what would have happened otherwise: how long the patience of a caller
would have lasted who was answered, and how an agent would have taken a call that he was not
offered. That is drawn, given what is known, from what was seen of others (Kaplan-Meier).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from pbx.distribution.inputs import LeaveReason, RingOutcome
from pbx.simulation.day import Caller, Day
from pbx.simulation.durations import Durations, Exponential, Fixed, Observed, Seen, Survival
from pbx.simulation.errors import SimulationError
from pbx.simulation.ledger import Ledger
from pbx.simulation.phones import AT_ONCE, Phones
from pbx.simulation.recorder import Known, Recorder

# With fewer observations of a queue or an agent those of all are taken.
OBSERVATIONS_MIN: Final = 20
TALK_SECONDS: Final = 180.0  # When nobody talked on that day.
BREAK_SECONDS: Final = 60.0  # When nobody came back from a break that misses led to.

Patience = Survival[LeaveReason]
Habit = Survival[RingOutcome]


@dataclass(frozen=True, slots=True)
class RecordedDay:
    recorder: Recorder
    talk: dict[str, Durations]
    patience: dict[str, Patience]
    phones: Phones

    @property
    def ledger(self) -> Ledger:
        """What really happened."""
        return self.recorder.ledger

    def same(self, seed: int) -> Day:
        """The same callers and agents: what was seen of them stays, the rest is drawn."""
        rng = Random(f"{seed}/callers")
        return self._day([self._same(known, rng) for known in self.recorder.callers])

    def like_it(self, seed: int) -> Day:
        """Callers who come when they came, but talk and wait as others might have."""
        rng = Random(f"{seed}/callers")
        return self._day([self._like(known, rng) for known in self.recorder.callers])

    def _day(self, callers: list[Caller]) -> Day:
        recorder = self.recorder
        return Day(
            recorder.config,
            recorder.start,
            recorder.now,
            tuple(callers),
            tuple(recorder.script),
            {key: names.most_common(1)[0][0] for key, names in recorder.overflow.items()},
            drain=0.0,  # The recording ends there, too.
        )

    def _same(self, known: Known, rng: Random) -> Caller:
        queue = known.joined.queue
        # Drawn in any case, so that nobody's luck depends on what is known of others.
        talk = self.talk[queue].draw(rng)
        waited = known.waited or 0.0
        patience = self.patience[queue].draw(rng, waited)
        if known.gave_up is not None:
            patience = Seen(waited, known.gave_up)
        responses = {agent: tuple(seen) for agent, seen in known.responses.items()}
        return _caller(
            known,
            talk if known.talk is None else known.talk,
            patience,
            wrap_up_ends=known.wrap_up_ends,
            wrap_up_more=known.wrap_up_more,
            responses=responses,
        )

    def _like(self, known: Known, rng: Random) -> Caller:
        queue = known.joined.queue
        talk = self.talk[queue].draw(rng)
        return _caller(known, talk, self.patience[queue].draw(rng))


def learn(recorder: Recorder) -> RecordedDay:
    """What a day that is read to its end teaches. Raises SimulationError if nobody called."""
    callers = recorder.callers
    if not callers:
        raise SimulationError("nobody calls in this journal")
    queues = {known.joined.queue for known in callers}
    talk_of_all = _talk(callers, Exponential(TALK_SECONDS))
    talk = {queue: _talk(_of(callers, queue), talk_of_all) for queue in queues}
    patience_of_all = _patience(callers)
    patience = {queue: _patience(_of(callers, queue), patience_of_all) for queue in queues}
    return RecordedDay(recorder, talk, patience, _phones(recorder))


def _caller(known: Known, talk: float, patience: Seen[LeaveReason], **more: object) -> Caller:
    joined = known.joined
    return Caller(
        joined.call,
        joined.queue,
        known.at,
        talk,
        patience.seconds,
        patience.outcome or LeaveReason.ABANDONED,
        joined.number,
        joined.priority,
        joined.requires,
        joined.preferred_agent,
        joined.callback,
        **more,  # type: ignore[arg-type]
    )


def _of(callers: Iterable[Known], queue: str) -> list[Known]:
    return [known for known in callers if known.joined.queue == queue]


def _talk(callers: Sequence[Known], otherwise: Durations) -> Durations:
    seen = [known.talk for known in callers if known.talk is not None and not known.cut_short]
    enough = len(seen) >= OBSERVATIONS_MIN or (seen and isinstance(otherwise, Exponential))
    return Observed(tuple(seen)) if enough else otherwise


def _patience(callers: Sequence[Known], otherwise: Patience | None = None) -> Patience:
    """Callers whom the queue or an agent took were patient for at least so long."""
    found = Survival[LeaveReason](
        [Seen(known.waited or 0.0, known.gave_up) for known in callers], tail=True
    )
    return found if otherwise is None or found.events >= OBSERVATIONS_MIN else otherwise


def _phones(recorder: Recorder) -> Phones:
    seen: dict[str, list[Seen[RingOutcome]]] = {}
    for known in recorder.callers:
        for agent, responses in known.responses.items():
            seen.setdefault(agent, []).extend(responses)
    others = Habit([one for responses in seen.values() for one in responses], tail=False)
    habits = {agent: Habit(responses, tail=False) for agent, responses in seen.items()}
    return Phones(
        answer_after=Observed(tuple(recorder.picks)) if recorder.picks else AT_ONCE,
        back_after=Observed(tuple(recorder.breaks)) if recorder.breaks else Fixed(BREAK_SECONDS),
        habits={name: habit for name, habit in habits.items() if habit.events >= OBSERVATIONS_MIN},
        others=others,
    )
