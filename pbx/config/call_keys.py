"""Keys that do something within a call."""

from pydantic import Field

from pbx.config.codes import Code
from pbx.config.settings import Settings


class CallKeysSettings(Settings):
    """What extensions press while they talk; `off`: nothing."""

    transfer: Code = Field(
        default="##", description="Then the number of who shall get the other side, and #"
    )
