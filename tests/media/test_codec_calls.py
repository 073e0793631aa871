"""Calls between phones of different codecs, on real sockets."""

import random
from pathlib import Path

import pytest

from media import formats, rtp
from media.codecs import encoder, samples_per_packet, units_per_packet
from media.dtmf import DigitReceiver, Press
from media.formats import clock_rate, sample_rate
from media.player import Player, Stream
from media.protocol import Close, Closed, Digit, Echo, Join, Play, PlayEnded, SendDigits
from tests.media.rig import Phone, Rig, rig, run, turn
from tests.media.rig import tone as sound_file
from tests.media.tones import Heard, listen, measure, tone

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 96}
KEYS = {"PCMU": 101, "PCMA": 101, "G722": 101, "opus": 97}
HERE = formats.installed()
PTIMES = [(20, 20), (10, 20), (20, 30), (40, 10)]


def called(setup: Rig, name: str, codec: str, ptime: int = 20, **changes: object) -> Phone:
    usual: dict[str, object] = {
        "codec": codec,
        "payload_type": PAYLOAD_TYPES[codec],
        "dtmf_payload_type": KEYS[codec],
        "ptime": ptime,
        "fmtp": "useinbandfec=1" if codec == "opus" else "",
    }
    phone = setup.open(name)
    setup.connect(name, **{**usual, **changes})
    return phone


def say(setup: Rig, name: str, codec: str, ptime: int, hertz: int, seconds: float = 1.0) -> int:
    """All at once: nothing in between waits for a clock. Returns how many packets."""
    phone, port = setup.phones[name], setup.ports[name]
    samples, units = samples_per_packet(codec, ptime), units_per_packet(codec, ptime)
    encode, sound = encoder(codec).encode, tone(hertz, sample_rate(codec), seconds)
    count = len(sound) // samples
    for n in range(count):
        head = rtp.pack(PAYLOAD_TYPES[codec], n, n * units, phone.ssrc, marker=n == 0)
        phone.send(port, head + encode(sound[n * samples : (n + 1) * samples]))
    return count


