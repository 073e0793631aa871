"""Calls to the outside on disk: what each extension has used, so that a restart gives nobody his
day again."""

from typing import Final

from pbx.events import OutsideEnded

CREATE: Final = (
    """CREATE TABLE outside_calls (
        number INTEGER PRIMARY KEY,
        call_id TEXT NOT NULL,
        extension TEXT NOT NULL,
        trunk TEXT NOT NULL,
        called TEXT NOT NULL,
        kind TEXT NOT NULL,
        seconds REAL NOT NULL,
        money REAL NOT NULL,
        at REAL NOT NULL  -- Of its end, or of the midnight in the middle of it.
    )""",
    "CREATE INDEX outside_calls_at ON outside_calls (at, extension)",
)
WRITE: Final = (
    "INSERT INTO outside_calls (call_id, extension, trunk, called, kind, seconds, money, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
READ_TOTALS: Final = (
    "SELECT extension, sum(seconds), sum(money) FROM outside_calls WHERE at > ? GROUP BY extension"
)


def row_of(event: OutsideEnded) -> tuple[str, str, str, str, str, float, float, float]:
    return (
        event.call,
        event.extension,
        event.trunk,
        event.number,
        event.call_class,
        event.seconds,
        event.money,
        event.at,
    )
