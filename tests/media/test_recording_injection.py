"""A stranger sends RTP to all our ports, from before they are open, while a call is recorded.

He gets nothing back, and the file holds nothing of him: neither where people talk, nor where one is
silent or on hold, whether a peer's place is known from the description or still learned.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from media import g711, rtp
from media.codecs import Pcm
from media.protocol import Closed, EndRecording, Join, Member, Mix, Open, Record, RecordingEnded
from tests.media.hall import rest
from tests.media.rig import HOST, Phone, Rig, free_port, received, rig, run
from tests.media.speaker import PACKET, Speaker, conversation, read

STRANGER = "127.0.0.66"
RATE = 8000
FRAME = RATE // 50
PORTS = 12  # In a row: all that our sessions may have.
SPRAY_SECONDS = 0.004
A, B, S = 410, 730, 1130
# What G.711 adds to the others is at multiples of 10 Hz.
HIS = 1735.0
LOUD = 8000
HIS_SHARE_MAX = 1e-6  # -60 dB.
# Of one sample, without the tone of who talks: the grain of G.711. A packet of his: `LOUD`.
GRAIN_MAX = 0.04 * LOUD


class Stranger:
    def __init__(self) -> None:
        self.first = _ports_in_a_row()
        self.sent = 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind((STRANGER, 0))
        at = np.arange(RATE)
        tone = np.rint(LOUD * np.sin(2 * np.pi * HIS / RATE * at)).astype(np.int16)
        self._codes = g711.encode(tone, "PCMU")
        self._spray()

    def _spray(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SPRAY_SECONDS, self._spray)
        at = self.sent * PACKET % RATE
        sound = rtp.pack(0, self.sent, self.sent * PACKET, 66) + self._codes[at : at + PACKET]
        report = bytes((0x80, 201, 0, 1)) + (66).to_bytes(4)
        check = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
        for port in range(self.first, self.first + PORTS):
            for packet in (sound, report, check):
                try:
                    _ = self.sock.sendto(packet, (HOST, port))
                except OSError:
                    continue  # "Port unreachable", of the one before.
        self.sent += 1

    def close(self) -> None:
        self._timer.cancel()
        self.sock.close()


def _ports_in_a_row() -> int:
    """The first, even one."""
    while True:
        first = free_port(HOST)
        probes: list[socket.socket] = []
        try:
            for port in range(first, first + PORTS):
                probes.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                probes[-1].bind((HOST, port))
        except (OSError, OverflowError):
            continue
        finally:
            for probe in probes:
                probe.close()
        return first


@contextmanager
def attacked() -> Iterator[tuple[Rig, Stranger]]:
    """Nobody hears him, and he hears nobody."""
    stranger = Stranger()
    try:
        with rig() as setup:
            yield setup, stranger
            for name, phone in setup.phones.items():
                assert all(rtp.unpack(packet).ssrc != 66 for packet in phone.heard), name
            assert stranger.sent > 100
            assert received(stranger.sock) == 0
    finally:
        stranger.close()


async def people(
    setup: Rig, stranger: Stranger, learned: bool, *tones: int, connected: bool = True
) -> list[Speaker]:
    """Sessions a, b, …; he is there between each two steps."""
    speakers: list[Speaker] = []
    for number, tone in enumerate(tones):
        name, host, port = "abs"[number], f"127.0.0.{number + 2}", stranger.first + 4 * number
        phone = setup.phones[name] = Phone(host, ssrc=number + 7)
        setup.ports[name] = port
        setup.engine.command(Open(name, port, HOST))
        await asyncio.sleep(2 * SPRAY_SECONDS)
        if connected:
            setup.connect(name, learn_from=host if learned else "")
        await asyncio.sleep(2 * SPRAY_SECONDS)
        speakers.append(Speaker(phone, port, tone))
    return speakers


async def record(setup: Rig, path: Path, room: str = "") -> None:
    setup.engine.command(Join("a", "b"))
    setup.engine.command(Record("r", str(path), "a", "b", room))
    await asyncio.sleep(0.2)  # Nobody has said anything yet.


async def end(setup: Rig) -> None:
    setup.engine.command(EndRecording("r"))
    assert (await setup.event(RecordingEnded)).error == ""


def spoken(sound: Pcm) -> Pcm:
    """From the first sample to the last that is no silence, in whole tenths of a second."""
    loud = np.flatnonzero(sound)
    whole = sound[loud[0] : loud[-1] + 1]
    return whole[: len(whole) // 800 * 800]


def his_share(sound: Pcm) -> float:
    wave = sound.astype(np.float64)
    turn = np.exp(-2j * np.pi * HIS / RATE * np.arange(len(wave)))
    return float(2 * abs(wave @ turn) ** 2 / len(wave) / (wave @ wave))


def assert_only(sound: Pcm, *tones: int, seconds: float) -> None:
    """Nothing else is in it, not for a single packet."""
    said = spoken(sound)
    assert abs(len(said) / RATE - seconds) < 0.2
    assert his_share(said) < HIS_SHARE_MAX
    # Where a voice begins and ends in a mix the others' may be one sample off.
    inside = slice(FRAME, -FRAME)
    assert np.abs(rest(said.astype(np.float64), *tones)[inside]).max() < GRAIN_MAX * len(tones)


@pytest.mark.parametrize("learned", [False, True])
def test_both_talk(tmp_path: Path, learned: bool) -> None:
    async def main() -> None:
        with attacked() as (setup, stranger):
            a, b = await people(setup, stranger, learned, A, B)
            await record(setup, tmp_path / "r.wav")
            await conversation(1.5, a, b)
            await end(setup)

    run(main)
    sound = read(tmp_path / "r.wav")
    assert not np.any(sound[:800])
    assert_only(sound[:, 0], A, seconds=1.5)
    assert_only(sound[:, 1], B, seconds=1.5)


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("silent", ["a", "b", "ab"])
def test_who_is_silent_stays_so(tmp_path: Path, silent: str, learned: bool) -> None:
    """In his place nobody talks: not a sample. A learned place is still free for who takes it."""

    async def main() -> None:
        with attacked() as (setup, stranger):
            a, b = await people(setup, stranger, learned, A, B)
            await record(setup, tmp_path / "r.wav")
            await conversation(
                1.0, *(one for one, name in ((a, "a"), (b, "b")) if name not in silent)
            )
            await end(setup)

    run(main)
    sound = read(tmp_path / "r.wav")
    assert len(sound) > RATE
    for channel, (name, tone) in enumerate((("a", A), ("b", B))):
        if name in silent:
            assert not np.any(sound[:, channel])
        else:
            assert_only(sound[:, channel], tone, seconds=1.0)


@pytest.mark.parametrize("learned", [False, True])
def test_on_hold_and_after_it(tmp_path: Path, learned: bool) -> None:
    async def main() -> None:
        with attacked() as (setup, stranger):
            a, b = await people(setup, stranger, learned, A, B)
            learn_from = a.phone.host if learned else ""
            await record(setup, tmp_path / "r.wav")
            said = dict.fromkeys((*range(30), *range(70, 100)), a.speak)

            def hold() -> None:
                setup.connect("a", sending=False, receiving=False, learn_from=learn_from)

            def go_on() -> None:
                setup.connect("a", learn_from=learn_from)
                a.speak()

            await conversation(2.0, b, at=said | {30: hold, 70: go_on})
            await end(setup)

    run(main)
    sound = read(tmp_path / "r.wav")
    left = sound[:, 0]
    held = left[round(1.0 * RATE) : round(1.5 * RATE)]
    assert not np.any(held)
    assert_only(left[: round(1.2 * RATE)], A, seconds=0.6)
    assert_only(left[round(1.2 * RATE) :], A, seconds=0.6)
    assert_only(sound[:, 1], B, seconds=2.0)


@pytest.mark.parametrize("learned", [False, True])
def test_with_a_third_one(tmp_path: Path, learned: bool) -> None:
    async def main() -> None:
        with attacked() as (setup, stranger):
            three = await people(setup, stranger, learned, A, B, S)
            hears = (Member("a", ("b", "s")), Member("b", ("a", "s")), Member("s", ("a", "b")))
            await record(setup, tmp_path / "r.wav", "room")
            setup.engine.command(Mix("room", hears))
            await conversation(1.5, *three)
            await end(setup)

    run(main)
    sound = read(tmp_path / "r.wav")
    assert_only(sound[:, 0], A, seconds=1.5)
    assert_only(sound[:, 1], B, S, seconds=1.5)


@pytest.mark.parametrize("learned", [False, True])
def test_what_queued_before_places_were_known(tmp_path: Path, learned: bool) -> None:
    async def main() -> None:
        with attacked() as (setup, stranger):
            a, b = await people(setup, stranger, learned, A, B, connected=False)
            await record(setup, tmp_path / "r.wav")
            for name, one in (("a", a), ("b", b)):
                setup.connect(name, learn_from=one.phone.host if learned else "")
            await conversation(1.0, b)
            await end(setup)

    run(main)
    sound = read(tmp_path / "r.wav")
    assert not np.any(sound[:, 0])
    assert_only(sound[:, 1], B, seconds=1.0)


@pytest.mark.parametrize("learned", [False, True])
def test_a_phone_that_moves(tmp_path: Path, learned: bool) -> None:
    """A re-INVITE names another port: until it speaks from there, nobody does."""

    async def main() -> None:
        with attacked() as (setup, stranger):
            a, b = await people(setup, stranger, learned, A, B)
            setup.phones["moved"] = moved = Phone(a.phone.host, ssrc=77)
            await record(setup, tmp_path / "r.wav")

            def move() -> None:
                a.phone, a.ssrc, a.seq = moved, moved.ssrc, a.seq + 40_000
                there = {"address": (moved.host, moved.port), "rtcp": (moved.host, moved.port + 1)}
                setup.connect("a", **there, learn_from=moved.host if learned else "")

            said = dict.fromkeys((*range(30), *range(60, 90)), a.speak)
            await conversation(1.8, b, at=said | {30: move})
            await end(setup)

    run(main)
    left, right = read(tmp_path / "r.wav").T
    assert not np.any(left[round(0.9 * RATE) : round(1.3 * RATE)])
    assert_only(left[: round(1.0 * RATE)], A, seconds=0.6)
    assert_only(left[round(1.0 * RATE) :], A, seconds=0.6)
    assert_only(right, B, seconds=1.8)


def test_he_was_there(tmp_path: Path) -> None:
    """Where places are learned his packets reach us, and each of them is refused."""

    async def main() -> None:
        with attacked() as (setup, stranger):
            _ = await people(setup, stranger, True, A, B)
            await record(setup, tmp_path / "r.wav")
            await asyncio.sleep(1.0)
            setup.engine.close()
            stats = [event.stats for event in setup.of(Closed)]
            assert [one.sent for one in stats] == [0, 0]
            assert min(one.refused for one in stats) > 50

    run(main)
    assert not np.any(read(tmp_path / "r.wav"))
