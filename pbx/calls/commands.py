"""What a call wants done. The exchange carries it out; nothing here knows SIP or RTP."""

from dataclasses import dataclass

from pbx.calls.causes import Cause
from pbx.calls.fork import Fork
from pbx.distribution.inputs import Input
from pbx.history.records import Hangup, Verdict
from pbx.phone_settings import PhoneSet, Setting
from pbx.plan import Destination
from pbx.room_plan import Mode, RoomWish
from pbx.voicemail.actions import Action


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring this person on all devices of the extension."""

    party: str
    extension: str
    agent: str = ""
    why: str = ""
    auto_answer: bool = False  # Intercom: the phone should pick up by itself.


@dataclass(frozen=True, slots=True)
class DialTrunk:
    """Call this number outside, by the next way that is not among `tried`."""

    party: str
    number: str  # As it was dialled.
    payer: str  # The extension whose rights count; "" for a caller from outside.
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """Let the caller hear what this person's side sends before it answers."""

    party: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """This leg sends the other side to a number, or to the place of a leg of another call."""

    leg: str
    number: str
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Consult:
    """This leg wants to talk to that number first, while the other side waits."""

    leg: str
    number: str


@dataclass(frozen=True, slots=True)
class ConsultOver:
    """Who asked first has hung up: the other side, who waits, takes their place."""


@dataclass(frozen=True, slots=True)
class RefuseTransfer:
    leg: str


@dataclass(frozen=True, slots=True)
class TransferorGone:
    """Who transferred has hung up before the outcome was known."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """The other side talks to somebody else now: who sent it there may go."""


@dataclass(frozen=True, slots=True)
class ParkCall:
    """Leave the caller in this slot ("": any), where anybody can take the call up."""

    slot: str


@dataclass(frozen=True, slots=True)
class PickUp:
    """Take the call that rings there instead of them: an extension, or "" for one's group.

    `leg`: the very leg whose place is taken, ringing or up.
    """

    extension: str
    leg: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """Listen to the conversation of whom the call's block names, now or as soon as there is one."""


@dataclass(frozen=True, slots=True)
class ChangeMode:
    """The guest of a conversation listens, whispers, speaks or takes over from now on."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Seat:
    """This person, whom we called, is the caller from now on."""

    party: str


@dataclass(frozen=True, slots=True)
class AnswerRoom:
    """Answer the caller where the conference's sound is."""


@dataclass(frozen=True, slots=True)
class EnterRoom:
    """The caller is in the conference of the call's block, if there is a place."""


@dataclass(frozen=True, slots=True)
class RoomKey:
    """What a member of a conference wants."""

    what: RoomWish


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
class StopPlaying:
    """The caller has pressed a key: say no more."""


@dataclass(frozen=True, slots=True)
class AskReach:
    """How does this extension want to be reached? The block is told by `on_reach`."""

    extension: str


@dataclass(frozen=True, slots=True)
class SetPhone:
    """A feature code changes a setting of a phone."""

    change: PhoneSet


@dataclass(frozen=True, slots=True)
class FlipPhone:
    """A feature code switches something on that is off, or off. The block is told by
    `on_flipped`."""

    extension: str
    setting: Setting


@dataclass(frozen=True, slots=True)
class Mail:
    """Something about mailboxes. What they answer comes by `on_mail`."""

    action: Action


@dataclass(frozen=True, slots=True)
class SayToCaller:
    """Sounds by name, in the caller's language. `on_played` follows, whatever becomes of them."""

    sounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SayTime:
    """What time it is where the company is. `on_played` follows."""


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
    | DialTrunk
    | EarlyMedia
    | Transfer
    | Consult
    | ConsultOver
    | RefuseTransfer
    | TransferorGone
    | Transferred
    | ParkCall
    | PickUp
    | Watch
    | ChangeMode
    | Seat
    | AnswerRoom
    | EnterRoom
    | RoomKey
    | Drop
    | PartyOver
    | HangUpLegs
    | RingCaller
    | AnswerCaller
    | Bridge
    | PlayToCaller
    | StopPlaying
    | AskReach
    | SetPhone
    | FlipPhone
    | Mail
    | SayToCaller
    | SayTime
    | EchoCaller
    | Hold
    | Tell
    | Proceed
    | GoTo
    | Finish
)
