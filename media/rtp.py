"""RTP fixed header (RFC 3550 §5.1), sequence arithmetic and reception statistics."""

import struct
from typing import Final, NamedTuple

from media.errors import ParseError

HEADER: Final = struct.Struct("!BBHII")
HEADER_SIZE: Final = 12
SEQ_MOD: Final = 1 << 16
TIMESTAMP_MOD: Final = 1 << 32
VERSION_2: Final = 0x80  # The first byte of a header without padding, extension and CSRCs.
MARKER: Final = 0x80

# RFC 3550 A.1: a step further than this is a restarted sender, not loss or reordering.
MAX_DROPOUT: Final = 3000
MAX_MISORDER: Final = 100
# A transit time that moves more than this at once is a sender that jumped its timestamps
# (a new source behind the same SSRC), or the 32 bits ran over. Not jitter: one jump would spoil
# the mean for seconds.
TRANSIT_STEP_MAX_SECONDS: Final = 2

_NO_SSRC: Final = -1
_NO_SEQ: Final = -1


class Header(NamedTuple):
    payload_type: int
    marker: bool
    seq: int
    timestamp: int
    ssrc: int


def pack(payload_type: int, seq: int, timestamp: int, ssrc: int, *, marker: bool = False) -> bytes:
    """A 12-byte header. `seq` and `timestamp` may have run over: they are folded back."""
    second = payload_type | MARKER if marker else payload_type
    return HEADER.pack(VERSION_2, second, seq % SEQ_MOD, timestamp % TIMESTAMP_MOD, ssrc)


def unpack(data: bytes) -> Header:
    if len(data) < HEADER_SIZE or data[0] & 0xC0 != VERSION_2:
        raise ParseError(f"not an RTP packet: {data[:HEADER_SIZE]!r}")
    _, second, seq, timestamp, ssrc = HEADER.unpack_from(data)
    return Header(second & 0x7F, second >= MARKER, seq, timestamp, ssrc)


def payload(data: bytes) -> bytes:
    """What the packet carries, without CSRCs, header extension and padding (RFC 3550 §5.1, §5.3.1).

    Raises `ParseError` if the packet is shorter than it says.
    """
    if len(data) >= HEADER_SIZE and data[0] == VERSION_2:
        return data[HEADER_SIZE:]
    _ = unpack(data)
    first = data[0]
    start, end = HEADER_SIZE + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if start + 4 > end:
            raise ParseError("RTP header extension is cut off")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    if first & 0x20:
        # The last byte counts itself, so zero is not a length.
        padding = data[-1]
        if padding == 0:
            raise ParseError("RTP padding of no length")
        end -= padding
    if start > end:
        raise ParseError("RTP packet is shorter than its header says")
    return data[start:end]


def is_rtcp(data: bytes) -> bool:
    """Tell RTCP from RTP on one port (RFC 5761 §4): packet types 192-223."""
    return len(data) >= 2 and data[0] & 0xC0 == VERSION_2 and 192 <= data[1] <= 223


def seq_newer(a: int, b: int) -> bool:
    """Is sequence number `a` ahead of `b`, counting wrap-around?"""
    return a != b and (a - b) % SEQ_MOD < SEQ_MOD // 2


class ReceiverStats:
    """Loss and jitter of one stream of packets (RFC 3550 §6.4.1, appendices A.1, A.3, A.8).

    A new SSRC, or a sequence that goes on elsewhere for two packets, starts a new stream; the
    totals go on. `now` is the arrival time in seconds on any monotonic clock.
    """

    __slots__ = (
        "_bad_seq",
        "_base_seq",
        "_clock_rate",
        "_expected_prior",
        "_jitter",
        "_past_lost",
        "_past_received",
        "_received_prior",
        "_step_max",
        "_timestamp",
        "_transit",
        "highest_seq",
        "received",
        "ssrc",
        "streams",
    )

    def __init__(self, clock_rate: int = 8000) -> None:
        self.ssrc = _NO_SSRC
        self.received = 0
        self.highest_seq = 0
        self.streams = 0
        self._clock_rate = clock_rate
        self._step_max = clock_rate * TRANSIT_STEP_MAX_SECONDS
        self._base_seq = 0
        self._bad_seq = _NO_SEQ
        self._timestamp = 0
        self._transit = 0.0
        self._jitter = 0.0
        self._expected_prior = 0
        self._received_prior = 0
        self._past_received = 0
        self._past_lost = 0

    def retune(self, clock_rate: int) -> None:
        """The peer's codec has another clock from now on (RFC 7160)."""
        if clock_rate != self._clock_rate:
            self._clock_rate = clock_rate
            self._step_max = clock_rate * TRANSIT_STEP_MAX_SECONDS
            self._transit = self._jitter = 0.0

    def on_packet(self, ssrc: int, seq: int, timestamp: int, now: float) -> None:
        if ssrc != self.ssrc:
            self._begin(ssrc, seq, timestamp, now)
            return
        # `highest_seq` is the extended number, so adding the step counts the cycles.
        step = (seq - self.highest_seq) & 0xFFFF
        if step < MAX_DROPOUT:
            self.highest_seq += step
        elif step <= SEQ_MOD - MAX_MISORDER:
            if seq != self._bad_seq:
                self._bad_seq = (seq + 1) & 0xFFFF
                return
            self._begin(ssrc, seq, timestamp, now)
            return
        self.received += 1
        if timestamp == self._timestamp:
            return  # Packets of one instant (an RFC 4733 event, a duplicate) say nothing of delay.
        self._timestamp = timestamp
        transit = now * self._clock_rate - timestamp
        moved = transit - self._transit
        self._transit = transit
        if moved < 0.0:
            moved = -moved
        if moved < self._step_max:
            self._jitter += (moved - self._jitter) * 0.0625

    def _begin(self, ssrc: int, seq: int, timestamp: int, now: float) -> None:
        self._past_received += self.received
        self._past_lost += max(0, self.lost)
        self.streams += 1
        self.ssrc = ssrc
        self.received = 1
        self.highest_seq = self._base_seq = seq
        self._bad_seq = _NO_SEQ
        self._timestamp = timestamp
        self._transit = now * self._clock_rate - timestamp
        self._jitter = 0.0
        self._expected_prior = self._received_prior = 0

    @property
    def expected(self) -> int:
        """Packets of the present stream that should have come."""
        return self.highest_seq - self._base_seq + 1 if self.streams else 0

    @property
    def lost(self) -> int:
        """Of the present stream. May be negative: duplicates count as received (§6.4.1)."""
        return self.expected - self.received

    @property
    def total_received(self) -> int:
        return self._past_received + self.received

    @property
    def total_lost(self) -> int:
        return self._past_lost + max(0, self.lost)

    @property
    def jitter(self) -> int:
        """In timestamp units."""
        return int(self._jitter)

    @property
    def jitter_ms(self) -> float:
        return self._jitter * 1000 / self._clock_rate

    def take_fraction_lost(self) -> int:
        """Loss since the last call in 1/256ths (A.3), never negative: call once per report."""
        expected, received = self.expected, self.received
        expected_step = expected - self._expected_prior
        lost_step = expected_step - (received - self._received_prior)
        self._expected_prior, self._received_prior = expected, received
        if expected_step <= 0 or lost_step <= 0:
            return 0
        return min(255, (lost_step << 8) // expected_step)
