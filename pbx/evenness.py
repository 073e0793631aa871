"""How evenly calls are shared out: https://en.wikipedia.org/wiki/Gini_coefficient."""

from collections.abc import Collection


def gini(counts: Collection[int]) -> float:
    """0.0: all have the same; near 1.0: one of many has everything."""
    total = sum(counts)
    if not total:
        return 0.0
    weighted = sum(place * count for place, count in enumerate(sorted(counts), 1))
    return (2 * weighted / total - len(counts) - 1) / len(counts)
