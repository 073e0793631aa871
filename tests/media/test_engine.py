"""The engine on real sockets: what a phone sends and hears, and that nothing is left."""

import asyncio
import os
import socket
from functools import partial
from pathlib import Path

import pytest

from media import g711, rtcp, rtp, sounds
from media.protocol import (
    Close,
    Closed,
    Connect,
    Digit,
    Echo,
    Failed,
    Join,
    Open,
    Part,
    Ping,
    Play,
    PlayEnded,
    Pong,
    SendDigits,
    SessionStats,
    Silent,
    Stop,
    Watch,
)
from tests.media.rig import HOST, Phone, Rig, free_port, rig, run, tone, turn


def pair(setup: Rig) -> tuple[Phone, Phone]:
    a, b = setup.call("a"), setup.call("b", "127.0.0.3")
    setup.engine.command(Join("a", "b"))
    return a, b


def test_a_packet_goes_through_as_it_came() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            sent = [a.send(setup.ports["a"]) for _ in range(40)]
            await b.hears(*sent)
            assert b.heard == sent
            await a.hears(b.send(setup.ports["b"]))
            for name in "ab":
                setup.engine.command(Close(name))
        stats = {event.session: event.stats for event in setup.of(Closed)}
        assert (stats["a"].received, stats["a"].sent, stats["a"].lost) == (40, 1, 0)
        assert (stats["b"].received, stats["b"].sent, stats["b"].lost) == (1, 40, 0)
        assert (stats["a"].bytes_received, stats["b"].bytes_sent) == (40 * 172, 40 * 172)

    run(main)


def test_loss_is_counted_though_few_packets_are_looked_at() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            sent = [a.packet() for _ in range(400)]
            del sent[200:207], sent[50:53]
            for packet in sent:
                _ = a.send(setup.ports["a"], packet)
                await turn()
            await b.hears(*sent)
            setup.engine.command(Close("a"))
            stats = (await setup.event(Closed)).stats
            assert (stats.received, stats.lost) == (390, 10)

    run(main)


def test_marker_padding_extension_and_noise_go_through_too() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            packets = [
                rtp.pack(0, 1, 160, 7, marker=True) + b"x" * 160,
                b"\xb1"
                + rtp.pack(0, 2, 320, 7)[1:]
                + bytes(4)
                + b"\xbe\xde\0\0"
                + b"x" * 8
                + b"\2\2",
                rtp.pack(13, 3, 480, 7) + b"\x40",
            ]
            for packet in packets:
                _ = a.send(setup.ports["a"], packet)
            await b.hears(*packets)

    run(main)


def test_what_is_no_packet_of_the_call_is_dropped() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            for data in (
                b"",
                b"\x80",
                rtp.pack(0, 1, 1, 7),
                b"\0" * 100,
                a.packet(payload_type=77),
            ):
                _ = a.send(setup.ports["a"], data)
            _ = a.send(setup.ports["a"], a.packet(b"x" * 3000))
            last = a.send(setup.ports["a"])
            await b.hears(last)
            assert b.heard == [last]
            setup.engine.command(Close("a"))
            assert (await setup.event(Closed)).stats.dropped == 6

    run(main)


def test_laws_are_translated_and_numbers_rewritten() -> None:
    async def main() -> None:
        with rig() as setup:
            a = setup.call("a")
            b = setup.call("b", "127.0.0.3", codec="PCMA", payload_type=8, dtmf_payload_type=96)
            setup.engine.command(Join("a", "b"))
            payload = bytes(range(160))
            _ = a.send(setup.ports["a"], rtp.pack(0, 5, 800, 7) + payload)
            _ = a.send(setup.ports["a"], rtp.pack(101, 6, 960, 7, marker=True) + b"\1\x0a\0\xa0")
            await b.hears(
                rtp.pack(8, 5, 800, 7) + payload.translate(g711.ULAW_TO_ALAW),
                rtp.pack(96, 6, 960, 7, marker=True) + b"\1\x0a\0\xa0",
            )
            # It may change its law without a word.
            _ = a.send(setup.ports["a"], rtp.pack(8, 7, 1120, 7) + payload)
            await b.hears(rtp.pack(8, 7, 1120, 7) + payload)

    run(main)


def test_a_key_is_passed_on_and_reported_once() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            down = [rtp.pack(101, n, 160, 7) + bytes((5, 10, 0, 160)) for n in range(1, 4)]
            up = [rtp.pack(101, n, 160, 7) + bytes((5, 0x8A, 3, 32)) for n in range(4, 7)]
            for packet in down + up:
                _ = a.send(setup.ports["a"], packet)
            await b.hears(*down, *up)
            # The second key loses its end.
            _ = a.send(setup.ports["a"], rtp.pack(101, 7, 3200, 7) + bytes((11, 10, 0, 160)))
            _ = await setup.event(Digit, 2)
            assert setup.of(Digit) == [Digit("a", "5", 100), Digit("a", "#", 20)]

    run(main)


