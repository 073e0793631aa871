"""One session of a media worker, without its sockets: what it does, hears, sends and counts.

Packets and time go in, packets and events come out. Plain sound of the agreed payload type does
not come here: `media/sockets.py` forwards it by itself, to the sessions that `hearers` names.
"""

from collections.abc import Mapping
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from media import rtcp, rtp
from media.dtmf import DigitReceiver
from media.errors import ParseError
from media.formats import FORMATS
from media.player import Ended, Player, Stream
from media.protocol import Connect, Digit, Event, PlayEnded, SessionStats, Silent
from media.relay import Address, Leg, LegState, convert, is_rtp
from media.rtcp import ReceiverReport, SenderReport

if TYPE_CHECKING:
    from media.splicing import Splice
    from media.transcoding import Transcoder

# Reports that may still be referred to: one is answered by the next one of the other side.
FORWARDED_REPORTS_MAX: Final = 4
# RFC 3550 §6.2, §6.3.1: 5 s, times 0.5 to 1.5, divided by e - 3/2.
REPORT_SECONDS: Final = 5.0
REPORT_COMPENSATION: Final = 1.21828

Tables = Mapping[tuple[str, str], bytes]


class Mode(Enum):
    """What is sent to the peer."""

    IDLE = "idle"
    JOINED = "joined"
    PLAYING = "playing"
    ECHO = "echo"
    MIXED = "mixed"  # Member of a room: a mix, or what one other member says.


class SendRtp(NamedTuple):
    session: "Session"
    packet: bytes


class SendRtcp(NamedTuple):
    session: "Session"
    packet: bytes


Output = SendRtp | SendRtcp | Event


