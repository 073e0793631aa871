import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from media import formats, libopus
from media.codecs import (
    FORMATS,
    CodecError,
    Pcm,
    clock_rate,
    decoder,
    encoder,
    sample_rate,
    samples_per_packet,
    units_per_packet,
)
from media.g722 import G722Decoder, G722Encoder
from media.opus import OpusDecoder, OpusEncoder, Settings, may_have_copy
from media.resample import Resampler
from tests.data import ROOT, need_testdata
from tests.media.tones import listen, measure, tone

NEEDS_OPUS = pytest.mark.skipif(not libopus.available(), reason="libopus0 is not installed")
CODECS = ["PCMU", "PCMA", "G722", pytest.param("opus", marks=NEEDS_OPUS)]
RATES = [8000, 16_000, 48_000]


def words(name: str) -> Pcm:
    """The ITU files hold 16-bit little-endian words, codes too: one in each low byte."""
    return np.fromfile(need_testdata("itu-g722") / name, "<i2").astype(np.int16)


def test_itu_vectors_of_g722_are_encoded_exactly() -> None:
    codes = G722Encoder().encode(words("inpsp.bin"))
    assert codes == (words("codspw.cod") & 0xFF).astype(np.uint8).tobytes()


def test_itu_vectors_of_g722_are_decoded_exactly() -> None:
    codes = (words("codspw.cod") & 0xFF).astype(np.uint8).tobytes()
    assert G722Decoder().decode(codes).tobytes() == words("outsp1.bin").tobytes()


def test_g722_in_packets_is_the_same_stream() -> None:
    sound, encode = words("inpsp.bin"), G722Encoder().encode
    packets = [encode(sound[at : at + 320]) for at in range(0, len(sound), 320)]
    assert b"".join(packets) == G722Encoder().encode(sound)


def test_sizes() -> None:
    found = {
        codec: (sample_rate(codec), clock_rate(codec), units_per_packet(codec, 30))
        for codec in FORMATS
    }
    assert found == {
        "PCMU": (8000, 8000, 240),
        "PCMA": (8000, 8000, 240),
        "G722": (16_000, 8000, 240),
        "opus": (48_000, 48_000, 1440),
    }
    for use in (decoder, encoder, clock_rate):
        with pytest.raises(CodecError, match="G729"):
            _ = use("G729")


