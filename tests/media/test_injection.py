"""Somebody at another address sends RTP to all our ports, from the first millisecond on.

He gets nothing back, and nobody hears him: in a relay, a room, while a file plays or on hold, from
a caller who talks or is silent, whether his place is known from the description or still learned.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from media import g711, rtp
from media.protocol import Closed, Digit, Echo, Join, Play
from tests.media.hall import FRAME, RATE, Hall, Phone, hall, level
from tests.media.rig import HOST, received, tone

ATTACKER = "127.0.0.66"
A, B, S, HIS = 410.0, 730.0, 1130.0, 1730.0
SPRAY_SECONDS = 0.001


class Attacker:
    def __init__(self, setup: Hall) -> None:
        self.setup = setup
        self.sent = 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind((ATTACKER, 0))
        at = np.arange(FRAME) / RATE
        pcm = np.rint(8000 * np.sin(2 * np.pi * HIS * at)).astype(np.int16)
        self.payload = g711.encode(pcm, "PCMU")
        self.spray()

    def spray(self) -> None:
        _ = self.setup.loop.call_later(SPRAY_SECONDS, self.spray)
        for port in self.setup.ports.values():
            for packet in self.packets():
                for target in (port, port + 1):
                    try:
                        _ = self.sock.sendto(packet, (HOST, target))
                    except OSError:
                        continue  # "Port unreachable", of the one before.
            self.sent += 1

    def packets(self) -> Iterator[bytes]:
        """Sound, a key, a report, a STUN request: all that a port might answer or pass on."""
        seq, timestamp = self.sent, self.sent * FRAME
        yield rtp.pack(0, seq, timestamp, 66) + self.payload
        yield rtp.pack(101, seq, timestamp, 66) + bytes((1, 0x8A, 3, 32))
        yield bytes((0x80, 201, 0, 1)) + (66).to_bytes(4)
        yield b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)


@contextmanager
def attacked() -> Iterator[tuple[Hall, Attacker]]:
    with hall() as setup:
        attacker = Attacker(setup)
        try:
            yield setup, attacker
            for name in setup.phones:
                assert level(setup.phones[name].sound(), HIS) < HIS_SHARE_MAX, name
                assert all(rtp.unpack(p).ssrc != 66 for p in setup.phones[name].heard)
            assert attacker.sent > 100
            assert received(attacker.sock) == 0
            assert not [event for event in setup.events if isinstance(event, Digit)]
        finally:
            attacker.sock.close()


# His tone in what a victim hears: nothing but the grain of G.711 and of short windows.
HIS_SHARE_MAX = 0.02


def call(setup: Hall, learned: bool, *, silent: bool = False) -> tuple[Phone, Phone]:
    """The attacker is there between each two steps."""
    phones: list[Phone] = []
    for name, hertz in (("a", 0.0 if silent else A), ("b", B)):
        phone = setup.phone(name, hertz)
        setup.run(0.005)
        if learned:
            setup.connect(name, learn_from=phone.host)
            setup.run(0.005)
        phones.append(phone)
    setup.engine.command(Join("a", "b"))
    return phones[0], phones[1]


@pytest.mark.parametrize("learned", [False, True])
def test_in_a_relay(learned: bool) -> None:
    with attacked() as (setup, _):
        a, b = call(setup, learned)
        setup.run(1.0)
        assert level(a.sound(), B) == pytest.approx(1.0, abs=0.01)
        assert level(b.sound(), A) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("learned", [False, True])
def test_with_a_silent_caller(learned: bool) -> None:
    with attacked() as (setup, _):
        a, b = call(setup, learned, silent=True)
        setup.run(1.0)
        assert b.heard == []
        assert level(a.sound(), B) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("learned", [False, True])
def test_in_a_room(learned: bool) -> None:
    with attacked() as (setup, _):
        a, b = call(setup, learned)
        s = setup.phone("s", S)
        setup.mix(a="bs", b="as", s="ab")
        setup.settle(0.3)
        setup.run(1.0)
        for phone, tones in ((a, (B, S)), (b, (A, S)), (s, (A, B))):
            for hertz in tones:
                assert level(phone.sound(), hertz) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("learned", [False, True])
def test_on_hold_and_after_it(learned: bool) -> None:
    with attacked() as (setup, _):
        a, b = call(setup, learned)
        setup.run(0.3)
        learn_from = a.host if learned else ""
        setup.connect("a", sending=False, receiving=False, learn_from=learn_from)
        a.talking = False
        setup.forget()
        setup.run(0.5)
        assert (a.heard, b.heard) == ([], [])
        setup.connect("a", learn_from=learn_from)
        a.talk()
        setup.run(0.5)
        assert level(a.sound(), B) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("learned", [False, True])
def test_while_a_file_plays_or_all_is_echoed(learned: bool, tmp_path: Path) -> None:
    with attacked() as (setup, _):
        a, _ = call(setup, learned)
        file = tone(tmp_path, seconds=2, hertz=910)
        setup.engine.command(Play("a", 1, (str(file),)))
        setup.run(0.5)
        assert level(a.sound()[800:], 910) > 0.95
        setup.engine.command(Echo("a"))
        setup.forget()
        setup.run(0.5)
        assert level(a.sound(), A) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("learned", [False, True])
def test_what_queued_before_anybody_was_known_is_heard_by_nobody(learned: bool) -> None:
    with attacked() as (setup, _):
        a, b = setup.phone("a", A), setup.unconnected("b", B)
        setup.engine.command(Join("a", "b"))
        setup.run(0.3)
        assert a.heard == []
        setup.connect("b", learn_from=b.host if learned else "")
        b.talk()
        setup.run(0.3)
        assert level(a.sound(), B) == pytest.approx(1.0, abs=0.02)
        assert level(b.sound(), A) == pytest.approx(1.0, abs=0.02)


def test_he_is_counted() -> None:
    with attacked() as (setup, _):
        a = setup.phone("a", A)
        setup.connect("a", learn_from=a.host)
        a.talking = False
        setup.run(0.3)
        setup.engine.close()
        stats = next(event.stats for event in setup.events if isinstance(event, Closed))
        assert stats.refused > 100
        assert (stats.sent, stats.dropped) == (0, 0)
