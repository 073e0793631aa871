"""The sounds there are: files of `sounds/LANGUAGE/` and music of `sounds/music/`, by name."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pbx.config.model import SoundsSettings

ENDINGS: Final = (".wav", ".flac", ".ogg", ".mp3")  # The first one found wins.
MUSIC: Final = "music"
SOUNDS_MAX: Final = 20_000  # A directory that holds more is a wrong directory.
_HERE: Final = Path(__file__).parents[2]
# In the wheel, and in the repository: what comes with the program.
_SHIPPED: Final = (_HERE / "pbx/_data/sounds", _HERE / "sounds")


@dataclass(frozen=True, slots=True)
class Sounds:
    prompts: dict[str, Path] = field(default_factory=dict[str, Path])  # "welcome", "digits/7".
    music: dict[str, Path] = field(default_factory=dict[str, Path])


def find_sounds(settings: SoundsSettings) -> Sounds:
    """Absolute paths by name; what comes with the program, when there is no such directory."""
    directories = (settings.path, *_SHIPPED)
    root = next((path for path in directories if os.path.isdir(path)), settings.path)
    return Sounds(_files(root / settings.language), _files(root / MUSIC))


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for ending in ENDINGS:
        for path in sorted(folder.rglob(f"*{ending}"))[:SOUNDS_MAX]:
            name = path.relative_to(folder).with_suffix("").as_posix()
            _ = found.setdefault(name, path.resolve())
    return found
