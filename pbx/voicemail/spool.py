"""Carries out the jobs of the mailboxes in a thread of its own, in their order: no call waits for a
disk.

A job that fails (the disk is full, or gone) is tried again until it succeeds or the program ends;
until then the alarm is up and those behind it wait. A message of which only the recording is on the
disk is taken up at the next start.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from importlib import import_module
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, assert_never

from pbx.status import Alarm
from pbx.voicemail import files, jobs
from pbx.voicemail.messages import Draft, Mailbox, Message
from pbx.voicemail.places import (
    BadName,
    box_directory,
    draft_file,
    draft_note,
    greeting_file,
    note_file,
    sound_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ALARM: Final = "voicemail"
RETRY_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 5.0
JOBS_MAX: Final = 100_000  # Some 30 MB: many hours without a disk.
SILENCE_SECONDS: Final = 0.5  # Between a comment and the message that it is about.


class Spool:
    """`on_report` and `on_alarm` are called in the thread."""

    def __init__(
        self,
        root: str,
        ending: str,
        on_report: Callable[[jobs.Report], None],
        on_alarm: Callable[[Alarm], None],
    ) -> None:
        self.root = root
        self.ending = ending
        self.failing = False
        self.dropped = 0
        self._on_report = on_report
        self._on_alarm = on_alarm
        self._queue: SimpleQueue[jobs.Job | Callable[[], None] | None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def load(self) -> dict[str, Mailbox]:
        """Everything on disk. Before `start`; OSError if the directory cannot be used."""
        return files.load(self.root)

    def start(self, recover: bool = True) -> None:
        if recover:
            self._queue.put(self._recover)
        self._thread = threading.Thread(target=self._run, name="voicemail", daemon=True)
        self._thread.start()

    def put(self, job: jobs.Job) -> None:
        """Never waits."""
        if self._queue.qsize() >= JOBS_MAX or self._closing.is_set():
            self.dropped += 1
        else:
            self._queue.put(job)

    def call(self, work: Callable[[], None]) -> None:
        """Something else to be done in the thread, behind what was put before."""
        self._queue.put(work)

    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """Carry out what is left, for so long at most; returns how many jobs are lost. Waits."""
        self._closing.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(timeout)
        return self.dropped + max(0, self._queue.qsize() - 1)

    # --- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            while not self._do(job):
                if self._closing.wait(RETRY_SECONDS):
                    return  # What is recorded is found at the next start.

    def _do(self, job: jobs.Job | Callable[[], None]) -> bool:
        try:
            if callable(job):
                job()
            else:
                for report in self._carry_out(job):
                    self._on_report(report)
        except BadName as error:
            self._alarm(active=True, text=str(error))  # A bug of ours, and no use to try again.
        except (OSError, MemoryError) as error:
            self._alarm(active=True, text=f"cannot write {self.root}: {error}")
            return False
        else:
            self._alarm(active=False, text=f"{self.root} is written again")
        return True

    def _carry_out(self, job: jobs.Job) -> "Iterator[jobs.Report]":
        match job:
            case jobs.Begin(draft):
                files.make_directories(self.root)
                files.write_draft(self.root, draft)
            case jobs.Keep(draft, seconds):
                yield self._keep(draft, seconds)
            case jobs.Throw(draft):
                self._throw(draft)
            case jobs.Update(message):
                if os.path.exists(note_file(self.root, message)):
                    files.write_message(self.root, message)
            case jobs.Remove(messages):
                for message in messages:
                    self._remove(message)
            case jobs.Copy():
                yield self._copy(job)
            case jobs.Greet():
                yield from self._greet(job)
            case jobs.Ungreet(file=file):
                files.remove(file)
            case jobs.WritePin(mailbox, hashed):
                files.write_settings(self.root, mailbox, files.Settings(hashed))
            case _:
                assert_never(job)

    def _recover(self) -> None:
        """What was being recorded when the last process ended: messages are kept, all else is
        thrown away. What a worker still writes is looked at next time."""
        for draft in files.orphans(self.root):
            if files.is_growing(self.root, draft):
                continue
            if os.path.exists(self._note_of(draft)):
                self._throw(draft)  # It was kept, but for the last step.
            elif draft.purpose == "message":
                self._on_report(self._keep(draft, jobs.UNKNOWN))
            else:
                self._throw(draft)

    # --- steps ----------------------------------------------------------------------------------

    def _keep(self, draft: Draft, seconds: float) -> jobs.Kept | jobs.Thrown:
        try:
            pcm, rate = files.read_draft(draft_file(self.root, draft.id))
        except files.FileError:
            self._throw(draft)
            return jobs.Thrown(draft.id)
        if seconds != jobs.UNKNOWN:
            pcm = pcm[: max(1, round(seconds * rate))]
        if len(pcm) < max(1.0, draft.seconds_min * rate):
            self._throw(draft)
            return jobs.Thrown(draft.id)
        message = self._message(draft, len(pcm) / rate)
        self._write(message, pcm, rate)
        self._throw(draft)
        return jobs.Kept(message)

    def _message(self, draft: Draft, seconds: float, forwarded_by: str = "") -> Message:
        return Message(
            id=draft.id,
            mailbox=draft.mailbox,
            caller=draft.caller,
            name=draft.name,
            at=draft.at,
            local=draft.local,
            seconds=round(seconds, 3),
            ending=self.ending,
            call=draft.call,
            forwarded_by=forwarded_by,
        )

    def _write(self, message: Message, pcm: Any, rate: int) -> None:  # noqa: ANN401
        """First the sound, then the note that makes it a message."""
        os.makedirs(box_directory(self.root, message.mailbox), files.DIRECTORY_MODE, exist_ok=True)
        files.write_sound(sound_file(self.root, message), pcm, rate, message.ending)
        files.write_message(self.root, message)

    def _copy(self, job: jobs.Copy) -> jobs.Kept | jobs.Thrown:
        import numpy as np

        try:
            pcm, rate = files.read_sound(sound_file(self.root, job.message))
            if job.comment is not None:
                with contextlib.suppress(files.FileError):
                    said, said_rate = files.read_draft(draft_file(self.root, job.comment.id))
                    pause = np.zeros(round(SILENCE_SECONDS * rate), np.int16)
                    pcm = np.concatenate([_resampled(said, said_rate, rate), pause, pcm])
        except files.FileError:
            report: jobs.Kept | jobs.Thrown = jobs.Thrown(job.draft.id)
        else:
            message = self._message(job.draft, len(pcm) / rate, job.message.mailbox)
            self._write(message, pcm, rate)
            report = jobs.Kept(message)
        if job.comment is not None:
            self._throw(job.comment)
        return report

    def _greet(self, job: jobs.Greet) -> "Iterator[jobs.Report]":
        draft = job.draft
        try:
            pcm, rate = files.read_draft(draft_file(self.root, draft.id))
        except files.FileError:
            self._throw(draft)
            return
        path = greeting_file(self.root, draft.mailbox, job.greeting, draft.id)
        os.makedirs(box_directory(self.root, draft.mailbox), files.DIRECTORY_MODE, exist_ok=True)
        files.write_sound(path, pcm, rate, "wav")
        self._throw(draft)
        yield jobs.Greets(draft.mailbox, job.greeting, path)

    def _throw(self, draft: Draft) -> None:
        """The note goes last: a sound without one is nobody's."""
        files.remove(draft_file(self.root, draft.id), draft_note(self.root, draft.id))

    def _remove(self, message: Message) -> None:
        files.remove(note_file(self.root, message), sound_file(self.root, message))

    def _note_of(self, draft: Draft) -> str:
        return note_file(self.root, self._message(draft, 0.0))

    def _alarm(self, *, active: bool, text: str) -> None:
        if active is not self.failing:
            self.failing = active
            self._on_alarm(Alarm(ALARM, active, text))


def _resampled(pcm: Any, rate: int, wanted: int) -> Any:  # noqa: ANN401
    if rate == wanted:
        return pcm
    import numpy as np

    soxr: Any = import_module("soxr")  # It has no types.
    made: Any = soxr.resample(pcm.astype(np.float32), rate, wanted)
    return np.clip(np.rint(made), -32_768, 32_767).astype(np.int16)
