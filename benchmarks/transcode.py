"""What transcoding costs: CPU milliseconds for a second of call in one direction, by pair.

The transcoder alone, fed with packets of 20 ms of something like speech; the sockets cost what
`make bench ONLY=relay` says. All pairs take turns, and the best round counts: a busy machine makes
the others longer. A call transcoded both ways takes the sum of its two directions.

`make bench ONLY=transcode`
"""

import time
from typing import Final

import numpy as np

from media import formats, rtp
from media.codecs import Pcm, encoder, samples_per_packet, units_per_packet
from media.formats import sample_rate
from media.inband import ToneReceiver
from media.player import Stream
from media.relay import Leg
from media.repacketising import Repacketiser
from media.transcoding import Transcoder

SECONDS: Final = 2.0
ROUNDS: Final = 7
PAYLOAD_TYPES: Final = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 111}

Figure = tuple[str, float, str]


def run() -> list[Figure]:
    here = formats.installed()
    pairs = [(a, b) for a in here for b in here if a != b and {a, b} != {"PCMU", "PCMA"}]
    spoken = {codec: _spoken(codec) for codec in here}
    best = {pair: min(_ms(pair, spoken[pair[0]]) for _ in range(ROUNDS)) for pair in pairs}
    figures: list[Figure] = []
    for (a, b), ms in best.items():
        figures.append((f"transcode.{a}_{b}", ms, "ms of CPU per second, one way"))
    for a, b in pairs:
        if a < b:
            both = best[a, b] + best[b, a]
            figures.append((f"transcode.{a}_{b}.calls", 1000 / both, "calls on a core, both ways"))
    figures.append(("transcode.regroup", _regroup_ms(spoken["PCMU"]), "ms of CPU per second"))
    figures.append(("transcode.inband_dtmf", _inband_ms(), "ms of CPU per second"))
    return figures


def _leg(codec: str) -> Leg:
    leg = Leg()
    leg.codec, leg.payload_type = codec, PAYLOAD_TYPES[codec]
    leg.fmtp = "useinbandfec=1" if codec == "opus" else ""
    return leg


def _voice(rate: int) -> Pcm:
    """Harmonics of a pitch that moves, in syllables."""
    at = np.arange(int(rate * SECONDS)) / rate
    pitch = np.cumsum(120 + 30 * np.sin(2 * np.pi * 2 * at)) / rate
    sound = sum(np.sin(2 * np.pi * n * pitch) / n for n in range(1, 25))
    syllables = np.abs(np.sin(2 * np.pi * 2 * at))
    return (3000 * sound * syllables).astype(np.int16)


def _spoken(codec: str) -> list[bytes]:
    samples, units = samples_per_packet(codec), units_per_packet(codec)
    encode, sound = encoder(codec, fmtp="useinbandfec=1").encode, _voice(sample_rate(codec))
    return [
        rtp.pack(PAYLOAD_TYPES[codec], n, n * units, 5)
        + encode(sound[n * samples : (n + 1) * samples])
        for n in range(len(sound) // samples)
    ]


def _ms(pair: tuple[str, str], packets: list[bytes]) -> float:
    one = Transcoder(_leg(pair[0]), _leg(pair[1]), Stream(9, 0, 0))
    began = time.process_time()
    for n, packet in enumerate(packets):
        _ = one.on_packet(packet, n * 0.02)
    return (time.process_time() - began) * 1000 / SECONDS


def _regroup_ms(packets: list[bytes]) -> float:
    def once() -> float:
        one = Repacketiser(0, 30)
        began = time.process_time()
        for packet in packets:
            _ = one.on_packet(packet)
        return (time.process_time() - began) * 1000 / SECONDS

    return min(once() for _ in range(ROUNDS))


def _inband_ms() -> float:
    sound = _voice(8000)

    def once() -> float:
        one = ToneReceiver()
        began = time.process_time()
        for at in range(0, len(sound), 160):
            _ = one.feed(sound[at : at + 160])
        return (time.process_time() - began) * 1000 / SECONDS

    return min(once() for _ in range(ROUNDS))
