"""What a simulation came to: tables and bars for a terminal, JSON, a picture."""

import json
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pbx.commands.simulation import Lived, Plan
from pbx.printable import printable
from pbx.simulation.bars import bars
from pbx.simulation.chart import Picture, Series, svg
from pbx.simulation.figures import FIGURES, Figure, Unit
from pbx.simulation.ranges import Range, Study

AS_IT_IS: Final = "As it is"
WHAT_IF: Final = "What if"
WIDE: Final = 150  # Otherwise the formulas stand below, and ranges go on in a second line.
PIPE_WIDTH: Final = 200  # A pipe has no width: let no column be cut.
BAR_WIDTH: Final = 44
# Shown only if there were any.
_RARE: Final = frozenset({"left_otherwise", "still_waiting", "refused", "missed"})
_OF_QUEUES: Final = ("offered", "answered", "abandoned", "service_level", "asa")
_INTERVALS: Final = {300: "5 min", 900: "15 min", 1800: "30 min", 3600: "hour", 86400: "day"}


def show(plan: Plan, lived: Lived) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=PIPE_WIDTH)
    console.print(Text(printable(_headline(plan)), style="bold"))
    for note in plan.notes:
        console.print(Text(printable(note)))
    wide = console.width >= WIDE
    console.print(_figures(plan, lived, wide=wide))
    if not wide:
        for figure in FIGURES:
            if _is_shown(figure, plan, lived):
                console.print(Text(f"{figure.label}: {_formula(figure, plan)}", style="dim"))
        console.print()
    if len(lived.as_it_is.of_queue) > 1:
        console.print(_queues(lived, wide=wide))
    console.print(_bars(plan, lived.last))


def _headline(plan: Plan) -> str:
    runs = plan.asked.runs
    words = f"{plan.title}; {runs} run{'s' if runs > 1 else ''} from seed {plan.asked.seed}"
    return f"{words}. What if: {plan.change}?" if plan.change else words


