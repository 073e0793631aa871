"""The history on disk: SQLite in WAL mode, written by one thread, so that no call waits for a disk.

`put` only queues. The thread commits what has come together every 200 ms, in order. While the disk
is full or the database locked, the records wait in the queue, the alarm is up and the thread tries
again; what does not fit the queue any more is counted.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from pbx.events import Event
from pbx.history import bindings, outside, schema
from pbx.history.records import CallRecord
from pbx.recording import index
from pbx.recording.records import RecordingRecord
from pbx.status import Alarm, BanStatus
from sip.registration import Binding

COMMIT_ROWS: Final = 1000  # Events in one transaction: 3 ms of writing.
COMMIT_SECONDS: Final = 0.2  # What a kill -9 may cost.
SPOOL_MAX: Final = 100_000  # Events kept while the disk is away: 150 MB; over an hour at 5 calls/s.
BUSY_SECONDS: Final = 0.25  # A lock shorter than this is no alarm.
RETRY_SECONDS_MIN: Final = 0.1
RETRY_SECONDS_MAX: Final = 2.0  # So that records land within 5 s of the disk's return.
CLOSE_SECONDS: Final = 5.0  # Well inside the 10 s that Docker gives before it kills.
READ_BUSY_SECONDS: Final = 2.0
CALLS_MAX: Final = 1000  # Records in one answer.

ALARM: Final = "history"

_HOPELESS: Final = {  # No use to wait for these at start: tell the admin.
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
_BAD_ROW: Final = (  # Errors of one record, not of the disk.
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.NotSupportedError,
    sqlite3.ProgrammingError,
)


class StoreError(Exception):
    """The database cannot be used at all; the text says what to do."""


@dataclass(frozen=True, slots=True)
class _Barrier:
    """Everything put before it is written when `done` is set."""

    last: bool
    done: threading.Event = field(default_factory=threading.Event)


class History:
    """The read side: a new read-only connection per question, so any thread may ask."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def calls(self, limit: int = 50, before: str = "") -> list[CallRecord]:
        """The newest calls first; with `before`, only those recorded before that call."""
        limit = max(0, min(limit, CALLS_MAX))
        with self._reading() as connection:
            rows = (
                connection.execute(schema.READ_CALLS_BEFORE, (before, limit))
                if before
                else connection.execute(schema.READ_CALLS, (limit,))
            ).fetchall()
            return [_with_offers(connection, row) for row in rows]

    def call(self, id: str) -> CallRecord | None:
        with self._reading() as connection:
            row = connection.execute(schema.READ_CALL, (id,)).fetchone()
            return None if row is None else _with_offers(connection, row)

    def queue_totals(self, since: float) -> dict[str, dict[str, int]]:
        """Queue → leave reason → calls that joined at `since` (Unix seconds) or later and left."""
        return self._totals(schema.READ_QUEUE_TOTALS, since)

    def agent_totals(self, since: float) -> dict[str, dict[str, int]]:
        """Queue → agent → calls that began at `since` (Unix seconds) or later and were answered."""
        return self._totals(schema.READ_AGENT_TOTALS, since)

    def bindings(self, since: float) -> list[Binding]:
        """Registrations that had not expired then (Unix seconds)."""
        with self._reading() as connection:
            return [bindings.binding_of(r) for r in connection.execute(bindings.READ, (since,))]

    def phone_settings(self) -> list[tuple[str, str, str]]:
        """What people changed on their phones: extension, setting, value."""
        with self._reading() as connection:
            return connection.execute(schema.READ_PHONE_SETTINGS).fetchall()

    def bans(self, now: float) -> list[BanStatus]:
        """Those that are in force at this time (Unix seconds)."""
        with self._reading() as connection:
            return [BanStatus(*row) for row in connection.execute(schema.READ_BANS, (now,))]

    def outside_totals(self, since: float) -> dict[str, tuple[float, float]]:
        """Extension → seconds and money used on calls to the outside after `since`."""
        with self._reading() as connection:
            rows = connection.execute(outside.READ_TOTALS, (since,)).fetchall()
        return {extension: (seconds, money) for extension, seconds, money in rows}

    def recordings(self, question: str, *values: object) -> list[RecordingRecord]:
        """Of one of the questions of `pbx.recording.index`."""
        with self._reading() as connection:
            return [index.record_of(row) for row in connection.execute(question, values)]

    def recording_bytes(self) -> int:
        with self._reading() as connection:
            (size,) = connection.execute(index.READ_BYTES).fetchone()
            return int(size)

    def _totals(self, question: str, since: float) -> dict[str, dict[str, int]]:
        totals: dict[str, dict[str, int]] = {}
        with self._reading() as connection:
            for queue, key, count in connection.execute(question, (since,)):
                totals.setdefault(queue, {})[key] = count
        return totals

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        """A connection inside one read transaction: a consistent view."""
        try:
            with contextlib.closing(
                sqlite3.connect(
                    f"{self.path.absolute().as_uri()}?mode=ro",
                    uri=True,
                    isolation_level=None,
                    timeout=READ_BUSY_SECONDS,
                )
            ) as connection:
                _ = connection.execute("BEGIN")
                yield connection
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(f"cannot read the history in {self.path}: {error}") from error


