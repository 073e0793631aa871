"""`pbx why`: what happened to one call, and why, from the journals."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from pbx.commands.journals import (
    USAGE,
    Company,
    ConfigOption,
    JournalOption,
    bar,
    company,
    days,
    fail,
)
from pbx.printable import printable

SHOWN_MAX: Final = 10  # Calls that an ambiguous id may mean.


def why(
    call: Annotated[str, typer.Argument(help="Its id, or the beginning of it: see `pbx calls`.")],
    day: Annotated[str, typer.Option(help="Look only there: 2026-11-21, today or yesterday.")] = "",
    config: ConfigOption = None,
    journal: JournalOption = None,
) -> None:
    """Why did this call go as it went? Who was rung, who was not, and what kept them.

    The call's day is lived again from the journal, so the answer is exact, to every reason.

    \b
    Examples:
      pbx why 4f2a91c07d3b
      pbx why 4f2a                     the beginning is enough, if no other call begins so
      pbx why 4f2a --day yesterday
    """
    if not call.isalnum():
        fail(f"{call!r} is no id of a call", USAGE)
    place = company(config, journal)
    known = days(place.directory)
    chosen = [place.day(day)] if day else known
    id, found = _find(place.directory, call, [day for day in chosen if day in known])
    if not found:
        fail(_unknown(place, call, chosen))
    print("\n".join(printable(line) for line in _tell(place, id, found, known).split("\n")))


def _find(directory: Path, start: str, chosen: list[str]) -> tuple[str, dict[str, int]]:
    """The whole id, and the days that speak of it with the last line that does, the oldest first.

    The newest day that speaks of such a call decides which is meant.
    """
    from pbx import journal

    id, found = "", dict[str, int]()
    for day in reversed(chosen):
        calls = journal.mentions(journal.path_of(directory, day), id or start)
        if id:
            if id not in calls:
                break  # It began the day after.
        elif start in calls:
            id = start
        elif len(calls) > 1:
            some = ", ".join(sorted(calls)[:SHOWN_MAX])
            fail(f"{start} is the beginning of {len(calls)} calls of {day}: {some}", USAGE)
        else:
            id = next(iter(calls), "")
        if id:
            found = {day: calls[id], **found}
    return id, found


def _tell(place: Company, id: str, found: dict[str, int], known: list[str]) -> str:
    """From the day on which it began, as far as it goes."""
    from pbx import journal
    from pbx.history import telling

    first = next(iter(found))

    def pages() -> Iterator[tuple[Iterable[str], int]]:
        for day in known[known.index(first) :]:
            path = journal.path_of(place.directory, day)
            yield journal.lines(path, read), found.get(day, 0)

    size = journal.path_of(place.directory, first).stat().st_size
    with bar(size, first, alone=True) as read:
        told = telling.tell(pages(), id, place.names, place.local.time_of_day)
    return f"{first}\n{told}"


def _unknown(place: Company, call: str, chosen: list[str]) -> str:
    where = f"{chosen[0]} to {chosen[-1]}" if len(chosen) > 1 else chosen[0]
    return (
        f"no call {call} in the journal of {where} ({place.directory}).\n"
        "A call that never entered a queue is not in it; `pbx calls` lists them all."
    )
