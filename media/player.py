"""What a session sends of its own: prompts, music and keys, one packet per 20 ms tick.

Frames are shared by all listeners; only the 12 bytes of header differ (RFC 3550 §5.1). Ticks are
numbered on one schedule for the whole worker, and the timestamp is the number of the tick, so
that a stream keeps its clock through silence, stalls and any number of prompts.
"""

from collections import deque
from typing import Final, NamedTuple

from media import rtp
from media.dtmf import DigitSender
from media.formats import CLOCK_RATE

TICK_SECONDS: Final = 0.02
TICK_UNITS: Final = 160  # Timestamp units a tick at 8 kHz (RFC 3551 §4.5.14).
# After a stall, packets sent at once; more would overflow the jitter buffer of a phone.
CATCH_UP_TICKS: Final = 3
# Keys as sound that wait: 64 of ten frames, as many as `DigitSender` takes.
TONES_MAX: Final = 640
# Places remembered to go on from in one session: music and a few announcements.
RESUME_POINTS_MAX: Final = 32

_pack: Final = rtp.HEADER.pack

Frames = tuple[bytes, ...]
"""20 ms of sound each, encoded."""


class Ended(NamedTuple):
    """One `Play` is over."""

    play: int
    finished: bool
    error: str


class Stream:
    """One outgoing RTP stream: the header of the next packet."""

    __slots__ = (
        "epoch",
        "last",
        "octets",
        "packets",
        "seq",
        "ssrc",
        "tick",
        "timestamp",
        "units",
    )

    def __init__(self, ssrc: int, seq: int, timestamp: int) -> None:
        """All three are random at the start (RFC 3550 §5.1, §8)."""
        self.ssrc = ssrc
        self.seq = seq
        self.timestamp = timestamp  # Of tick 0.
        self.units = TICK_UNITS  # In a tick.
        self.epoch = 0.0  # When tick 0 was.
        self.last = timestamp  # Of the last packet.
        self.packets = 0
        self.octets = 0  # Of payload, as a sender report counts.
        self.tick = -1  # Of the last packet.

    def at(self, tick: int) -> int:
        """The RTP timestamp of a tick."""
        return (self.timestamp + tick * self.units) & 0xFFFF_FFFF

    def at_time(self, now: float) -> int:
        """The same between the ticks."""
        units = int((now - self.epoch) / TICK_SECONDS * self.units)
        return (self.timestamp + units) & 0xFFFF_FFFF

    def packet(self, payload_type: int, payload: bytes, tick: int) -> bytes:
        """The marker begins every talkspurt: the first packet after a gap (RFC 3551 §4.1)."""
        if tick != self.tick + 1:
            payload_type |= rtp.MARKER
            self.go_on(tick)
        # As `event_packet` does it, without another call.
        self.tick = tick
        self.last = stamp = (self.timestamp + tick * self.units) & 0xFFFF_FFFF
        seq = self.seq
        self.seq = (seq + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return _pack(rtp.VERSION_2, payload_type, seq, stamp, self.ssrc) + payload

    def event_packet(self, second: int, payload: bytes, tick: int, timestamp: int) -> bytes:
        """With a timestamp of its own: that of the beginning of an event (RFC 4733 §2.5.1)."""
        self.tick = tick
        self.last = timestamp
        seq = self.seq
        self.seq = (seq + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return _pack(rtp.VERSION_2, second, seq, timestamp, self.ssrc) + payload

    def adopt(self, ssrc: int, seq: int, timestamp: int, tick: int) -> None:
        """The packet of this tick goes on from a stream that the peer has heard until now."""
        self.ssrc, self.seq = ssrc, seq
        self.timestamp = (timestamp - tick * self.units) & 0xFFFF_FFFF
        self.last = (timestamp - self.units) & 0xFFFF_FFFF
        self.tick = tick - 1

    def follow(self, tick: int) -> None:
        """The packet of this tick follows the last one without a gap, whenever that was."""
        self.timestamp = (self.last - (tick - 1) * self.units) & 0xFFFF_FFFF
        self.tick = tick - 1

    def go_on(self, tick: int) -> None:
        """Packets of others, on this stream, may have been ahead of our clock."""
        behind = (self.last + self.units - self.at(tick)) & 0xFFFF_FFFF
        if self.packets and behind < 0x8000_0000:
            self.timestamp = (self.timestamp + behind) & 0xFFFF_FFFF


class Playlist:
    """Files one after the other. Knows names and places; frames are given to it."""

    __slots__ = (
        "_errors",
        "_frames",
        "_index",
        "_left",
        "_repeat",
        "files",
        "last",
        "now",
        "play",
        "position",
    )

    def __init__(self) -> None:
        self.play: int | None = None
        self.files: tuple[str, ...] = ()
        self._frames: dict[str, Frames] = {}
        self._errors: dict[str, str] = {}
        self._index = 0
        self.position = 0
        self.now: Frames = ()  # Of the present file, and the place of its last frame.
        self.last = 0
        self._repeat = False
        # Where files, and lists of files, were left: index in the list, frame.
        self._left: dict[tuple[str, ...], tuple[int, int]] = {}

    def start(
        self, play: int, files: tuple[str, ...], *, repeat: bool, resume: bool
    ) -> Ended | None:
        """Returns the end of what played until now."""
        assert files, play
        ended = self.stop()
        self.play = play
        self.files = files
        self._repeat = repeat
        self._index = self.position = 0
        if not resume:
            for key in {files, *((file,) for file in files)}:
                _ = self._left.pop(key, None)
        elif files in self._left:
            self._index, self.position = self._left.pop(files)
        else:
            self.position = self._left_at(files[0])
        return ended

    def stop(self) -> Ended | None:
        if self.play is None:
            return None
        self._remember()
        return self._end(finished=False)

    def supply(self, file: str, frames: Frames, error: str = "") -> Ended | None:
        """The sound of one of `files`, or why there is none. May end a list of broken files."""
        if self.play is None or file not in self.files:
            return None
        if frames:
            self._frames[file] = frames
            return None
        self._errors[file] = error or f"no sound in {file}"
        if self._errors.keys() >= set(self.files):
            return self._end(finished=False)
        return None

    def forget_frames(self) -> None:
        """The codec changed: what comes next is supplied anew, and goes on at its place."""
        self._frames = {}
        self._errors = {}
        self.now, self.last = (), 0

    def next_frame(self) -> tuple[bytes | None, Ended | None]:
        """The payload of this tick, and the end of the list if this was its last frame.

        (None, None): nothing plays, or its sound is not here yet.
        """
        position = self.position
        if position < self.last:  # Nearly always.
            self.position = position + 1
            return self.now[position], None
        return self._next_frame()

    def _next_frame(self) -> tuple[bytes | None, Ended | None]:
        while self.play is not None:
            file = self.files[self._index]
            frames = self._frames.get(file)
            if frames is None:
                if file not in self._errors:
                    return None, None
                if (ended := self._advance()) is not None:
                    return None, ended
                continue
            if self.position >= len(frames):  # The file became shorter since it was left.
                self.position = 0
            self.now, self.last = frames, len(frames) - 1
            frame = frames[self.position]
            self.position += 1
            return frame, self._advance() if self.position > self.last else None
        return None, None

    def _advance(self) -> Ended | None:
        """To the next file. A broken last one leaves a finished list finished."""
        self.now, self.last = (), 0
        self._index += 1
        self.position = 0
        if self._index < len(self.files):
            self.position = self._left_at(self.files[self._index])
            return None
        if not self._repeat:
            return self._end(finished=True)
        self._index = 0
        return None

    def _end(self, *, finished: bool) -> Ended:
        assert self.play is not None
        error = next((self._errors[f] for f in self.files if f in self._errors), "")
        ended = Ended(self.play, finished, error)
        self.play = None
        self.files = ()
        self.now, self.last = (), 0
        self._frames = {}
        self._errors = {}
        return ended

    def _left_at(self, file: str) -> int:
        return self._left.pop((file,), (0, 0))[1]

    def _remember(self) -> None:
        for key, place in (
            (self.files, (self._index, self.position)),
            ((self.files[self._index],), (0, self.position)),
        ):
            _ = self._left.pop(key, None)
            if place != (0, 0):
                self._left[key] = place
        while len(self._left) > RESUME_POINTS_MAX:
            del self._left[next(iter(self._left))]


class Player:
    """Everything one session sends of its own, on one stream."""

    __slots__ = ("_keys_began", "_tones", "clock_rate", "keys", "may_press", "playlist", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.playlist = Playlist()
        self.clock_rate = CLOCK_RATE
        self.keys = DigitSender()
        self._tones: deque[bytes] = deque()  # Keys as sound, for a peer that knows no other.
        self._keys_began = 0  # Timestamp at which the present run of keys began.
        self.may_press = False  # There may be keys.

    @property
    def busy(self) -> bool:
        return self.playlist.play is not None or self.pressing

    @property
    def pressing(self) -> bool:
        """Are there keys to be sent, in place of all sound?"""
        return self.keys.busy or bool(self._tones)

    def press_tones(self, frames: Frames) -> None:
        self.may_press = True
        self._tones.extend(frames[: TONES_MAX - len(self._tones)])

    def press(self, digits: str, tick: int) -> int:
        """Queue keys for the ticks from `tick` on; returns how many were taken."""
        if not self.keys.busy:
            self._keys_began = self.stream.at(tick)
        self.may_press = True
        return self.keys.add(digits)

    def retune(self, clock_rate: int) -> None:
        """The peer's codec has another clock from now on."""
        if clock_rate != self.clock_rate:
            self.clock_rate = clock_rate
            self.stream.units = round(clock_rate * TICK_SECONDS)
            self.forget_keys()

    def forget_keys(self) -> None:
        self.keys = DigitSender(self.clock_rate)
        self._tones.clear()

    def on_tick(
        self, tick: int, payload_type: int, dtmf_payload_type: int | None
    ) -> tuple[bytes | None, Ended | None]:
        """The packet of this tick. Sound waits while a key is down."""
        playlist = self.playlist
        position = playlist.position
        if position < playlist.last and not self.may_press:  # Nearly always.
            playlist.position = position + 1
            return self.stream.packet(payload_type, playlist.now[position], tick), None
        self.may_press = self.pressing
        if self._tones:
            return self.stream.packet(payload_type, self._tones.popleft(), tick), None
        if self.may_press:
            event = self.keys.on_tick()
            if event is not None and dtmf_payload_type is not None:
                number = dtmf_payload_type | (rtp.MARKER if event.marker else 0)
                begin = (self._keys_began + event.offset) & 0xFFFF_FFFF
                return self.stream.event_packet(number, event.payload, tick, begin), None
        frame, ended = playlist.next_frame()
        if frame is None:
            return None, ended
        return self.stream.packet(payload_type, frame, tick), ended


class Schedule:
    """Which ticks are due: tick n at `start` + n · 20 ms, whatever happened before."""

    __slots__ = ("_done", "start")

    def __init__(self, start: float) -> None:
        self.start = start
        self._done = 0  # The number of the last tick handled or skipped.

    def at(self, tick: int) -> float:
        return self.start + tick * TICK_SECONDS

    @property
    def next(self) -> int:
        return self._done + 1

    def rest(self, now: float) -> None:
        """Nothing plays: forget the ticks until `now`. The numbers go on."""
        self._done = max(self._done, int((now - self.start) / TICK_SECONDS))

    def due(self, now: float, early_seconds: float) -> range:
        """The ticks to handle now. After a stall the oldest are skipped, their time is over."""
        last = int((now + early_seconds - self.start) / TICK_SECONDS)
        first = max(self._done + 1, last - CATCH_UP_TICKS + 1)
        self._done = max(self._done, last)
        return range(first, last + 1)
