"""What theory says of one queue with Poisson arrivals and exponential handling times.

    B  nobody waits: a call that finds all agents busy is lost.      Erlang 1917
    C  everybody waits as long as it takes.                          Erlang 1917
    A  callers wait as long as their patience lasts.                 Palm 1957, "Erlang-A"

To hold a simulation against, and to say at once about how many agents are needed.
"""

from dataclasses import dataclass
from math import exp, inf
from typing import Final

from pbx.simulation.errors import SimulationError

AGENTS_MAX: Final = 100_000
# Chances below this part of the largest do not show in sixteen digits.
_NEGLIGIBLE: Final = 1e-18
_STATES_MAX: Final = 20_000  # Calls waiting.
_WORK_MAX: Final = 20_000_000  # States times ticks: some seconds.


@dataclass(frozen=True, slots=True)
class Theory:
    """`service_level`: answered in time ÷ (answered + abandoned - abandoned early)."""

    had_to_wait: float  # The chance.
    service_level: float
    asa: float  # Mean wait of the answered, seconds.
    mean_wait: float  # Of all.
    abandoned_share: float
    occupancy: float


def erlang_b(load: float, agents: int) -> float:
    """The chance that a call finds all agents busy and is lost. `load`: Erlangs."""
    _check(load, agents)
    blocked = 1.0
    for count in range(1, agents + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked


def erlang_c(calls_per_hour: float, handling: float, agents: int, threshold: float) -> Theory:
    """Raises SimulationError if the agents cannot cope: the queue would grow for ever."""
    load = calls_per_hour / 3600.0 * handling
    _check(load, agents)
    if load >= agents:
        raise SimulationError(
            f"{agents} agents cannot cope with {load:.1f} Erlangs: without abandonment the queue"
            " grows for ever"
        )
    blocked = erlang_b(load, agents)
    occupancy = load / agents
    waits = blocked / (1.0 - occupancy * (1.0 - blocked))
    if handling == 0:
        return Theory(0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    mean = waits * handling / (agents - load)
    in_time = 1.0 - waits * exp(-(agents - load) * threshold / handling)
    return Theory(waits, in_time, mean, mean, 0.0, occupancy)


def erlang_a(
    calls_per_hour: float,
    handling: float,
    agents: int,
    patience: float,
    threshold: float,
    short: float = 0.0,
) -> Theory:
    """`patience`: mean seconds; `short`: who leaves sooner does not count as abandoned."""
    load = calls_per_hour / 3600.0 * handling
    _check(load, agents)
    if patience <= 0 or patience == inf:
        raise SimulationError("mean patience must be above 0 and finite")
    if load == 0:
        return Theory(0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    arrivals, service, leaving = calls_per_hour / 3600.0, agents / handling, 1.0 / patience
    waiting = _finding(arrivals, service, leaving, erlang_b(load, agents))
    waits = min(sum(waiting), 1.0)
    length = sum(count * chance for count, chance in enumerate(waiting))
    abandoned = leaving * length / arrivals
    answered = 1.0 - abandoned
    served, _ = _fates(waiting, service, leaving, threshold)
    _, left_early = _fates(waiting, service, leaving, short)
    in_time = (1.0 - waits + served) / max(1.0 - left_early, _NEGLIGIBLE)
    return Theory(
        had_to_wait=waits,
        service_level=in_time,
        asa=_asa(waiting, service, leaving) / answered,
        mean_wait=length / arrivals,
        abandoned_share=abandoned,
        occupancy=answered * load / agents,
    )


def _finding(arrivals: float, service: float, leaving: float, blocked: float) -> list[float]:
    """The chances that a call finds all agents busy and 0, 1, 2, … calls waiting."""
    if blocked == 0.0:
        return []
    chances = [1.0]
    largest = 1.0
    while True:
        if len(chances) > _STATES_MAX:
            raise SimulationError(f"Erlang-A with more than {_STATES_MAX:,} calls waiting")
        following = chances[-1] * arrivals / (service + len(chances) * leaving)
        if following < _NEGLIGIBLE * largest:
            break
        largest = max(largest, following)
        chances.append(following)
    # 1 / blocked: all states with somebody free or nobody waiting, beside the last of them.
    total = 1.0 / blocked + sum(chances) - 1.0
    return [chance / total for chance in chances]


def _asa(waiting: list[float], service: float, leaving: float) -> float:
    """Mean over all calls of the wait if the call is answered, else 0."""
    # With k in front: k + 1 steps to be served, the n-th last at the rate service + n * leaving
    # with oneself in line; and at each of them one may leave oneself.
    total = 0.0
    chance, wait = 1.0, 0.0  # Of being served, and the mean wait with 0 where one is not.
    for in_front, finding in enumerate(waiting):
        rate = service + (in_front + 1) * leaving
        step = (rate - leaving) / rate
        wait = step * (wait + chance / rate)
        chance *= step
        total += finding * wait
    return total


def _fates(
    waiting: list[float], service: float, leaving: float, seconds: float
) -> tuple[float, float]:
    """The chances that a call that must wait is served, or leaves, within so many seconds.

    By uniformisation: the chain is looked at at the ticks of one Poisson process.
    """
    if not waiting or seconds <= 0:
        return 0.0, 0.0
    states = len(waiting)
    if (service + states * leaving) * seconds * states > _WORK_MAX:
        raise SimulationError("too many calls wait for Erlang-A to be calculated")
    rate = service + states * leaving
    forward = [(service + in_front * leaving) / rate for in_front in range(states)]
    away = leaving / rate
    place = list(waiting)
    served = left = 0.0
    ticks = rate * seconds
    served_by = left_by = 0.0
    for tick, weight in enumerate(_poisson(ticks)):
        if tick:
            left += away * sum(place)
            served += forward[0] * place[0]
            place = [
                (1.0 - forward[n] - away) * place[n]
                + (forward[n + 1] * place[n + 1] if n + 1 < states else 0.0)
                for n in range(states)
            ]
        served_by += weight * served
        left_by += weight * left
    return served_by, left_by


def _poisson(mean: float) -> list[float]:
    """The chances of 0, 1, 2, … ticks, as far as they matter."""
    # From the middle outwards: exp(-mean) alone would vanish for large means.
    middle = int(mean)
    low, high = [1.0], [1.0]
    for count in range(middle, 0, -1):
        low.append(low[-1] * count / mean)
        if low[-1] < _NEGLIGIBLE:
            low.extend([0.0] * (count - 1))
            break
    for count in range(middle + 1, 2 * middle + 1000):
        high.append(high[-1] * mean / count)
        if high[-1] < _NEGLIGIBLE:
            break
    weights = low[:0:-1] + high
    total = sum(weights)
    return [weight / total for weight in weights]


def _check(load: float, agents: int) -> None:
    if not 0 < agents <= AGENTS_MAX:
        raise SimulationError(f"agents must be from 1 to {AGENTS_MAX:,}")
    if not 0 <= load <= AGENTS_MAX:
        raise SimulationError(f"a load from 0 to {AGENTS_MAX:,} Erlangs can be calculated")
