"""RTCP (RFC 3550 §6): sender and receiver reports, CNAME, BYE, round-trip time.

Times: `now` is monotonic seconds, `wall` is seconds since 1970 (needed for the NTP field alone).
"""

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

from media.errors import ParseError
from media.rtp import ReceiverStats

SR: Final = 200
RR: Final = 201
SDES: Final = 202
BYE: Final = 203

# An Ethernet frame holds any honest compound packet; the rest is not looked at.
PACKETS_MAX: Final = 32
CNAME_MAX: Final = 255  # The length is one byte (§6.5).
NTP_EPOCH: Final = 2_208_988_800  # 1970 in seconds since 1900 (§4).

_HEAD: Final = struct.Struct("!BBHI")  # V P RC, PT, length in words - 1, SSRC
_SENDER: Final = struct.Struct("!QIII")
_BLOCK: Final = struct.Struct("!IIIIII")
_CNAME_ITEM: Final = 1
_LOST_MAX: Final = 0x7F_FFFF
_LOST_MIN: Final = -0x80_0000


class ReportBlock(NamedTuple):
    """What a receiver says of one stream (§6.4.1). `jitter` in timestamp units."""

    ssrc: int
    fraction_lost: int  # 1/256ths since the report before
    lost: int  # since the start, may be negative
    highest_seq: int
    jitter: int
    last_sr: int  # the middle 32 bits of the NTP time in the SR last received, 0: none
    delay_since_sr: int  # 1/65536 s


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int  # 64 bits
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceName:
    """The CNAME of one source."""

    ssrc: int
    cname: str


@dataclass(frozen=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]
    reason: str = ""


Report = SenderReport | ReceiverReport
Packet = Report | SourceName | Bye


def ntp_time(wall: float) -> int:
    """Seconds since 1970 to a 64-bit NTP timestamp."""
    return (int(wall * (1 << 32)) + (NTP_EPOCH << 32)) & 0xFFFF_FFFF_FFFF_FFFF


def wall_time(ntp: int) -> float:
    return ntp / (1 << 32) - NTP_EPOCH


def ntp_middle(ntp: int) -> int:
    """The 32 bits around the point, by which reports refer to each other."""
    return ntp >> 16 & 0xFFFF_FFFF


def round_trip_seconds(block: ReportBlock, arrival_ntp: int) -> float | None:
    """RFC 3550 §6.4.1: arrival - LSR - DLSR; None if they had no SR of ours, or it is nonsense."""
    if block.last_sr == 0:
        return None
    units = (ntp_middle(arrival_ntp) - block.last_sr - block.delay_since_sr) & 0xFFFF_FFFF
    # More than 9 hours is a small negative number: clocks step, and peers round up.
    return units / 65_536 if units < 1 << 31 else None


def block_of(stats: ReceiverStats, last_sr: int = 0, delay_since_sr: int = 0) -> ReportBlock:
    """The report on a stream that we receive. Counts as a report: the loss interval restarts."""
    return ReportBlock(
        stats.ssrc,
        stats.take_fraction_lost(),
        max(_LOST_MIN, min(_LOST_MAX, stats.lost)),
        stats.highest_seq & 0xFFFF_FFFF,
        stats.jitter & 0xFFFF_FFFF,
        last_sr,
        delay_since_sr,
    )


def pack_report(report: Report, cname: str, *, bye: bool = False) -> bytes:
    """A compound packet: the report, the CNAME, and BYE if this is the last one (§6.1)."""
    blocks = b"".join(map(_pack_block, report.blocks))
    if isinstance(report, SenderReport):
        body = _SENDER.pack(
            report.ntp,
            report.timestamp & 0xFFFF_FFFF,
            report.packets & 0xFFFF_FFFF,
            report.octets & 0xFFFF_FFFF,
        )
        packed = _pack(SR, len(report.blocks), report.ssrc, body + blocks)
    else:
        packed = _pack(RR, len(report.blocks), report.ssrc, blocks)
    packed += _pack_cname(report.ssrc, cname)
    return packed + _pack(BYE, 1, report.ssrc, b"") if bye else packed


