"""E-mails that go out by one SMTP server, from a queue on disk that outlives restarts.

    DIRECTORY/ID.eml     the whole letter (RFC 5322)
    DIRECTORY/ID.json    to whom, how often it was tried, when it is tried next: without it there
                         is no letter

Sending is one task: a slow or dead server delays letters and nothing else. What a server refuses
for good (5xx, RFC 5321 §4.2.1) is dropped and logged; everything else is tried again, later and
later, until `give_up_seconds`.
"""

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Final, Literal

import aiosmtplib
import msgspec

from pbx.log import get_logger
from pbx.status import Alarm

ALARM: Final = "mail"
QUEUE_MAX: Final = 10_000  # Letters that wait. With sound in them these may be some gigabytes.
QUEUE_BYTES_MAX: Final = 2 << 30
TIMEOUT_SECONDS: Final = 30.0  # For each answer of the server.
RETRY_SECONDS_MIN: Final = 15.0
RETRY_SECONDS_MAX: Final = 3600.0
FAILURES_BEFORE_ALARM: Final = 3
MODE: Final = 0o600  # They hold what somebody said.
NOTE_BYTES_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    verify: bool = True
    username: str = ""
    password: str = ""
    give_up_seconds: float = 3 * 86_400.0

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port}, {self.security})"  # Never the password.


@dataclass(frozen=True, slots=True)
class Attachment:
    path: str
    name: str  # That the reader sees.
    kind: str  # "audio/flac"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A letter to be sent. `id` makes the names of its files; the same one twice is one letter."""

    id: str
    to: str
    subject: str
    body: str
    attachments: tuple[Attachment, ...] = ()
    tag: str = ""  # Comes back when it was sent.


class Waiting(msgspec.Struct):
    """The note of a letter in the queue."""

    id: str
    to: str
    since: float  # Unix seconds.
    tries: int = 0
    next_at: float = 0.0
    tag: str = ""
    size: int = 0