def test_who_is_held_hears_nothing_and_comes_back() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            setup.connect("b", receiving=False)
            _ = a.send(setup.ports["a"])
            await a.hears(b.send(setup.ports["b"]))  # Music of the holder.
            setup.connect("b", address=("0.0.0.0", b.port))  # The hold of old phones.
            _ = a.send(setup.ports["a"])
            await a.hears(b.send(setup.ports["b"]))
            setup.connect("b")
            await b.hears(heard := a.send(setup.ports["a"]))
            assert b.heard == [heard]

    run(main)


def test_parted_and_closed_sessions_are_silent() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            setup.engine.command(Part("b"))
            _ = a.send(setup.ports["a"])
            setup.engine.command(Echo("a"))
            await a.hears(a.send(setup.ports["a"]))
            setup.engine.command(Stop("a"))
            _ = a.send(setup.ports["a"])
            await turn()
            setup.engine.command(Join("a", "b"))
            await b.hears(heard := a.send(setup.ports["a"]))
            setup.engine.command(Close("a"))
            setup.engine.command(Echo("b"))
            await b.hears(own := b.send(setup.ports["b"]))
            assert b.heard == [heard, own]

    run(main)


def test_nobody_listening_is_not_the_end() -> None:
    """ICMP port unreachable comes back as ECONNREFUSED on a connected socket."""

    async def main() -> None:
        with rig() as setup:
            a = setup.call("a")
            nobody = free_port("127.0.0.3")
            address = ("127.0.0.3", nobody)
            setup.engine.command(Open("b", free_port(), HOST))
            setup.engine.command(Connect("b", address, (address[0], nobody + 1), "", "PCMU", 0))
            setup.engine.command(Join("a", "b"))
            setup.engine.command(Play("b", 1, ("/none",)))
            setup.engine.command(Join("a", "b"))
            for _ in range(5):
                _ = a.send(setup.ports["a"])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
                late.bind(address)
                late.setblocking(False)
                for _ in range(100):
                    _ = a.send(setup.ports["a"])
                    await asyncio.sleep(0)
                    try:
                        assert late.recv(2000)
                        break
                    except BlockingIOError:
                        continue
                else:
                    pytest.fail("it never came up")

    run(main)


def says(phone: Phone, frame: bytes) -> bool:
    return bool(phone.heard) and rtp.payload(phone.heard[-1]) == frame


def sounds_of(path: Path, law: str) -> tuple[bytes, ...]:
    return sounds.load(sounds.key_of(str(path), law))


