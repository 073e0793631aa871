import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import ParseError
from media.rtcp import (
    PACKETS_MAX,
    Bye,
    ReceiverReport,
    Report,
    ReportBlock,
    Reporter,
    SenderReport,
    SourceName,
    block_of,
    ntp_middle,
    ntp_time,
    pack_report,
    parse,
    round_trip_seconds,
    wall_time,
)
from media.rtp import ReceiverStats

word = st.integers(0, 2**32 - 1)
block = st.builds(
    ReportBlock, word, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), word, word, word, word
)
blocks = st.lists(block, max_size=31).map(tuple)
reports = st.builds(
    SenderReport, word, st.integers(0, 2**64 - 1), word, word, word, blocks
) | st.builds(ReceiverReport, word, blocks)


@given(reports, st.text(st.characters(codec="utf-8"), max_size=40), st.booleans())
def test_round_trip(report: Report, cname: str, bye: bool) -> None:
    data = pack_report(report, cname, bye=bye)
    assert len(data) % 4 == 0
    expected = [report, SourceName(report.ssrc, cname)]
    assert parse(data) == ([*expected, Bye((report.ssrc,))] if bye else expected)


def test_exact_bytes() -> None:
    report = SenderReport(1, 2, 3, 4, 5, (ReportBlock(6, 7, -1, 8, 9, 10, 11),))
    assert pack_report(report, "ab", bye=True).hex(" ", 4) == (
        "81c8000c 00000001 00000000 00000002 00000003 00000004 00000005"
        " 00000006 07ffffff 00000008 00000009 0000000a 0000000b"
        " 81ca0003 00000001 01026162 00000000"
        " 81cb0001 00000001"
    )


def test_long_cname_is_cut() -> None:
    assert parse(pack_report(ReceiverReport(1), "x" * 300))[1] == SourceName(1, "x" * 255)


def test_unknown_packets_are_skipped_and_a_single_one_is_welcome() -> None:
    app = bytes.fromhex("80cc0002 00000001 41424344")
    bye = bytes.fromhex("81cb0001 00000007")
    assert parse(app + bye) == [Bye((7,))]
    assert parse(bye) == [Bye((7,))]


def test_bye_with_a_reason() -> None:
    data = bytes.fromhex("82cb0004 00000007 00000008") + b"\x06hang-u\0"
    assert parse(data) == [Bye((7, 8), "hang-u")]


def test_names_of_several_sources_and_other_items() -> None:
    chunks = b"\0\0\0\1\x02\x01N\x01\x02me\0" + b"\0\0\0\2\x01\x03you\0\0\0"
    assert parse(b"\x82\xca" + (len(chunks) // 4).to_bytes(2) + chunks) == [
        SourceName(1, "me"),
        SourceName(2, "you"),
    ]


def test_garbage_after_a_good_packet_is_ignored() -> None:
    good = pack_report(ReceiverReport(1), "a")
    assert parse(good + b"\x80\xc9\xff\xff1234") == parse(good)
    assert parse(good + b"x") == parse(good)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\x00\xc9\x00\x01\0\0\0\1",  # version 0
        b"\x80\x00\x00\x01\0\0\0\1",  # RTP
        b"\x80\xc9\x00\x02\0\0\0\1",  # says more than there is
        b"\x81\xc9\x00\x01\0\0\0\1",  # a block that is not there
        b"\x80\xc8\x00\x01\0\0\0\1",  # half a sender report
        b"\x80\xc9\x00\x00",  # no SSRC
        b"\x82\xcb\x00\x01\0\0\0\1",  # BYE of two, one there
    ],
)
def test_bad_first_packet(data: bytes) -> None:
    with pytest.raises(ParseError):
        _ = parse(data)


@given(st.binary(max_size=120))
def test_only_parse_errors(data: bytes) -> None:
    for start in (b"", b"\x81\xca", b"\x81\xc8\x00\x06", b"\x82\xcb"):
        with contextlib.suppress(ParseError):
            _ = parse(start + data)


def test_packets_are_bounded() -> None:
    assert len(parse(bytes.fromhex("81cb0001 00000007") * 500)) == PACKETS_MAX


def test_ntp_time() -> None:
    assert ntp_time(0.0) == 2_208_988_800 << 32
    assert ntp_time(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert wall_time(ntp_time(1_700_000_000.25)) == 1_700_000_000.25
    assert ntp_middle(0x1234_5678_9ABC_DEF0) == 0x5678_9ABC


def test_round_trip_time_of_the_rfc() -> None:
    """The example of RFC 3550 figure 2."""
    example = ReportBlock(1, 0, 0, 0, 0, last_sr=0xB705_2000, delay_since_sr=0x0005_4000)
    arrival = 0xB44D_B710_8000_0000  # 10 Nov 1995 11:33:36.5
    assert round_trip_seconds(example, arrival) == 6.125
    assert round_trip_seconds(example._replace(last_sr=0), arrival) is None
    assert round_trip_seconds(example._replace(last_sr=0xB710_8001), arrival) is None


def test_block_of_a_stream() -> None:
    stats = ReceiverStats()
    for n in (65_534, 65_535, 65_537, 65_538):
        stats.on_packet(9, n % 65_536, 160 * n, 0.02 * n)
    assert block_of(stats, 5, 6) == ReportBlock(9, 51, 1, 65_538, 0, 5, 6)
    assert block_of(stats).fraction_lost == 0


def test_two_reporters_measure_their_round_trip() -> None:
    ours, theirs = Reporter("a@b"), Reporter("c@d")
    stats = ReceiverStats()
    assert theirs.report_block(stats, 0.0) == ()
    stats.on_packet(1, 0, 0, 99.0)
    report = SenderReport(1, ntp_time(1000.0), 0, 50, 8000)
    assert not theirs.on_rtcp(pack_report(report, ours.cname), 2, now=100.0, wall=5.0)
    # 60 ms there and back, and 2 s in between.
    answer = ReceiverReport(2, theirs.report_block(stats, 102.0))
    assert ours.on_rtcp(pack_report(answer, "c@d", bye=True), 1, now=3.0, wall=1002.06)
    assert ours.rtt_ms == pytest.approx(60, abs=0.1)
    assert (ours.peer_lost, ours.peer_fraction_lost) == (0, 0)
    assert theirs.rtt_ms is None


def test_blocks_about_others_are_ignored() -> None:
    reporter = Reporter("a@b")
    other = ReportBlock(77, 255, 100, 0, 0, 1, 0)
    assert not reporter.on_rtcp(pack_report(ReceiverReport(2, (other,)), "x"), 1, 0.0, 0.0)
    assert (reporter.rtt_ms, reporter.peer_lost) == (None, None)
