from hypothesis import given
from hypothesis import strategies as st

from media import rtp
from media.repacketising import Repacketiser

PTIMES = [10, 20, 30, 40, 60]


def packets(ptime: int, count: int, *, ssrc: int = 5, seq: int = 65_533) -> list[bytes]:
    size = 8 * ptime
    return [
        rtp.pack(0, seq + n, 4_294_967_000 + n * size, ssrc, marker=n == 0)
        + bytes((n * size + at) % 251 for at in range(size))
        for n in range(count)
    ]


def heads(made: list[bytes]) -> list[tuple[int, int, bool, int]]:
    """Sequence and timestamp since the first packet, marker, milliseconds."""
    first = rtp.unpack(made[0])
    return [
        (
            (head.seq - first.seq) % rtp.SEQ_MOD,
            (head.timestamp - first.timestamp) % rtp.TIMESTAMP_MOD,
            head.marker,
            (len(packet) - 12) // 8,
        )
        for packet in made
        for head in [rtp.unpack(packet)]
    ]


def sent(one: Repacketiser, given_: list[bytes]) -> list[bytes]:
    return [made for packet in given_ for made in one.on_packet(packet)]


@given(st.sampled_from(PTIMES), st.sampled_from(PTIMES))
def test_the_same_sound_in_other_packets(before: int, after: int) -> None:
    given_ = packets(before, 12)
    made = sent(Repacketiser(0, after), given_)
    whole = 12 * before // after
    assert heads(made) == [(n, n * after * 8, n == 0, after) for n in range(whole)]
    sound = b"".join(packet[12:] for packet in given_)
    assert b"".join(packet[12:] for packet in made) == sound[: whole * after * 8]
    assert {packet[8:12] for packet in made} == {b"\0\0\0\x05"}


def test_packets_of_the_right_length_are_untouched() -> None:
    given_ = packets(30, 4)
    assert sent(Repacketiser(0, 30), given_) == given_


def test_a_lost_packet_is_missing_in_the_numbers_too() -> None:
    given_ = packets(20, 8)
    del given_[3]
    assert heads(sent(Repacketiser(0, 40), given_)) == [
        (0, 0, True, 40),
        (1, 320, False, 20),
        (3, 640, False, 40),
        (4, 960, False, 40),
    ]


def test_a_pause_is_no_loss() -> None:
    given_ = packets(20, 2)
    given_.append(rtp.pack(0, 65_535, 4_294_967_000 + 8000, 5, marker=True) + bytes(160))
    made = sent(Repacketiser(0, 10), given_)
    assert heads(made)[4:] == [(4, 8000, True, 10), (5, 8080, False, 10)]


def test_keys_go_by_with_numbers_of_their_own() -> None:
    given_ = packets(20, 3)
    key = rtp.pack(101, 65_536, 4_294_967_000 + 480, 5, marker=True) + b"\x01\x0a\x00\xa0"
    made = sent(Repacketiser(0, 40), [*given_, key])
    assert heads(made) == [(0, 0, True, 40), (1, 320, False, 20), (2, 480, True, 0)]
    assert made[2][12:] == b"\x01\x0a\x00\xa0"


def test_two_sources_in_turn_keep_their_numbers() -> None:
    one, talker, prompt = Repacketiser(0, 10), packets(20, 6), packets(20, 2, ssrc=6, seq=100)
    made = sent(one, [*talker[:3], *prompt, *talker[3:]])
    by_source = {
        ssrc: [rtp.unpack(packet).seq for packet in made if packet[8:12] == ssrc]
        for ssrc in (talker[0][8:12], prompt[0][8:12])
    }
    assert by_source == {
        talker[0][8:12]: [(65_533 + n) % rtp.SEQ_MOD for n in range(12)],
        prompt[0][8:12]: [100, 101, 102, 103],
    }


@given(
    st.lists(st.sampled_from((0, 1, 2)), max_size=30),
    st.sampled_from(PTIMES),
    st.sampled_from(PTIMES),
)
def test_nothing_is_said_twice_or_in_disorder(copies: list[int], before: int, after: int) -> None:
    given_ = packets(before, len(copies))
    order = [packet for packet, count in zip(given_, copies, strict=True) for _ in range(count)]
    made = sent(Repacketiser(0, after), order)
    if not made:
        return
    found = heads(made)
    assert [seq for seq, *_ in found] == sorted({seq for seq, *_ in found})
    ends = [stamp + ms * 8 for _, stamp, _, ms in found]
    assert all(stamp >= end for (_, stamp, _, _), end in zip(found[1:], ends, strict=False))
    assert all(0 < ms <= after for *_, ms in found)
