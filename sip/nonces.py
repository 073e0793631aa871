"""Nonces that need no memory until somebody has used one well (RFC 7616 §3.3, §5.4).

A nonce is its time of issue, a counter and a MAC over both, so a flood of requests without
credentials leaves nothing behind. It is good at one host: who forges his address never sees the
nonce that belongs to it. Only for nonces used with the right password the highest
nonce count is kept, against replay.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from enum import Enum
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from sip.tokens import mac_key

NONCES_MAX: Final = 20_000  # Used nonces remembered: those of 20,000 phones in one life time.
_MAC_BYTES: Final = 12
_STAMP_BYTES: Final = 12  # 8 of time, 4 of counter.
_CHARS: Final = 32  # Stamp and MAC in base64.


class NonceState(Enum):
    FRESH = "fresh"
    STALE = "ours, but too old or used before"
    FOREIGN = "not ours"


class Nonces:
    __slots__ = ("_floor", "_issued", "_key", "_seconds", "_used")

    def __init__(self, secret: bytes, seconds: float) -> None:
        self._key = mac_key(secret)
        self._seconds = seconds
        self._issued = 0
        self._used: dict[str, tuple[int, int]] = {}  # Nonce -> time of issue, highest count.
        self._floor = -1  # Forgotten nonces are not younger than this (milliseconds).

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._used)

    def issue(self, now: float, host: str = "") -> str:
        self._issued = (self._issued + 1) & 0xFFFF_FFFF
        stamp = max(0, int(now * 1000)).to_bytes(8, "big") + self._issued.to_bytes(4, "big")
        return urlsafe_b64encode(stamp + self._mac(stamp, host)).decode("ascii")

    def look(self, nonce: str, count: int, now: float, host: str = "") -> NonceState:
        """Whether it may be used with this nonce count."""
        issued = self._issued_at(nonce, host)
        if issued is None:
            return NonceState.FOREIGN
        age = now - issued / 1000
        used = self._used.get(nonce)
        replayed = count <= used[1] if used else issued <= self._floor
        # A nonce from the future is one of before a restart, when the clock began anew.
        if replayed or not -1.0 < age <= self._seconds:
            return NonceState.STALE
        return NonceState.FRESH

    def use(self, nonce: str, count: int, now: float, host: str = "") -> None:
        """The password was right: this count, and those below it, are spent."""
        issued = self._issued_at(nonce, host)
        assert issued is not None, nonce
        if nonce not in self._used:
            self._make_room(now)
        self._used[nonce] = (issued, count)

    def _make_room(self, now: float) -> None:
        oldest = int((now - self._seconds) * 1000)
        for nonce, (issued, _) in list(self._used.items())[:2]:  # Two out, one in: it shrinks.
            if issued < oldest:
                del self._used[nonce]
        if len(self._used) >= NONCES_MAX:
            forgotten = next(iter(self._used))
            self._floor = max(self._floor, self._used.pop(forgotten)[0])

    def _issued_at(self, nonce: str, host: str) -> int | None:
        if len(nonce) != _CHARS or not nonce.isascii():
            return None
        try:
            raw = urlsafe_b64decode(nonce)
        except Base64Error:
            return None
        stamp, mac = raw[:_STAMP_BYTES], raw[_STAMP_BYTES:]
        if len(mac) != _MAC_BYTES or not compare_digest(mac, self._mac(stamp, host)):
            return None
        return int.from_bytes(stamp[:8], "big")

    def _mac(self, stamp: bytes, host: str) -> bytes:
        return blake2b(stamp + host.encode(), key=self._key, digest_size=_MAC_BYTES).digest()