def _figures(plan: Plan, lived: Lived, *, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    compared = lived.what_if is not None
    names = [
        *(["That day"] if plan.that_day else []),
        *([AS_IT_IS, WHAT_IF, "Difference"] if compared else ["Simulated"]),
        *(["Theory"] if plan.theory is not None else []),
    ]
    for name in names:
        table.add_column(name, justify="right", no_wrap=wide)
    if wide:
        table.add_column("How it is calculated", no_wrap=True)
    for figure in FIGURES:
        if _is_shown(figure, plan, lived):
            cells = _cells(figure, plan, lived)
            formula = [_formula(figure, plan)] if wide else []
            table.add_row(figure.label, *cells, *formula)
    return table


def _is_shown(figure: Figure, plan: Plan, lived: Lived) -> bool:
    if figure.name not in _RARE:
        return True
    found = [study.range(figure.name) for study in _studies(lived)]
    return any(one is not None and one.high > 0 for one in found) or bool(
        plan.that_day.get(figure.name)
    )


def _studies(lived: Lived) -> list[Study]:
    return [lived.as_it_is] if lived.what_if is None else [lived.as_it_is, lived.what_if]


def _cells(figure: Figure, plan: Plan, lived: Lived) -> list[Text | str]:
    cells: list[Text | str] = []
    if plan.that_day:
        cells.append(written(figure.unit, plan.that_day[figure.name]))
    cells += [ranged(figure.unit, study.range(figure.name)) for study in _studies(lived)]
    if lived.what_if is not None:
        cells.append(_difference(figure, lived.what_if.difference(lived.as_it_is, figure.name)))
    if plan.theory is not None:
        cells.append(written(figure.unit, theory_of(plan, figure.name), precise=True))
    return cells


def _difference(figure: Figure, found: Range | None) -> Text:
    """Green or red if nine of ten runs agree on it."""
    if found is None:
        return Text("-")
    style = ""
    if figure.good and (found.low > 0 or found.high < 0):
        style = "green" if (found.mean > 0) == (figure.good > 0) else "red"
    return Text(ranged(figure.unit, found, signed=True), style=style)


def theory_of(plan: Plan, name: str) -> float | None:
    value: float | None = getattr(plan.theory, name, None)
    return value


def _formula(figure: Figure, plan: Plan) -> Text:
    formula = figure.formula.format(threshold=plan.asked.threshold, short=plan.asked.short)
    return Text(formula, style="dim")


def ranged(unit: Unit, found: Range | None, *, signed: bool = False) -> str:
    """`71.2 % (66.0…75.1)`."""
    if found is None:
        return "-"
    mean = written(unit, found.mean, signed=signed)
    if found.runs == 1 or found.low == found.high:
        return mean
    low, high = (_number(unit, value, signed=signed) for value in (found.low, found.high))
    return f"{mean} ({low}…{high})"


def written(unit: Unit, value: float | None, *, signed: bool = False, precise: bool = False) -> str:
    if value is None:
        return "-"
    number = _number(unit, value, signed=signed, precise=precise)
    match unit:
        case Unit.SHARE:
            return f"{number} {'pp' if signed else '%'}"
        case Unit.SECONDS:
            return f"{number} s"
        case _:
            return number


def _number(unit: Unit, value: float, *, signed: bool = False, precise: bool = False) -> str:
    sign = "+" if signed else ""
    match unit:
        case Unit.CALLS:
            return f"{value:{sign},.0f}" if abs(value) >= 10 else f"{value:{sign}.3g}"
        case Unit.SHARE:
            return f"{100 * value:{sign}.{2 if precise else 1}f}"
        case Unit.SECONDS:
            return f"{value:{sign}.{2 if precise else 1}f}"
        case Unit.RATIO:
            return f"{value:{sign}.3f}"


def _queues(lived: Lived, *, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Queue", min_width=10)
    figures = [figure for figure in FIGURES if figure.name in _OF_QUEUES]
    for figure in figures:
        table.add_column(figure.label, justify="right", no_wrap=wide)
    for queue in lived.as_it_is.of_queue:
        for study in _studies(lived):
            label = queue if study is lived.as_it_is else f"  {WHAT_IF.lower()}"
            cells = [ranged(f.unit, study.queue_range(queue, f.name)) for f in figures]
            table.add_row(Text(printable(label)), *cells)
    return table


def _bars(plan: Plan, study: Study) -> Table:
    """The day from top to bottom."""
    interval = study.scope.interval
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(justify="right")
    heading = Text.assemble(
        ("█", "blue"), " answered ", ("░", "yellow"), f" abandoned, per {_words(interval)}"
    )
    table.add_row("", heading, "Calls", "Service level")
    found = bars(
        study.intervals,
        len(study.runs),
        interval=interval,
        clock=plan.clock,
        width=BAR_WIDTH,
    )
    for bar in found:
        picture = Text.assemble((bar.answered, "blue"), (bar.abandoned, "yellow"))
        table.add_row(bar.time, picture, bar.words, bar.level)
    return table


def _words(interval: float) -> str:
    return _INTERVALS.get(int(interval), f"{interval / 3600:g} hours")


def picture(plan: Plan, lived: Lived) -> str:
    """The SVG."""
    study, before = lived.last, lived.as_it_is
    subtitle = _summary(study, None if lived.what_if is None else before)
    series = Series(
        WHAT_IF.lower() if lived.what_if else "simulated", study.intervals, len(study.runs)
    )
    earlier = Series(AS_IT_IS.lower(), before.intervals, len(before.runs))
    return svg(
        Picture(
            title=f"{plan.title}: what if {plan.change}?" if plan.change else plan.title,
            subtitle=subtitle,
            interval=study.scope.interval,
            interval_words=_words(study.scope.interval),
            threshold=plan.asked.threshold,
            clock=plan.clock,
            day=series,
            before=earlier if lived.what_if is not None else None,
        )
    )


def _summary(study: Study, before: Study | None) -> str:
    parts: list[str] = []
    for name in ("service_level", "abandoned", "asa"):
        figure = next(figure for figure in FIGURES if figure.name == name)
        words = ranged(figure.unit, study.range(name))
        if before is not None:
            earlier = before.range(name)
            was = written(figure.unit, None if earlier is None else earlier.mean)
            words = f"{was} → {words}"
        parts.append(f"{figure.label} {words}")
    return ", ".join(parts)


def as_json(plan: Plan, lived: Lived) -> str:
    """Shares are from 0 to 1, times are seconds, `low` and `high` the ends of the 90 % range."""
    asked = plan.asked
    data = {
        "title": plan.title,
        "change": plan.change,
        "notes": plan.notes,
        "runs": asked.runs,
        "seed": asked.seed,
        "threshold_seconds": asked.threshold,
        "short_abandon_seconds": asked.short,
        "figures": {figure.name: _figure(figure, plan, lived) for figure in FIGURES},
        "queues": {
            queue: {
                key: {f.name: _plain(study.queue_range(queue, f.name)) for f in FIGURES}
                for key, study in zip(("as_it_is", "what_if"), _studies(lived), strict=False)
            }
            for queue in lived.as_it_is.of_queue
        },
        "intervals": _intervals(plan, lived.last),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def _figure(figure: Figure, plan: Plan, lived: Lived) -> dict[str, object]:
    found: dict[str, object] = {
        "unit": figure.unit.value,
        "formula": _formula(figure, plan).plain,
        "as_it_is": _plain(lived.as_it_is.range(figure.name)),
    }
    if lived.what_if is not None:
        found["what_if"] = _plain(lived.what_if.range(figure.name))
        found["difference"] = _plain(lived.what_if.difference(lived.as_it_is, figure.name))
    if plan.theory is not None:
        found["theory"] = theory_of(plan, figure.name)
    if plan.that_day:
        found["that_day"] = plan.that_day[figure.name]
    return found


def _plain(found: Range | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "standard_error": found.error,
        "runs": found.runs,
    }


def _intervals(plan: Plan, study: Study) -> Sequence[dict[str, object]]:
    runs = len(study.runs)
    return [
        {
            "at": plan.clock(number * study.scope.interval),
            "offered": counts.offered / runs,
            "answered": counts.answered / runs,
            "abandoned": counts.abandoned / runs,
            "service_level": counts.service_level,
        }
        for number, counts in enumerate(study.intervals)
    ]
