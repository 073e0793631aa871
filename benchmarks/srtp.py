"""What an encrypted leg costs a media worker: a G.711 call with a phone that encrypts, or with a
browser, beside a plain call in the same run.

A real worker process. Each call is an encrypted leg and a plain one, 50 packets a second both ways;
CPU is what /proc says of the worker. The kinds take turns, so that the machine's mood is the same
for all; the median of the rounds counts.
"""

import asyncio
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.relay import cpu_seconds
from media import protocol, rtp, stun
from media.client import MediaWorker
from media.dtls import Association, Certificate, Ready, Transmit
from media.fingerprint import Fingerprint
from media.protocol import Connect, Dtls, Identity, Join, Open, Srtp
from media.srtp import Cipher, Keys
from media.stun import Attribute, Class
from pbx.certificates import make_certificate

KINDS = ("plain", "sdes", "browser")
CALLS = 20
SECONDS = 2.0
ROUNDS = 5
PACKET_SECONDS = 0.02
HERE, CALLER, AGENT = "127.0.10.1", "127.0.10.3", "127.0.10.2"
WORKER_PORT, PHONE_PORT = 20_000, 10_000
SUITE = "AES_CM_128_HMAC_SHA1_80"
KEYS = bytes(range(30)), bytes(range(30, 60))
UFRAG, PWD = "ours", "o" * 22

Figure = tuple[str, float, str]


@dataclass
class Leg:
    """A phone: its socket, and how it encrypts."""

    host: str
    number: int
    port: int  # Of the worker.
    cipher: Cipher | None = None
    seq: int = 0
    sock: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind((self.host, PHONE_PORT + 2 * self.number))
        self.sock.connect((HERE, self.port))

    def speak(self) -> None:
        self.seq += 1
        packet = rtp.pack(0, self.seq, self.seq * 160, self.number + 1) + b"\x55" * 160
        _ = self.sock.send(packet if self.cipher is None else self.cipher.protect(packet))

    def listen(self) -> int:
        """How many packets came."""
        count = 0
        while True:
            try:
                _ = self.sock.recv(2048)
            except BlockingIOError:
                return count
            count += 1


class Pair:
    """Certificates of both sides."""

    def __init__(self) -> None:
        self.identity = Identity(*(pem.decode() for pem in make_certificate(["bench"], 1)))
        theirs = [pem.decode() for pem in make_certificate(["browser"], 1)]
        self.ours = Fingerprint.of_pem(self.identity.certificate_pem)
        self.theirs = Certificate(theirs[0], theirs[1])


def run() -> list[Figure]:
    costs = asyncio.run(_measure())
    figures: list[Figure] = []
    for kind in KINDS:
        per_call = median(costs[kind])
        figures.append((f"srtp_{kind}_percent_of_a_core_per_call", round(per_call, 3), "%"))
    plain = median(costs["plain"])
    for kind in KINDS[1:]:
        more = 1e4 / 100 * (median(costs[kind]) - plain)  # 100 packets a second.
        figures.append((f"srtp_{kind}_us_more_per_packet", round(more, 2), "us"))
    return figures


async def _measure() -> dict[str, list[float]]:
    failed: list[str] = []

    ready = asyncio.Event()

    def on_event(event: protocol.Event) -> None:
        if isinstance(event, protocol.Failed):
            failed.append(event.error)
        elif isinstance(event, protocol.Pong):
            ready.set()

    costs: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        worker = MediaWorker(Path(name) / "worker", on_event, failed.append)
        _ = await worker.start()
        pair = Pair()
        worker.send(pair.identity)
        try:
            for _ in range(ROUNDS):
                for kind in KINDS:
                    costs[kind].append(await _round(worker, kind, pair, ready))
        finally:
            await worker.stop()
    if failed:
        raise RuntimeError(failed[0])
    return costs


