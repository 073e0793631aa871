"""What one peer says in the codec of another: decoded, resampled, cut into packets, encoded.

Driven by the packets themselves: no jitter buffer and no tick, so it adds no delay but that of
gathering a packet (none between equal packet times), and the peer's jitter buffer sees the jitter
as it was. The stream that leaves is our own (`media/player.py`), on the peer's clock:

- Packets lost for up to 60 ms are made up here, because what Opus says of a lost packet in the
  next one would be gone otherwise. A longer loss, and a pause of the sender, is a jump of the
  timestamps, and the next packet has the marker.
- Keys (RFC 4733) and comfort noise (RFC 3389) go on with timestamps of the peer's clock.
- Another SSRC, or timestamps that jump, begin anew where the peer's clock is now.
"""

from typing import Final

import numpy as np

from media import rtp
from media.codecs import Decoder, Pcm, decoder, encoder
from media.errors import ParseError
from media.formats import BYTES, LAWS, format_of
from media.player import Stream
from media.relay import COMFORT_NOISE, STATIC_CODECS, Leg
from media.resample import Resampler
from media.telephone_events import Rescaler

# All timestamps and samples here are counted at this rate, a multiple of all clocks.
RATE: Final = 48_000
# Made up for so long: all concealment has faded out by then.
CONCEAL_UNITS_MAX: Final = RATE * 60 // 1000
# A step of the timestamps that differs so much from the time that went by is another source
# behind the same SSRC, or a sender that was restarted.
STEP_SECONDS_MAX: Final = 1.0
# So far back a sender may count wrongly (more sound in its packets than it says, for example).
BACK_SECONDS_MAX: Final = 0.1

_BACK: Final = rtp.SEQ_MOD - rtp.MAX_MISORDER
_HALF: Final = 1 << 31


