"""Where files lie. Every name is made of ids of ours: a mailbox of the configuration, and the
digits and hexadecimal letters of a message. Nothing that a caller sends is ever part of a path.

    ROOT/incoming/ID.wav, ID.json      being recorded, or not looked at yet
    ROOT/boxes/MAILBOX/ID.flac, ID.json    a message: it is there if and only if its .json is
    ROOT/boxes/MAILBOX/greeting-KIND-ID.wav
    ROOT/boxes/MAILBOX/settings.json   the PIN that its owner chose
"""

import re
from pathlib import PurePath
from typing import Final

from pbx.voicemail.messages import Greeting, Message

INCOMING: Final = "incoming"
BOXES: Final = "boxes"
SETTINGS: Final = "settings.json"
NOTE: Final = ".json"
DRAFT: Final = ".wav"
ENDINGS: Final = ("flac", "wav", "mp3")

_MAILBOX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")  # As ids of the configuration.
_ID: Final = re.compile(r"[0-9]{1,12}-[0-9a-f]{1,32}")
_GREETING: Final = re.compile(r"greeting-([a-z]{1,16})-([0-9]{1,12}-[0-9a-f]{1,32})\.wav")


class BadName(ValueError):
    """This cannot be the name of a file of ours."""


def mailbox_name(mailbox: str) -> str:
    return _checked(_MAILBOX, mailbox)


def id_name(id: str) -> str:
    return _checked(_ID, id)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def is_mailbox(text: str) -> bool:
    return _MAILBOX.fullmatch(text) is not None


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise BadName(f"not a name of a file: {text[:40]!r}")
    return text


def incoming(root: str) -> str:
    return str(PurePath(root, INCOMING))


def box_directory(root: str, mailbox: str) -> str:
    return str(PurePath(root, BOXES, mailbox_name(mailbox)))


def draft_file(root: str, id: str) -> str:
    return str(PurePath(root, INCOMING, id_name(id) + DRAFT))


def draft_note(root: str, id: str) -> str:
    return str(PurePath(root, INCOMING, id_name(id) + NOTE))


def sound_file(root: str, message: Message) -> str:
    ending = message.ending if message.ending in ENDINGS else ENDINGS[0]
    return str(PurePath(box_directory(root, message.mailbox), f"{id_name(message.id)}.{ending}"))


def note_file(root: str, message: Message) -> str:
    return str(PurePath(box_directory(root, message.mailbox), id_name(message.id) + NOTE))


def settings_file(root: str, mailbox: str) -> str:
    return str(PurePath(box_directory(root, mailbox), SETTINGS))


def greeting_file(root: str, mailbox: str, greeting: Greeting, id: str) -> str:
    """Each recording has a name of its own: a worker that still has the last one in its cache
    must not play that."""
    name = f"greeting-{greeting.value}-{id_name(id)}.wav"
    return str(PurePath(box_directory(root, mailbox), name))


def greeting_of(name: str) -> tuple[Greeting, str] | None:
    """What a file of this name is: which greeting, and the id of its recording."""
    found = _GREETING.fullmatch(name)
    if found is None or found[1] not in set(Greeting):
        return None
    return Greeting(found[1]), found[2]
