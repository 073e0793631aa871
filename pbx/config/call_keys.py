"""Keys that do something within a call."""

from itertools import combinations
from typing import Self

from pydantic import Field, model_validator

from pbx.config.codes import Code
from pbx.config.settings import Settings
from pbx.config.values import expected


class CallKeysSettings(Settings):
    """What extensions press while they talk; `off`: nothing."""

    transfer: Code = Field(
        default="##", description="Then the number of who shall get the other side, and #"
    )
    consult: Code = Field(
        default="*2",
        description="Then the number of whom to ask first, and #: hanging up transfers, the same "
        "keys again go back",
    )

    conference: Code = Field(
        default="*3",
        description="While another call waits: both and the one who presses it hear each other",
    )

    record: Code = Field(
        default="*1", description="Begins to record the conversation, or ends it, where allowed"
    )
    pause_recording: Code = Field(
        default="*4", description="For card data: silence is recorded until it is pressed again"
    )

    @model_validator(mode="after")
    def _different(self) -> Self:
        talking = (self.transfer, self.consult, self.conference)
        codes = filter(None, (*talking, self.record, self.pause_recording))
        if any(_alike(one, other) for one, other in combinations(codes, 2)):
            raise expected("keys of which none begins with another one's")
        return self


def _alike(a: str, b: str) -> bool:
    return a.startswith(b) or b.startswith(a)
