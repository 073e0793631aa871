"""The digits of feature codes. The defaults are those that FreePBX and Asterisk made known."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from pbx.codes import Codes
from pbx.config.settings import Settings
from pbx.config.values import expected

OFF: Final = "off"
_CODE: Final = re.compile(r"[0-9*#]{1,8}")  # Longer ones nobody remembers.
_DIGITS: Final = re.compile(r"[0-9]{1,4}")


def _code(value: object) -> str:
    if value is False or value == OFF:
        return ""
    text = str(value)
    if isinstance(value, bool) or _CODE.fullmatch(text) is None:
        raise expected("a code to dial, at most 8 of digits, * and #, or off")
    return text


def _digits(value: object) -> str:
    text = str(value)
    if isinstance(value, bool) or _DIGITS.fullmatch(text) is None:
        raise expected("at most 4 digits")
    return text


BreakCode = Annotated[str, BeforeValidator(_digits, json_schema_input_type=str | int)]
Code = Annotated[str, BeforeValidator(_code, json_schema_input_type=str | int | bool)]
"""Digits; "": there is no such code."""


class FeatureCodes(Settings):
    """What is dialled to change something; `off`: there is no such code."""

    sign_in: Code = Field(default="*45", description="An agent signs in, or out again")
    break_: Code = Field(
        default="*46",
        alias="break",
        description="Begins a break, or ends it; *461: for the reason with the code 1",
    )
    end_wrap_up: Code = Field(default="*47", description="Ready before the wrap-up is over")
    do_not_disturb: Code = Field(
        default="*76", description="No calls for this extension, or calls again: for a key"
    )
    do_not_disturb_on: Code = Field(default="*78", description="No calls for this extension")
    do_not_disturb_off: Code = Field(default="*79", description="Calls again")
    forward_always: Code = Field(
        default="*72", description="*72102: all calls go to 102; without a number it asks for one"
    )
    forward_always_off: Code = "*73"
    forward_busy: Code = Field(default="*90", description="*90102: calls go to 102 while busy")
    forward_busy_off: Code = "*91"
    forward_no_answer: Code = Field(
        default="*52", description="*52102: calls that are not answered go to 102"
    )
    forward_no_answer_off: Code = "*53"
    forward_unreachable: Code = Field(
        default="*54", description="*54102: calls go to 102 while no phone is there"
    )
    forward_unreachable_off: Code = "*55"
    hide_number: Code = Field(default="*67", description="Callees outside do not see who calls")
    show_number: Code = Field(default="*68", description="They see it again")
    intercom: Code = Field(default="*80", description="*80102: the phone of 102 answers by itself")
    pick_up_group: Code = Field(default="*8", description="Takes a call that rings in the group")
    pick_up: Code = Field(default="**", description="**102: takes the call that rings at 102")
    park: Code = Field(default="*70", description="Parks a call")
    listen: Code = Field(
        default="*221", description="*221102: hears the conversation of 102; also an agent's id"
    )
    whisper: Code = Field(default="*222", description="*222102: and is heard by 102 alone")
    barge: Code = Field(default="*223", description="*223102: and is heard by both")
    take_over: Code = Field(default="*224", description="*224102: takes the place of 102")
    echo: Code = Field(default="*43", description="You hear yourself")
    time: Code = Field(default="*60", description="What time it is")
    mailbox: Code = Field(default="*97", description="Your own mailbox")
    any_mailbox: Code = Field(default="*98", description="*98102: the mailbox 102, with its PIN")
    leave_message: Code = Field(
        default="*99", description="*99102: leaves a message for 102, whose phone does not ring"
    )

    def digits(self) -> dict[str, str]:
        """By the name of the code; "" for those that are off."""
        values: dict[str, str] = self.model_dump(by_alias=True)
        return values

    def codes(self) -> Codes:
        return Codes.of(self.digits())
