from hypothesis import given
from hypothesis import strategies as st

from media import rtp
from media.player import (
    CATCH_UP_TICKS,
    RESUME_POINTS_MAX,
    TICK_SECONDS,
    Ended,
    Frames,
    Player,
    Playlist,
    Schedule,
    Stream,
)

ONE: Frames = tuple(b"a%d" % n for n in range(3))
TWO: Frames = tuple(b"b%d" % n for n in range(2))
SOUNDS = {"one": ONE, "two": TWO}


def start(playlist: Playlist, *files: str, repeat: bool = False, resume: bool = False) -> None:
    _ = playlist.start(1, files, repeat=repeat, resume=resume)
    for file in files:
        if file in SOUNDS:
            assert playlist.supply(file, SOUNDS[file]) is None


def play(playlist: Playlist, count: int) -> list[bytes | None]:
    return [playlist.next_frame()[0] for _ in range(count)]


def test_files_follow_each_other_and_the_end_comes_with_the_last_frame() -> None:
    playlist = Playlist()
    start(playlist, "one", "two")
    steps = [playlist.next_frame() for _ in range(6)]
    assert [frame for frame, _ in steps] == [*ONE, *TWO, None]
    assert [ended for _, ended in steps] == [None] * 4 + [Ended(1, True, ""), None]


def test_repeat_begins_with_the_first_again() -> None:
    playlist = Playlist()
    start(playlist, "one", "two", repeat=True)
    assert play(playlist, 8) == [*ONE, *TWO, *ONE]


def test_a_file_goes_on_where_it_was_left() -> None:
    playlist = Playlist()
    start(playlist, "one", repeat=True, resume=True)
    assert play(playlist, 2) == [*ONE[:2]]
    start(playlist, "two")  # An announcement.
    assert play(playlist, 2) == [*TWO]
    start(playlist, "one", repeat=True, resume=True)
    assert play(playlist, 2) == [ONE[2], ONE[0]]
    start(playlist, "one")  # Not asked for: from the beginning.
    assert play(playlist, 3) == [*ONE]
    start(playlist, "one", resume=True)
    assert play(playlist, 3) == [*ONE]


def test_a_list_goes_on_in_the_file_where_it_was_left() -> None:
    playlist = Playlist()
    start(playlist, "one", "two", repeat=True, resume=True)
    assert play(playlist, 4) == [*ONE, TWO[0]]
    assert playlist.stop() == Ended(1, False, "")
    start(playlist, "one", "two", repeat=True, resume=True)
    assert play(playlist, 2) == [TWO[1], ONE[0]]


def test_a_file_is_resumed_inside_a_list() -> None:
    playlist = Playlist()
    start(playlist, "one", repeat=True, resume=True)
    assert play(playlist, 1) == [ONE[0]]
    start(playlist, "two", "one", resume=True)
    assert play(playlist, 4) == [*TWO, *ONE[1:]]


def test_a_broken_file_is_skipped_and_told_at_the_end() -> None:
    playlist = Playlist()
    start(playlist, "bad", "two")
    assert playlist.supply("bad", (), "bad: no such file") is None
    assert playlist.next_frame() == (TWO[0], None)
    assert playlist.next_frame() == (TWO[1], Ended(1, True, "bad: no such file"))


def test_a_list_of_broken_files_ends_at_once() -> None:
    playlist = Playlist()
    start(playlist, "bad", "worse", repeat=True)
    assert playlist.supply("worse", (), "worse: broken") is None
    assert playlist.supply("bad", ()) == Ended(1, False, "no sound in bad")
    assert playlist.play is None


def test_it_waits_for_a_sound_that_is_not_there_yet() -> None:
    playlist = Playlist()
    start(playlist, "later")
    assert playlist.next_frame() == (None, None)
    assert playlist.supply("later", ONE) is None
    assert playlist.next_frame() == (ONE[0], None)
    assert playlist.supply("other", TWO) is None  # Of a list before.


STEPS = st.one_of(
    st.tuples(
        st.just("start"),
        st.lists(st.sampled_from(["one", "two", "bad"]), min_size=1, max_size=4),
        st.booleans(),
        st.booleans(),
    ),
    st.tuples(st.sampled_from(["frame", "stop", "supply", "forget"])),
)


