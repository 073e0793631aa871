"""Which codecs each peer may use, and how its keys reach us."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

# Between these two nothing is decoded: one byte becomes another.
LAWS: Final = frozenset(("PCMU", "PCMA"))


@dataclass(frozen=True, slots=True)
class PeerCodecs:
    codecs: tuple[str, ...] = ()  # The preferred one first; (): those of the exchange.
    inband_dtmf: bool = False  # Its keys may come as tones, and tones it understands.


ANY: Final = PeerCodecs()


@dataclass(frozen=True, slots=True)
class CodecPlan:
    """Of those who have anything of their own."""

    extensions: dict[str, PeerCodecs] = field(default_factory=dict[str, PeerCodecs])
    trunks: dict[str, PeerCodecs] = field(default_factory=dict[str, PeerCodecs])

    def of(self, extension: str, trunk: str) -> PeerCodecs:
        return self.trunks.get(trunk, ANY) if trunk else self.extensions.get(extension, ANY)


NO_CODECS: Final = CodecPlan()


@lru_cache(maxsize=256)
def ordered(allowed: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """What a peer that may use `allowed` is offered, or answered with, in a call that would like
    `wanted[0]` best: that first, then what can be made of it without decoding, then its own
    order."""
    best = wanted[:1]
    near = LAWS if LAWS.intersection(best) else frozenset(best)
    first = [codec for codec in best if codec in allowed]
    second = [codec for codec in allowed if codec in near and codec not in first]
    rest = [codec for codec in allowed if codec not in first and codec not in second]
    return (*first, *second, *rest)
