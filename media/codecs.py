"""Codecs as sound in numbers: payload bytes to int16 samples and back.

PCMU, PCMA (RFC 3551 §4.5.14) and G.722 (§4.5.2) are always there; Opus (RFC 7587) where libopus
is. numpy is imported with this file: only workers that mix, record or transcode need it.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media import g711
from media.concealment import Concealment
from media.formats import (
    FORMATS,
    CodecError,
    Format,
    clock_rate,
    format_of,
    sample_rate,
    samples_per_packet,
    units_per_packet,
)

__all__ = [
    "FORMATS",
    "CodecError",
    "Decoder",
    "Encoder",
    "Format",
    "Pcm",
    "clock_rate",
    "decoder",
    "encoder",
    "format_of",
    "sample_rate",
    "samples_per_packet",
    "units_per_packet",
]

Pcm = NDArray[np.int16]
"""Mono sound, one number a sample."""


class Decoder(Protocol):
    """One stream of packets. Payloads that make no sense give silence, never an exception."""

    rate: int

    def decode(self, payload: bytes) -> Pcm:
        """The sound of the next packet."""
        ...

    def conceal(self, samples: int, following: bytes = b"") -> Pcm:
        """So many samples in place of packets that were lost.

        `following`: the packet right after the loss, if it has come. Opus may carry a copy of the
        lost one in it (RFC 6716 §2.1.7); it is decoded as usual afterwards.
        """
        ...


class Encoder(Protocol):
    rate: int

    def encode(self, pcm: Pcm) -> bytes:
        """One payload of any whole number of 10 ms."""
        ...


def decoder(codec: str, rate: int = 0) -> Decoder:
    """A decoder for one stream. Raises `CodecError`.

    `rate`: what the caller would like best; Opus gives 8, 16 or 48 kHz without a resampler, the
    others have only one rate. 0: that of the codec.
    """
    if codec in g711.LAWS:
        return G711Decoder(g711.LAWS[codec])
    if codec == "G722":
        from media.g722 import G722Decoder

        return G722Decoder()
    if codec == "opus":
        from media.opus import FULL_RATE, OpusDecoder

        return OpusDecoder(rate or FULL_RATE)
    raise CodecError(f"unknown codec {codec[:32]!r}")


def encoder(codec: str, rate: int = 0, fmtp: str = "") -> Encoder:
    """An encoder for one stream. Raises `CodecError`.

    `rate`: as with `decoder`. `fmtp`: what the receiver asks for in its description.
    """
    if codec in g711.LAWS:
        return G711Encoder(g711.LAWS[codec])
    if codec == "G722":
        from media.g722 import G722Encoder

        return G722Encoder()
    if codec == "opus":
        from media.opus import FULL_RATE, OpusEncoder

        return OpusEncoder(rate or FULL_RATE, fmtp)
    raise CodecError(f"unknown codec {codec[:32]!r}")


class G711Decoder:
    __slots__ = ("_loss", "_table", "rate")

    def __init__(self, law: g711.Law) -> None:
        self.rate = 8000
        self._table = g711.DECODE[law]
        self._loss = Concealment(self.rate)

    def decode(self, payload: bytes) -> Pcm:
        return self._loss.heard(self._table.take(np.frombuffer(payload, np.uint8)))

    def conceal(self, samples: int, following: bytes = b"") -> Pcm:
        return self._loss.lost(samples)


class G711Encoder:
    __slots__ = ("_table", "rate")

    def __init__(self, law: g711.Law) -> None:
        self.rate = 8000
        self._table = g711.ENCODE[law]

    def encode(self, pcm: Pcm) -> bytes:
        return self._table.take(pcm.view(np.uint16)).tobytes()
