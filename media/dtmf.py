"""Telephone events: pressed keys as RTP packets (RFC 4733 §2).

A press is one run of packets with one RTP timestamp: the first carries the marker, each tells how
long the key is down so far, the last (sent three times) says that it was released. Any of them
may be lost, doubled or late.
"""

import struct
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

DIGITS: Final = "0123456789*#ABCD"  # The event codes 0-15 (RFC 4733 §3.2).
PAYLOAD: Final = struct.Struct("!BBH")  # event, E R volume, duration
PAYLOAD_SIZE: Final = 4
TICK_MS: Final = 20  # Between two packets of one event.

# A press whose packets stay away this long has ended, and its last packets are lost. Senders
# update every 20 to 50 ms (§2.5.1.2), so several in a row must be lost for a false end.
END_LOST_SECONDS: Final = 0.2
# Presses remembered as reported: late packets of one arrive within the reordering of a network,
# in which nobody presses eight keys.
REPORTED_MAX: Final = 8
# A press longer than the 16-bit duration goes on in a next segment, this much later (§2.5.1.3).
SEGMENT_UNITS: Final = 0xFFFF
# Keys waiting to be sent: enough for a card number with its menu, far below a flood.
SEND_QUEUE_MAX: Final = 64

_END: Final = 0x80
_VOLUME: Final = 10  # -10 dBm0, as most phones send.
_MASK: Final = 0xFFFF_FFFF
_HALF: Final = 1 << 31
_END_PACKETS: Final = 3


@dataclass(frozen=True, slots=True)
class Press:
    """A key was pressed and released."""

    digit: str
    ms: int


class _Key(NamedTuple):
    """What tells one press from another. The event counts: some gateways never move the time."""

    timestamp: int
    event: int


class DigitReceiver:
    """Packets in, each press out exactly once: at its end, or when its end must be lost.

    Call `on_time` no later than `next_deadline`.
    """

    __slots__ = ("_base_units", "_clock_rate", "_last_at", "_open", "_reported", "_start", "_units")

    def __init__(self, clock_rate: int = 8000) -> None:
        self._clock_rate = clock_rate
        self._open: _Key | None = None
        self._base_units = 0  # Of the segments before the present one.
        self._units = 0
        self._last_at = 0.0
        self._reported: deque[_Key] = deque()

    @property
    def next_deadline(self) -> float | None:
        return None if self._open is None else self._last_at + END_LOST_SECONDS

    def on_packet(self, payload: bytes, timestamp: int, now: float) -> list[Press]:
        """`payload` and `timestamp` of one RTP packet. Anything that is no digit is ignored."""
        if len(payload) < PAYLOAD_SIZE:
            return []
        event, flags, units = PAYLOAD.unpack_from(payload)
        if event >= len(DIGITS):
            return []
        key = _Key(timestamp, event)
        if self._is_reported(key):
            return []
        presses: list[Press] = []
        if self._open is None or self._is_next_segment(key):
            self._go_on(key)
        elif key != self._open:
            if _is_before(timestamp, self._open.timestamp):
                # All of an earlier press was overtaken by a later one: this is all we know of it.
                return [self._report(key, units)]
            presses.append(self._end())
            self._go_on(key)
        self._last_at = now
        self._units = max(self._units, units)
        if flags & _END:
            presses.append(self._end())
        return presses

    def on_time(self, now: float) -> list[Press]:
        if self._open is None or now < self._last_at + END_LOST_SECONDS:
            return []
        return [self._end()]

    def _go_on(self, key: _Key) -> None:
        if self._open is None:
            self._base_units = 0
        else:
            self._remember(self._open)  # Its packets may still come.
            self._base_units += SEGMENT_UNITS
        self._units = 0
        self._open = key

    def _is_next_segment(self, key: _Key) -> bool:
        return self._open is not None and _before_segment(key) == self._open

    def _is_reported(self, key: _Key) -> bool:
        if key in self._reported:
            return True
        if self._open is None and _before_segment(key) in self._reported:
            # The press was given up too early, and here is its next segment.
            self._remember(key)
            return True
        return False

    def _end(self) -> Press:
        assert self._open is not None
        press = self._report(self._open, self._base_units + self._units)
        self._open = None
        return press

    def _remember(self, key: _Key) -> None:
        self._reported.append(key)
        if len(self._reported) > REPORTED_MAX:
            _ = self._reported.popleft()

    def _report(self, key: _Key, units: int) -> Press:
        self._remember(key)
        return Press(DIGITS[key.event], units * 1000 // self._clock_rate)


def _is_before(a: int, b: int) -> bool:
    return a != b and (b - a) & _MASK < _HALF


def _before_segment(key: _Key) -> _Key:
    return _Key((key.timestamp - SEGMENT_UNITS) & _MASK, key.event)


class EventPacket(NamedTuple):
    """One RTP packet to send. `offset`: timestamp units since the first tick of this run."""

    offset: int
    marker: bool
    payload: bytes


class DigitSender:
    """Keys in, one packet per 20 ms tick out.

    A run begins with the first tick after `add` made it busy. Take the RTP timestamp of that tick
    and keep it until it is idle again: all packets of one press carry the timestamp at which the
    press began, which is that plus `offset`.
    """

    __slots__ = ("_digits", "_pause_ticks", "_press_ticks", "_step", "_tick", "_units")

    def __init__(self, clock_rate: int = 8000, *, press_ms: int = 100, pause_ms: int = 100) -> None:
        """`pause_ms` is from the end of one press to the next; rounded up to whole ticks."""
        assert press_ms >= TICK_MS, press_ms
        self._units = clock_rate * TICK_MS // 1000
        self._press_ticks = -(-press_ms // TICK_MS)
        # The two repeated end packets are sent in the pause, and one tick is left to breathe.
        self._pause_ticks = max(-(-pause_ms // TICK_MS), _END_PACKETS)
        self._digits: deque[int] = deque()
        self._tick = 0  # Of this run.
        self._step = 0  # Of this press.

    @property
    def busy(self) -> bool:
        return bool(self._digits)

    def add(self, digits: str) -> int:
        """Queue keys; returns how many were taken: no unknown ones, none over the limit."""
        if not self._digits:
            self._tick = self._step = 0
        room = SEND_QUEUE_MAX - len(self._digits)
        events = [DIGITS.index(digit) for digit in digits.upper() if digit in DIGITS][:room]
        self._digits.extend(events)
        return len(events)

    def clear(self) -> None:
        """Forget what was not sent yet; a press in progress is ended by the receiver's clock."""
        self._digits.clear()

    def on_tick(self) -> EventPacket | None:
        """The packet of this tick, None in a pause or when there is nothing to send."""
        if not self._digits:
            return None
        step, event = self._step, self._digits[0]
        began = (self._tick - step) * self._units
        self._tick += 1
        self._step += 1
        if self._step == self._press_ticks + self._pause_ticks:
            _ = self._digits.popleft()
            self._step = 0
        if step > self._press_ticks + _END_PACKETS - 2:
            return None
        ended = _END if step >= self._press_ticks - 1 else 0
        units = min(step + 1, self._press_ticks) * self._units
        payload = PAYLOAD.pack(event, ended | _VOLUME, min(units, SEGMENT_UNITS))
        return EventPacket(began, step == 0, payload)
