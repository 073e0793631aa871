"""What becomes of the packets of a conversation on their way into a file.

The loop that relays sound only hands a packet to `Source.on_packet`, which queues it. All else is
done by the thread that writes (`media/writer.py`): packets are put on a timeline of 1/8000 s that
begins with the recording, lost ones are concealed, silence stays silence.

A *stretch* is a row of packets whose RTP timestamps follow from each other (RFC 3550 §5.1). Its
place is found from when its packets came, then each packet's from its timestamp: so neither jitter
nor a burst after a stall of the network moves anything. A new sender (another SSRC), a clock that
stood still on hold, or one that runs faster than ours are seen by how late packets are.
"""

import itertools
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import sub
from typing import Final

import numpy as np

from media import rtp
from media.codecs import FORMATS, CodecError, Decoder, Pcm, decoder
from media.relay import STATIC_CODECS, Leg
from media.resample import Resampler

UNIT_RATE: Final = 8000  # Units of the timeline a second; also the clock of G.711 and G.722.
# The end of the timeline that late packets may still come for. Who is later than this is not heard
# by the other side either: it is more than the jitter buffers of phones hold.
HOLD_BACK_UNITS: Final = UNIT_RATE // 4
# Packets of 20 ms kept for one source while the disk is slow: ten seconds, less when there are very
# many recordings (all of them together: 35 MB).
QUEUE_PACKETS_MAX: Final = 500
QUEUE_PACKETS_MIN: Final = 50
ALL_PACKETS_MAX: Final = 100_000
# A step of lateness that begins a new stretch: no jitter, but another clock.
STEP_UNITS: Final = UNIT_RATE // 2
# Packets that came more steadily than this have no such step among them.
STEADY_SECONDS: Final = 0.49
# A whole stretch that is so much too late is put where it came. None is too early: what it goes
# on from was late itself.
LATE_UNITS: Final = UNIT_RATE // 5
EARLY_UNITS: Final = UNIT_RATE // 50
SURE_PACKETS: Final = 5  # Fewer may all be late.
# Less is put right by half a millisecond at a time, as clocks that differ by 0.01 % need it.
DRIFT_UNITS: Final = 40
DRIFT_STEP: Final = 4
DRIFT_PACKETS: Final = 100  # Seen before the clock is judged.
# A packet that was overtaken by more is one of another sender (RFC 3550 A.1: MAX_MISORDER).
STRAGGLER_SEQS: Final = 500
CONCEAL_UNITS_MAX: Final = 480  # 60 ms: then the concealment has faded out.
PACKET_UNITS_MAX: Final = UNIT_RATE // 5  # RFC 3551 §4.2: a packet should hold 200 ms at most.

