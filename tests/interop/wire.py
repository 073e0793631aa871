"""What is on the wire, and when: RTP and SIP on loopback with the kernel's time stamps.

A recording does not show that sound came late: baresip writes what it decodes, whenever it came.
Needs the right to open a packet socket (root, or CAP_NET_RAW).
"""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Container
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Self

import pytest

ETH_P_IP = 0x0800
SO_TIMESTAMPNS = 35  # <asm-generic/socket.h>; the socket module does not name it
PACKET_BYTES = 65_536
BUFFER_BYTES = 8 << 20
UDP = 17
RTP_VERSION_BITS = 0x80
RTP_HEADER_BYTES = 12


@dataclass(frozen=True, slots=True)
class Packet:
    at: float  # seconds, of the kernel's clock
    source: int  # ports
    destination: int
    ssrc: int
    sequence: int
    payload: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP message: its method, or status and method ("200 INVITE")."""

    at: float
    source: int  # ports
    destination: int
    what: str
    call_id: str


def sip_message(data: bytes, at: float) -> Message | None:
    """The SIP message in this IPv4 packet, if there is one."""
    header = (data[0] & 0x0F) * 4
    text = data[header + 8 :].decode("utf-8", "replace")
    cseq = re.search(r"^CSeq:\s*\d+ (\w+)", text, re.MULTILINE)
    call_id = re.search(r"^Call-ID:\s*(\S+)", text, re.MULTILINE)
    if data[9] != UDP or cseq is None or call_id is None:
        return None
    source, destination = struct.unpack_from("!HH", data, header)
    first = text.split(" ", 2)
    what = f"{first[1]} {cseq[1]}" if first[0] == "SIP/2.0" else first[0]
    return Message(at, source, destination, what, call_id[1])


def rtp_packet(data: bytes, at: float) -> Packet | None:
    """The RTP packet in this IPv4 packet, if there is one. RTCP (payload types 72-76) is not."""
    header = (data[0] & 0x0F) * 4
    if data[9] != UDP or len(data) < header + 8 + RTP_HEADER_BYTES:
        return None
    source, destination = struct.unpack_from("!HH", data, header)
    first, kind, sequence, _, ssrc = struct.unpack_from("!BBHII", data, header + 8)
    if first & 0xC0 != RTP_VERSION_BITS or 72 <= kind & 0x7F <= 76:
        return None
    payload = data[header + 8 + RTP_HEADER_BYTES :]
    return Packet(at, source, destination, ssrc, sequence, payload)


class Wire:
    """Listens on loopback from `with` on; read `packets` after it."""

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        except PermissionError:
            pytest.skip("needs root or CAP_NET_RAW to see packets")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.settimeout(0.1)
        self._socket.bind(("lo", ETH_P_IP))
        self.packets: list[Packet] = []
        self.messages: list[Message] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                data, ancillary, _, address = self._socket.recvmsg(PACKET_BYTES, 64)
                # Everything on loopback passes twice; the way in has the time of arrival.
                if address[2] != socket.PACKET_HOST or len(data) < 28:
                    continue
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                at = seconds + nanoseconds / 1e9
                if packet := rtp_packet(data, at):
                    self.packets.append(packet)
                elif message := sip_message(data, at):
                    self.messages.append(message)

    def when(self, what: str, *, source: int = 0, destination: int = 0) -> float:
        """When the last such message passed (ports: 0 for any)."""
        times = [
            message.at
            for message in self.messages
            if message.what == what
            and source in (0, message.source)
            and destination in (0, message.destination)
        ]
        assert times, f"no {what} from {source} to {destination}"
        return times[-1]

    def to(self, ports: Container[int]) -> list[Packet]:
        """The packets that came to one of these ports, in order."""
        return [packet for packet in self.packets if packet.destination in ports]


def longest_pause(packets: list[Packet]) -> float:
    """Seconds between two packets, at most."""
    return max((b.at - a.at for a, b in pairwise(packets)), default=0.0)


def delays(into: list[Packet], out: list[Packet]) -> list[float]:
    """How long each packet took from one place to the other, in seconds; lost ones are left out."""
    came = {(packet.ssrc, packet.sequence): packet.at for packet in into}
    return [p.at - came[p.ssrc, p.sequence] for p in out if (p.ssrc, p.sequence) in came]
