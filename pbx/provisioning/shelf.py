"""Which phone's file is asked for: by the secret in the address and the name that its maker gives
the file."""

import hmac
import re
from typing import Final, NamedTuple

from pbx.config.devices import Model
from pbx.config.model import Config
from pbx.provisioning.devices import Device, devices_of
from pbx.provisioning.render import Renderer, content_type

NAME_MAX: Final = 80  # The longest file name of a phone is about 30.
PATH: Final = "/provision"
_NO_SECRET: Final = "0" * 64
# Snom puts its type before the address: snomD785-000413abcdef.htm.
_SNOM_TYPE: Final = re.compile(r"snom[a-z0-9]{1,8}-(?=[0-9a-f]{12}\.)")


class File(NamedTuple):
    name: str
    content_type: str
    body: bytes


class Shelf:
    """All files that phones may fetch. Made anew with each configuration."""

    def __init__(self, config: Config) -> None:
        self._renderer = Renderer(config.provisioning.templates)
        self._by_file: dict[str, Device] = {}
        for device in devices_of(config):
            for name in file_names(device):
                self._by_file[name] = device

    def find(self, secret: str, name: str, host: str) -> File | None:
        """None for a wrong name as for a wrong secret. `host`: by which the phone has reached us.

        Raises RenderError."""
        device = self._by_file.get(plain_name(name))
        wanted = _NO_SECRET if device is None or not device.secret else device.secret
        right = hmac.compare_digest(secret.encode("utf-8", "replace"), wanted.encode())
        if device is None or not device.secret or not right:
            return None
        body = self._renderer.render(device.at(host))
        return File(file_names(device)[0], content_type(device.model), body)

    def render(self, device: Device) -> bytes:
        """Raises RenderError."""
        return self._renderer.render(device)


def file_names(device: Device) -> tuple[str, ...]:
    """As its maker's phones ask for it, in small letters; the first is the one to be told."""
    mac = device.mac
    name = (mac or device.name).lower()
    match device.model:
        case Model.YEALINK:
            return (f"{mac}.cfg",)
        case Model.GRANDSTREAM:
            return (f"cfg{mac}.xml",)
        case Model.SNOM:
            return (f"{mac}.xml", f"{mac}.htm")
        case Model.LINPHONE:
            return (f"{name}.xml",)
        case Model.GENERIC:
            return (f"{name}.conf",)


def plain_name(name: str) -> str:
    return _SNOM_TYPE.sub("", name[:NAME_MAX].lower())


def path_of(device: Device) -> str:
    """The path of its address on our web server."""
    return f"{PATH}/{device.secret}/{file_names(device)[0]}"