def heard(phone: Phone, codec: str, hertz: int) -> Heard:
    rate = sample_rate(codec)
    pcm = listen(phone.heard, codec, PAYLOAD_TYPES[codec])
    return measure(pcm[rate // 5 :], hertz, rate)


@pytest.mark.parametrize("ptimes", PTIMES)
@pytest.mark.parametrize("b", HERE)
@pytest.mark.parametrize("a", HERE)
def test_two_talk(a: str, b: str, ptimes: tuple[int, int]) -> None:
    """`ptimes`: of what the one sends, and of what the other asks for."""

    async def main() -> None:
        with rig() as setup:
            _ = called(setup, "a", a)
            hearer = called(setup, "b", b, ptimes[1])
            setup.engine.command(Join("a", "b"))
            _ = say(setup, "a", a, ptimes[0], 440)
            # Opus between two phones is never touched, whatever they would like best.
            length = ptimes[0] if a == b and (ptimes[1] == 20 or a == "opus") else ptimes[1]
            if {a, b} == {"PCMU", "PCMA"} and ptimes[1] == 20:
                length = ptimes[0]
            count = 1000 // length
            await hearer.until(lambda: len(hearer.heard) >= count, "the whole tone")
            assert len(hearer.heard) == count
            found = heard(hearer, b, 440)
            assert abs(found.level_db) < 1
            # Opus has fewer bits for it, because of its second copies.
            assert found.share > (0.99 if "opus" in {a, b} else 0.995)
            assert found.quietest_db > -1
            for phone in ("a", "b"):
                setup.engine.command(Close(phone))
            _ = await setup.event(Closed, 2)
            stats = {event.session: event.stats for event in setup.of(Closed)}
            assert (stats["a"].received, stats["b"].sent) == (1000 // ptimes[0], count)
            assert stats["b"].bytes_sent == sum(map(len, hearer.heard))

    run(main)


@pytest.mark.parametrize("codec", HERE)
def test_a_sound_file_in_each_codec(codec: str, tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            phone = called(setup, "a", codec)
            path = sound_file(tmp_path, seconds=0.5, rate=48_000)
            setup.engine.command(Play("a", 1, (str(path),)))
            assert (await setup.event(PlayEnded)).finished
            await phone.until(lambda: len(phone.heard) >= 25, "the whole file")
            stamps = [rtp.unpack(packet).timestamp for packet in phone.heard]
            step = units_per_packet(codec)
            assert [(at - stamps[0]) % (1 << 32) for at in stamps] == [n * step for n in range(25)]
            found = heard(phone, codec, 440)
            assert found.share > 0.98
            assert abs(found.level_db - 1.94) < 1  # 10,000 instead of 8,000.

    run(main)


def test_a_sound_file_for_who_wants_thirty_milliseconds(tmp_path: Path) -> None:
    async def main() -> None:
        with rig() as setup:
            phone = called(setup, "a", "G722", 30)
            setup.engine.command(Play("a", 1, (str(sound_file(tmp_path, seconds=0.6)),)))
            assert (await setup.event(PlayEnded)).finished
            await phone.until(lambda: len(phone.heard) >= 20, "the whole file")
            assert {len(packet) for packet in phone.heard} == {252}
            assert heard(phone, "G722", 440).share > 0.98

    run(main)


@pytest.mark.parametrize("codec", HERE)
def test_an_echo_is_what_came(codec: str) -> None:
    async def main() -> None:
        with rig() as setup:
            phone = called(setup, "a", codec)
            setup.engine.command(Echo("a"))
            sent = [phone.packet(bytes(80), PAYLOAD_TYPES[codec]) for _ in range(3)]
            for packet in sent:
                phone.send(setup.ports["a"], packet)
            await phone.hears(*sent)

    run(main)


def keys_of(phone: Phone, codec: str) -> list[Press]:
    receiver = DigitReceiver(clock_rate(codec))
    presses: list[Press] = []
    for packet in phone.heard:
        head = rtp.unpack(packet)
        if head.payload_type == KEYS[codec]:
            presses += receiver.on_packet(rtp.payload(packet), head.timestamp, 0.0)
    return presses


@pytest.mark.parametrize("pair", [("PCMU", "opus"), ("opus", "PCMA"), ("G722", "PCMU")])
def test_keys_from_clock_to_clock(pair: tuple[str, str]) -> None:
    if "opus" in pair and "opus" not in HERE:
        pytest.skip("libopus0 is not installed")
    source, target = pair

    async def main() -> None:
        with rig() as setup:
            one, other = called(setup, "a", source), called(setup, "b", target)
            setup.engine.command(Join("a", "b"))
            count = say(setup, "a", source, 20, 440, 0.1)
            units = units_per_packet(source)
            for n in range(1, 9):
                done = min(n, 5) * units
                head = rtp.pack(KEYS[source], count + n, count * units, one.ssrc, marker=n == 1)
                end = 0x80 if n > 5 else 0
                one.send(setup.ports["a"], head + bytes((5, end | 10)) + done.to_bytes(2))
            await other.until(lambda: keys_of(other, target) != [], "the key")
            assert keys_of(other, target) == [Press("5", 100)]
            assert [(event.digit, event.ms) for event in setup.of(Digit)] == [("5", 100)]

    run(main)


@pytest.mark.parametrize("pair", [("PCMU", "G722"), ("PCMA", "PCMA"), ("G722", "opus")])
def test_every_press_once_although_packets_are_lost_and_doubled(pair: tuple[str, str]) -> None:
    """5 % of each. At both ends: by us, and by who hears it through us."""
    if "opus" in pair and "opus" not in HERE:
        pytest.skip("libopus0 is not installed")
    source, target = pair

    async def main() -> None:
        rng = random.Random(7)
        with rig() as setup:
            phone, other = called(setup, "a", source), called(setup, "b", target)
            setup.engine.command(Join("a", "b"))
            player = Player(Stream(phone.ssrc, 0, 0))
            digits = "0123456789*#ABCD" * 3
            assert player.press(digits, 0) == len(digits)
            for tick in range(len(digits) * 10 + 10):
                packet, _ = player.on_tick(tick, 0, KEYS[source])
                for _ in range(0 if packet is None else rng.choices((0, 1, 2), (5, 90, 5))[0]):
                    phone.send(setup.ports["a"], packet)
                if tick % 5 == 0:
                    await turn()  # More would not fit into a socket.
            await setup.until(lambda: len(setup.of(Digit)) == len(digits), "all keys")
            assert [event.digit for event in setup.of(Digit)] == list(digits)
            await other.until(lambda: len(keys_of(other, target)) == len(digits), "them, too")
            heard = keys_of(other, target)
            assert [press.digit for press in heard] == list(digits)

    run(main)


@pytest.mark.parametrize("codec", HERE)
def test_keys_that_we_press(codec: str) -> None:
    async def main() -> None:
        with rig() as setup:
            phone = called(setup, "a", codec)
            setup.engine.command(SendDigits("a", "7#"))
            await phone.until(lambda: len(keys_of(phone, codec)) == 2, "two keys")
            assert keys_of(phone, codec) == [Press("7", 100), Press("#", 100)]

    run(main)


def test_another_codec_in_the_middle_of_a_call() -> None:
    """A re-INVITE: the stream of ours goes on with the same SSRC and the next number."""

    async def main() -> None:
        with rig() as setup:
            _ = called(setup, "a", "PCMU")
            hearer = called(setup, "b", "G722")
            setup.engine.command(Join("a", "b"))
            _ = say(setup, "a", "PCMU", 20, 440, 0.5)
            await hearer.until(lambda: len(hearer.heard) >= 25, "the first half")
            setup.connect("b", codec="PCMA", payload_type=8, dtmf_payload_type=101)
            phone = setup.phones["a"]
            packet = rtp.pack(0, 25, 25 * 160, phone.ssrc) + b"\x55" * 160
            phone.send(setup.ports["a"], packet)
            await hearer.until(lambda: len(hearer.heard) >= 26, "the other codec")
            assert hearer.heard[-1][1] == 8
            setup.connect("b", codec="G722", payload_type=9, dtmf_payload_type=101)
            phone.send(setup.ports["a"], rtp.pack(0, 26, 26 * 160, phone.ssrc) + b"\x55" * 160)
            await hearer.until(lambda: len(hearer.heard) >= 27, "the first codec again")
            first, last = rtp.unpack(hearer.heard[0]), rtp.unpack(hearer.heard[-1])
            assert (last.payload_type, last.ssrc, last.marker) == (9, first.ssrc, True)
            assert last.seq == (first.seq + 25) % rtp.SEQ_MOD

    run(main)
