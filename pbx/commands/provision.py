"""`pbx provision`: from where phones fetch their settings, and what they get."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from pbx.printable import printable

if TYPE_CHECKING:
    from pbx.config.model import Config
    from pbx.provisioning.devices import Device

FAILED: Final = 1
USAGE: Final = 2
UNKNOWN_HOST: Final = "PBX-ADDRESS"


def provision(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CONFIG]", envvar="PBX_CONFIG", help="The YAML file.", show_default=False
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Print what this phone gets: its name or hardware address.")
    ] = "",
) -> None:
    """From where phones fetch their settings. The addresses are secret: who knows one can call.

    \b
    Examples:
      pbx provision                                addresses for the phones' menus
      pbx provision --device 00:15:65:74:b1:50     the file that this phone gets
    """
    from pbx.cli import find_config
    from pbx.config.errors import ConfigErrors
    from pbx.config.load import load

    path = find_config(config)
    try:
        found = load(path, os.environ)
    except ConfigErrors as errors:
        _fail("\n".join(str(error) for error in errors.errors))
    if device:
        _print_file(found, device)
    else:
        _list(found)


def _list(config: "Config") -> None:
    from pbx.cli import show, table
    from pbx.provisioning.devices import devices_of

    devices = devices_of(config)
    if not devices:
        show(["No phones: the configuration has no `devices`."])
        return
    base = web_address(config)
    rows = [
        (
            device.name,
            device.model.value,
            " ".join(line.user for line in device.lines),
            address(base, device),
        )
        for device in devices
    ]
    hints: list[str] = []
    if config.web.host == ("127.0.0.1",) and config.provisioning.url is None:
        hints.append("Only this machine reaches web.host 127.0.0.1: open it, or say url.")
    elif UNKNOWN_HOST in base:
        hints.append("Say `provisioning: {url: …}`, and the address of this machine is shown here.")
    show([table("Device", "Model", "Extensions", "Address", rows=rows), *hints])


def address(base: str, device: "Device") -> str:
    from pbx.provisioning.shelf import path_of

    return base + path_of(device) if device.secret else "made when the PBX is first started"


def _print_file(config: "Config", name: str) -> None:
    from pbx.config.devices import mac_of
    from pbx.provisioning.devices import devices_of
    from pbx.provisioning.render import RenderError
    from pbx.provisioning.shelf import Shelf

    mac = mac_of(name)
    for device in devices_of(config):
        if device.name == name or (mac and device.mac == mac):
            try:
                text = Shelf(config).render(device.at(UNKNOWN_HOST)).decode()
            except RenderError as error:
                _fail(str(error))
            _ = sys.stdout.write("\n".join(map(printable, text.splitlines())) + "\n")
            return
    _fail(f"there is no device {printable(name)}; `pbx provision` lists them", USAGE)


def web_address(config: "Config") -> str:
    """As phones reach our pages, as far as that is known."""
    from ipaddress import ip_address

    if config.provisioning.url is not None:
        return config.provisioning.url
    hosts = [host for host in config.web.host if not ip_address(host).is_unspecified]
    host = hosts[0] if hosts else config.provisioning.server or UNKNOWN_HOST
    scheme = "https" if config.web.tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{config.web.port}"


def _fail(text: str, code: int = FAILED) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(code)
