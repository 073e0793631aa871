"""Tones to send, and what is left of them: level, share and interruptions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media import rtp
from media.codecs import Pcm, decoder
from media.formats import format_of

AMPLITUDE = 8000


def tone(hertz: float, rate: int, seconds: float, amplitude: float = AMPLITUDE) -> Pcm:
    at = np.arange(round(rate * seconds)) / rate
    return np.rint(amplitude * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


@dataclass(frozen=True)
class Heard:
    level_db: float  # Against `AMPLITUDE`.
    share: float  # Of the energy that is the tone.
    quietest_db: float  # The weakest 10 ms against the mean.


def measure(pcm: Pcm, hertz: float, rate: int) -> Heard:
    sound = pcm.astype(np.float64)
    energy = float(sound @ sound)
    if energy == 0.0:
        return Heard(-99.0, 0.0, -99.0)
    amplitude = np.abs(sound @ _wave(hertz, rate, len(sound))) * 2 / len(sound)
    block = rate // 100
    blocks = sound[: len(sound) // block * block].reshape(-1, block)
    levels = np.sqrt((blocks**2).mean(axis=1))
    return Heard(
        float(20 * np.log10(amplitude / AMPLITUDE)),
        _share(sound, hertz, rate),
        float(20 * np.log10(max(levels.min(), 1e-3) / levels.mean())),
    )


def _share(sound: NDArray[np.float64], hertz: float, rate: int) -> float:
    """By pieces of 100 ms, so that neither a step of the phase nor of time counts for long."""
    size = rate // 10
    pieces = [sound[at : at + size] for at in range(0, len(sound) - size + 1, size)] or [sound]
    tonal = total = 0.0
    for piece in pieces:
        tonal += 2 * float(np.abs(piece @ _wave(hertz, rate, len(piece))) ** 2) / len(piece)
        total += float(piece @ piece)
    return tonal / total


def _wave(hertz: float, rate: int, samples: int) -> NDArray[np.complex128]:
    wave: NDArray[np.complex128] = np.exp(-2j * np.pi * hertz * np.arange(samples) / rate)
    return wave


def listen(packets: list[bytes], codec: str, payload_type: int) -> Pcm:
    """What a phone would play: by timestamps, with silence in gaps."""
    fmt, decode = format_of(codec), decoder(codec).decode
    ratio = fmt.rate // fmt.clock_rate if fmt.rate > fmt.clock_rate else 1
    pieces: list[Pcm] = []
    expected: int | None = None
    for packet in packets:
        header = rtp.unpack(packet)
        if header.payload_type != payload_type:
            continue
        pcm = decode(rtp.payload(packet))
        if expected is not None:
            ahead = (header.timestamp - expected) % rtp.TIMESTAMP_MOD
            assert ahead < fmt.clock_rate * 60, "time went backwards"
            pieces.append(np.zeros(ahead * ratio, np.int16))
        pieces.append(pcm)
        expected = (header.timestamp + len(pcm) // ratio) % rtp.TIMESTAMP_MOD
    return np.concatenate(pieces) if pieces else np.empty(0, np.int16)