@given(st.lists(STEPS, max_size=60))
def test_every_play_ends_exactly_once(steps: list[tuple[object, ...]]) -> None:
    playlist = Playlist()
    started, ends = 0, list[Ended | None]()
    for step in steps:
        match step:
            case ("start", list(files), bool(repeat), bool(resume)):
                started += 1
                names = tuple(str(file) for file in files)  # pyright: ignore
                ends.append(playlist.start(started, names, repeat=repeat, resume=resume))
            case ("frame",):
                ends.append(playlist.next_frame()[1])
            case ("stop",):
                ends.append(playlist.stop())
            case ("forget",):
                playlist.forget_frames()
            case _:
                for file in playlist.files:
                    ends.append(playlist.supply(file, SOUNDS.get(file, ())))
    ends.append(playlist.stop())
    told = [ended.play for ended in ends if ended is not None]
    assert told == list(range(1, started + 1))


def test_places_remembered_are_limited() -> None:
    playlist = Playlist()
    for n in range(3 * RESUME_POINTS_MAX):
        _ = playlist.start(n, (f"f{n}",), repeat=False, resume=True)
        _ = playlist.supply(f"f{n}", ONE)
        _ = playlist.next_frame()
    _ = playlist.stop()
    assert len(playlist._left) == RESUME_POINTS_MAX


def test_a_stream_goes_on_through_silence() -> None:
    """Sequence without a gap, timestamp with the clock, marker after every pause."""
    stream = Stream(ssrc=9, seq=65_534, timestamp=(1 << 32) - 200)
    packets = [stream.packet(0, b"x", tick) for tick in (1, 2, 3, 50, 51)]
    headers = [rtp.unpack(packet) for packet in packets]
    assert [header.seq for header in headers] == [65_534, 65_535, 0, 1, 2]
    assert [header.marker for header in headers] == [True, False, False, True, False]
    stamps = [(header.timestamp + 200) % (1 << 32) for header in headers]
    assert stamps == [160, 320, 480, 8000, 8160]
    assert {header.ssrc for header in headers} == {9}
    assert (stream.packets, stream.octets) == (5, 5)


def test_a_key_interrupts_the_sound() -> None:
    player = Player(Stream(ssrc=9, seq=0, timestamp=0))
    start(player.playlist, "one", repeat=True)
    first, _ = player.on_tick(1, 0, 101)
    assert first is not None
    assert player.press("5x", 2) == 1
    packets = [player.on_tick(tick, 0, 101)[0] for tick in range(2, 14)]
    headers = [rtp.unpack(packet) for packet in packets if packet is not None]
    assert [header.payload_type for header in headers] == [101] * 7 + [0] * 5
    assert {header.timestamp for header in headers[:7]} == {320}
    assert [header.marker for header in headers[:8]] == [True] + [False] * 7
    assert [header.seq for header in headers] == list(range(1, 13))
    assert not player.keys.busy
    assert player.busy


def test_keys_can_be_forgotten() -> None:
    player = Player(Stream(ssrc=9, seq=0, timestamp=0))
    assert player.press("123", 1) == 3
    player.forget_keys()
    assert not player.busy
    assert player.on_tick(1, 0, 101) == (None, None)


def test_ticks_come_at_their_time_and_a_stall_does_not_shift_them() -> None:
    schedule = Schedule(100.0)
    assert list(schedule.due(100.0 + 3.4 * TICK_SECONDS, 0.0)) == [1, 2, 3]
    assert list(schedule.due(100.0 + 3.9 * TICK_SECONDS, 0.0)) == []
    assert schedule.at(schedule.next) == 100.0 + 4 * TICK_SECONDS
    assert list(schedule.due(100.0 + 50.1 * TICK_SECONDS, 0.0)) == [48, 49, 50]
    schedule.rest(100.0 + 70.5 * TICK_SECONDS)
    assert schedule.next == 71
    assert list(schedule.due(100.0 + 70.95 * TICK_SECONDS, 0.002)) == [71]


@given(st.lists(st.floats(0, 0.3), max_size=50))
def test_no_tick_comes_twice_and_none_in_a_burst(waits: list[float]) -> None:
    schedule, now, seen = Schedule(0.0), 0.0, list[int]()
    for wait in waits:
        now += wait
        due = schedule.due(now, 0.002)
        assert len(due) <= CATCH_UP_TICKS
        seen += due
        assert schedule.at(schedule.next) > now - TICK_SECONDS
    assert seen == sorted(set(seen))
