"""Slots where callers wait until somebody dials the slot's number."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from pbx.config.settings import Settings
from pbx.config.values import Number, Seconds, expected

SLOTS_MAX = 200  # More than anybody can remember.


def _range(value: object) -> object:
    """`701-720` is short for all of them."""
    if not isinstance(value, str) or "-" not in value:
        return [value] if isinstance(value, str | int) else value
    low, _, high = (part.strip() for part in value.partition("-"))
    if not (low.isdigit() and high.isdigit() and len(low) == len(high) and low <= high):
        raise expected("numbers such as `701-720`")
    if int(high) - int(low) >= SLOTS_MAX:
        raise expected(f"at most {SLOTS_MAX} slots")
    return [str(number).zfill(len(low)) for number in range(int(low), int(high) + 1)]


class ParkingSettings(Settings):
    slots: Annotated[
        tuple[Number, ...],
        BeforeValidator(_range, json_schema_input_type=str | int | list[str | int]),
    ] = Field(default=(), max_length=SLOTS_MAX, description="Numbers to dial, such as 701-720")
    timeout: Seconds = Field(
        default=120.0, description="Then the phone of who parked the caller rings"
    )
