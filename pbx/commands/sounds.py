"""`pbx sounds`: which sounds there are, what they are like, and sounds of one's own."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from pbx.printable import printable

if TYPE_CHECKING:
    from pbx.config.model import Config
    from pbx.config.sounds import Files
    from pbx.config.uploads import Measured

FAILED: Final = 1
LANGUAGE_HELP: Final = "en, uk, …, or music. Default: that of the configuration."

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", envvar="PBX_CONFIG", help="The YAML file.", show_default=False),
]
LanguageOption = Annotated[str, typer.Option(help=LANGUAGE_HELP, show_default=False)]

sounds = typer.Typer(
    name="sounds",
    help="The prompts and the music: which there are, what they are like; add your own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@sounds.command("list")
def list_sounds(language: LanguageOption = "", config: ConfigOption = None) -> None:
    """Every sound by name, and the file that is played.

    \b
    Examples:
      pbx sounds list
      pbx sounds list --language uk
      pbx sounds list --language music
    """
    found, spoken = _found(config, language)
    for name, path in sorted(found.items()):
        print(f"{printable(name)}  {printable(str(path))}")
    if not found:
        _fail(f"there are no sounds of {printable(spoken)}")


@sounds.command("check")
def check_sounds(language: LanguageOption = "", config: ConfigOption = None) -> None:
    """Read every sound of a language, and say which ones callers would not like.

    \b
    Examples:
      pbx sounds check
      pbx sounds check --language music
    """
    from pbx.config.uploads import UploadError, measure

    found, spoken = _found(config, language)
    faults = 0
    for name, path in sorted(found.items()):
        try:
            remarks = measure(path).remarks() if path.stem not in SILENT else []
        except UploadError as error:
            remarks = [str(error)]
            faults += 1
        for remark in remarks:
            print(f"{printable(name)}: {printable(remark)}")
    print(f"{printable(spoken)}: {len(found)} sounds, {faults} cannot be played.")
    if faults:
        raise typer.Exit(FAILED)


SILENT: Final = frozenset({"pause", "ringing"})  # They are meant to be so.


@sounds.command("measure")
def measure_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="WAV, FLAC, OGG or MP3.")],
) -> None:
    """Length, level and format of a file. Changes nothing.

    \b
    Example:
      pbx sounds measure welcome.mp3
    """
    from pbx.config.uploads import UploadError, measure

    try:
        _report(measure(file))
    except UploadError as error:
        _fail(str(error))


@sounds.command("add")
def add_sound(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="WAV, FLAC, OGG or MP3.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the sound: welcome, menus/sales, …")
    ],
    language: LanguageOption = "",
    config: ConfigOption = None,
) -> None:
    """Convert a file and put it among the sounds. It wins over one of ours of that name.

    \b
    Examples:
      pbx sounds add welcome.mp3 welcome --language uk
      pbx sounds add our-song.ogg hold --language music
    """
    from pbx.config.uploads import UploadError, add

    settings = _config(config).sounds
    try:
        path, measured = add(file, settings.path, language or settings.language, name)
    except UploadError as error:
        _fail(str(error))
    _report(measured)
    print(f"{printable(str(path))}: here from now on. `systemctl reload pbx`, and it is played.")


def _report(measured: "Measured") -> None:
    print(
        f"{measured.seconds:.2f} s, {measured.format}, {measured.rate} Hz,"
        f" {measured.channels} channel{'s' if measured.channels > 1 else ''};"
        f" level {measured.rms_dbfs:.1f} dBFS, peak {measured.peak_dbfs:.1f} dBFS"
    )
    for remark in measured.remarks():
        print(f"Note: {remark}.")


def _found(config: Path | None, language: str) -> "tuple[Files, str]":
    """The sounds by name, and the language they are of."""
    from pbx.config.sounds import MUSIC, find_sounds
    from pbx.config.uploads import UploadError, folder_of

    settings = _config(config).sounds
    spoken = language or settings.language
    try:
        _ = folder_of(settings.path, spoken)
    except UploadError as error:
        _fail(str(error))
    found = find_sounds(settings, () if spoken == MUSIC else (spoken,))
    return (found.music if spoken == MUSIC else found.voices[spoken]), spoken


def _config(path: Path | None) -> "Config":
    from pbx.cli import find_config
    from pbx.config.errors import ConfigErrors
    from pbx.config.load import load

    try:
        return load(find_config(path), os.environ)
    except ConfigErrors as errors:
        _fail("\n".join(str(error) for error in errors.errors))


def _fail(text: str) -> NoReturn:
    typer.echo("\n".join(printable(line) for line in text.split("\n")), err=True)
    raise typer.Exit(FAILED)
