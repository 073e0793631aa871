"""The sounds there are: files of `sounds/LANGUAGE/` and music of `sounds/music/`, by name.

A file in the directory of the configuration wins over one of the same name that comes with the
program. What a language lacks is taken from that of the company, and then from English.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pbx.config.model import SoundsSettings

ENDINGS: Final = (".wav", ".flac", ".ogg", ".mp3")  # The first one found wins.
MUSIC: Final = "music"
FALLBACK: Final = "en"  # Has every sound that the program asks for.
SOUNDS_MAX: Final = 20_000  # A directory that holds more is a wrong directory.
_HERE: Final = Path(__file__).parents[2]
# In the wheel, and in the repository: what comes with the program.
_SHIPPED: Final = (_HERE / "pbx/_data/sounds", _HERE / "sounds")

Files = dict[str, Path]
"""By name: "welcome", "digits/7"."""


@dataclass(frozen=True, slots=True)
class Sounds:
    prompts: Files = field(default_factory=dict[str, Path])  # In the language of the company.
    music: Files = field(default_factory=dict[str, Path])
    voices: dict[str, Files] = field(default_factory=dict[str, dict[str, Path]])  # By language.
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By language: what has to be taken from another one."""


def shipped() -> Path:
    """Where the sounds are that come with the program."""
    return next((path for path in _SHIPPED if os.path.isdir(path)), _SHIPPED[-1])


def find_sounds(settings: "SoundsSettings", languages: Sequence[str] = ()) -> Sounds:
    """Absolute paths by name. `languages`: those wanted beside that of the company."""
    roots = (shipped(), settings.path)
    own = {
        language: _merged(roots, language)
        for language in dict.fromkeys((FALLBACK, settings.language, *languages))
    }
    company = own[FALLBACK] | own[settings.language]
    voices = {
        language: company | own[language]
        for language in dict.fromkeys((settings.language, *languages))
    }
    return Sounds(
        voices[settings.language],
        _merged(roots, MUSIC),
        voices,
        {language: _lacking(own, language, roots[0]) for language in voices},
    )


def _merged(roots: tuple[Path, Path], folder: str) -> Files:
    shipped_files = files_in(roots[0] / folder)
    same = os.path.realpath(roots[0]) == os.path.realpath(roots[1])
    return shipped_files if same else shipped_files | files_in(roots[1] / folder)


def _lacking(own: dict[str, Files], language: str, root: Path) -> tuple[str, ...]:
    """As English has them; a language that we ship needs just what we ship of it."""
    if (root / language).is_dir():
        return ()
    return tuple(sorted(own[FALLBACK].keys() - own[language].keys()))


def files_in(folder: Path) -> Files:
    found: Files = {}
    for ending in ENDINGS:
        for path in sorted(folder.rglob(f"*{ending}"))[:SOUNDS_MAX]:
            name = path.relative_to(folder).with_suffix("").as_posix()
            _ = found.setdefault(name, path.resolve())
    return found
