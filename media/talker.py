"""What one peer says, 20 ms at a time: out of a jitter buffer, decoded, at the rate of its room.

A telephone in a room of telephones gives its frames as they came: they are decoded all at once,
with those of all other rooms. What is out of the ordinary (a lost packet, other lengths of packets,
other codecs) is decoded here.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from media import g711, rtp
from media.codecs import Decoder, Pcm, clock_rate, decoder
from media.formats import LAWS
from media.jitter import Hole, Jitter, Merged, Piece
from media.relay import COMFORT_NOISE, STATIC_CODECS, Leg
from media.resample import Resampler

TICKS_PER_SECOND: Final = 50
LAW_RATE: Final = 8000
FRAME_BYTES: Final = 160  # 20 ms of a law.
SILENCE: Final = {law: code * FRAME_BYTES for law, code in g711.SILENCE.items()}
# What is needed to make up what is lost: the longest pitch period, and its like before it.
_PAST: Final = 4
# Packets between two ticks; more cannot all be played.
_INBOX_MAX: Final = 64

_HEADER: Final = rtp.HEADER.unpack_from
_HEADER_SIZE: Final = rtp.HEADER_SIZE

Frame = bytes | Pcm
"""20 ms: codes of the law of this talker, or samples."""


class Talker:
    """Hangs on a line as a tap (`media.line.Keeper`). `take` is to be called at every tick."""

    __slots__ = (
        "_clock_rate",
        "_codec",
        "_decoder",
        "_frame",
        "_have",
        "_inbox",
        "_jitter",
        "_leg",
        "_parts",
        "_past",
        "_plain",
        "_resampler",
        "_silence",
        "_silent",
        "begins",
        "law",
        "rate",
    )

    def __init__(self, leg: Leg, rate: int) -> None:
        """Raises `CodecError`."""
        self._leg = leg
        self._codec = leg.codec
        self._clock_rate = clock_rate(leg.codec)
        units_of = opus_units if leg.codec == "opus" else len
        self._jitter = Jitter(self._clock_rate, units_of)
        self._inbox: list[tuple[bytes, float]] = []  # Packets, and when they came.
        self._past: deque[bytes] = deque(maxlen=_PAST)
        self._silent = True
        self.rate = 0
        self.begins = False  # Its frame is the first one after silence, maybe in mid-word.
        self.tune(rate)

    def tune(self, rate: int) -> None:
        """Its room is of this rate from now on. Raises `CodecError`."""
        if rate == self.rate:
            return
        self.rate = rate
        self._frame = rate // TICKS_PER_SECOND
        self.law: g711.Law | None = g711.LAWS.get(self._codec) if rate == LAW_RATE else None
        self._silence: Frame = (
            np.zeros(self._frame, np.int16) if self.law is None else SILENCE[self.law]
        )
        self._plain = False
        self._decoder: Decoder | None = None
        self._resampler: Resampler | None = None
        self._parts: list[Pcm] = []  # Decoded, but more than was wanted.
        self._have = 0  # Samples in them.
        if self.law is None:
            _ = self._decoding()

    @property
    def jitter(self) -> Jitter:
        """With all that has come."""
        self._sort()
        return self._jitter

    # Plain packets are put aside until the tick: then one step of the buffer does for most.

    def keeper(self, codec: str) -> Callable[[bytes, float], None]:
        return self._put_aside

    def _put_aside(self, packet: bytes, now: float) -> None:
        if len(self._inbox) < _INBOX_MAX:
            self._inbox.append((packet, now))

    def _sort(self) -> None:
        inbox, self._inbox = self._inbox, []
        for packet, came_at in inbox:
            _, second, seq, timestamp, _ = _HEADER(packet)
            self._put(second & 0x7F, seq, timestamp, packet[_HEADER_SIZE:], came_at)

    def on_packet(
        self, payload_type: int, seq: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        self._sort()
        self._put(payload_type, seq, timestamp, payload, now)

    def _put(self, payload_type: int, seq: int, timestamp: int, payload: bytes, now: float) -> None:
        leg = self._leg
        if payload_type != leg.payload_type or not leg.sending:
            if not leg.sending:
                return
            if payload_type == COMFORT_NOISE:
                payload = b""
            elif self._codec in LAWS and STATIC_CODECS.get(payload_type) in LAWS:
                laws = STATIC_CODECS[payload_type], self._codec
                payload = payload.translate(g711.TRANSLATE[laws])
            else:
                return
        self._jitter.put(seq, timestamp, payload, now)

    def take(self, now: float) -> Frame:
        inbox, leg = self._inbox, self._leg
        if len(inbox) == 1 and leg.sending and inbox[0][0][1] & 0x7F == leg.payload_type:
            packet, came_at = inbox.pop()
            _, _, seq, timestamp, _ = _HEADER(packet)
            payload = packet[_HEADER_SIZE:]
            piece = self._jitter.put_and_take(seq, timestamp, payload, came_at, now)
        else:
            if inbox:
                self._sort()
            piece = self._jitter.take(now)
        if self._plain and isinstance(piece, bytes) and len(piece) == FRAME_BYTES:
            self._past.append(piece)
            return piece
        if piece is Hole.SILENT and not self._have:
            self._plain, self._silent = False, True
            return self._silence
        self.begins, self._silent = self._silent, False
        return self._unusual(piece, now)

    def _unusual(self, piece: Piece, now: float) -> Pcm:
        self._add(piece)
        while self._have < self._frame:
            piece = self._jitter.take(now)
            if piece is Hole.SILENT:
                self._keep(np.zeros(self._frame - self._have, np.int16))
            else:
                self._add(piece)
        sound = self._cut()
        if self.law is not None and not self._have and isinstance(piece, bytes):
            self._plain, self._decoder = True, None
        return sound

    def _add(self, piece: Piece) -> None:
        decoding = self._decoding()
        match piece:
            case Hole.SILENT:
                return
            case Hole.LOST:
                samples = self._jitter.frame * decoding.rate // self._clock_rate
                pcm = decoding.conceal(samples, self._jitter.following)
            case Merged(first, second):
                pcm = faded(decoding.decode(first), decoding.decode(second))
            case _:
                pcm = decoding.decode(piece)
                self._past.append(piece)
        self._keep(pcm if self._resampler is None else self._resampler.feed(pcm))

    def _keep(self, pcm: Pcm) -> None:
        self._parts.append(pcm)
        self._have += len(pcm)

    def _cut(self) -> Pcm:
        """One frame; what is left is for the next tick."""
        sound = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        rest = sound[self._frame :]
        self._parts = [rest] if len(rest) else []
        self._have = len(rest)
        return sound[: self._frame]

    def _decoding(self) -> Decoder:
        """A decoder that knows what was said just now."""
        found = self._decoder
        if found is None:
            found = self._decoder = decoder(self._codec, self.rate)
            if found.rate != self.rate:
                self._resampler = Resampler(found.rate, self.rate)
            for payload in self._past:
                pcm = found.decode(payload)
                if self._resampler is not None:
                    _ = self._resampler.feed(pcm)
            self._plain = False
        return found


def faded(first: Pcm, second: Pcm) -> Pcm:
    """Two pieces in the time of one."""
    if len(first) != len(second):
        return second
    towards = np.linspace(0.0, 1.0, len(first), dtype=np.float32)
    mixed: Pcm = np.rint(first + (second.astype(np.float32) - first) * towards).astype(np.int16)
    return mixed


# RFC 6716 §3.1: frame sizes of the 32 configurations, in units of 48 kHz.
_OPUS_FRAMES: Final = (
    *(480, 960, 1920, 2880) * 3,
    *(480, 960) * 2,
    *(120, 240, 480, 960) * 4,
)


def opus_units(payload: bytes) -> int:
    """How long an Opus packet is, in units of its RTP clock (RFC 7587 §4.2)."""
    if not payload:
        return 0
    toc = payload[0]
    frames = (1, 2, 2, payload[1] & 0x3F if len(payload) > 1 else 1)[toc & 3]
    return max(1, frames) * _OPUS_FRAMES[toc >> 3]
