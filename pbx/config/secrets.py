"""Passwords live in a file of their own: one `name: password` a line, readable by its owner only.

`extension_901` is the password of extension 901, `web_password` that of the first administrator,
`device_…` stands in the address from which a phone fetches its settings; others are for `!secret
NAME`. What is missing is made at the first start and added; what is there is never touched.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pbx.config.document import Document, Mark, Place, Reference, Tree, parse, path_of
from pbx.config.errors import ConfigError, ConfigErrors, describe, did_you_mean
from pbx.config.files import read_text
from pbx.config.model import Config

WEB_PASSWORD: Final = "web_password"
HEAD: Final = (
    "# Passwords of this exchange. Keep this file to yourself; missing ones are added at start.\n"
)


def extension_secret(extension: str) -> str:
    """The name under which the password of an extension is kept."""
    return f"extension_{extension}"


def device_secret(device: str) -> str:
    """The name under which the secret of a phone that fetches its settings is kept."""
    return f"device_{device}"


def read_secrets(path: Path) -> dict[str, str]:
    """Passwords by name; none when there is no such file yet. Raises ConfigErrors."""
    if not os.path.exists(path):
        return {}
    document = parse(read_text(path), str(path))
    errors: list[ConfigError] = []
    secrets: dict[str, str] = {}
    for name, value in document.tree.items():
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            mark = document.values[(name,)]
            message = "expected text" if isinstance(value, dict | list) else "put it in quotes"
            errors.append(ConfigError(mark.file, mark.line, mark.column, name, message))
        secrets[name] = str(value)
    if errors:
        raise ConfigErrors(errors)
    return secrets


def missing_secrets(config: Config) -> list[str]:
    """Names of the passwords that nobody has given yet, in the order of the configuration."""
    names = [
        extension_secret(id_)
        for id_, extension in config.extensions.items()
        if not extension.password and extension.contact is None
    ]
    names += [device_secret(name) for name, device in config.devices.items() if not device.secret]
    return names if config.web.password else [*names, WEB_PASSWORD]


def with_secrets(config: Config, secrets: Mapping[str, str]) -> Config:
    """The configuration with these passwords wherever it has none of its own."""
    found = {name: secrets[name] for name in missing_secrets(config) if name in secrets}
    extensions = {
        id_: extension.model_copy(update={"password": found[extension_secret(id_)]})
        if extension_secret(id_) in found
        else extension
        for id_, extension in config.extensions.items()
    }
    devices = {
        name: device.model_copy(update={"secret": found[device_secret(name)]})
        if device_secret(name) in found
        else device
        for name, device in config.devices.items()
    }
    update: dict[str, object] = {"extensions": extensions, "devices": devices}
    if WEB_PASSWORD in found:
        update["web"] = config.web.model_copy(update={"password": found[WEB_PASSWORD]})
    return config.model_copy(update=update)


def complete_secrets(config: Config, generate: Callable[[], str]) -> Config:
    """Make the passwords that are missing, keep them in the file, and return what is now complete.

    `generate` gives a new password each time; it comes from the edge. Raises OSError when the file
    cannot be written.
    """
    missing = missing_secrets(config)
    if not missing:
        return config
    made = {name: generate() for name in missing}
    path = config.secrets
    kept = path.read_text("utf-8") if os.path.exists(path) else HEAD
    if kept and not kept.endswith("\n"):
        kept += "\n"
    lines = "".join(f"{name}: {_written(password)}\n" for name, password in made.items())
    _write(path, kept + lines)
    return with_secrets(config, made)


def _written(password: str) -> str:
    """As YAML: in quotes only where it would be read as something else."""
    plain = password.isascii() and password.isalnum() and not password.isdigit()
    if plain and parse(f"x: {password}", "").tree == {"x": password}:
        return password
    return "'" + password.replace("'", "''") + "'"


def _write(path: Path, text: str) -> None:
    """All of it or nothing, even when the power fails; never readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        _ = file.write(text)
        file.flush()
        os.fsync(file.fileno())
    _ = temporary.replace(path)


def resolve(document: Document, env: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Put values in the place of `!secret NAME` and `!env NAME`. Raises ConfigErrors."""
    errors: list[ConfigError] = []
    for place, reference in list(_references(document.tree, ())):
        values = env if reference.kind == "env" else secrets
        if reference.name in values:
            _replace(document, place, values[reference.name])
            document.secret.add(place)
            continue
        mark = document.values.get(place, Mark("", 1, 1))
        name = describe(reference.name)
        if reference.kind == "env":
            message, hint = f"the environment has no variable {name}", ""
        else:
            message = f"there is no secret {name}"
            hint = did_you_mean(reference.name, secrets)
        path = path_of(place)
        errors.append(ConfigError(mark.file, mark.line, mark.column, path, message, hint))
    if errors:
        raise ConfigErrors(errors)


def _references(tree: Tree, place: Place) -> Iterator[tuple[Place, Reference]]:
    match tree:
        case Reference():
            yield place, tree
        case dict():
            for key, value in tree.items():
                yield from _references(value, (*place, key))
        case list():
            for index, value in enumerate(tree):
                yield from _references(value, (*place, index))
        case _:
            pass


def _replace(document: Document, place: Place, value: str) -> None:
    above = document.at(place[:-1])
    match above, place[-1]:
        case dict(), str() as key:
            above[key] = value
        case list(), int() as index:
            above[index] = value
        case _:
            raise AssertionError(place)