def _pack(kind: int, count: int, ssrc: int, body: bytes) -> bytes:
    assert count < 32, count
    return _HEAD.pack(0x80 | count, kind, 1 + len(body) // 4, ssrc) + body


def _pack_block(block: ReportBlock) -> bytes:
    ssrc, fraction, lost, *rest = block
    return _BLOCK.pack(ssrc, fraction << 24 | lost & 0xFF_FFFF, *rest)


def _pack_cname(ssrc: int, cname: str) -> bytes:
    name = cname.encode("utf-8", "replace")[:CNAME_MAX]
    item = bytes((_CNAME_ITEM, len(name))) + name
    # At least one zero byte ends the items, and they fill whole words.
    return _pack(SDES, 1, ssrc, item + bytes(4 - len(item) % 4))


def parse(data: bytes) -> list[Packet]:
    """The packets of a compound that we know, in order.

    Other kinds (APP, feedback, XR) are skipped, and a single packet is welcome (RFC 5506). What
    follows the first broken packet is ignored; if the very first one is broken: `ParseError`.
    """
    packets: list[Packet] = []
    at = 0
    for _ in range(PACKETS_MAX):
        if at >= len(data):
            break
        try:
            at = _parse_one(data, at, packets)
        except ParseError:
            if at == 0:
                raise
            break
    else:
        at = len(data)
    if at == 0:
        raise ParseError("empty RTCP packet")
    return packets


def _parse_one(data: bytes, at: int, packets: list[Packet]) -> int:
    """Append what the packet at `at` says; returns where the next one begins."""
    if at + 4 > len(data) or data[at] & 0xC0 != 0x80 or not 192 <= data[at + 1] <= 223:
        raise ParseError(f"not an RTCP packet: {data[at : at + 8]!r}")
    count = data[at] & 0x1F
    kind = data[at + 1]
    end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4])
    if end > len(data):
        raise ParseError("RTCP packet is cut off")
    body = data[at + 4 : end]
    if kind == SR:
        packets.append(_parse_sender_report(body, count))
    elif kind == RR:
        packets.append(_parse_receiver_report(body, count))
    elif kind == SDES:
        packets.extend(_parse_names(body, count))
    elif kind == BYE:
        packets.append(_parse_bye(body, count))
    return end


def _parse_sender_report(body: bytes, count: int) -> SenderReport:
    if len(body) < 24:
        raise ParseError("RTCP sender report is cut off")
    ntp, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
    blocks = _parse_blocks(body, 24, count)
    return SenderReport(int.from_bytes(body[:4]), ntp, timestamp, packets, octets, blocks)


def _parse_receiver_report(body: bytes, count: int) -> ReceiverReport:
    if len(body) < 4:
        raise ParseError("RTCP receiver report is cut off")
    return ReceiverReport(int.from_bytes(body[:4]), _parse_blocks(body, 4, count))


def _parse_blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    if at + count * _BLOCK.size > len(body):
        raise ParseError("RTCP report blocks are cut off")
    blocks: list[ReportBlock] = []
    for start in range(at, at + count * _BLOCK.size, _BLOCK.size):
        ssrc, loss, *rest = _BLOCK.unpack_from(body, start)
        lost = (loss & 0xFF_FFFF ^ 0x80_0000) - 0x80_0000  # 24 bits, signed
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, *rest))
    return tuple(blocks)


def _parse_names(body: bytes, count: int) -> list[SourceName]:
    names: list[SourceName] = []
    at = 0
    for _ in range(count):
        if at + 4 > len(body):
            break
        ssrc = int.from_bytes(body[at : at + 4])
        at += 4
        while at + 2 <= len(body) and body[at]:
            size = body[at + 1]
            if body[at] == _CNAME_ITEM:
                text = body[at + 2 : at + 2 + size].decode("utf-8", "replace")
                names.append(SourceName(ssrc, text))
            at += 2 + size
        at += 4 - at % 4  # At least one zero, up to the next word.
    return names


def _parse_bye(body: bytes, count: int) -> Bye:
    if 4 * count > len(body):
        raise ParseError("RTCP BYE is cut off")
    ssrcs = tuple(int.from_bytes(body[at : at + 4]) for at in range(0, 4 * count, 4))
    rest = body[4 * count :]
    reason = rest[1 : 1 + rest[0]].decode("utf-8", "replace") if rest else ""
    return Bye(ssrcs, reason)


class Reporter:
    """The RTCP of one leg: what goes into our reports, and what the peer's reports tell us."""

    __slots__ = ("_last_sr", "_last_sr_at", "cname", "peer_fraction_lost", "peer_lost", "rtt_ms")

    def __init__(self, cname: str) -> None:
        self.cname = cname
        self.rtt_ms: float | None = None
        self.peer_lost: int | None = None  # Of the packets that we sent, as the peer counts them.
        self.peer_fraction_lost = 0
        self._last_sr = 0
        self._last_sr_at = 0.0

    def on_rtcp(self, data: bytes, own_ssrc: int, now: float, wall: float) -> bool:
        """Take in a compound packet. True if it said BYE. Raises `ParseError`."""
        bye = False
        for packet in parse(data):
            match packet:
                case SenderReport() | ReceiverReport():
                    if isinstance(packet, SenderReport):
                        self._last_sr = ntp_middle(packet.ntp)
                        self._last_sr_at = now
                    self._on_blocks(packet.blocks, own_ssrc, ntp_time(wall))
                case Bye():
                    bye = True
                case SourceName():
                    pass
        return bye

    def _on_blocks(self, blocks: tuple[ReportBlock, ...], own_ssrc: int, arrival: int) -> None:
        for block in blocks:
            if block.ssrc == own_ssrc:
                self.peer_lost = block.lost
                self.peer_fraction_lost = block.fraction_lost
                seconds = round_trip_seconds(block, arrival)
                if seconds is not None:
                    self.rtt_ms = seconds * 1000

    def report_block(self, stats: ReceiverStats, now: float) -> tuple[ReportBlock, ...]:
        """The block on what we receive, () if nothing came yet."""
        if not stats.streams:
            return ()
        delay = int((now - self._last_sr_at) * 65_536) & 0xFFFF_FFFF if self._last_sr else 0
        return (block_of(stats, self._last_sr, delay),)
