"""Make every sound in this folder: `python3 sounds/make.py` (or `make sounds`).

The sounds are committed, so nobody needs this to run the PBX. It builds its own virtualenv for the
speech synthesiser in the system's temporary folder and leaves the project's alone.
Which file says what: PROMPTS below. Voice and licence: README.md.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
LANGUAGE = "en"
# Exactly these, so that the same text gives the same file again.
REQUIREMENTS = (
    "hibari-tts==0.2.1",
    "onnxruntime==1.31.1",
    "numpy==2.4.6",
    "soundfile==0.14.0",
    "soxr==1.1.0",
)
RATE = 16_000  # wide band, ready for G.722; G.711 takes half of it
VOICE_RATE = 24_000
RMS_DBFS = -20.0
PEAK_DBFS = -3.5
SEED = 7
EDGE_SECONDS = 0.03  # silence kept before the first and after the last sound
SILENCE_BELOW_PEAK_DB = 45.0

_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)

PROMPTS: dict[str, str] = {
    "welcome": "Thank you for calling. Please hold, an agent will be with you shortly.",
    "all-busy": "All our agents are busy at the moment. Please stay on the line.",
    "queue-position": "You are number",
    "queue-position-end": "in the queue.",
    "you-are-next": "You are next in the queue.",
    "sorry-nobody-free": "We are sorry, nobody is free to take your call. Please try again later.",
    "sorry-queue-full": "We are sorry, too many callers are waiting. Please try again later.",
    "sorry-closed": "We are sorry, we are closed now. Please call again during opening hours.",
    "sorry-empty": "We are sorry, nobody is here to take your call. Please try again later.",
    "no-such-number": "The number you have dialled does not exist. Please check it and try again.",
    "not-allowed": "You may not call this number.",
    "echo-test": "This is the echo test. Whatever you say, you will hear again.",
    "signed-in": "You are signed in.",
    "signed-out": "You are signed out.",
    "on-break": "You are on a break.",
    "back-from-break": "Welcome back from your break.",
    "wrap-up-ended": "You are ready for the next call.",
    "connecting": "Connecting you now.",
    "enter-number": "Please enter the number, then press the hash key.",
    "forward-on": "Your calls are forwarded now.",
    "forward-off": "Your calls are no longer forwarded.",
    "do-not-disturb-on": "Do not disturb is on.",
    "do-not-disturb-off": "Do not disturb is off.",
    "number-hidden": "Your number is hidden now.",
    "number-shown": "Your number is shown now.",
    "goodbye": "Thank you for calling. Goodbye.",
    **{f"digits/{number}": word for number, word in enumerate(_ONES)},
    **{f"digits/{10 * tens}": word for tens, word in enumerate(_TENS, start=3)},
    "digits/100": "one hundred",
}


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


def trimmed(sound: "NDArray[Any]", rate: int) -> "NDArray[Any]":
    """Without silence at the ends but for EDGE_SECONDS, faded so that nothing clicks."""
    import numpy as np

    window = rate // 100
    power = np.convolve(sound**2, np.ones(window) / window, mode="same")
    loud = np.flatnonzero(power > power.max() * 10 ** (-SILENCE_BELOW_PEAK_DB / 10))
    edge = round(EDGE_SECONDS * rate)
    cut = sound[max(0, loud[0] - edge) : loud[-1] + edge].copy()
    ramp = np.linspace(0.0, 1.0, edge)
    cut[:edge] *= ramp
    cut[-edge:] *= ramp[::-1]
    return cut


def levelled(sound: "NDArray[Any]", rate: int) -> "NDArray[Any]":
    """At RMS_DBFS, with a slow limiter holding the peaks at PEAK_DBFS."""
    import numpy as np

    peak, rms = 10 ** (PEAK_DBFS / 20), 10 ** (RMS_DBFS / 20)
    out = sound
    for _ in range(6):  # limiting lowers the RMS a little: a few rounds settle both
        out = out * (rms / np.sqrt(np.mean(out**2)))
        need = np.minimum(1.0, peak / np.maximum(np.abs(out), 1e-9))
        half = rate // 200
        padded = np.pad(need, 2 * half, mode="edge")
        held = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).min(axis=1)
        smooth = np.hanning(2 * half + 3)[1:-1]
        out = out * np.convolve(held, smooth / smooth.sum(), mode="valid")
    return np.asarray(np.clip(out, -peak, peak))


def write(name: str, sound: "NDArray[Any]", rate: int) -> None:
    import soundfile

    path = HERE / f"{name}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate, subtype="PCM_16", format="FLAC", compression_level=1.0)
    sys.stdout.write(f"{path.relative_to(HERE)}: {len(sound) / rate:.2f} s\n")


def make_prompts() -> None:
    import numpy as np
    import soxr

    speak: Any = importlib.import_module("hibari").Hibari()
    for name, text in PROMPTS.items():
        said = np.asarray(speak(text, speed=0.95, seed=SEED), dtype=np.float64)
        sound = soxr.resample(said, VOICE_RATE, RATE, quality="VHQ")
        write(f"{LANGUAGE}/{name}", levelled(trimmed(sound, RATE), RATE), RATE)
    write(f"{LANGUAGE}/beep", make_beep(), RATE)
    write(f"{LANGUAGE}/ringing", make_ringing(), RATE)


def make_ringing() -> "NDArray[Any]":
    """The ringing tone of most of Europe (ITU-T E.180): 425 Hz, 1 s of it, then 4 s of silence."""
    import numpy as np

    edge = RATE // 100
    sound = np.sin(2 * np.pi * 425 * np.arange(RATE) / RATE)
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    sound[:edge] *= ramp
    sound[-edge:] *= ramp[::-1]
    sound *= 10 ** (RMS_DBFS / 20) / np.sqrt(np.mean(sound**2))
    return np.asarray(np.concatenate([sound, np.zeros(4 * RATE)]))


def make_beep() -> "NDArray[Any]":
    """A quarter of a second of 800 Hz with soft ends."""
    import numpy as np

    length, edge = RATE // 4, RATE // 100
    sound = np.sin(2 * np.pi * 800 * np.arange(length) / RATE)
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    sound[:edge] *= ramp
    sound[-edge:] *= ramp[::-1]
    return np.asarray(sound * (10 ** (RMS_DBFS / 20) / np.sqrt(np.mean(sound**2))))


def make_music() -> None:
    music: Any = importlib.import_module("music")
    write("music/hold", levelled(music.compose(), music.RATE), music.RATE)


if __name__ == "__main__":
    if "SOUNDS_ENVIRONMENT" not in os.environ:
        raise SystemExit(run_in_own_environment())
    make_prompts()
    make_music()
