"""Tags, branches and Call-IDs: unguessable to others, reproducible from a secret."""

from hashlib import blake2b
from typing import Final

SECRET_BYTES_MAX: Final = 64  # The longest key of BLAKE2b; a longer secret is hashed first.
TOKEN_CHARS_MAX: Final = 128  # Of one digest.


def mac_key(secret: bytes) -> bytes:
    """A key that `blake2b` takes, whatever the length of the secret."""
    return secret if len(secret) <= SECRET_BYTES_MAX else blake2b(secret).digest()


class Tokens:
    """A stream of tokens. The same secret gives the same stream, which makes a run repeatable."""

    __slots__ = ("_counter", "_key", "_rest")

    def __init__(self, secret: bytes) -> None:
        self._key = mac_key(secret)
        self._counter = 0
        self._rest = ""  # Digits of the last digest that nobody has got yet.

    def token(self, length: int = 16) -> str:
        """`length` hexadecimal digits, 4 bits of chance each; `TOKEN_CHARS_MAX` at most."""
        rest = self._rest
        if len(rest) < length:
            self._counter += 1
            counter = self._counter.to_bytes(8, "big")
            rest = blake2b(counter, key=self._key, digest_size=64).hexdigest()
        self._rest = rest[length:]
        return rest[:length]
