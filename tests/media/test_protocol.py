import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.protocol import (
    FRAME_BYTES_MAX,
    LENGTH_SIZE,
    Close,
    Closed,
    Command,
    Connect,
    Digit,
    Echo,
    Event,
    Failed,
    Hello,
    Join,
    Open,
    Part,
    Ping,
    Play,
    PlayEnded,
    Pong,
    SendDigits,
    SessionStats,
    Shutdown,
    Silent,
    Stop,
    Watch,
    command_reader,
    event_reader,
    pack,
)

COMMANDS: list[Command] = [
    Open("c1.a", 20_000, "127.0.0.1"),
    Connect("c1.a", ("192.0.2.1", 4000), ("192.0.2.1", 4001), "", "PCMU", 0, 101),
    Connect("c1.a", ("::1", 4000), ("::1", 4001), "::1", "PCMA", 8, None, False, True),
    Join("c1.a", "c1.b"),
    Part("c1.a"),
    Play("c1.a", 3, ("/sounds/welcome.flac", "/sounds/hold.flac"), repeat=True, resume=True),
    Stop("c1.a"),
    Echo("c1.a"),
    SendDigits("c1.a", "12#"),
    Watch("c1.a", 30.0),
    Close("c1.a"),
    Ping(7),
    Shutdown(),
]
EVENTS: list[Event] = [
    Hello(4711, 1, ("c1.a", "c1.b")),
    Failed("c1.a", "address in use"),
    PlayEnded("c1.a", 3, False, "no such file"),
    Digit("c1.a", "#", 120),
    Silent("c1.a"),
    Closed("c1.a", SessionStats(sent=5, rtt_ms=1.5)),
    Pong(7),
]


@given(st.lists(st.integers(1, 40), max_size=60))
def test_messages_survive_any_cutting_of_the_stream(cuts: list[int]) -> None:
    stream = b"".join(map(pack, COMMANDS))
    reader, received = command_reader(), list[Command]()
    for cut in cuts:
        received += reader.feed(stream[:cut])
        stream = stream[cut:]
    received += reader.feed(stream)
    assert received == COMMANDS
    assert reader.broken == 0


def test_events_come_back_as_they_were() -> None:
    assert event_reader().feed(b"".join(map(pack, EVENTS))) == EVENTS


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_garbage_is_counted_and_never_raises(chunks: list[bytes]) -> None:
    reader = command_reader()
    for chunk in chunks:
        _ = reader.feed(chunk)


@given(st.binary(max_size=80))
def test_a_broken_frame_does_not_harm_its_neighbours(body: bytes) -> None:
    reader = command_reader()
    frame = len(body).to_bytes(LENGTH_SIZE) + body
    received = reader.feed(pack(Ping(1)) + frame + pack(Ping(2)))
    assert received[0] == Ping(1)
    assert received[-1] == Ping(2)
    assert len(received) - 2 + reader.broken == 1


def test_a_frame_that_is_too_long_is_skipped_however_it_comes() -> None:
    frame = (FRAME_BYTES_MAX + 1).to_bytes(LENGTH_SIZE) + bytes(FRAME_BYTES_MAX + 1)
    reader = command_reader()
    received = reader.feed(frame[:10])
    for at in range(10, len(frame), 1 << 20):
        received += reader.feed(frame[at : at + (1 << 20)])
    received += reader.feed(pack(Ping(1)))
    assert (received, reader.broken) == ([Ping(1)], 1)


@pytest.mark.parametrize(
    "command",
    [
        Open("", 20_000, "127.0.0.1"),
        Open("a", 65_535, "127.0.0.1"),
        Open("a" * 201, 20_000, "127.0.0.1"),
        Play("a", 1, ()),
        Play("a", 1, ("x",) * 65),
        Watch("a", -1.0),
        SendDigits("a", "1" * 65),
        Connect("a", ("h", -1), ("h", 1), "", "PCMU", 0),
        Connect("a", ("h", 1), ("h", 1), "", "PCMU", 128),
    ],
)
def test_values_out_of_bounds_are_broken(command: Command) -> None:
    reader = command_reader()
    assert reader.feed(pack(command)) == []
    assert reader.broken == 1