class Store:
    """The write side. `on_alarm` is called in the writer's thread."""

    def __init__(self, path: Path, on_alarm: Callable[[Alarm], None]) -> None:
        self.history = History(path)
        self.written = 0  # Events that are on the disk.
        self.commits = 0
        self.dropped = 0  # Events that found the spool full, or were left at close.
        self.rejected = 0  # Events that the database refused: a bug of ours.
        self.failing = False
        self._path = path
        self._on_alarm = on_alarm
        self._queue: SimpleQueue[Event | _Barrier] = SimpleQueue()
        self._hurry = threading.Event()  # Somebody waits: commit what is there.
        self._closing = threading.Event()
        self._give_up_at = 0.0  # Monotonic seconds; counts once `_closing` is set.
        self._connection: sqlite3.Connection | None = None
        self._inode = (0, 0)
        self._open()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Events not yet taken by the writer."""
        return self._queue.qsize()

    def put(self, event: Event) -> None:
        """Queue it for writing. Never waits; about 0.3 µs."""
        if type(event) in schema.STORED:
            if self._queue.qsize() >= SPOOL_MAX or self._closing.is_set():
                self.dropped += 1
            else:
                self._queue.put(event)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put so far is on the disk. Not for the event loop."""
        barrier = _Barrier(last=False)
        self._queue.put(barrier)
        self._hurry.set()
        return barrier.done.wait(timeout)

    def close(self, timeout: float = CLOSE_SECONDS) -> int:
        """Write what is left, for about `timeout` seconds at most; returns the number lost.

        Waits: call it when the loop has nothing more to do, or in a thread.
        """
        if not self._closing.is_set():
            self._give_up_at = time.monotonic() + timeout
            self._closing.set()
            self._queue.put(_Barrier(last=True))
            self._hurry.set()
        self._thread.join(timeout + 2 * BUSY_SECONDS + 1.0)
        return self.dropped + self._queue.qsize() if self._thread.is_alive() else self.dropped

    def calls(self, limit: int = 50, before: str = "") -> list[CallRecord]:
        return self.history.calls(limit, before)

    def call(self, id: str) -> CallRecord | None:
        return self.history.call(id)

    def _open(self) -> None:
        try:
            _ = self._connect()
        except sqlite3.DatabaseError as error:
            self._disconnect()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _HOPELESS:
                raise StoreError(f"cannot use {self._path} as the history: {error}") from error
            # Locked or full: calls matter more. The thread tries again and raises the alarm.
        except OSError as error:
            raise StoreError(f"cannot make {self._path}: {error.strerror}") from error

    def _run(self) -> None:
        last = False
        while not last:
            batch, barrier = self._take()
            self._write(batch)
            if barrier is not None:
                self._hurry.clear()
                barrier.done.set()
                last = barrier.last
        self._disconnect()

    def _take(self) -> tuple[list[Event], _Barrier | None]:
        """Wait for something, let more come together, and take at most one transaction's worth."""
        item = self._queue.get()
        if self._queue.qsize() < COMMIT_ROWS:
            _ = self._hurry.wait(COMMIT_SECONDS)
        batch: list[Event] = []
        while not isinstance(item, _Barrier):
            batch.append(item)
            if len(batch) == COMMIT_ROWS or self._queue.empty():
                return batch, None
            item = self._queue.get()
        return batch, item

    def _write(self, batch: list[Event]) -> None:
        """Return when it is written, or when there is no more time at close."""
        delay = RETRY_SECONDS_MIN
        while batch:
            if self._out_of_time():
                self.dropped += len(batch)
                return
            try:
                self._commit(batch)
            except (sqlite3.Error, OSError, StoreError) as error:
                self._disconnect()
                self._alarm(active=True, text=f"cannot write {self._path}: {error}")
            else:
                self._alarm(active=False, text=f"{self._path} is written again")
                return
            if self._closing.wait(delay):
                time.sleep(RETRY_SECONDS_MIN)
            delay = min(delay * 2, RETRY_SECONDS_MAX)

    def _out_of_time(self) -> bool:
        closing = self._closing.is_set()
        return closing and self.failing and time.monotonic() >= self._give_up_at

    def _commit(self, batch: list[Event]) -> None:
        connection = self._connect()
        try:
            _ = connection.execute("BEGIN IMMEDIATE")
            for event in batch:
                for sql, row in schema.statements(event):
                    _ = connection.execute(sql, row)
            _ = connection.execute("COMMIT")
        except Exception as error:
            _roll_back(connection)
            if isinstance(error, sqlite3.Error) and not isinstance(error, _BAD_ROW):
                raise
            rejected = _commit_singly(connection, batch)
            self.rejected += rejected
            self.written -= rejected
        self.written += len(batch)
        self.commits += 1

    def _connect(self) -> sqlite3.Connection:
        """The connection, made anew if the file is not the one we opened."""
        if self._connection is not None:
            if self._inode == _inode(self._path):
                return self._connection
            self._disconnect()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        _ = connection.execute("PRAGMA journal_mode = WAL")
        _ = connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection, self._path)
        self._inode = _inode(self._path)
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _alarm(self, *, active: bool, text: str) -> None:
        if active is not self.failing:
            self.failing = active
            with contextlib.suppress(Exception):  # A listener that fails costs no records.
                self._on_alarm(Alarm(ALARM, active, text))


