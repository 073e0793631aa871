"""The audit of monitoring on disk: who listened to whom, when, and how."""

from typing import Final

from pbx.events import Supervised

CREATE: Final = (
    """CREATE TABLE supervision (
        number INTEGER PRIMARY KEY,
        call_id TEXT NOT NULL,  -- Of the supervisor.
        supervisor TEXT NOT NULL,
        extension TEXT NOT NULL,
        agent TEXT NOT NULL,
        what TEXT NOT NULL,
        heard TEXT NOT NULL,  -- The call that was listened to.
        at REAL NOT NULL
    )""",
    "CREATE INDEX supervision_at ON supervision (at)",
)
WRITE: Final = (
    "INSERT INTO supervision (call_id, supervisor, extension, agent, what, heard, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def row_of(event: Supervised) -> tuple[str, str, str, str, str, str, float]:
    return (
        event.call,
        event.supervisor,
        event.extension,
        event.agent,
        event.what,
        event.heard,
        event.at,
    )
