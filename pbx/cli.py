"""The command `pbx`. What a command needs is imported when it runs, so that help comes at once.

Exit codes: 0 done; 1 it failed, or the configuration has faults; 2 wrong usage; 3 no PBX answers.
"""

import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar

import typer

from pbx import __version__
from pbx.commands.bans import ban, bans, unban
from pbx.commands.provision import provision
from pbx.commands.recordings import recordings
from pbx.commands.replay import replay
from pbx.commands.simulate import simulate
from pbx.commands.sounds import sounds
from pbx.commands.supervise import supervise
from pbx.commands.why import why
from pbx.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

    from pbx.config.model import Config
    from pbx.history.records import CallRecord
    from pbx.status import Status
    from sip.trace import Traced

FAILED: Final = 1
USAGE: Final = 2
NO_ANSWER: Final = 3

URL: Final = "http://127.0.0.1:8080"
NOT_FOUND: Final = 404
ANSWER_SECONDS: Final = 5.0
ANSWER_BYTES_MAX: Final = 64 << 20  # 4,000 calls are 1 MB: more is not a PBX.
CALL_ID: Final = re.compile(r"[0-9a-f]{8,32}")
CONFIG_PLACES: Final = ("pbx.yaml", "config/pbx.yaml", "/etc/dzvin/pbx.yaml")

Answer = TypeVar("Answer")

app = typer.Typer(
    name="pbx",
    help="Dzvin, a call-centre PBX: queues, agents, phones.",
    epilog=(
        "\b\nExamples:\n"
        "  pbx check config/pbx.yaml    is this configuration right?\n"
        "  pbx run config/pbx.yaml      start; Ctrl-C stops\n"
        "  pbx status                   who waits, who talks, who is free\n"
        "  pbx COMMAND --help           more about a command\n"
        "\b\nExit codes: 0 done, 1 failed or faults found, 2 wrong usage, 3 no PBX answers."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

ConfigArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[CONFIG]",
        envvar="PBX_CONFIG",
        help=f"The YAML file. Without it the first of: {', '.join(CONFIG_PLACES)}.",
        show_default=False,
    ),
]
UrlOption = Annotated[
    str, typer.Option(envvar="PBX_URL", help="Where the running PBX answers (its `web` setting).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON instead of tables.")]


@app.command()
def run(
    config: ConfigArgument = None,
    log_level: Annotated[
        str, typer.Option(envvar="PBX_LOG_LEVEL", help="debug, info, warning or error.")
    ] = "info",
    log_style: Annotated[
        str, typer.Option(envvar="PBX_LOG_STYLE", help="console, json, or auto: by the terminal.")
    ] = "auto",
) -> None:
    """Start the PBX and stay in the foreground. Ctrl-C or SIGTERM stops it.

    \b
    Examples:
      pbx run config/quickstart/pbx.yaml
      PBX_SIP__PORT=5070 pbx run          a setting from the environment
      pbx run --log-style json 2>pbx.log
    """
    path = find_config(config)
    from pbx import log

    try:
        log.configure(log_level, log_style)
    except ValueError as error:
        _fail(str(error), USAGE)

    from pbx.app import run as run_app
    from pbx.config.errors import ConfigErrors
    from pbx.store import StoreError
    from pbx.web.server import WebError

    try:
        code = run_app(path)
    except ConfigErrors as errors:
        _fail_config(path, errors)
    except (StoreError, WebError) as error:
        _fail(str(error))
    raise typer.Exit(code)


@app.command()
def check(config: ConfigArgument = None) -> None:
    """Read the configuration and say what is wrong with it, and where. Starts nothing.

    \b
    Examples:
      pbx check
      pbx check config/pbx.yaml && systemctl reload pbx
    """
    path = find_config(config)
    from pbx.config.errors import ConfigErrors

    try:
        found = _load(path)
    except ConfigErrors as errors:
        _fail_config(path, errors)
    counts = f"{len(found.extensions)} extensions, {len(found.agents)} agents"
    for warning in _missing_sounds(found):
        print(f"{path}: {warning}")
    print(f"{path}: no faults. {counts}, {len(found.queues)} queues.")