def _commit_singly(connection: sqlite3.Connection, events: list[Event]) -> int:
    """Write what can be written, made clean, in one transaction. Returns how many were refused."""
    rejected = 0
    _ = connection.execute("BEGIN IMMEDIATE")
    try:
        for event in events:
            _ = connection.execute("SAVEPOINT one")
            try:
                for sql, row in schema.statements(event):
                    _ = connection.execute(sql, schema.cleaned(row))
            except (*_BAD_ROW, AttributeError, TypeError, ValueError, OverflowError):
                _ = connection.execute("ROLLBACK TO one")
                rejected += 1
            _ = connection.execute("RELEASE one")
        _ = connection.execute("COMMIT")
    except sqlite3.Error:
        _roll_back(connection)
        raise
    return rejected


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to our version, each step in one transaction (SQLite can do that)."""
    _ = connection.execute(schema.CREATE_VERSIONS)
    (version,) = connection.execute(schema.READ_VERSION).fetchone()
    if version > len(schema.MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer version (schema {version}, this one knows"
            f" {len(schema.MIGRATIONS)}): start that version, or choose another storage.path"
        )
    for number, migration in enumerate(schema.MIGRATIONS[version:], start=version + 1):
        _ = connection.execute("BEGIN IMMEDIATE")
        try:
            for sql in migration:
                _ = connection.execute(sql)
            _ = connection.execute(schema.WRITE_VERSION, (number, time.time()))
            _ = connection.execute("COMMIT")
        except sqlite3.Error:
            _roll_back(connection)
            raise


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # A full disk may have ended it already.
        with contextlib.suppress(sqlite3.Error):
            _ = connection.execute("ROLLBACK")


def _with_offers(connection: sqlite3.Connection, row: tuple[object, ...]) -> CallRecord:
    return schema.call_record(row, connection.execute(schema.READ_OFFERS, (row[0],)).fetchall())


def _inode(path: Path) -> tuple[int, int]:
    """Which file this path is now; (0, 0) if it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
