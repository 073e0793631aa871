"""The tables of the history in SQLite, and how events become rows and rows become records.

Only what a SQLite of 2022 (3.40) understands. A migration, once released, is never edited:
append another one.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from pbx.events import (
    AgentStateChanged,
    CallEnded,
    Event,
    OutsideEnded,
    PhoneSettingChanged,
    QueueLeft,
    RecordingChanged,
    RegistrationChanged,
    SourceBanned,
    SourceUnbanned,
    Supervised,
)
from pbx.history import bindings, outside, supervision
from pbx.history.records import CallRecord, Hangup, LegAudio, OfferRecord, TalkRecord, Verdict
from pbx.recording import index

Value = str | int | float | bytes | None
Row = tuple[Value, ...]
Statement = tuple[str, Row]

CREATE_VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS schema_version"
    " (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL)"
)
READ_VERSION: Final = "SELECT coalesce(max(version), 0) FROM schema_version"
WRITE_VERSION: Final = "INSERT INTO schema_version (version, applied_at) VALUES (?, ?)"

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE calls (
            number INTEGER PRIMARY KEY,  -- Order of recording, which is the order of ending.
            id TEXT NOT NULL UNIQUE,
            started_at REAL NOT NULL,
            ended_at REAL NOT NULL,
            caller TEXT NOT NULL,
            caller_name TEXT NOT NULL,
            called TEXT NOT NULL,
            queue TEXT NOT NULL,
            agent TEXT NOT NULL,
            extension TEXT NOT NULL,
            answered_at REAL,
            wait_seconds REAL NOT NULL,
            ring_seconds REAL NOT NULL,
            talk_seconds REAL NOT NULL,
            verdict TEXT NOT NULL,
            hangup TEXT NOT NULL,
            cause TEXT NOT NULL,
            path TEXT NOT NULL,   -- JSON: list of blocks.
            audio TEXT NOT NULL   -- JSON: list of legs, caller first.
        )""",
        "CREATE INDEX calls_started ON calls (started_at)",
        "CREATE INDEX calls_queue ON calls (queue, started_at)",
        "CREATE INDEX calls_agent ON calls (agent, started_at)",
        "CREATE INDEX calls_caller ON calls (caller, started_at)",
        """CREATE TABLE offers (
            call_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            agent TEXT NOT NULL,
            extension TEXT NOT NULL,
            offered_at REAL NOT NULL,
            rang_seconds REAL NOT NULL,
            outcome TEXT NOT NULL,
            why TEXT NOT NULL,
            PRIMARY KEY (call_id, position)
        ) WITHOUT ROWID""",
        "CREATE INDEX offers_agent ON offers (agent, offered_at)",
        # One row per queue a call waited in: a call moved to a second queue is offered in each.
        """CREATE TABLE queue_visits (
            number INTEGER PRIMARY KEY,
            call_id TEXT NOT NULL,
            queue TEXT NOT NULL,
            joined_at REAL NOT NULL,
            left_at REAL NOT NULL,
            wait_seconds REAL NOT NULL,
            reason TEXT NOT NULL
        )""",
        "CREATE INDEX queue_visits_joined ON queue_visits (joined_at, queue)",
        "CREATE INDEX queue_visits_call ON queue_visits (call_id)",
        """CREATE TABLE agent_states (
            number INTEGER PRIMARY KEY,
            agent TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            at REAL NOT NULL
        )""",
        "CREATE INDEX agent_states_agent ON agent_states (agent, at)",
        """CREATE TABLE registrations (
            number INTEGER PRIMARY KEY,
            extension TEXT NOT NULL,
            contact TEXT NOT NULL,
            kind TEXT NOT NULL,
            devices INTEGER NOT NULL,
            at REAL NOT NULL
        )""",
        "CREATE INDEX registrations_extension ON registrations (extension, at)",
    ),
    (
        # What holds now, not what happened: read at the start.
        """CREATE TABLE phone_settings (
            extension TEXT NOT NULL,
            setting TEXT NOT NULL,
            value TEXT NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (extension, setting)
        ) WITHOUT ROWID""",
    ),
    (
        # What holds now, too; the end is NULL for a ban without one.
        """CREATE TABLE bans (
            source TEXT NOT NULL,
            user TEXT NOT NULL,
            reason TEXT NOT NULL,
            since REAL NOT NULL,
            until REAL,
            PRIMARY KEY (source, user)
        ) WITHOUT ROWID""",
    ),
    (bindings.CREATE,),
    outside.CREATE,
    ("ALTER TABLE calls ADD COLUMN talks TEXT NOT NULL DEFAULT '[]'",),  # JSON.
    supervision.CREATE,
    index.CREATE,
)

