"""The last messages that came and went, for people: a ring of bytes, made readable only when asked.

Credentials never leave here: what proves a password is starred out.
"""

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from sip.flow import Flow
from sip.text import printable

MESSAGES_MAX: Final = 5_000  # About 5 MB: the last 300 calls, or a minute of a busy exchange.

_SECRETS: Final = re.compile(
    rb'\b(response|cnonce|nonce|opaque)(\s*=\s*)("[^"]*"|[^\s,;]+)', re.IGNORECASE
)
_AUTHENTICATION: Final = re.compile(
    rb"^(?:(?:Proxy-)?Authorization|(?:WWW|Proxy)-Authenticate|Authentication-Info)\s*:.*"
    rb"(?:\r?\n[ \t].*)*",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Traced:
    at: float
    outgoing: bool
    flow: Flow
    text: str  # Without secrets; lines end with "\n".


class Trace:
    """`note` costs a fraction of a microsecond; everything else is done by `read`."""

    def __init__(self, messages_max: int = MESSAGES_MAX) -> None:
        self._ring: deque[tuple[float, bool, Flow, bytes]] = deque(maxlen=messages_max)

    def __len__(self) -> int:
        return len(self._ring)

    def note(self, at: float, outgoing: bool, flow: Flow, data: bytes) -> None:
        self._ring.append((at, outgoing, flow, data))

    def read(self, containing: str = "", last: int = MESSAGES_MAX) -> list[Traced]:
        """The newest `last` messages with this text in them, oldest first."""
        wanted = containing.encode()
        found: list[Traced] = []
        for at, outgoing, flow, data in reversed(self._ring):
            if len(found) >= last:
                break
            if wanted in data:
                found.append(Traced(at, outgoing, flow, redact(data)))
        return found[::-1]


def redact(data: bytes) -> str:
    """A message as text, with everything starred out that proves who knows a password."""
    starred = _AUTHENTICATION.sub(lambda header: _SECRETS.sub(rb"\1\2***", header[0]), data)
    text = starred.decode("utf-8", "replace").replace("\r\n", "\n")
    return "\n".join(printable(line) for line in text.split("\n"))
