"""What one phone is told about itself, as plain values: from the configuration, for templates."""

from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from pbx.config.devices import DeviceSettings, Model, mac_of
from pbx.config.model import Config
from pbx.encryption import Policy

EXPIRES_SECONDS: Final = 600  # A phone that was moved is found again after so long at most.


class Srtp(StrEnum):
    """Whether a line encrypts its sound, with keys told in the description (RFC 4568)."""

    OFF = "off"
    OPTIONAL = "optional"  # If the other side does.
    MANDATORY = "mandatory"


@dataclass(frozen=True, slots=True)
class Line:
    """An extension on this phone."""

    number: int  # From 1.
    user: str
    password: str
    name: str
    label: str
    srtp: Srtp = Srtp.OFF


@dataclass(frozen=True, slots=True)
class Key:
    number: int  # From 1.
    kind: str  # "line", "lamp", "dial"
    value: str  # The extension, or the number.
    label: str
    line: int = 1  # Which line is used.
    pick_up: str = ""  # Of a lamp of an extension: the feature code that picks its calls up.


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    model: Model
    mac: str  # "" if it is not known.
    secret: str
    lines: tuple[Line, ...]
    keys: tuple[Key, ...]
    language: str
    timezone: str  # An IANA name, or "".
    codecs: tuple[str, ...]
    transport: str
    server: str  # Where it registers; "": as it has reached our pages.
    port: int
    pick_up: str  # The feature code, or "".
    expires: int = EXPIRES_SECONDS

    def at(self, host: str) -> "Device":
        """With this server, unless the configuration names one."""
        return self if self.server else replace(self, server=host)

    @property
    def srtp(self) -> Srtp:
        """For phones that have one setting for all lines: the strictest one."""
        return max((line.srtp for line in self.lines), key=[*Srtp].index, default=Srtp.OFF)

    @property
    def host(self) -> str:
        """The server as it stands in a URI: IPv6 in brackets."""
        return f"[{self.server}]" if ":" in self.server else self.server

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


def _codecs(config: Config, settings: DeviceSettings) -> tuple[str, ...]:
    first = config.extensions.get(settings.lines[0])
    own = first.codecs if first is not None else ()
    return settings.codecs or own or config.media.codecs


def devices_of(config: Config) -> list[Device]:
    return [_device(config, name, settings) for name, settings in config.devices.items()]


def _device(config: Config, name: str, settings: DeviceSettings) -> Device:
    lines = tuple(
        _line(config, number, extension, settings)
        for number, extension in enumerate(settings.lines, start=1)
    )
    tls = config.sip.tls
    return Device(
        name=name,
        model=settings.model,
        mac=settings.mac or mac_of(name),
        secret=settings.secret,
        lines=lines,
        keys=_keys(config, settings, lines),
        language=settings.language or config.sounds.language,
        timezone=settings.timezone or config.timezone,
        codecs=_codecs(config, settings),
        transport=settings.transport,
        server=_server(config),
        port=tls.port if settings.transport == "tls" and tls is not None else config.sip.port,
        pick_up=config.feature_codes.pick_up,
    )


def _line(config: Config, number: int, extension: str, device: DeviceSettings) -> Line:
    settings = config.extensions[extension]
    name = settings.name or extension
    label = (device.label if number == 1 else "") or name
    srtp = srtp_of(settings.encryption or config.encryption.extensions, device.transport)
    return Line(number, extension, settings.password, name, label, srtp)


def srtp_of(policy: Policy, transport: str) -> Srtp:
    """Where keys could be read on their way there are none, unless there must be."""
    if policy is Policy.REQUIRED:
        return Srtp.MANDATORY
    readable = transport != "tls"
    return Srtp.OFF if policy is Policy.OFF or readable else Srtp.OPTIONAL


def _keys(config: Config, settings: DeviceSettings, lines: tuple[Line, ...]) -> tuple[Key, ...]:
    keys: list[Key] = []
    for number, key in enumerate(settings.keys, start=1):
        if key.line is not None:
            line = lines[key.line - 1]
            keys.append(Key(number, "line", line.user, key.label or line.label, key.line))
        elif key.lamp is not None:
            keys.append(_lamp(config, number, key.lamp, key.label))
        else:
            dialled = key.dial or ""
            keys.append(Key(number, "dial", dialled, key.label or dialled))
    return tuple(keys)


def _lamp(config: Config, number: int, lamp: str, label: str) -> Key:
    extension = config.extensions.get(lamp)
    if extension is None:  # A feature code.
        return Key(number, "lamp", lamp, label or lamp)
    name = extension.name or lamp
    return Key(number, "lamp", lamp, label or name, pick_up=config.feature_codes.pick_up)


def _server(config: Config) -> str:
    if config.provisioning.server is not None:
        return config.provisioning.server
    if config.sip.external_address is not None:
        return config.sip.external_address
    hosts = [host for host in config.sip.host if not ip_address(host).is_unspecified]
    return hosts[0] if hosts else ""
