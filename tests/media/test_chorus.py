"""Music for many: counted on in rows, and nobody hears a difference."""

import random
import socket
from pathlib import Path

import pytest

from media import rtcp, rtp
from media.protocol import Close, Closed, Join, Play, SendDigits
from media.rtcp import SenderReport
from tests.media.hall import Hall, Phone, hall
from tests.media.test_entertaining import frames_of, noise


def music(setup: Hall, file: Path, *names: str, play: int = 1) -> None:
    for name in names:
        setup.engine.command(Play(name, play, (str(file),), repeat=True, resume=True))


def rows(setup: Hall) -> int:
    return setup.engine.departments["chorus"].leftovers()


def numbers(phone: Phone, file: Path) -> list[int]:
    """Which frames of this file it has heard."""
    frames = {frame: number for number, frame in enumerate(frames_of(file))}
    return [frames.get(packet[12:], -1) for packet in phone.heard]


def closed(setup: Hall, name: str) -> Closed:
    setup.engine.command(Close(name))
    return next(e for e in setup.events if isinstance(e, Closed) and e.session == name)


def test_everybody_hears_everything_from_where_he_came_in(tmp_path: Path) -> None:
    """Also at the seam of the piece, and more of them than there were rows at first."""
    with hall() as setup:
        hold = noise(tmp_path, "hold", 40)
        phones = [setup.phone(f"p{number}") for number in range(70)]
        for phone in phones:
            music(setup, hold, phone.name)
            setup.run(0.02)
        assert rows(setup) > 64
        setup.run(1.0)
        for number, phone in enumerate(phones):
            heard = numbers(phone, hold)
            assert heard == [n % 40 for n in range(len(heard))]
            assert len(heard) >= 50 + 69 - number
            assert phone.unbroken()
            assert [packet[1] for packet in phone.heard] == [0x80] + [0] * (len(heard) - 1)


def test_who_comes_and_goes_takes_nothing_from_the_others(tmp_path: Path) -> None:
    with hall() as setup:
        hold, prompt = noise(tmp_path, "hold", 60), noise(tmp_path, "prompt", 7)
        phones = [setup.phone(name) for name in "abcdefgh"]
        dice = random.Random(6)
        music(setup, hold, *"abcdefgh")
        for turn in range(60):
            name = dice.choice("abcdefg")
            match dice.randrange(3):
                case 0:
                    setup.engine.command(Play(name, 100 + turn, (str(prompt),)))
                case 1:
                    setup.connect(name)
                case _:
                    music(setup, hold, name, play=200 + turn)
            setup.run(dice.choice((0.004, 0.02, 0.06)))
        untouched = numbers(phones[-1], hold)
        assert untouched == [n % 60 for n in range(len(untouched))]
        for phone in phones:
            assert len(phone.heard) > 50
            seqs = [header.seq for header in phone.headers]
            assert seqs == [(seqs[0] + n) & 0xFFFF for n in range(len(seqs))]
            stamps = {(h.timestamp - phone.headers[0].timestamp) % 160 for h in phone.headers}
            assert stamps == {0}
            music_heard = [n for n in numbers(phone, hold) if n >= 0]
            assert music_heard == [n % 60 for n in range(len(music_heard))]


def test_what_was_sent_is_counted_to_the_packet(tmp_path: Path) -> None:
    with hall() as setup:
        hold = noise(tmp_path, "hold", 40)
        a, _ = setup.phone("a"), setup.phone("b")
        music(setup, hold, "a", "b")
        setup.run(1.5)
        stats = closed(setup, "a").stats
        assert (stats.sent, stats.bytes_sent) == (len(a.heard), 172 * len(a.heard))
        assert (stats.errors, stats.codec) == (0, "PCMU")


def test_who_cannot_be_reached_is_an_error_of_his_own(tmp_path: Path) -> None:
    with hall() as setup:
        hold = noise(tmp_path, "hold", 40)
        a, b = setup.phone("a"), setup.phone("b")
        music(setup, hold, "a", "b")
        setup.run(0.2)
        setup.engine.lines["b"].rtp.sock.shutdown(socket.SHUT_WR)  # Nothing leaves from there.
        setup.run(0.5)
        reached, lost = closed(setup, "a").stats, closed(setup, "b").stats
        assert (reached.sent, reached.errors) == (len(a.heard), 0)
        assert (lost.sent, lost.errors) == (len(b.heard), len(a.heard) - len(b.heard))
        assert lost.bytes_sent == 172 * len(b.heard)
        assert lost.errors >= 24


def test_keys_take_the_place_of_the_music(tmp_path: Path) -> None:
    with hall() as setup:
        hold = noise(tmp_path, "hold", 60)
        a = setup.phone("a")
        music(setup, hold, "a")
        setup.run(0.4)
        assert rows(setup) == 1
        setup.engine.command(SendDigits("a", "5"))
        setup.run(0.6)
        assert rows(setup) == 1
        kinds = [header.payload_type for header in a.headers]
        begin = kinds.index(101)
        keys = kinds.count(101)
        assert kinds == [0] * begin + [101] * keys + [0] * (len(kinds) - begin - keys)
        assert a.heard[begin + keys - 1][13] & 0x80  # The end of the key (RFC 4733 §2.3.2).
        heard = [n for n in numbers(a, hold) if n >= 0]
        assert heard == list(range(len(heard)))
        seqs = [header.seq for header in a.headers]
        assert seqs == [(seqs[0] + n) & 0xFFFF for n in range(len(seqs))]


def test_a_stall_is_a_gap_in_the_clock_and_not_in_the_piece(tmp_path: Path) -> None:
    with hall() as setup:
        hold = noise(tmp_path, "hold", 60)
        a = setup.phone("a")
        music(setup, hold, "a")
        setup.run(0.2)
        before = len(a.heard)
        setup.loop.now += 0.2  # Ten ticks: the last three are made up for.
        setup.run(0.2)
        heard = numbers(a, hold)
        assert heard == list(range(len(heard)))
        first, second = a.headers[before - 1], a.headers[before]
        assert second.seq == (first.seq + 1) & 0xFFFF
        assert (second.timestamp - first.timestamp) & 0xFFFF_FFFF > 6 * 160
        assert [n for n, packet in enumerate(a.heard) if packet[1] & 0x80] == [0, before]
        assert rows(setup) == 1


def test_who_is_answered_leaves_the_music_at_once(tmp_path: Path) -> None:
    with hall() as setup:
        hold = noise(tmp_path, "hold", 60)
        a, b = setup.phone("a"), setup.phone("b", 440.0)
        music(setup, hold, "a")
        setup.run(0.3)
        setup.engine.command(Join("a", "b"))
        setup.forget()
        setup.run(0.3)
        assert {packet[12:] for packet in a.heard} <= b.said
        assert rows(setup) == 0
        assert not setup.engine.playing


@pytest.mark.parametrize("seconds", [4.0])
def test_reports_count_the_packets_of_the_row(tmp_path: Path, seconds: float) -> None:
    with hall() as setup:
        hold = noise(tmp_path, "hold", 60)
        a = setup.phone("a")
        music(setup, hold, "a")
        setup.run(seconds)
        line = setup.engine.lines["a"]
        setup.engine.touch(line)
        report = line.session.report(setup.loop.now, 0.0, setup.engine.ticks.at(setup.loop.now))
        assert report is not None
        found = next(p for p in rtcp.parse(report) if isinstance(p, SenderReport))
        assert (found.packets, found.octets) == (len(a.heard), 160 * len(a.heard))
        assert found.ssrc == rtp.unpack(a.heard[0]).ssrc
