import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from media import g711
from media.sounds import (
    CHANNELS_MAX,
    Shelf,
    SoundCache,
    SoundError,
    SoundKey,
    encode,
    key_of,
    load,
)

FRAME_SAMPLES = 160  # 20 ms
RATES = [8000, 16_000, 22_050, 44_100, 48_000]


def write(path: Path, rate: int, channels: int = 1, seconds: float = 1.0, hertz: int = 440) -> Path:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate)
    return path


def share_of(codes: bytes, hertz: int, law: g711.Law = "PCMU") -> float:
    """Of the energy, in one tone."""
    pcm = g711.decode(codes, law).astype(float)
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    at = round(hertz * len(pcm) / 8000)
    return float(spectrum[at - 4 : at + 5].sum() / spectrum.sum())


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("rate", RATES)
def test_a_tone_is_the_same_tone_from_any_file(name: str, rate: int, tmp_path: Path) -> None:
    frames = load(key_of(str(write(tmp_path / name, rate, channels=2)), "PCMU"))
    assert {len(frame) for frame in frames} == {FRAME_SAMPLES}
    # MP3 adds some silence at the ends, and is lossy.
    assert 50 <= len(frames) <= 57
    assert share_of(b"".join(frames[5:45]), 440) > (0.99 if name == "a.mp3" else 0.999)


def test_8_khz_is_encoded_sample_by_sample(tmp_path: Path) -> None:
    pcm = np.random.default_rng(1).integers(-32_768, 32_767, 400).astype(np.int16)
    path = tmp_path / "a.wav"
    soundfile.write(path, pcm, 8000)
    for law in ("PCMU", "PCMA"):
        frames = load(key_of(str(path), law))
        silence = g711.SILENCE[law] * 80
        assert b"".join(frames) == g711.encode(pcm, law) + silence


@pytest.mark.parametrize("rate", RATES)
def test_a_long_file_has_no_seam(rate: int, tmp_path: Path) -> None:
    """It is read in pieces; a seam would be a click, energy beside the tone."""
    frames = load(key_of(str(write(tmp_path / "a.wav", rate, seconds=20.0)), "PCMU"))
    assert len(frames) == 1000
    assert share_of(b"".join(frames), 440) > 0.999


def test_loudest_sound_is_cut_off_and_does_not_wrap(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    square = np.sign(np.sin(2 * np.pi * 100 * np.arange(48_000) / 48_000)) * 1.0
    soundfile.write(path, square, 48_000, subtype="FLOAT")
    pcm = g711.decode(b"".join(load(key_of(str(path), "PCMU"))), "PCMU").astype(int)
    halves = pcm[400:7600].reshape(-1, 40)
    assert (np.abs(halves[:, 10:30]) > 25_000).all()


def test_what_cannot_be_played_says_why(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("none.wav", "dir", "text.wav", "a.raw", "empty.wav")]
    _, directory, text, raw, empty = paths
    directory.mkdir()
    _ = text.write_text("no sound")
    _ = raw.write_bytes(bytes(100))
    soundfile.write(empty, np.zeros(0), 8000)
    many = tmp_path / "many.wav"
    soundfile.write(many, np.zeros((10, CHANNELS_MAX + 1)), 8000)
    for path in (*paths, many, Path("/\0")):
        with pytest.raises(SoundError, match=str(path).replace("\0", ".")):
            _ = load(key_of(str(path), "PCMU"))
    with pytest.raises(SoundError, match="G729"):
        _ = key_of(str(text), "G729")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@given(data=st.data())
def test_damaged_files_raise_nothing_but_sound_error(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("sounds") / name, 8000, seconds=0.05)
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    _ = path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        frames = load(key_of(str(path), "PCMA"))
    except SoundError:
        return
    assert all(len(frame) == FRAME_SAMPLES for frame in frames)


def test_a_changed_file_is_another_sound(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", 8000)
    before = key_of(str(path), "PCMU")
    _ = write(path, 8000, seconds=0.5)
    assert key_of(str(path), "PCMU") != before


def key(name: str) -> SoundKey:
    return SoundKey(name, 0, 0, "PCMU")


def frames(count: int) -> tuple[bytes, ...]:
    return encode(np.zeros(FRAME_SAMPLES * count, np.int16), "PCMU")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 12)), max_size=60))
def test_the_cache_never_holds_more_than_it_may(steps: list[tuple[int, int]]) -> None:
    cache = SoundCache(bytes_max=2000)
    for number, count in steps:
        if cache.get(key(str(number))) is None:
            cache.put(key(str(number)), frames(count))
        assert cache.bytes <= 2000
    assert math.isclose(cache.bytes, sum(len(sound) * 201 for sound in held(cache)))


def held(cache: SoundCache) -> list[tuple[bytes, ...]]:
    found = (cache.get(key(str(number))) for number in range(10))
    return [sound for sound in found if sound is not None]


def test_the_sound_used_longest_ago_goes_first() -> None:
    cache = SoundCache(bytes_max=3 * 201)
    for name in "abc":
        cache.put(key(name), frames(1))
    assert cache.get(key("a")) is not None
    cache.put(key("d"), frames(1))
    assert [name for name in "abcd" if cache.get(key(name)) is not None] == ["a", "c", "d"]


def test_a_sound_is_decoded_once_for_all_who_wait(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.wav", 8000))
    shelf = Shelf()
    wanted = shelf.take("s1", path, "PCMU")
    assert wanted == key_of(path, "PCMU")
    assert shelf.take("s2", path, "PCMU") is None
    assert shelf.put(key_of(path, "PCMU"), frames(3)) == ["s1", "s2"]
    assert shelf.take("s3", path, "PCMU") == frames(3)
    assert len(shelf) == 0


def test_a_broken_sound_is_tried_again(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.wav", 8000))
    shelf = Shelf()
    wanted = shelf.take("s1", path, "PCMU")
    assert isinstance(wanted, SoundKey)
    assert shelf.put(wanted, ()) == ["s1"]
    assert shelf.take("s1", path, "PCMU") == wanted
