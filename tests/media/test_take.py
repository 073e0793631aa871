"""One recording from several sources: channels, pauses, mixing, speech and silence."""

import numpy as np

from media import g711
from media.recording import HOLD_BACK_UNITS, Share, Source
from media.take import BLOCK_UNITS_MAX, Take
from tests.media.test_recording import START, TONE, Peer, leg


def source(take: Take, channel: int) -> Peer:
    made = Source(leg(), START, Share())
    take.channels[channel].append(made)
    return Peer(made)


def rest(take: Take, end: int) -> np.ndarray:
    """Shape (samples, channels)."""
    parts = [
        np.zeros((block.units, len(take.channels)), np.int16)
        if block.data is None
        else np.frombuffer(block.data, np.int16).reshape(-1, len(take.channels))
        for block in take.rest(end)
    ]
    return np.concatenate(parts)


def test_channels_are_aligned_to_the_sample() -> None:
    take = Take(2, 8000)
    left, right = source(take, 0), source(take, 1)
    left.say(50, since=0.02)
    right.say(25, since=0.52)
    sound = rest(take, 8000)
    assert np.array_equal(sound[:, 0], TONE[:8000])
    assert np.array_equal(sound[4000:, 1], TONE[:4000])
    assert not np.any(sound[:4000, 1])


def test_a_pause_is_silence_to_the_sample_and_keeps_nothing() -> None:
    take = Take(2, 8000)
    left, right = source(take, 0), source(take, 1)
    for peer in (left, right):
        peer.say(25, since=0.02)
    take.pause(4100, paused=True)
    for peer in (left, right):
        peer.say(25, since=0.52)
        assert len(peer.source._queue) == 25  # pyright: ignore[reportPrivateUsage]
    take.pause(8100, paused=False)
    for peer in (left, right):
        peer.say(25, since=1.02)
    sound = rest(take, 12_000)
    for channel in (0, 1):
        assert np.array_equal(sound[:4000, channel], TONE[:4000])
        assert not np.any(sound[4100:8100, channel])
        assert np.any(sound[8160:, channel])


def test_two_on_one_channel_are_added_and_limited() -> None:
    take = Take(1, 8000)
    loud = g711.encode(np.full(160, 30_000, np.int16), "PCMU")
    for _ in range(2):
        peer = source(take, 0)
        for n in range(50):
            peer.arrive((n, n * 160, loud), (n + 1) * 0.02)
    assert np.all(rest(take, 8000) == 32_767)


def test_who_is_gone_is_forgotten() -> None:
    take = Take(1, 8000)
    peer = source(take, 0)
    peer.say(10, since=0.02)
    peer.source.gone = True
    _ = rest(take, 8000)
    _ = rest(take, 16_000)
    assert take.channels == ([],)


def test_speech_is_told_from_silence() -> None:
    take = Take(1, 8000, listens=True)
    peer = source(take, 0)
    peer.say(50, since=0.52)
    noise = g711.encode((np.arange(160) % 2 * 100).astype(np.int16), "PCMU")
    for n in range(50):
        peer.arrive((50 + n, (50 + n) * 160, noise), 1.52 + n * 0.02)
    _ = rest(take, 24_000)
    assert (take.spoken, take.silent) == (8000, 12_000)


def test_late_packets_have_their_time_and_long_gaps_come_in_pieces() -> None:
    take = Take(2, 8000)
    assert [block.units for block in take.blocks(HOLD_BACK_UNITS)] == []
    assert [block.units for block in take.blocks(HOLD_BACK_UNITS + 10)] == [10]
    blocks = list(take.rest(BLOCK_UNITS_MAX * 2 + 11))
    assert [block.units for block in blocks] == [BLOCK_UNITS_MAX, BLOCK_UNITS_MAX, 1]
    assert all(block.data is None for block in blocks)
