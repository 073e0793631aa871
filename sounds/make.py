"""Make every sound in this folder: `python3 sounds/make.py` (or `make sounds`).

The sounds are committed, so nobody needs this to run the PBX. It builds its own virtualenv for the
speech synthesisers in the system's temporary folder and leaves the project's alone. With names of
languages (`python3 sounds/make.py uk pl`) it makes only those; `music` is one of them.

Which file says what: `texts/`. Who speaks, and the licences: README.md.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

HERE: Final = Path(__file__).resolve().parent
# Exactly these, so that the same text gives the same file again.
REQUIREMENTS: Final = (
    "hibari-tts==0.2.1",
    "onnxruntime==1.31.1",
    "numpy==2.4.6",
    "soundfile==0.14.0",
    "soxr==1.1.0",
)
MUSIC: Final = "music"
PIECES: Final = {"hold": "music", "evening": "evening"}
ENGLISH: Final = "en"


def run_in_own_environment() -> int:
    """Build the synthesiser's virtualenv and run this file there."""
    with tempfile.TemporaryDirectory(prefix="sounds-venv-") as place:
        venv.create(place, with_pip=True)
        python = str(Path(place, "bin", "python"))
        install = [python, "-m", "pip", "install", "--quiet", *REQUIREMENTS]
        subprocess.run(install, check=True)
        return subprocess.run(
            [python, str(HERE / "make.py"), *sys.argv[1:]],
            check=False,
            env={**os.environ, "SOUNDS_ENVIRONMENT": place},
        ).returncode


def make_prompts(languages: list[str]) -> None:
    from texts import TEXTS
    from voices import VOICES, RhVoice, speak_english

    others = [language for language in languages if language in VOICES]
    if ENGLISH in languages:
        for name, said in speak_english(TEXTS[ENGLISH]):
            write_speech(ENGLISH, name, said)
    with tempfile.TemporaryDirectory(prefix="rhvoice-") as place:
        voice = RhVoice(Path(place)) if others else None
        for language in others:
            assert voice is not None
            for name, said in voice.speak(VOICES[language], TEXTS[language]):
                write_speech(language, name, said)


def write_speech(language: str, name: str, said: "NDArray[Any]") -> None:
    import soxr
    from shaping import RATE, levelled, trimmed, without_rumble, write
    from voices import RATE as VOICE_RATE

    clean = without_rumble(said, VOICE_RATE)
    sound = soxr.resample(clean, VOICE_RATE, RATE, quality="VHQ")
    write(f"{language}/{name}", levelled(trimmed(sound, RATE), RATE), RATE)


def make_tones() -> None:
    """They are the same in all languages, so English alone has them."""
    from shaping import RATE, write
    from tones import make_beep, make_pause, make_ringing

    tones = {"beep": make_beep, "ringing": make_ringing, "pause": make_pause}
    for name, make in tones.items():
        write(f"{ENGLISH}/{name}", make(), RATE)


def make_music() -> None:
    """Each piece is a module with `compose` and `RATE`."""
    from shaping import levelled, write

    for name, module in PIECES.items():
        piece: Any = importlib.import_module(module)
        write(f"{MUSIC}/{name}", levelled(piece.compose(), piece.RATE), piece.RATE, bits=13)


if __name__ == "__main__":
    if "SOUNDS_ENVIRONMENT" not in os.environ:
        raise SystemExit(run_in_own_environment())
    from texts import LANGUAGES

    wanted = sys.argv[1:] or [*LANGUAGES, MUSIC]
    make_prompts(wanted)
    if ENGLISH in wanted:
        make_tones()
    if MUSIC in wanted:
        make_music()
