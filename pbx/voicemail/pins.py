"""PINs of mailboxes, and how long one waits after wrong ones.

A PIN has few digits, so no hash keeps it from somebody who has the file; this one makes it cost
minutes to hours instead of nothing, and differs for equal PINs. Whoever guesses by phone is slowed
down and shut out.
"""

import hmac
from dataclasses import dataclass
from hashlib import scrypt
from itertools import pairwise
from typing import Final

PIN_DIGITS_MAX: Final = 16
_COST: Final = 2**10  # 2.5 ms on the loop: calls do not notice.
_SALT_CHARACTERS: Final = 16

TRIES: Final = 3  # Of one call.
LOCK_SECONDS: Final = 60.0  # After a call without the right one, twice as long after each further.
LOCK_SECONDS_MAX: Final = 3600.0
LOCKS_MAX: Final = 10_000  # Mailboxes; what has been tried longest ago is forgotten.


def hash_pin(digits: str, salt: str) -> str:
    salt = salt[:_SALT_CHARACTERS]
    made = scrypt(digits.encode(), salt=salt.encode(), n=_COST, r=8, p=1, dklen=16)
    return f"scrypt:{_COST}:{salt}:{made.hex()}"


def is_pin(digits: str, hashed: str) -> bool:
    """Whether this is the PIN; never, where the hash is none."""
    try:
        kind, cost, salt, made = hashed.split(":")
        wanted = bytes.fromhex(made)
        if kind != "scrypt" or int(cost) > 2**15 or not digits:
            return False
        found = scrypt(digits.encode(), salt=salt.encode(), n=int(cost), r=8, p=1, dklen=16)
    except ValueError:
        return False
    return hmac.compare_digest(wanted, found)


def is_weak(digits: str, mailbox: str, digits_min: int) -> bool:
    """What is tried first: too few digits, one digit, 1234, the number of the mailbox."""
    if not digits_min <= len(digits) <= PIN_DIGITS_MAX or not digits.isdigit():
        return True
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    return digits == mailbox or (len(steps) == 1 and steps <= {0, 1, 9})


@dataclass(slots=True)
class _Lock:
    failures: int = 0
    until: float = 0.0


class Locks:
    """Mailboxes that somebody could not open."""

    def __init__(self) -> None:
        self._locks: dict[str, _Lock] = {}

    def is_locked(self, mailbox: str, now: float) -> bool:
        lock = self._locks.get(mailbox)
        return lock is not None and now < lock.until

    def failed(self, mailbox: str, now: float) -> float:
        """A call has ended without the right PIN; returns the seconds that it is locked for."""
        lock = self._locks.pop(mailbox, None) or _Lock()
        if len(self._locks) >= LOCKS_MAX:
            del self._locks[next(iter(self._locks))]
        self._locks[mailbox] = lock
        lock.failures += 1
        seconds: float = min(LOCK_SECONDS * 2 ** min(lock.failures - 1, 16), LOCK_SECONDS_MAX)
        lock.until = now + seconds
        return seconds

    def opened(self, mailbox: str) -> None:
        _ = self._locks.pop(mailbox, None)
