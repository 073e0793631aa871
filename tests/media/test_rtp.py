import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import ParseError
from media.rtp import (
    HEADER,
    MAX_DROPOUT,
    Header,
    ReceiverStats,
    is_rtcp,
    pack,
    payload,
    seq_newer,
    unpack,
)

SSRC = 0xDEADBEEF


@given(
    st.integers(0, 127),
    st.booleans(),
    st.integers(0, 65_535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
def test_header_round_trip(kind: int, marker: bool, seq: int, timestamp: int, ssrc: int) -> None:
    data = pack(kind, seq, timestamp, ssrc, marker=marker)
    assert len(data) == 12
    assert unpack(data) == Header(kind, marker, seq, timestamp, ssrc)
    assert pack(kind, seq + 65_536, timestamp + 2**32, ssrc, marker=marker) == data


@given(st.binary(max_size=80))
def test_only_parse_errors(data: bytes) -> None:
    with contextlib.suppress(ParseError):
        _ = unpack(data)
    with contextlib.suppress(ParseError):
        assert payload(data) in data
    _ = is_rtcp(data)


@given(
    st.binary(max_size=30),
    st.integers(0, 15),
    st.integers(0, 3) | st.none(),
    st.integers(0, 9),
)
def test_payload_without_what_surrounds_it(
    body: bytes, sources: int, extension: int | None, padding: int
) -> None:
    first = 0x80 | sources | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
    data = HEADER.pack(first, 8, 1, 2, 3) + b"\x11" * 4 * sources
    if extension is not None:
        data += b"\xbe\xde" + extension.to_bytes(2) + b"\x22" * 4 * extension
    data += body
    if padding:
        data += bytes(padding - 1) + bytes((padding,))
    assert payload(data) == body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pack(0, 1, 2, 3)[:11],
        b"\x40" + pack(0, 1, 2, 3)[1:],  # version 1
        b"\x82" + pack(0, 1, 2, 3)[1:],  # two CSRCs, none there
        b"\x90" + pack(0, 1, 2, 3)[1:] + b"\0\0\0",  # half an extension header
        b"\x90" + pack(0, 1, 2, 3)[1:] + b"\0\0\0\2abcd",  # half an extension
        b"\xa0" + pack(0, 1, 2, 3)[1:] + b"a\0",  # padding of no bytes
        b"\xa0" + pack(0, 1, 2, 3)[1:] + b"a\3",  # more padding than payload
    ],
)
def test_bad_packets(data: bytes) -> None:
    with pytest.raises(ParseError):
        _ = payload(data)


def test_rtcp_is_told_from_rtp() -> None:
    assert is_rtcp(b"\x80\xc8")
    assert is_rtcp(b"\x81\xcd")
    assert not is_rtcp(pack(0, 1, 2, 3))
    assert not is_rtcp(pack(96, 1, 2, 3, marker=True))
    assert not is_rtcp(b"\x00\xc8")
    assert not is_rtcp(b"\x80")


@given(st.integers(0, 65_535), st.integers(1, 32_767))
def test_seq_order(seq: int, step: int) -> None:
    assert seq_newer((seq + step) % 65_536, seq)
    assert not seq_newer(seq, (seq + step) % 65_536)
    assert not seq_newer(seq, seq)


def feed(stats: ReceiverStats, packets: range, *, ssrc: int = SSRC, at: float = 0.0) -> None:
    """A clean stream: packet n with sequence n and timestamp 160 n."""
    for n in packets:
        stats.on_packet(ssrc, n % 65_536, 160 * n % 2**32, at + 0.02 * n)


def test_nothing_received() -> None:
    stats = ReceiverStats()
    assert (stats.expected, stats.lost, stats.jitter, stats.total_lost) == (0, 0, 0, 0)
    assert stats.take_fraction_lost() == 0


def test_clean_stream_across_both_wraps() -> None:
    stats = ReceiverStats(8000)
    for n in range(70_000):
        stats.on_packet(SSRC, (65_000 + n) % 65_536, (2**32 - 8000 + 160 * n) % 2**32, n * 0.02)
    assert (stats.lost, stats.jitter, stats.expected) == (0, 0, 70_000)
    assert stats.highest_seq == 65_000 + 69_999
    assert stats.streams == 1


