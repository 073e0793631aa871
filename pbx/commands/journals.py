"""Where the journals are, which day is meant, what people are called: for `why` and `replay`."""

import os
import re
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from pbx.printable import printable

if TYPE_CHECKING:
    from pbx.history.words import Names
    from pbx.local_time import LocalTime

FAILED: Final = 1
USAGE: Final = 2
BAR_BYTES: Final = 2_000_000  # Less is read in a second or two.
DAY_SECONDS: Final = 86_400.0
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        envvar="PBX_CONFIG", help="For the names of people, the time zone and where journals are."
    ),
]
JournalOption = Annotated[
    Path | None, typer.Option(help="The directory of the journals, if not as configured.")
]


@dataclass(frozen=True, slots=True)
class Company:
    """What the configuration says that a journal does not."""

    directory: Path
    names: "Names"
    local: "LocalTime"

    def day(self, named: str) -> str:
        """`2026-11-21`, `today` or `yesterday`. Ends the program for anything else."""
        now = time.time()
        if named == "today":
            return self.local.day(now)
        if named == "yesterday":
            return self.local.day(self.local.unix_of(self.local.day(now), "00:00") - 1.0)
        if _DAY.fullmatch(named) is None:
            fail(f"{named!r} is no day such as 2026-11-21, nor today or yesterday", USAGE)
        return named


def company(config: Path | None, journal: Path | None) -> Company:
    """Ends the program if there is no journal to be found."""
    from pbx.cli import find_config
    from pbx.config import load
    from pbx.config.errors import ConfigErrors
    from pbx.history.words import Names
    from pbx.local_time import LocalTime

    if config is None and journal is not None:
        return Company(journal, Names(), LocalTime())
    path = find_config(config)
    try:
        found = load(path, os.environ)
    except ConfigErrors as errors:
        fail("\n".join(str(error) for error in errors.errors))
    directory = journal or found.storage.journal_directory
    if directory is None:
        fail(f'{path}: no journal is kept (storage.journal is ""); name one with --journal', USAGE)
    names = {id: agent.name for id, agent in found.agents.items()}
    return Company(directory, Names(names), LocalTime(found.timezone))


def days(directory: Path) -> list[str]:
    """Those that have a journal, the oldest first. Ends the program if there is none."""
    from pbx import journal

    try:
        found = journal.days(directory)
    except OSError as error:
        fail(f"{directory}: {error.strerror}; the setting storage.journal says where journals are")
    if not found:
        fail(f"{directory}: there is no journal in it")
    return found


@contextmanager
def bar(size: int, what: str, *, alone: bool) -> Generator[Callable[[int], object]]:
    """A progress bar on a terminal when there is much to read; nothing in a pipe.

    `alone`: nothing else is printed meanwhile.
    """
    if size < BAR_BYTES or not sys.stderr.isatty() or (sys.stdout.isatty() and not alone):
        yield lambda length: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=size)
        yield lambda length: progress.advance(task, length)


def fail(text: str, code: int = FAILED) -> NoReturn:
    typer.echo("\n".join(printable(line) for line in text.split("\n")), err=True)
    raise typer.Exit(code)
