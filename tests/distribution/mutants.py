"""`python -m tests.distribution.mutants`: seeded bugs, and which rule's test notices each.

A copy of `pbx` is made for each mutant (mutants_list.py), one place in it is changed, and the rule
tests (test_rules.py) run against it in a process of their own. With --own each mutant is judged by
the one test that must notice it, otherwise by all: then the table is the whole matrix.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree import ElementTree

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.distribution.mutants_list import MUTANTS, Mutant

ROOT: Final = Path(__file__).parents[2]
RULES: Final = range(1, 10)
AT_ONCE: Final = 2
# A mutant may loop for ever; that is noticed too.
SECONDS_MAX: Final = 600
WIDTH: Final = 140  # Of the table, when it goes to a file.
TESTS: Final = "tests/distribution/test_rules.py"
PROOF: Final = "test_the_package_under_test"
_COLUMNS: Final = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    mutant: Mutant | None  # None: the package as it is.
    failed: frozenset[str]  # The rule tests that failed.

    @property
    def rules(self) -> set[int]:
        return {int(test.removeprefix("TestRule")[0]) for test in self.failed}

    @property
    def killed(self) -> bool:
        """By the test that must."""
        return self.mutant is not None and self.mutant.noticed_by in self.failed


class MutantError(Exception):
    """A mutant that cannot be judged: its patch or its package is not as it should be."""


def patched(mutant: Mutant, root: Path) -> str:
    """The text of the mutant's file with the bug in it."""
    text = (root / "pbx/distribution" / mutant.file).read_text()
    if text.count(mutant.old) != 1:
        raise MutantError(
            f"{mutant.name}: its place is in {mutant.file} {text.count(mutant.old)} x"
        )
    if mutant.old == mutant.new:
        raise MutantError(f"{mutant.name} changes nothing")
    return text.replace(mutant.old, mutant.new)


def judge(mutant: Mutant | None, *, own: bool) -> Verdict:
    with TemporaryDirectory(prefix="mutant-") as name:
        where = Path(name)
        _copy(where)
        if mutant is not None:
            text = patched(mutant, ROOT)
            (where / "pbx/distribution" / mutant.file).write_text(text)
        return Verdict(mutant, _failures(where, mutant if own else None))


def _copy(where: Path) -> None:
    """The package, and of the tests what judges it."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "pbx", where / "pbx", ignore=unwanted)
    tests = where / "tests/distribution"
    tests.mkdir(parents=True)
    for package in (where / "tests", tests):
        (package / "__init__.py").touch()
    for source in (ROOT / "tests/distribution").glob("*rules*.py"):
        shutil.copy(source, tests)


def _failures(where: Path, only_for: Mutant | None) -> frozenset[str]:
    """The rule tests that fail there."""
    report = where / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--rootdir", str(where), "--junit-xml", str(report)]
    tests = [TESTS]
    if only_for is not None:
        tests = [f"{TESTS}::{PROOF}", f"{TESTS}::{only_for.noticed_by}", "-x"]
    environment = {
        **os.environ,
        "PACKAGE_UNDER_TEST": str(where),
        "PYTHONPATH": str(where),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RULES": "mutants",
    }
    try:
        done = subprocess.run(
            [*command, *tests],
            cwd=where,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        if only_for is None:
            return frozenset(f"TestRule{rule}" for rule in RULES)
        return frozenset({only_for.noticed_by})
    if not report.exists():
        raise MutantError(f"no report: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return _read(report)


def _read(report: Path) -> frozenset[str]:
    """Raises MutantError unless it was the package there that was judged."""
    failed: set[str] = set()
    proved = False
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("classname", "").rpartition(".")[2]
        bad = any(child.tag in ("failure", "error") for child in case)
        if case.get("name") == PROOF:
            proved = not bad
        elif bad:
            failed.add(name)
    if not proved:
        raise MutantError(f"{report.parent} was not what was tested")
    return frozenset(failed)


def judge_all(
    mutants: Sequence[Mutant | None], progress: Progress | None = None, *, own: bool
) -> list[Verdict]:
    """In the order of `mutants`."""
    verdicts: dict[int, Verdict] = {}
    bar = progress.add_task("mutants", total=len(mutants)) if progress is not None else None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(judge, one, own=own): at for at, one in enumerate(mutants)}
        for done in as_completed(running):
            verdicts[running[done]] = done.result()
            if progress is not None and bar is not None:
                progress.advance(bar)
    return [verdicts[at] for at in sorted(verdicts)]


def table_of(verdicts: Sequence[Verdict], *, own: bool) -> Table:
    title = "Which rule's test notices which bug" + (" (only its own was asked)" if own else "")
    table = Table(title=title)
    table.add_column("mutant", no_wrap=True)
    table.add_column("what it does", no_wrap=True, overflow="ellipsis", max_width=70)
    for rule in RULES:
        table.add_column(str(rule), no_wrap=True)
    for verdict in verdicts:
        mutant = verdict.mutant
        if mutant is None:
            continue
        cells = ["x" if rule in verdict.rules else "" for rule in RULES]
        cells[mutant.rule - 1] = "[green]X[/]" if verdict.killed else "[red]-[/]"
        table.add_row(mutant.name, mutant.what, *cells)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.distribution.mutants")
    parser.add_argument("--own", action="store_true", help="ask only the test that must notice it")
    parser.add_argument("names", nargs="*", help="of mutants; without: all")
    asked = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    chosen = [one for one in MUTANTS if not asked.names or one.name in asked.names]
    with Progress(*_COLUMNS, console=console) as progress:
        sound, *verdicts = judge_all([None, *chosen], progress, own=asked.own)
    if sound.failed:
        console.print(f"Without any mutant these fail: {', '.join(sorted(sound.failed))}")
        return 1
    console.print(table_of(verdicts, own=asked.own))
    lived = [v.mutant for v in verdicts if v.mutant is not None and not v.killed]
    console.print(f"{len(verdicts) - len(lived)} of {len(verdicts)} noticed by their own test.")
    for mutant in lived:
        console.print(f"[red]Lived:[/] {mutant.name} (rule {mutant.rule}): {mutant.what}")
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
