"""Packets of another length for a peer that asks for it (`a=ptime`, RFC 8866 §6.4).

Only for codecs whose every byte can begin a packet. Sequence numbers are new, everything else is
kept: SSRC, timestamps, markers; and a packet that was lost is missing here too, so that the peer
can do about it what it does best. What is left over before a gap leaves as a shorter packet.
"""

from typing import Final

from media import rtp

_BACK: Final = rtp.SEQ_MOD - rtp.MAX_MISORDER
_UNITS_MAX: Final = 1 << 31
# Sources whose numbers are remembered: a talker, a prompt in between, and some change of both.
SOURCES_MAX: Final = 8


class Repacketiser:
    """All packets for one peer, from whoever they come."""

    __slots__ = (
        "_began",
        "_buffer",
        "_marker",
        "_next",
        "_out_seq",
        "_payload_type",
        "_seq",
        "_size",
        "_ssrc",
        "makes",
    )

    def __init__(self, payload_type: int, ptime: int) -> None:
        self.makes = payload_type, ptime
        self._payload_type = payload_type
        self._size = 8 * ptime  # 64 kbit/s, all of them.
        self._ssrc = -1
        self._seq = 0
        self._out_seq = 0
        self._next: dict[int, int] = {}  # The next number of each SSRC that was heard before.
        self._buffer = b""
        self._began = 0  # Timestamp of the first byte in the buffer.
        self._marker = 0

    def on_packet(self, data: bytes) -> list[bytes]:
        """What can be sent now. Raises `ParseError` for a packet that is cut off."""
        _, second, seq, timestamp, ssrc = rtp.HEADER.unpack_from(data)
        packets: list[bytes] = []
        lost = 0
        if ssrc != self._ssrc:
            packets += self._flush()
            self._change(ssrc, seq)
        else:
            step = (seq - self._seq) % rtp.SEQ_MOD
            if step == 0 or step > _BACK:
                return []  # Twice, or too late.
            lost = step - 1 if step < rtp.MAX_DROPOUT else 0
        self._seq = seq
        if second & 0x7F != self._payload_type:
            packets += self._flush()
            self._skip(min(lost, 1))
            packets.append(self._packet(second, timestamp, rtp.payload(data)))
            return packets
        packets += self._add(second & rtp.MARKER, timestamp, rtp.payload(data), lost)
        return packets

    def _change(self, ssrc: int, seq: int) -> None:
        """To another source, which may have been heard before."""
        self._next[self._ssrc] = self._out_seq
        self._out_seq = self._next.pop(ssrc, seq)
        self._ssrc = ssrc
        while len(self._next) > SOURCES_MAX:
            del self._next[next(iter(self._next))]

    def _add(self, marker: int, timestamp: int, payload: bytes, lost: int) -> list[bytes]:
        packets: list[bytes] = []
        gap = (timestamp - self._began - len(self._buffer)) % rtp.TIMESTAMP_MOD
        if gap or not self._buffer:
            packets += self._flush()
            if lost:
                missing = gap // self._size if gap < _UNITS_MAX else 1
                self._skip(min(max(missing, 1), lost))
            self._began = timestamp
        self._marker |= marker
        self._buffer += payload
        while len(self._buffer) >= self._size:
            packets.append(self._take(self._size))
        return packets

    def _flush(self) -> list[bytes]:
        return [self._take(len(self._buffer))] if self._buffer else []

    def _take(self, size: int) -> bytes:
        payload, self._buffer = self._buffer[:size], self._buffer[size:]
        packet = self._packet(self._payload_type | self._marker, self._began, payload)
        self._began = (self._began + size) % rtp.TIMESTAMP_MOD
        self._marker = 0
        return packet

    def _packet(self, second: int, timestamp: int, payload: bytes) -> bytes:
        seq = self._out_seq
        self._out_seq = (seq + 1) % rtp.SEQ_MOD
        return rtp.HEADER.pack(rtp.VERSION_2, second, seq, timestamp, self._ssrc) + payload

    def _skip(self, packets: int) -> None:
        self._out_seq = (self._out_seq + packets) % rtp.SEQ_MOD
