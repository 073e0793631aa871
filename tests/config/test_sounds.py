"""Which file a name stands for: one's own before ours, one language after another."""

from pathlib import Path

import pytest

from pbx.config import Config
from pbx.config.languages import languages_of
from pbx.config.model import SoundsSettings
from pbx.config.sounds import find_sounds, shipped
from pbx.planning import make_plan


def own(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _ = path.write_bytes(b"")
    return root


def test_ours_are_there_without_a_directory(tmp_path: Path) -> None:
    found = find_sounds(SoundsSettings(path=tmp_path / "none"))
    assert found.prompts["welcome"] == shipped() / "en/welcome.flac"
    assert found.music["hold"] == shipped() / "music/hold.flac"


def test_own_files_win_name_by_name(tmp_path: Path) -> None:
    root = own(tmp_path, "en/welcome.wav", "en/menus/sales.mp3", "music/hold.ogg")
    found = find_sounds(SoundsSettings(path=root))
    assert found.prompts["welcome"] == root / "en/welcome.wav"
    assert found.prompts["menus/sales"] == root / "en/menus/sales.mp3"
    assert found.prompts["goodbye"] == shipped() / "en/goodbye.flac"
    assert found.music["hold"] == root / "music/hold.ogg"
    assert found.music["evening"] == shipped() / "music/evening.flac"


def test_what_a_language_lacks_is_taken_from_the_companys_then_from_english(tmp_path: Path) -> None:
    root = own(tmp_path, "de/welcome.wav")
    found = find_sounds(SoundsSettings(path=root, language="uk"), ("de",))
    german = found.voices["de"]
    assert german["welcome"] == root / "de/welcome.wav"
    assert german["goodbye"] == shipped() / "uk/goodbye.flac"
    assert german["number/thousand"] == shipped() / "en/number/thousand.flac"
    assert "welcome" not in found.missing["de"]
    assert "goodbye" in found.missing["de"]
    assert found.missing["uk"] == ()


def test_the_languages_that_are_spoken() -> None:
    config = Config.model_validate(
        {
            "sounds": {"language": "uk"},
            "extensions": {"101": {"language": "pl"}, "102": {}},
            "queues": {"sales": {"language": "en", "members": []}},
            "numbers": {"700": {"echo": True, "language": "ru"}},
            "callers": [{"number": "+48*", "language": "pl"}],
        }
    )
    assert languages_of(config) == ("uk", "pl", "en", "ru")
    plan = make_plan(config, {})
    assert plan.language == "uk"
    assert plan.files(("welcome", "/own.wav", "nothing"), "pl") == (
        str(shipped() / "pl/welcome.flac"),
        "/own.wav",
    )
    assert plan.files(("welcome",)) == (str(shipped() / "uk/welcome.flac"),)
    assert plan.files(("welcome",), "fr") == plan.files(("welcome",))
    assert plan.spoken("pl") == "pl"
    assert plan.spoken("fr") == plan.spoken("") == "uk"


@pytest.mark.parametrize("language", ["EN", "english", "../en", "e"])
def test_a_language_is_two_or_three_letters(language: str) -> None:
    with pytest.raises(ValueError, match="language"):
        _ = Config.model_validate({"extensions": {"101": {"language": language}}})
