"""How good a conversation sounded, by what arrived: ITU-T G.107, cut down to G.711."""

from typing import Final

R_BEST: Final = 93.2  # No loss, no delay.
LOSS_ROBUSTNESS: Final = 4.3  # Bpl of G.711 without concealment (ITU-T G.113, appendix I).
NETWORK_MS: Final = 20.0  # Of delay that nobody can avoid.
KNEE_MS: Final = 177.3  # Beyond it people begin to talk at the same time (G.107, simplified).


def mos(received: int, lost: int, jitter_ms: float) -> float | None:
    """1 (bad) to 4.4 (as good as the telephone gets); None when nothing came."""
    if received <= 0:
        return None
    loss = 100.0 * max(0, lost) / (received + max(0, lost))
    # A jitter buffer of twice the jitter is what phones have.
    delay = NETWORK_MS + 2.0 * jitter_ms
    late = 0.11 * (delay - KNEE_MS) if delay > KNEE_MS else 0.0
    r = R_BEST - 0.024 * delay - late - 95.0 * loss / (loss + LOSS_ROBUSTNESS)
    if r <= 0.0:
        return 1.0
    return round(max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6), 2)
