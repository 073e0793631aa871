"""The loop of a media worker: sockets, timers and commands.

Decisions are in `media/session.py` (what a session does with packets and time), `media/relay.py`
(whom it believes) and `media/player.py` (what it sends); this file carries them out. The sockets,
and the loop that forwards sound, are in `media/sockets.py`.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar, assert_never

from media import protocol, rtp, sounds
from media.player import TICK_SECONDS, Frames, Schedule
from media.relay import Conversion, LegState, checked, convert
from media.session import Mode, Output, SendRtcp, SendRtp, Session
from media.sockets import (
    HEADS,
    NOT_RTP,
    PACKET_BYTES_MAX,
    Line,
    Sockets,
    as_seen_by,
    discard,
    disconnect,
    send_to,
)

# Far above what one core carries; a bug in control must not eat all descriptors.
SESSIONS_MAX: Final = 4096
# How often silence and due reports are looked for.
HOUSEKEEPING_SECONDS: Final = 0.5
# Timers of uvloop count milliseconds and may be early by one.
TICK_EARLY_SECONDS: Final = 0.002
# How often keys are looked at whose last packets seem lost.
KEY_CHECK_SECONDS: Final = 0.1

T = TypeVar("T")


class Engine:
    """All sessions of one worker. Commands in, events out through `emit`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        emit: Callable[[protocol.Event], None],
        rng: random.Random | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._loop = loop
        self._emit = emit
        self._rng = rng or random.SystemRandom()
        self._cname = f"{self._rng.getrandbits(64):016x}@dzvin"  # RFC 7022 §4.2: says nothing.
        self._lines: dict[str, Line] = {}
        self._sockets = Sockets(loop)
        self._schedule = Schedule(time.monotonic())
        self._playing: dict[str, Line] = {}
        self._pressed: dict[str, Session] = {}  # Whose key is down.
        self._tick_timer: asyncio.TimerHandle | None = None
        self._key_timer: asyncio.TimerHandle | None = None
        self._housekeeping: asyncio.TimerHandle | None = None
        self._shelf = sounds.Shelf()
        self._decoder: ThreadPoolExecutor | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Engine sessions={len(self._lines)} playing={len(self._playing)}>"

    @property
    def sessions(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def leftovers(self) -> dict[str, int]:
        """What is held, for leak checks: all zero when no session is open."""
        timers = (self._tick_timer, self._key_timer, self._housekeeping)
        return {
            "sessions": len(self._lines),
            "sockets": len(self._sockets),
            "playing": len(self._playing),
            "pressed": len(self._pressed),
            "loading": len(self._shelf),
            "timers": sum(timer is not None for timer in timers),
        }

    def warm(self) -> None:
        """Import the decoders beforehand, in the background."""
        self._in_background(sounds.warm).add_done_callback(lambda _: self._rest_decoder())

    def close(self) -> None:
        """Close all sessions and let go of the loop."""
        if self._closed:
            return
        for line in list(self._lines.values()):
            self._close(line)
        self._closed = True
        if self._decoder is not None:
            self._decoder.shutdown(wait=False, cancel_futures=True)
        self._sockets.close()

    # Commands.

    def command(self, command: protocol.Command) -> None:
        match command:
            case _ if self._closed:
                pass  # It was on its way when we ended.
            case protocol.Open():
                self._open(command)
            case protocol.Join(a, b):
                self._join(self._lines.get(a), self._lines.get(b))
            case protocol.Ping(number):
                self._emit(protocol.Pong(number))
            case protocol.Shutdown():
                self.close()
            case protocol.Close(name) if name not in self._lines:
                self._emit(protocol.Closed(name, protocol.SessionStats()))
            case _ if command.session not in self._lines:
                # Its Open failed, and this was on its way already.
                self.counters["unknown_session"] += 1
            case protocol.Connect():
                self._connect(self._lines[command.session], command)
            case protocol.Part(name):
                if self._lines[name].session.mode is Mode.JOINED:
                    self._leave(self._lines[name])
            case protocol.Play(name):
                self._play(self._lines[name], command)
            case protocol.Stop(name):
                self._stop(self._lines[name])
            case protocol.Echo(name):
                self._leave(self._lines[name])
                self._lines[name].session.mode = Mode.ECHO
                self._plan(self._lines[name])
            case protocol.SendDigits(name, digits):
                self._send_digits(self._lines[name], digits)
            case protocol.Watch(name, seconds):
                self._lines[name].session.silence.watch(seconds, time.monotonic())
            case protocol.Close(name):
                self._close(self._lines[name])
            case _:
                assert_never(command)

    def _open(self, command: protocol.Open) -> None:
        name = command.session
        if name in self._lines:
            if self._lines[name].opened != command:
                self._fail(name, "already open on another port")
            return
        if len(self._lines) >= SESSIONS_MAX:
            self._fail(name, f"more than {SESSIONS_MAX} sessions")
            return
        try:
            self._lines[name] = Line(command, Session(name, self._cname, self._rng))
        except (OSError, ValueError) as error:
            where = f"{command.host}:{command.port}"
            self._fail(name, f"cannot open the UDP ports at {where}: {error}")
            return
        if self._housekeeping is None:
            self._housekeeping = self._loop.call_later(HOUSEKEEPING_SECONDS, self._on_housekeeping)

    def _connect(self, line: Line, command: protocol.Connect) -> None:
        try:
            recode = line.session.connect(checked(command), time.monotonic())
            self._follow(line)
        except (OSError, ValueError) as error:
            self._fail(command.session, f"cannot connect to {command.address[0]}: {error}")
            return
        if recode:
            self._load_sounds(line.session)

    def _join(self, a: Line | None, b: Line | None) -> None:
        if a is None or b is None or a is b:
            self.counters["unknown_session"] += 1
        elif a.session.peer is not b.session:
            self._leave(a)
            self._leave(b)
            a.session.join(b.session)
            self._plan(a)
            self._plan(b)

    def _leave(self, line: Line) -> None:
        """Out of what the session does now, and its partner of a relay with it."""
        partner, ended = line.session.leave()
        if ended is not None:
            self._emit(line.session.ended(ended))
        self._plan(line)
        if partner is not None:
            self._plan(self._lines[partner.name])

    def _stop(self, line: Line) -> None:
        line.session.player.forget_keys()
        if line.session.mode is Mode.JOINED:
            self._plan_towards(line.session)
        else:
            self._leave(line)

    def _close(self, line: Line) -> None:
        session = line.session
        _ = session.player.playlist.stop()  # `Closed` says it all.
        self._leave(line)
        self._report(line, bye=True)
        for crowd in (self._lines, self._playing, self._pressed):
            _ = crowd.pop(session.name, None)
        for port in (line.rtp, line.rtcp):
            self._sockets.unwatch(port)
            port.sock.close()
        session.leg.close()
        self._disarm()
        self._emit(protocol.Closed(session.name, session.session_stats()))

    def _disarm(self) -> None:
        """No timer without somebody who needs it."""
        if not self._playing and self._tick_timer is not None:
            self._tick_timer.cancel()
            self._tick_timer = None
        if not self._pressed and self._key_timer is not None:
            self._key_timer.cancel()
            self._key_timer = None
        if not self._lines and self._housekeeping is not None:
            self._housekeeping.cancel()
            self._housekeeping = None

    def _fail(self, session: str, error: str) -> None:
        self.counters["failed"] += 1
        self._emit(protocol.Failed(session, error))

    # Whom a session listens to.

    def _follow(self, line: Line) -> None:
        """Bring the sockets in line with the state of the leg. Raises OSError."""
        leg = line.session.leg
        if leg.state is LegState.LATCHING:
            self._sockets.unwatch(line.rtcp)
            disconnect(line.rtcp)
            self._sockets.listen(line.rtp, partial(self._on_latching, line))
        elif leg.state is LegState.CONNECTED:
            self._sockets.attach(line.rtp, leg.remote, partial(self._on_rtp, line))
            if leg.rtcp_address is not None:
                self._sockets.attach(line.rtcp, leg.rtcp_address, partial(self._on_rtcp, line))
            elif line.rtcp.connected_to is None:
                self._sockets.listen(line.rtcp, partial(self._on_first_rtcp, line))
        self._plan(line)
        self._plan_towards(line.session)

    def _plan(self, line: Line) -> None:
        """Prepare the hot loop for the next packets of this session."""
        self._settle(line)
        session, leg, port = line.session, line.session.leg, line.rtp
        if leg.state is LegState.LATCHING:
            line.send = partial(send_to, port.sock, as_seen_by(port.sock, leg.remote))
        elif port.connected_to is not None:
            line.send = port.sock.send
        line.hearer = hearer = session.hearer
        port.forward = discard
        port.head = NOT_RTP
        if leg.state is not LegState.CONNECTED or leg.payload_type == leg.dtmf_payload_type:
            return
        if hearer is not None:
            conversion = leg.conversion(leg.payload_type, hearer.leg)
            if conversion is None:
                return
            send = self._lines[hearer.name].send
            same = conversion == Conversion(leg.payload_type)
            port.forward = send if same else partial(_forward_converted, send, conversion)
        port.head = HEADS[leg.payload_type]

    def _plan_towards(self, session: Session) -> None:
        """Whether, or how, anybody may send to this session has changed."""
        if session.speaker is not None:
            self._plan(self._lines[session.speaker.name])

    def _settle(self, line: Line) -> None:
        """Add up what the hot loop counted since the last time."""
        session, hearer = line.session, line.hearer
        packets, octets, failed = line.rtp.settle()
        session.received += packets
        session.bytes_received += octets
        if hearer is not None:
            hearer.sent += packets - failed
            hearer.bytes_sent += octets
            hearer.errors += failed

    # Packets.

    def _on_latching(self, line: Line, size: int, now: float) -> None:
        packet, source = self._sockets.packet(size), line.rtp.source
        if not line.session.on_latching(packet, source):
            return
        try:
            self._follow(line)
        except OSError as error:
            self._fail(line.session.name, f"cannot connect to {source[0]}: {error}")
            return
        self._take(line, packet, now)

    def _on_rtp(self, line: Line, size: int, now: float) -> None:
        if size <= PACKET_BYTES_MAX:
            self._take(line, self._sockets.packet(size), now)
        else:
            line.session.dropped += 1

    def _take(self, line: Line, packet: bytes, now: float) -> None:
        """A packet that is not plain sound of the agreed type."""
        session = line.session
        hearer = session.hearer
        # numpy makes the tables, and most workers never need them.
        tables = _law_tables() if hearer and hearer.leg.codec != session.leg.codec else {}
        self._carry_out(session.on_rtp(packet, now, time.time(), tables))
        if session.digits.next_deadline is not None:
            self._pressed[session.name] = session
            if self._key_timer is None:
                self._key_timer = self._loop.call_later(KEY_CHECK_SECONDS, self._on_key_check)

    def _on_key_check(self) -> None:
        self._key_timer = None
        now = time.monotonic()
        for session in list(self._pressed.values()):
            self._carry_out(session.on_key_time(now))
            if session.digits.next_deadline is None:
                del self._pressed[session.name]
        if self._pressed:
            self._key_timer = self._loop.call_later(KEY_CHECK_SECONDS, self._on_key_check)

    def _on_rtcp(self, line: Line, size: int, now: float) -> None:
        packet = self._sockets.packet(size)
        self._carry_out(line.session.on_rtcp(packet, now, time.time()))

    def _on_first_rtcp(self, line: Line, size: int, now: float) -> None:
        """The peer's RTCP port behind a NAT is where the first report comes from."""
        packet, source = self._sockets.packet(size), line.rtcp.source
        if source[0] != line.session.leg.remote[0] or not rtp.is_rtcp(packet):
            line.session.refused += 1
            return
        try:
            self._sockets.attach(line.rtcp, source, partial(self._on_rtcp, line))
        except OSError:
            line.session.errors += 1
        else:
            self._carry_out(line.session.on_rtcp(packet, now, time.time()))

    def _carry_out(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            match output:
                case SendRtp(session, packet):
                    self._send(self._lines[session.name], packet)
                case SendRtcp(session, packet):
                    self._send_rtcp(self._lines[session.name], packet)
                case _:
                    self._emit(output)

    def _send(self, line: Line, packet: bytes) -> None:
        try:
            _ = line.send(packet)
        except OSError:
            line.session.errors += 1
        else:
            line.session.sent += 1
            line.session.bytes_sent += len(packet)

    def _send_rtcp(self, line: Line, packet: bytes) -> None:
        if line.rtcp.connected_to is None:
            return
        try:
            _ = line.rtcp.sock.send(packet)
        except OSError:
            line.session.errors += 1

    # Time.

    def _on_housekeeping(self) -> None:
        self._housekeeping = self._loop.call_later(HOUSEKEEPING_SECONDS, self._on_housekeeping)
        now = time.monotonic()
        for line in list(self._lines.values()):
            self._settle(line)
            self._carry_out(line.session.check_silence(now))
            if line.session.report_due(now, self._rng):
                self._report(line)

    def _report(self, line: Line, *, bye: bool = False) -> None:
        if line.rtcp.connected_to is not None:
            now = time.monotonic()
            tick = int((now - self._schedule.start) / TICK_SECONDS)
            report = line.session.report(now, time.time(), tick, bye=bye)
            if report is not None:
                self._send_rtcp(line, report)

    def _play(self, line: Line, command: protocol.Play) -> None:
        self._leave(line)
        line.session.mode = Mode.PLAYING
        _ = line.session.player.playlist.start(
            command.play, command.files, repeat=command.repeat, resume=command.resume
        )
        self._start_ticks(line)
        self._load_sounds(line.session)

    def _send_digits(self, line: Line, digits: str) -> None:
        session = line.session
        if session.leg.dtmf_payload_type is None:
            self.counters["keys_not_negotiated"] += 1
            return
        self._start_ticks(line)
        taken = session.player.press(digits, self._schedule.next)
        self.counters["keys_refused"] += len(digits) - taken
        self._plan_towards(session)

    def _start_ticks(self, line: Line) -> None:
        if not self._playing:
            self._schedule.rest(time.monotonic())
        self._playing[line.session.name] = line
        if self._tick_timer is None:
            self._arm_tick()

    def _arm_tick(self) -> None:
        wait = self._schedule.at(self._schedule.next) - time.monotonic()
        self._tick_timer = self._loop.call_later(max(0.0, wait), self._on_tick)

    def _on_tick(self) -> None:
        self._tick_timer = None
        for tick in self._schedule.due(time.monotonic(), TICK_EARLY_SECONDS):
            for line in list(self._playing.values()):
                packet, event = line.session.on_tick(tick)
                if packet is not None:
                    self._send(line, packet)
                if event is not None:
                    self._emit(event)
                if (packet is None or event is not None) and not line.session.player.busy:
                    _ = self._playing.pop(line.session.name, None)
                    self._plan_towards(line.session)
        if self._playing:
            self._arm_tick()

    # Sounds.

    def _load_sounds(self, session: Session) -> None:
        """Give the playlist its frames: from the cache now, or from the decoder soon."""
        law = session.leg.codec
        if not law:
            return  # `Connect` comes back here.
        for file in dict.fromkeys(session.player.playlist.files):
            try:
                found = self._shelf.take(session.name, file, law)
            except sounds.SoundError as error:
                self._supply(session, file, (), str(error))
                continue
            if isinstance(found, sounds.SoundKey):
                future = self._in_background(partial(sounds.load, found))
                future.add_done_callback(partial(self._on_loaded, found))
            elif found is not None:
                self._supply(session, file, found)

    def _in_background(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        # One thread: decoding must not take the cores of those who talk.
        self._decoder = self._decoder or ThreadPoolExecutor(1, "decoder")
        return self._loop.run_in_executor(self._decoder, work)

    def _rest_decoder(self) -> None:
        """An idle thread would make every system call of the relay dearer."""
        if not len(self._shelf) and self._decoder is not None:
            self._decoder.shutdown(wait=False)
            self._decoder = None

    def _on_loaded(self, key: sounds.SoundKey, future: "asyncio.Future[Frames]") -> None:
        if self._closed or future.cancelled():
            return
        error = future.exception()
        frames: Frames = () if error is not None else future.result()
        waiting = self._shelf.put(key, frames)
        self._rest_decoder()
        for name in waiting:
            line = self._lines.get(name)
            if line is not None and line.session.leg.codec == key.law:
                self._supply(line.session, key.path, frames, "" if error is None else str(error))

    def _supply(self, session: Session, file: str, frames: Frames, error: str = "") -> None:
        ended = session.player.playlist.supply(file, frames, error)
        if ended is not None:
            self._emit(session.ended(ended))


def _forward_converted(
    send: Callable[[bytes], object], conversion: Conversion, packet: memoryview
) -> None:
    _ = send(convert(bytes(packet), conversion, _law_tables()))


def _law_tables() -> dict[tuple[str, str], bytes]:
    from media.g711 import TRANSLATE

    return TRANSLATE
