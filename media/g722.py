"""G.722 at 64 kbit/s (ITU-T G.722 mode 1, exact against the ITU vectors), by `G722` (libg722).

That package is 60 kB of C in the public domain, with wheels for x86-64 and arm64.
"""

from importlib import import_module
from typing import Any, Final

import numpy as np

from media.codecs import Pcm
from media.concealment import Concealment

RATE: Final = 16_000
BIT_RATE: Final = 64_000

_library: Any = import_module("G722")  # It has no types.


class G722Decoder:
    """What is lost is missed by the state of the decoder, too: it hears the codes of the last pitch
    period again, so that the next packet begins without a click."""

    __slots__ = ("_codes", "_decode", "_loss", "rate")

    def __init__(self) -> None:
        self.rate = RATE
        self._decode = _library.G722(RATE, BIT_RATE, False).decode
        self._loss = Concealment(RATE)
        self._codes = b""  # Of the last packet.

    def decode(self, payload: bytes) -> Pcm:
        self._codes = payload
        return self._loss.heard(np.frombuffer(self._decode(payload), np.int16))

    def conceal(self, samples: int, following: bytes = b"") -> Pcm:
        made = self._loss.lost(samples)
        period = self._codes[-(self._loss.period // 2) :]  # Two samples in each code.
        if period and self._loss.period:
            missed = (samples // 2 // len(period) + 1) * period
            _ = self._decode(missed[: samples // 2])
        return made


class G722Encoder:
    __slots__ = ("_encode", "rate")

    def __init__(self) -> None:
        self.rate = RATE
        self._encode = _library.G722(RATE, BIT_RATE, False).encode

    def encode(self, pcm: Pcm) -> bytes:
        payload: bytes = self._encode(pcm)
        return payload
