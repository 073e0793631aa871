"""`python -m tests.sim`: simulated days with a progress bar, until one fails or all are over.

SEED=5 make sim, or --seed 5, lives that day alone and tells more about it.
"""

import argparse
import os
import sys
import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.sim.day import Day, Script
from tests.sim.test_days import DAYS, HOURS, repeat


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=_number("SEED"), help="only this day")
    parser.add_argument("--hours", type=float, default=_number("HOURS") or HOURS, help="of a day")
    parser.add_argument("--days", type=int, default=DAYS, help="how many, from seed 0 on")
    asked = parser.parse_args()
    console = Console()
    if asked.seed is not None:
        return 0 if _live(Script.of(asked.seed, asked.hours), console, verbose=True) else 1
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("days", total=asked.days)
        for seed in range(asked.days):
            script = Script.of(seed, asked.hours)
            progress.update(task, description=f"seed {seed}: {script.network}")
            if not _live(script, console, verbose=False):
                return 1
            progress.advance(task)
    return 0


def _live(script: Script, console: Console, *, verbose: bool) -> bool:
    started = time.perf_counter()
    if verbose:
        console.print(f"seed {script.seed}: {script}")
    day = Day(script)
    try:
        day.run()
    except Exception:
        console.print("\n".join(day.log), markup=False, highlight=False, soft_wrap=True)
        console.print_exception()
        console.print(f"seed {script.seed}: {script}, at {day.now:.3f}; again: {repeat(script)}")
        return False
    if verbose:
        verdicts = Counter(record.verdict.value for record in day.checker.records.values())
        for verdict, count in verdicts.most_common():
            console.print(f"{count:6} {verdict}")
        seconds = time.perf_counter() - started
        console.print(f"{day.steps} steps, {day.restarts} restarts, {seconds:.1f} s")
    return True


def _number(name: str) -> int | None:
    value = os.environ.get(name, "")
    return int(value) if value else None


if __name__ == "__main__":
    sys.exit(main())
