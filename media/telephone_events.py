"""Keys on their way between two clocks (RFC 4733): 8 kHz beside most codecs, 48 kHz beside Opus.

A duration has 16 bits, which is 8.2 s on one clock and 1.4 s on the other. So one long event may
have to become several segments on the way (§2.5.1.3), or several become one.
"""

from typing import Final, NamedTuple

from media.dtmf import PAYLOAD, PAYLOAD_SIZE, SEGMENT_UNITS

_END: Final = 0x80
_MASK: Final = 0xFFFF_FFFF


class Update(NamedTuple):
    """One packet for the other side. `offset`: timestamp units since the event began."""

    offset: int
    payload: bytes


class Rescaler:
    """For one stream of events. Follows one event at a time, as they are sent."""

    __slots__ = ("_base_units", "_event", "_from_rate", "_segment", "_start", "_to_rate", "began")

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._from_rate = from_rate
        self._to_rate = to_rate
        self.began = 0  # The timestamp (of theirs) at which the present event began.
        self._event = -1
        self._start = 0  # Of its present segment.
        self._base_units = 0  # Of the segments before that.
        self._segment = 0  # The last one that was sent on.

    def on_packet(self, payload: bytes, timestamp: int) -> list[Update]:
        """What a packet of theirs becomes. Anything after the four bytes is left behind."""
        if len(payload) < PAYLOAD_SIZE:
            return []
        event, flags, units = PAYLOAD.unpack_from(payload)
        self._follow(event, timestamp)
        total = (self._base_units + units) * self._to_rate // self._from_rate
        segment, last = divmod(max(total - 1, 0), SEGMENT_UNITS)
        updates: list[Update] = []
        if segment > self._segment:
            # The one before is filled up, so that no receiver thinks that the key was released.
            filled = PAYLOAD.pack(event, flags & ~_END, SEGMENT_UNITS)
            updates.append(Update((segment - 1) * SEGMENT_UNITS, filled))
        self._segment = segment
        units = last + 1 if total else 0
        updates.append(Update(segment * SEGMENT_UNITS, PAYLOAD.pack(event, flags, units)))
        return updates

    def _follow(self, event: int, timestamp: int) -> None:
        if event == self._event:
            if timestamp == self._start:
                return
            if timestamp == (self._start + SEGMENT_UNITS) & _MASK:
                self._base_units += SEGMENT_UNITS
                self._start = timestamp
                return
        self._event = event
        self.began = self._start = timestamp
        self._base_units = self._segment = 0
