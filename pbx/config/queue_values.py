"""The kinds of values that only queues have: strategies, windows, what is required of an agent."""

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from pbx.config.errors import did_you_mean
from pbx.config.values import Seconds, expected, in_words, seconds_of
from pbx.distribution.config import ALIASES, Strategy, Window, strategy_named
from pbx.distribution.errors import ConfigError
from pbx.distribution.requirements import parse

# Those of a queue, a number and a caller together are one requirement of the core (1000).
REQUIREMENT_CHARACTERS_MAX: Final = 300


def alias_of(name: str) -> str:
    """The spelling that ALIASES has, of `Ring-All` or `longest idle` as well."""
    name = name.strip().lower()
    return name if name in ALIASES else re.sub(r"[ -]", "_", name)


def _strategy(value: object) -> object:
    if isinstance(value, Strategy):
        return value
    try:
        return strategy_named(alias_of(str(value)))[0]
    except ConfigError:
        what = f"one of {', '.join(strategy.value for strategy in Strategy)}"
        raise expected(what, did_you_mean(str(value), ALIASES)) from None


StrategyName = Annotated[Strategy, BeforeValidator(_strategy, json_schema_input_type=str)]


@dataclass(frozen=True, slots=True)
class CountWindow:
    """Which of an agent's calls count. `seconds`: of a rolling one."""

    kind: Window
    seconds: float = 3600.0

    def __str__(self) -> str:
        return in_words(self.seconds) if self.kind is Window.ROLLING else self.kind.value


_WINDOWS: Final = {
    "day": CountWindow(Window.DAY),
    "hour": CountWindow(Window.ROLLING),
    "shift": CountWindow(Window.SHIFT),
}


def _window(value: object) -> object:
    if isinstance(value, CountWindow):
        return value
    found = _WINDOWS.get(str(value).strip().lower())
    if found is not None:
        return found
    try:
        seconds = seconds_of(value)
    except PydanticCustomError:
        hint = did_you_mean(str(value), _WINDOWS)
        raise expected("day, hour, shift, or a time such as 90m", hint) from None
    if seconds == 0:
        raise expected("more than 0s")
    return CountWindow(Window.ROLLING, seconds)


WindowOf = Annotated[
    CountWindow,
    BeforeValidator(_window),
    PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
]


def _every_call(value: object) -> object:
    return 0 if value == "every_call" else value


SecondsOrEveryCall = Annotated[
    Seconds, BeforeValidator(_every_call, json_schema_input_type=float | str)
]
"""0 stands for `every_call`."""


def _requirement(value: object) -> object:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    example = 'tags such as "sales & french >= 50"'
    if not isinstance(text, str):
        raise expected(example)
    if len(text) > REQUIREMENT_CHARACTERS_MAX:
        raise expected(f"at most {REQUIREMENT_CHARACTERS_MAX} characters")
    try:
        _ = parse(text)
    except ConfigError as fault:
        raise expected(example, str(fault)) from None
    return " ".join(text.split())


Requirement = Annotated[str, BeforeValidator(_requirement, json_schema_input_type=str | int)]
