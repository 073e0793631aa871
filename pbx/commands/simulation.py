"""From what was asked on the command line to what is simulated: queues, traffic, what to change."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from pbx.commands.simulation_asked import (
    Asked,
    change_of,
    chosen_queues,
    number_of_agents,
    phones_of,
    seconds_in,
    strategy_of,
    streams_of,
)
from pbx.config.values import DestinationKind
from pbx.distribution import journal
from pbx.distribution.config import (
    AgentConfig,
    DistributionConfig,
    Member,
    QueueConfig,
    Strategy,
)
from pbx.distribution.inputs import Input, LeaveReason
from pbx.simulation.bars import interval_for
from pbx.simulation.day import Day
from pbx.simulation.durations import NEVER
from pbx.simulation.erlang import Theory, erlang_a, erlang_c
from pbx.simulation.errors import SimulationError
from pbx.simulation.figures import Thresholds, Values
from pbx.simulation.phones import Phones
from pbx.simulation.ranges import Scope, Study, study
from pbx.simulation.run import live
from pbx.simulation.traffic import Stream, Traffic, all_day
from pbx.simulation.whatif import Change, changed

if TYPE_CHECKING:
    from pbx.simulation.recorded import RecordedDay

PLAIN_QUEUE: Final = "calls"
WARM_UP_SECONDS: Final = 3600.0  # Theory speaks of a queue that has been at work for long.
CONFIG_PATIENCE: Final = "3m"
CONFIG_ANSWER_AFTER: Final = "4s"


@dataclass(frozen=True, slots=True)
class Plan:
    title: str
    notes: tuple[str, ...]
    asked: Asked
    day_of: Callable[[int], Day]  # As it is.
    changed_day_of: Callable[[int], Day] | None  # What if.
    change: str  # In words.
    phones: Phones
    scope: Scope
    begins: float  # Unix seconds.
    clock: Callable[[float], str]  # How a moment since then is written.
    that_day: Values = field(default_factory=dict[str, float | None])
    theory: Theory | None = None

    @property
    def steps(self) -> int:
        return self.asked.runs * (1 if self.changed_day_of is None else 2)


@dataclass(frozen=True, slots=True)
class Lived:
    as_it_is: Study
    what_if: Study | None

    @property
    def last(self) -> Study:
        return self.what_if or self.as_it_is


def plan(asked: Asked) -> Plan:
    """Raises SimulationError in words for whoever asked, or ConfigErrors for his file."""
    if asked.day:
        return _recorded_plan(asked)
    if asked.agents and asked.agents[0] not in "+-" and asked.config is None:
        return _plain_plan(asked)
    return _config_plan(asked)


def live_through(plan: Plan, advance: Callable[[], None]) -> Lived:
    runs, seed = plan.asked.runs, plan.asked.seed

    def lived(day_of: Callable[[int], Day]) -> Study:
        return study(day_of, plan.phones, plan.scope, runs=runs, seed=seed, advance=advance)

    what_if = plan.changed_day_of
    return Lived(lived(plan.day_of), None if what_if is None else lived(what_if))


def record(plan: Plan, file: TextIO) -> None:
    """The first run, what if so asked, as a journal."""
    seed = plan.asked.seed
    day = (plan.changed_day_of or plan.day_of)(seed)
    clock = journal.Clock(day.start, plan.begins)
    _ = file.write(journal.header(day.config, seed, clock) + "\n")

    def write(at: float, event: Input) -> None:
        _ = file.write(journal.line(at, event) + "\n")

    _ = live(day, seed, plan.phones, write)


# --- One plain queue ---


def _plain_plan(asked: Asked) -> Plan:
    count = number_of_agents(asked.agents)
    if asked.queues or asked.during:
        raise SimulationError("--queue and --during are for a configuration or a day")
    strategy, settings = strategy_of(asked.strategy or Strategy.LONGEST_IDLE.value)
    agents = tuple(AgentConfig(f"a{number + 1}") for number in range(count))
    queue = QueueConfig(
        PLAIN_QUEUE,
        strategy,
        tuple(Member(agent.id) for agent in agents),
        leave_empty_after=None,
        **settings,  # type: ignore[arg-type]
    )
    config = DistributionConfig((queue,), agents)
    streams = streams_of(asked, config, (PLAIN_QUEUE,), "never")
    constant = len(streams[0].calls_per_hour) == 1
    warm_up = WARM_UP_SECONDS if constant else 0.0
    traffic = Traffic(
        config,
        streams,
        asked.hours * 3600 + warm_up,
        all_day(config),
        warm_up=warm_up,
    )
    traffic.check()
    phones = phones_of(asked, "0s")
    theory, name = _theory(asked, streams[0], count) if constant else (None, "")
    notes = [_traffic_words(streams[0])]
    if warm_up:
        notes.append("The first hour is not counted.")
    notes += [name] if name else []
    return Plan(
        title=f"{count} agents, {strategy.value}",
        notes=tuple(notes),
        asked=asked,
        day_of=traffic.day,
        changed_day_of=None,
        change="",
        phones=phones,
        scope=_scope(asked, asked.hours * 3600),
        begins=_midnight(),
        clock=clock_from(0.0),
        theory=theory,
    )


def _theory(asked: Asked, stream: Stream, agents: int) -> tuple[Theory | None, str]:
    """For what Erlang's formulas speak of; else what keeps them from it."""
    if asked.variation != 1 or asked.no_answer or seconds_in(asked.answer_after or "0s", "") > 0:
        return None, "Erlang's formulas need talk of variation 1 and phones answered at once."
    rate, talk, patience = stream.calls_per_hour[0], stream.talk.mean, stream.patience
    try:
        if patience is NEVER:
            return erlang_c(rate, talk, agents, asked.threshold), "Theory: Erlang-C."
        theory = erlang_a(rate, talk, agents, patience.mean, asked.threshold, asked.short)
        return theory, "Theory: Erlang-A."
    except SimulationError as error:
        return None, f"No theory: {error}."


