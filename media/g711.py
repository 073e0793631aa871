"""G.711 A-law and µ-law (ITU-T G.711, exact against the ITU-T G.191 reference), by tables.

Sound is numpy int16 at 8 kHz; a code is one byte per sample.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
Codes = NDArray[np.uint8]
Law = Literal["PCMU", "PCMA"]
LAWS: Final[dict[str, Law]] = {"PCMU": "PCMU", "PCMA": "PCMA"}


def _ulaw_decode_table() -> Pcm:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decode_table() -> Pcm:
    code = np.arange(256) ^ 0x55
    segment = code >> 4 & 7
    step = (code & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _segment(magnitude: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of the highest bit set: 0 for 1, 1 for 2 and 3 …"""
    return np.frexp(magnitude)[1].astype(np.int64) - 1


def _ulaw_encode_table(sample: NDArray[np.int64]) -> Codes:
    # Negative samples by ones' complement, as the reference does: -1 is a negative zero.
    magnitude = np.minimum((np.where(sample < 0, ~sample, sample) >> 2) + 33, 0x1FFF)
    segment = _segment(magnitude) - 5
    code = 0x7F - ((segment << 4) | (magnitude >> (segment + 1) & 0x0F))
    signed: Codes = np.where(sample < 0, code, code | 0x80).astype(np.uint8)
    return signed


def _alaw_encode_table(sample: NDArray[np.int64]) -> Codes:
    magnitude = np.where(sample < 0, ~sample, sample) >> 4
    segment = np.maximum(_segment(np.maximum(magnitude, 1)) - 3, 0)
    mantissa = magnitude >> np.maximum(segment - 1, 0) & 0x0F
    code = (segment << 4) | mantissa
    signed: Codes = np.where(sample < 0, code, code | 0x80).astype(np.uint8)
    return signed ^ np.uint8(0x55)


# Indexed by the sample's 16 bits read as unsigned.
_SAMPLES: Final = np.arange(1 << 16).astype(np.uint16).view(np.int16).astype(np.int64)
ENCODE: Final[dict[Law, Codes]] = {
    "PCMU": _ulaw_encode_table(_SAMPLES),
    "PCMA": _alaw_encode_table(_SAMPLES),
}
DECODE: Final[dict[Law, Pcm]] = {"PCMU": _ulaw_decode_table(), "PCMA": _alaw_decode_table()}

# One byte of silence of each law.
SILENCE: Final[dict[Law, bytes]] = {"PCMU": b"\xff", "PCMA": b"\xd5"}


def encode(pcm: Pcm, law: Law) -> bytes:
    """int16 samples of any (contiguous) shape to one code byte each."""
    return ENCODE[law].take(pcm.view(np.uint16)).tobytes()


def decode(codes: bytes, law: Law) -> Pcm:
    """Code bytes to int16 samples, shape (len(codes),)."""
    return DECODE[law].take(np.frombuffer(codes, np.uint8))


# For `bytes.translate`: one law to the other through the linear values.
ULAW_TO_ALAW: Final = encode(DECODE["PCMU"], "PCMA")
ALAW_TO_ULAW: Final = encode(DECODE["PCMA"], "PCMU")
TRANSLATE: Final[dict[tuple[str, str], bytes]] = {
    ("PCMU", "PCMA"): ULAW_TO_ALAW,
    ("PCMA", "PCMU"): ALAW_TO_ULAW,
}
