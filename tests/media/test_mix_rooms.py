"""Who hears whom in rooms: tones over real sockets, with a clock that the test turns."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from media import codecs, g711, rtp
from media.protocol import (
    Close,
    Digit,
    Echo,
    Join,
    Member,
    Mix,
    Part,
    Play,
    PlayEnded,
    SendDigits,
    Stop,
)
from media.sockets import PATIENCE_SECONDS
from tests.media.hall import LOUD, Hall, Phone, Samples, hall, level
from tests.media.rig import tone

# No whole number of turns in 20 ms: a frame that is missing is a jump of the phase.
A, B, S = 410.0, 730.0, 1130.0
# What G.711 makes of three tones as loud as ours: half a step of its scale each time.
GRAIN = 900


# Whisper, barge, whisper, barge, listen, barge.
CHANGES = (
    {"a": "b", "b": "as", "s": "ab"},
    {"a": "bs", "b": "as", "s": "ab"},
    {"a": "b", "b": "as", "s": "ab"},
    {"a": "bs", "b": "as", "s": "ab"},
    {"a": "b", "b": "a", "s": "ab"},
    {"a": "bs", "b": "as", "s": "ab"},
)


def three(setup: Hall) -> tuple[Phone, Phone, Phone]:
    a, b = setup.phone("a", A, after=0.003), setup.phone("b", B, after=0.011)
    return a, b, setup.phone("s", S, after=0.017)


def talk(setup: Hall) -> tuple[Phone, Phone, Phone]:
    phones = three(setup)
    setup.engine.command(Join("a", "b"))
    setup.settle()
    return phones


def clean(sound: Samples, *tones: float) -> bool:
    """Nothing but these tones, each without a jump from the beginning to the end."""
    at = np.arange(len(sound)) / 8000
    waves = [f(2 * np.pi * hertz * at) for hertz in tones for f in (np.sin, np.cos)]
    basis = np.stack(waves, axis=1)
    left = sound - basis @ np.linalg.lstsq(basis, sound, rcond=None)[0]
    return len(sound) > 0 and float(np.abs(left).max()) < GRAIN


@pytest.mark.parametrize("count", [3, 8, 30])
def test_in_a_conference_everybody_hears_all_others(count: int) -> None:
    with hall() as setup:
        names = [f"p{number}" for number in range(count)]
        tones = {name: 310.0 + 110 * number for number, name in enumerate(names)}
        for number, name in enumerate(names):
            law: g711.Law = "PCMA" if number % 3 == 2 else "PCMU"
            phone = setup.phone(name, tones[name], law, after=0.001 + number % 19 / 1000)
            phone.loud = 24_000 // count
        setup.engine.command(Mix("room", tuple(_hearing(name, names) for name in names)))
        setup.settle()
        setup.run(0.5)
        for name, phone in setup.phones.items():
            assert len(phone.heard) == 25
            assert phone.unbroken()
            loud = phone.loud / LOUD
            levels = {other: level(phone.sound(), tones[other]) / loud for other in names}
            assert levels.pop(name) < 0.06
            assert all(0.9 < value < 1.1 for value in levels.values()), levels


def _hearing(name: str, names: list[str]) -> Member:
    return Member(name, tuple(other for other in names if other != name))


def test_a_listener_hears_both_and_nothing_changes_for_the_talkers() -> None:
    with hall() as setup:
        a, b, s = talk(setup)
        sent = len(a.heard)
        setup.mix(a="b", b="a", s="ab")
        setup.settle()
        setup.run(0.5)
        assert clean(s.sound(), A, B)
        assert s.unbroken()
        # Packet by packet, as they were sent.
        for phone, other in ((a, b), (b, a)):
            assert {header.ssrc for header in phone.headers} == {other.ssrc}
            assert phone.unbroken()
            assert clean(phone.sound(), other.hertz)
            assert all(
                at % 0.02 == pytest.approx(phone.heard_at[0] % 0.02) for at in phone.heard_at
            )
        setup.mix(a="b", b="a")
        setup.settle(0.1)
        setup.run(0.2)
        assert (sent, len(s.heard)) == (0, 0)
        assert setup.engine.departments["rooms"].busy is False


def test_a_whisper_is_heard_by_the_agent_alone() -> None:
    with hall() as setup:
        a, b, s = talk(setup)
        setup.mix(a="b", b="as", s="ab")
        setup.settle()
        setup.run(0.5)
        assert clean(b.sound(), A, S)
        assert clean(s.sound(), A, B)
        assert clean(a.sound(), B)
        # Nothing of the supervisor, not even by a rounding: it is what the agent has said.
        assert {packet[12:] for packet in a.heard} <= b.said
        assert {header.ssrc for header in a.headers} == {b.ssrc}


def test_who_talks_to_the_mixer_alone_is_read_a_little_later() -> None:
    """Packets that somebody hears as they are never wait."""
    with hall() as setup:
        a, b, s = talk(setup)
        ports = {phone: setup.engine.lines[phone.name].rtp for phone in (a, b, s)}
        setup.mix(a="b", b="as", s="ab")
        for phone in (a, b, s):
            phone.talking = False
        setup.settle()
        assert [port.patient for port in ports.values()] == [True, False, True]
        for phone, at_once in ((a, 0), (b, 1), (s, 0)):
            received = ports[phone].received
            phone.send(phone.packet())
            setup.loop.read()
            assert ports[phone].received == received + at_once
            setup.run(PATIENCE_SECONDS)
            assert ports[phone].received == received + 1
        setup.engine.command(Join("a", "b"))
        setup.run(0.05)
        assert not any(port.patient for port in ports.values())


def test_taking_over_leaves_the_agent_in_silence() -> None:
    with hall() as setup:
        a, b, s = talk(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        setup.mix(a="s", s="a", b="")
        setup.settle()
        setup.run(0.5)
        assert clean(a.sound(), S)
        assert clean(s.sound(), A)
        assert (b.heard, setup.engine.departments["rooms"].busy) == ([], False)


def test_changing_live_is_one_stream_without_gap_or_click() -> None:
    """Relay, listen, whisper, barge, take-over and back: each hearer hears one stream."""
    with hall() as setup:
        a, b, s = talk(setup)
        setup.mix(a="b", b="a", s="ab")
        setup.settle(0.2)
        for hears in CHANGES:
            setup.mix(**hears)
            setup.run(0.33)
        setup.engine.command(Join("a", "b"))
        setup.run(0.33)
        assert a.unbroken()
        assert b.unbroken()
        assert s.unbroken()
        # Those who talk all the time are heard without a jump, through all of it.
        seconds = 7 * 0.33
        for phone, other in ((a, b), (b, a)):
            assert len(phone.heard) >= seconds / 0.02 - 2
            assert level(phone.sound(), other.hertz) == pytest.approx(1.0, abs=0.01)


def test_voices_come_and_go_softly() -> None:
    """Slow waves, so that each jump between two samples is a click."""
    with hall() as setup:
        a, b = setup.phone("a", 41), setup.phone("b", 53, after=0.011)
        s, d = setup.phone("s", 61, after=0.017), setup.phone("d", 71, after=0.005)
        setup.engine.command(Join("a", "b"))
        setup.settle()
        setup.mix(a="b", b="a", s="ab")
        for hears in (*CHANGES, {"a": "bsd", "b": "as", "s": "abd", "d": "ab"}, *CHANGES[1::-1]):
            setup.run(0.31)
            setup.mix(**hears)
        setup.run(0.3)
        for phone in (a, b, s, d):
            steps = np.abs(np.diff(phone.sound()[160:]))
            assert float(steps.max()) < 1600, phone.name


def test_the_first_packet_of_a_mix_follows_the_last_of_the_relay() -> None:
    with hall() as setup:
        a, b, _ = talk(setup)
        setup.run(0.2)
        before = a.headers[-1]
        setup.mix(a="bs", b="as", s="ab")
        setup.run(0.2)
        assert a.unbroken()
        assert before.ssrc == b.ssrc
        assert clean(a.sound()[:-160], B) is False  # The supervisor is there.
        setup.mix(a="b", b="a", s="ab")
        setup.run(0.2)
        assert a.unbroken()
        assert clean(a.sound()[-8 * 160 :], B)


def test_the_packet_that_was_lost_at_the_change_is_lost_and_nothing_else() -> None:
    with hall() as setup:
        a, b, _ = talk(setup)
        b.lose = lambda number: number % 7 != 3
        for hears in (("bs", "as"), ("b", "a")) * 3:
            setup.mix(a=hears[0], b=hears[1], s="ab")
            setup.run(0.27)
        steps = {
            (after.seq - before.seq) & 0xFFFF
            for before, after in zip(a.headers, a.headers[1:], strict=False)
        }
        assert steps <= {1, 2}
        assert {header.ssrc for header in a.headers} == {b.ssrc}


def test_who_is_silent_from_the_beginning_hears_all_the_same() -> None:
    with hall() as setup:
        a, b, _ = talk(setup)
        mute = setup.phone("m")
        setup.mix(a="bms", b="ams", s="abm", m="abs")
        setup.settle()
        setup.run(0.5)
        assert clean(mute.sound(), A, B, S)
        assert clean(a.sound(), B, S)
        assert b.unbroken()
        assert mute.unbroken()


def test_one_who_stops_or_is_late_delays_nobody() -> None:
    with hall() as setup:
        a, b, s = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        s.talking = False
        setup.run(0.2)
        setup.forget()
        setup.run(0.5)
        assert len(a.heard) == len(b.heard) == 25
        assert clean(a.sound(), B)
        # All of a second at once, and garbage besides.
        s.hall.loop.run(0.0)
        for _ in range(50):
            s.send(s.packet())
            s.send(b"\x80\x00" + bytes(20))
        setup.run(0.5)
        assert a.unbroken()
        assert len(a.heard) == 50


def test_who_plays_hears_the_file_and_the_others_hear_its_peer(tmp_path: Path) -> None:
    with hall() as setup:
        a, b, s = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        file = tone(tmp_path, seconds=0.4, hertz=1990)
        setup.engine.command(Play("a", 7, (str(file),)))
        setup.run(0.3)
        assert a.level(1990) > 0.9
        assert level(a.sound()[480:], B) < 0.02
        assert clean(b.sound(), A, S)
        setup.run(0.3)
        assert PlayEnded("a", 7, finished=True) in setup.events
        setup.forget()
        setup.run(0.3)
        assert clean(a.sound(), B, S)
        assert s.unbroken()


def test_a_play_is_heard_on_the_stream_of_the_room(tmp_path: Path) -> None:
    with hall() as setup:
        a, *_ = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        file = str(tone(tmp_path, seconds=5, hertz=1990))
        setup.engine.command(Play("a", 7, (file,)))
        setup.run(0.3)
        setup.engine.command(Stop("a"))
        setup.run(0.3)
        assert a.unbroken()
        assert PlayEnded("a", 7, finished=False) in setup.events
        assert clean(a.sound()[-1600:], B, S)


def test_a_key_is_told_and_not_heard() -> None:
    with hall() as setup:
        a, b, s = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        a.talking = False
        setup.run(0.02)
        for number in range(6):
            end = 0x80 if number > 2 else 0
            event = bytes((5, end | 10)) + (160 * min(number + 1, 4)).to_bytes(2)
            a.send(rtp.pack(101, a.seq, a.timestamp, a.ssrc) + event)
            a.seq += 1
            setup.run(0.02)
        setup.run(0.3)
        assert [event for event in setup.events if isinstance(event, Digit)] == [
            Digit("a", "5", 80)
        ]
        for phone in (b, s):
            assert phone.unbroken()
            assert {header.payload_type for header in phone.headers} == {0}


def test_keys_pressed_towards_a_member_take_the_place_of_the_mix() -> None:
    with hall() as setup:
        a, b, _ = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        setup.engine.command(SendDigits("a", "7"))
        setup.run(0.5)
        types = [header.payload_type for header in a.headers]
        assert 101 in types
        assert types[-1] == 0
        assert {header.payload_type for header in b.headers} == {0}
        first, last = types.index(101), len(types) - types[::-1].index(101)
        assert 0 not in types[first:last]
        numbers = [header.seq for header in a.headers]
        assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]


def test_another_codec_in_mid_room() -> None:
    with hall() as setup:
        a, b, s = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        b.law = "PCMA"
        setup.connect("b")
        setup.settle()
        setup.run(0.3)
        assert clean(a.sound(), B, S)
        assert clean(b.sound(), A, S)
        assert {header.payload_type for header in b.headers} == {8}
        assert s.unbroken()


def test_who_leaves_is_silent_and_the_others_go_on() -> None:
    with hall() as setup:
        a, b, s = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        setup.engine.command(Close("s"))
        setup.run(0.5)
        assert a.unbroken()
        assert b.unbroken()
        assert clean(a.sound()[-1600:], B)
        setup.forget()
        setup.engine.command(Part("b"))
        setup.run(0.3)
        assert (a.heard, b.heard, s.heard) == ([], [], [])


def test_a_session_is_in_one_room_at_a_time() -> None:
    with hall() as setup:
        a, b, s = three(setup)
        d = setup.phone("d", 1510)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        setup.engine.command(Mix("other", (Member("s", ("d",)), Member("d", ("s",)))))
        setup.settle()
        setup.run(0.3)
        assert clean(a.sound(), B)
        assert clean(d.sound(), S)
        assert clean(s.sound(), 1510)
        assert clean(b.sound(), A)
        rooms = setup.engine.departments["rooms"]
        assert rooms.members("room") == {"a": ("b",), "b": ("a",)}
        setup.engine.command(Mix("other"))
        setup.engine.command(Echo("d"))
        setup.forget()
        setup.run(0.3)
        assert (s.heard, rooms.members("other")) == ([], {})
        assert clean(d.sound(), 1510)


def test_who_is_not_there_is_left_out() -> None:
    with hall() as setup:
        a, b, _ = three(setup)
        setup.mix(a="bxa", b="aa", x="ab")
        setup.settle()
        setup.run(0.3)
        assert clean(a.sound(), B)
        assert clean(b.sound(), A)
        assert setup.engine.counters["unknown_session"] == 1


def test_on_hold_in_a_room_and_back() -> None:
    with hall() as setup:
        a, b, _ = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        setup.connect("a", receiving=False, sending=False)
        setup.settle(0.2)
        setup.run(0.2)
        assert a.heard == []
        assert clean(b.sound(), S)
        setup.connect("a")
        setup.settle()
        setup.run(0.2)
        assert clean(a.sound(), B, S)
        assert clean(b.sound(), A, S)


def test_loud_together_is_not_cut_off() -> None:
    with hall() as setup:
        phones = [setup.phone(f"{n}", 370.0 + 170 * n) for n in range(4)]
        for phone in phones:
            phone.loud = 30_000
        setup.mix(**{"0": "123", "1": "023", "2": "013", "3": "012"})
        setup.settle()
        setup.run(0.5)
        sound = phones[0].sound()
        assert float(np.abs(sound).max()) < 32_500
        tops = np.abs(sound) > 32_100
        assert not np.any(tops[:-3] & tops[1:-2] & tops[2:-1] & tops[3:])
        for phone in phones[1:]:
            assert 0.25 * 30_000 / LOUD < level(sound, phone.hertz) < 0.6 * 30_000 / LOUD


@pytest.mark.parametrize(("codec", "payload_type"), [("G722", 9), ("opus", 111)])
def test_one_with_a_better_codec_among_telephones(codec: str, payload_type: int) -> None:
    try:
        encoder, decoder = codecs.encoder(codec, 16_000), codecs.decoder(codec, 16_000)
    except codecs.CodecError:
        pytest.skip(f"{codec} is not installed")
    with hall() as setup:
        a, _, s = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        s.talking = False
        setup.connect("s", codec=codec, payload_type=payload_type)
        units = codecs.clock_rate(codec) // 50
        for number in range(50):
            at = np.arange(number * 320, (number + 1) * 320) / 16_000
            wave = np.rint(LOUD * np.sin(2 * np.pi * 3300 * at)).astype(np.int16)
            header = rtp.pack(payload_type, number, number * units, s.ssrc)
            s.send(header + encoder.encode(wave))
            setup.run(0.02)
        assert a.unbroken()
        late = a.sound()[30 * 160 :]
        assert level(late, B) == pytest.approx(1.0, abs=0.1)
        assert level(late, 3300) == pytest.approx(1.0, abs=0.25)
        heard = [p for p in s.heard if p[1] & 0x7F == payload_type]
        numbers = [rtp.unpack(packet) for packet in heard]
        assert {after.timestamp - before.timestamp for before, after in pairwise(numbers)} == {
            units
        }
        sound = np.concatenate([decoder.decode(packet[12:]) for packet in heard]).astype(float)
        for hertz in (A, B):
            turn = np.exp(-2j * np.pi * hertz * np.arange(len(sound[6400:])) / 16_000)
            found = 2 * abs(np.mean(sound[6400:] * turn)) / LOUD
            assert found == pytest.approx(1.0, abs=0.1)
        # It leaves: telephones among themselves again.
        setup.mix(a="b", b="a")
        setup.settle()
        setup.run(0.3)
        assert clean(a.sound(), B)


def test_keys_and_markers_of_a_relay_after_a_mix_have_its_numbers() -> None:
    with hall() as setup:
        a, b, _ = three(setup)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle()
        setup.engine.command(Join("a", "b"))
        setup.run(0.1)
        b.talking = False
        setup.run(0.1)
        for number in range(3):
            b.send(rtp.pack(101, b.seq, b.timestamp, b.ssrc, marker=not number) + b"\5\x8a\3\x20")
            b.seq += 1
        b.send(rtp.pack(0, b.seq, b.timestamp + 800, b.ssrc, marker=True) + b"\x55" * 160)
        setup.run(0.1)
        assert [header.payload_type for header in a.headers[-4:]] == [101, 101, 101, 0]
        assert [header.marker for header in a.headers[-4:]] == [True, False, False, True]
        numbers = [header.seq for header in a.headers]
        assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]
        assert len({header.ssrc for header in a.headers}) == 1
