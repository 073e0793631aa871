import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import formats, rtp
from media.codecs import Pcm, encoder, samples_per_packet, units_per_packet
from media.dtmf import DigitReceiver, Press
from media.errors import ParseError
from media.formats import FORMATS, clock_rate, sample_rate
from media.player import TICK_SECONDS, Player, Stream
from media.relay import Leg
from media.transcoding import Transcoder
from tests.media.tones import listen, measure, tone

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 111}
HERE = formats.installed()
PAIRS = [(a, b) for a in HERE for b in HERE if a != b]


def leg(codec: str, ptime: int = 20) -> Leg:
    one = Leg()
    one.codec, one.payload_type, one.ptime = codec, PAYLOAD_TYPES[codec], ptime
    one.dtmf_payload_type = 110 if codec == "opus" else 101
    one.fmtp = "useinbandfec=1" if codec == "opus" else ""
    return one


def stream(codec: str) -> Stream:
    one = Stream(ssrc=9, seq=65_530, timestamp=(1 << 32) - 500)
    one.units = round(clock_rate(codec) * TICK_SECONDS)
    return one


def between(source: str, target: str, ptime: int = 20) -> Transcoder:
    return Transcoder(leg(source), leg(target, ptime), stream(target))


def spoken(
    codec: str, sound: Pcm, ptime: int = 20, *, seq: int = 65_500, timestamp: int = 4_294_960_000
) -> list[bytes]:
    """Packets of a phone, with numbers that run over."""
    samples, units = samples_per_packet(codec, ptime), units_per_packet(codec, ptime)
    encode = encoder(codec, fmtp="useinbandfec=1").encode
    return [
        rtp.pack(PAYLOAD_TYPES[codec], seq + n, timestamp + n * units, 5, marker=n == 0)
        + encode(sound[n * samples : (n + 1) * samples])
        for n in range(len(sound) // samples)
    ]


def fed(
    one: Transcoder, packets: list[bytes], ptime: int = 20, start: float = 100.0
) -> list[bytes]:
    made: list[bytes] = []
    for n, packet in enumerate(packets):
        made += one.on_packet(packet, start + n * ptime / 1000)
    return made


def heads(packets: list[bytes]) -> list[tuple[int, int, bool]]:
    """Sequence and timestamp since the first packet, and the marker."""
    first = rtp.unpack(packets[0])
    return [
        (
            (head.seq - first.seq) % rtp.SEQ_MOD,
            (head.timestamp - first.timestamp) % rtp.TIMESTAMP_MOD,
            head.marker,
        )
        for head in map(rtp.unpack, packets)
    ]


@pytest.mark.parametrize("ptimes", [(20, 20), (10, 30), (30, 20), (40, 10)])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_tone_from_each_to_each(source: str, target: str, ptimes: tuple[int, int]) -> None:
    sound = tone(440, sample_rate(source), 1.2)
    made = fed(between(source, target, ptimes[1]), spoken(source, sound, ptimes[0]), ptimes[0])
    units = units_per_packet(target, ptimes[1])
    assert heads(made) == [(n, n * units, n == 0) for n in range(1200 // ptimes[1])]
    rate = sample_rate(target)
    pcm = listen(made, target, PAYLOAD_TYPES[target])
    heard = measure(pcm[rate // 5 :], 440, rate)
    assert abs(heard.level_db) < 1
    assert heard.share > 0.995
    assert heard.quietest_db > -1
    # What is late: the resampler, and the codec itself.
    began = int(np.argmax(np.abs(pcm.astype(int)) > 4000)) / rate
    assert began < 0.001 + (0.003 if "opus" not in (source, target) else 0.015)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_three_percent_lost(source: str, target: str) -> None:
    rng = random.Random(f"{source} {target}")
    packets = spoken(source, tone(440, sample_rate(source), 4.0))
    lost = rng.sample(range(10, len(packets) - 1), len(packets) * 3 // 100)
    kept = [packet for n, packet in enumerate(packets) if n not in lost]
    made = fed(between(source, target), kept)
    rate = sample_rate(target)
    pcm = listen(made, target, PAYLOAD_TYPES[target])
    assert abs(len(pcm) / rate - 4.0) < 0.07
    assert measure(pcm[rate // 5 :], 440, rate).share > (0.96 if source == "opus" else 0.97)


def test_a_pause_is_a_jump_of_time_with_a_marker() -> None:
    sound = tone(440, 8000, 1.0)
    packets = spoken("PCMU", sound)
    one = between("PCMU", "opus")
    made = fed(one, packets[:5]) + one.on_packet(packets[30], 100.6)
    assert heads(made) == [(n, n * 960, n == 0) for n in range(5)] + [(5, 30 * 960, True)]


def test_what_is_left_over_before_a_pause_is_filled_up() -> None:
    packets = spoken("PCMU", tone(440, 8000, 1.0), 30)
    one = between("PCMU", "G722")
    made = [*one.on_packet(packets[0], 1.0), *one.on_packet(packets[10], 1.3)]
    assert heads(made) == [(0, 0, True), (1, 160, False), (2, 2400, True)]
    assert {len(packet) for packet in made} == {172}


def test_packets_twice_and_too_late() -> None:
    packets = spoken("PCMU", tone(440, 8000, 1.0))[:6]
    one = between("PCMU", "G722")
    order = [0, 1, 1, 3, 2, 4, 0, 5]
    made = [packet for at in order for packet in one.on_packet(packets[at], 1.0 + at / 50)]
    assert one.late == 3
    assert heads(made) == [(n, n * 160, n == 0) for n in range(6)]


def test_another_source_begins_where_our_clock_is() -> None:
    packets = spoken("PCMU", tone(440, 8000, 1.0))
    others = [packet[:8] + b"\x00\x00\x00\x63" + packet[12:] for packet in packets[10:]]
    one = between("PCMU", "G722")
    made = fed(one, packets[:3])
    made += [*one.on_packet(others[0], 101.0), *one.on_packet(others[1], 0)]
    assert heads(made) == [
        *[(n, n * 160, n == 0) for n in range(3)],
        (3, 8000, True),
        (4, 8160, False),
    ]


def test_timestamps_that_jump_begin_anew_but_never_go_back() -> None:
    sound = tone(440, 8000, 1.0)
    one = between("PCMU", "G722")
    made = fed(one, spoken("PCMU", sound)[:3])
    later = spoken("PCMU", sound, seq=65_503, timestamp=1_000_000)
    made += one.on_packet(later[0], 100.02)  # Earlier than all that was sent says.
    assert heads(made) == [*[(n, n * 160, n == 0) for n in range(3)], (3, 480, True)]


@pytest.mark.parametrize(("source", "target"), [("PCMU", "G722"), ("PCMU", "opus")])
def test_comfort_noise(source: str, target: str) -> None:
    packets = spoken(source, tone(440, 8000, 1.0))
    one = between(source, target)
    noise = rtp.pack(13, 65_503, 4_294_960_480, 5) + b"\x40"
    made = fed(one, packets[:3]) + one.on_packet(noise, 100.06)
    assert [rtp.unpack(packet).payload_type for packet in made[3:]] == (
        [13] if target == "G722" else []
    )


def test_a_phone_changes_the_law_without_a_word() -> None:
    sound = tone(440, 8000, 0.5)
    one = between("PCMU", "G722")
    made = fed(one, spoken("PCMU", sound[:1600]))
    later = spoken("PCMA", sound[1600:], seq=65_510, timestamp=4_294_961_600)
    made += fed(one, later, start=100.2)
    heard = measure(listen(made, "G722", 9)[1600:], 440, 16_000)
    assert heard.share > 0.99
    assert abs(heard.level_db) < 1


def test_what_was_not_agreed_is_refused() -> None:
    one = between("G722", "PCMU")
    for packet in (rtp.pack(0, 1, 1, 5) + bytes(160), rtp.pack(97, 2, 1, 5) + bytes(160)):
        with pytest.raises(ParseError, match="was not agreed"):
            _ = one.on_packet(packet, 1.0)


def test_nobody_is_made_anew_for_the_same_two() -> None:
    assert Transcoder.key(leg("PCMU"), leg("G722")) == between("PCMU", "G722").between
    assert Transcoder.key(leg("PCMU"), leg("G722", 30)) != between("PCMU", "G722").between


# Keys.


def pressed(codec: str, digits: str) -> list[bytes]:
    """What a phone sends for these keys."""
    player = Player(stream(codec))
    player.retune(clock_rate(codec))
    _ = player.press(digits, 1)
    made: list[bytes] = []
    tick = 0
    while player.busy:
        tick += 1
        packet, _ = player.on_tick(tick, PAYLOAD_TYPES[codec], 110 if codec == "opus" else 101)
        made += [packet] if packet is not None else []
    return made


def understood(packets: list[bytes], codec: str) -> list[Press]:
    receiver = DigitReceiver(clock_rate(codec))
    presses: list[Press] = []
    for packet in packets:
        assert rtp.unpack(packet).payload_type == (110 if codec == "opus" else 101)
        timestamp = rtp.unpack(packet).timestamp
        presses += receiver.on_packet(rtp.payload(packet), timestamp, 0.0)
    return presses + receiver.on_time(9.0)


@settings(max_examples=80, deadline=None)
@given(
    st.text("0123456789*#ABCD", min_size=1, max_size=12),
    st.sampled_from(PAIRS),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_every_press_once_from_clock_to_clock(
    digits: str, pair: tuple[str, str], rng: random.Random, lossy: bool
) -> None:
    """5 % of the packets lost and 5 % doubled: never are all packets of a press lost here."""
    source, target = pair
    one, made = between(source, target), list[bytes]()
    for n, packet in enumerate(pressed(source, digits)):
        event = rtp.unpack(packet).marker
        for _ in range(1 if event or not lossy else rng.choices((0, 1, 2), (5, 90, 5))[0]):
            made += one.on_packet(packet, 1.0 + n * 0.02)
    presses = understood(made, target)
    assert "".join(press.digit for press in presses) == digits
    if not lossy:
        assert {press.ms for press in presses} == {100}


def test_codecs_know_their_numbers() -> None:
    assert set(FORMATS) == set(PAYLOAD_TYPES)
