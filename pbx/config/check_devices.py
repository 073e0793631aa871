"""What is wrong with phones that fetch their settings: lines that nobody has, an address twice."""

from collections.abc import Iterator
from typing import Final

from pbx.config.devices import DeviceSettings, Model, mac_of
from pbx.config.document import Place
from pbx.config.errors import did_you_mean
from pbx.config.explain import Fault
from pbx.config.model import Config
from pbx.encryption import Policy

# They ask for a file that is named after their hardware address.
BY_MAC: Final = frozenset({Model.YEALINK, Model.GRANDSTREAM, Model.SNOM})


def devices(config: Config) -> Iterator[Fault]:
    templates = config.provisioning.templates
    if templates is not None and not templates.is_dir():
        yield Fault(("provisioning", "templates"), f"there is no directory {templates}")
    macs: dict[str, str] = {}
    for name, device in config.devices.items():
        place: Place = ("devices", name)
        mac = device.mac or mac_of(name)
        if not mac and device.model in BY_MAC:
            what = f"a {device.model} phone needs its hardware address as its name, or a `mac`"
            yield Fault(place, what, at_key=True)
        elif mac in macs:
            what = f'this is the hardware address of "{macs[mac]}" already'
            yield Fault(place, what, at_key=True)
        if mac:
            _ = macs.setdefault(mac, name)
        yield from _lines(config, place, device)
        yield from _keys(config, place, device)
        if device.transport == "tls" and config.sip.tls is None:
            yield Fault((*place, "transport"), "SIP over TLS is off", "set `sip: {tls: true}`")


def _lines(config: Config, place: Place, device: DeviceSettings) -> Iterator[Fault]:
    for index, extension in enumerate(device.lines):
        one = device.extension is not None
        at: Place = (*place, "extension") if one else (*place, "extensions", index)
        if extension not in config.extensions:
            hint = did_you_mean(extension, config.extensions)
            yield Fault(at, f'there is no extension "{extension}"', hint)
        elif config.extensions[extension].contact is not None:
            yield Fault(at, f'extension "{extension}" has a fixed contact and does not register')
        elif _tells_keys_in_vain(config, extension, device):
            what = f'extension "{extension}" requires encryption, and tells keys over TLS only'
            yield Fault(at, what, "set `transport: tls` for this phone")


def _tells_keys_in_vain(config: Config, extension: str, device: DeviceSettings) -> bool:
    policy = config.extensions[extension].encryption or config.encryption.extensions
    readable = device.transport != "tls"
    return policy is Policy.REQUIRED and readable and not config.encryption.keys_without_tls


def _keys(config: Config, place: Place, device: DeviceSettings) -> Iterator[Fault]:
    for index, key in enumerate(device.keys):
        lamp, codes = key.lamp, tuple(filter(None, config.feature_codes.digits().values()))
        if lamp is not None and lamp not in config.extensions and not lamp.startswith(codes):
            hint = did_you_mean(lamp, config.extensions)
            at: Place = (*place, "keys", index, "lamp")
            yield Fault(at, f'there is no extension "{lamp}"', hint)
        if key.line is not None and key.line > len(device.lines):
            what = f"this phone has no line {key.line}"
            yield Fault((*place, "keys", index, "line"), what)