# --- A configuration ---


def _config_plan(asked: Asked) -> Plan:
    from pbx.cli import find_config

    named = os.environ.get("PBX_CONFIG")
    path = find_config(asked.config or (Path(named) if named else None))
    config, overflow = load(path)
    queues = chosen_queues(asked, config)
    streams = streams_of(asked, config, queues, CONFIG_PATIENCE)
    traffic = Traffic(config, streams, asked.hours * 3600, all_day(config), overflow)
    traffic.check()
    change, words = change_of(asked, 0.0)
    return Plan(
        title=f"{path}: {', '.join(queues)}",
        notes=(
            *(f"{stream.queue}: {_traffic_words(stream)}" for stream in streams),
            f"Everybody is at work all day; phones are answered after"
            f" {asked.answer_after or CONFIG_ANSWER_AFTER} on average,"
            f" {100 * asked.no_answer:g} % of the offers not at all.",
        ),
        asked=asked,
        day_of=traffic.day,
        changed_day_of=_changing(traffic.day, change),
        change=words,
        phones=phones_of(asked, CONFIG_ANSWER_AFTER),
        scope=_scope(asked, traffic.seconds),
        begins=_midnight(),
        clock=clock_from(0.0),
    )


def load(path: Path) -> tuple[DistributionConfig, dict[tuple[str, LeaveReason], str]]:
    """Queues and agents, and where calls go that a queue gives up. Raises ConfigErrors."""
    from pbx.config import load as load_config
    from pbx.config import to_distribution

    found = load_config(path, os.environ)
    reasons = {
        "on_timeout": LeaveReason.TIMED_OUT,
        "on_full": LeaveReason.QUEUE_FULL,
        "on_empty": LeaveReason.NOBODY_SIGNED_IN,
        "on_no_agent": LeaveReason.NO_MATCH,
        "on_all_missed": LeaveReason.ALL_MISSED,
    }
    overflow = {
        (name, reasons[setting]): way.target
        for name, queue in found.queues.items()
        for setting, way in queue.ways_out.items()
        if setting in reasons and way.kind is DestinationKind.QUEUE
    }
    return to_distribution(found), overflow


# --- A recorded day ---


def _recorded_plan(asked: Asked) -> Plan:
    from pbx.commands.recorded_day import find, read

    if asked.calls_per_hour:
        raise SimulationError("--calls-per-hour: the calls are those of the --day")
    path, local = find(asked.day, asked.config)
    recorded, begins, problems = read(path)
    config = recorded.recorder.config
    queues = chosen_queues(asked, config)
    seconds_of_day = _seconds_of_day(local.time_of_day(begins))
    change, words = change_of(asked, seconds_of_day)
    if asked.config is not None:
        new, overflow = load(asked.config)
        change = replace(change or Change(), config=new, overflow=overflow)
        words = " and ".join(filter(None, (str(asked.config), words)))
    day_of = recorded.like_it if asked.resample else recorded.same
    recorder = recorded.recorder
    scope = _scope(asked, recorder.now - recorder.start)
    return Plan(
        title=f"{path.name}: {', '.join(queues)}",
        notes=(*_recorded_words(asked, recorded), *problems),
        asked=asked,
        day_of=day_of,
        changed_day_of=_changing(day_of, change),
        change=words,
        phones=recorded.phones,
        scope=scope,
        begins=begins,
        clock=clock_from(seconds_of_day),
        that_day=_that_day(recorded, scope),
    )


def _that_day(recorded: "RecordedDay", scope: Scope) -> Values:
    found = Study(scope)
    found.add(recorded.ledger, recorded.recorder.config)
    return found.runs[0]


def _recorded_words(asked: Asked, recorded: "RecordedDay") -> tuple[str, ...]:
    callers = len(recorded.recorder.callers)
    if asked.resample:
        return (
            f"{callers} callers who come when they came on that day, but talk and wait as others"
            " of that day did: what may be expected of a day like it.",
        )
    return (
        f"The same {callers} callers as on that day, who talk as long and are as patient as they"
        " were; what is not known of them is drawn from what was seen of others.",
    )


# --- What all have ---


def _changing(day_of: Callable[[int], Day], change: Change | None) -> Callable[[int], Day] | None:
    if change is None:
        return None
    return lambda seed: changed(day_of(seed), change)


def _scope(asked: Asked, seconds: float) -> Scope:
    thresholds = Thresholds(asked.threshold, asked.short)
    return Scope(thresholds, asked.queues or None, interval_for(seconds))


def _traffic_words(stream: Stream) -> str:
    rates = ", ".join(f"{rate:.3g}" for rate in stream.calls_per_hour)
    patience = "" if stream.patience is NEVER else f", patience {stream.patience.mean:g} s"
    return f"{rates} calls an hour, talk {stream.talk.mean:g} s{patience}."


def clock_from(begins: float) -> Callable[[float], str]:
    """`8:30`, so many seconds of the day after its beginning."""

    def write(seconds: float) -> str:
        minutes = round((begins + seconds) / 60)
        return f"{minutes // 60}:{minutes % 60:02}"

    return write


def _midnight() -> float:
    now = datetime.now().astimezone()
    return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _seconds_of_day(time_of_day: str) -> float:
    """Of `14:03:27`."""
    hours, minutes, seconds = time_of_day.split(":")
    return int(hours) * 3600.0 + int(minutes) * 60.0 + int(seconds)