_CALL_COLUMNS: Final = (
    "id, started_at, ended_at, caller, caller_name, called, queue, agent, extension, answered_at,"
    " wait_seconds, ring_seconds, talk_seconds, verdict, hangup, cause, path, audio, talks,"
    " recordings"
)
_OFFER_COLUMNS: Final = "agent, extension, offered_at, rang_seconds, outcome, why"

# A call that ended twice (a restart between the end and the journal's note of it) is one call.
_WRITE_CALL: Final = (
    f"INSERT OR REPLACE INTO calls ({_CALL_COLUMNS}) VALUES ({', '.join('?' * 20)})"
)
_DROP_OFFERS: Final = "DELETE FROM offers WHERE call_id = ?"
_WRITE_OFFER: Final = (
    f"INSERT INTO offers (call_id, position, {_OFFER_COLUMNS}) VALUES ({', '.join('?' * 8)})"
)
_WRITE_VISIT: Final = (
    "INSERT INTO queue_visits (call_id, queue, joined_at, left_at, wait_seconds, reason)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_WRITE_AGENT_STATE: Final = (
    "INSERT INTO agent_states (agent, state, reason, at) VALUES (?, ?, ?, ?)"
)
_WRITE_REGISTRATION: Final = (
    "INSERT INTO registrations (extension, contact, kind, devices, at) VALUES (?, ?, ?, ?, ?)"
)
_WRITE_PHONE_SETTING: Final = (
    "INSERT OR REPLACE INTO phone_settings (extension, setting, value, at) VALUES (?, ?, ?, ?)"
)
_DROP_PHONE_SETTING: Final = "DELETE FROM phone_settings WHERE extension = ? AND setting = ?"
_WRITE_BAN: Final = (
    "INSERT OR REPLACE INTO bans (source, user, reason, since, until) VALUES (?, ?, ?, ?, ?)"
)
_DROP_BAN: Final = "DELETE FROM bans WHERE source = ? AND user = ?"

READ_CALL: Final = f"SELECT {_CALL_COLUMNS} FROM calls WHERE id = ?"
READ_CALLS: Final = f"SELECT {_CALL_COLUMNS} FROM calls ORDER BY number DESC LIMIT ?"
READ_CALLS_BEFORE: Final = (
    f"SELECT {_CALL_COLUMNS} FROM calls"
    " WHERE number < (SELECT number FROM calls WHERE id = ?) ORDER BY number DESC LIMIT ?"
)
READ_OFFERS: Final = f"SELECT {_OFFER_COLUMNS} FROM offers WHERE call_id = ? ORDER BY position"
READ_QUEUE_TOTALS: Final = (
    "SELECT queue, reason, count(*) FROM queue_visits WHERE joined_at >= ? GROUP BY queue, reason"
)
READ_AGENT_TOTALS: Final = (
    "SELECT queue, agent, count(*) FROM calls"
    " WHERE started_at >= ? AND answered_at IS NOT NULL AND queue <> '' AND agent <> ''"
    " GROUP BY queue, agent"
)
READ_PHONE_SETTINGS: Final = (
    "SELECT extension, setting, value FROM phone_settings ORDER BY extension, setting"
)
READ_BANS: Final = (
    "SELECT source, user, reason, since, until FROM bans WHERE until IS NULL OR until > ?"
    " ORDER BY since"
)

STORED: Final[frozenset[type[Event]]] = frozenset(
    {CallEnded, QueueLeft, AgentStateChanged, RegistrationChanged, PhoneSettingChanged}
    | {SourceBanned, SourceUnbanned, OutsideEnded, Supervised, RecordingChanged}
)

_decode_audio = msgspec.json.Decoder(tuple[LegAudio, ...]).decode
_decode_talks = msgspec.json.Decoder(tuple[TalkRecord, ...]).decode
_decode_path = msgspec.json.Decoder(tuple[str, ...]).decode


