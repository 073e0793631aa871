"""An engine with telephones around it: real sockets on loopback, and a clock that we turn.

Each telephone says a tone of its own, 20 ms a packet, and keeps what it gets. So a test hears who
is heard where, how loud, and whether a sample is missing, in exactly the same way each time.
"""

import heapq
import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count, pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from media import g711, rtp
from media.engine import Engine
from media.protocol import Connect, Event, Member, Mix, Open
from tests.media.rig import HOST, free_port

RATE = 8000
FRAME = 160
LOUD = 8000
Samples = NDArray[np.float64]


class Timer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualLoop:
    """What an engine uses of an event loop."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, int, Timer, Callable[..., object], tuple[Any, ...]]] = []
        self._numbers = count()
        self._readers: dict[int, Callable[[], object]] = {}

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, do: Callable[..., object], *args: object) -> Timer:
        timer = Timer()
        heapq.heappush(self._timers, (self.now + delay, next(self._numbers), timer, do, args))
        return timer

    def add_reader(self, fd: int, do: Callable[[], object]) -> None:
        self._readers[fd] = do

    def remove_reader(self, fd: int) -> bool:
        return self._readers.pop(fd, None) is not None

    def run_in_executor(self, executor: object, work: Callable[[], object]) -> "Future[object]":
        future: Future[object] = Future()
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)
        return future

    def read(self) -> None:
        for do in list(self._readers.values()):
            do()

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        self.read()
        while self._timers and self._timers[0][0] <= end + 1e-9:
            at, _, timer, do, args = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            self.now = max(self.now, at)
            self.read()
            do(*args)
            self.read()
        self.now = end


class Phone:
    def __init__(self, hall: "Hall", name: str, hertz: float, law: g711.Law) -> None:
        self.hall, self.name, self.hertz, self.law = hall, name, hertz, law
        self.loud = LOUD
        self.ssrc = random.Random(name).getrandbits(32)
        self.seq = random.Random(name).getrandbits(16)
        self.timestamp = random.Random(name).getrandbits(32)
        self.talking = False
        self.lose: Callable[[int], int] = lambda number: 1  # How often a packet is sent.
        self.said: set[bytes] = set()  # Payloads.
        self.heard: list[bytes] = []
        self.heard_at: list[float] = []
        self.port = free_port(f"127.0.1.{len(hall.phones) + 1}")
        self.host = f"127.0.1.{len(hall.phones) + 1}"
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind((self.host, self.port))
        self.sent = 0

    @property
    def payload_type(self) -> int:
        return {"PCMU": 0, "PCMA": 8}[self.law]

    def talk(self, after: float = 0.0) -> None:
        self.talking = True
        _ = self.hall.loop.call_later(after, self._say)

    def _say(self) -> None:
        if not self.talking:
            return
        _ = self.hall.loop.call_later(0.02, self._say)
        packet = self.packet()
        for _ in range(self.lose(self.sent)):
            self.send(packet)

    def packet(self) -> bytes:
        at = np.arange(self.sent * FRAME, (self.sent + 1) * FRAME)
        sound = np.rint(self.loud * np.sin(2 * np.pi * self.hertz * at / RATE)).astype(np.int16)
        header = rtp.pack(self.payload_type, self.seq, self.timestamp, self.ssrc)
        self.sent += 1
        self.seq += 1
        self.timestamp += FRAME
        payload = g711.encode(sound, self.law)
        self.said.add(payload)
        return header + payload

    def send(self, packet: bytes) -> None:
        _ = self.sock.sendto(packet, (HOST, self.hall.ports[self.name]))

    def read(self) -> None:
        while True:
            try:
                self.heard.append(self.sock.recv(4096))
                self.heard_at.append(self.hall.loop.now)
            except BlockingIOError:
                return

    def forget(self) -> None:
        self.read()
        self.heard.clear()
        self.heard_at.clear()

    # What it has heard.

    @property
    def headers(self) -> list[rtp.Header]:
        return [rtp.unpack(packet) for packet in self.heard]

    def unbroken(self) -> bool:
        """One stream: one SSRC, numbers in a row, a clock without a jump."""
        return all(
            (after.ssrc, after.seq, after.timestamp)
            == (before.ssrc, (before.seq + 1) & 0xFFFF, (before.timestamp + FRAME) & 0xFFFF_FFFF)
            for before, after in pairwise(self.headers)
        )

    def sound(self) -> Samples:
        """What was played, in order of arrival."""
        laws: dict[int, g711.Law] = {0: "PCMU", 8: "PCMA"}
        pieces = [g711.decode(p[12:], laws[p[1] & 0x7F]) for p in self.heard]
        return np.concatenate(pieces).astype(np.float64) if pieces else np.zeros(0)

    def level(self, hertz: float) -> float:
        """Of this tone, as a part of `LOUD`."""
        return level(self.sound(), hertz)


def level(sound: Samples, hertz: float) -> float:
    if not len(sound):
        return 0.0
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / RATE)
    return float(2 * abs(np.mean(sound * turn)) / LOUD)


def rest(sound: Samples, *tones: float) -> Samples:
    """What is left without these tones, each as it is in 20 ms: clicks and gaps."""
    left = np.array(sound)
    for start in range(0, len(sound) - FRAME + 1, FRAME):
        piece = sound[start : start + FRAME]
        at = np.arange(start, start + FRAME) / RATE
        waves = [f(2 * np.pi * hertz * at) for hertz in tones for f in (np.sin, np.cos)]
        basis = np.stack(waves, axis=1)
        found = np.linalg.lstsq(basis, piece, rcond=None)[0]
        left[start : start + FRAME] = piece - basis @ found
    return left


class Hall:
    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.phones: dict[str, Phone] = {}
        self.ports: dict[str, int] = {}
        self.events: list[Event] = []
        self.engine = Engine(
            cast("Any", self.loop), self.events.append, random.Random(5), self.loop.time
        )

    def phone(
        self, name: str, hertz: float = 0.0, law: g711.Law = "PCMU", *, after: float = 0.003
    ) -> Phone:
        """Connected, and talking if it has a tone: `after` a moment, as no tick of ours."""
        phone = self.unconnected(name, hertz, law)
        self.connect(name)
        if hertz:
            phone.talk(after)
        return phone

    def unconnected(self, name: str, hertz: float = 0.0, law: g711.Law = "PCMU") -> Phone:
        phone = self.phones[name] = Phone(self, name, hertz, law)
        self.ports[name] = free_port(HOST)
        self.engine.command(Open(name, self.ports[name], HOST))
        return phone

    def connect(self, name: str, **changes: object) -> None:
        phone = self.phones[name]
        values: dict[str, Any] = {
            "address": (phone.host, phone.port),
            "rtcp": (phone.host, 0),
            "learn_from": "",
            "codec": phone.law,
            "payload_type": phone.payload_type,
            "dtmf_payload_type": 101,
        }
        self.engine.command(Connect(session=name, **{**values, **changes}))

    def mix(self, **hears: str) -> None:
        """`mix(a="bc", b="a")`: a hears b and c, b hears a."""
        members = tuple(Member(name, tuple(heard)) for name, heard in hears.items())
        self.engine.command(Mix("room", members))

    def run(self, seconds: float) -> None:
        """Time goes by."""
        self.loop.run(seconds)
        for phone in self.phones.values():
            phone.read()

    def forget(self) -> None:
        for phone in self.phones.values():
            phone.forget()

    def settle(self, seconds: float = 0.5) -> None:
        """So long that everything is as it will stay; then listen anew."""
        self.run(seconds)
        self.forget()


@contextmanager
def hall() -> Iterator[Hall]:
    """Everything is closed at the end, and nothing may be left."""
    setup = Hall()
    try:
        yield setup
    finally:
        setup.engine.close()
        for phone in setup.phones.values():
            phone.talking = False
            phone.sock.close()
    assert not any(setup.engine.leftovers().values()), setup.engine.leftovers()
