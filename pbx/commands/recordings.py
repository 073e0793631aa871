"""`pbx recordings`: what was recorded, copies of it, and its erasure."""

import csv
import io
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO

import typer

if TYPE_CHECKING:
    from pbx.config import Config
    from pbx.recording.records import RecordingRecord

BUSY_SECONDS = 10.0  # The PBX writes there too, for milliseconds.

recordings = typer.Typer(
    name="recordings",
    help="What was recorded: list it, copy it elsewhere, erase it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", envvar="PBX_CONFIG", help="The YAML file.", show_default=False),
]
NumberOption = Annotated[str, typer.Option(help="Caller, called or extension.")]
AgentOption = Annotated[str, typer.Option(help="Who talked.")]
QueueOption = Annotated[str, typer.Option(help="Through which queue.")]
CallOption = Annotated[str, typer.Option(help="The id of the call.")]
SinceOption = Annotated[
    str, typer.Option(metavar="DAY", help="From this day on, such as 2026-11-22.")
]


@recordings.command("list")
def list_(
    number: NumberOption = "",
    agent: AgentOption = "",
    queue: QueueOption = "",
    call: CallOption = "",
    since: SinceOption = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets.")] = False,
    config: ConfigOption = None,
) -> None:
    """The newest first: when, who, how long, in which file.

    \b
    Examples:
      pbx recordings list
      pbx recordings list --queue sales --since 2026-11-01
      pbx recordings list --number 0501234567 --csv >found.csv
    """
    from pbx.cli import duration, show, table

    settings = _settings(config)
    root = settings.recording.directory(settings.storage.path)
    found = _found(settings, number, agent, queue, call, since, limit)
    if as_csv:
        _write_csv(found, root)
        return
    if not found:
        print("No recordings.")
        return
    rows = [
        (
            f"{datetime.fromtimestamp(r.begun_at):%Y-%m-%d %H:%M:%S}",
            *(r.caller, r.called, r.queue, r.agent or r.right, duration(r.seconds)),
            *(r.state.value, str(r.segment), str(root / r.file)),
        )
        for r in found
    ]
    columns = ("Begun", "Caller", "Called", "Queue", "Agent", ">Length", "State", ">Part", "File")
    show([table(*columns, rows=rows)])


@recordings.command()
def export(
    directory: Annotated[Path, typer.Argument(help="Where the copies go; made if it is missing.")],
    number: NumberOption = "",
    agent: AgentOption = "",
    queue: QueueOption = "",
    call: CallOption = "",
    since: SinceOption = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")] = 10_000,
    config: ConfigOption = None,
) -> None:
    """Copy recordings into a directory, with index.csv beside them.

    \b
    Examples:
      pbx recordings export /tmp/sales --queue sales --since 2026-11-01
      pbx recordings export /tmp/one --call 3f2a9c01b4de
    """
    settings = _settings(config)
    root = settings.recording.directory(settings.storage.path)
    found = _found(settings, number, agent, queue, call, since, limit)
    copied: list[RecordingRecord] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for record in found:
            source = root / record.file
            if source.is_file():
                _ = shutil.copy2(source, directory / source.name)
                copied.append(record)
        with (directory / "index.csv").open("w", newline="") as file:
            _write_rows(copied, directory, file, flat=True)
    except OSError as error:
        _fail(f"cannot copy to {directory}: {error.strerror}")
    missing = len(found) - len(copied)
    print(f"{directory}: {len(copied)} recordings" + (f", {missing} missing" if missing else ""))


