"""What all settings have in common."""

from collections.abc import Callable
from typing import cast

from pydantic import BaseModel, ConfigDict, model_validator


def mapping_of(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def short_for(key: str) -> Callable[[object], object]:
    """`VALUE` is short for `{key: VALUE}`."""

    def lengthen(value: object) -> object:
        return {key: value} if isinstance(value, str | int | float) else value

    return lengthen


class Settings(BaseModel):
    """Base of all: unknown keys are refused, a key with nothing after it is as good as absent."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_the_default(cls, value: object) -> object:
        if value is None:
            return {}
        items = mapping_of(value)
        if items is None:
            return value
        return {key: item for key, item in items.items() if item is not None}