def _missing_sounds(config: "Config") -> list[str]:
    """What is not recorded in a language that is spoken. No fault: another language has it."""
    from pbx.config.languages import languages_of
    from pbx.config.sounds import find_sounds

    found = find_sounds(config.sounds, languages_of(config))
    return [
        f"warning: {language} has no {', '.join(names[:5])}"
        f"{f' and {len(names) - 5} more' if len(names) > 5 else ''};"
        " callers hear them in another language"
        for language, names in found.missing.items()
        if names
    ]


@app.command()
def status(url: UrlOption = URL, as_json: JsonOption = False) -> None:
    """What the running PBX does now: queues, agents, calls.

    \b
    Examples:
      pbx status
      pbx status --url http://10.0.0.5:8080
      watch -n1 pbx status
      pbx status --json | jq '.queues[] | select(.waiting > 5)'
    """
    from pbx.status import Status

    body = _get(url, "/status.json")
    if as_json:
        _print_json(body)
    else:
        show(status_tables(_decoded(body, Status, url)))


@app.command()
def calls(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many calls.")] = 20,
    before: Annotated[str, typer.Option(help="Only those before the call with this id.")] = "",
    url: UrlOption = URL,
    database: Annotated[
        Path | None,
        typer.Option(help="Read this history file instead; works while the PBX is stopped."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The latest calls, newest first: who, for how long, how it ended.

    \b
    Examples:
      pbx calls
      pbx calls --limit 100 --json
      pbx calls --database var/pbx.sqlite
    """
    from pbx.history.records import CallRecord

    if database is not None:
        body = _calls_of_file(database, limit, before)
    else:
        from urllib.parse import urlencode

        body = _get(url, f"/calls.json?{urlencode({'limit': limit, 'before': before})}")
    if as_json:
        _print_json(body)
    else:
        show([calls_table(_decoded(body, list[CallRecord], url))])


@app.command()
def trace(
    what: Annotated[
        str, typer.Argument(metavar="[CALL|TEXT]", help="A call's id, or text in messages.")
    ] = "",
    last: Annotated[int, typer.Option(min=1, max=5000, help="So many of the latest.")] = 50,
    messages: Annotated[
        bool, typer.Option("--messages", help="Of a call: whole messages, not the ladder.")
    ] = False,
    pcap: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of a call: write them there, for Wireshark and tshark."),
    ] = None,
    url: UrlOption = URL,
    as_json: JsonOption = False,
) -> None:
    """The latest SIP messages of the running PBX, without passwords; of a call as a ladder.

    \b
    Examples:
      pbx trace --last 20
      pbx trace 101@                  what went to and from extension 101
      pbx trace 3f2a9c01b4de          one call: who said what, when (ids: pbx calls, pbx status)
      pbx trace 3f2a9c01b4de --pcap call.pcap
    """
    from urllib.parse import quote, urlencode

    from sip.trace import Traced

    of_call = None
    if CALL_ID.fullmatch(what):
        page = f"/calls/{quote(what)}/trace.{'json' if pcap is None else 'pcap'}"
        of_call = _get_or_none(url, page)
    if pcap is not None:
        if of_call is None:
            _fail(f"{what}: no such call, or none that is remembered")
        _write(pcap, of_call)
        return
    body = of_call or _get(url, f"/trace.json?{urlencode({'with': what, 'last': last})}")
    if as_json:
        _print_json(body)
        return
    found = _decoded(body, list[Traced], url)
    if of_call is not None and not messages:
        _print_ladder(found)
        return
    for message in found:
        when = datetime.fromtimestamp(message.at).strftime("%H:%M:%S.%f")[:-3]
        way = "to" if message.outgoing else "from"
        host, port = message.flow.remote
        print(f"--- {when} {way} {host}:{port} over {message.flow.transport}")
        print("\n".join(printable(line) for line in message.text.split("\n")))


def _print_ladder(found: "Sequence[Traced]") -> None:
    import shutil

    from sip.ladder import draw, make_ladder

    noted = [(m.at, m.outgoing, m.flow, m.text.encode()) for m in found]
    ladder = make_ladder(noted)
    if noted:
        print(f"{datetime.fromtimestamp(ladder.began_at):%Y-%m-%d %H:%M:%S}, seconds from there:")
    for line in draw(ladder, shutil.get_terminal_size((120, 40)).columns):
        print(line)


def _write(path: Path, body: bytes) -> None:
    try:
        _ = path.write_bytes(body)
    except OSError as error:
        _fail(f"cannot write {path}: {error.strerror}")
    print(f"{path}: {len(body)} bytes, passwords starred out")


@app.command()
def demo(
    callers: Annotated[int, typer.Option(min=1, max=500, help="Calls at a time.")] = 10,
    seconds: Annotated[float, typer.Option(min=0, help="For how long; 0: until Ctrl-C.")] = 0.0,
) -> None:
    """Show it alive: simulated phones call sample queues.

    All of it on this machine, over real SIP and RTP.

    \b
    Examples:
      pbx demo
      pbx demo --callers 50 --seconds 60
    """
    from pbx.demo.show import run as run_demo

    raise typer.Exit(run_demo(callers=callers, seconds=seconds))


for command in (why, replay, simulate, bans, ban, unban, supervise, provision):
    _ = app.command()(command)


app.add_typer(recordings)


app.add_typer(sounds)


@app.command()
def version() -> None:
    """The version of this PBX."""
    print(__version__)


def find_config(given: Path | None) -> Path:
    if given is not None:
        if not given.is_file():
            _fail(f"{given}: no such file", USAGE)
        return given
    for place in CONFIG_PLACES:
        if Path(place).is_file():
            return Path(place)
    _fail(
        f"no configuration: none of {', '.join(CONFIG_PLACES)} exists here.\n"
        "Name one (pbx run config/quickstart/pbx.yaml), or set PBX_CONFIG.",
        USAGE,
    )


def status_tables(now: "Status") -> list["Table | str"]:
    """What `pbx status` shows, top to bottom."""
    up = duration(now.uptime_seconds)
    head = f"Dzvin {now.version}, up {up}, {now.registrations} devices registered"
    dead = [worker.number for worker in now.workers if not worker.alive]
    alarms = [f"ALARM {printable(alarm.text)}" for alarm in now.alarms if alarm.active]
    alarms += [f"{now.bans} bans in force; `pbx bans` shows them"] if now.bans else []
    alarms += [f"ALARM media worker {number} is dead" for number in dead]
    queues = table(
        *("Queue", ">Waiting", ">Longest", ">Ready", ">Answered today", ">Abandoned today"),
        rows=[
            (
                *(queue.id, str(queue.waiting)),
                duration(queue.longest_wait_seconds) if queue.waiting else "-",
                *(str(queue.ready), str(queue.answered), str(queue.abandoned)),
            )
            for queue in now.queues
        ],
    )
    agents = table(
        *("Agent", "Name", "State", ">For", "Reason", "Call"),
        rows=[
            (
                *(agent.id, agent.name, agent.state, duration(now.at - agent.since)),
                *(agent.reason, agent.call),
            )
            for agent in now.agents
        ],
    )
    in_progress = table(
        *("Call", "Caller", "Called", "State", ">For", "Queue", "Agent"),
        rows=[
            (
                *(call.id, f"{call.caller} {call.caller_name}".strip(), call.called, call.state),
                *(duration(now.at - call.since), call.queue, call.agent or call.extension),
            )
            for call in now.calls
        ],
    )
    return [head, *alarms, queues, agents, in_progress if now.calls else "No calls."]


def calls_table(records: Sequence["CallRecord"]) -> "Table | str":
    if not records:
        return "No calls yet."
    return table(
        *("Started", "Caller", "Called", "Queue", "Agent", ">Wait", ">Talk", "Verdict", "By", "Id"),
        rows=[
            (
                f"{datetime.fromtimestamp(record.started_at):%d.%m. %H:%M:%S}",
                f"{record.caller} {record.caller_name}".strip(),
                *(record.called, record.queue, record.agent or record.extension),
                duration(record.wait_seconds),
                duration(record.talk_seconds) if record.answered_at is not None else "-",
                *(record.verdict.value, record.hangup.value, record.id),
            )
            for record in records
        ],
    )


def duration(seconds: float) -> str:
    """`0:07`, `12:34`, `3:00:00`: minutes and seconds, hours where there are any."""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def table(*columns: str, rows: Sequence[Sequence[str]]) -> "Table":
    """A column whose name begins with `>` is right-aligned."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left"
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def show(parts: Sequence["Table | str"]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:  # A pipe has no width: let no column be cut.
        console = Console(highlight=False, markup=False, width=200)
    for part in parts:
        console.print(part)


def _get(url: str, path: str) -> bytes:
    """The body of the answer; ends the program with a word of advice if there is none."""
    body = _get_or_none(url, path)
    return _fail(f"{url}{path} answers 404 Not Found") if body is None else body


def _get_or_none(url: str, path: str) -> bytes | None:
    """The same; None when the PBX says that there is no such thing."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import ProxyHandler, build_opener

    if not url.startswith(("http://", "https://")):
        _fail(f"--url must begin with http:// or https://, not {url!r}", USAGE)
    opener = build_opener(ProxyHandler({}))  # A proxy cannot reach our loopback.
    try:
        with opener.open(url.rstrip("/") + path, timeout=ANSWER_SECONDS) as answer:
            body: bytes = answer.read(ANSWER_BYTES_MAX)
            return body
    except HTTPError as error:
        with error:
            if error.code == NOT_FOUND:
                return None
            text = error.read(1000).decode("utf-8", "replace")
        _fail(f"{url}{path} answers {error.code} {error.reason}: {text}")
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        _fail(
            f"no PBX answers at {url}: {reason}\n"
            "Is it running (pbx run)? Is its web.host and web.port another: --url, or PBX_URL.",
            NO_ANSWER,
        )


def _decoded(body: bytes, kind: type[Answer], url: str) -> Answer:
    import msgspec

    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        _fail(f"what answers at {url} is not a PBX of this version: {error}")


def _calls_of_file(path: Path, limit: int, before: str) -> bytes:
    import msgspec

    from pbx.store import History, StoreError

    if not path.is_file():
        _fail(f"{path}: no such file; the setting storage.path says where it is", USAGE)
    try:
        return msgspec.json.encode(History(path).calls(limit, before))
    except StoreError as error:
        _fail(str(error))


def _print_json(body: bytes) -> None:
    import msgspec

    try:
        print(msgspec.json.format(body, indent=2).decode())
    except msgspec.MsgspecError as error:
        _fail(f"the answer is not JSON: {error}")


def _load(path: Path) -> "Config":
    from pbx.config import load

    return load(path, os.environ)


def _fail_config(path: Path, errors: Exception) -> NoReturn:
    from pbx.config.errors import ConfigErrors

    assert isinstance(errors, ConfigErrors)
    faults = [str(error) for error in errors.errors]
    noun = "fault" if len(faults) == 1 else "faults"
    _fail("\n".join([*faults, f"{path}: {len(faults)} {noun}"]))


def _fail(text: str, code: int = FAILED) -> NoReturn:
    typer.echo("\n".join(printable(line) for line in text.split("\n")), err=True)
    raise typer.Exit(code)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
