"""Hundreds who hear music: all of them in rows, whose headers are counted on at once.

What a packet costs beside its system call is memory: a session has a dozen objects, and at the
next tick none of them is in the cache of the CPU any more. Who is in the middle of a file is a row
here, for as long as nobody touches it; then its numbers go back to where they belong.
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from media import rtp
from media.department import Department
from media.relay import LegState

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.engine import Engine
    from media.line import Line, Packet
    from media.player import Frames

_HEADER: Final = np.dtype(
    [("first", "u1"), ("second", "u1"), ("seq", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)
_HEADER_SIZE: Final = _HEADER.itemsize
_ROWS: Final = 64  # At the beginning; twice as many whenever they are full.


class Chorus(Department):
    def __init__(self, engine: "Engine") -> None:
        super().__init__(engine)
        # Of each row. One list for each thing, so that a tick reads no more than it needs.
        self._rows: list[Line] = []
        self._sends: list[Callable[[Packet], object]] = []
        self._frames: list[Frames] = []
        self._starts: list[int] = []  # Its place in the frames, less the step at which it came.
        self._since: list[int] = []  # That step.
        self._numbers: dict[str, int] = {}  # Of rows, by session.
        self._headers = np.zeros(_ROWS, _HEADER)  # Of the last packets.
        self._units: NDArray[np.uint32] = np.zeros(_ROWS, np.uint32)  # Of a tick.
        self._ends: NDArray[np.int64] = np.zeros(_ROWS, np.int64)  # Steps with the last frames.
        self._step = 0  # Ticks that were sung.
        self._tick = 0
        self._failed: dict[str, list[int]] = {}  # Sizes of packets that could not be sent.

    @property
    def busy(self) -> bool:
        return bool(self._rows or self.engine.playing)

    def leftovers(self) -> int:
        return len(self._rows) + len(self._failed)

    # Who is in it.

    def on_touched(self, line: "Line") -> None:
        number = self._numbers.get(line.session.name)
        if number is not None:
            self._release(number)

    def on_planned(self, line: "Line") -> None:
        self.on_touched(line)

    def on_left(self, line: "Line", *, for_good: bool) -> None:
        self.on_touched(line)

    def _admit(self, line: "Line") -> None:
        session = line.session
        player = session.player
        stream, playlist = player.stream, player.playlist
        number = len(self._rows)
        if number == len(self._headers):
            for array in (self._headers, self._units, self._ends):
                array.resize(2 * number, refcheck=False)  # In place, and of the same byte order.
        start = playlist.position - self._step
        self._rows.append(line)
        self._sends.append(line.send)
        self._frames.append(playlist.now)
        self._starts.append(start)
        self._since.append(self._step)
        self._numbers[session.name] = number
        last_seq = (stream.seq - 1) & 0xFFFF
        payload_type = session.leg.payload_type
        self._headers[number] = (
            rtp.VERSION_2,
            payload_type,
            last_seq,
            stream.last,
            stream.ssrc,
        )
        self._units[number] = stream.units
        self._ends[number] = playlist.last - start
        del self.engine.playing[session.name]

    def _release(self, number: int) -> None:
        """Its session goes on by itself with the next tick."""
        line = self._rows[number]
        session = line.session
        player = session.player
        stream = player.stream
        sung = self._step - self._since[number]
        position = self._starts[number] + self._step
        octets = sum(map(len, self._frames[number][position - sung : position]))
        failed = self._failed.pop(session.name, [])
        stream.seq = (stream.seq + sung) & 0xFFFF
        stream.last = int(self._headers[number]["timestamp"])
        stream.tick = self._tick
        stream.packets += sung
        stream.octets += octets
        player.playlist.position = position
        session.errors += len(failed)
        session.sent += sung - len(failed)
        session.bytes_sent += octets + sung * _HEADER_SIZE - sum(failed)
        self._remove(number)
        self.engine.playing[session.name] = line

    def _remove(self, number: int) -> None:
        """The last row takes its place."""
        del self._numbers[self._rows[number].session.name]
        last = len(self._rows) - 1
        if number != last:
            self._numbers[self._rows[last].session.name] = number
            for array in (self._headers, self._units, self._ends):
                array[number] = array[last]
        for column in (self._rows, self._sends, self._frames, self._starts, self._since):
            _move(column, last, number)

    # Every 20 ms.

    def on_tick(self, tick: int, now: float) -> None:
        if self._rows:
            self._sing(tick)
            ending = np.flatnonzero(self._ends[: len(self._rows)] <= self._step)
            for number in reversed(ending.tolist()):
                self._release(number)
        self._tick = tick
        for line in list(self.engine.playing.values()):
            if _steady(line, tick):
                self._admit(line)

    def _sing(self, tick: int) -> None:
        count, step, gap = len(self._rows), self._step, tick - self._tick
        headers = self._headers[:count]
        headers["seq"] += 1
        headers["timestamp"] += self._units[:count] * np.uint32(gap)
        self._tick = tick
        self._step = step + 1
        packed = headers.tobytes() if gap == 1 else _marked(headers)
        at = 0
        for send, frames, start in zip(self._sends, self._frames, self._starts, strict=True):
            end = at + _HEADER_SIZE
            packet = packed[at:end] + frames[start + step]
            at = end
            try:
                _ = send(packet)
            except OSError:
                line = self._rows[at // _HEADER_SIZE - 1]
                self._failed.setdefault(line.session.name, []).append(len(packet))


def _move(column: list[Any], last: int, number: int) -> None:
    column[number] = column[last]
    del column[last]


def _steady(line: "Line", tick: int) -> bool:
    """Was this tick's packet one of many that need no thought?"""
    session = line.session
    player = session.player
    return (
        player.playlist.position < player.playlist.last
        and player.stream.tick == tick
        and not player.may_press
        and session.leg.receiving
        and session.leg.state is not LegState.OPEN
    )


def _marked(headers: NDArray[np.void]) -> bytes:
    """After a gap (RFC 3551 §4.1)."""
    marked = headers.copy()
    marked["second"] |= rtp.MARKER
    return marked.tobytes()