@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 60])
@pytest.mark.parametrize("codec", CODECS)
def test_a_tone_there_and_back(codec: str, ptime: int) -> None:
    rate, samples = sample_rate(codec), samples_per_packet(codec, ptime)
    encode, decode = encoder(codec).encode, decoder(codec).decode
    sound = tone(440, rate, 1.2)
    pieces = [
        decode(encode(sound[at : at + samples]))
        for at in range(0, len(sound) - samples + 1, samples)
    ]
    assert {len(piece) for piece in pieces} == {samples}
    heard = measure(np.concatenate(pieces)[rate // 5 :], 440, rate)
    assert abs(heard.level_db) < 0.5
    assert heard.share > 0.995
    assert heard.quietest_db > -1


@pytest.mark.parametrize("hertz", [150, 440, 1000])
@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_a_lost_packet_is_hardly_heard(codec: str, hertz: int) -> None:
    rate, samples = sample_rate(codec), samples_per_packet(codec)
    encode, one = encoder(codec).encode, decoder(codec)
    sound = tone(hertz, rate, 1.0)
    packets = [encode(sound[at : at + samples]) for at in range(0, len(sound), samples)]
    pieces = [one.conceal(samples) if n % 10 == 9 else one.decode(p) for n, p in enumerate(packets)]
    heard = measure(np.concatenate(pieces)[rate // 5 :], hertz, rate)
    assert heard.share > 0.97
    assert heard.quietest_db > -7
    steps = np.abs(np.diff(np.concatenate(pieces[3:]).astype(int)))
    usual = np.abs(np.diff(sound.astype(int))).max()
    assert steps.max() < 1.6 * usual + 200  # No click.


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_made_up_fades_out(codec: str) -> None:
    rate, samples = sample_rate(codec), samples_per_packet(codec)
    encode, one = encoder(codec).encode, decoder(codec)
    sound = tone(300, rate, 0.4)
    for at in range(0, len(sound), samples):
        _ = one.decode(encode(sound[at : at + samples]))
    made = [int(np.abs(one.conceal(samples)).max()) for _ in range(10)]
    assert made[0] > 1000
    assert made == sorted(made, reverse=True) or codec == "opus"
    assert made[3 if codec != "opus" else 7 :] == [0] * (7 if codec != "opus" else 3)


@pytest.mark.parametrize("codec", CODECS)
def test_nothing_to_go_on_is_silence(codec: str) -> None:
    one = decoder(codec)
    assert one.conceal(160).tolist() == [0] * 160
    assert len(one.decode(b"")) in (0, one.rate // 50)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=200)), max_size=8))
def test_garbage_never_raises(payloads: list[bytes | None]) -> None:
    for codec in formats.installed():
        one = decoder(codec)
        for payload in payloads:
            if payload is None:
                assert len(one.conceal(one.rate // 50)) == one.rate // 50
            else:
                assert one.decode(payload).dtype == np.int16


@NEEDS_OPUS
def test_what_a_receiver_of_opus_may_ask_for() -> None:
    assert Settings.of("useinbandfec=1; maxaveragebitrate=20000;cbr=1; usedtx=1") == Settings(
        20_000, fec=True, constant=True, dtx=True
    )
    assert Settings.of("") == Settings.of("nonsense;=;x=y;maxaveragebitrate=510000")
    assert Settings.of("maxaveragebitrate=1").bit_rate == 6000
    sound = tone(440, 48_000, 0.5)
    sizes = {
        rate: len(OpusEncoder(48_000, f"maxaveragebitrate={rate};cbr=1").encode(sound[:960]))
        for rate in (8000, 16_000, 32_000)
    }
    assert sizes == {8000: 20, 16_000: 40, 32_000: 80}


def voice() -> Pcm:
    """Something like it, two seconds at 48 kHz."""
    rng = np.random.default_rng(5)
    at = np.arange(48_000 * 2) / 48_000
    pitch = np.cumsum(120 + 40 * np.sin(2 * np.pi * 3 * at)) / 48_000
    voice = sum(np.sin(2 * np.pi * n * pitch) / n for n in range(1, 20))
    voice = voice * (0.2 + np.abs(np.sin(2 * np.pi * 2.5 * at)))
    return (3000 * voice + rng.normal(0, 20, len(at))).astype(np.int16)


def packets_of(sound: Pcm, rate: int, fmtp: str = "useinbandfec=1", ms: int = 20) -> list[bytes]:
    encode, size = OpusEncoder(rate, fmtp).encode, rate * ms // 1000
    resampled = Resampler(48_000, rate).feed(sound) if rate != 48_000 else sound
    return [encode(resampled[at : at + size]) for at in range(0, len(resampled) - size + 1, size)]


@NEEDS_OPUS
@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_nearly_every_packet_of_a_voice_has_a_copy_of_the_one_before(rate: int) -> None:
    packets = packets_of(voice(), rate)
    assert sum(map(may_have_copy, packets)) > 0.8 * len(packets)
    assert not any(map(may_have_copy, packets_of(voice(), rate, "")))
    # And the band is as wide as without: narrow, wide, 12 kHz, 20 kHz.
    assert {packet[0] >> 3 for packet in packets} == {
        {8_000: 1, 16_000: 9, 24_000: 13, 48_000: 15}[rate]
    }


@NEEDS_OPUS
def test_few_bits_are_spent_on_the_sound_rather_than_on_copies() -> None:
    packets = packets_of(voice(), 48_000, "useinbandfec=1;maxaveragebitrate=20000")
    assert {packet[0] >> 3 for packet in packets} == {15}


@NEEDS_OPUS
@pytest.mark.parametrize("ms", [30, 50])
def test_packets_of_several_frames_are_whole_from_the_first_one_on(ms: int) -> None:
    decode = OpusDecoder(48_000).decode
    for packet in packets_of(voice(), 48_000, ms=ms):
        assert len(decode(packet)) == 48 * ms


@pytest.mark.parametrize(
    ("payload", "may"),
    [
        (b"", False),
        (b"\x48\xc0", False),  # Too short for any sound: silence in DTX.
        (b"\x48\xc0\x00", True),  # 20 ms, voice, and a copy.
        (b"\x48\x80\x00", False),
        (b"\x48\x40\x00", True),
        (b"\x49\x40\x00", True),  # Two frames of one length.
        (b"\x4a\x05\x40", True),  # Two, with a short length and with a long one.
        (b"\x4a\x45\x00", False),
        (b"\x4a\xfc\x01\x40", True),
        (b"\x4a\xfc\x01", False),  # Cut off.
        (b"\x50\x20\x00", True),  # 40 ms: two voice flags before it.
        (b"\x50\x40\x00", False),
        (b"\x58\x10\x00", True),  # 60 ms: three.
        (b"\x78\x40\x00", True),  # Hybrid.
        (b"\x80\xff\xff", False),  # CELT alone.
        (b"\xfc\xff\xff", False),
        (b"\x4b\x03\x00", True),  # More than two: who knows.
    ],
)
def test_where_the_flag_of_a_copy_stands(payload: bytes, may: bool) -> None:
    assert may_have_copy(payload) is may


@NEEDS_OPUS
@given(st.binary(max_size=40))
def test_any_packet_may_be_asked_for_a_copy(payload: bytes) -> None:
    assert len(OpusDecoder(8_000).conceal(160, payload)) == 160


@NEEDS_OPUS
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("hertz", [300, 440, 1000])
def test_a_tone_goes_on_through_a_loss(rate: int, hertz: int) -> None:
    """libopus takes it for no voice, and would let it fade at once."""
    packets = packets_of(tone(hertz, 48_000, 2.0), 48_000)
    one, heard = OpusDecoder(rate), list[Pcm]()
    for n, packet in enumerate(packets):
        lost = n % 33 == 32  # Three of a hundred.
        heard.append(one.conceal(rate // 50, packets[n + 1]) if lost else one.decode(packet))
        if lost:
            assert measure(heard[-1], hertz, rate).level_db > -2
    assert measure(np.concatenate(heard[10:]), hertz, rate).share > 0.965


@NEEDS_OPUS
def test_speech_is_left_to_libopus() -> None:
    sound, rate = soundfile.read(ROOT / "sounds/en/voicemail/main-menu.flac", dtype="int16")
    packets = packets_of(Resampler(rate, 48_000).feed(sound), 16_000, "")
    one, plain = OpusDecoder(16_000), OpusDecoder(16_000)
    left = 0
    for n, packet in enumerate(packets):
        if n % 7 == 6:
            made = one.conceal(320)
            left += np.array_equal(made, plain._made(320, b""))
        else:
            _ = one.decode(packet), plain.decode(packet)
    assert left >= len(packets) // 7 - 1  # But for a vowel that was sung.


@NEEDS_OPUS
def test_the_next_packet_of_opus_tells_of_the_lost_one() -> None:
    """Something voice-like: libopus has no second copy of steady tones."""
    encode = OpusEncoder(16_000, "useinbandfec=1").encode
    narrow = Resampler(48_000, 16_000).feed(voice())
    packets = [encode(narrow[n : n + 320]) for n in range(0, len(narrow), 320)]
    told, untold, whole = OpusDecoder(16_000), OpusDecoder(16_000), OpusDecoder(16_000)
    with_it = without = 0.0
    for n, packet in enumerate(packets[:-1]):
        true = whole.decode(packet).astype(float)
        if n % 7 != 6:
            _ = told.decode(packet), untold.decode(packet)
            continue
        with_it += float(((told.conceal(320, packets[n + 1]) - true) ** 2).sum())
        without += float(((untold.conceal(320) - true) ** 2).sum())
    assert with_it < 0.6 * without


@NEEDS_OPUS
def test_a_sender_of_opus_in_dtx() -> None:
    encode, one = OpusEncoder(48_000, "usedtx=1").encode, OpusDecoder(16_000)
    sizes = [len(encode(np.zeros(960, np.int16))) for _ in range(60)]
    assert min(sizes) <= 2
    assert one.decode(encode(np.zeros(960, np.int16))).shape == (320,)


def test_without_libopus_it_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(libopus, "SONAME", "libnothing.so.9")
    monkeypatch.setattr(libopus, "_bundled", list)
    libopus.load.cache_clear()
    try:
        assert formats.installed() == formats.installed() == ("PCMU", "PCMA", "G722")
        with pytest.raises(CodecError, match=r"libnothing\.so\.9 is not installed"):
            _ = encoder("opus")
        assert [record.message for record in caplog.records] == [
            "Opus is not offered: libnothing.so.9 is not installed"
        ]
    finally:
        libopus.load.cache_clear()


@pytest.mark.parametrize("to_rate", RATES)
@pytest.mark.parametrize("from_rate", RATES)
def test_resampling_keeps_level_length_and_time(from_rate: int, to_rate: int) -> None:
    one = Resampler(from_rate, to_rate)
    assert one.delay_seconds <= 0.003
    for hertz in (100, 1000, 3400):
        one = Resampler(from_rate, to_rate)
        sound = tone(hertz, from_rate, 1.0)
        heard = np.concatenate([one.feed(piece) for piece in np.split(sound, [160, 167, 4000])])
        assert len(heard) == to_rate
        wanted = tone(hertz, to_rate, 1.0)
        late = round(one.delay_seconds * to_rate)
        error = heard[to_rate // 10 :] - wanted[to_rate // 10 - late : len(wanted) - late].astype(
            float
        )
        if late == one.delay_seconds * to_rate:
            assert np.sqrt((error**2).mean()) < 40
        assert measure(heard[to_rate // 10 :], hertz, to_rate).share > 0.9999


def test_nothing_is_mirrored_when_the_rate_falls() -> None:
    for high, low, hertz in ((16_000, 8000, 4600), (48_000, 8000, 5000), (48_000, 16_000, 9200)):
        heard = Resampler(high, low).feed(tone(hertz, high, 0.5))
        assert np.abs(heard[low // 10 :]).max() < 8000 / 900  # 59 dB


@given(st.lists(st.integers(0, 700), max_size=12), st.sampled_from(RATES), st.sampled_from(RATES))
def test_pieces_of_any_size_make_the_same_sound(sizes: list[int], low: int, high: int) -> None:
    sound = tone(700, low, sum(sizes) / low)[: sum(sizes)]
    one = Resampler(low, high)
    pieces = [one.feed(piece) for piece in np.split(sound, np.cumsum(sizes))]
    whole = Resampler(low, high).feed(sound)
    assert np.array_equal(np.concatenate(pieces), whole)
    assert len(whole) == -(-len(sound) * high // low)


def test_listening_by_timestamps() -> None:
    assert listen([], "PCMU", 0).size == 0
