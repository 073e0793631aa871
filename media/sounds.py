"""Sound files as frames of a codec: read, mixed down, resampled and encoded once, then shared.

Anything libsndfile reads (WAV, FLAC, OGG, MP3). numpy, soundfile and soxr are imported when the
first sound is wanted, not when a worker starts.
"""

import os
import stat
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from media.errors import MediaError
from media.formats import FORMATS, CodecError, sample_rate, samples_per_packet
from media.player import Frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from media.codecs import Pcm

# The longest hold music anybody has; at most 29 MB of frames.
SOUND_SECONDS_MAX: Final = 3600
# Read piece by piece, so that an hour of studio sound never is in memory at once.
BLOCK_FRAMES: Final = 65_536
CHANNELS_MAX: Final = 8  # 7.1; more are no prompts.
SOURCE_RATE_MAX: Final = 384_000
# About two hours of G.711 or G.722: many languages of prompts and a few pieces of music.
CACHE_BYTES_MAX: Final = 72 << 20
# A bytes object and its place in the tuple, on 64-bit CPython.
_FRAME_OVERHEAD: Final = 33 + 8


class SoundError(MediaError):
    """A file that cannot be played, and why."""


class SoundKey(NamedTuple):
    """A file as it is now, in one codec. A changed file is another sound."""

    path: str
    changed_ns: int
    size: int
    codec: str


def key_of(path: str, codec: str) -> SoundKey:
    """Raises `SoundError` if there is no such file, or no way to play to this codec."""
    if codec not in FORMATS:
        raise SoundError(f"{path}: cannot be played to codec {codec}")
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SoundError(f"{path}: {reason}") from error
    if not stat.S_ISREG(found.st_mode):
        raise SoundError(f"{path}: not a file")
    return SoundKey(path, found.st_mtime_ns, found.st_size, codec)


def load(key: SoundKey) -> Frames:
    """Decode a file. Takes milliseconds to seconds: not for the thread that sends sound.

    Raises `SoundError` and nothing else.
    """
    try:
        pcm = _read(key.path, sample_rate(key.codec))
        if not len(pcm):
            raise SoundError(f"{key.path}: no sound in it")
        return encode(pcm, key.codec)
    except SoundError:
        raise
    except (RuntimeError, OSError, ValueError, TypeError, MemoryError, CodecError) as error:
        # libsndfile's errors are RuntimeErrors; a .raw file is a TypeError.
        raise SoundError(f"{key.path}: {error}") from error


def encode(pcm: "Pcm", codec: str) -> Frames:
    """Samples at the codec's rate as frames; the last one is filled up with silence.

    Raises `CodecError`.
    """
    import numpy as np

    from media.codecs import encoder

    samples = samples_per_packet(codec)
    encode_frame = encoder(codec).encode
    whole = np.pad(pcm, (0, -len(pcm) % samples))
    return tuple(encode_frame(whole[at : at + samples]) for at in range(0, len(whole), samples))


def warm() -> None:
    """Import what decoding needs, so that the first prompt is not late."""
    for name in ("soundfile", "soxr", "media.codecs"):
        _ = import_module(name)


def _read(path: str, rate_wanted: int) -> "Pcm":
    import numpy as np

    soundfile: Any = import_module("soundfile")  # It has no types.
    soxr: Any = import_module("soxr")
    with soundfile.SoundFile(path) as file:
        rate, channels = int(file.samplerate), int(file.channels)
        if not 0 < rate <= SOURCE_RATE_MAX or channels > CHANNELS_MAX:
            raise SoundError(f"{path}: {channels} channels at {rate} Hz")
        resampler = None
        if rate != rate_wanted:
            resampler = soxr.ResampleStream(rate, rate_wanted, 1, "float32", "HQ")
        blocks: list[Pcm] = []
        room = SOUND_SECONDS_MAX * rate
        while True:
            block: NDArray[np.float32] = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
            room -= len(block)
            if room < 0:
                raise SoundError(f"{path}: longer than {SOUND_SECONDS_MAX} seconds")
            mono = block[:, 0] if channels == 1 else block.mean(axis=1, dtype=np.float32)
            last = not len(block)
            if resampler is not None:
                mono = resampler.resample_chunk(np.ascontiguousarray(mono), last=last)
            scaled = np.nan_to_num(np.rint(mono * 32_768))
            blocks.append(np.clip(scaled, -32_768, 32_767).astype(np.int16))
            if last:
                return np.concatenate(blocks)


class SoundCache:
    """The sounds used last, as many as fit."""

    def __init__(self, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        self._sounds: dict[SoundKey, Frames] = {}  # The one used last is the last.

    def __len__(self) -> int:
        return len(self._sounds)

    def get(self, key: SoundKey) -> Frames | None:
        frames = self._sounds.pop(key, None)
        if frames is not None:
            self._sounds[key] = frames
        return frames

    def put(self, key: SoundKey, frames: Frames) -> None:
        """A sound that does not fit is not kept: whoever plays it has it anyway."""
        size = _size(frames)
        if size > self.bytes_max or key in self._sounds:
            return
        self.bytes += size
        self._sounds[key] = frames
        while self.bytes > self.bytes_max:
            self.bytes -= _size(self._sounds.pop(next(iter(self._sounds))))


def _size(frames: Frames) -> int:
    return sum(map(len, frames)) + len(frames) * _FRAME_OVERHEAD


class Shelf:
    """Who waits for which sound to be decoded. Sessions are known by name."""

    def __init__(self) -> None:
        self.cache = SoundCache()
        self._waiting: dict[SoundKey, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, session: str, file: str, codec: str) -> Frames | SoundKey | None:
        """The sound; or what to `load` first, None if that is under way.

        Raises `SoundError`.
        """
        key = key_of(file, codec)
        frames = self.cache.get(key)
        if frames is not None:
            return frames
        begun = key in self._waiting
        self._waiting.setdefault(key, {})[session] = None
        return None if begun else key

    def put(self, key: SoundKey, frames: Frames) -> list[str]:
        """It is decoded, or (no frames) cannot be. Returns the sessions that waited for it."""
        if frames:
            self.cache.put(key, frames)
        return list(self._waiting.pop(key, {}))
