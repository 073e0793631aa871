import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.dtmf import (
    DIGITS,
    END_LOST_SECONDS,
    PAYLOAD,
    SEND_QUEUE_MAX,
    DigitReceiver,
    DigitSender,
    EventPacket,
    Press,
)

digits = st.text(DIGITS, min_size=1, max_size=12)


def event(digit: str, units: int, *, end: bool = False) -> bytes:
    return PAYLOAD.pack(DIGITS.index(digit), 0x80 if end else 0, units)


def sent(keys: str, **options: int) -> list[tuple[int, EventPacket]]:
    """The packets for `keys`, each with the number of its tick."""
    sender = DigitSender(**options)
    assert sender.add(keys) == len(keys)
    packets: list[tuple[int, EventPacket]] = []
    tick = 0
    while sender.busy:
        packet = sender.on_tick()
        if packet is not None:
            packets.append((tick, packet))
        tick += 1
    return packets


def heard(receiver: DigitReceiver, packets: list[tuple[float, EventPacket]]) -> list[Press]:
    """What comes out, with the clock driven past the last packet."""
    presses: list[Press] = []
    for now, packet in packets:
        deadline = receiver.next_deadline
        if deadline is not None and deadline <= now:
            presses += receiver.on_time(deadline)
        presses += receiver.on_packet(packet.payload, packet.offset, now)
    if receiver.next_deadline is not None:
        presses += receiver.on_time(receiver.next_deadline)
    assert receiver.next_deadline is None
    return presses


def test_packets_of_two_presses() -> None:
    assert sent("1#", press_ms=60, pause_ms=60) == [
        (0, EventPacket(0, True, bytes.fromhex("010a00a0"))),
        (1, EventPacket(0, False, bytes.fromhex("010a0140"))),
        (2, EventPacket(0, False, bytes.fromhex("018a01e0"))),
        (3, EventPacket(0, False, bytes.fromhex("018a01e0"))),
        (4, EventPacket(0, False, bytes.fromhex("018a01e0"))),
        (6, EventPacket(960, True, bytes.fromhex("0b0a00a0"))),
        (7, EventPacket(960, False, bytes.fromhex("0b0a0140"))),
        (8, EventPacket(960, False, bytes.fromhex("0b8a01e0"))),
        (9, EventPacket(960, False, bytes.fromhex("0b8a01e0"))),
        (10, EventPacket(960, False, bytes.fromhex("0b8a01e0"))),
    ]


def test_sender_takes_known_keys_up_to_its_limit() -> None:
    sender = DigitSender()
    assert sender.on_tick() is None
    assert sender.add("1x a!") == 2
    assert sender.add("5" * 100) == SEND_QUEUE_MAX - 2
    assert sender.add("5") == 0


def test_each_run_counts_from_its_own_first_tick() -> None:
    sender = DigitSender(48_000, press_ms=20)
    first = PAYLOAD.pack(7, 0x8A, 960)
    for _ in range(2):
        assert sender.add("7") == 1
        assert sender.on_tick() == EventPacket(0, True, first)
        while sender.busy:
            _ = sender.on_tick()


def test_cleared_sender_begins_anew() -> None:
    sender = DigitSender()
    assert sender.add("12") == 2
    first = sender.on_tick()
    sender.clear()
    assert not sender.busy
    assert sender.on_tick() is None
    assert sender.add("1") == 1
    assert sender.on_tick() == first


def test_keys_added_while_busy_follow_the_others() -> None:
    sender = DigitSender(press_ms=20, pause_ms=60)
    assert sender.add("1") == 1
    packets = [sender.on_tick()]
    assert sender.add("2") == 1
    while sender.busy:
        packets.append(sender.on_tick())
    assert [p.offset for p in packets if p is not None and p.marker] == [0, 4 * 160]


def test_a_press_is_reported_at_its_first_end_packet() -> None:
    receiver = DigitReceiver()
    assert receiver.on_packet(event("5", 160), 8000, 1.0) == []
    assert receiver.next_deadline == 1.0 + END_LOST_SECONDS
    assert receiver.on_packet(event("5", 800), 8000, 1.08) == []
    assert receiver.on_packet(event("5", 960, end=True), 8000, 1.1) == [Press("5", 120)]
    assert receiver.next_deadline is None
    assert receiver.on_packet(event("5", 960, end=True), 8000, 1.12) == []
    assert receiver.on_packet(event("5", 320), 8000, 1.13) == []
    assert receiver.on_time(9.0) == []


def test_lost_end_is_noticed_by_time() -> None:
    receiver = DigitReceiver()
    assert receiver.on_packet(event("5", 160), 8000, 1.0) == []
    assert receiver.on_packet(event("5", 480), 8000, 1.04) == []
    assert receiver.on_time(1.2) == []
    assert receiver.on_time(1.04 + END_LOST_SECONDS) == [Press("5", 60)]
    assert receiver.on_packet(event("5", 1600, end=True), 8000, 1.3) == []


