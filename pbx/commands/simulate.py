"""`pbx simulate`: a day lived many times over with other strategies, or more people, or fewer."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.commands.journals import USAGE, fail

if TYPE_CHECKING:
    from pbx.commands.simulation import Lived, Plan
    from pbx.commands.simulation_asked import Asked

Config = Annotated[
    Path | None,
    typer.Argument(metavar="[CONFIG]", help="Its queues and agents; with --day: what if so?"),
]
Agents = Annotated[
    str, typer.Option(help="N: one plain queue with N agents. +N or -N: what if so many more?")
]
Strategy = Annotated[str, typer.Option(help="What if the queue had this strategy?")]
Queue = Annotated[list[str] | None, typer.Option(help="Only this queue; repeatable.")]
During = Annotated[str, typer.Option(help="When the agents of +N are there: 12:00-14:00.")]
Day = Annotated[str, typer.Option(help="A recorded day: 2026-05-02, yesterday; or a journal.")]
Resample = Annotated[
    bool, typer.Option("--resample", help="With --day: not its callers, but others like them.")
]
CallsPerHour = Annotated[
    list[str] | None,
    typer.Option(help="60; or 20,60,90 over the day; or QUEUE=60, repeatable."),
]
Handling = Annotated[str, typer.Option(help="Mean talk, such as 4m or 200s.")]
Variation = Annotated[
    float, typer.Option(min=0, max=10, help="Of talk: deviation ÷ mean; 1 is exponential.")
]
Patience = Annotated[
    str, typer.Option(help="Mean time until a caller hangs up; never. [default: 3m; never]")
]
AnswerAfter = Annotated[
    str, typer.Option(help="Mean time until an agent answers. [default: 4s; 0s]")
]
NoAnswer = Annotated[float, typer.Option(min=0, max=100, help="Offers missed, percent.")]
Hours = Annotated[float, typer.Option(min=0.1, max=168, help="Length of the day.")]
Runs = Annotated[int, typer.Option(min=1, max=10_000, help="How often it is lived.")]
Threshold = Annotated[float, typer.Option(min=0, help="Of the service level, seconds.")]
Short = Annotated[float, typer.Option(min=0, help="Who hangs up sooner did not abandon, seconds.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same figures.")]
Chart = Annotated[Path | None, typer.Option(help="Write a picture to this .svg.")]
Record = Annotated[Path | None, typer.Option(help="Write the first run as a journal.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON instead of tables.")]


def simulate(
    config: Config = None,
    agents: Agents = "",
    strategy: Strategy = "",
    queue: Queue = None,
    during: During = "",
    day: Day = "",
    resample: Resample = False,
    calls_per_hour: CallsPerHour = None,
    handling: Handling = "3m",
    variation: Variation = 1.0,
    patience: Patience = "",
    answer_after: AnswerAfter = "",
    no_answer: NoAnswer = 0.0,
    hours: Hours = 8.0,
    runs: Runs = 20,
    threshold: Threshold = 20.0,
    short: Short = 5.0,
    seed: Seed = 1,
    chart: Chart = None,
    record: Record = None,
    as_json: Json = False,
) -> None:
    """What if? A call-centre day in virtual time, decided by the PBX's own distribution core.

    Figures are means of all runs; nine of ten runs are within the range beside them.
    The second default is that of the plain queue of --agents N, for which theory knows the answer.

    \b
    Examples:
      pbx simulate --agents 28 --calls-per-hour 360 --handling 4m
      pbx simulate config/quickstart/pbx.yaml --calls-per-hour 20,60,90,40
      pbx simulate pbx.yaml --queue sales --calls-per-hour 60 --strategy longest_idle
      pbx simulate --day yesterday --agents +1 --during 12:00-14:00
      pbx simulate --day var/journal/2026-05-02.jsonl --strategy round_robin --chart it.svg
      pbx simulate new.yaml --day yesterday         what if yesterday's queues were these?
    """
    from pbx.commands.simulation_asked import Asked

    asked = Asked(
        *(config, agents, strategy, tuple(queue or ()), during, day, resample),
        *(tuple(calls_per_hour or ()), handling, variation, patience, answer_after),
        no_answer=no_answer / 100,
        hours=hours,
        runs=runs,
        threshold=threshold,
        short=short,
        seed=seed,
    )
    _simulate(asked, chart, record, as_json)


def _simulate(asked: "Asked", chart: Path | None, record: Path | None, as_json: bool) -> None:
    from pbx.commands import simulation
    from pbx.config.errors import ConfigErrors
    from pbx.simulation.errors import SimulationError

    try:
        plan = simulation.plan(asked)
        with _progress(plan.steps) as advance:
            lived = simulation.live_through(plan, advance)
        _hand_over(plan, lived, chart, record, as_json)
    except SimulationError as error:
        fail(str(error), USAGE)
    except ConfigErrors as errors:
        fail("\n".join(str(error) for error in errors.errors))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def _hand_over(
    plan: "Plan", lived: "Lived", chart: Path | None, record: Path | None, as_json: bool
) -> None:
    """To files, and to the terminal."""
    from pbx.commands import simulation, simulation_shown

    if chart is not None:
        _ = chart.write_text(simulation_shown.picture(plan, lived), encoding="utf-8")
    if record is not None:
        with record.open("w", encoding="utf-8") as file:
            simulation.record(plan, file)
    if as_json:
        print(simulation_shown.as_json(plan, lived))
    else:
        simulation_shown.show(plan, lived)


@contextmanager
def _progress(steps: int) -> Generator[Callable[[], None]]:
    """A bar on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=steps)
        yield lambda: progress.advance(task)
