"""libopus by ctypes: the few of its functions that we use. BSD licence, Debian's `libopus0`.

Not PyAV, which gives neither in-band FEC nor loss concealment, and whose wheels carry GPL code;
but the copy of libopus that lies in its wheel is as good as the system's. Where there is none,
Opus is not offered, and nothing else changes.
"""

import ctypes
import logging
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_ubyte, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

SONAME: Final = "libopus.so.0"  # The ABI of all of 1.x.

APPLICATION_VOIP: Final = 2048
SET_BITRATE: Final = 4002
SET_VBR: Final = 4006
SET_COMPLEXITY: Final = 4010
SET_INBAND_FEC: Final = 4012
SET_PACKET_LOSS_PERC: Final = 4014
SET_DTX: Final = 4016
SET_SIGNAL: Final = 4024
SIGNAL_VOICE: Final = 3001

_log: Final = logging.getLogger(__name__)


class OpusError(Exception):
    """libopus refused something, and its number for it."""


@cache
def load() -> ctypes.CDLL | None:
    """None: it is not on this machine."""
    for name in (SONAME, *_bundled()):
        try:
            return _typed(ctypes.CDLL(name))
        except (OSError, AttributeError):
            continue
    _log.warning("Opus is not offered: %s is not installed", SONAME)
    return None


def available() -> bool:
    return load() is not None


def _bundled() -> list[str]:
    """The copy in the wheel of `av`, found without importing that."""
    spec = find_spec("av")
    if spec is None or not spec.submodule_search_locations:
        return []
    beside = Path(next(iter(spec.submodule_search_locations))).parent / "av.libs"
    return [str(path) for path in sorted(beside.glob("libopus*.so*"))]


def _typed(opus: ctypes.CDLL) -> ctypes.CDLL:
    for name, result, *arguments in (
        ("opus_decoder_create", c_void_p, c_int32, c_int, POINTER(c_int)),
        ("opus_decoder_destroy", None, c_void_p),
        ("opus_decode", c_int, c_void_p, c_char_p, c_int32, c_void_p, c_int, c_int),
        ("opus_packet_get_nb_samples", c_int, c_char_p, c_int32, c_int32),
        ("opus_encoder_create", c_void_p, c_int32, c_int, c_int, POINTER(c_int)),
        ("opus_encoder_destroy", None, c_void_p),
        ("opus_encode", c_int32, c_void_p, c_void_p, c_int, POINTER(c_ubyte), c_int32),
        ("opus_encoder_ctl", c_int, c_void_p, c_int, c_int32),
        ("opus_repacketizer_create", c_void_p),
        ("opus_repacketizer_destroy", None, c_void_p),
        ("opus_repacketizer_init", c_void_p, c_void_p),
        ("opus_repacketizer_cat", c_int, c_void_p, c_char_p, c_int32),
        ("opus_repacketizer_out", c_int32, c_void_p, POINTER(c_ubyte), c_int32),
    ):
        function = getattr(opus, name)
        function.restype = result
        function.argtypes = arguments
    return opus


def create(kind: str, *arguments: int) -> int:
    """A decoder or encoder. Raises `OpusError`."""
    opus = load()
    if opus is None:
        raise OpusError(f"{SONAME} is not installed")
    error = c_int()
    state: int | None = getattr(opus, f"opus_{kind}_create")(*arguments, byref(error))
    if not state:
        raise OpusError(f"opus_{kind}_create{arguments}: {error.value}")
    return state
