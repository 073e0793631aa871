"""Opus (RFC 6716) as telephones use it (RFC 7587): mono, voice, with in-band FEC.

libopus takes and gives any of the rates below, so sound that comes from or goes to 8 or 16 kHz
needs no resampling of ours.
"""

import ctypes
from typing import Final, NamedTuple
from weakref import finalize

import numpy as np

from media import libopus
from media.codecs import Pcm
from media.concealment import Concealment
from media.formats import CodecError

RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
FULL_RATE: Final = 48_000
# Wide band speech is transparent at this (RFC 7587 §3.1.1 says 16 to 20 kbit/s), FEC included.
BIT_RATE: Final = 32_000
BIT_RATE_MIN: Final = 6_000
# 10 costs twice as much, and is not told apart on a telephone.
COMPLEXITY: Final = 5
# How much loss the encoder reckons with: what decides whether FEC is sent at all. With our bit rate
# this is the least with which libopus sends it at 48 kHz and takes no frequencies away for it.
LOSS_PERCENT: Final = 15
# With fewer bits it would pay for FEC with the upper half of the voice: only if there is room.
LOSS_PERCENT_SLOW: Final = 5
_PRIMING_FRAMES: Final = 3
PACKET_SECONDS_MAX: Final = 0.12  # RFC 6716 §3.2.5
PACKET_BYTES_MAX: Final = 1_275  # One frame, §3.2.1. A packet of several stays far below an MTU.
# Made up for so long, then silence: libopus would go on with a hum.
CONCEAL_SECONDS_MAX: Final = 0.12
_STEP_SECONDS: Final = 0.0025  # The unit of all durations of Opus.
_FRAME_MS: Final = (60, 40, 20, 10)
# The first byte of a packet, §3.1: from this configuration on there is no SILK in it.
_WITHOUT_SILK: Final = 16
_SILK_FRAMES: Final = (1, 1, 2, 3)  # Of a frame of 10, 20, 40 or 60 ms.
_HYBRID: Final = 12  # From here on frames of 10 and 20 ms only.
_TWO, _MORE = 2, 3  # Frames in a packet: two of different lengths, or any number.
_LONG_LENGTH: Final = 252  # A length from this on takes two bytes.


class Settings(NamedTuple):
    """What the receiver of our packets asked for (RFC 7587 §6.1)."""

    bit_rate: int = BIT_RATE
    fec: bool = False
    constant: bool = False
    dtx: bool = False

    @classmethod
    def of(cls, fmtp: str) -> "Settings":
        values = dict(_parameters(fmtp))
        most = values.get("maxaveragebitrate", BIT_RATE)
        return cls(
            min(max(most, BIT_RATE_MIN), BIT_RATE),
            values.get("useinbandfec") == 1,
            values.get("cbr") == 1,
            values.get("usedtx") == 1,
        )


