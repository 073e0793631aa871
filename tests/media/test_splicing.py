"""Packets of others on our stream: the hearer sees one source, numbers in a row, one clock."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from media import rtp
from media.player import TICK_SECONDS, Stream
from media.splicing import Splice

FRAME = 160
PAYLOAD = b"x" * FRAME


def stream(ssrc: int = 1, seq: int = 65_530, timestamp: int = 0xFFFF_FF00) -> Stream:
    return Stream(ssrc, seq, timestamp)


def header(packet: bytes) -> tuple[int, int, int]:
    found = rtp.unpack(packet)
    return found.ssrc, found.seq, found.timestamp


def test_a_relay_goes_on_where_a_mix_ended() -> None:
    ours = stream()
    splice = Splice(ours)
    last = header(ours.packet(0, PAYLOAD, 7))
    now = 7.5 * TICK_SECONDS
    passed = [
        header(splice.renumber(rtp.pack(0, 500 + n, 9000 + n * FRAME, 77) + PAYLOAD, now))
        for n in range(3)
    ]
    assert passed == [
        (1, (last[1] + n) & 0xFFFF, (last[2] + n * FRAME) & 0xFFFF_FFFF) for n in range(1, 4)
    ]


def test_a_mix_goes_on_where_a_relay_ended() -> None:
    ours = stream()
    splice = Splice(ours)
    _ = ours.packet(0, PAYLOAD, 7)
    passed = rtp.unpack(splice.renumber(rtp.pack(8, 500, 9000, 77) + PAYLOAD, 8 * TICK_SECONDS))
    ours.follow(20)
    mixed = rtp.unpack(ours.packet(0, PAYLOAD, 20))
    assert mixed == (0, False, (passed.seq + 1) & 0xFFFF, (passed.timestamp + FRAME), 1)


def test_what_plays_after_a_relay_that_was_ahead_does_not_go_back() -> None:
    ours = stream(timestamp=0)
    splice = Splice(ours)
    _ = ours.packet(0, PAYLOAD, 7)
    for n in range(4):  # What waited in a jitter buffer, at once.
        _ = splice.renumber(rtp.pack(0, n, n * FRAME, 77) + PAYLOAD, 7 * TICK_SECONDS)
    played = rtp.unpack(ours.packet(0, PAYLOAD, 9))
    assert played.marker
    assert played.timestamp == 12 * FRAME


def test_after_a_pause_the_clock_is_right() -> None:
    ours = stream(timestamp=0)
    splice = Splice(ours)
    _ = ours.packet(0, PAYLOAD, 7)
    passed = splice.renumber(rtp.pack(0, 1, 1, 77) + PAYLOAD, 107 * TICK_SECONDS)
    assert rtp.unpack(passed).timestamp == 107 * FRAME


def test_all_but_the_numbers_is_kept() -> None:
    splice = Splice(stream())
    packet = b"\xb1\xe5" + bytes(10) + b"\0\0\0\1" + b"\xbe\xde\0\0" + b"sound" + b"\0\2"
    passed = splice.renumber(memoryview(packet), 0.0)
    assert (passed[:2], passed[12:]) == (packet[:2], packet[12:])


def test_a_stream_is_adopted_with_its_numbers() -> None:
    ours = stream()
    ours.adopt(77, 9, 4000, 12)
    packets = [rtp.unpack(ours.packet(0, PAYLOAD, tick)) for tick in (12, 13)]
    assert packets == [(0, False, 9, 4000, 77), (0, False, 10, 4160, 77)]


@given(
    st.lists(
        st.tuples(st.sampled_from((7, 8, 9)), st.booleans(), st.integers(1, 5)),
        min_size=1,
        max_size=60,
    )
)
def test_whoever_speaks_it_is_one_stream(turns: list[tuple[int, bool, int]]) -> None:
    """Talkers and packets of our own, in any order and with pauses: no number comes twice."""
    ours = stream()
    splice = Splice(ours)
    numbers = {7: 100, 8: 65_530, 9: 30_000}
    tick, seen = 0, []
    for ssrc, own, ticks in turns:
        tick += ticks
        if own:
            packet = ours.packet(0, PAYLOAD, tick)
        else:
            numbers[ssrc] = (numbers[ssrc] + 1) & 0xFFFF
            stamp = tick * FRAME + ssrc * 1_000_000
            data = rtp.pack(0, numbers[ssrc], stamp, ssrc) + PAYLOAD
            packet = splice.renumber(data, tick * TICK_SECONDS)
        seen.append(rtp.unpack(packet))
    assert {found.ssrc for found in seen} == {1}
    expected = [(65_530 + n) & 0xFFFF for n in range(len(seen))]
    whole = [found.seq for found in seen]
    if all(own or ssrc == 7 for ssrc, own, _ in turns):
        assert whole == expected
    steps = [(b.timestamp - a.timestamp) & 0xFFFF_FFFF for a, b in pairwise(seen)]
    assert all(0 < step < 0x8000_0000 for step in steps)
