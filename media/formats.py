"""The codecs by their numbers: what can be said of them without numpy or any library."""

from importlib.util import find_spec
from typing import Final, NamedTuple

from media.errors import MediaError


class CodecError(MediaError):
    """A codec that is unknown, or not installed here."""


class Format(NamedTuple):
    rate: int  # Samples a second of the sound.
    clock_rate: int  # RTP timestamp units a second.


FORMATS: Final[dict[str, Format]] = {
    "PCMU": Format(8000, 8000),
    "PCMA": Format(8000, 8000),
    "G722": Format(16_000, 8000),  # RFC 3551 §4.5.2: the clock is wrong by design.
    "opus": Format(48_000, 48_000),
}
LAWS: Final = frozenset(("PCMU", "PCMA"))
# One byte for each timestamp unit, and each byte can begin a packet.
BYTES: Final = frozenset(("PCMU", "PCMA", "G722"))
PTIME: Final = 20  # Milliseconds in a packet, if nobody asks for anything else.
CLOCK_RATE: Final = 8000  # Of nearly all telephones.


def format_of(codec: str) -> Format:
    """Raises `CodecError`."""
    known = FORMATS.get(codec)
    if known is None:
        raise CodecError(f"unknown codec {codec[:32]!r}")
    return known


def clock_rate(codec: str) -> int:
    """RTP timestamp units a second."""
    return format_of(codec).clock_rate


def sample_rate(codec: str) -> int:
    return format_of(codec).rate


def samples_per_packet(codec: str, ptime: int = PTIME) -> int:
    """Samples in a packet of `ptime` milliseconds."""
    return format_of(codec).rate * ptime // 1000


def units_per_packet(codec: str, ptime: int = PTIME) -> int:
    """RTP timestamp units in a packet of `ptime` milliseconds."""
    return format_of(codec).clock_rate * ptime // 1000


def installed() -> tuple[str, ...]:
    """The codecs that this machine can do, by their cost: the dearest last."""
    from media import libopus

    return tuple(
        name
        for name in FORMATS
        if (name != "G722" or find_spec("G722")) and (name != "opus" or libopus.available())
    )
