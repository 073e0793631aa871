"""Packets of others on a stream of our own.

Who was in a mix has heard one stream: one SSRC, numbers in a row, a clock that goes on (RFC 3550
§5.1, §8). When the packets of one talker are passed on to him again as they are, they continue that
stream: other numbers, the same sound.
"""

from typing import Final

from media import rtp
from media.player import Stream

_NO_SSRC: Final = -1


class Splice:
    """Towards one hearer. Begins anew for another talker, and after packets of our own."""

    __slots__ = ("_own", "_seq_step", "_ssrc", "_stream", "_timestamp_step")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._ssrc = _NO_SSRC  # Of the talker.
        self._own = 0  # Packets of our own on the stream until now.
        self._seq_step = self._timestamp_step = 0

    def renumber(self, packet: bytes | memoryview, now: float) -> bytes:
        """A packet of at least a header, as the hearer is to see it."""
        first, second, seq, timestamp, ssrc = rtp.HEADER.unpack_from(packet)
        stream = self._stream
        if ssrc != self._ssrc or stream.packets != self._own:
            self._begin(ssrc, seq, timestamp, now)
        seq = (seq + self._seq_step) & 0xFFFF
        timestamp = (timestamp + self._timestamp_step) & 0xFFFF_FFFF
        if (seq - stream.seq) & 0xFFFF < 0x8000:
            stream.seq = (seq + 1) & 0xFFFF
            stream.last = timestamp
        return rtp.HEADER.pack(first, second, seq, timestamp, stream.ssrc) + packet[12:]

    def _begin(self, ssrc: int, seq: int, timestamp: int, now: float) -> None:
        stream = self._stream
        self._ssrc = ssrc
        self._own = stream.packets
        self._seq_step = stream.seq - seq
        begin = stream.at_time(now)
        follows = (stream.last + stream.units) & 0xFFFF_FFFF
        if (begin - follows) & 0xFFFF_FFFF >= 0x8000_0000:
            begin = follows
        self._timestamp_step = begin - timestamp
