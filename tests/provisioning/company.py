"""A company whose phones fetch their settings, and the files of its phones as values."""

import configparser
from typing import Final
from xml.etree import ElementTree

from pbx.config.document import parse
from pbx.config.load import validate
from pbx.config.model import Config
from pbx.config.secrets import missing_secrets, with_secrets
from pbx.provisioning.devices import devices_of
from pbx.provisioning.shelf import Shelf

TEXT: Final = """
timezone: Europe/Kyiv
extensions: {901: 'Anna "A" <&>', 902: Borys, 101: Олена}
devices:
  00:15:65:74:B1:50:
    model: yealink
    extensions: [901, 101]
    label: Reception
    keys: [{line: 1}, {lamp: 902}, {dial: "500", label: Sales}]
  000b82aabbcc: {model: grandstream, extensions: [902, 901], keys: [{lamp: 101}], transport: tcp}
  desk: {model: snom, mac: 00-04-13-ab-cd-ef, extension: 902, keys: [{lamp: 101}, {dial: "*45"}]}
  softphone: {model: linphone, extension: 901}
  door: {extension: 101, timezone: "", language: uk, codecs: [PCMA]}
"""
HOST: Final = "10.0.0.1"


def company(text: str = TEXT) -> Config:
    config = validate(parse(text, "company.yaml"))
    return with_secrets(config, {name: secret_of(name) for name in missing_secrets(config)})


def secret_of(name: str) -> str:
    return f"made-for-{name.replace(':', '')}"


def rendered(device: str, config: Config | None = None) -> str:
    config = config or company()
    (found,) = [one for one in devices_of(config) if one.name == device]
    return Shelf(config).render(found.at(HOST)).decode()


def settings_of(text: str) -> dict[str, str]:
    """Of lines of `name = value`."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = [line.split(" = ", 1) for line in lines]
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), names
    return {name: value for name, value in pairs}  # noqa: C416 - mypy knows no lengths.


def elements_of(text: str) -> dict[str, str]:
    """Text by tag, with the index where there is one: `user_name 1`."""
    root = ElementTree.fromstring(text)
    found: dict[str, str] = {}
    for element in root.iter():
        if not len(element):
            name = f"{element.tag} {element.get('idx', '')}".strip()
            assert name not in found, name
            found[name] = element.text or ""
    return found


def sections_of(text: str) -> dict[str, dict[str, str]]:
    """Of an .ini file, which linphone's are too once fetched."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def linphone_sections(text: str) -> dict[str, dict[str, str]]:
    space = "{http://www.linphone.org/xsds/lpconfig.xsd}"
    root = ElementTree.fromstring(text)
    assert root.tag == f"{space}config"
    return {
        str(section.get("name")): {
            str(entry.get("name")): entry.text or "" for entry in section.iter(f"{space}entry")
        }
        for section in root.iter(f"{space}section")
    }
