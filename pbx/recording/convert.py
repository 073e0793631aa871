"""`python -m pbx.recording.convert SOURCE TARGET FORMAT [ARTIST]`: a WAV file as FLAC or Opus.

A process of its own that gets the processor only when nobody else wants it. The target appears
whole or not at all; the source stays.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

BLOCK_FRAMES: Final = 65_536
# libsndfile's names.
FORMATS: Final = {"flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS")}
PART: Final = ".part"


def convert(source: Path, target: Path, kind: str, artist: str = "") -> int:
    """Returns the size of the target. Raises OSError, and RuntimeError of libsndfile."""
    soundfile: Any = import_module("soundfile")  # It has no types.
    major, minor = FORMATS[kind]
    part = target.with_name(target.name + PART)
    try:
        with soundfile.SoundFile(source) as file:
            shape = {"samplerate": file.samplerate, "channels": file.channels}
            with soundfile.SoundFile(part, "w", format=major, subtype=minor, **shape) as made:
                made.title = source.stem
                if artist:
                    made.artist = artist
                for block in file.blocks(BLOCK_FRAMES, dtype="int16"):
                    made.write(block)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.chmod(part, os.stat(source).st_mode & 0o777)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return target.stat().st_size


def main() -> int:
    _ = os.nice(19)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    source, target, kind, *artist = sys.argv[1:]
    try:
        _ = convert(Path(source), Path(target), kind, *artist)
    except (OSError, RuntimeError) as error:
        _ = sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
