"""Packets with all that networks do to them, and where their sound is in the recording."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import g711
from media.codecs import Pcm
from media.recording import (
    HOLD_BACK_UNITS,
    PACKET_UNITS_MAX,
    QUEUE_PACKETS_MAX,
    Share,
    Source,
    opus_units,
    rate_for,
)
from media.relay import Leg

START = 1000.0
PACKET = 160
TONE: Pcm = g711.decode(
    g711.encode(
        (8000 * np.sin(2 * np.pi * 440 / 8000 * np.arange(800_000))).astype(np.int16), "PCMU"
    ),
    "PCMU",
)
"""What 100 seconds of 440 Hz are after µ-law."""


def leg(codec: str = "PCMU", payload_type: int = 0) -> Leg:
    made = Leg()
    made.codec, made.payload_type = codec, payload_type
    return made


class Peer:
    """Says the tone; its packets reach the source when the test says so."""

    def __init__(self, source: Source | None = None, *, timestamp: int = 0, seq: int = 0) -> None:
        self.source = source or Source(leg(), START, Share())
        self.timestamp, self.seq = timestamp, seq
        self.said = 0  # Packets.

    def packet(self) -> tuple[int, int, bytes]:
        sound = TONE[self.said * PACKET : (self.said + 1) * PACKET]
        made = (
            (self.seq + self.said) & 0xFFFF,
            (self.timestamp + self.said * PACKET) & 0xFFFF_FFFF,
            g711.encode(sound, "PCMU"),
        )
        self.said += 1
        return made

    def arrive(self, packet: tuple[int, int, bytes], at: float) -> None:
        self.source.on_packet(0, *packet, START + at)

    def say(self, packets: int, since: float) -> None:
        """One every 20 ms; the first one is complete, and here, at `since`."""
        for number in range(packets):
            self.arrive(self.packet(), since + number * 0.02)


def same(block: Pcm | None, *parts: Pcm | int) -> None:
    """Sound, and numbers of silent samples."""
    wanted = np.concatenate(
        [np.zeros(part, np.int16) if isinstance(part, int) else part for part in parts]
    )
    assert block is not None
    assert len(block) == len(wanted)
    assert np.array_equal(block, wanted), np.flatnonzero(block != wanted)[:10]


def test_sound_is_where_it_came() -> None:
    peer = Peer()
    peer.say(50, since=1.0)
    same(peer.source.read(0, 16_000), 8000 - PACKET, TONE[:8000], PACKET)


def test_nothing_said_is_silence() -> None:
    assert Peer().source.read(0, 8000) is None


def test_blocks_of_any_length_give_the_same() -> None:
    peer = Peer()
    peer.say(100, since=0.02)
    edges = [0, 1, 100, 160, 161, 1000, 7999, 15_000, 16_000]
    blocks = [peer.source.read(a, b) for a, b in pairwise(edges)]
    same(np.concatenate([block for block in blocks if block is not None]), TONE[:16_000])


def test_what_comes_later_joins_without_a_seam() -> None:
    peer = Peer()
    parts: list[Pcm] = []
    for second in range(20):
        peer.say(50, since=second + 0.02)
        block = peer.source.read(second * 8000, (second + 1) * 8000)
        assert block is not None
        parts.append(block)
    same(np.concatenate(parts), TONE[:160_000])


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.integers(0, 2**32), st.lists(st.floats(0, 0.2), min_size=150, max_size=150))
def test_jitter_and_disorder_move_nothing(seed: int, delays: list[float]) -> None:
    peer = Peer(timestamp=seed % 2**32, seq=seed % 2**16)
    delays[0] = 0.0  # So that we know where it must be.
    sent = [((n + 1) * 0.02 + delay, peer.packet()) for n, delay in enumerate(delays)]
    parts: list[Pcm] = []
    arrived = sorted(sent)
    for end in range(2000, 24_001, 2000):
        now = (end + HOLD_BACK_UNITS) / 8000
        while arrived and arrived[0][0] <= now:
            at, packet = arrived.pop(0)
            peer.arrive(packet, at)
        block = peer.source.read(end - 2000, end)
        assert block is not None
        parts.append(block)
    same(np.concatenate(parts), TONE[:24_000])
    assert peer.source.late == 0


def test_duplicates_are_heard_once() -> None:
    peer = Peer()
    for n in range(100):
        packet = peer.packet()
        peer.arrive(packet, 0.02 + n * 0.02)
        peer.arrive(packet, 0.02 + n * 0.02)
    same(peer.source.read(0, 16_000), TONE[:16_000])
    assert peer.source.late == 100


def test_three_percent_loss_is_concealed_in_place() -> None:
    rng, peer = Random(3), Peer()
    lost: list[int] = []
    for n in range(500):
        packet = peer.packet()
        if n > 5 and rng.random() < 0.03:
            lost.append(n)
        else:
            peer.arrive(packet, 0.02 + n * 0.02)
    assert len(lost) > 10
    block = peer.source.read(0, 80_000)
    assert block is not None
    assert len(block) == 80_000
    for n in range(500):
        here = slice(n * PACKET, (n + 1) * PACKET)
        if n in lost:
            assert np.abs(block[here].astype(int)).max() > 4000, n  # The tone goes on.
        elif n - 1 not in lost:  # Where it begins again, the seam is blended.
            assert np.array_equal(block[here], TONE[here]), n
    wave = block.astype(float)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    near = spectrum[4350:4451].sum() / spectrum.sum()  # 10 s: a tenth of a hertz each.
    assert near > 0.99


def test_a_pause_of_the_speaker_is_silence() -> None:
    """No packets, and the next sequence number: not loss (RFC 3551 §4.1)."""
    peer = Peer()
    peer.say(50, since=0.02)
    peer.timestamp += 8000
    peer.say(50, since=2.02)
    same(peer.source.read(0, 24_000), TONE[:8000], 8000, TONE[8000:16_000])


def test_a_clock_that_stood_still_on_hold_is_put_where_it_came() -> None:
    peer = Peer()
    peer.say(50, since=0.02)
    peer.say(50, since=3.02)
    same(peer.source.read(0, 32_000), TONE[:8000], 16_000, TONE[8000:16_000])


def test_a_burst_after_a_stall_is_where_it_was_said() -> None:
    """What the stall held back is said to be late by its clock: the last of it says the truth."""
    peer = Peer()
    peer.say(50, since=0.02)
    for _ in range(50):
        peer.arrive(peer.packet(), 2.0)
    peer.say(50, since=2.02)
    same(peer.source.read(0, 24_000), TONE[:24_000])


def test_another_sender_goes_on_in_time() -> None:
    """A new SSRC has a clock and a sequence of its own (RFC 3550 §8)."""
    peer = Peer(timestamp=2**32 - 900)
    peer.say(50, since=0.02)
    other = Peer(peer.source, timestamp=1_234_567, seq=60_000)
    other.said = 50
    other.say(50, since=1.02)
    same(peer.source.read(0, 16_000), TONE[:16_000])


@pytest.mark.parametrize("lost", [1, 255, 256, 1000])
def test_numbers_run_over_and_what_is_lost_keeps_its_place(lost: int) -> None:
    """All that came between two blocks is looked at in one go: 256 lost packets are seen, too."""
    peer = Peer(timestamp=2**32 - 10 * PACKET, seq=2**16 - 5)
    packets = [peer.packet() for _ in range(60 + lost)]
    for n in (*range(30), *range(30 + lost, 60 + lost)):
        peer.arrive(packets[n], (n + 1) * 0.02)
        if n == 5:
            same(peer.source.read(0, 10), TONE[:10])
    rest = peer.source.read(10, (60 + lost) * PACKET)
    assert rest is not None
    block = np.concatenate([TONE[:10], rest])
    after = (30 + lost) * PACKET
    assert np.array_equal(block[: 30 * PACKET], TONE[: 30 * PACKET])
    assert np.array_equal(block[after + PACKET :], TONE[after + PACKET : (60 + lost) * PACKET])
    assert not np.any(block[34 * PACKET : after])  # What is made up has faded out.
    assert peer.source.late == 0


def test_two_that_change_places_among_many() -> None:
    peer = Peer()
    packets = [peer.packet() for _ in range(50)]
    packets[20], packets[21] = packets[21], packets[20]
    for n, packet in enumerate(packets):
        peer.arrive(packet, (22 if n == 20 else n + 1) * 0.02)
        if n == 5:
            same(peer.source.read(0, 10), TONE[:10])
    same(peer.source.read(10, 8000), TONE[10:8000])
    assert peer.source.late == 0


def test_a_short_pause_and_a_clock_that_stood_still_among_many() -> None:
    """Each in one block, after another one."""
    peer = Peer()
    peer.say(10, since=0.02)
    same(peer.source.read(0, 10), TONE[:10])
    peer.say(10, since=0.22)
    peer.timestamp += 1600
    peer.say(10, since=0.62)
    same(peer.source.read(10, 6400), TONE[10:3200], 1600, TONE[3200:4800])
    peer.say(10, since=0.82)
    peer.say(10, since=2.02)
    same(peer.source.read(6400, 17_600), TONE[4800:6400], 8000, TONE[6400:8000])


def test_packets_of_another_length_in_the_middle() -> None:
    peer, n = Peer(), 0
    for length in (*[160] * 8, 80, 80, 240, 160, 160):
        sound = g711.encode(TONE[n : n + length], "PCMU")
        n += length
        peer.arrive((n // 80, n - length, sound), n / 8000)
        if n == 800:
            same(peer.source.read(0, 10), TONE[:10])
    same(peer.source.read(10, n), TONE[10:n])


def test_a_delayed_first_packet_does_not_move_the_rest() -> None:
    peer = Peer()
    peer.arrive(peer.packet(), 0.10)
    peer.say(99, since=0.04)
    same(peer.source.read(0, 16_000), TONE[:16_000])


@pytest.mark.parametrize("parts_per_million", [100, -100])
def test_another_clock_is_followed(parts_per_million: int) -> None:
    """A tenth of a second in a quarter of an hour: never more than 10 ms off."""
    peer, end = Peer(), 0
    tick = 0.02 * (1 + parts_per_million / 1e6)
    for second in range(900):
        for _ in range(50):
            peer.said = peer.said % 4000
            sound = peer.packet()[2]
            n = second * 50 + _
            peer.source.on_packet(0, n & 0xFFFF, n * PACKET, sound, START + 0.02 + n * tick)
        end = int(50 * (second + 1) * tick * 8000) - 400
        _ = peer.source.read(max(0, end - 8000), end)
    late = peer.source._late  # pyright: ignore[reportPrivateUsage]
    assert abs(late) < 80
    assert peer.source.late == 0


def test_too_late_is_silence() -> None:
    peer = Peer()
    packets = [peer.packet() for _ in range(50)]
    for n in range(50):
        if n != 10:
            peer.arrive(packets[n], 0.02 + n * 0.02)
    first = peer.source.read(0, 8000)
    peer.arrive(packets[10], 1.5)
    assert peer.source.read(8000, 16_000) is None
    assert first is not None
    assert peer.source.late == 1


def test_another_law_in_the_middle() -> None:
    peer = Peer()
    peer.say(50, since=0.02)
    for n in range(50, 100):
        seq, timestamp, _ = peer.packet()
        sound = g711.encode(TONE[n * PACKET : (n + 1) * PACKET], "PCMA")
        peer.source.on_packet(8, seq, timestamp, sound, START + 0.02 + n * 0.02)
    alaw = g711.decode(g711.encode(TONE[8000:16_000], "PCMA"), "PCMA")
    same(peer.source.read(0, 16_000), TONE[:8000], alaw)


def test_noise_and_unknown_types_are_not_sound() -> None:
    source = Source(leg(), START, Share())
    for payload_type in (13, 96, 127):
        source.on_packet(payload_type, 1, 1, b"\x00" * 160, START)
    source.on_packet(0, 1, 1, b"", START)
    source.on_packet(0, 1, 1, bytes(PACKET_UNITS_MAX + 1), START)
    assert source.read(0, 8000) is None


def test_a_full_queue_is_counted_and_becomes_silence() -> None:
    peer = Peer()
    peer.say(QUEUE_PACKETS_MAX + 100, since=0.02)
    assert peer.source.dropped == 100
    end = QUEUE_PACKETS_MAX * PACKET
    same(peer.source.read(0, end + 16_000), TONE[:end], 16_000)


def test_many_recordings_share_the_memory() -> None:
    share = Share()
    share.add(1000)
    assert share.packets == 100
    share.add(1_000_000)
    assert share.packets == 50
    share.add(-1_001_000)
    assert share.packets == QUEUE_PACKETS_MAX


def test_wide_band() -> None:
    from media.codecs import encoder

    tone = (8000 * np.sin(2 * np.pi * 440 / 16_000 * np.arange(32_000))).astype(np.int16)
    encode = encoder("G722").encode
    source = Source(leg("G722", 9), START, Share(), rate=16_000)
    narrow = Source(leg("G722", 9), START, Share(), rate=8000)
    for n in range(100):
        payload = encode(tone[n * 320 : (n + 1) * 320])
        for one in (source, narrow):
            one.on_packet(9, n, n * PACKET, payload, START + 0.02 + n * 0.02)
    wide, low = source.read(0, 16_000), narrow.read(0, 16_000)
    assert wide is not None
    assert low is not None
    assert (len(wide), len(low)) == (32_000, 16_000)
    for block, rate in ((wide, 16_000), (low, 8000)):
        spectrum = np.abs(np.fft.rfft(block.astype(float) * np.hanning(len(block)))) ** 2
        peak = int(np.argmax(spectrum)) * rate / len(block)
        assert peak == 440
        assert spectrum[870:891].sum() / spectrum.sum() > 0.99


def test_the_rate_of_a_file() -> None:
    assert rate_for("PCMU", "PCMA") == 8000
    assert rate_for("PCMU", "G722") == 16_000
    assert rate_for("") == 8000


@given(st.binary(max_size=4))
def test_any_opus_packet_has_a_length(payload: bytes) -> None:
    assert 0 <= opus_units(payload) <= 480 * 63


def test_opus_packets_as_the_rfc_has_them() -> None:
    # RFC 6716 §3.1: SILK 20 ms, hybrid 20 ms, CELT 20 ms; two frames; three of 20 ms.
    assert [opus_units(bytes((config << 3, 0))) for config in (1, 13, 31)] == [160, 160, 160]
    assert opus_units(bytes((31 << 3 | 1, 0))) == 320
    assert opus_units(bytes((31 << 3 | 3, 3))) == 480
    assert opus_units(bytes((16 << 3,))) == 20


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 8, 13, 101]),
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFF_FFFF),
            st.binary(max_size=400),
            st.floats(0, 3),
        ),
        max_size=50,
    )
)
def test_whatever_comes_the_length_is_right(
    packets: list[tuple[int, int, int, bytes, float]],
) -> None:
    source = Source(leg(), START, Share())
    packets.sort(key=lambda packet: packet[4])
    for end in range(4000, 32_001, 4000):
        while packets and packets[0][4] * 8000 <= end:
            payload_type, seq, timestamp, payload, at = packets.pop(0)
            source.on_packet(payload_type, seq, timestamp, payload, START + at)
        block = source.read(end - 4000, end)
        assert block is None or len(block) == 4000
