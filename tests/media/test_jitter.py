"""The jitter buffer: packets in any order and time in, one piece a tick out."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.jitter import WAIT_MAX_SECONDS, Hole, Jitter, Merged, Piece

FRAME = 160
TICK = 0.02
LOST, SILENT = Hole.LOST, Hole.SILENT


def payload(number: int) -> bytes:
    return number.to_bytes(4) * 40


def number(piece: Piece) -> int | Piece:
    return int.from_bytes(piece[:4]) if isinstance(piece, bytes) else piece


def play(
    packets: Iterable[tuple[float, int]],
    ticks: int,
    *,
    jitter: Jitter | None = None,
    begin: float = 0.005,
    seq: int = 65_530,
    timestamp: int = 0xFFFF_FE00,
) -> list[int | Piece]:
    """`packets`: (when, which). The numbers run over on the way."""
    jitter = jitter or Jitter()
    waiting = sorted(packets)
    pieces: list[int | Piece] = []
    for tick in range(ticks):
        now = begin + tick * TICK
        while waiting and waiting[0][0] <= now:
            at, which = waiting.pop(0)
            stamp = (timestamp + which * FRAME) & 0xFFFF_FFFF
            jitter.put((seq + which) & 0xFFFF, stamp, payload(which), at)
        pieces.append(number(jitter.take(now)))
    return pieces


def steady(count: int) -> list[tuple[float, int]]:
    return [(n * TICK, n) for n in range(count)]


def sound(pieces: list[int | Piece]) -> list[int]:
    return [piece for piece in pieces if isinstance(piece, int)]


def test_what_comes_steadily_leaves_steadily_and_soon() -> None:
    assert play(steady(6), 12) == [
        SILENT,
        *range(6),
        *(LOST, LOST, LOST),  # It may only be late.
        *(SILENT, SILENT),
    ]


def test_disorder_and_duplicates_are_put_right() -> None:
    jitter = Jitter()
    order = [0, 2, 1, 1, 4, 3, 3, 0, 5]
    for at, which in enumerate(order):
        jitter.put(which, which * FRAME, payload(which), at / 1000)
    assert [number(jitter.take(0.1 + n * TICK)) for n in range(6)] == list(range(6))
    assert (jitter.duplicates, jitter.late, jitter.lost) == (3, 0, 0)


def test_one_lost_packet_is_one_piece_made_up() -> None:
    pieces = play([p for p in steady(50) if p[1] not in (20, 33, 41, 42)], 55)
    assert pieces[: pieces.index(49) + 1] == [
        SILENT,
        *range(20),
        LOST,
        *range(21, 33),
        LOST,
        *range(34, 41),
        *(LOST, LOST),
        *range(43, 50),
    ]


def test_late_packets_are_waited_for_from_then_on() -> None:
    packets = [(n * TICK + (0.05 if n % 10 == 5 else 0.0), n) for n in range(200)]
    pieces = play(packets, 210)
    assert sound(pieces[40:]) == list(range(sound(pieces[40:])[0], 200))
    assert pieces[40:203].count(LOST) <= 1


def test_a_pause_is_silence_and_no_loss() -> None:
    jitter = Jitter()
    packets = [(0.0, 0), (0.02, 1), (0.2, 10), (0.22, 11)]
    waiting = list(packets)
    pieces: list[int | Piece] = []
    for tick in range(16):
        now = 0.005 + tick * TICK
        while waiting and waiting[0][0] <= now:
            at, which = waiting.pop(0)
            jitter.put(packets.index((at, which)), which * FRAME, payload(which), at)
        pieces.append(number(jitter.take(now)))
    assert sound(pieces) == [0, 1, 10, 11]
    assert jitter.lost == 0
    assert pieces[6:10] == [SILENT] * 4


def test_comfort_noise_ends_the_sound_at_once() -> None:
    jitter = Jitter()
    jitter.put(1, 0, payload(1), 0.0)
    jitter.put(2, 160, b"", 0.0)
    assert [number(jitter.take(0.01 + n * TICK)) for n in range(3)] == [1, SILENT, SILENT]


def test_another_stream_goes_on_where_the_old_one_ended() -> None:
    """Another SSRC, timestamps anywhere: as when a phone transfers its sound to a bridge."""
    jitter = Jitter()
    first = play(steady(20), 20, jitter=jitter)
    second = play(
        [(0.4 + at, which) for at, which in steady(20)],
        24,
        jitter=jitter,
        begin=0.405,
        seq=12,
        timestamp=99_000,
    )
    assert [*sound(first), *sound(second)] == [*range(20), *range(20)]
    assert LOST not in (first + second)[1:40]


def test_a_stream_that_begins_anew_a_little_behind_is_heard_soon() -> None:
    jitter = Jitter()
    _ = play(steady(40), 40, jitter=jitter)
    again = play([(0.8 + at, n) for at, n in steady(40)], 40, jitter=jitter, begin=0.805)
    assert sound(again) == [39, *range(10, 39)]


@pytest.mark.parametrize("drift", [0.001, -0.001])
def test_a_clock_that_is_fast_or_slow_is_followed(drift: float) -> None:
    jitter = Jitter()
    waits: list[float] = []
    made_up = merged = 0
    sent, count = 0, 6000
    for tick in range(count):
        now = 0.005 + tick * TICK
        while sent * TICK * (1 + drift) <= now:
            jitter.put(sent & 0xFFFF, sent * FRAME, payload(sent), sent * TICK * (1 + drift))
            sent += 1
        piece = jitter.take(now)
        if isinstance(piece, bytes):
            waits.append(now - int(number(piece)) * TICK * (1 + drift))  # type: ignore[arg-type]
        made_up += piece is LOST
        merged += isinstance(piece, Merged)
    assert max(waits) < 0.07
    assert made_up + merged <= 10  # Six frames are between the clocks after two minutes.


def test_packets_of_other_lengths() -> None:
    jitter = Jitter()
    for n in range(4):
        jitter.put(n, n * 320, bytes((n,)) * 320, n * 0.04)
    taken = [jitter.take(0.2) for _ in range(4)]
    assert taken == [bytes((n,)) * 320 for n in range(4)]


def test_nothing_waits_longer_than_anybody_could_bear() -> None:
    jitter = Jitter()
    for n in range(40):  # A network that was stuck for 800 ms.
        jitter.put(n, n * FRAME, payload(n), 0.8)
    now, pieces = 0.82, [number(jitter.take(0.82))]
    while not jitter.silent and now < 5:
        now += TICK
        pieces.append(number(jitter.take(now)))
    assert len([piece for piece in pieces if isinstance(piece, Merged)]) > 5
    assert now < 0.82 + 40 * TICK


@given(
    st.lists(
        st.tuples(
            st.integers(0, 65_535),
            st.integers(0, 0xFFFF_FFFF),
            st.binary(max_size=200),
            st.floats(0, 0.1),
            st.booleans(),
        ),
        max_size=200,
    )
)
def test_anything_may_come(packets: list[tuple[int, int, bytes, float, bool]]) -> None:
    jitter, now = Jitter(), 0.0
    for seq, timestamp, data, later, take in packets:
        jitter.put(seq, timestamp, data, now)
        now += later
        if take:
            piece = jitter.take(now)
            assert isinstance(piece, bytes | Merged | Hole)
    assert jitter.wait_seconds <= WAIT_MAX_SECONDS


@given(
    st.lists(st.floats(0, 0.06), min_size=60, max_size=120),
    st.sets(st.integers(0, 119), max_size=8),
    st.sets(st.integers(0, 119), max_size=20),
)
def test_everything_is_played_in_order_and_once(
    delays: list[float], lost: set[int], twice: set[int]
) -> None:
    packets = [(n * TICK + delay, n) for n, delay in enumerate(delays) if n not in lost]
    packets += [(at + 0.001, n) for at, n in packets if n in twice]
    jitter = Jitter()
    played = sound(play(packets, len(delays) + 20, jitter=jitter))
    assert played == sorted(set(played))
    came = len(delays) - len({n for n in lost if n < len(delays)})
    assert len(played) + jitter.late >= came - 8  # Some are merged with others.


def state(jitter: Jitter) -> dict[str, object]:
    return {name: getattr(jitter, name) for name in Jitter.__slots__ if name != "_units_of"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["next"] * 8 + ["lost", "pause", "again", "odd", "anew", "noise"]),
            st.floats(0, 0.025),
        ),
        max_size=250,
    ),
    st.integers(0, 0xFFFF_FFFF),
)
def test_in_one_step_is_as_in_two(packets: list[tuple[str, float]], begin: int) -> None:
    """To the last bit, whatever comes."""
    one, two = Jitter(), Jitter()
    seq, timestamp, now = 65_500, begin, 5.0
    for kind, after in packets:
        size = {"odd": 80, "noise": 0}.get(kind, FRAME)
        if kind != "again":
            steps = {"lost": 2, "pause": 9, "anew": 1_000_000}.get(kind, 1)
            seq = (seq + (2 if kind == "lost" else 1)) & 0xFFFF
            timestamp = (timestamp + steps * FRAME) & 0xFFFF_FFFF
        now += TICK
        data = payload(seq)[:size]
        two.put(seq, timestamp, data, now - after)
        assert one.put_and_take(seq, timestamp, data, now - after, now) == two.take(now)
        assert state(one) == state(two)