class Session:
    __slots__ = (
        "_forwarded",
        "_report_at",
        "_reported",
        "_rtt_ms",
        "bytes_received",
        "bytes_sent",
        "digits",
        "dropped",
        "errors",
        "leg",
        "listeners",
        "mode",
        "name",
        "player",
        "received",
        "refused",
        "reporter",
        "sent",
        "silence",
        "source",
        "splice",
        "stats",
        "transcoder",
    )

    def __init__(self, name: str, cname: str, rng: Random) -> None:
        self.name = name
        self.leg = Leg()
        self.mode = Mode.IDLE
        self.source: Session | None = None  # Whose peer is heard here, packet by packet.
        self.splice: Splice | None = None  # What continues a mix on the way from `source`.
        self.listeners: list[Session] = []  # Those who have this one as their source.
        self.transcoder: Transcoder | None = None  # From `source`, if it needs one.
        self.stats = rtp.ReceiverStats()
        self.digits = DigitReceiver()
        self.silence = Silence()
        stream = Stream(rng.getrandbits(32), rng.getrandbits(16), rng.getrandbits(32))
        self.player = Player(stream)
        self.reporter = rtcp.Reporter(cname)
        self.sent = self.received = self.bytes_sent = self.bytes_received = 0
        self.refused = self.dropped = self.errors = 0
        self._report_at = 0.0
        self._reported = [0, 0]  # Packets of ours, and received, at the last report.
        self._rtt_ms: float | None = None  # Measured through a relay.
        self._forwarded: list[tuple[int, float]] = []  # Reports passed to the peer, and when.

    def __repr__(self) -> str:
        return f"<Session {self.name} {self.mode.name} {self.leg!r}>"

    # What it does.

    def connect(self, command: Connect, now: float) -> bool:
        """The peer's side, new or changed. True if its sounds must be encoded anew."""
        codec = self.leg.codec
        self.leg.connect(command)
        self.silence.begin(now)
        if codec == self.leg.codec:
            return False
        if self.leg.codec in FORMATS:
            self._retune(FORMATS[self.leg.codec].clock_rate)
        self.player.playlist.forget_frames()
        return True

    def _retune(self, clock_rate: int) -> None:
        if clock_rate != self.player.clock_rate:
            self.player.retune(clock_rate)
            self.stats.retune(clock_rate)
            self.digits = DigitReceiver(clock_rate)

    def leave(self) -> tuple["Session | None", Ended | None]:
        """Out of what it does now. Returns the partner of the relay, who is out of it too."""
        partner = self.peer if self.mode is Mode.JOINED else None
        self.mode = Mode.IDLE
        self.hear(None)
        if partner is not None:
            partner.mode = Mode.IDLE
            partner.hear(None)
        return partner, self.player.playlist.stop()

    def join(self, other: "Session") -> None:
        assert self.mode is other.mode is Mode.IDLE, (self, other)
        self.mode = other.mode = Mode.JOINED
        self.hear(other)
        other.hear(self)

    def echo(self) -> None:
        assert self.mode is Mode.IDLE, self
        self.mode = Mode.ECHO
        self.hear(self)

    def hear(self, source: "Session | None") -> None:
        """From now on the peer gets the packets of the peer of `source`."""
        if self.source is not None:
            self.source.listeners.remove(self)
        self.source = source
        self.transcoder = None
        if source is not None:
            source.listeners.append(self)

    @property
    def peer(self) -> "Session | None":
        """The other one of a pair whose packets go to and fro."""
        source = self.source
        if source is None or source is self or source.source is not self:
            return None
        return source

    @property
    def correspondent(self) -> "Session | None":
        """A peer of whose packets the reports speak here: none is made anew on the way."""
        peer = self.peer
        if peer is None or self.leg.regroups or peer.leg.regroups:
            return None
        if self.splice is not None or peer.splice is not None:
            return None
        return None if self.leg.needs_transcoding(peer.leg) else peer

    @property
    def hearers(self) -> "tuple[Session, ...]":
        """Who is to hear what its peer says, packet by packet."""
        return tuple(filter(Session.can_hear, self.listeners)) if self.leg.sending else ()

    def can_hear(self) -> bool:
        # While we press keys towards somebody, they take the place of the sound (RFC 4733 §2.2).
        leg, player = self.leg, self.player
        if player.may_press and player.pressing:
            return False
        return leg.receiving and leg.state is not LegState.OPEN

    # What it hears.

    def on_latching(self, data: bytes, source: Address) -> bool:
        """A packet from anywhere. True: the peer is found, and this packet is its."""
        latch = self.leg.latch
        if latch is None or not latch.on_packet(data, source):
            self.refused += 1
            return False
        self.leg.latched(source)
        return True

    def on_rtp(self, data: bytes, now: float, wall: float, tables: Tables) -> list[Output]:
        """A packet of the peer. `tables`: see `media.g711.TRANSLATE`."""
        if not is_rtp(data, len(data)):
            if rtp.is_rtcp(data):
                return self.on_rtcp(data, now, wall)
            self.dropped += 1
            return []
        self.received += 1
        self.bytes_received += len(data)
        _, _, seq, timestamp, ssrc = rtp.HEADER.unpack_from(data)
        self.stats.on_packet(ssrc, seq, timestamp, now)
        payload_type = data[1] & 0x7F
        try:
            keys = payload_type == self.leg.dtmf_payload_type
            outputs = self._on_key(data, timestamp, now) if keys else []
            for target in self.hearers:
                if target.transcoder is not None:
                    packets = target.transcoder.on_packet(data, now)
                    outputs += [SendRtp(target, packet) for packet in packets]
                    continue
                conversion = self.leg.conversion(payload_type, target.leg)
                if conversion is None:
                    self.dropped += 1
                else:
                    packet = convert(data, conversion, tables)
                    if target.splice is not None:
                        packet = target.splice.renumber(packet, now)
                    outputs.append(SendRtp(target, packet))
        except ParseError:
            self.dropped += 1
            return []
        return outputs

    def _on_key(self, data: bytes, timestamp: int, now: float) -> list[Output]:
        presses = self.digits.on_packet(rtp.payload(data), timestamp, now)
        return [Digit(self.name, press.digit, press.ms) for press in presses]

    def on_key_time(self, now: float) -> list[Event]:
        """A key whose last packets are lost is over some time. See `digits.next_deadline`."""
        return [Digit(self.name, press.digit, press.ms) for press in self.digits.on_time(now)]

    def on_rtcp(self, data: bytes, now: float, wall: float) -> list[Output]:
        try:
            _ = self.reporter.on_rtcp(data, self.player.stream.ssrc, now, wall)
            peer = self.correspondent
            if peer is None:
                return []
            self._on_relayed_report(data, peer, now)
        except ParseError:
            self.dropped += 1
            return []
        return [SendRtcp(peer, data)]

    def _on_relayed_report(self, data: bytes, target: "Session", now: float) -> None:
        """A report goes on to `target`: note it, and read which one it answers.

        Whoever answers a report names it and says how long he held it (RFC 3550 §6.4.1), so the
        rest of the time since we passed it on is the way to him and back.
        """
        for packet in rtcp.parse(data):
            if isinstance(packet, SenderReport):
                target.note_report(rtcp.ntp_middle(packet.ntp), now)
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.blocks:
                    for reference, passed_on in self._forwarded:
                        if reference == block.last_sr:
                            held_seconds = block.delay_since_sr / 65_536
                            self._rtt_ms = max(0.0, now - passed_on - held_seconds) * 1000

    def note_report(self, reference: int, now: float) -> None:
        """A sender report of somebody else is on its way to the peer."""
        if reference:
            self._forwarded = [*self._forwarded, (reference, now)][-FORWARDED_REPORTS_MAX:]

    # What it sends.

    def on_tick(self, tick: int) -> tuple[bytes | None, Event | None]:
        """The packet for the peer, and the end of what played."""
        leg = self.leg
        if leg.state is LegState.OPEN:
            return None, None  # It begins when there is somebody to hear it.
        packet, ended = self.player.on_tick(tick, leg.payload_type, leg.dtmf_payload_type)
        event = None if ended is None else self.ended(ended)
        return packet if leg.receiving else None, event

    def ended(self, ended: Ended) -> Event:
        if self.mode is Mode.PLAYING:
            self.mode = Mode.IDLE
        return PlayEnded(self.name, ended.play, ended.finished, ended.error)

    def report_due(self, now: float, rng: Random) -> bool:
        """Is it time for a report of ours? The pairs of a relay report to each other."""
        if now < self._report_at:
            return False
        first = not self._report_at
        self._report_at = now + REPORT_SECONDS * (0.5 + rng.random()) / REPORT_COMPENSATION
        return not first and self.correspondent is None

    def report(self, now: float, wall: float, tick: int, *, bye: bool = False) -> bytes | None:
        """What we sent and heard; None if nothing is new (RFC 3550 §6.4)."""
        stream = self.player.stream
        before, self._reported = self._reported, [stream.packets, self.received]
        if self._reported == before and not (bye and stream.packets):
            return None
        blocks = self.reporter.report_block(self.stats, now)
        report: rtcp.Report = ReceiverReport(stream.ssrc, blocks)
        if stream.packets > before[0]:
            ntp, timestamp = rtcp.ntp_time(wall), stream.at(tick)
            report = SenderReport(
                stream.ssrc, ntp, timestamp, stream.packets, stream.octets, blocks
            )
        return rtcp.pack_report(report, self.reporter.cname, bye=bye)

    # What it tells.

    def check_silence(self, now: float) -> list[Event]:
        """Call every now and then, with `received` up to date."""
        silent = self.silence.check(self.received, self.leg.expects_rtp, now)
        return [Silent(self.name)] if silent else []

    def session_stats(self) -> SessionStats:
        rtt_ms = self.reporter.rtt_ms if self._rtt_ms is None else self._rtt_ms
        return SessionStats(
            sent=self.sent,
            received=self.received,
            lost=self.stats.total_lost,
            jitter_ms=round(self.stats.jitter_ms, 3),
            rtt_ms=None if rtt_ms is None else round(rtt_ms, 3),
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            refused=self.refused,
            dropped=self.dropped,
            errors=self.errors,
            codec=self.leg.codec,
        )


class Silence:
    """Notices when a peer that should send does not."""

    __slots__ = ("_limit_seconds", "_received", "_reported", "_since")

    def __init__(self) -> None:
        self._limit_seconds = 0.0  # 0: not watched.
        self._received = 0
        self._since = 0.0
        self._reported = False

    def watch(self, limit_seconds: float, now: float) -> None:
        self._limit_seconds = limit_seconds
        self.begin(now)

    def begin(self, now: float) -> None:
        """From now on it has all the time again."""
        self._since = now
        self._reported = False

    def check(self, received: int, expected: bool, now: float) -> bool:
        """True once when it has been too long."""
        if received != self._received or not expected:
            self._received = received
            self.begin(now)
            return False
        if not self._limit_seconds or self._reported or now - self._since < self._limit_seconds:
            return False
        self._reported = True
        return True