class Transcoder:
    """From one peer to one other. Raises `CodecError` if this machine cannot do it."""

    def __init__(self, source: Leg, target: Leg, stream: Stream) -> None:
        ours, theirs = format_of(source.codec), format_of(target.codec)
        rate = min(ours.rate, theirs.rate)  # Opus gives and takes what the other side has.
        self.between = self.key(source, target)
        self.late = 0  # Packets that came twice, or after what came in their place.
        self._stream = stream
        self._decoder: Decoder = decoder(source.codec, rate)
        self._encoder = encoder(target.codec, rate, target.fmtp)
        self._resampler = Resampler(self._decoder.rate, self._encoder.rate)
        self._source_type, self._source_law = source.payload_type, source.codec in LAWS
        self._target_type = target.payload_type
        self._source_keys, self._target_keys = source.dtmf_payload_type, target.dtmf_payload_type
        self._noise = target.codec in BYTES  # Comfort noise is on a clock of 8 kHz.
        self._in_units = RATE // ours.clock_rate  # In one timestamp unit of theirs.
        self._out_units = RATE // theirs.clock_rate
        self._sample_units = RATE // self._encoder.rate
        self._frame = self._encoder.rate * target.ptime // 1000
        self._keys = Rescaler(ours.clock_rate, theirs.clock_rate)
        self._key = -1, 0  # When the present one began: their timestamp and ours.
        self._ssrc = -1
        self._seq = 0
        self._timestamp = 0  # Expected next, of theirs.
        self._at = 0.0
        # Positions are in units since the last restart.
        self._origin = 0  # Our timestamp at position 0.
        self._heard = 0  # The position of `_timestamp`.
        self._began = 0  # That of the next sample to be sent.
        self._waiting: list[Pcm] = []  # Not enough for a packet yet.
        self._samples = 0
        self._marker = rtp.MARKER

    @staticmethod
    def key(source: Leg, target: Leg) -> tuple[object, ...]:
        """All that it is made for: with another one it must be made anew."""
        return (
            *(source.codec, source.payload_type, source.dtmf_payload_type),
            *(target.codec, target.payload_type, target.dtmf_payload_type),
            *(target.ptime, target.fmtp),
        )

    def on_packet(self, data: bytes, now: float) -> list[bytes]:
        """The packets for the peer. Raises `ParseError` for one that is cut off."""
        _, second, seq, timestamp, ssrc = rtp.HEADER.unpack_from(data)
        payload = rtp.payload(data)
        lost = 0
        packets: list[bytes] = []
        if ssrc != self._ssrc:
            packets = self._restart(ssrc, timestamp, now)
        else:
            step = (seq - self._seq) % rtp.SEQ_MOD
            if step == 0 or step > _BACK:
                self.late += 1
                return []
            lost = step - 1 if step < rtp.MAX_DROPOUT else 0
        self._seq = seq
        payload_type = second & 0x7F
        if payload_type == self._source_keys:
            return packets + self._on_key(second & rtp.MARKER, timestamp, payload)
        if self._jumped(timestamp, now):
            packets += self._restart(ssrc, timestamp, now)
        self._at = now
        if payload_type == COMFORT_NOISE:
            return packets + self._on_noise(timestamp, payload)
        if payload_type != self._source_type and not self._change_law(payload_type):
            raise ParseError(f"payload type {payload_type} was not agreed")
        if payload:
            packets += self._pass_gap(timestamp, lost, payload)
            self._marker |= second & rtp.MARKER
            packets += self._add(self._decoder.decode(payload), timestamp)
        return packets

    def _jumped(self, timestamp: int, now: float) -> bool:
        step = self._ahead(timestamp) / RATE
        elapsed = max(0.0, now - self._at)
        return not -BACK_SECONDS_MAX <= step <= STEP_SECONDS_MAX + elapsed

    def _ahead(self, timestamp: int) -> int:
        """Units from what was heard to there."""
        step = (timestamp - self._timestamp + _HALF) % rtp.TIMESTAMP_MOD - _HALF
        return step * self._in_units

    def _restart(self, ssrc: int, timestamp: int, now: float) -> list[bytes]:
        packets = self._flush()
        end, origin = self._stamp(self._began), self._stream.at_time(now)
        if self._ssrc >= 0 and (end - origin) % rtp.TIMESTAMP_MOD < _HALF:
            origin = end  # Never back behind what was sent.
        self._ssrc, self._timestamp, self._at = ssrc, timestamp, now
        self._origin, self._heard, self._began = origin, 0, 0
        self._marker = rtp.MARKER
        return packets

    def _pass_gap(self, timestamp: int, lost: int, following: bytes) -> list[bytes]:
        """To the beginning of the next packet, with what is made up for what was lost."""
        gap = self._ahead(timestamp)
        if gap <= 0:
            return []
        if gap < self._frame * self._sample_units or (lost and gap <= CONCEAL_UNITS_MAX):
            samples = gap * self._decoder.rate // RATE
            return self._add(self._decoder.conceal(samples, following), self._timestamp)
        packets = self._flush()
        self._heard += gap
        self._marker = rtp.MARKER
        return packets

    def _add(self, pcm: Pcm, timestamp: int) -> list[bytes]:
        """Sound that begins at this timestamp of theirs."""
        if not self._samples:
            self._began = max(self._began, self._heard)
        units = len(pcm) * (RATE // self._decoder.rate)
        self._heard += units
        self._timestamp = (timestamp + units // self._in_units) % rtp.TIMESTAMP_MOD
        sound = self._resampler.feed(pcm)
        self._samples += len(sound)
        self._waiting.append(sound)
        return self._cut() if self._samples >= self._frame else []

    def _cut(self) -> list[bytes]:
        frame = self._frame
        sound = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        packets: list[bytes] = []
        at = 0
        while self._samples >= frame:
            payload = self._encoder.encode(sound[at : at + frame])
            packets.append(self._packet(self._target_type, self._began, payload))
            at += frame
            self._samples -= frame
            self._began += frame * self._sample_units
        self._waiting = [sound[at:]] if self._samples else []
        return packets

    def _flush(self) -> list[bytes]:
        """What is left over before a pause: filled up as if the rest of it were lost."""
        if not self._samples:
            return []
        missing = (self._frame - self._samples) * self._decoder.rate // self._encoder.rate
        sound = self._resampler.feed(self._decoder.conceal(missing))
        self._waiting.append(sound)
        self._samples = self._frame
        packets = self._cut()
        self._waiting, self._samples = [], 0
        return packets

    def _on_key(self, marker: int, timestamp: int, payload: bytes) -> list[bytes]:
        if self._target_keys is None:
            return []
        updates = self._keys.on_packet(payload, timestamp)
        began = self._keys.began
        if self._key[0] != began:  # All packets of one press have one timestamp.
            self._key = began, self._stamp(self._heard + self._ahead(began))
        packets: list[bytes] = []
        for update in updates:
            stamp = (self._key[1] + update.offset) % rtp.TIMESTAMP_MOD
            second = self._target_keys | marker
            packets.append(self._stream.event_packet(second, update.payload, -1, stamp))
        return packets

    def _on_noise(self, timestamp: int, payload: bytes) -> list[bytes]:
        packets = self._flush()
        if self._noise:
            at = self._heard + self._ahead(timestamp)
            packets.append(self._packet(COMFORT_NOISE, at, payload))
        return packets

    def _change_law(self, payload_type: int) -> bool:
        """A phone that was offered both laws may change without a word (RFC 3264 §7)."""
        law = STATIC_CODECS.get(payload_type)
        if law is None or not self._source_law:
            return False
        self._decoder = decoder(law)
        self._source_type = payload_type
        return True

    def _packet(self, payload_type: int, position: int, payload: bytes) -> bytes:
        second = payload_type | self._marker
        self._marker = 0
        return self._stream.event_packet(second, payload, -1, self._stamp(position))

    def _stamp(self, position: int) -> int:
        return (self._origin + position // self._out_units) % rtp.TIMESTAMP_MOD
