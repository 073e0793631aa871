"""The options of `pbx simulate`, and the text in them made into what the simulation wants."""

from dataclasses import dataclass
from pathlib import Path

from pydantic_core import PydanticCustomError

from pbx.config.values import seconds_of
from pbx.distribution.config import DistributionConfig, Strategy, strategy_named
from pbx.distribution.errors import ConfigError
from pbx.simulation.day import AGENTS_MAX
from pbx.simulation.durations import NEVER, Durations, Exponential, varying
from pbx.simulation.errors import SimulationError
from pbx.simulation.phones import Phones
from pbx.simulation.traffic import Stream
from pbx.simulation.whatif import Change


@dataclass(frozen=True, slots=True)
class Asked:
    """The options, as they were given."""

    config: Path | None = None
    agents: str = ""
    strategy: str = ""
    queues: tuple[str, ...] = ()
    during: str = ""
    day: str = ""
    resample: bool = False
    calls_per_hour: tuple[str, ...] = ()
    handling: str = "3m"
    variation: float = 1.0
    patience: str = ""
    answer_after: str = ""
    no_answer: float = 0.0
    hours: float = 8.0
    runs: int = 20
    threshold: float = 20.0
    short: float = 5.0
    seed: int = 1


def number_of_agents(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) <= AGENTS_MAX:
        raise SimulationError(f"--agents: expected 1 to {AGENTS_MAX:,}, or +N or -N, not {text!r}")
    return int(text)


def change_of(asked: Asked, begins: float) -> tuple[Change | None, str]:
    """What to change, and how it is called; `begins`: seconds of the day."""
    if not asked.strategy and not asked.agents:
        if asked.during:
            raise SimulationError("--during is for --agents +N")
        return None, ""
    strategy, settings = strategy_of(asked.strategy) if asked.strategy else (None, {})
    more, words = 0, [asked.strategy] if asked.strategy else []
    start, end = 0.0, None
    if asked.agents:
        if asked.agents[0] not in "+-":
            raise SimulationError("--agents: with a configuration or a day say +N or -N")
        more = number_of_agents(asked.agents[1:]) * (1 if asked.agents[0] == "+" else -1)
        words.append(f"{more:+} agent{'s' if abs(more) > 1 else ''}")
    if asked.during:
        if more < 1:
            raise SimulationError("--during is for --agents +N")
        start, end = _period(asked.during, begins)
        words[-1] += f" at {asked.during}"
    queues = asked.queues or None
    return Change(queues, strategy, settings, more, start, end), ", ".join(words)


def _period(text: str, begins: float) -> tuple[float, float]:
    """`12-14` or `12:30-14:00` as seconds after the beginning."""
    first, dash, second = text.partition("-")
    moments: list[float] = []
    for part in (first, second):
        hours, _, minutes = part.strip().partition(":")
        if not (dash and hours.isdigit() and (minutes or "0").isdigit()):
            raise SimulationError(f"--during: expected a time such as 12:00-14:00, not {text!r}")
        moments.append(int(hours[:4]) * 3600.0 + int((minutes or "0")[:2]) * 60.0 - begins)
    if moments[1] <= moments[0] or moments[1] <= 0:
        raise SimulationError(f"--during: {text!r} ends before it begins")
    return max(moments[0], 0.0), moments[1]


def strategy_of(name: str) -> tuple[Strategy, dict[str, object]]:
    try:
        return strategy_named(name.lower())
    except ConfigError:
        known = ", ".join(strategy.value for strategy in Strategy)
        raise SimulationError(f"--strategy: there is no {name!r}; there are {known}") from None


def chosen_queues(asked: Asked, config: DistributionConfig) -> tuple[str, ...]:
    known = tuple(queue.id for queue in config.queues)
    for name in asked.queues:
        if name not in known:
            raise SimulationError(f"--queue: there is no {name!r}; there are {', '.join(known)}")
    if not known:
        raise SimulationError("there is no queue")
    return asked.queues or known


def streams_of(
    asked: Asked, config: DistributionConfig, queues: tuple[str, ...], patience: str
) -> tuple[Stream, ...]:
    """A rate without a queue is shared by all of them."""
    talk = varying(seconds_in(asked.handling, "--handling"), asked.variation)
    waits = _patience(asked.patience or patience)
    rates: dict[str, tuple[float, ...]] = {}
    for text in asked.calls_per_hour:
        name, equals, numbers = text.rpartition("=")
        if equals and name not in queues:
            raise SimulationError(f"--calls-per-hour: there is no queue {name!r} here")
        for queue in (name,) if equals else queues:
            share = 1.0 if equals else 1.0 / len(queues)
            rates[queue] = tuple(share * rate for rate in _rates(numbers))
    if not rates:
        raise SimulationError("say how many calls come: --calls-per-hour 60")
    return tuple(Stream(queue, rates[queue], talk, waits) for queue in queues if queue in rates)


def _rates(text: str) -> tuple[float, ...]:
    try:
        rates = tuple(float(part) for part in text.split(","))
    except ValueError:
        rates = (-1.0,)
    if not all(0 <= rate <= 1e6 for rate in rates):
        raise SimulationError(f"--calls-per-hour: expected 60 or 20,60,90, not {text!r}")
    return rates


def seconds_in(text: str, option: str) -> float:
    try:
        return seconds_of(text)
    except PydanticCustomError as error:
        raise SimulationError(f"{option}: {error.message()}, not {text!r}") from error


def _patience(text: str) -> Durations:
    if text == "never":
        return NEVER
    seconds = seconds_in(text, "--patience")
    if seconds <= 0:
        raise SimulationError("--patience: expected a time above 0s, or never")
    return Exponential(seconds)


def phones_of(asked: Asked, answer_after: str) -> Phones:
    seconds = seconds_in(asked.answer_after or answer_after, "--answer-after")
    return Phones(varying(seconds, 1.0), asked.no_answer)
