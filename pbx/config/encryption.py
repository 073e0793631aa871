"""Settings of encrypted sound."""

from typing import Annotated

from pydantic import Field

from pbx.config.settings import Settings
from pbx.encryption import Policy

OwnPolicy = Annotated[
    Policy | None,
    Field(description="off | allowed | required: encrypted sound; default: as for all"),
]


class EncryptionSettings(Settings):
    """Whether sound is encrypted (SRTP)."""

    extensions: Policy = Field(
        default=Policy.ALLOWED,
        description="off | allowed: if the phone offers it, is a browser, or has registered over"
        " TLS | required: calls without it are refused",
    )
    trunks: Policy = Field(default=Policy.ALLOWED, description="The same for lines to the outside")
    keys_without_tls: bool = Field(
        default=False,
        description="Phones may tell their keys over UDP and TCP, where everybody can read them",
    )
