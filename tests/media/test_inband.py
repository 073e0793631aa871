"""Keys as tones: the tables of ITU-T Q.23 and Q.24, and all that is no key."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from media import formats, rtp
from media.codecs import decoder, encoder, samples_per_packet, units_per_packet
from media.formats import sample_rate
from media.inband import HIGH, KEYS, LOW, ToneReceiver, frames_of
from media.protocol import Digit, Join, SendDigits
from tests.data import ROOT
from tests.media.rig import rig, run
from tests.media.test_codec_calls import PAYLOAD_TYPES, called

Wave = NDArray[np.float64]
ALL = "1234567890*#ABCD"


def quiet(ms: float, rate: int = 8000) -> Wave:
    return np.zeros(int(rate * ms / 1000))


def pressed(
    digit: str,
    ms: float,
    *,
    rate: int = 8000,
    level: float = 4000,
    twist_db: float = 0,
    offset: float = 0,
) -> Wave:
    row = next(n for n, keys in enumerate(KEYS) if digit in keys)
    high = HIGH[KEYS[row].index(digit)]
    at = np.arange(int(rate * ms / 1000)) * 2 * np.pi * (1 + offset) / rate
    return level * (np.sin(LOW[row] * at) + 10 ** (twist_db / 20) * np.sin(high * at))


def keys_in(parts: Sequence[Wave], *, noise: float = 0, rate: int = 8000) -> str:
    sound = np.concatenate((*parts, quiet(100, rate)))
    sound = sound + np.random.default_rng(1).normal(0, noise, len(sound))
    pcm = np.clip(np.rint(sound), -32_768, 32_767).astype(np.int16)
    receiver, size = ToneReceiver(rate), rate // 50
    pieces = (pcm[at : at + size] for at in range(0, len(pcm), size))
    return "".join(press.digit for piece in pieces for press in receiver.feed(piece))


def every_key(ms: float, pause_ms: float, begin_ms: float = 50, **how: float) -> list[Wave]:
    parts = [quiet(begin_ms)]
    for digit in ALL:
        parts += [pressed(digit, ms, **how), quiet(pause_ms)]  # type: ignore[arg-type]
    return parts


@pytest.mark.parametrize("begin_ms", [0, 1.5, 3, 4.5, 10, 17])
def test_forty_milliseconds_are_a_key_and_twenty_three_are_none(begin_ms: float) -> None:
    assert keys_in(every_key(40, 40, begin_ms)) == ALL
    assert keys_in(every_key(23, 60, begin_ms)) == ""


@pytest.mark.parametrize(
    ("offset", "known"),
    [(0.015, True), (-0.015, True), (0.008, True), (0.035, False), (-0.035, False)],
)
def test_frequencies(offset: float, *, known: bool) -> None:
    assert keys_in(every_key(60, 60, offset=offset)) == (ALL if known else "")


@pytest.mark.parametrize(
    ("twist_db", "known"), [(4, True), (0, True), (-8, True), (7, False), (-11, False)]
)
def test_twist(twist_db: float, *, known: bool) -> None:
    assert keys_in(every_key(60, 60, twist_db=twist_db)) == (ALL if known else "")


@pytest.mark.parametrize(
    ("level", "known"), [(16_000, True), (4000, True), (300, True), (200, False)]
)
def test_levels(level: float, *, known: bool) -> None:
    assert keys_in(every_key(60, 60, level=level)) == (ALL if known else "")


@pytest.mark.parametrize(("snr_db", "known"), [(24, True), (15, True), (9, True), (0, False)])
def test_noise(snr_db: float, *, known: bool) -> None:
    found = keys_in(every_key(60, 60), noise=4000 * 10 ** (-snr_db / 20))
    assert (found == ALL) is known


def test_an_interruption_of_ten_milliseconds_is_none() -> None:
    parts = [pressed("5", 60), quiet(10), pressed("5", 60)]
    assert keys_in(parts) == "5"
    assert keys_in([pressed("5", 60), quiet(40), pressed("5", 60)]) == "55"


def test_how_long_it_was_down() -> None:
    receiver = ToneReceiver()
    sound = np.concatenate((quiet(30), pressed("7", 200), quiet(100))).astype(np.int16)
    presses = receiver.feed(sound)
    assert [press.digit for press in presses] == ["7"]
    assert abs(presses[0].ms - 200) <= 10


@given(st.text(ALL, min_size=1, max_size=10), st.lists(st.integers(1, 400), min_size=1))
@settings(max_examples=40, deadline=None)
def test_in_pieces_of_any_size(digits: str, sizes: list[int]) -> None:
    parts = [part for digit in digits for part in (pressed(digit, 60), quiet(60))]
    sound = np.concatenate(parts).astype(np.int16)
    receiver, found, at = ToneReceiver(), "", 0
    while at < len(sound):
        size = sizes[at % len(sizes)]
        found += "".join(press.digit for press in receiver.feed(sound[at : at + size]))
        at += size
    assert found == digits


def test_music_and_speech_press_no_keys() -> None:
    soundfile: Any = import_module("soundfile")
    soxr: Any = import_module("soxr")
    files = [*(ROOT / "sounds").rglob("*.flac"), *(ROOT / "sounds").rglob("*.ogg")]
    assert files
    seconds = 0.0
    for path in sorted(files):
        sound, rate = soundfile.read(path, always_2d=True)
        narrow = soxr.resample(sound.mean(axis=1), rate, 8000)
        pcm = np.clip(narrow * 32_768, -32_768, 32_767).astype(np.int16)
        assert ToneReceiver().feed(pcm) == [], path
        seconds += len(pcm) / 8000
    assert seconds > 60


def test_noise_and_single_tones_press_no_keys() -> None:
    rng = np.random.default_rng(3)
    for hertz in (*LOW, *HIGH, 350, 440, 1000):
        at = np.arange(8000) * 2 * np.pi * hertz / 8000
        assert keys_in([8000 * np.sin(at)]) == ""
    assert keys_in([rng.normal(0, 5000, 80_000)]) == ""


@pytest.mark.parametrize("codec", formats.installed())
def test_what_we_make_is_understood(codec: str) -> None:
    decode, receiver = decoder(codec, 8000), ToneReceiver(16_000 if codec == "G722" else 8000)
    frames = frames_of("159#dx0", codec)
    assert len(frames) == 60
    presses = [press for frame in frames for press in receiver.feed(decode.decode(frame))]
    assert [press.digit for press in presses] == ["1", "5", "9", "#", "D", "0"]
    assert all(abs(press.ms - 100) <= 15 for press in presses)


def say(codec: str, sound: Wave, ssrc: int) -> list[bytes]:
    samples, units = samples_per_packet(codec), units_per_packet(codec)
    encode, pcm = encoder(codec).encode, np.rint(sound).astype(np.int16)
    return [
        rtp.pack(PAYLOAD_TYPES[codec], n, n * units, ssrc)
        + encode(pcm[n * samples : (n + 1) * samples])
        for n in range(len(pcm) // samples)
    ]


@pytest.mark.parametrize("codec", formats.installed())
def test_keys_of_a_phone_as_tones(codec: str) -> None:
    """With 3 % of the packets lost."""

    async def main() -> None:
        with rig() as setup:
            phone = called(setup, "a", codec, inband_dtmf=True)
            other = called(setup, "b", "PCMU")
            setup.engine.command(Join("a", "b"))
            rate = sample_rate(codec)
            parts = [quiet(60, rate)]
            for digit in "42*0":
                parts += [pressed(digit, 100, rate=rate), quiet(100, rate)]
            packets = say(codec, np.concatenate(parts), phone.ssrc)
            for n, packet in enumerate(packets):
                if n not in (5, 27):
                    phone.send(setup.ports["a"], packet)
            _ = await setup.event(Digit, 4)
            await other.until(lambda: len(other.heard) > 20, "the tones themselves")
            assert [event.digit for event in setup.of(Digit)] == list("42*0")
            # Not agreed any more: nobody listens.
            setup.connect("a", codec=codec, payload_type=PAYLOAD_TYPES[codec])
            assert setup.engine.leftovers()["listening"] == 0

    run(main)


def test_keys_for_a_phone_that_knows_tones_alone() -> None:
    async def main() -> None:
        with rig() as setup:
            _ = called(setup, "a", "PCMA")
            phone = called(setup, "b", "PCMU", dtmf_payload_type=None, inband_dtmf=True)
            setup.engine.command(Join("a", "b"))
            for n in range(1, 9):
                end = 0x80 if n > 5 else 0
                head = rtp.pack(101, n, 8000, 7, marker=n == 1)
                data = head + bytes((9, end | 10)) + (min(n, 5) * 160).to_bytes(2)
                setup.phones["a"].send(setup.ports["a"], data)
            setup.engine.command(SendDigits("b", "3"))
            await phone.until(lambda: len(phone.heard) >= 20, "two keys")
            one, receiver = decoder("PCMU"), ToneReceiver()
            sound = [one.decode(rtp.payload(packet)) for packet in phone.heard]
            presses = receiver.feed(np.concatenate(sound))
            assert sorted(press.digit for press in presses) == ["3", "9"]
            assert "".join(sorted(event.digit for event in setup.of(Digit))) == "9"

    run(main)
