"""µ-law as ITU-T G.711 (table 2a) has it, written for the tests alone."""

import numpy as np

from tests.interop import tones

_BIAS = 0x84


def decode(data: bytes) -> tones.Samples:
    code = ~np.frombuffer(data, dtype=np.uint8) & 0xFF
    code = code.astype(np.int32)
    magnitude = ((((code & 0x0F) << 3) + _BIAS) << ((code & 0x70) >> 4)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude) / 32_768.0