_NOT_KNOWN: Final = 1 << 62
_SEQ_TIMESTAMP: Final = struct.Struct("!HI").unpack_from
_TIMESTAMP_MASK: Final = 0xFFFF_FFFF
_SEQ_MASK: Final = 0xFFFF
_SEQ_HALF: Final = 1 << 15
_COUNTING: Final = bytes(range(256)) * (1 + -(-QUEUE_PACKETS_MAX // 256))
# Payloads that may be put together and decoded at once.
_JOINABLE: Final = frozenset({"PCMU", "PCMA", "G722"})
# RFC 6716 §3.1: units of a frame by the upper five bits of the first byte.
_OPUS_FRAMES: Final = (
    *(80, 160, 320, 480) * 3,
    *(80, 160) * 2,
    *(20, 40, 80, 160) * 4,
)

Packet = tuple[str, bytes, float]
"""Codec, the packet with a plain header, and when it came."""


class Share:
    """How many packets one source may queue: all sources of a worker share a limit."""

    __slots__ = ("_left", "_sources", "packets")

    def __init__(self) -> None:
        self._sources = 0
        self._left = 0
        self.packets = QUEUE_PACKETS_MAX

    def add(self, sources: int, left: int = 0) -> None:
        """`left`: packets of recordings that have ended, which the disk has not taken yet."""
        self._sources += sources
        self._left += left
        fair = max(0, ALL_PACKETS_MAX - self._left) // max(1, self._sources)
        self.packets = max(QUEUE_PACKETS_MIN, min(QUEUE_PACKETS_MAX, fair))


class Run:
    """Packets without a gap between them: `place` counts from the beginning of the recording."""

    __slots__ = ("codec", "data", "end", "place", "seq", "units")

    def __init__(self, codec: str, data: bytes, seq: int, place: int, units: int) -> None:
        """`data`: what is in the packets, put together if their codec allows it; else there is
        only one. `units`: the length of each."""
        self.codec = codec
        self.data = data
        self.seq = seq  # Of the first one.
        self.units = units
        self.place: int = place
        self.end: int = place + (len(data) if codec in _JOINABLE else units)

    @property
    def count(self) -> int:
        return (self.end - self.place) // self.units

    def goes_on(self, run: "Run") -> bool:
        """Is the other one nothing but more of this?"""
        alike = self.units == run.units and self.codec == run.codec
        if not alike or self.end != run.place or self.codec not in _JOINABLE:
            return False
        return run.seq == (self.seq + self.count) & _SEQ_MASK

    def add(self, run: "Run") -> None:
        self.data += run.data
        self.end = run.end

    def take(self, end: int) -> tuple[int, int, int, bytes]:
        """All packets that begin before `end`: place and number of the first one, how many they
        are, and what is in them."""
        units, place, seq, data = self.units, self.place, self.seq, self.data
        count = -((place - end) // units)
        if place + count * units >= self.end:
            count = (self.end - place) // units
            self.place = self.end
            return place, seq, count, data
        self.data = data[count * units :]
        self.place += count * units
        self.seq = (seq + count) & _SEQ_MASK
        return place, seq, count, data[: count * units]


class Source:
    """What one peer says: a tap on its line, and the reader of what came through it."""

    __slots__ = (
        *("_anchored", "_clock", "_codec", "_drift", "_late", "_least", "_leg", "_next_place"),
        *("_next_timestamp", "_queue", "_runs", "_seen", "_seq", "_share", "_started"),
        *("_stretch", "_voice"),
        *("dropped", "gone", "late", "muted"),
    )

    def __init__(self, leg: Leg, started: float, share: Share, rate: int = UNIT_RATE) -> None:
        """`started`: when the recording did, on the worker's clock. `rate`: of the file."""
        self._leg = leg
        self._queue: list[Packet] = []
        self._share = share
        self._started = started
        self.muted = False
        self.gone = False  # No more will come.
        self.dropped = 0  # Packets that found the queue full.
        # All below is the writer's.
        self.late = 0  # Packets that came twice, or too late.
        self._voice = Voice(rate)
        self._codec: str = ""
        self._clock: int = UNIT_RATE
        self._next_timestamp = 0  # What the next packet has if nothing is lost.
        self._next_place: int = 0
        self._seq = 0  # The newest.
        self._anchored = False
        self._late: int = 0  # Of the last packet.
        self._stretch: list[Run] = []
        self._least = _NOT_KNOWN  # How late the earliest packet of the stretch is.
        self._drift: int | None = None  # The same of the last hundred or so,
        self._seen = 0  # and how many they are.
        self._runs: list[Run] = []  # Placed, but not decoded yet.

    # --- on the audio path

    def keeper(self, codec: str) -> Callable[[bytes, float], None]:
        """For plain packets of sound of this codec, whole: all that is done with them here."""
        queue, share = self._queue, self._share
        append = queue.append

        def keep(packet: bytes, now: float) -> None:
            if self.muted:
                return
            if len(queue) < share.packets:
                append((codec, packet, now))
            else:
                self.dropped += 1

        return keep

    def on_packet(
        self, payload_type: int, seq: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        leg = self._leg
        codec = leg.codec if payload_type == leg.payload_type else STATIC_CODECS.get(payload_type)
        if codec is not None:
            self.keeper(codec)(rtp.pack(payload_type, seq, timestamp, 0) + payload, now)

    @property
    def waiting(self) -> int:
        """Packets for the writer."""
        return len(self._queue)

    # --- on the writer's thread

    @property
    def over(self) -> bool:
        """Nothing more is to be read from it."""
        return self.gone and not (self._queue or self._runs or self._voice.sound)

    def read(self, start: int, end: int, *, last: bool = False) -> Pcm | None:
        """The samples from unit `start`, where the last ones ended, to unit `end`; None: all of it
        is silence. `last`: nothing more will come."""
        self._take_in()
        self._end_stretch(sure=last)
        voice, runs = self._voice, self._runs
        voice.go_on(start)
        while runs and runs[0].place < end:
            run = runs[0]
            place, seq, count, data = run.take(end)
            units = run.units
            if run.place == run.end:
                del runs[0]
            # A clock that is put right is no reason to throw a packet away.
            over = voice.filled - place - DRIFT_STEP
            if over > 0:
                skip = min(count, -(-over // units))
                self.late += skip
                if skip == count:
                    continue
                place, seq, count = place + skip * units, (seq + skip) & _SEQ_MASK, count - skip
                data = data[skip * units :]
            voice.speak(run.codec, data, seq, count, place, units)
        if runs:  # What is missing between here and there may have been lost.
            voice.bridge(runs[0].place, runs[0].seq, runs[0].units, end)
        return voice.block(start, end)

    def _take_in(self) -> None:
        """Find the places of all packets that have come."""
        packets = self._queue[:]
        if not packets:
            return
        del self._queue[: len(packets)]  # In one step: more may come meanwhile.
        codecs: tuple[str, ...]
        whole: tuple[bytes, ...]
        times: tuple[float, ...]
        codecs, whole, times = zip(*packets, strict=True)
        size = len(whole[0])
        alike = codecs.count(self._codec) == len(codecs) and set(map(len, whole)) == {size}
        sound = self._codec in _JOINABLE and 0 < size - rtp.HEADER_SIZE <= PACKET_UNITS_MAX
        if alike and sound:
            joined = b"".join(whole)
            for begin, end in _rows(joined, size):
                if self._follow(joined[begin * size : end * size], times[begin:end]):
                    continue
                self._take(packets[begin])  # The others may follow from this one.
                begin += 1
                if not self._follow(joined[begin * size : end * size], times[begin:end]):
                    for packet in packets[begin:end]:
                        self._take(packet)
        else:
            for packet in packets:
                self._take(packet)

    def _follow(self, whole: bytes, times: Sequence[float]) -> bool:
        """Packets of one length, each of which begins where the one before it ends: so do nearly
        all, and what is done for a row at once costs each of them little. False: the first one
        begins elsewhere, or some took much longer than others."""
        if not times:
            return True
        count, (seq, timestamp) = len(times), _SEQ_TIMESTAMP(whole, 2)
        units = len(whole) // count - rtp.HEADER_SIZE
        place = self._next_place
        ahead = tuple(map(sub, times, itertools.count(0.0, units / UNIT_RATE)))
        least = min(ahead)
        step = self._lateness(times[0], place + units) - self._late if self._stretch else 0
        steady = max(ahead) - least < STEADY_SECONDS and abs(step) < STEP_UNITS
        if not steady or timestamp != self._next_timestamp:
            return False
        payloads = np.frombuffer(whole, np.uint8).reshape(count, -1)[:, rtp.HEADER_SIZE :]
        self._add(Run(self._codec, payloads.tobytes(), seq, place, units))
        earliest = ahead.index(least)
        late = self._lateness(times[earliest], place + (earliest + 1) * units)
        self._least = min(self._least, late)
        self._late = self._lateness(times[-1], self._next_place)
        self._seen += count
        self._seq = (seq + count - 1) & _SEQ_MASK
        self._next_timestamp = timestamp + count * units & _TIMESTAMP_MASK
        return True

    def _take(self, packet: Packet) -> None:
        codec, data, at = packet
        units = self._units_of(packet)
        if not units:
            return
        seq, timestamp = _SEQ_TIMESTAMP(data, 2)
        step = self._step_to(timestamp)
        run = Run(codec, data[rtp.HEADER_SIZE :], seq, self._next_place + step, units)
        behind = (self._seq - seq) & _SEQ_MASK
        if step < 0 and behind < STRAGGLER_SEQS and self._seen:
            self._stretch.append(run)  # Overtaken, or twice.
            return
        late = self._lateness(at, run.end)
        if self._stretch and abs(late - self._late) >= STEP_UNITS:
            self._end_stretch(sure=True)
        self._least = min(late, self._least)
        self._late = late
        self._seen += 1
        self._add(run)
        self._seq = seq
        self._next_timestamp = timestamp + units * self._clock // UNIT_RATE & _TIMESTAMP_MASK

    def _add(self, run: Run) -> None:
        """The newest: the next one is expected where it ends."""
        self._next_place = run.end
        if self._stretch and self._stretch[-1].goes_on(run):
            self._stretch[-1].add(run)
        else:
            self._stretch.append(run)

    def _lateness(self, at: float, end: int) -> int:
        """Of a packet that came then, and whose sound ends at `end`."""
        return round((at - self._started) * UNIT_RATE) - end

    def _units_of(self, packet: Packet) -> int:
        """How long it is; 0 if we cannot know."""
        codec, data = packet[0], packet[1]
        if codec != self._codec:
            if codec not in FORMATS:
                return 0
            self._codec, self._clock = codec, FORMATS[codec].clock_rate
        if codec in _JOINABLE:
            units = len(data) - rtp.HEADER_SIZE
        else:
            units = opus_units(data[rtp.HEADER_SIZE :])
        return units if units <= PACKET_UNITS_MAX else 0

    def _step_to(self, timestamp: int) -> int:
        """Units from the end of what came before."""
        step = timestamp - self._next_timestamp & _TIMESTAMP_MASK
        if step > _TIMESTAMP_MASK // 2:
            step -= _TIMESTAMP_MASK + 1
        return step * UNIT_RATE // self._clock

    def _end_stretch(self, *, sure: bool) -> None:
        """Put it on the timeline, unless more must be seen of it to know where: it may wait, for
        nobody reads the last quarter of a second yet."""
        if not self._stretch:
            return
        shift = self._shift(sure=sure)
        if shift is None:
            return
        self._anchored = True
        self._next_place += shift
        self._late -= shift
        stretch, runs = self._stretch, self._runs
        if shift:
            for run in stretch:
                run.place += shift
                run.end += shift
        if runs and runs[-1].goes_on(stretch[0]):
            runs[-1].add(stretch.pop(0))
        runs += stretch
        runs.sort(key=_place)
        self._stretch = []
        self._least = _NOT_KNOWN

    def _shift(self, *, sure: bool) -> int | None:
        least = self._least
        if least == _NOT_KNOWN:
            return 0  # All of them were overtaken.
        displaced = least > LATE_UNITS or least < -EARLY_UNITS or not self._anchored
        if displaced:
            if not sure and sum(run.count for run in self._stretch) < SURE_PACKETS:
                return None
            self._drift, self._seen = None, 1
            return least
        self._drift = least if self._drift is None else min(self._drift, least)
        if self._seen < DRIFT_PACKETS:
            return 0
        drift, self._drift, self._seen = self._drift, None, 1
        if abs(drift) <= DRIFT_UNITS:
            return 0
        return DRIFT_STEP if drift > 0 else -DRIFT_STEP


class Voice:
    """From packets in their order to samples at the rate of the file."""

    __slots__ = (
        "_codec",
        "_decoder",
        "_last_seq",
        "_made_up",
        "_rate",
        "_resampler",
        "filled",
        "sound",
    )

    def __init__(self, rate: int) -> None:
        assert rate % UNIT_RATE == 0, rate
        self._rate = rate
        self._codec = ""
        self._decoder: Decoder | None = None
        self._resampler: Resampler | None = None
        self._last_seq: int | None = None  # None: after silence.
        self._made_up = 0  # Units concealed since the last packet.
        self.filled = 0  # Up to this unit all has been decoded, or will never be.
        self.sound: list[tuple[int, Pcm]] = []  # Not read yet: place and samples.

    def go_on(self, start: int) -> None:
        """Before that all is over: what was not there is silence."""
        if self.filled < start:
            self.filled = start
            self._last_seq = self._resampler = None

    def speak(self, codec: str, data: bytes, seq: int, count: int, place: int, units: int) -> None:
        """Packets without a gap, the first at `place`."""
        self.bridge(place, seq, units, place)
        decoder = self._decoder_of(codec)
        if decoder is None:
            return
        if self.filled < place:
            self._resampler = None  # The end of what was said before is not the beginning of this.
        self.sound.append((place, self._fit(decoder, decoder.decode(data))))
        self.filled = place + count * units
        self._made_up = 0
        self._last_seq = (seq + count - 1) & _SEQ_MASK

    def bridge(self, place: int, seq: int, units: int, end: int) -> None:
        """Until `end`: what was lost before the packet at `place` is concealed. A pause of the
        speaker, in which nothing was sent, is silence."""
        gap = place - self.filled
        if self._last_seq is None or self._decoder is None or gap <= 0:
            return
        missing = (seq - self._last_seq - 1) & _SEQ_MASK
        if gap <= DRIFT_STEP and not missing:  # The clock is put right: the sound goes on.
            missing, units = 1, gap
        elif missing >= _SEQ_HALF:
            return
        most = min(CONCEAL_UNITS_MAX, missing * units) - self._made_up
        concealed = min(gap, most, end - self.filled)
        if concealed > 0:
            pcm = self._decoder.conceal(concealed * self._decoder.rate // UNIT_RATE)
            self.sound.append((self.filled, self._fit(self._decoder, pcm)))
            self.filled += concealed
            self._made_up += concealed

    def _decoder_of(self, codec: str) -> Decoder | None:
        if codec != self._codec:
            self._codec, self._resampler = codec, None
            try:
                self._decoder = _make_decoder(codec, self._rate)
            except CodecError:
                self._decoder = None  # Not installed here: silence.
        return self._decoder

    def _fit(self, decoder: Decoder, pcm: Pcm) -> Pcm:
        if decoder.rate == self._rate:
            return pcm
        if self._resampler is None:
            self._resampler = Resampler(decoder.rate, self._rate)
        return self._resampler.feed(pcm)

    def block(self, start: int, end: int) -> Pcm | None:
        """What was spoken in these units; None for silence."""
        if not self.sound:
            return None
        ratio = self._rate // UNIT_RATE
        block: Pcm = np.zeros((end - start) * ratio, np.int16)
        kept: list[tuple[int, Pcm]] = []
        for place, pcm in self.sound:
            at = (place - start) * ratio
            if at < 0:
                at, pcm = 0, pcm[-at:]
            room = len(block) - at
            if len(pcm) > room:
                kept.append((max(place, end), pcm[max(0, room) :]))
                pcm = pcm[: max(0, room)]
            block[at : at + len(pcm)] = pcm
        self.sound = kept
        return block


def opus_units(payload: bytes) -> int:
    """How long an Opus packet is, by its first bytes (RFC 6716 §3.1, §3.2)."""
    if not payload:
        return 0
    frame, code = _OPUS_FRAMES[payload[0] >> 3], payload[0] & 3
    if code < 3:
        return frame if code == 0 else 2 * frame
    return frame * (payload[1] & 0x3F) if len(payload) > 1 else 0


def _rows(whole: bytes, size: int) -> Iterable[tuple[int, int]]:
    """Which packets of this size follow from each other, from one to before another."""
    count, units = len(whole) // size, size - rtp.HEADER_SIZE
    (seq, first), (_, last) = _SEQ_TIMESTAMP(whole, 2), _SEQ_TIMESTAMP(whole, len(whole) - size + 2)
    # All in order, none missing: the low bytes of their numbers say it.
    if last - first == (count - 1) * units and _COUNTING.startswith(whole[3::size], seq & 0xFF):
        return ((0, count),)
    stamps = tuple(stamp for (stamp,) in _timestamps(size).iter_unpack(whole))
    steps = enumerate(itertools.pairwise(stamps), 1)
    begins = [n for n, (a, b) in steps if b - a & _TIMESTAMP_MASK != units]
    return itertools.pairwise((0, *begins, count))


@lru_cache(64)
def _timestamps(size: int) -> struct.Struct:
    """Of packets of this size."""
    return struct.Struct(f"!4xI{size - 8}x")


def rate_for(*codecs: str) -> int:
    """Of a file that loses nothing that can be heard on a telephone."""
    wide = any(FORMATS[codec].rate > UNIT_RATE for codec in codecs if codec in FORMATS)
    return 2 * UNIT_RATE if wide else UNIT_RATE


def _make_decoder(codec: str, rate: int) -> Decoder:
    if codec == "opus":
        from media.opus import OpusDecoder

        return OpusDecoder(rate)
    return decoder(codec)


def _place(run: Run) -> int:
    return run.place
