"""How agents react to a ringing phone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Final

from pbx.distribution.inputs import RingOutcome
from pbx.simulation.day import Caller, Response
from pbx.simulation.durations import Durations, Fixed, Seen, Survival

NEVER_ANSWERS: Final[Response] = Seen(inf, None)
NO_ANSWER_BREAK: Final = "no_answer"  # The reason of the break that too many misses lead to.

AT_ONCE: Final = Fixed(0.0)
A_MINUTE: Final = Fixed(60.0)


@dataclass(frozen=True, slots=True)
class Phones:
    """Everybody alike, unless `habits` knows better; the day's own responses come before all."""

    answer_after: Durations = AT_ONCE
    no_answer: float = 0.0  # The chance that he lets it ring.
    back_after: Durations = A_MINUTE  # From the break that too many misses lead to.
    habits: Mapping[str, Survival[RingOutcome]] = field(
        default_factory=dict[str, Survival[RingOutcome]]
    )
    others: Survival[RingOutcome] | None = None  # Of whom no habit is known.

    def respond(self, caller: Caller, agent: str, offers: int, rng: Random) -> Response:
        """What happens if nobody stops the ringing. `offers`: of this call to him before."""
        after = 0.0
        recorded = caller.responses.get(agent, ())
        if offers < len(recorded):
            response = recorded[offers]
            if response.outcome is not None:
                return response
            after = response.seconds  # So long he is known to have let it ring.
        habit = self.habits.get(agent, self.others)
        if habit is not None:
            return habit.draw(rng, after)
        if self.no_answer and rng.random() < self.no_answer:
            return NEVER_ANSWERS
        return Seen(max(after, self.answer_after.draw(rng)), RingOutcome.ANSWERED)
