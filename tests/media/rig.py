"""Phones on loopback sockets around an engine, for the tests of the edges."""

import asyncio
import math
import socket
import time
import wave
from array import array
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from media import rtp
from media.engine import Engine
from media.protocol import Connect, Event, Open

# For what must come, on however slow a machine: no test measures by it.
PATIENCE_SECONDS = 30.0
HOST = "127.0.0.1"
E = TypeVar("E", bound=Event)
_given: deque[int] = deque(maxlen=1000)  # Ports.


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def received(sock: socket.socket) -> int:
    """How many packets have come to this socket, that does not wait, since it was last asked."""
    count = 0
    while True:
        try:
            _ = sock.recv(4096)
            count += 1
        except ConnectionError:
            continue  # "Port unreachable", of what it sent.
        except BlockingIOError:
            return count


def free_port(host: str = HOST) -> int:
    """An even port that is free, and so is the next one; none that was given lately, for nobody
    may have opened that yet."""
    while True:
        with socket.socket(family_of(host), socket.SOCK_DGRAM) as first:
            first.bind((host, 0))
            port: int = first.getsockname()[1]
            if port % 2 or port in _given:
                continue
            with socket.socket(family_of(host), socket.SOCK_DGRAM) as second:
                try:
                    second.bind((host, port + 1))
                except OSError:
                    continue
            _given.append(port)
            return port


def tone(directory: Path, *, seconds: float = 1.0, hertz: int = 440, rate: int = 8000) -> Path:
    """A sound file."""
    path = directory / f"{hertz}-{rate}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (
            int(10_000 * math.sin(2 * math.pi * hertz * n / rate))
            for n in range(int(seconds * rate))
        )
        file.writeframes(array("h", samples).tobytes())
    return path


class Waiter:
    """Things that come in, and those who wait for them."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    async def until(
        self,
        condition: Callable[[], bool],
        what: object = "",
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """`meanwhile` is done every 20 ms."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain for {what}"
            if meanwhile is not None:
                meanwhile()
                left = 0.02
            self.changed.clear()
            try:
                async with asyncio.timeout(left):
                    _ = await self.changed.wait()
            except TimeoutError:
                continue


async def turn() -> None:
    """The engine has read all that was sent before."""
    for _ in range(5):
        await asyncio.sleep(0)


class Phone(Waiter):
    def __init__(self, host: str, *, ssrc: int = 7) -> None:
        super().__init__()
        self.host, self.port, self.ssrc = host, free_port(host), ssrc
        self.seq = 0
        self.rtp = self._open(self.port)
        self.rtcp = self._open(self.port + 1)
        self.heard: list[bytes] = []
        self.reports: list[bytes] = []
        loop = asyncio.get_running_loop()
        loop.add_reader(self.rtp, self._read, self.rtp, self.heard)
        loop.add_reader(self.rtcp, self._read, self.rtcp, self.reports)

    def _open(self, port: int) -> socket.socket:
        sock = socket.socket(family_of(self.host), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.bind((self.host, port))
        return sock

    def _read(self, sock: socket.socket, into: list[bytes]) -> None:
        try:
            into.append(sock.recv(4096))
        except OSError:
            return
        self.changed.set()

    def packet(self, payload: bytes = b"\x11" * 160, payload_type: int = 0) -> bytes:
        self.seq += 1
        return rtp.pack(payload_type, self.seq, self.seq * 160, self.ssrc) + payload

    def send(self, port: int, data: bytes | None = None) -> bytes:
        data = self.packet() if data is None else data
        _ = self.rtp.sendto(data, ("::1" if ":" in self.host else HOST, port))
        return data

    async def hears(self, *packets: bytes) -> None:
        """These are among what came, in this order."""

        def in_order() -> bool:
            heard = iter(self.heard)
            return all(packet in heard for packet in packets)

        await self.until(in_order, [packet[:16] for packet in packets])

    def close(self) -> None:
        for sock in (self.rtp, self.rtcp):
            _ = asyncio.get_running_loop().remove_reader(sock)
            sock.close()


class Rig(Waiter):
    """An engine with its events, and phones connected to it by name."""

    def __init__(self, host: str = HOST) -> None:
        super().__init__()
        self.host = host  # Where the engine listens.
        self.events: list[Event] = []
        self.phones: dict[str, Phone] = {}
        self.ports: dict[str, int] = {}
        self.engine = Engine(asyncio.get_running_loop(), self._emit)

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    def open(self, name: str, host: str = "127.0.0.2") -> Phone:
        phone = self.phones[name] = Phone(host, ssrc=len(self.phones) + 7)
        port = self.ports[name] = free_port(self.host)
        self.engine.command(Open(name, port, self.host))
        return phone

    def connect(self, name: str, **changes: object) -> None:
        phone = self.phones[name]
        values: dict[str, Any] = {
            "address": (phone.host, phone.port),
            "rtcp": (phone.host, phone.port + 1),
            "learn_from": "",
            "codec": "PCMU",
            "payload_type": 0,
            "dtmf_payload_type": 101,
        }
        self.engine.command(Connect(session=name, **{**values, **changes}))

    def call(self, name: str, host: str = "127.0.0.2", **changes: object) -> Phone:
        phone = self.open(name, host)
        self.connect(name, **changes)
        return phone

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def event(self, kind: type[E], count: int = 1) -> E:
        await self.until(lambda: len(self.of(kind)) >= count, kind.__name__)
        return self.of(kind)[count - 1]


@contextmanager
def rig(host: str = HOST, make: Callable[[str], Rig] = Rig) -> Iterator[Rig]:
    """Everything is closed at the end, and nothing may be left."""
    setup = make(host)
    try:
        yield setup
    finally:
        setup.engine.close()
        for phone in setup.phones.values():
            phone.close()
    assert not any(setup.engine.leftovers().values()), setup.engine.leftovers()
