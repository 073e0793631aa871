"""What networks and phones do to sound, and what is heard of it in a room."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from media.protocol import Close, Closed, Join
from tests.media.hall import FRAME, LOUD, Hall, Phone, Samples, hall, level, rest

A, B, S = 410.0, 730.0, 1130.0


def room(setup: Hall) -> tuple[Phone, Phone, Phone]:
    a, b = setup.phone("a", A, after=0.003), setup.phone("b", B, after=0.011)
    s = setup.phone("s", S, after=0.017)
    setup.mix(a="bs", b="as", s="ab")
    setup.settle()
    return a, b, s


def share(sound: Samples, *tones: float) -> float:
    """How much of what is heard, by its power, is these tones."""
    return 1 - float(np.mean(rest(sound, *tones) ** 2) / np.mean(sound**2))


def lossy(percent: int) -> Callable[[int], int]:
    dice = random.Random(3)
    return lambda number: int(dice.randrange(100) >= percent)


def test_three_percent_of_loss_are_made_up_for() -> None:
    with hall() as setup:
        a, b, s = room(setup)
        b.lose = lossy(3)
        setup.run(4.0)
        assert a.unbroken()
        assert len(a.heard) == 200
        assert share(a.sound(), B, S) > 0.98
        assert level(a.sound(), B) > 0.9
        assert level(a.sound(), S) == pytest.approx(1.0, abs=0.01)
        assert s.unbroken()


def test_a_relay_loses_what_was_lost_and_nothing_else() -> None:
    with hall() as setup:
        a, b = setup.phone("a", A), setup.phone("b", B)
        setup.engine.command(Join("a", "b"))
        setup.settle()
        b.lose = lossy(3)
        sent = b.sent
        setup.run(4.0)
        lost = b.sent - sent - len(a.heard)
        assert 1 <= lost <= 15
        setup.engine.command(Close("b"))
        stats = next(event.stats for event in setup.events if isinstance(event, Closed))
        assert stats.lost <= lost  # Up to the last packet that was looked at.


def test_duplicates_are_heard_once() -> None:
    with hall() as setup:
        a, b, _ = room(setup)
        b.lose = lambda number: 2
        setup.run(1.0)
        assert a.unbroken()
        assert len(a.heard) == 50
        assert share(a.sound(), B, S) > 0.99
        assert level(a.sound(), B) == pytest.approx(1.0, abs=0.01)


def test_disorder_is_put_right() -> None:
    with hall() as setup:
        a, b, _ = room(setup)
        b.talking = False
        setup.run(0.1)
        setup.forget()
        kept: list[bytes] = []
        for _ in range(60):
            kept.append(b.packet())
            if len(kept) == 2:
                b.send(kept.pop())
                b.send(kept.pop())
            setup.run(0.02)
        assert a.unbroken()
        assert share(a.sound()[20 * FRAME :], B, S) > 0.97


def test_another_ssrc_in_mid_word() -> None:
    with hall() as setup:
        a, b, s = room(setup)
        setup.run(0.5)
        b.ssrc, b.seq, b.timestamp = 77, 9, 1_000_000
        setup.run(0.5)
        for phone, tones in ((a, (B, S)), (s, (A, B))):
            assert phone.unbroken()
            assert level(phone.sound(), B) == pytest.approx(1.0, abs=0.02)
            assert share(phone.sound(), *tones) > 0.99


def test_another_ssrc_in_a_relay_that_was_a_mix() -> None:
    """The hearer's stream goes on, though its talker begins another one."""
    with hall() as setup:
        a, b, _ = room(setup)
        setup.engine.command(Join("a", "b"))
        setup.run(0.2)
        b.ssrc, b.seq, b.timestamp = 77, 9, 1_000_000
        setup.run(0.2)
        numbers = [header.seq for header in a.headers]
        assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]
        assert len({header.ssrc for header in a.headers}) == 1
        steps = {
            (after.timestamp - before.timestamp) & 0xFFFF_FFFF
            for before, after in zip(a.headers, a.headers[1:], strict=False)
        }
        assert max(steps) <= 2 * FRAME


def test_one_who_is_silent_for_long_comes_back() -> None:
    with hall() as setup:
        a, b, _ = room(setup)
        b.talking = False
        setup.run(3.0)
        b.timestamp += 3 * 8000  # The pause of a phone that sends nothing while nobody talks.
        setup.forget()
        b.talk()
        setup.run(0.5)
        assert a.unbroken()
        assert level(a.sound()[1600:], B) == pytest.approx(1.0, abs=0.02)


def test_jitter_is_heard_by_nobody() -> None:
    with hall() as setup:
        a, b, s = room(setup)
        b.talking = False
        dice = random.Random(4)
        for number in range(400):
            packet = b.packet()
            late = number * 0.02 + dice.random() * 0.035
            _ = setup.loop.call_later(late, b.send, packet)
        setup.run(2.0)
        setup.forget()
        setup.run(5.0)
        for phone, tones in ((a, (B, S)), (s, (A, B))):
            assert phone.unbroken()
            assert share(phone.sound(), *tones) > 0.999
            assert float(np.abs(rest(phone.sound(), *tones)).max()) < LOUD / 8


def test_a_tick_that_is_late_is_made_up_for() -> None:
    """The worker was busy with something else for 50 ms."""
    with hall() as setup:
        a, _, _ = room(setup)
        for _ in range(5):
            setup.run(0.2)
            setup.loop.now += 0.05
        assert a.unbroken()
        assert len(a.heard) >= 60


def test_what_came_while_the_worker_was_busy_is_not_made_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ticks that are late come before the packets that have come meanwhile."""
    with hall() as setup:
        a, b, s = setup.phone("a", A), setup.phone("b", B, after=0.011), setup.phone("s", S)
        setup.mix(a="b", b="as", s="ab")
        setup.settle()
        with monkeypatch.context() as patch:
            patch.setattr(setup.loop, "read", lambda: None)
            setup.run(0.5)
        setup.run(0.1)
        for phone, tones in ((b, (A, S)), (s, (A, B))):
            assert phone.unbroken()
            assert len(phone.heard) == 30
            assert share(phone.sound(), *tones) > 0.9996  # The grain of G.711 is the rest.
        assert {packet[12:] for packet in a.heard} <= b.said
