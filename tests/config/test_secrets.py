"""Passwords are made once, kept for ever, and readable by nobody else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pbx.config import Config, complete_secrets
from pbx.config.secrets import HEAD, missing_secrets, read_secrets


def passwords(*words: str) -> Callable[[], str]:
    left = list(words)
    return lambda: left.pop(0)


def config_at(path: Path, *extensions: str) -> Config:
    plain = {"contact": "sip:uas@127.0.0.2:7060"}
    return Config.model_validate(
        {
            "secrets": path,
            "extensions": {id_: plain if id_ == "plain" else {} for id_ in extensions},
        }
    )


def test_they_are_made_at_the_first_start(tmp_path: Path) -> None:
    path = tmp_path / "var/secrets.yaml"
    config = config_at(path, "901", "plain", "902")
    assert missing_secrets(config) == ["extension_901", "extension_902", "web_password"]
    complete = complete_secrets(config, passwords("one1", "two2", "three3"))
    assert path.read_text() == HEAD + (
        "extension_901: one1\nextension_902: two2\nweb_password: three3\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert [extension.password for extension in complete.extensions.values()] == [
        *("one1", "", "two2")
    ]
    assert complete.web.password == "three3"
    assert os.listdir(path.parent) == ["secrets.yaml"]


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yaml"
    mine = "# mine\nextension_901:   'kept'   # as written\nother: x"
    _ = path.write_text(mine)
    path.chmod(0o644)
    config = config_at(path, "901", "902")
    # As `load` has it: 901 is known already.
    known = config.extensions["901"].model_copy(update={"password": "kept"})
    config = config.model_copy(update={"extensions": {**config.extensions, "901": known}})
    complete = complete_secrets(config, passwords("new2", "new3"))
    assert path.read_text() == mine + "\nextension_902: new2\nweb_password: new3\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert complete.extensions["901"].password == "kept"
    before = path.stat().st_mtime_ns
    assert complete_secrets(complete, passwords()) == complete
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "word", ["12345", "true", "0x1f", "a'b", "a: b", "1.5", "-", "null", "ab12"]
)
def test_any_password_is_read_back_as_it_was(tmp_path: Path, word: str) -> None:
    path = tmp_path / "secrets.yaml"
    _ = complete_secrets(config_at(path, "901"), passwords(word, word))
    assert read_secrets(path) == {"extension_901": word, "web_password": word}
