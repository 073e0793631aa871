"""The server that sends our e-mails."""

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from pbx.config.settings import Settings
from pbx.config.values import LongTime, Port, Text, expected

# One address, no display name: what a server takes, and nothing that could end a header or command.
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,253}")
_SERVER: Final = re.compile(r"[A-Za-z0-9.:-]{1,253}")


def _address(value: object) -> object:
    if not isinstance(value, str) or _ADDRESS.fullmatch(value) is None:
        raise expected("an e-mail address such as olena@example.com")
    return value


def _server(value: object) -> object:
    if not isinstance(value, str) or _SERVER.fullmatch(value) is None:
        raise expected("the name or address of a server")
    return value


EmailAddress = Annotated[str, BeforeValidator(_address, json_schema_input_type=str)]
ServerName = Annotated[str, BeforeValidator(_server, json_schema_input_type=str)]


class MailSettings(Settings):
    server: ServerName | None = Field(
        default=None, description="The SMTP server; without one no e-mail is sent"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="starttls: a server that does not offer it gets nothing; tls: from the first"
        " byte on; none: in the clear",
    )
    port: Port | None = Field(
        default=None, description="Default: 587 with starttls, 465 with tls, 25 with none"
    )
    verify: bool = Field(
        default=True, description="false: any certificate will do. For a server in the same room"
    )
    username: Text = ""
    password: str = Field(default="", repr=False, description="Better `!secret NAME`")
    sender: EmailAddress | None = Field(
        default=None, alias="from", description="Whom letters come from"
    )
    give_up_after: LongTime = Field(
        default=3 * 86_400.0, description="An e-mail that no server takes for so long is dropped"
    )

    @property
    def port_number(self) -> int:
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]
