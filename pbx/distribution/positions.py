"""A set of small integers that finds its next element fast: who is ready, by place in the queue.

Two levels of bits: one word per 64 places, and one integer that tells which words are not empty.
Every operation costs the same for a hundred members and for ten thousand.
"""

from collections.abc import Iterator
from typing import Final

_BITS: Final = 64
_SHIFT: Final = 6
_MASK: Final = _BITS - 1


class Positions:
    __slots__ = ("_filled", "_words", "count")

    def __init__(self, size: int) -> None:
        self._words = [0] * ((size + _MASK) >> _SHIFT)
        self._filled = 0  # Bit w: words[w] is not zero.
        self.count = 0

    def __contains__(self, position: int) -> bool:
        return bool(self._words[position >> _SHIFT] >> (position & _MASK) & 1)

    def add(self, position: int) -> None:
        word, bit = position >> _SHIFT, 1 << (position & _MASK)
        if not self._words[word] & bit:
            self._words[word] |= bit
            self._filled |= 1 << word
            self.count += 1

    def discard(self, position: int) -> None:
        word, bit = position >> _SHIFT, 1 << (position & _MASK)
        if self._words[word] & bit:
            self._words[word] ^= bit
            self.count -= 1
            if not self._words[word]:
                self._filled ^= 1 << word

    def next_from(self, position: int) -> int:
        """The lowest element that is not below `position`, or -1."""
        word = position >> _SHIFT
        if word >= len(self._words):
            return -1
        rest = self._words[word] >> (position & _MASK)
        if rest:
            return position + (rest & -rest).bit_length() - 1
        later = self._filled >> (word + 1)
        if not later:
            return -1
        word += (later & -later).bit_length()
        bits = self._words[word]
        return (word << _SHIFT) + (bits & -bits).bit_length() - 1

    def next_in(self, position: int, other: "Positions") -> int:
        """The lowest element that is not below `position` and in `other` too, or -1."""
        word = position >> _SHIFT
        words, others = self._words, other._words
        if word >= len(words):
            return -1
        rest = (words[word] & others[word]) >> (position & _MASK)
        if rest:
            return position + (rest & -rest).bit_length() - 1
        later = (self._filled & other._filled) >> (word + 1)
        while later:
            low = later & -later
            at = word + low.bit_length()
            bits = words[at] & others[at]
            if bits:
                return (at << _SHIFT) + (bits & -bits).bit_length() - 1
            later ^= low
        return -1

    def __iter__(self) -> Iterator[int]:
        """Ascending. The set must not change meanwhile; copy it with `list` if it may."""
        for word, bits in enumerate(self._words):
            while bits:
                low = bits & -bits
                yield (word << _SHIFT) + low.bit_length() - 1
                bits ^= low
