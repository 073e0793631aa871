"""One session of a media worker, without its sockets: what it does, hears, sends and counts.

Packets and time go in, packets and events come out. Plain sound of the agreed payload type does
not come here: `media/engine.py` forwards it by itself, to the session that `hearer` names.
"""

from collections.abc import Mapping
from enum import Enum
from random import Random
from typing import Final, NamedTuple

from media import rtcp, rtp
from media.dtmf import DigitReceiver
from media.errors import ParseError
from media.player import Ended, Player, Stream
from media.protocol import Connect, Digit, Event, PlayEnded, SessionStats, Silent
from media.relay import Address, Leg, LegState, convert, is_rtp
from media.rtcp import ReceiverReport, SenderReport

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
        "mode",
        "name",
        "peer",
        "player",
        "received",
        "refused",
        "reporter",
        "sent",
        "silence",
        "stats",
    )

    def __init__(self, name: str, cname: str, rng: Random) -> None:
        self.name = name
        self.leg = Leg()
        self.mode = Mode.IDLE
        self.peer: Session | None = None  # The one it is joined with.
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
        self.player.playlist.forget_frames()
        return True

    def leave(self) -> tuple["Session | None", Ended | None]:
        """Out of what it does now. Returns the partner of the relay, who is out of it too."""
        peer, self.peer = self.peer, None
        self.mode = Mode.IDLE
        if peer is not None:
            peer.peer = None
            peer.mode = Mode.IDLE
        return peer, self.player.playlist.stop()

    def join(self, other: "Session") -> None:
        assert self.mode is other.mode is Mode.IDLE, (self, other)
        self.mode = other.mode = Mode.JOINED
        self.peer, other.peer = other, self

    @property
    def hearer(self) -> "Session | None":
        """Who is to hear what its peer says."""
        target = self if self.mode is Mode.ECHO else self.peer
        if target is None or not self.leg.sending or not target.leg.receiving:
            return None
        # While we press keys towards somebody, they take the place of the sound (RFC 4733 §2.2).
        return None if target.leg.state is LegState.OPEN or target.player.keys.busy else target

    @property
    def speaker(self) -> "Session | None":
        """Whose peer is heard here: the other way round."""
        return self if self.mode is Mode.ECHO else self.peer

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
            target = self.hearer
            if target is not None:
                conversion = self.leg.conversion(payload_type, target.leg)
                if conversion is None:
                    self.dropped += 1
                else:
                    outputs.append(SendRtp(target, convert(data, conversion, tables)))
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
            if self.peer is None:
                return []
            self._on_relayed_report(data, self.peer, now)
        except ParseError:
            self.dropped += 1
            return []
        return [SendRtcp(self.peer, data)]

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
        return not first and self.mode is not Mode.JOINED

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
