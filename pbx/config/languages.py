"""The languages that a configuration speaks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

if TYPE_CHECKING:
    from pbx.config.model import Config

LANGUAGE: Final = r"^[a-z]{2,3}$"

Language = Annotated[str, Field(pattern=LANGUAGE)] | None
"""A directory of sounds; None: as whoever else is asked, in the end `sounds: {language: …}`."""


def languages_of(config: "Config") -> tuple[str, ...]:
    """All of them, that of the company first."""
    return tuple(dict.fromkeys((config.sounds.language, *_others(config))))


def _others(config: "Config") -> Iterator[str]:
    wished: list[str | None] = [extension.language for extension in config.extensions.values()]
    wished += [queue.language for queue in config.queues.values()]
    wished += [number.language for number in config.numbers.values()]
    wished += [caller.language for caller in config.callers]
    return (language for language in wished if language is not None)
