"""What a call wants done. The exchange carries it out; nothing here knows SIP or RTP."""

from dataclasses import dataclass

from pbx.calls.causes import Cause
from pbx.calls.fork import Fork
from pbx.distribution.inputs import Input
from pbx.history.records import Hangup, Verdict
from pbx.plan import Destination


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring this person on all devices of the extension."""

    party: str
    extension: str
    agent: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """Stop ringing, or hang up on, this person."""

    party: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class PartyOver:
    """All devices of this person have refused, or hung up."""

    fork: Fork
    cause: Cause


@dataclass(frozen=True, slots=True)
class HangUpLegs:
    legs: tuple[str, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class RingCaller:
    """Let the caller hear ringing."""


@dataclass(frozen=True, slots=True)
class AnswerCaller:
    """Take the call, without anybody to talk to yet."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Caller and this person hear each other; the caller is answered if that is not done yet."""

    party: str


@dataclass(frozen=True, slots=True)
class PlayToCaller:
    files: tuple[str, ...]
    repeat: bool = False
    resume: bool = False


@dataclass(frozen=True, slots=True)
class EchoCaller:
    """The caller hears their own voice."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One side put the other on hold: the other hears music, or the conversation again."""

    leg: str  # Who holds.
    held: bool


@dataclass(frozen=True, slots=True)
class Tell:
    """Something the distribution must know."""

    event: Input


@dataclass(frozen=True, slots=True)
class Proceed:
    """Come back to the block when all that the commands before this one caused has been carried
    out."""


@dataclass(frozen=True, slots=True)
class GoTo:
    """The next block of the call's flow."""

    destination: Destination


@dataclass(frozen=True, slots=True)
class Finish:
    """The call is over."""

    verdict: Verdict
    cause: Cause
    by: Hangup


Command = (
    Dial
    | Drop
    | PartyOver
    | HangUpLegs
    | RingCaller
    | AnswerCaller
    | Bridge
    | PlayToCaller
    | EchoCaller
    | Hold
    | Tell
    | Proceed
    | GoTo
    | Finish
)
