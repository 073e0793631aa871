"""The index of recordings on disk: a row each, found by call, number, agent and time."""

from collections.abc import Sequence
from typing import Final

from pbx.recording.records import RecordingRecord, State, parse_id

CREATE: Final = (
    """CREATE TABLE recordings (
        id TEXT PRIMARY KEY,
        call_id TEXT NOT NULL,
        segment INTEGER NOT NULL,
        begun_at REAL NOT NULL,
        queue TEXT NOT NULL,
        agent TEXT NOT NULL,
        left_extension TEXT NOT NULL,
        right_extension TEXT NOT NULL,
        caller TEXT NOT NULL,
        called TEXT NOT NULL,
        seconds REAL NOT NULL,
        format TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        state TEXT NOT NULL,
        error TEXT NOT NULL,
        uploaded INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX recordings_begun ON recordings (begun_at)",
    "CREATE INDEX recordings_call ON recordings (call_id)",
    "CREATE INDEX recordings_caller ON recordings (caller)",
    "CREATE INDEX recordings_called ON recordings (called)",
    "ALTER TABLE calls ADD COLUMN recordings TEXT NOT NULL DEFAULT '[]'",  # JSON: their ids.
)
_COLUMNS: Final = (
    "id, call_id, segment, begun_at, queue, agent, left_extension, right_extension, caller, called,"
    " seconds, format, bytes, state, error, uploaded"
)
WRITE: Final = f"INSERT OR REPLACE INTO recordings ({_COLUMNS}) VALUES ({', '.join('?' * 16)})"
DROP: Final = "DELETE FROM recordings WHERE id = ?"
READ_ONE: Final = f"SELECT {_COLUMNS} FROM recordings WHERE id = ?"
READ_STATE: Final = f"SELECT {_COLUMNS} FROM recordings WHERE state = ? ORDER BY begun_at"
READ_OLDEST: Final = (
    f"SELECT {_COLUMNS} FROM recordings WHERE begun_at < ? AND state <> 'running'"
    " ORDER BY begun_at LIMIT ?"
)
READ_UNSENT: Final = (
    f"SELECT {_COLUMNS} FROM recordings"
    " WHERE uploaded = 0 AND state IN ('kept', 'cut', 'recovered') ORDER BY begun_at LIMIT ?"
)
READ_BYTES: Final = "SELECT coalesce(sum(bytes), 0) FROM recordings"
# Of a conference its members' records know: the index names only who was there first.
_OF_CALLS: Final = "SELECT named.value FROM calls, json_each(calls.recordings) AS named"
READ_FOUND: Final = (
    f"SELECT {_COLUMNS} FROM recordings"
    " WHERE (?1 = '' OR caller = ?1 OR called = ?1 OR left_extension = ?1 OR right_extension = ?1"
    f" OR id IN ({_OF_CALLS} WHERE calls.caller = ?1))"
    " AND (?2 = '' OR agent = ?2) AND (?3 = '' OR queue = ?3)"
    f" AND (?4 = '' OR call_id = ?4 OR id IN ({_OF_CALLS} WHERE calls.id = ?4))"
    " AND begun_at >= ?5 ORDER BY begun_at DESC LIMIT ?6"
)

Row = tuple[str | int | float, ...]


def row_of(record: RecordingRecord) -> Row:
    return (
        *(record.id, record.call, record.segment, record.begun_at, record.queue, record.agent),
        *(record.left, record.right, record.caller, record.called, record.seconds),
        *(record.format, record.size, record.state.value, record.error, int(record.uploaded)),
    )


def record_of(row: Sequence[object]) -> RecordingRecord:
    """ValueError if the row was tampered with."""
    if len(row) != len(_COLUMNS.split(",")):
        raise ValueError(f"{len(row)} columns of a recording")
    texts = [str(value) for value in row]
    if parse_id(texts[0]) is None:  # It becomes a path.
        raise ValueError(f"{texts[0][:40]!r} is no id of a recording")
    return RecordingRecord(
        id=texts[0],
        call=texts[1],
        segment=int(texts[2]),
        begun_at=float(texts[3]),
        queue=texts[4],
        agent=texts[5],
        left=texts[6],
        right=texts[7],
        caller=texts[8],
        called=texts[9],
        seconds=float(texts[10]),
        format=texts[11],
        size=int(texts[12]),
        state=State(texts[13]),
        error=texts[14],
        uploaded=texts[15] != "0",
    )
