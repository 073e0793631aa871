"""The last messages that came and went, for people: rings of bytes, made readable only when asked.

Those of strangers are in a ring of their own, so that a flood of them does not wash the calls away.
Credentials never leave here: what proves a password is starred out.
"""

import re
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from typing import Final

from sip.flow import Flow
from sip.text import printable

MESSAGES_MAX: Final = 5_000  # About 5 MB: the last 300 calls, or a minute of a busy exchange.
STRANGERS_MAX: Final = 1_000
MESSAGE_BYTES_MAX: Final = 8_192  # Of one; the rest is cut off.
STRANGER_BYTES_MAX: Final = 2_048

_SECRETS: Final = re.compile(
    rb'\b(response|cnonce|nonce|opaque)(\s*=\s*)("[^"]*"|[^\s,;]+)', re.IGNORECASE
)
_AUTHENTICATION: Final = re.compile(
    rb"^(?:(?:Proxy-)?Authorization|(?:WWW|Proxy)-Authenticate|Authentication-Info)\s*:.*"
    rb"(?:\r?\n[ \t].*)*",
    re.IGNORECASE | re.MULTILINE,
)
# Of bodies: keys of SRTP (RFC 4568), and what proves to ICE who one is.
_KEYS: Final = re.compile(rb"\b(inline:|a=ice-pwd:)[^\s|;]+", re.IGNORECASE)
_CALL_ID: Final = re.compile(rb"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)

_Noted = tuple[float, bool, Flow, bytes]


@dataclass(frozen=True, slots=True)
class Traced:
    at: float
    outgoing: bool
    flow: Flow
    text: str  # Without secrets; lines end with "\n".


class Trace:
    """`note` costs a fraction of a microsecond; everything else is done by `read`."""

    def __init__(self, messages_max: int = MESSAGES_MAX) -> None:
        self._ring: deque[_Noted] = deque(maxlen=messages_max)
        self._strangers: deque[_Noted] = deque(maxlen=min(STRANGERS_MAX, messages_max))

    def __len__(self) -> int:
        return len(self._ring) + len(self._strangers)

    def note(self, at: float, outgoing: bool, flow: Flow, data: bytes, known: bool = True) -> None:
        """`known`: somebody has signed in there, or we call it."""
        if known:
            self._ring.append((at, outgoing, flow, data[:MESSAGE_BYTES_MAX]))
        else:
            self._strangers.append((at, outgoing, flow, data[:STRANGER_BYTES_MAX]))

    def read(self, containing: str = "", last: int = MESSAGES_MAX) -> list[Traced]:
        """The newest `last` messages with this text in them, oldest first."""
        wanted = containing.encode()
        found: list[_Noted] = []
        newest_first = merge(
            reversed(self._ring), reversed(self._strangers), key=itemgetter(0), reverse=True
        )
        for noted in newest_first:
            if len(found) >= last:
                break
            if wanted in noted[3]:
                found.append(noted)
        return [Traced(*noted[:3], redact(noted[3])) for noted in reversed(found)]

    def of_calls(self, call_ids: Collection[str]) -> list[tuple[float, bool, Flow, bytes]]:
        """All messages with one of these Call-IDs, oldest first, without secrets."""
        wanted = {call_id.encode("utf-8", "surrogateescape") for call_id in call_ids}
        both = merge(self._ring, self._strangers, key=itemgetter(0))
        return [
            (at, outgoing, flow, _starred(data))
            for at, outgoing, flow, data in both
            if (found := _CALL_ID.search(data)) is not None and found[1] in wanted
        ]


def _starred(data: bytes) -> bytes:
    data = _KEYS.sub(rb"\1***", data)
    return _AUTHENTICATION.sub(lambda header: _SECRETS.sub(rb"\1\2***", header[0]), data)


def without_keys(text: str) -> str:
    """Of anything that may hold a description; a key that is cut off is starred out as well."""
    return _KEYS.sub(rb"\1***", text.encode("utf-8", "replace")).decode("utf-8", "replace")


def redact(data: bytes) -> str:
    """A message as text, with everything starred out that proves who knows a password, and the
    keys of the sound."""
    text = _starred(data).decode("utf-8", "replace").replace("\r\n", "\n")
    return "\n".join(printable(line) for line in text.split("\n"))
