"""What stands in the history about a call: one record per call, one entry per offer.

Times named `..._at` are Unix seconds, durations are seconds; both are floats.
"""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How a call ended for the caller. Every call gets exactly one."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"  # The caller hung up before anybody answered.
    TIMED_OUT = "timed out"  # Maximum wait reached.
    QUEUE_FULL = "queue full"
    NOBODY_SIGNED_IN = "nobody signed in"
    NOBODY_SUITABLE = "nobody suitable"  # Nobody who is signed in has the required tags.
    ALL_MISSED = "all missed"  # Everybody was rung, as often as the queue says.
    KEY_PRESSED = "key pressed"
    VOICEMAIL = "voicemail"  # Nobody answered, but the caller left a message.
    BLACKLISTED = "blacklisted"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not found"
    FAILED = "failed"
    SERVED = "served"  # By the system itself: a prompt, an echo test, a feature code.
    SYSTEM = "system"  # Ended by us: shutdown, limit, configuration.


class Hangup(Enum):
    """Who ended the call."""

    CALLER = "caller"
    CALLEE = "callee"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class OfferRecord:
    """One attempt to reach one person."""

    agent: str  # Agent id, or "" when an extension was dialled directly.
    extension: str
    offered_at: float
    rang_seconds: float
    outcome: str  # "answered", "no answer", "rejected", "answered elsewhere", …
    why: str = ""  # The distribution's explanation, compact.


@dataclass(frozen=True, slots=True)
class LegAudio:
    """Sound of one leg as the media worker saw it."""

    codec: str
    packets_sent: int
    packets_received: int
    packets_lost: int
    jitter_ms: float
    mos: float | None = None  # 1 to 4.4: how it probably sounded (ITU-T G.107).


@dataclass(frozen=True, slots=True)
class TalkRecord:
    """One conversation of a call; a transferred call has several."""

    extension: str
    agent: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CallRecord:
    id: str
    started_at: float
    ended_at: float
    caller: str
    caller_name: str
    called: str
    queue: str  # "" when no queue was involved; the last queue otherwise.
    agent: str  # Who talked, "" when nobody did.
    extension: str
    answered_at: float | None  # When somebody (not a prompt) answered.
    wait_seconds: float  # Joining the queue (or dialling) → answer or end.
    ring_seconds: float  # The winner's phone rang this long; 0 when nobody answered.
    talk_seconds: float
    verdict: Verdict
    hangup: Hangup
    cause: str
    path: tuple[str, ...]  # The blocks the call walked through, in order.
    offers: tuple[OfferRecord, ...] = ()
    audio: tuple[LegAudio, ...] = ()  # Caller first.
    talks: tuple[TalkRecord, ...] = ()  # More than one where the call was transferred.
    recordings: tuple[str, ...] = ()  # Their ids, in order.
