"""Sounds of users' own: converted, measured, put in their place; hostile ones refused."""

from pathlib import Path
from typing import Final

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pbx.config import uploads
from pbx.config.uploads import UploadError, add, checked_name, folder_of, measure

HOSTILE: Final = (
    *("", ".", "..", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "/a", "~/a", "a\\b", "C:a"),
    *("A", "welcome.wav", ".hidden", "a/.b", "a b", "a\n", "a\x00b", "ї", "-rf", "_a", "a/b/c/d"),
    *("a" * 65, "%2e%2e/a", "a;b", "$(a)", "`a`", "a|b", "con:", "a*", "a?"),
)


def sound(seconds: float = 1.0, rate: int = 44_100, channels: int = 1) -> NDArray[np.float64]:
    t = np.arange(int(seconds * rate)) / rate
    tone = 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 440 * t)
    return np.repeat(tone[:, None], channels, axis=1)


@pytest.mark.parametrize(
    ("ending", "rate", "channels"),
    [
        ("wav", 8_000, 1),
        ("wav", 16_000, 1),
        ("wav", 48_000, 2),
        ("flac", 96_000, 6),
        ("ogg", 44_100, 2),
        ("mp3", 44_100, 2),
    ],
)
def test_any_usual_file_becomes_a_sound(
    tmp_path: Path, ending: str, rate: int, channels: int
) -> None:
    file = tmp_path / f"in.{ending}"
    soundfile.write(file, sound(1.0, rate, channels), rate)
    target, measured = add(file, tmp_path / "sounds", "uk", "menus/sales")
    assert target == tmp_path / "sounds/uk/menus/sales.flac"
    assert (measured.rate, measured.channels) == (rate, channels)
    samples, new_rate = soundfile.read(target)
    assert new_rate == 16_000
    assert samples.ndim == 1
    assert len(samples) / new_rate == pytest.approx(1.0, abs=0.06)  # MP3 adds a little.
    middle = samples[4_000:12_000]
    assert 20 * np.log10(np.sqrt(np.mean(middle**2))) == pytest.approx(-20.0, abs=0.5)
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 220  # 440 Hz in half a second.
    assert [path.name for path in target.parent.iterdir()] == ["sales.flac"]


def test_it_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "in.wav"
    soundfile.write(file, sound(), 44_100)
    old = tmp_path / "en/welcome.wav"
    old.parent.mkdir()
    _ = old.write_bytes(b"old")
    target, _ = add(file, tmp_path, "en", "welcome")
    assert sorted(path.name for path in old.parent.iterdir()) == ["welcome.flac"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_music_has_the_rate_of_a_telephone(tmp_path: Path) -> None:
    file = tmp_path / "in.wav"
    soundfile.write(file, sound(), 44_100)
    target, _ = add(file, tmp_path, "music", "ours")
    assert target == tmp_path / "music/ours.flac"
    assert soundfile.info(target).samplerate == 8_000


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "in.wav"
    soundfile.write(file, sound(), 44_100)
    with pytest.raises(UploadError):
        _ = add(file, tmp_path / "sounds", "en", name)
    assert not (tmp_path / "sounds").exists()


@pytest.mark.parametrize("language", ["", "..", "EN", "en/../..", "engl", "music2", "e\n"])
def test_hostile_languages_are_refused(tmp_path: Path, language: str) -> None:
    with pytest.raises(UploadError):
        _ = folder_of(tmp_path, language)


@given(st.text(max_size=80))
def test_a_name_stays_below_its_folder(name: str) -> None:
    try:
        found = checked_name(name)
    except UploadError:
        return
    root = Path("/sounds/en")
    assert (root / found).is_relative_to(root)
    assert ".." not in found
    assert found == found.lower()


def test_a_link_that_leads_away_is_not_followed(tmp_path: Path) -> None:
    file = tmp_path / "in.wav"
    soundfile.write(file, sound(), 44_100)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds/en").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UploadError, match="link"):
        _ = add(file, tmp_path / "sounds", "en", "welcome")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@given(st.binary(max_size=300))
def test_what_is_no_sound_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("upload") / "in.wav"
    _ = file.write_bytes(data)
    with pytest.raises(UploadError):
        _ = measure(file)


def test_what_is_missing_silent_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UploadError, match="cannot be read"):
        _ = measure(tmp_path / "none.wav")
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(1_000), 8_000)
    with pytest.raises(UploadError, match="no sound"):
        _ = measure(silent)
    file = tmp_path / "in.wav"
    soundfile.write(file, sound(), 44_100)
    monkeypatch.setattr(uploads, "SECONDS_MAX", 0.5)
    with pytest.raises(UploadError, match="longer"):
        _ = measure(file)
    monkeypatch.setattr(uploads, "UPLOAD_BYTES_MAX", 1_000)
    with pytest.raises(UploadError, match="larger"):
        _ = measure(file)


def test_an_aiff_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "in.aiff"
    soundfile.write(file, sound(), 44_100)
    with pytest.raises(UploadError, match="AIFF: WAV, FLAC, OGG or MP3 is needed"):
        _ = measure(file)


def test_what_callers_would_not_like_is_said(tmp_path: Path) -> None:
    file = tmp_path / "in.wav"
    quiet = np.concatenate([np.zeros(8_000), 0.1 * sound(1.0, 8_000)[:, 0], np.zeros(9_600)])
    soundfile.write(file, quiet, 8_000, subtype="FLOAT")
    assert measure(file).remarks() == [
        "it is quiet: -45 dBFS, ours have -20",
        "it begins with 1.0 s of silence",
        "it ends with 1.2 s of silence",
    ]
    soundfile.write(file, 0.99 * np.sign(sound(1.0, 8_000)), 8_000)
    assert measure(file).remarks() == [
        "it is loud: -0 dBFS, ours have -20",
        "it may be clipped: its peak is -0.1 dBFS",
    ]