def test_lost_end_is_noticed_by_the_next_press() -> None:
    receiver = DigitReceiver()
    assert receiver.on_packet(event("5", 480), 8000, 1.0) == []
    assert receiver.on_packet(event("5", 160), 9600, 1.1) == [Press("5", 60)]
    assert receiver.on_packet(event("5", 640, end=True), 8000, 1.11) == []
    assert receiver.on_packet(event("5", 320, end=True), 9600, 1.12) == [Press("5", 40)]


def test_a_press_overtaken_by_the_next_is_still_one() -> None:
    receiver = DigitReceiver()
    assert receiver.on_packet(event("2", 160), 9600, 1.0) == []
    assert receiver.on_packet(event("1", 800, end=True), 8000, 1.01) == [Press("1", 100)]
    assert receiver.on_packet(event("1", 800, end=True), 8000, 1.02) == []
    assert receiver.on_packet(event("2", 800, end=True), 9600, 1.03) == [Press("2", 100)]


def test_all_that_is_left_of_a_press_is_one_end_packet() -> None:
    receiver = DigitReceiver()
    assert receiver.on_packet(event("*", 800, end=True), 0, 0.0) == [Press("*", 100)]


def test_gateway_that_never_moves_the_timestamp() -> None:
    receiver = DigitReceiver()
    assert receiver.on_packet(event("1", 800, end=True), 0, 0.0) == [Press("1", 100)]
    assert receiver.on_packet(event("2", 800, end=True), 0, 0.2) == [Press("2", 100)]


def test_a_press_of_several_segments_is_one() -> None:
    """RFC 4733 §2.5.1.3: the 16-bit duration is full after 8.2 s."""
    receiver = DigitReceiver()
    start = 2**32 - 100
    assert receiver.on_packet(event("9", 0xFFFF), start, 8.0) == []
    assert receiver.on_packet(event("9", 160), (start + 0xFFFF) % 2**32, 8.02) == []
    assert receiver.on_packet(event("9", 0xFFFF), start, 8.03) == []  # late
    last = event("9", 8000, end=True)
    assert receiver.on_packet(last, (start + 0xFFFF) % 2**32, 9.0) == [Press("9", 9191)]


def test_next_segment_of_a_press_given_up_is_no_new_press() -> None:
    receiver = DigitReceiver()
    assert receiver.on_packet(event("9", 0xFFFF), 0, 0.0) == []
    assert receiver.on_time(1.0) == [Press("9", 8191)]
    assert receiver.on_packet(event("9", 800, end=True), 0xFFFF, 1.1) == []
    assert receiver.on_packet(event("9", 800, end=True), 2 * 0xFFFF, 1.2) == []


@pytest.mark.parametrize("payload", [b"", b"\1\2\3", b"\x10\x80\0\0", b"\xff\x80\0\0"])
def test_what_is_no_digit_is_ignored(payload: bytes) -> None:
    receiver = DigitReceiver()
    assert receiver.on_packet(payload, 0, 0.0) == []
    assert receiver.next_deadline is None


@given(digits, st.sampled_from((8000, 48_000)), st.integers(20, 300), st.integers(0, 300))
def test_what_is_sent_is_heard(keys: str, rate: int, press_ms: int, pause_ms: int) -> None:
    packets = sent(keys, clock_rate=rate, press_ms=press_ms, pause_ms=pause_ms)
    ms = -(-press_ms // 20) * 20
    timed = [(0.02 * tick, packet) for tick, packet in packets]
    assert heard(DigitReceiver(rate), timed) == [Press(key, ms) for key in keys]


@given(digits, st.randoms(use_true_random=False))
def test_each_press_once_under_loss_duplication_and_reordering(
    keys: str, dice: random.Random
) -> None:
    """5 % lost, 5 % doubled, delays of up to 60 ms, so that packets overtake each other."""
    arrivals: list[tuple[float, EventPacket]] = []
    alive: set[int] = set()
    for tick, packet in sent(keys):
        for _ in range(2 if dice.random() < 0.05 else 1):
            if dice.random() >= 0.05:
                arrivals.append((0.02 * tick + dice.uniform(0, 0.06), packet))
                alive.add(packet.offset)
    arrivals.sort(key=lambda arrival: arrival[0])
    presses = heard(DigitReceiver(), arrivals)
    starts = sorted({packet.offset for _, packet in sent(keys)})
    assert [press.digit for press in presses] == [
        key for key, start in zip(keys, starts, strict=True) if start in alive
    ]


@given(st.lists(st.tuples(st.binary(max_size=6), st.integers(0, 2**32 - 1), st.floats(0, 1))))
def test_any_packets(packets: list[tuple[bytes, int, float]]) -> None:
    receiver = DigitReceiver()
    now = 0.0
    seen: set[tuple[int, int]] = set()
    presses = 0
    for payload, timestamp, later in packets:
        now += later
        presses += len(receiver.on_time(now))
        presses += len(receiver.on_packet(payload, timestamp, now))
        seen.add((timestamp, payload[0] if payload else 0))
    presses += len(receiver.on_time(now + 1))
    assert presses <= len(packets)
    assert receiver.next_deadline is None
