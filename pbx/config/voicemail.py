"""Mailboxes: who has one, how long messages may be, and how their owners learn of them."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from pbx.config.languages import Language
from pbx.config.mail import EmailAddress
from pbx.config.settings import Settings, short_for
from pbx.config.values import Id, LongTime, Seconds, Sound, Text, To, Whole, expected
from pbx.voicemail.letters import FIELDS
from pbx.voicemail.pins import PIN_DIGITS_MAX

MAILBOXES_MAX: Final = 50_000
MESSAGES_MAX: Final = 10_000
MEMBERS_MAX: Final = 1_000  # Each change of a message is told to all their phones.
TEMPLATE_CHARACTERS_MAX: Final = 10_000

_PIN: Final = re.compile(rf"[0-9]{{1,{PIN_DIGITS_MAX}}}")
_FIELD: Final = re.compile(r"\{([^{}]*)\}")


def _pin(value: object) -> str:
    text = str(value)
    if isinstance(value, bool) or _PIN.fullmatch(text) is None:
        what = f"at most {PIN_DIGITS_MAX} digits"
        raise expected(what, "in quotes, if it begins with a zero")
    return text


def _template(value: object) -> str:
    text = str(value)
    if not isinstance(value, str) or len(text) > TEMPLATE_CHARACTERS_MAX:
        raise expected(f"text of at most {TEMPLATE_CHARACTERS_MAX} characters")
    for name in _FIELD.findall(text):
        if name not in FIELDS:
            known = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise expected(f"nothing in braces but {known}")
    return text


Pin = Annotated[str, BeforeValidator(_pin, json_schema_input_type=str | int)]
Template = Annotated[str, BeforeValidator(_template, json_schema_input_type=str)]
Case = Literal["busy", "no_answer", "unreachable"]
SoundFormat = Literal["flac", "wav", "mp3"]


class UsualSettings(Settings):
    """What holds for all mailboxes, and may be another in each."""

    max_message: Annotated[Seconds, Field(ge=1.0, le=3600.0)] = Field(
        default=180.0, description="Then a message is at its end"
    )
    min_message: Seconds = Field(
        default=2.0, description="A shorter one is thrown away: somebody who hung up at the tone"
    )
    silence: Seconds = Field(
        default=6.0, description="So long a silence ends a message; 0s: only the caller does"
    )
    max_messages: Annotated[Whole, Field(ge=1, le=MESSAGES_MAX)] = Field(
        default=100, description="Then callers are told that the mailbox is full"
    )
    keep: LongTime = Field(
        default=0.0,
        description="Messages that were heard and not saved are deleted after so long; 0s: never",
    )
    answers: tuple[Case, ...] = Field(
        default=("busy", "no_answer", "unreachable"),
        description="When calls of the extension come here, unless it has a forward for that",
    )
    operator: To | None = Field(default=None, description="Where callers go who press 0")
    pin_on_own_phone: bool = Field(
        default=True, description="false: the extension's own phones need no PIN"
    )
    language: Language = Field(
        default=None, description="Of its owner; default: that of the extension"
    )
    attach: SoundFormat | Literal["none"] = Field(
        default="flac", description="How e-mails carry the message; none: they only tell of it"
    )
    delete_after_email: bool = Field(
        default=False, description="What a mail server has taken is deleted here"
    )


class MailboxSettings(UsualSettings):
    """One mailbox. What is not given here is as for all."""

    name: Text = Field(default="", description="In e-mails; default: that of the extension")
    pin: Pin | None = Field(
        default=None,
        repr=False,
        description="The first PIN; better `!secret NAME`. Its owner has to choose another one."
        " Without it one is chosen at the first call of the extension's own phone",
    )
    greeting: Sound | None = Field(
        default=None, description="Until one is recorded by phone; default: the number is spoken"
    )
    email: EmailAddress | None = Field(default=None, description="Told of each new message")
    members: tuple[Id, ...] = Field(
        default=(),
        max_length=MEMBERS_MAX,
        description="Extensions that share it: their lamps count its messages, and their phones"
        " are its own",
    )


Mailbox = Annotated[
    MailboxSettings,
    BeforeValidator(short_for("email"), json_schema_input_type=MailboxSettings | str | None),
]


class VoicemailSettings(UsualSettings):
    path: Path = Field(
        default=Path("var/voicemail"), description="The directory of messages and greetings"
    )
    format: Literal["flac", "wav"] = Field(default="flac", description="Of the files kept here")
    everybody: bool = Field(default=False, description="true: each extension has a mailbox")
    pin_digits: Annotated[Whole, Field(ge=3, le=PIN_DIGITS_MAX)] = Field(
        default=4, description="The fewest that a PIN may have"
    )
    mailboxes: dict[Id, Mailbox] = Field(
        default_factory=dict[str, MailboxSettings],
        max_length=MAILBOXES_MAX,
        description="By extension, or by any other id for a mailbox that no phone belongs to",
    )
    subject: Template | None = Field(
        default=None, description="Of e-mails, instead of ours in the owner's language"
    )
    body: Template | None = Field(default=None, description="And the text")

    def of(self, id: str) -> MailboxSettings:
        """One mailbox with all that holds for it."""
        own = self.mailboxes.get(id) or MailboxSettings()
        given = {name: getattr(own, name) for name in own.model_fields_set}
        usual = {name: getattr(self, name) for name in UsualSettings.model_fields}
        return MailboxSettings.model_construct(**{**own.__dict__, **usual, **given})