def test_a_prompt_is_played_gapless_and_its_end_told(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            a = setup.call("a", codec="PCMA", payload_type=8)
            one = tone(tmp_path, seconds=0.1)
            two = tone(tmp_path, seconds=0.05, hertz=1000)
            setup.engine.command(Play("a", 5, (str(one), str(two))))
            assert await setup.event(PlayEnded) == PlayEnded("a", 5, True)
            frames = sounds_of(one, "PCMA") + sounds_of(two, "PCMA")
            await a.until(lambda: len(a.heard) == len(frames), len(frames))
            assert tuple(rtp.payload(data) for data in a.heard) == frames
            headers = [rtp.unpack(data) for data in a.heard]
            first = headers[0]
            assert [header.marker for header in headers] == [True] + [False] * 7
            assert {header.payload_type for header in headers} == {8}
            assert {header.ssrc for header in headers} == {first.ssrc}
            steps = [(header.seq - first.seq) % 65536 for header in headers]
            assert steps == list(range(8))

    run(main)


def test_a_play_replaces_a_play_and_a_join_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = setup.call("a"), setup.call("b", "127.0.0.3")
            music, prompt = tone(tmp_path), tone(tmp_path, hertz=1000)
            for number, file in enumerate((music, prompt)):
                setup.engine.command(Play("a", number, (str(file),), repeat=True))
                frame = sounds_of(file, "PCMU")[0]
                await a.until(partial(says, a, frame))
            setup.engine.command(Join("a", "b"))
            assert setup.of(PlayEnded) == [PlayEnded("a", 0, False), PlayEnded("a", 1, False)]
            count = len(a.heard)
            await a.hears(packet := b.send(setup.ports["b"]))
            assert a.heard[count:] == [packet]

    run(main)


def test_a_codec_change_plays_on_in_the_new_law(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            a = setup.call("a")
            music = tone(tmp_path)
            setup.engine.command(Play("a", 1, (str(music),), repeat=True))
            await a.until(lambda: len(a.heard) > 2)
            setup.connect("a", codec="PCMA", payload_type=8)
            laws = {0: sounds_of(music, "PCMU"), 8: sounds_of(music, "PCMA")}
            await a.until(lambda: len(a.heard) > 2 and a.heard[-3][1] == 8)
            for data in a.heard:
                assert rtp.payload(data) in laws[data[1] & 0x7F]

    run(main)


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_what_cannot_be_played_is_told(codec: str, tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            _ = setup.call("a", codec=codec)
            broken = tmp_path / "broken.wav"
            _ = broken.write_bytes(b"RIFF nonsense")
            setup.engine.command(Play("a", 1, (str(broken),)))
            ended = await setup.event(PlayEnded)
            assert (ended.play, ended.finished) == (1, False)
            assert str(broken) in ended.error

    run(main)


def test_our_keys_take_the_place_of_the_sound() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            setup.engine.command(SendDigits("a", "1"))
            await a.until(lambda: len(a.heard) >= 7)
            keys = [data for data in a.heard if data[1] & 0x7F == 101]
            assert [data[12] for data in keys] == [1] * 7
            assert [bool(data[13] & 0x80) for data in keys] == [False] * 4 + [True] * 3
            assert len({data[4:8] for data in keys}) == 1
            # Until the pause after the key is over, nobody else is heard.
            await a.until(lambda: len(a.heard) > 7, "b", lambda: b.send(setup.ports["b"]))
            seqs = {rtp.unpack(data).seq for data in a.heard[7:]}
            assert 1 not in seqs

    run(main)


def test_reports_go_to_the_other_side_and_tell_the_round_trip() -> None:
    async def main() -> None:
        with rig() as setup:
            a, b = pair(setup)
            ntp = rtcp.ntp_time(1_800_000_000.0)
            report = rtcp.pack_report(rtcp.SenderReport(7, ntp, 0, 1, 160), "a")
            _ = a.rtcp.sendto(report, (HOST, setup.ports["a"] + 1))
            await b.until(lambda: b.reports == [report])
            block = rtcp.ReportBlock(7, 0, 0, 1, 0, rtcp.ntp_middle(ntp), 0)
            answer = rtcp.pack_report(rtcp.ReceiverReport(8, (block,)), "b")
            _ = b.rtcp.sendto(answer, (HOST, setup.ports["b"] + 1))
            await a.until(lambda: a.reports == [answer])
            setup.engine.command(Close("b"))
            rtt_ms = (await setup.event(Closed)).stats.rtt_ms
            assert rtt_ms is not None
            assert 0 <= rtt_ms < 1000

    run(main)


def test_the_end_of_a_played_stream_is_reported(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            a = setup.call("a")
            setup.engine.command(Play("a", 1, (str(tone(tmp_path)),)))
            await a.until(lambda: len(a.heard) > 2)
            setup.engine.command(Close("a"))
            await a.until(lambda: len(a.reports) == 1)
            sender, name, bye = rtcp.parse(a.reports[0])
            ssrc = rtp.unpack(a.heard[0]).ssrc
            assert isinstance(sender, rtcp.SenderReport)
            assert (sender.ssrc, sender.packets) == (ssrc, len(a.heard))
            assert isinstance(name, rtcp.SourceName)
            assert bye == rtcp.Bye((ssrc,))

    run(main)


def test_silence_is_noticed() -> None:
    async def main() -> None:
        with rig() as setup:
            _ = setup.call("a"), setup.call("b", "127.0.0.3", sending=False)
            for name in "ab":
                setup.engine.command(Watch(name, 0.1))
            _ = await setup.event(Silent)
            assert setup.of(Silent) == [Silent("a")]

    run(main)


def test_what_cannot_be_opened_or_reached_fails() -> None:
    async def main() -> None:
        with rig() as setup:
            _ = setup.call("a")
            port = setup.ports["a"]
            setup.engine.command(Open("b", port, HOST))
            setup.engine.command(Open("c", port - 1, HOST))
            setup.engine.command(Open("a", port + 2, HOST))
            setup.engine.command(Open("d", port + 4, "example.com"))
            setup.connect("a", address=("224.0.0.1", 4000))
            setup.connect("a", address=("phone.example.com", 4000))
            assert [event.session for event in setup.of(Failed)] == ["b", "c", "a", "d", "a", "a"]
            setup.engine.command(Open("a", port, HOST))  # The same again: after a restart.
            setup.engine.command(Close("b"))
            assert setup.of(Closed) == [Closed("b", SessionStats())]
            setup.engine.command(Ping(3))
            assert setup.of(Pong) == [Pong(3)]

    run(main)


def test_nothing_is_left_open(tmp_path: Path) -> None:
    async def main() -> None:
        music = (str(tone(tmp_path)),)
        with rig() as setup:
            warm = setup.call("warm")
            setup.engine.command(Play("warm", 1, music))
            await warm.until(lambda: bool(warm.heard))
            setup.engine.command(Close("warm"))
            before = len(os.listdir("/proc/self/fd"))
            for n in range(20):
                name = f"s{n}"
                port = free_port()
                setup.engine.command(Open(name, port, HOST))
                address = ("127.0.0.2", 9)
                setup.engine.command(Connect(name, address, address, "", "PCMU", 0, 101))
                setup.engine.command(Play(name, 1, music))
                setup.engine.command(SendDigits(name, "12"))
                setup.engine.command(Watch(name, 1.0))
            for n in range(20):
                setup.engine.command(Close(f"s{n}"))
            assert not any(setup.engine.leftovers().values())
            assert len(os.listdir("/proc/self/fd")) == before

    run(main)
