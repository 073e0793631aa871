"""A UDP port that sends a tone as RTP and keeps what it hears: the sound of a page's telephone."""

import socket
import struct
import threading
import time

import numpy as np
from numpy.typing import NDArray

from tests.interop import tones
from tests.interop.programs import HOST, eventually, free_ports

FRAME = 160  # 20 ms at 8 kHz.
FRAME_SECONDS = 0.02
PCMU = 0
_BIAS = 0x84


def encode(samples: tones.Samples) -> bytes:
    """G.711 µ-law (ITU-T G.711, table 2a)."""
    whole = np.clip(samples * 32_767, -32_635, 32_635).astype(np.int32)
    magnitude = np.abs(whole) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(whole < 0, 0x80, 0)
    code: NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return code.tobytes()


def decode(data: bytes) -> tones.Samples:
    code = ~np.frombuffer(data, dtype=np.uint8) & 0xFF
    code = code.astype(np.int32)
    magnitude = ((((code & 0x0F) << 3) + _BIAS) << ((code & 0x70) >> 4)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude) / 32_768.0


class SoundPort:
    def __init__(self, hz: float) -> None:
        self.port = free_ports(2)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, self.port))
        self._socket.settimeout(FRAME_SECONDS / 4)
        self._remote: tuple[str, int] | None = None
        self._heard: list[bytes] = []
        seconds = 60
        t = np.arange(tones.RATE * seconds) / tones.RATE
        self._voice = encode(0.3 * np.sin(2 * np.pi * hz * t))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send_to(self, remote: tuple[str, int]) -> None:
        self._remote = remote

    def heard(self) -> NDArray[np.float64]:
        return decode(b"".join(self._heard))

    def listen(self, seconds: float) -> NDArray[np.float64]:
        """What is heard from now on for so long."""
        begin = len(self._heard)
        frames = round(seconds / FRAME_SECONDS)
        _ = eventually(
            lambda: len(self._heard) >= begin + frames,
            f"{frames} packets of sound at port {self.port}, not {len(self._heard) - begin}",
            seconds + 3.0,
        )
        return decode(b"".join(self._heard[begin:]))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        sequence, due = 0, time.monotonic()
        while not self._stop.is_set():
            self._read()
            now = time.monotonic()
            if now < due or self._remote is None:
                due = max(due, now) if self._remote is None else due
                continue
            at = sequence * FRAME % len(self._voice)
            header = struct.pack("!BBHII", 0x80, PCMU, sequence & 0xFFFF, sequence * FRAME, 77)
            self._send(header + self._voice[at : at + FRAME])
            sequence += 1
            due += FRAME_SECONDS

    def _send(self, packet: bytes) -> None:
        if self._remote is not None:
            try:
                _ = self._socket.sendto(packet, self._remote)
            except OSError:
                return  # The call is over on the other side.

    def _read(self) -> None:
        try:
            data = self._socket.recv(2048)
        except OSError:
            return
        if len(data) > 12 and data[0] == 0x80 and data[1] & 0x7F == PCMU:
            self._heard.append(data[12:])
