"""Settings from the environment: `PBX_SIP__PORT=5070` goes over `sip: {port: …}` of the files.

Two underscores go one level deeper. A list or mapping is written as in YAML: `[10.0.0.0/8]`.
"""

from collections.abc import Mapping
from typing import Final

from pbx.config.document import Document, Mark, Place, Tree, parse
from pbx.config.errors import ConfigError, ConfigErrors, did_you_mean
from pbx.config.explain import known_keys

PREFIX: Final = "PBX_"
LEVEL: Final = "__"


def overlay(document: Document, env: Mapping[str, str]) -> list[ConfigError]:
    """Put the settings of the environment into the document, and say which are none.

    Other programs have variables that begin with PBX_ too: without `__`, an unknown name is theirs.
    """
    errors: list[ConfigError] = []
    for name in sorted(env):
        if not name.startswith(PREFIX):
            continue
        place = _place(name, document)
        if place[0] not in known_keys(()):
            if len(place) > 1:
                hint = did_you_mean(str(place[0]), known_keys(()))
                errors.append(_error(name, "there is no such setting", hint))
            continue
        try:
            _put(document, place, _value(name, env[name]), Mark(_where(name), 0, 0))
        except ConfigErrors as fault:
            errors.append(_error(name, fault.errors[0].message, fault.errors[0].hint))
    return errors


def _where(name: str) -> str:
    return f"environment variable {name}"


def _error(name: str, message: str, hint: str = "") -> ConfigError:
    return ConfigError(_where(name), 0, 0, "", message, hint)


def _place(name: str, document: Document) -> Place:
    """Keys of the document are found whatever their case; new ones are in small letters."""
    place: Place = ()
    for word in name.removeprefix(PREFIX).split(LEVEL):
        value = document.at(place)
        keys = {key.lower(): key for key in value} if isinstance(value, dict) else {}
        place = (*place, keys.get(word.lower(), word.lower()))
    return place


def _value(name: str, text: str) -> Tree:
    if not text.startswith(("[", "{")):
        return text
    return parse(f"value: {text}", name).tree["value"]


def _put(document: Document, place: Place, value: Tree, mark: Mark) -> None:
    into = document.tree
    for depth, step in enumerate(place[:-1], 1):
        key, here = str(step), place[:depth]
        below = into.get(key)
        if not isinstance(below, dict):
            below = into[key] = {}
            document.keys[here] = document.values[here] = mark
        into = below
    into[str(place[-1])] = value
    for marks in (document.keys, document.values):
        for old in [old for old in marks if old[: len(place)] == place]:
            del marks[old]
    _mark(document, place, value, mark)


def _mark(document: Document, place: Place, value: Tree, mark: Mark) -> None:
    document.keys[place] = document.values[place] = mark
    if isinstance(value, dict):
        for key, item in value.items():
            _mark(document, (*place, key), item, mark)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _mark(document, (*place, index), item, mark)
