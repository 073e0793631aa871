"""`pbx sounds` and what `pbx check` says of sounds."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from pbx.cli import app


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "pbx.yaml"
    _ = path.write_text(
        f"sounds: {{path: {tmp_path / 'own'}, language: uk}}\n"
        f"secrets: {tmp_path / 'secrets.yaml'}\n"
        "extensions: {101: {name: Anna, language: de}}\n"
    )
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    t = np.arange(48_000) / 48_000
    soundfile.write(path, 0.1414 * np.sin(2 * np.pi * 440 * t), 48_000)
    return path


def pbx(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_a_sound_is_added_listed_and_played_from_then_on(config: Path, recording: Path) -> None:
    code, said = pbx("sounds", "add", recording, "menus/sales", "--config", config)
    own = config.parent / "own/uk/menus/sales.flac"
    assert (code, said.splitlines()[0]) == (
        0,
        "1.00 s, WAV, 48000 Hz, 1 channel; level -20.0 dBFS, peak -17.0 dBFS",
    )
    assert own.is_file()
    code, said = pbx("sounds", "list", "--config", config)
    assert code == 0
    assert f"menus/sales  {own}" in said.splitlines()
    assert any(line.startswith("welcome  ") for line in said.splitlines())


def test_a_sound_of_a_language_and_music(config: Path, recording: Path) -> None:
    for language in ("de", "music"):
        code, _ = pbx(
            "sounds", "add", recording, "hold", "--language", language, "--config", config
        )
        assert code == 0
        assert (config.parent / "own" / language / "hold.flac").is_file()
    code, said = pbx("sounds", "list", "--language", "music", "--config", config)
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == ["evening", "hold"]


def test_what_cannot_be_a_sound_is_refused(config: Path, recording: Path) -> None:
    code, said = pbx("sounds", "add", recording, "../escape", "--config", config)
    assert code == 1
    assert "cannot be the name of a sound" in said
    code, said = pbx("sounds", "add", config, "welcome", "--config", config)
    assert code == 1
    assert "cannot be read as sound" in said
    code, said = pbx("sounds", "list", "--language", "../etc", "--config", config)
    assert code == 1
    assert "is no language" in said


def test_a_file_is_measured(recording: Path) -> None:
    soundfile.write(recording, np.full(8_000, 0.9) * np.sign(np.sin(np.arange(8_000) / 4)), 8_000)
    code, said = pbx("sounds", "measure", recording)
    assert code == 0
    assert "Note: it is loud: -1 dBFS, ours have -20." in said.splitlines()


def test_sounds_are_checked(config: Path) -> None:
    bad = config.parent / "own/music/noise.wav"
    bad.parent.mkdir(parents=True)
    _ = bad.write_bytes(b"RIFF nonsense")
    code, said = pbx("sounds", "check", "--language", "music", "--config", config)
    assert code == 1
    assert said.splitlines()[-1] == "music: 3 sounds, 1 cannot be played."


def test_the_configuration_is_told_what_a_language_lacks(config: Path) -> None:
    code, said = pbx("check", config)
    assert code == 0
    (warning,) = [line for line in said.splitlines() if "warning" in line]
    assert "warning: de has no all-busy, " in warning
    assert "callers hear them in another language" in warning