def _parameters(fmtp: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for part in fmtp.split(";"):
        name, _, value = part.strip().partition("=")
        if len(value) < 10 and value.isascii() and value.isdigit():
            found.append((name.lower(), int(value)))
    return found


def may_have_copy(payload: bytes) -> bool:
    """Does it carry a second copy of the packet before it (in-band FEC, §4.2.4)?

    The flag stands at the very beginning, behind one for each 20 ms that say whether there is a
    voice: bits of equal chance are in the range coder as they are. For packets of more than two
    frames, which nobody sends on a telephone, the answer is yes.
    """
    if len(payload) < 3:
        return False
    configuration, code = payload[0] >> 3, payload[0] & 3
    if configuration >= _WITHOUT_SILK or code == _MORE:
        return code == _MORE
    at = 1 if code != _TWO else 3 if payload[1] >= _LONG_LENGTH else 2
    frames = _SILK_FRAMES[configuration & 3] if configuration < _HYBRID else 1
    return at < len(payload) and bool(payload[at] >> (7 - frames) & 1)


class OpusDecoder:
    """Stereo is mixed down by libopus. Comfort noise of a sender in DTX comes from `conceal`."""

    __slots__ = (
        *("__weakref__", "_buffer", "_concealed", "_opus", "_own", "_pcm", "_state", "_step"),
        "rate",
    )

    def __init__(self, rate: int = FULL_RATE) -> None:
        self._opus, self._state = _create(self, "decoder", rate, 1)
        self.rate = rate
        self._buffer = np.empty(int(rate * PACKET_SECONDS_MAX), np.int16)
        self._pcm = self._buffer.ctypes.data
        self._step = int(rate * _STEP_SECONDS)
        self._concealed = 0
        self._own = Concealment(rate)

    def decode(self, payload: bytes) -> Pcm:
        self._concealed = 0
        room = len(self._buffer)
        size = self._opus.opus_decode(self._state, payload, len(payload), self._pcm, room, 0)
        if not payload or size <= 0:
            return np.zeros(self.rate // 50, np.int16)
        return self._own.heard(self._buffer[:size].copy())

    def conceal(self, samples: int, following: bytes = b"") -> Pcm:
        """The copy of it, or what libopus makes up. A tone it takes for no voice: it sends no copy
        of it, and lets it fade at once; so that goes on by itself."""
        made = self._made(samples, following)
        tone = None if may_have_copy(following) else self._own.lost_of_tone(samples)
        return self._own.heard(made) if tone is None else tone

    def _made(self, samples: int, following: bytes) -> Pcm:
        made = np.zeros(samples, np.int16)
        # What FEC can give is the end of the gap; the buffer has room for its last 120 ms.
        room = min(len(self._buffer), samples - samples % self._step)
        if not following:
            room = min(room, int(CONCEAL_SECONDS_MAX * self.rate) - self._concealed)
        if room > 0:
            size = self._opus.opus_decode(
                self._state, following or None, len(following), self._pcm, room, bool(following)
            )
            size = max(size, 0)
            at = samples - size if following else 0
            made[at : at + size] = self._buffer[:size]
        self._concealed += samples
        return made


class OpusEncoder:
    __slots__ = ("__weakref__", "_merger", "_opus", "_packet", "_state", "rate")

    def __init__(self, rate: int = FULL_RATE, fmtp: str = "") -> None:
        """`fmtp`: of the receiver's description."""
        self._opus, self._state = _create(self, "encoder", rate, 1, libopus.APPLICATION_VOIP)
        self.rate = rate
        self._packet = (ctypes.c_ubyte * PACKET_BYTES_MAX)()
        self._merger: int | None = None
        wanted = Settings.of(fmtp)
        for number, value in (
            (libopus.SET_BITRATE, wanted.bit_rate),
            (libopus.SET_COMPLEXITY, COMPLEXITY),
            (libopus.SET_SIGNAL, libopus.SIGNAL_VOICE),
            (libopus.SET_INBAND_FEC, int(wanted.fec)),
            (libopus.SET_PACKET_LOSS_PERC, _loss_percent(wanted)),
            (libopus.SET_VBR, int(not wanted.constant)),
            (libopus.SET_DTX, int(wanted.dtx)),
        ):
            _ = self._opus.opus_encoder_ctl(self._state, number, value)

    def encode(self, pcm: Pcm) -> bytes:
        ms = len(pcm) * 1000 // self.rate
        frame_ms = next(frame for frame in _FRAME_MS if ms % frame == 0)
        if frame_ms == ms:
            return self._frame(pcm)
        if self._merger is None:
            self._prime(frame_ms)
        frames = np.split(pcm, ms // frame_ms)
        return self._merged([self._frame(frame) for frame in frames])

    def _frame(self, pcm: Pcm) -> bytes:
        sound = np.ascontiguousarray(pcm)
        size = self._opus.opus_encode(
            self._state, sound.ctypes.data, len(sound), self._packet, PACKET_BYTES_MAX
        )
        if size < 0:
            raise CodecError(f"opus_encode of {len(sound)} samples: {size}")
        return bytes(memoryview(self._packet)[:size])

    def _prime(self, frame_ms: int) -> None:
        """libopus makes up its mind about the band within two frames, and those of one packet have
        to be alike."""
        for _ in range(_PRIMING_FRAMES):
            _ = self._frame(np.zeros(self.rate * frame_ms // 1000, np.int16))

    def _merged(self, frames: list[bytes]) -> bytes:
        """Several frames in one packet (RFC 6716 §3.2): 30 ms have no frame of their own."""
        if self._merger is None:
            self._merger = self._opus.opus_repacketizer_create()
            _ = finalize(self, self._opus.opus_repacketizer_destroy, self._merger)
        _ = self._opus.opus_repacketizer_init(self._merger)
        for frame in frames:  # It reads them in `out`: they must live until then.
            _ = self._opus.opus_repacketizer_cat(self._merger, frame, len(frame))
        size = self._opus.opus_repacketizer_out(self._merger, self._packet, PACKET_BYTES_MAX)
        if size < 0:
            raise CodecError(f"opus_repacketizer_out of {len(frames)} frames: {size}")
        return bytes(memoryview(self._packet)[:size])


def _loss_percent(wanted: Settings) -> int:
    if not wanted.fec:
        return 0
    return LOSS_PERCENT if wanted.bit_rate >= BIT_RATE else LOSS_PERCENT_SLOW


def _create(owner: object, kind: str, *arguments: int) -> tuple[ctypes.CDLL, int]:
    opus = libopus.load()
    try:
        state = libopus.create(kind, *arguments)
    except libopus.OpusError as error:
        raise CodecError(str(error)) from error
    assert opus is not None
    _ = finalize(owner, getattr(opus, f"opus_{kind}_destroy"), state)
    return opus, state
