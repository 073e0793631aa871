"""Settings of calls to the outside: how numbers are dialled, where they go, who may call them."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from pbx.config.settings import Settings, mapping_of, short_for
from pbx.config.trunks import PatternText, Prefix, Share, one_or_more
from pbx.config.values import Id, Number, Seconds, Whole

ROUTES_MAX: Final = 5000
EXTENSIONS_MAX: Final = 50_000

Kind = Literal["local", "mobile", "international", "premium"]
Money = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class ChoiceSettings(Settings):
    """A trunk of a route."""

    trunk: Id
    priority: Share | None = Field(
        default=None, description="The lower ones are tried first; default: the place in the list"
    )
    weight: Share = Field(default=1, description="Its share among those of one priority")


Choice = Annotated[
    ChoiceSettings,
    BeforeValidator(short_for("trunk"), json_schema_input_type=ChoiceSettings | str),
]
Choices = Annotated[
    tuple[Choice, ...],
    BeforeValidator(
        one_or_more, json_schema_input_type=ChoiceSettings | str | list[ChoiceSettings | str]
    ),
]


class RouteSettings(Settings):
    """Numbers of one kind; of all patterns that fit a number the most exact one counts."""

    numbers: Annotated[
        tuple[PatternText, ...],
        BeforeValidator(one_or_more, json_schema_input_type=str | int | list[str | int]),
    ] = Field(min_length=1, max_length=ROUTES_MAX)
    kind: Kind = Field(description="Class of service: who may call these numbers")
    trunks: Choices = Field(min_length=1, description="The ones to try, in order")
    price: Money = Field(default=0.0, description="Of a minute, for the limits of money")
    ring_timeout: Seconds = 60.0


class EmergencySettings(Settings):
    """Numbers that every phone may call, always."""

    numbers: tuple[Number, ...] = ("112", "911")
    trunks: Choices = Field(default=(), description="Default: all, in their order")


class RightsSettings(Settings):
    """What some extensions may call; `default` is for those that are named nowhere."""

    extensions: Annotated[
        tuple[Id, ...], BeforeValidator(one_or_more, json_schema_input_type=str | list[str])
    ] = Field(default=(), max_length=EXTENSIONS_MAX)
    kinds: Annotated[
        tuple[Kind, ...], BeforeValidator(one_or_more, json_schema_input_type=Kind | list[Kind])
    ] = Field(default=(), description="local, mobile, international, premium")
    minutes_per_day: Annotated[Whole, Field(ge=0, le=100_000)] | None = None
    money_per_day: Money | None = None
    calls: Annotated[Whole, Field(ge=0, le=1000)] = Field(
        default=2, description="To the outside, at a time, for each extension"
    )


def _numbers_only(value: object) -> object:
    """`emergency: ["112"]` is short for `{numbers: ["112"]}`."""
    if mapping_of(value) is not None or value is None:
        return value
    return {"numbers": one_or_more(value)}


Emergency = Annotated[
    EmergencySettings,
    BeforeValidator(_numbers_only, json_schema_input_type=EmergencySettings | list[str]),
]
Length = Annotated[Whole, Field(ge=0, le=15)]


class OutgoingSettings(Settings):
    """Calls to the outside."""

    country: Prefix = Field(default="", description="Our country code, such as 380")
    area: Prefix = Field(default="", description="Our area code, such as 44")
    international: Prefix = Field(default="00", description="Dialled before a country code")
    national: Prefix = Field(default="0", description="Dialled before an area code")
    local_digits: Length = Field(
        default=0, description="Length of local numbers; 0: there are none"
    )
    national_digits: Length = Field(
        default=0, description="Length of national numbers that need no prefix; 0: all need it"
    )
    dial_first: Prefix = Field(default="", description="What gets you out of the house, such as 9")
    emergency: Emergency = EmergencySettings()
    routes: dict[Id, RouteSettings] = Field(
        default_factory=dict[str, RouteSettings], max_length=ROUTES_MAX
    )
    rights: dict[Id, RightsSettings] = Field(
        default_factory=dict[str, RightsSettings],
        max_length=1000,
        description="By name; without any nobody may call the outside",
    )
    say_why: bool = Field(
        default=True, description="Who may not call hears so; false: the phone shows a refusal"
    )
