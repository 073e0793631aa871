"""Messages, greetings and notes as files. Whatever is written is on the disk (fsync) before it gets
its name, so a file is whole or not there, whenever the power fails.

Edge: it works on the disk, and only the spool's thread calls it.
"""

import contextlib
import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from media.errors import MediaError
from media.wav import is_being_written, repair
from pbx.voicemail.messages import Draft, Greeting, Mailbox, Message, in_order
from pbx.voicemail.places import (
    BOXES,
    ENDINGS,
    NOTE,
    SETTINGS,
    box_directory,
    draft_file,
    draft_note,
    greeting_of,
    incoming,
    is_id,
    is_mailbox,
    note_file,
    settings_file,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pcm = NDArray[np.int16]

TEMPORARY: Final = ".tmp"
NOTE_BYTES_MAX: Final = 65_536
MODE: Final = 0o640
DIRECTORY_MODE: Final = 0o750


class FileError(Exception):
    """A file that cannot be used, and why."""


class Settings(msgspec.Struct, frozen=True):
    """Of a mailbox, by its owner."""

    pin: str = ""


T = TypeVar("T")


def make_directories(root: str) -> None:
    os.makedirs(incoming(root), DIRECTORY_MODE, exist_ok=True)
    os.makedirs(Path(root, BOXES), DIRECTORY_MODE, exist_ok=True)


# --- notes ------------------------------------------------------------------------------------


def write_draft(root: str, draft: Draft) -> None:
    write(draft_note(root, draft.id), msgspec.json.encode(draft))


def write_message(root: str, message: Message) -> None:
    write(note_file(root, message), msgspec.json.encode(message))


def write_settings(root: str, mailbox: str, settings: Settings) -> None:
    os.makedirs(box_directory(root, mailbox), DIRECTORY_MODE, exist_ok=True)
    write(settings_file(root, mailbox), msgspec.json.encode(settings))


def read_note(path: str, kind: type[T]) -> T | None:
    """None if there is no such file, or it is none of ours."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(NOTE_BYTES_MAX), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def write(path: str, data: bytes) -> None:
    """Whole or not at all."""
    temporary = path + TEMPORARY
    with open(temporary, "wb", opener=_opener) as file:
        _ = file.write(data)
        file.flush()
        os.fsync(file.fileno())
    rename(temporary, path)


def rename(old: str, new: str) -> None:
    os.replace(old, new)
    sync_directory(os.path.dirname(new))


def sync_directory(path: str) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def remove(*paths: str) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, MODE)


# --- what is there at the start ---------------------------------------------------------------


def load(root: str) -> dict[str, Mailbox]:
    """All mailboxes on disk, configured or not."""
    boxes: dict[str, Mailbox] = {}
    for directory in _entries(Path(root, BOXES)):
        if is_mailbox(directory.name) and directory.is_dir(follow_symlinks=False):
            boxes[directory.name] = _load_box(root, directory.name)
    return boxes


def _load_box(root: str, mailbox: str) -> Mailbox:
    box, found = Mailbox(), list[Message]()
    entries = _entries(Path(box_directory(root, mailbox)))
    names = {entry.name for entry in entries}
    for entry in entries:
        greeting = greeting_of(entry.name)
        if entry.name.endswith(TEMPORARY):
            remove(entry.path)
        elif greeting is not None:
            _load_greeting(box, greeting[0], entry.path)
        elif entry.name == SETTINGS:
            settings = read_note(entry.path, Settings)
            box.pin = "" if settings is None else settings.pin
        elif entry.name.endswith(NOTE):
            message = read_note(entry.path, Message)
            if message is not None and _is_its_own(message, mailbox, entry.name, names):
                found.append(message)
    box.messages = in_order(found)
    return box


def _load_greeting(box: Mailbox, greeting: Greeting, path: str) -> None:
    """The newer one counts, should both be there after a crash: ids begin with the time."""
    other = box.greetings.get(greeting)
    if other is not None:
        older, path = sorted((other, path))
        remove(older)
    box.greetings[greeting] = path


def _is_its_own(message: Message, mailbox: str, name: str, names: set[str]) -> bool:
    """The note says what its name and place say, and its sound is there."""
    same = message.mailbox == mailbox and f"{message.id}{NOTE}" == name and is_id(message.id)
    return same and message.ending in ENDINGS and f"{message.id}.{message.ending}" in names


def orphans(root: str) -> list[Draft]:
    """What was being recorded when the last process ended. What nobody can tell of, is removed."""
    found: list[Draft] = []
    for entry in _entries(Path(incoming(root))):
        id, ending = os.path.splitext(entry.name)
        if not is_id(id) or ending not in (".wav", NOTE):
            remove(entry.path)
        elif ending == NOTE:
            draft = read_note(entry.path, Draft)
            if draft is None or draft.id != id or not is_mailbox(draft.mailbox):
                remove(entry.path, draft_file(root, id))
            else:
                found.append(draft)
        elif not os.path.exists(draft_note(root, id)) and not _is_written(entry.path):
            remove(entry.path)
    return sorted(found, key=lambda draft: draft.id)


def is_growing(root: str, draft: Draft) -> bool:
    """A media worker that outlived us still writes it."""
    return _is_written(draft_file(root, draft.id))


def _is_written(path: str) -> bool:
    try:
        return is_being_written(path)
    except OSError:
        return False


def _entries(path: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


# --- sound ------------------------------------------------------------------------------------


def read_draft(path: str) -> tuple["Pcm", int]:
    """What was recorded, its rate. After a crash the header may be behind. Raises FileError."""
    try:
        _ = repair(path)
    except (MediaError, OSError) as error:
        raise FileError(f"{path}: {error}") from error
    return read_sound(path)


def write_sound(path: str, pcm: "Pcm", rate: int, ending: str) -> None:
    """As FLAC, WAV or MP3, under this name when it is on disk. OSError if that cannot be."""
    soundfile: Any = import_module("soundfile")  # It has no types.
    temporary = path + TEMPORARY
    kinds = {"flac": ("FLAC", "PCM_16"), "wav": ("WAV", "PCM_16"), "mp3": ("MP3", None)}
    kind, subtype = kinds[ending]
    try:
        with open(temporary, "wb", opener=_opener) as file:
            soundfile.write(file, pcm, rate, format=kind, subtype=subtype)
            file.flush()
            os.fsync(file.fileno())
    except RuntimeError as error:  # libsndfile's; a full disk among them.
        raise OSError(f"{path}: {error}") from error
    rename(temporary, path)


def read_sound(path: str) -> tuple["Pcm", int]:
    """Of any file of ours. Raises FileError."""
    soundfile: Any = import_module("soundfile")
    try:
        pcm, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (RuntimeError, OSError) as error:
        raise FileError(f"{path}: {error}") from error
    return pcm[:, 0], int(rate)
