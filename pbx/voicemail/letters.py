"""A new message as an e-mail: subject and text in the language of its owner.

What came from a caller is made printable before it gets here, and stands in one line.
"""

import re
from typing import Final, NamedTuple

from pbx.printable import printable
from pbx.voicemail.messages import Message

FIELDS: Final = ("caller", "name", "mailbox", "owner", "date", "time", "length", "company")
_FIELD: Final = re.compile(r"\{([a-z]+)\}")
_SPACES: Final = re.compile(r"\s+")
VALUE_MAX: Final = 120  # Characters of a caller's name in a subject.


class Wording(NamedTuple):
    subject: str
    body: str
    unknown: str  # Of a caller without a number.


WORDINGS: Final[dict[str, Wording]] = {
    "en": Wording(
        "Voice message from {caller} ({length})",
        "Dear {owner},\n\n"
        "{caller} {name} left a message in mailbox {mailbox} on {date} at {time}.\n"
        "Length: {length}\n\n"
        "{company}\n",
        "an unknown number",
    ),
    "uk": Wording(
        "Голосове повідомлення від {caller} ({length})",
        "Вітаємо, {owner}!\n\n"
        "{date} о {time} у скриньці {mailbox} залишено повідомлення. Телефон: {caller} {name}\n"
        "Тривалість: {length}\n\n"
        "{company}\n",
        "невідомий номер",
    ),
    "ru": Wording(
        "Голосовое сообщение от {caller} ({length})",
        "Здравствуйте, {owner}!\n\n"
        "{date} в {time} в ящике {mailbox} оставлено сообщение. Телефон: {caller} {name}\n"
        "Длительность: {length}\n\n"
        "{company}\n",
        "неизвестный номер",
    ),
    "pl": Wording(
        "Wiadomość głosowa od: {caller} ({length})",
        "Dzień dobry, {owner}!\n\n"
        "{date} o {time} w skrzynce {mailbox} nagrano wiadomość. Telefon: {caller} {name}\n"
        "Długość: {length}\n\n"
        "{company}\n",
        "numer nieznany",
    ),
}


class Letter(NamedTuple):
    subject: str
    body: str


def letter(
    message: Message,
    *,
    owner: str,
    company: str,
    language: str,
    subject: str = "",
    body: str = "",
) -> Letter:
    """`subject`, `body`: templates of the configuration, instead of ours."""
    wording = WORDINGS.get(language, WORDINGS["en"])
    local = message.local
    caller = one_line(message.caller)
    values = {
        "caller": caller if any(c.isdigit() for c in caller) else wording.unknown,
        "name": one_line(message.name),
        "mailbox": message.mailbox,
        "owner": one_line(owner) or message.mailbox,
        "date": f"{local.year:04}-{local.month:02}-{local.day:02}",
        "time": f"{local.hour:02}:{local.minute:02}",
        "length": length_of(message.seconds),
        "company": one_line(company),
    }
    filled = fill(subject or wording.subject, values)
    return Letter(one_line(filled), _tidy(fill(body or wording.body, values)))


def fill(template: str, values: dict[str, str]) -> str:
    """In one go, so that what is put in is never taken for a template itself."""
    return _FIELD.sub(lambda found: values.get(found[1], found[0]), template)


def length_of(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def one_line(text: str) -> str:
    """Nothing in it can begin another header."""
    return printable(_SPACES.sub(" ", text)).strip()[:VALUE_MAX]


def _tidy(text: str) -> str:
    """Without the gaps that empty fields leave."""
    return "\n".join(re.sub(r" {2,}", " ", line).rstrip() for line in text.splitlines()) + "\n"
