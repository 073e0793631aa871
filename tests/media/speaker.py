"""People who speak in tones, in real time, and what a recording of them holds."""

import asyncio
import time
import wave
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media import g711, rtp
from media.codecs import Pcm
from tests.media.rig import Phone, Rig

PACKET = 160
TICK = 0.02


class Speaker:
    """The voice of a phone: a tone of its own."""

    def __init__(self, phone: Phone, port: int, hertz: int, *, law: str = "PCMU") -> None:
        self.phone, self.port, self.ssrc = phone, port, phone.ssrc
        at = np.arange(80_000)
        tone = (8000 * np.sin(2 * np.pi * hertz / 8000 * at)).astype(np.int16)
        self._codes = g711.encode(tone, "PCMA" if law == "PCMA" else "PCMU")
        self._type = 8 if law == "PCMA" else 0
        self.seq = self.timestamp = 0
        self._said = 0

    def packet(self) -> bytes:
        at = self._said * PACKET % len(self._codes)
        self._said += 1
        self.seq, self.timestamp = self.seq + 1, self.timestamp + PACKET
        head = rtp.pack(self._type, self.seq, self.timestamp, self.ssrc)
        return head + self._codes[at : at + PACKET]

    def speak(self) -> None:
        _ = self.phone.send(self.port, self.packet())


async def conversation(
    seconds: float, *speakers: Speaker, at: Mapping[int, Callable[[], object]] | None = None
) -> None:
    """All of them say a packet every 20 ms. `at`: what else is done, by number of the tick."""
    start = time.monotonic()
    for tick in range(round(seconds / TICK)):
        wait = start + tick * TICK - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        if at is not None and tick in at:
            _ = at[tick]()
        for speaker in speakers:
            speaker.speak()


def speakers(setup: Rig, *hertz: int) -> list[Speaker]:
    """Of the phones of the rig in their order."""
    return [
        Speaker(phone, setup.ports[name], tone)
        for (name, phone), tone in zip(setup.phones.items(), hertz, strict=True)
    ]


def read(path: Path) -> NDArray[np.int16]:
    """Shape (samples, channels)."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return data.reshape(-1, file.getnchannels())


def hertz(sound: Pcm, rate: int = 8000) -> int:
    """The strongest tone, to the next ten; 0 for silence."""
    if not np.any(np.abs(sound.astype(int)) > 100):
        return 0
    spectrum = np.abs(np.fft.rfft(sound.astype(float) * np.hanning(len(sound))))
    return round(int(np.argmax(spectrum)) * rate / len(sound) / 10) * 10


def share(sound: Pcm, tone: int, rate: int = 8000) -> float:
    """How much of the energy is this tone, give and take 20 Hz."""
    spectrum = np.abs(np.fft.rfft(sound.astype(float) * np.hanning(len(sound)))) ** 2
    at = np.arange(len(spectrum)) * rate / len(sound)
    return float(spectrum[np.abs(at - tone) <= 20].sum() / spectrum.sum())
