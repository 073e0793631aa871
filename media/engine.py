"""A media worker: its lines, and the commands about them.

What a session does with packets and time is decided in `media/session.py`, whom it believes in
`media/relay.py`, what it sends of its own in `media/player.py`; this file carries it out, with the
sockets of `media/sockets.py` and the timers of `media/ticks.py`. What only some calls need (rooms,
recordings …) is done by a `Department`, founded when it is first wanted.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Final, assert_never

from media import protocol, rtp, sounds
from media.decoding import Decoding
from media.department import Department
from media.line import Line, Tap
from media.planning import law_tables, plan
from media.player import Frames
from media.relay import LegState, checked
from media.session import Mode, Output, SendRtcp, SendRtp, Session
from media.sockets import PACKET_BYTES_MAX, Sockets, disconnect
from media.ticks import HOUSEKEEPING_SECONDS, KEY_CHECK_SECONDS, Every, Ticks

# Far above what one core carries; a bug in control must not eat all descriptors.
SESSIONS_MAX: Final = 4096
# Looked after in one go, in a tenth of a millisecond; then packets that have come go through.
LINES_AT_ONCE: Final = 32
# RFC 7983 §7: the first byte of RTP and RTCP. Below is STUN, DTLS and the like.
RTP_FIRST: Final = b"\x80"

# Where each department is, by name: imported when it is founded, for most workers never need
# numpy or ciphers.
FOUNDERS: Final = {
    "chorus": "media.chorus:Chorus",
    "listening": "media.inband:Listening",
    "rooms": "media.rooms:Rooms",
    "recordings": "media.recorder:Recorder",
    "security": "media.securing:Security",
}


class Engine:
    """All sessions of one worker. Commands in, events out through `emit`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        emit: Callable[[protocol.Event], None],
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.emit = emit
        self.lines: dict[str, Line] = {}
        self.clock = clock
        self.sockets = Sockets(loop, clock)
        self.ticks = Ticks(loop, self._on_tick, clock)
        self.departments: dict[str, Department] = {}
        self._rng = rng or random.SystemRandom()
        self._cname = f"{self._rng.getrandbits(64):016x}@dzvin"  # RFC 7022 §4.2: says nothing.
        self.playing: dict[str, Line] = {}  # Who sends something of its own, packet by packet.
        self._pressed: dict[str, Session] = {}  # Whose key is down.
        self._key_check = Every(loop, KEY_CHECK_SECONDS, self._on_key_check, clock)
        self._housekeeping = Every(loop, HOUSEKEEPING_SECONDS, self._on_housekeeping, clock)
        self._decoding = Decoding(loop, self._supply)
        self._closed = False

    def __repr__(self) -> str:
        return f"<Engine sessions={len(self.lines)} playing={len(self.playing)}>"

    @property
    def sessions(self) -> tuple[str, ...]:
        return tuple(self.lines)

    def leftovers(self) -> dict[str, int]:
        """What is held, for leak checks: all zero when no session is open."""
        timers = (self.ticks, self._key_check, self._housekeeping)
        return {
            "sessions": len(self.lines),
            "sockets": len(self.sockets),
            "playing": len(self.playing),
            "pressed": len(self._pressed),
            "loading": len(self._decoding),
            "timers": sum(timer.running for timer in timers),
            **{name: part.leftovers() for name, part in self.departments.items()},
        }

    def warm(self) -> None:
        """Import the decoders beforehand, in the background."""
        self._decoding.warm()

    def close(self) -> None:
        """Close all sessions and let go of the loop."""
        if self._closed:
            return
        for line in list(self.lines.values()):
            self._close(line)
        for department in self.departments.values():
            department.close()
        self._disarm()
        self._closed = True
        self._decoding.close()
        self.sockets.close()

    # For the departments.

    def department(self, name: str) -> Department:
        """Founded now, if it is not there yet."""
        found = self.departments.get(name)
        if found is None:
            module, _, founder = FOUNDERS[name].partition(":")
            found = getattr(import_module(module), founder)(self)
            assert isinstance(found, Department), name
            self.departments[name] = found
        return found

    def tap(self, name: str, tap: Tap) -> None:
        """From now on `tap` hears what the peer of this session says."""
        line = self.lines[name]
        line.taps.append(tap)
        self.plan(line)

    def untap(self, name: str, tap: Tap) -> None:
        line = self.lines.get(name)
        if line is not None and tap in line.taps:
            line.taps.remove(tap)
            self.plan(line)

    def plan(self, line: Line) -> None:
        """Prepare the hot loop for the next packets of the peer of this session."""
        plan(line, self.lines, self.sockets.clock)
        for department in self.departments.values():
            department.on_planned(line)

    def plan_towards(self, session: Session) -> None:
        """Whether, or how, anybody may send to this session has changed."""
        if session.source is not None:
            self.plan(self.lines[session.source.name])

    def replan(self, line: Line) -> None:
        """Both: its keys are new, for example."""
        self.plan(line)
        self.plan_towards(line.session)

    def leave(self, line: Line, *, for_good: bool = True) -> None:
        """Out of what the session does now, and its partner of a relay with it."""
        for department in self.departments.values():
            department.on_left(line, for_good=for_good)
        before = line.session.source
        partner, ended = line.session.leave()
        if ended is not None:
            self.emit(line.session.ended(ended))
        affected = {line.session: line}
        for session in (before, partner):
            if session is not None:
                affected[session] = self.lines[session.name]
        for one in affected.values():
            self.plan(one)

    def touch(self, line: Line) -> None:
        """What it sends of its own is about to change, or to be looked at."""
        for department in self.departments.values():
            department.on_touched(line)

    def start_ticks(self) -> None:
        self.ticks.start()

    # Commands.

    def command(self, command: protocol.Command) -> None:
        match command:
            case _ if self._closed:
                pass  # It was on its way when we ended.
            case protocol.Open():
                self._open(command)
            case protocol.Join(a, b):
                self._join(self.lines.get(a), self.lines.get(b))
            case protocol.Mix():
                self.department("rooms").on_command(command)
            case protocol.Record() | protocol.PauseRecording() | protocol.EndRecording():
                self.department("recordings").on_command(command)
            case protocol.Identity():
                self.department("security").on_command(command)
            case protocol.Ping(number):
                self.emit(protocol.Pong(number))
            case protocol.Shutdown():
                self.close()
            case protocol.Close(name) if name not in self.lines:
                self.emit(protocol.Closed(name, protocol.SessionStats()))
            case _ if command.session not in self.lines:
                # Its Open failed, and this was on its way already.
                self.counters["unknown_session"] += 1
            case protocol.Connect():
                self._connect(self.lines[command.session], command)
            case protocol.Part(name):
                if self.lines[name].session.mode in (Mode.JOINED, Mode.MIXED):
                    self.leave(self.lines[name])
            case protocol.Play(name):
                self._play(self.lines[name], command)
            case protocol.Stop(name):
                self._stop(self.lines[name])
            case protocol.Echo(name):
                self._echo(self.lines[name])
            case protocol.SendDigits(name, digits):
                self._send_digits(self.lines[name], digits)
            case protocol.Watch(name, seconds):
                self.lines[name].session.silence.watch(seconds, self.clock())
            case protocol.Close(name):
                self._close(self.lines[name])
            case _:
                assert_never(command)

    def _open(self, command: protocol.Open) -> None:
        name = command.session
        if name in self.lines:
            if self.lines[name].opened != command:
                self.fail(name, "already open on another port")
            return
        if len(self.lines) >= SESSIONS_MAX:
            self.fail(name, f"more than {SESSIONS_MAX} sessions")
            return
        try:
            line = self.lines[name] = Line(command, Session(name, self._cname, self._rng))
        except (OSError, ValueError) as error:
            where = f"{command.host}:{command.port}"
            self.fail(name, f"cannot open the UDP ports at {where}: {error}")
            return
        line.session.player.stream.epoch = self.ticks.schedule.start
        self._housekeeping.start()

    def _connect(self, line: Line, command: protocol.Connect) -> None:
        try:
            now = self.clock()
            command = checked(command)
            self.touch(line)
            recode = line.session.connect(command, now)
            if command.srtp or command.dtls or line.protect is not None:
                security = self.department("security")
                security.secure(line, command, now)
            self.follow(line)
        except (OSError, ValueError) as error:
            self.fail(command.session, f"cannot connect to {command.address[0]}: {error}")
            return
        if recode:
            self._load_sounds(line.session)
        if line.session.leg.inband_dtmf:
            _ = self.department("listening")
        for department in self.departments.values():
            department.on_connected(line)

    def _join(self, a: Line | None, b: Line | None) -> None:
        if a is None or b is None or a is b:
            self.counters["unknown_session"] += 1
        elif a.session.mode is not Mode.JOINED or a.session.peer is not b.session:
            for department in self.departments.values():
                department.on_joining(a, b)
            if a.session.peer is b.session:  # In a room until now, each with the other alone.
                a.session.mode = b.session.mode = Mode.JOINED
            else:
                self.leave(a)
                self.leave(b)
                a.session.join(b.session)
            self.plan(a)
            self.plan(b)

    def _echo(self, line: Line) -> None:
        self.leave(line)
        line.session.echo()
        self.plan(line)

    def _stop(self, line: Line) -> None:
        line.session.player.forget_keys()
        if line.session.mode in (Mode.JOINED, Mode.MIXED):
            self.plan_towards(line.session)
        else:
            self.leave(line, for_good=False)
            self._ended(line)

    def _close(self, line: Line) -> None:
        session = line.session
        self.touch(line)
        _ = session.player.playlist.stop()  # `Closed` says it all.
        self.leave(line)
        self._report(line, bye=True)
        if line.secure is not None:
            line.secure.close()
        for crowd in (self.lines, self.playing, self._pressed):
            _ = crowd.pop(session.name, None)
        for port in (line.rtp, line.rtcp):
            self.sockets.unwatch(port)
            port.sock.close()
        session.leg.close()
        for department in self.departments.values():
            department.on_closed(session.name)
        self._disarm()
        self.emit(protocol.Closed(session.name, session.session_stats()))

    def _disarm(self) -> None:
        """No timer without somebody who needs it."""
        if not self._wants_ticks():
            self.ticks.stop()
        if not self._pressed:
            self._key_check.stop()
        if not self.lines:
            self._housekeeping.stop()

    def fail(self, session: str, error: str) -> None:
        self.counters["failed"] += 1
        self.emit(protocol.Failed(session, error))

    # Whom a session listens to.

    def follow(self, line: Line) -> None:
        """Bring the sockets in line with the state of the leg. Raises OSError."""
        leg = line.session.leg
        if line.secure is not None:
            line.secure.follow()
        elif leg.state is LegState.LATCHING:
            self.sockets.unwatch(line.rtcp)
            disconnect(line.rtcp)
            self.sockets.listen(line.rtp, partial(self._on_latching, line))
        elif leg.state is LegState.CONNECTED:
            self.sockets.attach(line.rtp, leg.remote, partial(self._on_rtp, line))
            if leg.rtcp_address is not None:
                self.sockets.attach(line.rtcp, leg.rtcp_address, partial(self._on_rtcp, line))
            elif line.rtcp.connected_to is None:
                self.sockets.listen(line.rtcp, partial(self._on_first_rtcp, line))
        self.replan(line)

    # Packets.

    def _on_latching(self, line: Line, size: int, now: float) -> None:
        packet, source = self.sockets.packet(size), line.rtp.source
        if line.secure is not None and packet[:1] < RTP_FIRST:
            line.secure.on_datagram(packet, source, now)
            return
        if not line.session.on_latching(packet, source):
            return
        try:
            self.follow(line)
        except OSError as error:
            self.fail(line.session.name, f"cannot connect to {source[0]}: {error}")
            return
        self.take(line, packet, now)

    def _on_rtp(self, line: Line, size: int, now: float) -> None:
        if size > PACKET_BYTES_MAX:
            line.session.dropped += 1
            return
        packet = self.sockets.packet(size)
        if line.secure is not None and packet[:1] < RTP_FIRST:
            line.secure.on_datagram(packet, line.session.leg.remote, now)
        else:
            self.take(line, packet, now)

    def take(self, line: Line, packet: bytes, now: float) -> None:
        """A packet that is not plain sound of the agreed type."""
        session = line.session
        plain = line.decrypted(packet)
        if plain is None:
            session.dropped += 1
            return
        codecs = {hearer.leg.codec for hearer in session.hearers}
        tables = law_tables() if codecs - {session.leg.codec} else {}
        self._carry_out(session.on_rtp(plain, now, time.time(), tables))
        line.tell_taps(plain, now)
        if session.digits.next_deadline is not None:
            self._pressed[session.name] = session
            self._key_check.start()

    def _on_key_check(self, now: float) -> bool:
        for session in list(self._pressed.values()):
            self._carry_out(session.on_key_time(now))
            if session.digits.next_deadline is None:
                _ = self._pressed.pop(session.name, None)
        return bool(self._pressed)

    def _on_rtcp(self, line: Line, size: int, now: float) -> None:
        self.take_rtcp(line, self.sockets.packet(size), now)

    def take_rtcp(self, line: Line, packet: bytes, now: float) -> None:
        plain = line.decrypted_rtcp(packet)
        if plain is None:
            line.session.dropped += 1
        else:
            self._carry_out(line.session.on_rtcp(plain, now, time.time()))

    def _on_first_rtcp(self, line: Line, size: int, now: float) -> None:
        """The peer's RTCP port behind a NAT is where the first report comes from."""
        packet, source = self.sockets.packet(size), line.rtcp.source
        if source[0] != line.session.leg.remote[0] or not rtp.is_rtcp(packet):
            line.session.refused += 1
            return
        try:
            self.sockets.attach(line.rtcp, source, partial(self._on_rtcp, line))
        except OSError:
            line.session.errors += 1
        else:
            self.take_rtcp(line, packet, now)

    def _carry_out(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            match output:
                case SendRtp(session, packet):
                    self.lines[session.name].transmit(packet)
                case SendRtcp(session, packet):
                    self.lines[session.name].transmit_rtcp(packet)
                case protocol.Digit():
                    self.report_digit(output)
                    self._press_tones(self.lines[output.session].session, output.digit)
                case _:
                    self.emit(output)

    def report_digit(self, event: protocol.Digit) -> None:
        self.emit(event)
        for department in self.departments.values():
            department.on_key(event.session, event.digit)

    def _press_tones(self, session: Session, digit: str) -> None:
        """For those who hear it, and know keys as tones alone."""
        for hearer in session.listeners:
            leg = hearer.leg
            if leg.inband_dtmf and leg.dtmf_payload_type is None and hearer is not session:
                self._send_digits(self.lines[hearer.name], digit)

    # Time.

    def _on_housekeeping(self, now: float) -> bool:
        for number, line in enumerate(list(self.lines.values()), 1):
            line.settle()
            self._carry_out(line.session.check_silence(now))
            if line.session.report_due(now, self._rng):
                self._report(line)
            if number % LINES_AT_ONCE == 0:
                self.sockets.relay()
        for department in self.departments.values():
            department.on_time(now)
        return bool(self.lines)

    def _report(self, line: Line, *, bye: bool = False) -> None:
        if line.reports:
            now = self.clock()
            self.touch(line)
            report = line.session.report(now, time.time(), self.ticks.at(now), bye=bye)
            if report is not None:
                line.transmit_rtcp(report)

    def _play(self, line: Line, command: protocol.Play) -> None:
        self.leave(line, for_good=False)
        line.session.mode = Mode.PLAYING
        _ = line.session.player.playlist.start(
            command.play, command.files, repeat=command.repeat, resume=command.resume
        )
        _ = self.department("chorus")
        self._start_playing(line)
        self._load_sounds(line.session)

    def _send_digits(self, line: Line, digits: str) -> None:
        session = line.session
        self.touch(line)
        if session.leg.dtmf_payload_type is not None:
            taken = session.player.press(digits, self.ticks.schedule.next)
            self.counters["keys_refused"] += len(digits) - taken
        elif session.leg.inband_dtmf:
            from media.inband import frames_of

            session.player.press_tones(frames_of(digits, session.leg.codec))
        else:
            self.counters["keys_not_negotiated"] += 1
            return
        self._start_playing(line)
        self.plan_towards(session)

    def _start_playing(self, line: Line) -> None:
        self.playing[line.session.name] = line
        self.start_ticks()

    def _wants_ticks(self) -> bool:
        return bool(self.playing) or any(part.busy for part in self.departments.values())

    def _on_tick(self, tick: int, now: float) -> bool:
        for line in list(self.playing.values()):
            session = line.session
            packet, event = session.on_tick(tick)
            if packet is not None:
                line.transmit(packet)
            if event is not None:
                self.emit(event)
            over = packet is None and not session.player.busy
            if over:
                _ = self.playing.pop(session.name, None)
            if over or event is not None:
                self._ended(line)
        for department in self.departments.values():
            if department.busy:
                department.on_tick(tick, now)
        return self._wants_ticks()

    def _ended(self, line: Line) -> None:
        """What it played is over, or the keys: others may be heard again."""
        self.plan_towards(line.session)
        for department in self.departments.values():
            department.on_ended(line)

    # Sounds.

    def _load_sounds(self, session: Session) -> None:
        """Give the playlist its frames: from the cache now, or from the decoder soon."""
        if session.leg.codec:  # `Connect` comes back here.
            self._decoding.fetch(session.name, session.player.playlist.files, session.leg.codec)

    def _supply(self, name: str, sound: sounds.SoundKey, frames: Frames, error: str) -> None:
        line = self.lines.get(name)
        if line is None or line.session.leg.codec != sound.codec:
            return
        ended = line.session.player.playlist.supply(sound.path, frames, error)
        if ended is not None:
            self.emit(line.session.ended(ended))
            self._ended(line)
