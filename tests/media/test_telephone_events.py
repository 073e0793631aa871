from hypothesis import given
from hypothesis import strategies as st

from media.dtmf import PAYLOAD, SEGMENT_UNITS, DigitReceiver, Press
from media.telephone_events import Rescaler, Update

RATES = st.sampled_from((8000, 16_000, 48_000))


def test_from_8_to_48_khz() -> None:
    one = Rescaler(8000, 48_000)
    assert one.on_packet(bytes.fromhex("050a00a0"), 7) == [Update(0, bytes.fromhex("050a03c0"))]
    assert one.on_packet(bytes.fromhex("058a0320"), 7) == [Update(0, bytes.fromhex("058a12c0"))]
    assert one.began == 7


def test_a_long_press_becomes_segments() -> None:
    one = Rescaler(8000, 48_000)
    units = [one.on_packet(PAYLOAD.pack(3, 10, at), 7) for at in (8000, 10_880, 11_040, 22_080)]
    assert units == [
        [Update(0, PAYLOAD.pack(3, 10, 48_000))],
        [Update(0, PAYLOAD.pack(3, 10, 65_280))],
        [Update(0, PAYLOAD.pack(3, 10, 65_535)), Update(65_535, PAYLOAD.pack(3, 10, 705))],
        [Update(65_535, PAYLOAD.pack(3, 10, 65_535)), Update(131_070, PAYLOAD.pack(3, 10, 1410))],
    ]


def test_segments_become_one_press() -> None:
    one = Rescaler(48_000, 8000)
    assert one.on_packet(PAYLOAD.pack(3, 10, 65_535), 7) == [Update(0, PAYLOAD.pack(3, 10, 10_922))]
    later = 7 + SEGMENT_UNITS
    assert one.on_packet(PAYLOAD.pack(3, 0x8A, 480), later) == [
        Update(0, PAYLOAD.pack(3, 0x8A, 11_002))
    ]
    assert one.began == 7


@given(RATES, RATES, st.lists(st.tuples(st.integers(0, 15), st.integers(40, 9000)), max_size=6))
def test_presses_of_any_length(source: int, target: int, presses: list[tuple[int, int]]) -> None:
    one, heard = Rescaler(source, target), DigitReceiver(target)
    found: list[Press] = []
    clock = 0
    for event, ms in presses:
        total = ms * source // 1000
        for units in [*range(source // 50, total, source // 50), total, total, total]:
            segment, last = divmod(units - 1, SEGMENT_UNITS)
            begin = clock + segment * SEGMENT_UNITS
            flags = 0x8A if units == total else 10
            payload = PAYLOAD.pack(event, flags, last + 1)
            for update in one.on_packet(payload, begin % (1 << 32)):
                stamp = one.began * target // source + update.offset
                found += heard.on_packet(update.payload, stamp, 0.0)
        clock += total + source
    assert "".join(press.digit for press in found) == "".join(
        "0123456789*#ABCD"[event] for event, _ in presses
    )
    for press, (_, ms) in zip(found, presses, strict=True):
        assert abs(press.ms - ms) <= 2


@given(st.lists(st.tuples(st.binary(max_size=8), st.integers(0, (1 << 32) - 1))), RATES, RATES)
def test_garbage(packets: list[tuple[bytes, int]], source: int, target: int) -> None:
    one = Rescaler(source, target)
    for payload, timestamp in packets:
        updates = one.on_packet(payload, timestamp)
        assert len(updates) <= 2
        assert bool(updates) is (len(payload) >= 4)
