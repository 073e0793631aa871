"""Templates → files. XML is escaped; in lines of `name = value` no value begins another line.

The templates are Jinja's (`templates/`); a directory of the administrator's own goes first.
"""

from pathlib import Path
from typing import Final

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pbx.config.devices import Model
from pbx.provisioning.devices import Device
from pbx.provisioning.time_zones import read_zone

TEMPLATES: Final[dict[Model, str]] = {
    Model.YEALINK: "yealink.cfg",
    Model.GRANDSTREAM: "grandstream.xml",
    Model.SNOM: "snom.xml",
    Model.LINPHONE: "linphone.xml",
    Model.GENERIC: "generic.conf",
}
CONTENT_TYPES: Final = {".xml": "application/xml", ".cfg": "text/plain", ".conf": "text/plain"}


class RenderError(Exception):
    """A template has a fault; the text names it."""


class Renderer:
    def __init__(self, directory: Path | None = None) -> None:
        loaders: list[BaseLoader] = [PackageLoader("pbx.provisioning")]
        if directory is not None:
            loaders.insert(0, FileSystemLoader(directory))
        self._environment: Environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader(loaders),
            autoescape=_is_xml,
            finalize=_one_line,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def render(self, device: Device) -> bytes:
        """The file of this phone, in UTF-8. RenderError if its template cannot be filled in."""
        name = TEMPLATES[device.model]
        try:
            template = self._environment.get_template(name)
            return template.render(phone=device, zone=read_zone(device.timezone)).encode()
        except (TemplateError, OSError, UnicodeError) as error:
            raise RenderError(f"template {name}: {type(error).__name__}: {error}") from error


def content_type(model: Model) -> str:
    return CONTENT_TYPES[Path(TEMPLATES[model]).suffix]


def _is_xml(name: str | None) -> bool:
    return name is not None and name.endswith(".xml")


def _one_line(value: object) -> object:
    """What XML cannot hold, and what would end a line, is left out."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return type(value)("".join(letter for letter in value if letter.isprintable()))