class Mailer:
    """`on_sent` gets the tag of each letter that a server has taken, on the loop."""

    def __init__(
        self,
        directory: Path,
        on_sent: Callable[[str], None],
        on_alarm: Callable[[Alarm], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.server: MailServer | None = None
        self.sent = 0
        self.dropped = 0
        self.failures = 0  # In a row, of reaching the server.
        self._directory = directory
        self._on_sent = on_sent
        self._on_alarm = on_alarm
        self._clock = clock
        self._letters: dict[str, Waiting] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._log = get_logger()

    @property
    def waiting(self) -> int:
        return len(self._letters)

    @property
    def started(self) -> bool:
        return self._task is not None

    def start(self, server: MailServer | None) -> None:
        """Reads what waits. OSError if the directory cannot be used."""
        os.makedirs(self._directory, 0o700, exist_ok=True)
        for note in _read_notes(self._directory):
            self._letters[note.id] = note
        self.configure(server)
        self._task = asyncio.create_task(self._run(), name="mail")

    def configure(self, server: MailServer | None) -> None:
        """Another server gets what waits at once."""
        if server != self.server:
            self.server = server
            for letter in self._letters.values():
                letter.next_at = 0.0
        self._wake.set()

    async def stop(self) -> None:
        """What is being sent may be sent twice; nothing is lost."""
        # A cancellation may get lost in `wait_for` of Python 3.11 (bpo-42130).
        self._stopping = True
        if self._task is not None:
            _ = self._task.cancel()
            _ = await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def write(self, letter: Outgoing) -> Waiting:
        """Put it on the disk. For a thread; `queue` what comes of it, on the loop. OSError if it
        cannot be written, or there are too many."""
        held = sum(other.size for other in list(self._letters.values()))
        if len(self._letters) >= QUEUE_MAX or held > QUEUE_BYTES_MAX:
            raise OSError(f"{len(self._letters)} e-mails wait already")
        sender = self.server.sender if self.server is not None else letter.to
        data = compose(letter, sender, self._clock())
        note = Waiting(letter.id, letter.to, self._clock(), tag=letter.tag, size=len(data))
        _write(self._directory / f"{letter.id}.eml", data)
        _write(self._directory / f"{letter.id}.json", msgspec.json.encode(note))
        return note

    def queue(self, note: Waiting) -> None:
        self._letters[note.id] = note
        self._wake.set()

    # --- sending --------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            due = self._next()
            wait = None if due is None else due.next_at - self._clock()
            if due is None or wait is None or wait > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        _ = await self._wake.wait()
                continue
            await self._send_due()

    def _next(self) -> Waiting | None:
        if self.server is None:
            return None
        return min(self._letters.values(), key=lambda letter: letter.next_at, default=None)

    async def _send_due(self) -> None:
        """All that are due, over one connection."""
        server, now = self.server, self._clock()
        assert server is not None
        due = [letter for letter in self._letters.values() if letter.next_at <= now]
        try:
            async with _connection(server) as smtp:
                self._reached()
                for letter in due:
                    await self._send(smtp, server, letter)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            self._not_reached(server, error)
            for letter in due:
                if letter.id in self._letters and letter.next_at <= now:
                    await self._later(letter, str(error))

    async def _send(self, smtp: aiosmtplib.SMTP, server: MailServer, letter: Waiting) -> None:
        try:
            data = await asyncio.to_thread(_read, self._directory / f"{letter.id}.eml")
        except OSError as error:
            await self._drop(letter, str(error))
            return
        try:
            _ = await smtp.sendmail(server.sender, [letter.to], data)
        except aiosmtplib.SMTPRecipientsRefused as error:
            await self._refused(letter, max(r.code for r in error.recipients), str(error))
        except aiosmtplib.SMTPResponseException as error:
            await self._refused(letter, error.code, str(error))
        else:
            self.sent += 1
            await self._forget(letter)
            self._on_sent(letter.tag)

    async def _refused(self, letter: Waiting, code: int, why: str) -> None:
        """RFC 5321 §4.2.1: 4yz may go better later, 5yz will not."""
        await (self._drop(letter, why) if code >= 500 else self._later(letter, why))

    async def _later(self, letter: Waiting, why: str) -> None:
        server, now = self.server, self._clock()
        if server is not None and now - letter.since >= server.give_up_seconds:
            await self._drop(letter, why)
            return
        delay = min(RETRY_SECONDS_MIN * 2 ** min(letter.tries, 16), RETRY_SECONDS_MAX)
        letter.tries += 1
        letter.next_at = now + delay
        with contextlib.suppress(OSError):
            path = self._directory / f"{letter.id}.json"
            await asyncio.to_thread(_write, path, msgspec.json.encode(letter))

    async def _drop(self, letter: Waiting, why: str) -> None:
        self.dropped += 1
        self._log.error("e-mail dropped", id=letter.id, tries=letter.tries, why=why[:300])
        await self._forget(letter)

    async def _forget(self, letter: Waiting) -> None:
        _ = self._letters.pop(letter.id, None)
        await asyncio.to_thread(_unlink, self._directory, letter.id)

    def _reached(self) -> None:
        if self.failures >= FAILURES_BEFORE_ALARM:
            self._on_alarm(Alarm(ALARM, False, "the mail server answers again"))
        self.failures = 0

    def _not_reached(self, server: MailServer, error: Exception) -> None:
        self.failures += 1
        if self.failures == FAILURES_BEFORE_ALARM:
            text = f"no e-mail gets through to {server.host}:{server.port}: {error}"
            self._on_alarm(Alarm(ALARM, True, text))


@contextlib.asynccontextmanager
async def _connection(server: MailServer) -> AsyncGenerator[aiosmtplib.SMTP]:
    """Connected, encrypted and signed in as the server is configured."""
    smtp = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        username=server.username or None,
        password=server.password or None,
        tls_context=None if server.security == "none" else _tls(server),
        timeout=TIMEOUT_SECONDS,
    )
    async with smtp:
        yield smtp


def _tls(server: MailServer) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def compose(letter: Outgoing, sender: str, now: float) -> bytes:
    """The whole letter. `EmailMessage` refuses a header with a line break in it; whoever made the
    subject has taken them out before."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = formatdate(now)
    message["Message-ID"] = make_msgid(letter.id, sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no vacation answers.
    message.set_content(letter.body)
    for attachment in letter.attachments:
        main, _, sub = attachment.kind.partition("/")
        data = _read(Path(attachment.path))
        message.add_attachment(data, maintype=main, subtype=sub, filename=attachment.name)
    return bytes(message)


def _read_notes(directory: Path) -> list[Waiting]:
    """What waits on the disk. What is no letter of ours, or only half there, is removed."""
    found: list[Waiting] = []
    names = {path.name for path in directory.iterdir()}
    for name in sorted(names):
        id, ending = os.path.splitext(name)
        note = _read_note(directory / name) if ending == ".json" else None
        if note is not None and note.id == id and f"{id}.eml" in names:
            found.append(note)
        elif ending in (".json", ".tmp") or (ending == ".eml" and f"{id}.json" not in names):
            (directory / name).unlink(missing_ok=True)
    return found


def _read_note(path: Path) -> Waiting | None:
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(NOTE_BYTES_MAX), type=Waiting)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _read(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb", opener=_private) as file:
        _ = file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, MODE)


def _unlink(directory: Path, id: str) -> None:
    """The note first: without it there is no letter."""
    for ending in (".json", ".eml"):
        with contextlib.suppress(OSError):
            (directory / f"{id}{ending}").unlink()
