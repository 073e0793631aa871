"""Voicemail in the running exchange: its files, its e-mails, and what the clocks show there.

Edge: it owns the spool's thread and the task that sends e-mails.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pbx.local_time import LocalTime
from pbx.log import get_logger
from pbx.mail import Attachment, Mailer, MailServer, Outgoing, Waiting
from pbx.status import Alarm
from pbx.voicemail import files
from pbx.voicemail.jobs import Job, Kept, Report, Unwanted
from pbx.voicemail.letters import letter, one_line
from pbx.voicemail.messages import Message
from pbx.voicemail.places import sound_file
from pbx.voicemail.spool import ALARM, Spool

if TYPE_CHECKING:
    from pbx.config import Config
    from pbx.exchange import Exchange, Output

QUARTER_SECONDS: Final = 900.0  # Summer time begins and ends at a multiple of this.
KINDS: Final = {"flac": "audio/flac", "wav": "audio/wav", "mp3": "audio/mpeg"}
MAIL: Final = "mail"  # A directory beside the history.
_SEPARATOR: Final = "/"  # In the tag of an e-mail: no id has one.


class VoicemailService:
    def __init__(
        self,
        config: "Config",
        exchange: "Exchange",
        loop: asyncio.AbstractEventLoop,
        on_alarm: Callable[[Alarm], None],
        carry_out: "Callable[[list[Output]], None]",
    ) -> None:
        """`on_alarm` may be called from any thread."""
        self._config = config
        self._exchange = exchange
        self._loop = loop
        self._carry_out = carry_out
        self._on_alarm = on_alarm
        self._timer: asyncio.TimerHandle | None = None
        root = os.path.abspath(config.voicemail.path)
        self.spool = Spool(root, config.voicemail.format, self._on_report, on_alarm)
        self.mailer = Mailer(config.storage.path.parent / MAIL, self._on_sent, on_alarm)
        self._look_at_clock()
        try:
            boxes = self.spool.load()
        except OSError as error:
            on_alarm(Alarm(ALARM, True, f"cannot read {root}: {error}"))
            return
        _ = exchange.voicemail.load(boxes, loop.time())

    def start(self) -> None:
        self.spool.start()
        server = mail_server(self._config)
        try:
            if server is not None:
                self.mailer.start(server)
        except OSError as error:
            self._on_alarm(Alarm(MAIL, True, f"cannot keep e-mails: {error}"))
        self._look_at_clock()

    def do(self, job: Job) -> None:
        self.spool.put(job)

    def reload(self, config: "Config") -> None:
        """Another directory needs a restart."""
        self._config = config
        self._look_at_clock()
        server = mail_server(config)
        if self.mailer.started:
            self.mailer.configure(server)
        elif server is not None:
            with contextlib.suppress(OSError):
                self.mailer.start(server)

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self.mailer.stop()
        lost = await asyncio.to_thread(self.spool.close)
        if lost:
            get_logger().error("voicemail jobs lost", count=lost)

    def _look_at_clock(self) -> None:
        """How far the clocks are ahead of UTC; again when that may change next."""
        if self._timer is not None:
            self._timer.cancel()
        now = time.time()
        self._exchange.voicemail.utc_offset = LocalTime(self._config.timezone).utc_offset(now)
        wait = QUARTER_SECONDS - now % QUARTER_SECONDS
        self._timer = self._loop.call_later(wait, self._look_at_clock)

    # --- in the spool's thread ------------------------------------------------------------------

    def _on_report(self, report: Report) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: the disk knows it anyway.
            _ = self._loop.call_soon_threadsafe(self._reported, report)
        if isinstance(report, Kept):
            self._write_letter(report.message)

    def _write_letter(self, message: Message) -> None:
        """An e-mail that cannot be kept must not hold up messages."""
        if self.mailer.server is None:
            return
        try:
            outgoing = self._letter_of(message)
            if outgoing is None:
                return
            note = self.mailer.write(outgoing)
        except (OSError, ValueError, files.FileError) as error:
            self.mailer.dropped += 1
            get_logger().error("e-mail not written", message=message.id, why=str(error)[:300])
            return
        finally:
            files.remove(self._converted(message))
        with contextlib.suppress(RuntimeError):
            _ = self._loop.call_soon_threadsafe(self._queue, note)

    def _letter_of(self, message: Message) -> Outgoing | None:
        config = self._config
        box = config.voicemail.of(message.mailbox)
        if box.email is None:
            return None
        owner = config.extensions.get(message.mailbox)
        plan = self._exchange.plan.voicemail.boxes.get(message.mailbox)
        made = letter(
            message,
            owner=box.name or (owner.name if owner is not None else ""),
            company=config.company,
            language=plan.language if plan is not None else "",
            subject=config.voicemail.subject or "",
            body=config.voicemail.body or "",
        )
        attachments = () if box.attach == "none" else (self._attachment(message, box.attach),)
        tag = f"{message.mailbox}{_SEPARATOR}{message.id}" if box.delete_after_email else ""
        name = f"{message.mailbox}-{message.id}"
        return Outgoing(name, box.email, made.subject, made.body, attachments, tag)

    def _attachment(self, message: Message, ending: str) -> Attachment:
        path = sound_file(self.spool.root, message)
        if ending != message.ending:
            pcm, rate = files.read_sound(path)
            path = self._converted(message)
            files.write_sound(path, pcm, rate, ending)
        local = message.local
        when = f"{local.year:04}-{local.month:02}-{local.day:02}"
        name = one_line(f"voicemail-{when}-{local.hour:02}{local.minute:02}.{ending}")
        return Attachment(path, name, KINDS[ending])

    def _converted(self, message: Message) -> str:
        """A file of that name is removed at the next start, should we not get to it."""
        return sound_file(self.spool.root, message) + ".mail" + files.TEMPORARY

    # --- on the loop ----------------------------------------------------------------------------

    def _reported(self, report: Report) -> None:
        self._carry_out(self._exchange.on_voicemail(report, self._loop.time()))

    def _queue(self, note: Waiting) -> None:
        self.mailer.queue(note)

    def _on_sent(self, tag: str) -> None:
        mailbox, _, message = tag.partition(_SEPARATOR)
        if message:
            self._reported(Unwanted(mailbox, message))


def mail_server(config: "Config") -> MailServer | None:
    mail = config.mail
    if mail.server is None or mail.sender is None:
        return None
    return MailServer(
        host=mail.server,
        port=mail.port_number,
        security=mail.security,
        sender=mail.sender,
        verify=mail.verify,
        username=mail.username,
        password=mail.password,
        give_up_seconds=mail.give_up_after,
    )
