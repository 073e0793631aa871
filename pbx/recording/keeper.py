"""Looks after the files of recordings (an edge): converts what is finished, puts right what a crash
left, deletes what is too old or too much, copies to S3, and watches the disk.

One thing at a time, beside the calls and never in their way. What is to be done stands in the
index, so nothing is forgotten when this process dies.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from pbx.config import Config
from pbx.events import Event, RecordingChanged
from pbx.log import get_logger
from pbx.recording import files, index
from pbx.recording.records import RecordingRecord, State
from pbx.recording.tapes import Tapes
from pbx.recording.upload import Bucket, UploadError
from pbx.status import Alarm
from pbx.store import Store, StoreError

ROUND_SECONDS: Final = 30.0  # Between looks at the disk, at what a crash left, at what is too old.
# The same while a worker of an earlier control has not closed all its files yet,
SOON_SECONDS: Final = 0.5
SOON_ROUNDS: Final = 240  # but not for ever: it may be somebody else who holds one.
BATCH: Final = 200  # Rows that one question answers with.
FLUSH_SECONDS: Final = 10.0  # For what we said to reach the index.
CONVERT_SECONDS_MAX: Final = 3600.0
ENDED_MAX: Final = 10_000  # More end in no second, and after a second the index knows.
UPLOAD_RETRY_SECONDS: Final = (5.0, 300.0)  # The first time, and at most.

DISK_ALARM: Final = "recordings"
UPLOAD_ALARM: Final = "recordings-upload"
_UNFINISHED: Final = (State.WRITTEN, State.CUT, State.RECOVERED)


class Keeper:
    def __init__(
        self,
        config: Config,
        store: Store,
        tapes: Callable[[], Tapes],
        emit: Callable[[Event], None],
        on_alarm: Callable[[Alarm], None],
    ) -> None:
        """`tapes`: what the exchange records now. `emit`: where events go."""
        self._store = store
        self._tapes = tapes
        self._emit = emit
        self._on_alarm = on_alarm
        self._log = get_logger()
        self._queue: asyncio.Queue[RecordingRecord] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._kick = asyncio.Event()
        self._raised: dict[str, str] = {}
        # Whose end we were told: for a moment the index may not know it yet.
        self._ended: dict[str, None] = {}
        self._bucket: Bucket | None = None
        # What an earlier control has begun, and a worker still writes: does the index know it?
        self._held = 0
        self._strays: dict[Path, None] = {}
        self._upload_wait = 0.0
        self._upload_at = 0.0
        self.free = 0  # Bytes on the disk.
        self._configure(config)

    def _configure(self, config: Config) -> None:
        self.settings = config.recording
        self.root = config.recording.directory(config.storage.path)
        self._artist = config.recording.company or config.company
        self._bucket = None

    @property
    def waiting(self) -> int:
        """Recordings that are not in their format yet."""
        return self._queue.qsize()

    def reload(self, config: Config) -> None:
        """The directory stays what it was at the start."""
        root = self.root
        self._configure(config)
        self.root = root
        self._kick.set()

    async def start(self) -> None:
        for work in (self._finish_all(), self._rounds(time.time())):
            self._tasks.append(asyncio.create_task(work))

    async def stop(self) -> None:
        """What is not converted is found again at the next start."""
        for task in self._tasks:
            _ = task.cancel()
        _ = await asyncio.gather(*self._tasks, return_exceptions=True)

    def on_event(self, event: Event) -> None:
        """Of the exchange."""
        if not isinstance(event, RecordingChanged) or event.deleted:
            return
        record = event.record
        if record.state is State.CUT:
            self._alarm(DISK_ALARM, f"recording {record.id} was cut off: {record.error}")
        elif record.state is State.WRITTEN and record.error:
            self._log.warning("recording has gaps", recording=record.id, text=record.error)
        if record.state is State.RUNNING:
            return
        self._ended[record.id] = None
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]
        if record.state in _UNFINISHED and not record.size and not record.uploaded:
            self._queue.put_nowait(record)

    # --- what is finished

    async def _finish_all(self) -> None:
        while True:
            record = await self._queue.get()
            try:
                await self._finish(record)
            except (OSError, StoreError) as error:
                self._log.error("recording not kept", recording=record.id, error=str(error))

    async def _finish(self, record: RecordingRecord) -> None:
        source = files.wav_of(self.root, record)
        if record.state is State.RECOVERED:
            found = await asyncio.to_thread(files.recover, self.root, record)
            if found is None or found.state is State.LOST:
                self._tell(found)
                return
            record = found
        if not await asyncio.to_thread(source.exists):
            self._tell(replace(record, state=State.LOST, error=record.error or "there is no file"))
            return
        kept = record
        if self.settings.format != "wav" and record.seconds:
            converted = replace(record, format=self.settings.format)
            if await self._convert(source, self.root / converted.file):
                kept = converted
        state = State.KEPT if record.state is State.WRITTEN else record.state
        size = await asyncio.to_thread(os.path.getsize, self.root / kept.file)
        self._tell(replace(kept, state=state, size=size))
        if kept.format != "wav":
            source.unlink(missing_ok=True)
        self._kick.set()

    async def _convert(self, source: Path, target: Path) -> bool:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pbx.recording.convert"),
            *(str(source), str(target), self.settings.format, self._artist),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _python_path()},
        )
        try:
            async with asyncio.timeout(CONVERT_SECONDS_MAX):
                _, said = await process.communicate()
        except (TimeoutError, asyncio.CancelledError) as error:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            _ = await process.wait()
            if isinstance(error, asyncio.CancelledError):
                raise
            said = b"it took too long"
        if process.returncode == 0:
            return True
        text = said.decode("utf-8", "replace").strip()[-300:]
        self._log.error("recording stays WAV", file=source.name, error=text)
        return False

    def _tell(self, record: RecordingRecord | None, *, deleted: bool = False) -> None:
        if record is not None:
            self._emit(RecordingChanged(record, time.time(), deleted))

    # --- every now and then

    async def _rounds(self, started: float) -> None:
        await self._recover(first=True)
        scanned, soon = False, SOON_ROUNDS
        while True:
            self._kick.clear()
            try:
                if not scanned:
                    await self._find_orphans(started)
                    scanned = True
                await self._look_at_disk()
                if self.settings.s3 is not None or self.settings.keep_size:
                    _ = await asyncio.to_thread(self._store.flush, FLUSH_SECONDS)
                await self._retain()
                await self._upload()
                await self._recover()
                await self._claim_strays()
            except (OSError, StoreError, ValueError) as error:
                self._log.error("recordings not looked after", error=str(error))
            wait = ROUND_SECONDS
            if soon and (self._held or self._strays):
                soon, wait = soon - 1, SOON_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    _ = await self._kick.wait()

    async def _ask(self, question: str, *values: object) -> list[RecordingRecord]:
        return await asyncio.to_thread(self._store.history.recordings, question, *values)

    async def _recover(self, *, first: bool = False) -> None:
        """Those that nobody writes any more, though the index says so: a process has died. And
        what that process had not converted, when this is the `first` time."""
        try:
            running = await self._ask(index.READ_STATE, State.RUNNING.value)
            written = await self._ask(index.READ_STATE, State.WRITTEN.value) if first else []
        except (StoreError, ValueError) as error:
            self._log.warning("recordings not recovered", text=str(error))
            return
        self._held = 0
        for record in running:
            if self._is_ours(record.id):
                continue
            found = await asyncio.to_thread(files.recover, self.root, record)
            if found is None:
                self._held += 1
            else:
                self._tell(replace(found, size=0))  # And `on_event` sees to the rest.
        for record in written:
            if record.id not in self._ended:
                self._queue.put_nowait(record)

    def _is_ours(self, recording: str) -> bool:
        """This control has begun it, or seen its end: its entry may be on its way to the disk."""
        return recording in self._tapes().running or recording in self._ended

    async def _find_orphans(self, before: float) -> None:
        """Files without an entry. `before`: when this control was started."""
        found = await asyncio.to_thread(lambda: list(files.scan(self.root, before)))
        self._strays = dict.fromkeys(found)
        await self._claim_strays()

    async def _claim_strays(self) -> None:
        for path in list(self._strays):
            if not self._is_ours(path.stem) and not await self._ask(index.READ_ONE, path.stem):
                if await asyncio.to_thread(files.is_held, path):
                    continue
                found = await asyncio.to_thread(files.orphan, self.root, path)
                if found is not None:
                    self._tell(replace(found, size=0))
            del self._strays[path]

    async def _look_at_disk(self) -> None:
        place = next((p for p in (self.root, *self.root.parents) if p.exists()), self.root)
        self.free = (await asyncio.to_thread(shutil.disk_usage, place)).free
        least = self.settings.free_space
        if self.free < least:
            text = f"only {self.free / 1e9:.1f} GB are left for recordings in {self.root}"
            self._alarm(DISK_ALARM, text)
        else:
            self._alarm(DISK_ALARM, "")

    async def _retain(self) -> None:
        if self.settings.keep:
            oldest = time.time() - self.settings.keep
            while records := await self._ask(index.READ_OLDEST, oldest, BATCH):
                await self._delete(records)
        if self.settings.keep_size:
            total = await asyncio.to_thread(self._store.history.recording_bytes)
            too_much = total - self.settings.keep_size
            while too_much > 0:
                records = await self._ask(index.READ_OLDEST, time.time(), BATCH)
                if not records:
                    return
                for count, record in enumerate(records, start=1):
                    too_much -= record.size
                    if too_much <= 0:
                        records = records[:count]
                        break
                await self._delete(records)

    async def _delete(self, records: list[RecordingRecord]) -> None:
        """The index follows the files: what a crash leaves in between is deleted again."""
        for record in records:
            await asyncio.to_thread(files.delete, self.root, record)
            self._tell(record, deleted=True)
        _ = await asyncio.to_thread(self._store.flush, FLUSH_SECONDS)

    async def _upload(self) -> None:
        settings = self.settings.s3
        if settings is None or time.monotonic() < self._upload_at:
            return
        try:
            if self._bucket is None:
                self._bucket = await asyncio.to_thread(Bucket, settings)
            for record in await self._ask(index.READ_UNSENT, BATCH):
                path = self.root / record.file
                if not await asyncio.to_thread(path.exists):
                    self._tell(replace(record, state=State.LOST, error="there is no file"))
                    continue
                await asyncio.to_thread(self._bucket.put, record, path)
                if settings.delete_here:
                    await asyncio.to_thread(files.delete, self.root, record)
                    record = replace(record, size=0)
                self._tell(replace(record, uploaded=True))
        except UploadError as error:
            first, most = UPLOAD_RETRY_SECONDS
            self._upload_wait = min(most, self._upload_wait * 2 or first)
            self._upload_at = time.monotonic() + self._upload_wait
            self._alarm(UPLOAD_ALARM, str(error))
        else:
            self._upload_wait = 0.0
            self._alarm(UPLOAD_ALARM, "")

    def _alarm(self, name: str, text: str) -> None:
        """Raised once and cleared once; "" clears."""
        if bool(text) != (name in self._raised):
            self._on_alarm(Alarm(name, bool(text), text or self._raised[name]))
        if text:
            self._raised[name] = text
        else:
            _ = self._raised.pop(name, None)


def _python_path() -> str:
    package = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