def statements(event: Event) -> list[Statement]:
    """What to write for this event. Nothing for the kinds that leave no trace in the history."""
    match event:
        case CallEnded(record=record):
            return _call_statements(record)
        case QueueLeft():
            joined_at = event.at - event.wait_seconds
            visit = (event.call, event.queue, joined_at, event.at, event.wait_seconds, event.reason)
            return [(_WRITE_VISIT, visit)]
        case AgentStateChanged():
            return [(_WRITE_AGENT_STATE, (event.agent, event.state, event.reason, event.at))]
        case RegistrationChanged():
            return _registration_statements(event)
        case PhoneSettingChanged(value=None):
            return [(_DROP_PHONE_SETTING, (event.extension, event.setting))]
        case PhoneSettingChanged():
            change = (event.extension, event.setting, event.value, event.at)
            return [(_WRITE_PHONE_SETTING, change)]
        case SourceBanned():
            ban = (event.source, event.user, event.reason, event.at, event.until)
            return [(_WRITE_BAN, ban)]
        case OutsideEnded():
            return [(outside.WRITE, outside.row_of(event))]
        case Supervised():
            return [(supervision.WRITE, supervision.row_of(event))]
        case RecordingChanged(deleted=True):
            return [(index.DROP, (event.record.id,))]
        case RecordingChanged():
            return [(index.WRITE, index.row_of(event.record))]
        case SourceUnbanned():
            return [(_DROP_BAN, (event.source, event.user))]
        case _:
            return []


def _registration_statements(event: RegistrationChanged) -> list[Statement]:
    made: list[Statement] = []
    if event.kind != "refreshed":  # Every phone, every minute: of no interest later.
        change = (event.extension, event.contact, event.kind, event.devices, event.at)
        made.append((_WRITE_REGISTRATION, change))
    if event.kept is not None:
        made.append((bindings.WRITE, bindings.row_of(event.kept)))
    elif event.kind in ("removed", "expired"):
        made.append((bindings.DROP, (event.extension, event.contact)))
    return made


def _call_statements(record: CallRecord) -> list[Statement]:
    row = (
        *(record.id, record.started_at, record.ended_at),
        *(record.caller, record.caller_name, record.called),
        *(record.queue, record.agent, record.extension),
        *(record.answered_at, record.wait_seconds, record.ring_seconds, record.talk_seconds),
        *(record.verdict.value, record.hangup.value, record.cause),
        msgspec.json.encode(record.path).decode(),
        msgspec.json.encode(record.audio).decode(),
        msgspec.json.encode(record.talks).decode(),
        msgspec.json.encode(record.recordings).decode(),
    )
    offers: list[Statement] = [
        (
            _WRITE_OFFER,
            (
                *(record.id, position, offer.agent, offer.extension),
                *(offer.offered_at, offer.rang_seconds, offer.outcome, offer.why),
            ),
        )
        for position, offer in enumerate(record.offers)
    ]
    return [(_WRITE_CALL, row), (_DROP_OFFERS, (record.id,)), *offers]


def cleaned(row: Row) -> Row:
    """The same with what SQLite refuses (half a surrogate pair, not-a-number) made storable."""
    return tuple(_clean(value) for value in row)


def _clean(value: Value) -> Value:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case float() if value != value:
            return 0.0
        case _:
            return value


def call_record(row: Sequence[object], offers: Sequence[Sequence[object]]) -> CallRecord:
    """One row of READ_CALL…, and its rows of READ_OFFERS. ValueError if it was tampered with."""
    fields = dict(zip(_CALL_COLUMNS.split(", "), row, strict=True))
    fields |= {
        "verdict": Verdict(fields["verdict"]),
        "hangup": Hangup(fields["hangup"]),
        "path": _decode_path(str(fields["path"])),
        "audio": _decode_audio(str(fields["audio"])),
        "talks": _decode_talks(str(fields["talks"])),
        "recordings": _decode_path(str(fields["recordings"])),
        "offers": tuple(
            msgspec.convert(dict(zip(_OFFER_COLUMNS.split(", "), offer, strict=True)), OfferRecord)
            for offer in offers
        ),
    }
    return msgspec.convert(fields, CallRecord)
