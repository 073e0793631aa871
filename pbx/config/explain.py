"""What the models refuse, as file:line:column with what was found, expected, and the nearest word.

The models know settings, the document knows places; here they meet.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import UnionType
from typing import Annotated, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pbx.config.document import Document, Mark, Place, path_of
from pbx.config.errors import ERRORS_MAX, ConfigError, describe, did_you_mean
from pbx.config.model import Config
from pbx.config.values import EXPECTED

# Pydantic's error types, in our words; `{ge}` and the like are from its context.
_WORDS: Final = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "path_type": "a path",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "enum": "one of {expected}",
    "literal_error": "one of {expected}",
    "tuple_type": "a list, such as [a, b]",
    "dict_type": "a mapping: `key: value` lines",
    "model_type": "a mapping: `key: value` lines",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
}
_PATTERNS: Final = {
    r"^[a-z]{2,3}$": "a language such as en or uk",
    r"^[0-9*#]$": "one key of a telephone: 0 to 9, * or #",
}
_SECRET_SETTINGS: Final = {"password", "secret"}  # Their values are never shown.


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a setting; the document says where that is."""

    place: Place
    message: str
    hint: str = ""
    at_key: bool = False  # The key is at fault, not its value.


def explain(error: ValidationError, document: Document) -> list[ConfigError]:
    """All faults in the order of the file."""
    return locate(_faults(error, document), document)


def locate(faults: list[Fault], document: Document) -> list[ConfigError]:
    errors = {_located(fault, document): None for fault in faults}
    return sorted(errors, key=lambda error: (error.file, error.line, error.column))


def _located(fault: Fault, document: Document) -> ConfigError:
    place = document.nearest(fault.place)
    mark = document.values.get(place)
    stands_for_it = place == fault.place or not isinstance(document.at(place), dict | list)
    if fault.at_key or not stands_for_it:
        mark = document.keys.get(place, mark)
    mark = mark or Mark("", 1, 1)
    path = path_of(fault.place)
    return ConfigError(mark.file, mark.line, mark.column, path, fault.message, fault.hint)


def _faults(error: ValidationError, document: Document) -> list[Fault]:
    details = error.errors(include_url=False, include_input=False)
    # An element that is refused makes its list too short as well: that is no news.
    refused = {detail["loc"][:depth] for detail in details for depth in range(len(detail["loc"]))}
    news = (d for d in details if d["type"] != "too_short" or d["loc"] not in refused)
    return [
        _fault(detail["type"], detail["loc"], detail.get("ctx", {}), detail["msg"], document)
        for detail in islice(news, ERRORS_MAX)
    ]


def _fault(
    kind: str, loc: Place, context: Mapping[str, object], message: str, document: Document
) -> Fault:
    at_key = bool(loc) and loc[-1] == "[key]"
    place = loc[:-1] if at_key else loc
    if kind == "missing":
        return Fault(place, "this setting is needed")
    if kind == "extra_forbidden":
        known = did_you_mean(str(place[-1]), known_keys(place[:-1]))
        return Fault(place, "there is no such setting", known, at_key=True)
    found = describe(place[-1]) if at_key else _found(place, document)
    expected = _expected(kind, context, message)
    hint = str(context.get("hint", "")) or _hint(kind, context, document.at(place))
    return Fault(place, f"expected {expected}, found {found}", hint, at_key)


def _found(place: Place, document: Document) -> str:
    place = document.nearest(place)
    if place in document.secret or (place and place[-1] in _SECRET_SETTINGS):
        return "something else"
    return describe(document.at(place))


def _expected(kind: str, context: Mapping[str, object], message: str) -> str:
    if kind == EXPECTED:
        return str(context["what"])
    if kind == "string_pattern_mismatch":
        return _PATTERNS[str(context["pattern"])]
    template = _WORDS.get(kind)
    if template is None:
        return message
    return template.format(**{key: _plain(value) for key, value in context.items()})


def _plain(value: object) -> str:
    return str(value).replace("'", "").removesuffix(".0")


def _hint(kind: str, context: Mapping[str, object], found: object) -> str:
    if kind not in {"enum", "literal_error"}:
        return ""
    return did_you_mean(str(found), re.findall(r"'([^']+)'", str(context["expected"])))


def known_keys(place: Place) -> list[str]:
    """The keys that a setting may have: the aliases of its model's fields."""
    model: type[BaseModel] | None = Config
    by_name = False  # Below a mapping of names to settings.
    for step in place:
        if isinstance(step, int) or by_name or model is None:
            by_name = by_name and isinstance(step, int)
            continue
        fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
        annotation = fields.get(step)
        model = next(_models_in(annotation), None)
        by_name = _is_by_name(annotation)
    if model is None:
        return []
    return [info.alias or name for name, info in model.model_fields.items()]


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _is_by_name(annotation: object) -> bool:
    origin = get_origin(annotation)
    if origin in (Annotated, Union, UnionType):
        return any(_is_by_name(part) for part in get_args(annotation))
    return origin is dict