async def _round(worker: MediaWorker, kind: str, pair: Pair, ready: asyncio.Event) -> float:
    """Percent of a core for each call."""
    legs: list[Leg] = []
    for call in range(CALLS):
        legs += _connect(worker, call, kind, pair)
    await _wait(worker, ready)
    if kind == "browser":
        await asyncio.to_thread(_shake_hands, legs[::2], pair)
    used, heard = await asyncio.to_thread(_talk, legs, worker.pid or 0)
    for call in range(CALLS):
        for side in range(2):
            worker.send(protocol.Close(f"{call}.{side}"))
    for leg in legs:
        leg.sock.close()
    wanted = len(legs) * int(SECONDS / PACKET_SECONDS)
    if heard < 0.98 * wanted:
        raise RuntimeError(f"{kind}: {heard} of {wanted} packets arrived")
    await _wait(worker, ready)
    return 100 * used / SECONDS / CALLS


async def _wait(worker: MediaWorker, ready: asyncio.Event) -> None:
    """Until it has done everything."""
    ready.clear()
    worker.send(protocol.Ping(1))
    async with asyncio.timeout(10.0):
        _ = await ready.wait()


def _connect(worker: MediaWorker, call: int, kind: str, pair: Pair) -> list[Leg]:
    legs = [
        Leg(host, call, WORKER_PORT + 4 * call + 2 * side)
        for side, host in enumerate((CALLER, AGENT))
    ]
    for side, leg in enumerate(legs):
        phone = PHONE_PORT + 2 * call
        srtp: Srtp | None = None
        dtls: Dtls | None = None
        if side == 0 and kind == "sdes":
            srtp = Srtp(SUITE, *KEYS)
            leg.cipher = Cipher(Keys(SUITE, KEYS[1], KEYS[0]))
        elif side == 0 and kind == "browser":
            theirs = pair.theirs.fingerprint
            dtls = Dtls(
                *(theirs.algorithm, theirs.value, False, UFRAG, PWD, "them", "t" * 22),
                ours=str(pair.ours),
            )
        worker.send(Open(f"{call}.{side}", leg.port, HERE))
        worker.send(
            Connect(
                *(f"{call}.{side}", (leg.host, phone), (leg.host, phone + 1), "", "PCMU", 0, 101),
                srtp=srtp,
                dtls=dtls,
            )
        )
    worker.send(Join(f"{call}.0", f"{call}.1"))
    return legs


def _shake_hands(legs: list[Leg], pair: Pair) -> None:
    for leg in legs:
        leg.sock.settimeout(5.0)
        attributes = (
            (int(Attribute.USERNAME), f"{UFRAG}:them".encode()),
            (int(Attribute.ICE_CONTROLLING), bytes(8)),
            (int(Attribute.USE_CANDIDATE), b""),
        )
        _ = leg.sock.send(stun.build(Class.REQUEST, bytes(12), attributes, key=PWD.encode()))
        _ = leg.sock.recv(2048)
        association = Association(pair.theirs, pair.ours, active=True)
        outputs = association.start(time.monotonic())
        while leg.cipher is None:
            for output in outputs:
                if isinstance(output, Transmit):
                    _ = leg.sock.send(output.data)
                elif isinstance(output, Ready):
                    leg.cipher = Cipher(output.keys)
            if leg.cipher is None:
                outputs = association.on_datagram(leg.sock.recv(2048), time.monotonic())
        leg.sock.setblocking(False)


def _talk(legs: list[Leg], pid: int) -> tuple[float, int]:
    """Seconds of CPU that the worker used, and packets heard."""
    heard, due = 0, time.monotonic()
    before = cpu_seconds(pid)
    for _ in range(int(SECONDS / PACKET_SECONDS)):
        for leg in legs:
            leg.speak()
        due += PACKET_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))
        heard += sum(leg.listen() for leg in legs)
    used = cpu_seconds(pid) - before
    time.sleep(PACKET_SECONDS)
    return used, heard + sum(leg.listen() for leg in legs)
