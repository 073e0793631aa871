"""A jitter buffer: packets of one talker come as the network pleases, and leave at each tick.

Positions are timestamps without their wrap-around, so that disorder, duplicates and packets of any
length need no thought. How long a packet waits follows from how late packets of this talker are:
10 ms, and as much more as the latest of the last seconds was late, up to 200 ms. The wait grows by
itself, when a packet that is late is waited for; it becomes shorter in pauses, and where there is
none by two packets in the time of one.

    stopped --first packet has waited long enough--> playing
    playing --nothing came for 60 ms, or comfort noise began (RFC 3389)--> stopped
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

# What a packet waits though none was ever late: half the distance of two packets.
MARGIN_SECONDS: Final = 0.01
# Nobody talks well with more. What waited longer is skipped.
WAIT_MAX_SECONDS: Final = 0.2
# Late packets are remembered for some seconds: half is forgotten after 7 s.
_FORGET: Final = 0.998
# A clock that is slow by up to 1000 ppm looks like packets that are later and later.
_CREEP_SECONDS: Final = 0.000_02
# After so many packets their least wait tells whether all could wait less.
_WINDOW: Final = 100
# What is made up in place of missing sound has faded by then.
_MADE_UP_MAX: Final = 3
# A step of timestamps of more than this is no pause: the stream began anew (RFC 3550 §8).
_STEP_MAX_SECONDS: Final = 5
# So many late ones in a row are a stream that began anew a little behind the old one.
_LATE_MAX: Final = 10
# More than WAIT_MAX_SECONDS of the shortest packets; what comes while nothing is taken is lost.
_PACKETS_MAX: Final = 64


class Hole(Enum):
    """What is there instead of a packet."""

    LOST = "lost"  # It should have been there: to be made up.
    SILENT = "silent"  # Nobody talks.


class Merged(NamedTuple):
    """Two packets to be played in the time of one, by fading from the first to the second."""

    first: bytes
    second: bytes


Piece = bytes | Merged | Hole


# When it arrived, its sequence number, timestamp and payload. b"": comfort noise begins.
_Packet = tuple[float, int, int, bytes]


class Jitter:
    """One talker. `units_of`: how long a payload is, in units of the RTP clock."""

    __slots__ = (
        "_at",
        "_base",
        "_end",
        "_frame",
        "_last_seq",
        "_late_in_row",
        "_level",
        "_made_up",
        "_packets",
        "_playing",
        "_position",
        "_seconds",
        "_shorten",
        "_step_max",
        "_taken",
        "_timestamp",
        "_units_of",
        "_waited",
        "duplicates",
        "late",
        "lost",
        "seq",
        "timestamp",
    )

    def __init__(self, clock_rate: int = 8000, units_of: Callable[[bytes], int] = len) -> None:
        self.seq = 0  # As the talker numbered the packet that was taken last.
        self.timestamp = 0
        self.lost = self.late = self.duplicates = 0
        self._seconds = 1 / clock_rate
        self._step_max = clock_rate * _STEP_MAX_SECONDS
        self._units_of = units_of
        self._packets: dict[int, _Packet] = {}  # By position.
        self._playing = False
        self._at: int = 0  # Position of the next packet to play; what is before it is late.
        self._frame: int = clock_rate // 50  # Length of the last packet.
        self._last_seq = -1  # Of the last packet played.
        self._made_up = 0  # Pieces made up for what is at `_at`.
        # What came.
        self._timestamp: int = -1  # Of the packet that came last, and its position.
        self._position: int = 0
        self._end: int = 0  # Of the farthest packet that came.
        self._late_in_row = 0
        # How late.
        self._base: float = 0.0  # The least time on the way, plus a constant.
        self._level: float = 0.0
        self._waited = 1.0  # The least wait of this window.
        self._taken = 0
        self._shorten = False

    def __repr__(self) -> str:
        state = "playing" if self._playing else "stopped"
        return f"<Jitter {state} {len(self._packets)} packets, target {self.wait_seconds:.3f} s>"

    @property
    def wait_seconds(self) -> float:
        """What a packet shall wait at the beginning of a talkspurt."""
        return min(WAIT_MAX_SECONDS, MARGIN_SECONDS + self._level)

    @property
    def end(self) -> int:
        """The position after all that came."""
        return self._end

    @property
    def at(self) -> int:
        """The position that is played next."""
        return self._at

    @property
    def frame(self) -> int:
        """How long a packet is, in units."""
        return self._frame

    @property
    def silent(self) -> bool:
        """Nothing plays, and nothing waits."""
        return not self._playing and not self._packets

    @property
    def following(self) -> bytes:
        """The packet that is next to be taken, if it has come."""
        packet = self._packets.get(self._at)
        return b"" if packet is None else packet[3]

    def waiting(self, since: int = 0) -> list[tuple[int, int, bytes]]:
        """Sequence number, timestamp and payload of what was not taken yet, in order."""
        return [self._packets[at][1:] for at in sorted(self._packets) if at >= since]

    # In.

    def put(self, seq: int, timestamp: int, payload: bytes, now: float) -> None:
        """A packet, in whatever order. An empty payload: comfort noise instead of sound."""
        step = ((timestamp - self._timestamp + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
        if self._timestamp < 0 or not -self._step_max < step < self._step_max:
            self._begin_anew(timestamp, now)
            step = 0
        self._timestamp = timestamp
        self._position = at = self._position + step
        if at < self._at:
            self._on_late(timestamp, now)
            return
        self._late_in_row = 0
        if at in self._packets or len(self._packets) >= _PACKETS_MAX:
            self.duplicates += 1
            return
        self._packets[at] = now, seq, timestamp, payload
        end = at + self._units_of(payload)
        if end > self._end:
            self._end = end
        way = now - at * self._seconds
        late = way - self._base
        if late < 0.0:
            self._base, late = way, 0.0
        else:
            self._base += _CREEP_SECONDS
        level = self._level * _FORGET
        self._level = level if level > late else late

    def _begin_anew(self, timestamp: int, now: float) -> None:
        """Another stream: it goes on where the old one ended."""
        self._timestamp = timestamp
        self._position = self._end
        self._base = now - self._position * self._seconds
        self._late_in_row = 0

    def _on_late(self, timestamp: int, now: float) -> None:
        self.late += 1
        self._late_in_row += 1
        way = now - self._position * self._seconds
        self._level = max(self._level, min(WAIT_MAX_SECONDS, way - self._base))
        if self._late_in_row >= _LATE_MAX:
            self._begin_anew(timestamp, now)
            self._level = 0.0

    # Out.

    def put_and_take(
        self, seq: int, timestamp: int, payload: bytes, came_at: float, now: float
    ) -> Piece:
        """Both in one step: nearly always just the next packet has come since the last tick."""
        frame = self._frame
        position = self._position + frame
        at = self._at
        packets = self._packets
        taken = packets.get(at)
        if (
            not self._playing
            or position != self._end
            or timestamp != self._timestamp + frame
            or len(payload) != frame
            or (position != at if taken is None else len(taken[3]) != frame)
        ):
            self.put(seq, timestamp, payload, came_at)
            return self.take(now)
        self._timestamp = timestamp
        self._position = position
        self._end = position + frame
        self._late_in_row = 0
        way = came_at - position * self._seconds
        late = way - self._base
        if late < 0.0:
            self._base, late = way, 0.0
        else:
            self._base += _CREEP_SECONDS
        level = self._level * _FORGET
        self._level = level if level > late else late
        self._made_up = 0
        self._at = at + frame
        if taken is None:
            self.seq, self.timestamp = seq, timestamp
        else:
            del packets[at]
            packets[position] = came_at, seq, timestamp, payload
            came_at, self.seq, self.timestamp, payload = taken
        self._last_seq = self.seq
        wait = now - came_at
        if wait < self._waited:
            self._waited = wait
        self._taken += 1
        if self._taken >= _WINDOW:
            self._look_back()
        if self._shorten or wait > WAIT_MAX_SECONDS:
            return self._shortened(payload)
        return payload

    def take(self, now: float) -> Piece:
        """What is to be played next."""
        if not self._playing and not self._begins(now):
            return Hole.SILENT
        packet = self._packets.pop(self._at, None)
        if packet is None:
            return self._miss(now)
        arrived_at, self.seq, self.timestamp, payload = packet
        self._last_seq = self.seq
        self._made_up = 0
        if not payload:
            self._playing = False
            return Hole.SILENT
        self._frame = frame = self._units_of(payload)
        self._at += frame
        wait = now - arrived_at
        if wait < self._waited:
            self._waited = wait
        self._taken += 1
        if self._taken >= _WINDOW:
            self._look_back()
        if self._shorten or wait > WAIT_MAX_SECONDS:
            return self._shortened(payload)
        return payload

    def _begins(self, now: float) -> bool:
        if not self._packets:
            return False
        first = min(self._packets)
        if now - self._packets[first][0] < self.wait_seconds:
            return False
        self._at = first
        self._playing = True
        self._waited, self._taken, self._shorten = 1.0, 0, False
        return True

    def _miss(self, now: float) -> Piece:
        """A packet is not there.

        It may only be late: the next one shall have waited long enough before it is given up. What
        is made up meanwhile is that much more wait for all to come.
        """
        if not self._packets:
            if self._made_up < _MADE_UP_MAX:
                self._made_up += 1
                return Hole.LOST
            self._playing = False
            self._made_up = 0
            return Hole.SILENT
        first = min(self._packets)
        arrived_at, seq, _, _ = self._packets[first]
        lost = (seq - self._last_seq) & 0xFFFF != 1
        if lost and now - arrived_at < self.wait_seconds and self._made_up < _MADE_UP_MAX:
            self._made_up += 1
            return Hole.LOST
        # Time that passed already while it was waited for.
        self._at = min(first, self._at + self._frame * self._made_up)
        self._made_up = 0
        gap = first - self._at
        if gap < self._frame or gap * self._seconds > WAIT_MAX_SECONDS:
            self._at = first
            return self.take(now)
        self._at += self._frame
        if not lost:
            return Hole.SILENT
        self.lost += 1
        self._last_seq = self.seq = (self.seq + 1) & 0xFFFF
        self.timestamp = (self.timestamp + self._frame) & 0xFFFF_FFFF
        return Hole.LOST

    def _look_back(self) -> None:
        """All packets of a window waited long: one less between them, and they still would."""
        frame_seconds = self._frame * self._seconds
        self._shorten = self._waited > self.wait_seconds + frame_seconds
        self._waited, self._taken = 1.0, 0

    def _shortened(self, payload: bytes) -> Piece:
        following = self.following
        if not following:
            return payload
        self._shorten = False
        _, self.seq, self.timestamp, _ = self._packets.pop(self._at)
        self._at += self._units_of(following)
        self._last_seq = self.seq
        return Merged(payload, following)
