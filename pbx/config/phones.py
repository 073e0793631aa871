"""What the configuration says about the calls of an extension, until its user changes it."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from pbx.config.settings import Settings, short_for
from pbx.config.values import Number, Whole
from pbx.phone_plan import Preferences
from pbx.phone_settings import CALLS_MAX


class ForwardSettings(Settings):
    """Numbers to which calls go on. Users change them with feature codes."""

    always: Number | None = Field(default=None, description="All calls; the phones do not ring")
    busy: Number | None = Field(default=None, description="While in a call, and on refusal")
    no_answer: Number | None = Field(default=None, description="After the ring_timeout")
    unreachable: Number | None = Field(
        default=None, description="While no phone is there; without it that of no_answer"
    )


Forwards = Annotated[
    ForwardSettings,
    BeforeValidator(short_for("always"), json_schema_input_type=ForwardSettings | str | int | None),
]


class PhoneUseSettings(Settings):
    """Part of the settings of an extension."""

    forward: Forwards = Field(default=ForwardSettings(), description="A number: of all calls")
    do_not_disturb: bool = Field(default=False, description="It is busy for everybody")
    calls_max: Annotated[Whole, Field(ge=0, le=CALLS_MAX)] = Field(
        default=0, description="With so many calls it is busy; 0: as many as its phones take"
    )
    hide_number: bool = Field(default=False, description="From callees outside")
    intercom: bool = Field(default=True, description="May be called by intercom")

    @property
    def preferences(self) -> Preferences:
        forward = self.forward
        return Preferences(
            forward_always=forward.always or "",
            forward_busy=forward.busy or "",
            forward_no_answer=forward.no_answer or "",
            forward_unreachable=forward.unreachable or "",
            do_not_disturb=self.do_not_disturb,
            calls_max=self.calls_max,
            hide_number=self.hide_number,
            intercom=self.intercom,
        )
