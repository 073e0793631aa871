"""The mixer in numbers: exact sums, no leak, a limiter that does nothing until it must."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import g711
from media.mixing import CEILING, Bank, Seat, encode_laws, limit
from media.protocol import Connect
from media.relay import Leg
from media.talker import Talker, opus_units

FRAME = 160


def leg(codec: str = "PCMU", payload_type: int = 0) -> Leg:
    found = Leg()
    found.connect(Connect("x", ("127.0.0.1", 4000), ("127.0.0.1", 0), "", codec, payload_type, 101))
    return found


def seat(codec: str = "PCMU", payload_type: int = 0, rate: int = 8000) -> Seat:
    made = Seat()
    made.talker = Talker(leg(codec, payload_type), rate)
    made.listen(leg(codec, payload_type), rate)
    return made


def say(speaker: Seat, number: int, payload: bytes, now: float) -> None:
    assert speaker.talker is not None
    payload_type = {"PCMU": 0, "PCMA": 8}[speaker.talker.law or "PCMU"]
    speaker.talker.on_packet(payload_type, number, number * FRAME, payload, now)


def heard(bank: Bank, now: float) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    bank.gather(now)
    return bank.mix().reshape(len(bank), -1)


codes = st.binary(min_size=FRAME, max_size=FRAME)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(codes, st.booleans()), min_size=2, max_size=6), st.data())
def test_everybody_hears_the_exact_sum_of_whom_he_hears(
    voices: list[tuple[bytes, bool]], data: st.DataObject
) -> None:
    seats = [seat(*(("PCMA", 8) if alaw else ("PCMU", 0))) for _, alaw in voices]
    for one in seats:
        others = [other for other in seats if other is not one]
        one.hears = tuple(data.draw(st.lists(st.sampled_from(others), unique=True)))
    bank = Bank(8000)
    bank.arrange([seats])
    for one, (payload, _) in zip(seats, voices, strict=True):
        for number in range(2):
            say(one, number, bytes(code & 0x7F | 0x30 for code in payload), 0.0)
    sounds = {
        id(one): g711.decode(
            bytes(code & 0x7F | 0x30 for code in payload), "PCMA" if alaw else "PCMU"
        ).astype(np.int32)
        for one, (payload, alaw) in zip(seats, voices, strict=True)
    }
    _ = heard(bank, 0.02)  # It begins softly.
    mixed = heard(bank, 0.04)
    for one in seats:
        expected = sum((sounds[id(other)] for other in one.hears), np.zeros(FRAME, np.int32))
        if np.abs(expected).max() <= CEILING:
            assert mixed[one.row].tolist() == expected.tolist()
        assert np.abs(mixed[one.row].astype(int)).max() <= CEILING


def test_rooms_of_all_sizes_are_mixed_at_once_and_apart() -> None:
    rooms: list[list[Seat]] = []
    for size in (3, 2, 5, 3, 1):
        room = [seat() for _ in range(size)]
        for one in room:
            one.hears = tuple(other for other in room if other is not one)
        rooms.append(room)
    bank = Bank(8000)
    bank.arrange(rooms)
    for number, room in enumerate(rooms):
        for one in room:
            pcm = np.full(FRAME, 100 * (number + 1), np.int16)
            say(one, 0, g711.encode(pcm, "PCMU"), 0.0)
            say(one, 1, g711.encode(pcm, "PCMU"), 0.0)
    _ = heard(bank, 0.02)
    mixed = heard(bank, 0.04)
    for number, room in enumerate(rooms):
        said = g711.encode(np.array([100 * (number + 1)], np.int16), "PCMU")
        value = int(g711.decode(said, "PCMU")[0])
        for one in room:
            assert set(mixed[one.row].tolist()) == {value * (len(room) - 1)}


def test_a_new_hearing_fades_in_within_milliseconds() -> None:
    one, two, three = seat(), seat(), seat()
    one.hears = (two,)
    bank = Bank(8000)
    bank.arrange([[one, two, three]])
    loud = g711.encode(np.full(FRAME, 7932, np.int16), "PCMU")
    for number in range(3):
        say(two, number, loud, 0.0)
        say(three, number, loud, 0.0)
    begun = heard(bank, 0.02)[one.row].astype(int)
    assert abs(begun[0]) < 50
    assert np.diff(begun).max() < 400
    assert set(heard(bank, 0.04)[one.row].tolist()) == {7932}
    one.before, one.hears = one.hears, (two, three)
    bank.clear()
    bank.arrange([[one, two, three]])
    faded = heard(bank, 0.06)[one.row].astype(int)
    steps = np.diff(faded)
    assert faded[0] < 8000
    assert set(faded[40:].tolist()) == {15_864}
    assert steps.min() >= 0
    assert steps.max() < 400


def test_below_the_ceiling_nothing_is_touched() -> None:
    rng = np.random.default_rng(1)
    mixed = rng.integers(-32_256, 32_257, (5, FRAME)).astype(np.float32)
    before, gains = mixed.copy(), np.ones(5, np.float32)
    limit(mixed, gains, 8000)
    assert (mixed == before).all()
    assert (gains == 1).all()


@given(
    st.lists(st.floats(0, 900_000, width=32), min_size=1, max_size=12),
    st.sampled_from((8000, 16_000)),
)
def test_nothing_is_ever_too_loud(levels: list[float], rate: int) -> None:
    gains = np.ones(1, np.float32)
    at = np.arange(rate // 50)
    for number, loud in enumerate(levels):
        phase = 2 * np.pi * 410 * (at + number * len(at)) / rate
        mixed = (loud * np.sin(phase)).astype(np.float32)[None, :]
        limit(mixed, gains, rate)
        assert np.abs(mixed).max() <= CEILING + 1
        assert 0 < gains[0] <= 1


def test_the_gain_comes_back_slowly() -> None:
    gains = np.ones(1, np.float32)
    limit(np.full((1, FRAME), 64_512, np.float32), gains, 8000)
    assert gains[0] == pytest.approx(0.5)
    seen: list[float] = []
    for _ in range(30):
        quiet = np.full((1, FRAME), 1000, np.float32)
        limit(quiet, gains, 8000)
        assert np.abs(np.diff(quiet)).max() < 1
        seen.append(float(gains[0]))
    assert seen == sorted(seen)
    assert seen[10] < 0.8
    assert seen[-1] == 1


def test_all_rows_are_encoded_at_once() -> None:
    mixed = np.arange(-1600, 1600, 10, dtype=np.int16).reshape(2, FRAME)
    for law in g711.LAWS.values():
        blob = encode_laws(mixed, law)
        assert blob == g711.encode(mixed[0], law) + g711.encode(mixed[1], law)


@pytest.mark.parametrize(
    ("payload", "units"),
    [
        (b"", 0),
        (b"\x08x", 960),  # SILK, narrow band, 20 ms.
        (b"\x19x", 2 * 2880),  # 60 ms, two frames of one size.
        (b"\x78x", 960),  # Hybrid, full band, 20 ms.
        (b"\xfcx", 960),  # CELT, full band, 20 ms.
        (b"\xe3\x04", 4 * 120),  # 2.5 ms, four frames.
        (b"\xe3", 120),
    ],
)
def test_how_long_an_opus_packet_is(payload: bytes, units: int) -> None:
    assert opus_units(payload) == units


def test_a_law_that_changes_without_a_word_is_understood() -> None:
    one = seat("PCMU", 0)
    assert one.talker is not None
    pcm = np.full(FRAME, 4000, np.int16)
    one.talker.on_packet(8, 0, 0, g711.encode(pcm, "PCMA"), 0.0)
    taken = one.talker.take(0.02)
    assert not isinstance(taken, bytes)
    assert np.abs(taken.astype(int) - 4000).max() < 150


def test_packets_of_10_and_40_ms_are_cut_to_ticks() -> None:
    for size in (80, 320, 480):
        one = seat()
        assert one.talker is not None
        pcm = np.arange(0, 960, dtype=np.int16) * 8
        said = g711.encode(pcm, "PCMU")
        for at in range(0, 960, size):
            one.talker.on_packet(0, at // size, at, said[at : at + size], 0.0)
        taken = [one.talker.take(0.02 * (n + 1)) for n in range(6)]
        whole = np.concatenate(
            [g711.decode(t, "PCMU") if isinstance(t, bytes) else t for t in taken]
        )
        assert whole.tolist() == g711.decode(said, "PCMU").tolist()


@pytest.mark.parametrize(("codec", "payload_type"), [("G722", 9), ("opus", 111)])
def test_wide_band_goes_through_a_wide_room(codec: str, payload_type: int) -> None:
    if codec == "opus":
        libopus = pytest.importorskip("media.libopus")
        if not libopus.available():
            pytest.skip("libopus is not installed")
    else:
        _ = pytest.importorskip("G722")
    from media.codecs import decoder, encoder

    one, two = seat(codec, payload_type, 16_000), seat("PCMU", 0, 16_000)
    one.hears, two.hears = (two,), (one,)
    bank = Bank(16_000)
    bank.arrange([[one, two]])
    speaking = encoder(codec, 16_000)
    hearing = decoder("PCMU")
    sounds: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
    units = 960 if codec == "opus" else 160
    for number in range(30):
        at = np.arange(number * 320, (number + 1) * 320) / 16_000
        wave = np.rint(8000 * np.sin(2 * np.pi * 700 * at)).astype(np.int16)
        assert one.talker is not None
        payload = speaking.encode(wave if speaking.rate == 16_000 else np.repeat(wave, 3))
        one.talker.on_packet(payload_type, number, number * units, payload, number * 0.02)
        mixed = heard(bank, number * 0.02 + 0.015)
        sounds.append(hearing.decode(two.encode(mixed[two.row])))
    sound = np.concatenate(sounds[10:]).astype(float)
    turn = np.exp(-2j * np.pi * 700 * np.arange(len(sound)) / 8000)
    assert 2 * abs(np.mean(sound * turn)) == pytest.approx(8000, rel=0.1)