@recordings.command()
def erase(
    number: Annotated[str, typer.Option(help="All recordings with this number.")] = "",
    call: Annotated[str, typer.Option(help="All recordings of this call.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Delete recordings for good: files, copies in S3, entries of the index.

    The records of the calls stay.

    \b
    Examples:
      pbx recordings erase --number 0501234567
      pbx recordings erase --call 3f2a9c01b4de --yes
    """
    if bool(number) == bool(call):
        _fail("name either --number or --call", 2)
    settings = _settings(config)
    found = _found(settings, number, "", "", call, "", 1_000_000)
    if not found:
        print("No recordings.")
        return
    if not yes:
        _ = typer.confirm(f"Delete {len(found)} recordings for good?", abort=True)
    try:
        _erase(settings, found)
    except (OSError, sqlite3.Error, _upload_error()) as error:
        _fail(f"not all are deleted; try again: {error}")
    print(f"{len(found)} recordings deleted")


def _erase(settings: "Config", found: list["RecordingRecord"]) -> None:
    """The entry goes last: whatever fails before it can be tried again."""
    from pbx.recording import files, index
    from pbx.recording.upload import Bucket

    root = settings.recording.directory(settings.storage.path)
    s3 = settings.recording.s3
    uploaded = any(record.uploaded for record in found)
    bucket = Bucket(s3) if s3 is not None and uploaded else None
    with closing(sqlite3.connect(settings.storage.path, timeout=BUSY_SECONDS)) as database:
        _ = database.execute("PRAGMA secure_delete = ON")
        for record in found:
            if bucket is not None and record.uploaded:
                bucket.delete(record)
            files.delete(root, record)
            with database:
                _ = database.execute(index.DROP, (record.id,))
        _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _found(
    settings: "Config", number: str, agent: str, queue: str, call: str, since: str, limit: int
) -> list["RecordingRecord"]:
    from pbx.recording import index
    from pbx.store import History, StoreError

    try:
        begun = datetime.strptime(since, "%Y-%m-%d").timestamp() if since else 0.0
    except ValueError:
        _fail(f"{since!r} is no day such as 2026-11-22", 2)
    if not settings.storage.path.is_file():
        _fail(f"{settings.storage.path}: no such file; nothing was ever recorded here")
    try:
        history = History(settings.storage.path)
        return history.recordings(index.READ_FOUND, number, agent, queue, call, begun, limit)
    except (StoreError, ValueError) as error:
        _fail(str(error))


_COLUMNS = (
    *("begun", "caller", "called", "queue", "agent", "left", "right", "seconds", "state"),
    *("call", "part", "format", "bytes", "file"),
)


def _write_csv(found: list["RecordingRecord"], root: Path) -> None:
    text = io.StringIO(newline="")
    _write_rows(found, root, text)
    _ = sys.stdout.write(text.getvalue())


def _write_rows(
    found: list["RecordingRecord"], root: Path, file: TextIO,
    *, flat: bool = False,
) -> None:  # fmt: skip
    writer = csv.writer(file)
    _ = writer.writerow(_COLUMNS)
    for r in found:
        path = Path(r.file).name if flat else str(root / r.file)
        begun = datetime.fromtimestamp(r.begun_at).astimezone().isoformat(timespec="milliseconds")
        _ = writer.writerow(
            (
                *(begun, *map(_harmless, (r.caller, r.called, r.queue, r.agent))),
                *(_harmless(r.left), _harmless(r.right), f"{r.seconds:.3f}", r.state.value),
                *(r.call, r.segment, r.format, r.size, path),
            )
        )


def _harmless(text: str) -> str:
    """A caller's name is no formula, whatever a spreadsheet thinks; +380… is a number."""
    return f"'{text}" if text[:1] in ("=", "-", "@", "\t", "\r") else text


def _upload_error() -> type[Exception]:
    from pbx.recording.upload import UploadError

    return UploadError


def _settings(path: Path | None) -> "Config":
    from pbx.cli import find_config
    from pbx.config import load
    from pbx.config.errors import ConfigErrors

    place = find_config(path)
    try:
        return load(place, os.environ)
    except ConfigErrors as errors:
        _fail("\n".join(str(error) for error in errors.errors))


def _fail(text: str, code: int = 1) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(code)
