"""Settings of how phones and browsers reach us: addresses, TLS, WebSocket."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final, cast

from pydantic import BeforeValidator, Field

from pbx.config.settings import Settings, short_for
from pbx.config.values import Network, Port, expected

HOSTS_MAX: Final = 16
CERTIFICATES_MAX: Final = 1_000
ORIGINS_MAX: Final = 1_000

_ADDRESSES: Final = 'an IP address such as 192.168.0.5, or several: [0.0.0.0, "::"]'
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?(\.[a-z0-9-]{1,63}){0,10}")
_ORIGIN: Final = re.compile(rf"https?://({_NAME.pattern}|[0-9.]+|\[[0-9a-f:]+\])(:[0-9]{{1,5}})?")


def _hosts(value: object) -> tuple[str, ...]:
    several = isinstance(value, list | tuple)
    items = cast("list[object]", value) if several else [value]
    try:
        hosts = tuple(str(ipaddress.ip_address(str(item))) for item in items)
    except ValueError:
        what = _ADDRESSES if several else "an IP address such as 192.168.0.5"
        raise expected(what) from None
    if not 1 <= len(set(hosts)) == len(hosts) <= HOSTS_MAX:
        raise expected(f"{_ADDRESSES}, each once")
    return hosts


Hosts = Annotated[tuple[str, ...], BeforeValidator(_hosts, json_schema_input_type=str | list[str])]


def _name(value: object) -> str:
    name = str(value).lower().rstrip(".")
    if _NAME.fullmatch(name) is None:
        raise expected("a host name such as pbx.example.com")
    return name


def _origin(value: object) -> str:
    origin = str(value).lower().rstrip("/")
    if _ORIGIN.fullmatch(origin) is None:
        raise expected("where a page comes from, such as https://crm.example.com")
    return origin


HostName = Annotated[str, BeforeValidator(_name, json_schema_input_type=str)]
Origin = Annotated[str, BeforeValidator(_origin, json_schema_input_type=str)]


class CertificateSettings(Settings):
    """A certificate with its key, as PEM files; they are read again when they change."""

    file: Path = Field(description="The certificate, then those between it and a known authority")
    key: Path | None = Field(default=None, description="Its key; default: in the same file")

    @property
    def key_file(self) -> Path:
        return self.key or self.file


class TlsSettings(Settings):
    """SIP over TLS, for phones and towards trunks."""

    port: Port = 5061
    verify: bool = Field(
        default=True, description="Whether certificates of trunks must be right; false: any will do"
    )
    authorities: Path | None = Field(
        default=None,
        description="PEM file of those who may have signed them; default: as the system believes",
    )


def _on_or_off(value: object) -> object:
    if isinstance(value, bool):
        return {} if value else None
    return value


def _one_or_more(value: object) -> list[object] | tuple[object, ...]:
    if isinstance(value, list | tuple):
        return cast("list[object] | tuple[object, ...]", value)
    return [value]


Tls = Annotated[
    TlsSettings | None,
    BeforeValidator(_on_or_off, json_schema_input_type=TlsSettings | bool | None),
]
Certificates = Annotated[
    tuple[
        Annotated[
            CertificateSettings,
            BeforeValidator(short_for("file"), json_schema_input_type=CertificateSettings | str),
        ],
        ...,
    ],
    BeforeValidator(_one_or_more),
    Field(max_length=CERTIFICATES_MAX),
]


class WebSettings(Settings):
    """Pages, the interface for programs, and SIP over WebSocket at /ws."""

    host: Hosts = Field(default=("127.0.0.1",), description="0.0.0.0: open to the network")
    port: Port = 8080
    tls: bool = Field(default=False, description="https and wss instead of http and ws")
    names: tuple[HostName, ...] = Field(
        default=(),
        max_length=ORIGINS_MAX,
        description="Host names by which browsers may call us, beside IP addresses",
    )
    origins: tuple[Origin, ...] = Field(
        default=(),
        max_length=ORIGINS_MAX,
        description="Other sites whose pages may telephone over our WebSocket",
    )
    proxies: tuple[Network, ...] = Field(
        default=(),
        max_length=ORIGINS_MAX,
        description="Reverse proxies, whose X-Forwarded-For is believed",
    )
    password: str = Field(
        default="",
        repr=False,
        description="For pages with a sign-in, which are still to come; made at the first start",
    )
