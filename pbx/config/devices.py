"""Settings of the phones themselves, which they fetch from us (provisioning)."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pbx.config.codecs import Codecs
from pbx.config.settings import Settings
from pbx.config.transports import HostName
from pbx.config.values import Id, Number, Text, TimeZone, Whole, expected

KEYS_MAX: Final = 100  # The largest extension modules have so many.
LINES_MAX: Final = 16
SECRET: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,31}")
_LAMP: Final = re.compile(r"[A-Za-z0-9*#][A-Za-z0-9_.*#-]{0,31}")
_MAC: Final = re.compile(
    r"[0-9a-fA-F]{12}|[0-9a-fA-F]{2}([:.-])([0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}"
)
_URL: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}")


def mac_of(text: str) -> str:
    """The twelve digits, in small letters; "" if it is no hardware address."""
    return re.sub(r"[:.-]", "", text).lower() if _MAC.fullmatch(text) else ""


def _mac(value: object) -> str:
    mac = mac_of(str(value))
    if not mac:
        raise expected("a hardware address such as 00:15:65:74:b1:50")
    return mac


def _device(value: object) -> str:
    if isinstance(value, bool | float) or _NAME.fullmatch(str(value)) is None:
        raise expected("a hardware address, or a name of at most 32 letters, digits, - and _")
    return str(value)


def _secret(value: object) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or SECRET.fullmatch(value) is None:
        raise expected("16 to 64 letters, digits, - and _")
    return value


def _lamp(value: object) -> str:
    if isinstance(value, bool | float) or _LAMP.fullmatch(str(value)) is None:
        raise expected("an extension or a feature code")
    return str(value)


def _url(value: object) -> str:
    text = str(value).rstrip("/")
    if _URL.fullmatch(text) is None:
        raise expected("an address such as http://192.168.0.5:8080")
    return text


Mac = Annotated[str, BeforeValidator(_mac, json_schema_input_type=str | int)]
Lamp = Annotated[str, BeforeValidator(_lamp, json_schema_input_type=str | int)]
DeviceName = Annotated[str, BeforeValidator(_device, json_schema_input_type=str | int)]
Secret = Annotated[str, BeforeValidator(_secret, json_schema_input_type=str)]
Url = Annotated[str, BeforeValidator(_url, json_schema_input_type=str)]


class Model(StrEnum):
    YEALINK = "yealink"
    GRANDSTREAM = "grandstream"
    SNOM = "snom"
    LINPHONE = "linphone"
    GENERIC = "generic"


class KeySettings(Settings):
    """One key of a phone: exactly one of line, lamp and dial."""

    line: Annotated[Whole, Field(ge=1, le=LINES_MAX)] | None = Field(
        default=None, description="A line of this phone, the first one is 1"
    )
    lamp: Lamp | None = Field(
        default=None,
        description="An extension that the key shows and calls; or a feature code with a lamp",
    )
    dial: Number | None = Field(default=None, description="A number, or a feature code")
    label: Text = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(part is not None for part in (self.line, self.lamp, self.dial)) != 1:
            raise expected("one of line, lamp and dial")
        return self


class DeviceSettings(Settings):
    """A phone that fetches its settings from us."""

    model: Model = Field(default=Model.GENERIC, description="Which template it gets")
    mac: Mac | None = Field(default=None, description="If the name of the device is another")
    extension: Id | None = Field(default=None, description="Its only line")
    extensions: tuple[Id, ...] = Field(
        default=(), max_length=LINES_MAX, description="Its lines, the first one first"
    )
    label: Text = Field(default="", description="On its screen; default: the extension's name")
    keys: tuple[KeySettings, ...] = Field(default=(), max_length=KEYS_MAX)
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = Field(
        default=None, description="Of its menus; default: that of the sounds"
    )
    timezone: TimeZone = Field(default="", description="Default: that of the company")
    codecs: Codecs = Field(
        default=(),
        description="The preferred one first; default: those of its extension, or of media",
    )
    transport: Literal["udp", "tcp", "tls"] = "udp"
    secret: Secret = Field(
        default="", repr=False, description="In the address of its file; made at the first start"
    )

    @model_validator(mode="after")
    def _has_a_line(self) -> Self:
        if (self.extension is None) == (not self.extensions):
            raise expected("an extension, or several extensions")
        return self

    @property
    def lines(self) -> tuple[str, ...]:
        """The extensions of its lines."""
        return self.extensions if self.extension is None else (self.extension,)


class ProvisioningSettings(Settings):
    """How phones reach us when they fetch their settings, and when they telephone."""

    url: Url | None = Field(
        default=None, description="Of our web pages, as phones reach them; shown by `pbx provision`"
    )
    server: HostName | None = Field(
        default=None, description="Where phones register; default: as they reached our pages"
    )
    templates: Path | None = Field(
        default=None, description="Directory of templates that are used instead of ours"
    )
