"""What control tells a media worker, and what the worker tells back.

Frames on a Unix stream socket: four bytes of length (big-endian), then one msgpack array whose
first item is the name of the command or event. Commands are one-way and pipelined; only events
come back. Every `Close` is answered by one `Closed`, every `Play` by one `PlayEnded` (unless the
session closes first), everything else only by what goes wrong.
"""

from typing import Annotated, Final, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

VERSION: Final = 1
LENGTH_SIZE: Final = 4
# The greatest frame is the Hello of a worker with all its sessions; a longer one is not ours.
FRAME_BYTES_MAX: Final = 4 << 20

# An id is made by us (call and leg), so this is generous.
Session = Annotated[str, Meta(min_length=1, max_length=200)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Host = Annotated[str, Meta(max_length=64)]  # An IPv6 literal with its zone.
Address = tuple[Host, Port]
PayloadType = Annotated[int, Meta(ge=0, le=127)]
Path = Annotated[str, Meta(max_length=4096)]  # PATH_MAX of Linux.
# The longest thing said is an amount of money, about 20 words.
Files = Annotated[tuple[Path, ...], Meta(min_length=1, max_length=64)]
Codec = Annotated[str, Meta(max_length=32)]
# The greatest conference: everybody of a large call-centre hears one meeting.
MEMBERS_MAX: Final = 256
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
MASTER_BYTES_MAX: Final = 46  # AES-256 and the longest salt.
Fingerprint = Annotated[str, Meta(max_length=200)]  # SHA-512 has 191 characters.
IceWord = Annotated[str, Meta(max_length=256)]  # RFC 8839 §5.4.
Ptime = Annotated[int, Meta(ge=10, le=200)]
Pem = Annotated[str, Meta(max_length=16_384)]


class Open(Struct, frozen=True, array_like=True, tag=True):
    """Take `port` for RTP and `port` + 1 for RTCP on the local address `host`."""

    session: Session
    port: Annotated[int, Meta(ge=1, le=65_534)]
    host: Host


class Srtp(Struct, frozen=True, array_like=True):
    """Keys out of the descriptions (RFC 4568): master key and salt, one after the other."""

    suite: Annotated[str, Meta(max_length=32)]
    send: Annotated[bytes, Meta(max_length=MASTER_BYTES_MAX)]
    receive: Annotated[bytes, Meta(max_length=MASTER_BYTES_MAX)]
    mki_size: Annotated[int, Meta(ge=0, le=128)] = 0  # Of the peer's packets.

    def __repr__(self) -> str:
        return f"Srtp({self.suite})"  # Never the keys.


class Dtls(Struct, frozen=True, array_like=True):
    """What is needed to make keys on the way of the sound (RFC 5763), after ICE (RFC 8445).

    Without `peer_ufrag` the peer does no ICE: its packets come from the address of the SDP.
    """

    fingerprint_hash: Fingerprint  # sha-256, sha-384 or sha-512.
    fingerprint: Fingerprint  # Of the peer: "AB:CD:…".
    active: bool = False  # We are the client.
    ice_ufrag: IceWord = ""  # Ours.
    ice_pwd: IceWord = ""
    peer_ufrag: IceWord = ""
    peer_pwd: IceWord = ""
    ours: Fingerprint = ""  # Of the `Identity` to be shown.

    def __repr__(self) -> str:
        return f"Dtls({self.fingerprint_hash} {self.fingerprint[:11]}…, active={self.active})"


class Identity(Struct, frozen=True, array_like=True, tag=True):
    """A certificate that sessions from now on may show; those before it stay known."""

    certificate_pem: Pem
    key_pem: Pem

    def __repr__(self) -> str:
        return "Identity()"


class Connect(Struct, frozen=True, array_like=True, tag=True):
    """The peer's side, from its SDP. Sent again after every re-INVITE.

    `learn_from` "": packets come from `address` and nowhere else. An IP address: the first RTP
    packets from that IP after this command set the address (symmetric RTP behind a NAT).
    `sending`, `receiving`: what the peer does.
    """

    session: Session
    address: Address
    rtcp: Address
    learn_from: Host
    codec: Codec
    payload_type: PayloadType
    dtmf_payload_type: PayloadType | None = None
    sending: bool = True
    receiving: bool = True
    ptime: Ptime = 20  # Milliseconds of sound in a packet to the peer.
    inband_dtmf: bool = False  # Listen for keys as tones, and report them.
    srtp: Srtp | None = None
    dtls: Dtls | None = None
    fmtp: Annotated[str, Meta(max_length=256)] = ""  # What the peer says of its codec.


class Join(Struct, frozen=True, array_like=True, tag=True):
    """Relay between two sessions. Whatever played on them stops."""

    a: Session
    b: Session


class Part(Struct, frozen=True, array_like=True, tag=True):
    """End the relay of this session and its partner. Both are silent afterwards."""

    session: Session


class Play(Struct, frozen=True, array_like=True, tag=True):
    """Play files one after the other, instead of whatever the session does now.

    `play` comes back in `PlayEnded`. `repeat`: begin again with the first after the last.
    `resume`: go on where this was last left in this session.
    """

    session: Session
    play: int
    files: Files
    repeat: bool = False
    resume: bool = False


class Stop(Struct, frozen=True, array_like=True, tag=True):
    """Stop playing or echoing. Keys waiting to be sent are forgotten."""

    session: Session


class Echo(Struct, frozen=True, array_like=True, tag=True):
    """Send back what comes."""

    session: Session


class SendDigits(Struct, frozen=True, array_like=True, tag=True):
    """Press keys towards the peer (RFC 4733)."""

    session: Session
    digits: Annotated[str, Meta(max_length=64)]


class Watch(Struct, frozen=True, array_like=True, tag=True):
    """Report when no RTP came for so long; 0 stops watching."""

    session: Session
    silence_seconds: Seconds


class Close(Struct, frozen=True, array_like=True, tag=True):
    session: Session


class Member(Struct, frozen=True, array_like=True):
    """`hears`: sessions of the same room; it hears what their peers say."""

    session: Session
    hears: tuple[Session, ...] = ()


class Mix(Struct, frozen=True, array_like=True, tag=True):
    """From now on the room is exactly this: who is in it, and who hears whom.

    Whatever a new member did before ends; who is no longer named is silent. Sent again with
    another matrix it is switched live, without click or gap. No members: the room is no more.
    `Join` takes both out of their rooms. A `Play` is heard instead of the room until its end.
    """

    room: Session
    members: Annotated[tuple[Member, ...], Meta(max_length=MEMBERS_MAX)] = ()


class Record(Struct, frozen=True, array_like=True, tag=True):
    """Write what is said to a WAV file at `path` that can be played at any moment.

    The left channel is what the peer of `left` says, the right one what the peer of `right` says,
    and in a room everybody else whom `left` hears; with `whisper` also the others of the room.
    Without `right` and `room` it has one channel (a voicemail), with `room` alone one with
    everybody. `silence_seconds`: so much silence of the left side ends it (0: never). `keys`: any
    of these, pressed by the left side, ends it. Nothing changes in what anybody hears.
    """

    recording: Session
    path: Path
    left: Annotated[str, Meta(max_length=200)] = ""
    right: Annotated[str, Meta(max_length=200)] = ""
    room: Annotated[str, Meta(max_length=200)] = ""
    seconds_max: Seconds = 86_400.0
    silence_seconds: Seconds = 0.0
    keys: Annotated[str, Meta(max_length=16)] = ""
    whisper: bool = False


class PauseRecording(Struct, frozen=True, array_like=True, tag=True):
    """Silence of the same length takes the place of what is said."""

    recording: Session
    paused: bool


class EndRecording(Struct, frozen=True, array_like=True, tag=True):
    recording: Session


class Ping(Struct, frozen=True, array_like=True, tag=True):
    number: int


class Shutdown(Struct, frozen=True, array_like=True, tag=True):
    """Close everything and end the process."""


Command = (
    Open
    | Connect
    | Join
    | Part
    | Play
    | Stop
    | Echo
    | SendDigits
    | Watch
    | Close
    | Ping
    | Shutdown
    | Mix
    | Identity
    | Record
    | PauseRecording
    | EndRecording
)


class SessionStats(Struct, frozen=True, array_like=True):
    """One session from Open to Close. RTP packets; bytes with headers."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    jitter_ms: float = 0.0
    rtt_ms: float | None = None
    bytes_sent: int = 0
    bytes_received: int = 0
    refused: int = 0  # From strangers, before the peer's address was known.
    dropped: int = 0  # From the peer, but of no use: no RTP, unknown payload type.
    errors: int = 0  # Reported by the network: nobody listens, no route.
    codec: str = ""  # The last one.


class Hello(Struct, frozen=True, array_like=True, tag=True):
    """First event on every control connection."""

    pid: int
    version: int
    sessions: tuple[str, ...] = ()


class Failed(Struct, frozen=True, array_like=True, tag=True):
    """The session cannot do what was asked. It still wants a `Close`."""

    session: str
    error: str


class PlayEnded(Struct, frozen=True, array_like=True, tag=True):
    """`finished`: everything was played to its end. `error`: the first file that could not be."""

    session: str
    play: int
    finished: bool
    error: str = ""


class Digit(Struct, frozen=True, array_like=True, tag=True):
    """A key was pressed and released."""

    session: str
    digit: str
    ms: int


class Silent(Struct, frozen=True, array_like=True, tag=True):
    """No RTP for as long as `Watch` said. Reported once until it comes again."""

    session: str


class Secured(Struct, frozen=True, array_like=True, tag=True):
    """The peer and we have made keys: from now on there is sound. After each new making."""

    session: str
    profile: str


class RecordingEnded(Struct, frozen=True, array_like=True, tag=True):
    """Exactly one for each `Record`. The file holds `seconds`, whatever the reason.

    `reason`: "stopped", "closed" (its session did), "silence", "limit", "key" or "disk".
    `spoken_seconds`: how much of a recording of one channel is not silence.
    """

    recording: str
    reason: str
    seconds: float = 0.0
    error: str = ""
    spoken_seconds: float = 0.0


class Closed(Struct, frozen=True, array_like=True, tag=True):
    session: str
    stats: SessionStats


class Pong(Struct, frozen=True, array_like=True, tag=True):
    number: int


Event = Hello | Failed | PlayEnded | Digit | Silent | Secured | RecordingEnded | Closed | Pong

_encode: Final = msgspec.msgpack.Encoder().encode


def pack(message: Command | Event) -> bytes:
    """One frame."""
    body = _encode(message)
    return len(body).to_bytes(LENGTH_SIZE) + body


T = TypeVar("T")


class Reader(Generic[T]):
    """Bytes of a stream in, whole messages out. Broken frames are counted and skipped."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[T]) -> None:
        self.broken = 0
        self._decoder = decoder
        self._rest: bytes = b""
        self._skip = 0  # Bytes still to come of a frame that is too long.

    def feed(self, data: bytes) -> list[T]:
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        data = self._rest + data if self._rest else data
        at = 0
        messages: list[T] = []
        while at + LENGTH_SIZE <= len(data):
            size = int.from_bytes(data[at : at + LENGTH_SIZE])
            end = at + LENGTH_SIZE + size
            if size > FRAME_BYTES_MAX:
                self.broken += 1
                self._skip = max(0, end - len(data))
                at = min(end, len(data))
                continue
            if end > len(data):
                break
            try:
                messages.append(self._decoder.decode(data[at + LENGTH_SIZE : end]))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.broken += 1
            at = end
        self._rest = data[at:]
        return messages


def command_reader() -> Reader[Command]:
    return Reader(msgspec.msgpack.Decoder(Command))


def event_reader() -> Reader[Event]:
    return Reader(msgspec.msgpack.Decoder(Event))
