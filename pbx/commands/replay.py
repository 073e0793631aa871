"""`pbx replay`: a day lived again from its journal, each decision in order."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.commands.journals import (
    FAILED,
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

if TYPE_CHECKING:
    from pbx.history.replay import Began, Replay, Step
    from pbx.history.words import Names


def replay(
    day: Annotated[
        str, typer.Argument(metavar="DAY|FILE", help="2026-11-21, today, yesterday; or a journal.")
    ],
    until: Annotated[
        str, typer.Option(help="Stop at this time, such as 14:03, and show how things are then.")
    ] = "",
    call: Annotated[
        str, typer.Option(help="Only what concerns this call; its beginning is enough.")
    ] = "",
    agent: Annotated[str, typer.Option(help="Only what concerns this agent; id or name.")] = "",
    inputs: Annotated[bool, typer.Option(help="Also what happened, not only decisions.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether all went as on the day.")
    ] = False,
    config: ConfigOption = None,
    journal: JournalOption = None,
) -> None:
    """Live a day again from its journal: every decision in order, and whether it is the same.

    \b
    Examples:
      pbx replay today --until 14:03           who waited, who was free?
      pbx replay 2026-11-21 --agent 901
      pbx replay yesterday --call 4f2a91c07d3b --inputs
      pbx replay var/journal/2026-11-21.jsonl --check
    """
    from pbx.history.replay import Replay

    file = Path(day)
    place = company(config, journal or (file.parent if file.is_file() and not config else None))
    path = file if file.is_file() else _path(place, place.day(day))
    if until:
        _check_time(place, until)
    shown = _Shown(place, call, agent, inputs, quiet=check)
    again = Replay()
    _run(again, path, shown, until)
    if again.until is not None:
        _show_state(again, place, again.until)
    _say(again, place.local.time_of_day)
    if again.differing or (check and again.problems):
        raise typer.Exit(FAILED)


def _path(place: Company, day: str) -> Path:
    from pbx import journal

    known = days(place.directory)
    if day not in known:
        fail(
            f"no journal of {day}; there are {known[0]} to {known[-1]} in {place.directory}", USAGE
        )
    return journal.path_of(place.directory, day)


def _run(again: "Replay", path: Path, shown: "_Shown", until: str) -> None:
    from pbx import journal
    from pbx.history.replay import Began

    local = shown.place.local
    try:
        with bar(path.stat().st_size, path.stem, alone=shown.quiet) as read:
            for step in again.run(journal.lines(path, read)):
                if not isinstance(step, Began):
                    shown.step(step)
                    continue
                if until and again.until is None:
                    again.until = local.unix_of(local.day(step.at), until)
                shown.began(step)
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def _check_time(place: Company, until: str) -> None:
    try:
        _ = place.local.unix_of("2026-01-01", until)
    except ValueError as error:
        fail(str(error), USAGE)


class _Shown:
    """Prints what was asked for."""

    def __init__(self, place: Company, call: str, agent: str, inputs: bool, *, quiet: bool) -> None:
        self.place = place
        self._call, self._agent = call, agent
        self._inputs, self.quiet = inputs, quiet

    def began(self, began: "Began") -> None:
        if not self.quiet:
            what = "the PBX starts" if began.fresh else "the journal goes on"
            print(f"{self._time(began.at)}  --- {what}")

    def step(self, step: "Step") -> None:
        from pbx.distribution.journal import is_decision
        from pbx.history.words import effect_words, input_words

        if self.quiet:
            return
        lines: list[str] = []
        if self._inputs and self._concerns(step.event):
            lines.append(f"{input_words(step.event, self._names)}")
        states = bool(self._agent or self._inputs)
        lines += [
            f"  {effect_words(effect, self._names)}"
            for effect in step.effects
            if self._concerns(effect) and (states or is_decision(effect))
        ]
        for line in lines:
            print(f"{self._time(step.at)}  {printable(line)}")

    @property
    def _names(self) -> "Names":
        return self.place.names

    def _time(self, at: float) -> str:
        return self.place.local.time_of_day(at, milliseconds=True)

    def _concerns(self, what: object) -> bool:
        call, agent = getattr(what, "call", ""), getattr(what, "agent", "")
        return call.startswith(self._call) and (
            not self._agent or self._agent in (agent, self._names.agent(agent))
        )


def _show_state(again: "Replay", place: Company, at: float) -> None:
    """Queues, callers and agents as they are then."""
    from pbx.cli import duration, show, table

    core = again.core
    if core is None:
        return
    moment = at - again.clock.unix + again.clock.monotonic
    views = [core.queue(name) for name in core.queues]
    queues = table(
        *("Queue", ">Waiting", ">Talking", ">Ready"),
        rows=[
            (view.id, str(len(view.waiting)), str(len(view.talking)), str(view.ready))
            for view in views
        ],
    )
    waiting = table(
        *("Queue", ">Place", "Call", "Number", ">For", "Rings"),
        rows=[
            (
                *(view.id, str(caller.position), caller.call, caller.number),
                duration(moment - caller.joined_at),
                ", ".join(place.names.agent(agent) for agent in caller.ringing),
            )
            for view in views
            for caller in view.waiting
        ],
    )
    people = [core.agent(name) for name in core.agents]
    agents = table(
        *("Agent", "State", "Since", ">For", "Reason", "Call"),
        rows=[
            (
                *(place.names.agent(view.id), view.state.value),
                place.local.time_of_day(again.unix_of(view.since)),
                *(duration(moment - view.since), view.reason, view.call),
            )
            for view in people
        ],
    )
    callers = waiting if any(view.waiting for view in views) else "Nobody waits."
    show([f"At {place.local.time_of_day(at)}:", queues, callers, agents])


def _say(again: "Replay", clock: Callable[[float], str]) -> None:
    """Was all as on the day?"""
    counts = f"{again.inputs:,} inputs, {again.decisions:,} decisions"
    first = again.first_difference
    if first is not None:
        words = f"{type(first.event).__name__}, input {first.number} at {clock(first.at)}"
        noun = "input" if again.differing == 1 else "inputs"
        print(f"{counts}; {again.differing:,} {noun} went otherwise than on the day.")
        print(f"The first: {words}.")
        _show_difference(first)
    elif again.checked:
        print(f"{counts}, all as on the day. Digest {again.digest}.")
    else:
        print(f"{counts}; the journal does not say what they were. Digest {again.digest}.")
    for problem in again.problems:
        print(f"Careful: {printable(problem)}.")


def _show_difference(step: "Step") -> None:
    from pbx.history.words import Names, effect_words

    for effect in step.effects:
        print(f"  now: {printable(effect_words(effect, Names()))}")
    if not step.effects:
        print("  now: nothing")
