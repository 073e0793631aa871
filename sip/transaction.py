"""What the four transaction machines of RFC 3261 §17 tell their user.

Bytes for the wire are `sip.events.Send`: a retransmission is the very same bytes.
"""

from dataclasses import dataclass
from typing import NamedTuple

from sip.events import Send
from sip.message import Response


class Received(NamedTuple):
    """A response for the transaction user."""

    response: Response


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Timer B or F fired: treat as a 408 (RFC 3261 §8.1.3.1)."""


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """Treat as a 503 (RFC 3261 §8.1.3.1)."""


ClientOutput = Send | Received | TimedOut | TransportFailed
