"""`pbx bans`, `pbx ban` and `pbx unban`: whom the running PBX does not listen to."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from pbx.printable import printable

if TYPE_CHECKING:
    from pbx.status import BanStatus

FAILED: Final = 1
USAGE: Final = 2
NO_ANSWER: Final = 3
CONFIG_PLACES: Final = ("pbx.yaml", "config/pbx.yaml", "/etc/dzvin/pbx.yaml")

ControlOption = Annotated[
    Path | None,
    typer.Option(
        "--control",
        envvar="PBX_CONTROL",
        help="The control socket of the PBX. Default: control.sock beside its history file.",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", envvar="PBX_CONFIG", help="The YAML file.", show_default=False),
]
SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help="An address or a network: 203.0.113.7, 10.1.0.0/16")
]


def bans(
    control: ControlOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Whom the PBX does not listen to, why, and for how much longer.

    \b
    Examples:
      pbx bans
      pbx bans --json | jq '.[] | select(.reason == "password")'
    """
    import msgspec

    from pbx.status import BanStatus

    answer = _ask(control, config, {"do": "bans"})
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
        return
    found = msgspec.convert(answer, list[BanStatus])
    if not found:
        print("Nobody is banned.")
        return
    now = time.time()
    lines = [("Source", "User", "Why", "Since", "Left"), *(_row(ban, now) for ban in found)]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    for line in lines:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).strip()
        )


def ban(
    source: SourceArgument,
    seconds: Annotated[
        str, typer.Option("--for", help="30m, 12h, 7d, …; without it until `pbx unban`.")
    ] = "",
    control: ControlOption = None,
    config: ConfigOption = None,
) -> None:
    """Listen no more to an address or a network. Calls in progress lose their signalling too.

    \b
    Examples:
      pbx ban 203.0.113.7
      pbx ban 198.51.100.0/24 --for 12h
    """
    question: dict[str, Any] = {"do": "ban", "source": source}
    if seconds:
        question["seconds"] = _seconds(seconds)
    for line in _ask(control, config, question):
        print(printable(str(line)))


def unban(
    source: SourceArgument,
    user: Annotated[
        str, typer.Option(help="Only this user's quarantine; without it all bans of the source.")
    ] = "",
    control: ControlOption = None,
    config: ConfigOption = None,
) -> None:
    """Listen to an address or a network again, as if nothing had been.

    \b
    Examples:
      pbx unban 203.0.113.7
      pbx unban 203.0.113.7 --user 101
    """
    lifted = _ask(control, config, {"do": "unban", "source": source, "user": user})
    if not lifted:
        _fail(f"{source} is not banned; `pbx bans` shows who is")
    for line in lifted:
        print(printable(str(line)))


def control_socket(control: Path | None, config: Path | None) -> Path:
    """Where the PBX with this configuration is asked."""
    from pbx.control import NAME

    if control is not None:
        return control
    places = [Path(place) for place in CONFIG_PLACES] if config is None else [config]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        if config is not None:
            _fail(f"{config}: no such file", USAGE)
        return Path("var") / NAME
    from pbx.config import load
    from pbx.config.errors import ConfigErrors

    try:
        return load(found, os.environ).storage.path.parent / NAME
    except ConfigErrors as errors:
        _fail(f"{errors}\nName the socket itself: --control var/{NAME}", FAILED)


def _ask(control: Path | None, config: Path | None, question: dict[str, Any]) -> Any:  # noqa: ANN401
    from pbx.control import ControlError, Refusal, ask

    try:
        return ask(control_socket(control, config), question)
    except Refusal as error:
        _fail(str(error))
    except ControlError as error:
        _fail(str(error), NO_ANSWER)


def _row(ban: "BanStatus", now: float) -> tuple[str, str, str, str, str]:
    left = "for ever" if ban.until is None else _duration(ban.until - now)
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ban.since))
    return printable(ban.source), printable(ban.user) or "all", printable(ban.reason), since, left


def _duration(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _seconds(text: str) -> float:
    from pydantic_core import PydanticCustomError

    from pbx.config.values import seconds_of

    try:
        seconds = seconds_of(text)
    except PydanticCustomError:
        seconds = None
    if not isinstance(seconds, int | float) or seconds <= 0:
        _fail(f"--for {text}: a time such as 30m, 12h or 7d", USAGE)
    return float(seconds)


def _fail(text: str, code: int = FAILED) -> NoReturn:
    typer.echo("\n".join(printable(line) for line in text.split("\n")), err=True)
    raise typer.Exit(code)