def test_loss_and_its_fraction_per_interval() -> None:
    stats = ReceiverStats()
    feed(stats, range(100))
    assert stats.take_fraction_lost() == 0
    for n in range(100, 200):
        if n % 4:
            feed(stats, range(n, n + 1))
    assert (stats.expected, stats.lost, stats.received) == (200, 25, 175)
    assert stats.take_fraction_lost() == 64  # a quarter of 256
    assert stats.take_fraction_lost() == 0  # an interval without packets
    feed(stats, range(200, 250))
    assert stats.take_fraction_lost() == 0
    assert stats.total_lost == 25


def test_duplicates_make_loss_negative_in_the_stream_only() -> None:
    stats = ReceiverStats()
    feed(stats, range(10))
    feed(stats, range(5, 10))
    assert (stats.lost, stats.total_lost, stats.expected) == (-5, 0, 10)
    assert stats.take_fraction_lost() == 0


def test_reordering_is_not_loss() -> None:
    stats = ReceiverStats()
    for n in (0, 1, 3, 2, 4, 7, 6, 5):
        stats.on_packet(SSRC, n, 160 * n, 0.02 * n)
    assert (stats.lost, stats.highest_seq, stats.streams) == (0, 7, 1)


def test_jitter_is_that_of_the_rfc() -> None:
    stats = ReceiverStats(8000)
    jitter, late = 0.0, 0.0
    for n in range(200):
        delay = 0.005 * (n % 3)
        stats.on_packet(SSRC, n, 160 * n, 0.02 * n + delay)
        if n:
            jitter += (abs(delay - late) * 8000 - jitter) / 16
        late = delay
    assert stats.jitter == int(jitter) == 53
    assert stats.jitter_ms == pytest.approx(jitter / 8)


def test_packets_of_one_event_are_no_jitter() -> None:
    stats = ReceiverStats()
    feed(stats, range(10))
    for n in range(10, 60):
        stats.on_packet(SSRC, n, 1600, 0.02 * n)
    feed(stats, range(60, 70))
    assert (stats.jitter, stats.lost) == (0, 0)


def test_a_jump_of_timestamps_is_no_jitter() -> None:
    stats = ReceiverStats()
    feed(stats, range(10))
    for n in range(10, 20):
        stats.on_packet(SSRC, n, 3_000_000_000 + 160 * n, 0.02 * n)
    assert stats.jitter == 0


def test_new_ssrc_is_a_new_stream_and_totals_go_on() -> None:
    stats = ReceiverStats()
    feed(stats, range(0, 20, 2))
    feed(stats, range(40_000, 40_010), ssrc=7)
    assert (stats.ssrc, stats.streams) == (7, 2)
    assert (stats.expected, stats.lost, stats.jitter) == (10, 0, 0)
    assert (stats.total_received, stats.total_lost) == (20, 9)


def test_one_stray_sequence_number_is_ignored_two_in_a_row_are_a_restart() -> None:
    stats = ReceiverStats()
    feed(stats, range(10))
    stats.on_packet(SSRC, 30_000, 1600, 0.2)
    feed(stats, range(10, 20))
    assert (stats.lost, stats.streams, stats.highest_seq) == (0, 1, 19)
    feed(stats, range(30_000, 30_010))
    assert (stats.streams, stats.expected, stats.lost, stats.highest_seq) == (2, 9, 0, 30_009)


@given(st.integers(0, 65_535), st.integers(1, MAX_DROPOUT - 1))
def test_a_gap_counts_as_loss_up_to_the_limit(start: int, gap: int) -> None:
    stats = ReceiverStats()
    stats.on_packet(SSRC, start, 0, 0.0)
    stats.on_packet(SSRC, (start + gap) % 65_536, 160, 0.02)
    assert stats.lost == gap - 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 65_535), st.integers(0, 2**32 - 1))))
def test_any_packets(packets: list[tuple[int, int, int]]) -> None:
    stats = ReceiverStats()
    for n, (ssrc, seq, timestamp) in enumerate(packets):
        stats.on_packet(ssrc, seq, timestamp, n * 0.02)
        assert stats.total_received <= n + 1
        assert stats.total_lost >= 0
        assert 0 <= stats.take_fraction_lost() <= 255
        assert 0 <= stats.jitter < 2**32
