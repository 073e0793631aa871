"""Keys of SRTP in a description: `a=crypto` (RFC 4568), suites of RFC 4568 §6.2 and RFC 7714 §14.

    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BASE64|2^48|1:4 WSH=64

Each side names the key of what it sends. Lifetimes are accepted and not counted: a call ends long
before 2^48 packets. `parse` raises `ParseError` and nothing else.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from media.errors import ParseError


class Suite(NamedTuple):
    """Bytes of the master key and salt."""

    key: int
    salt: int

    @property
    def master(self) -> int:
        return self.key + self.salt


SUITES: Final[dict[str, Suite]] = {
    # The first is what every phone knows, and some look at the first line alone.
    "AES_CM_128_HMAC_SHA1_80": Suite(16, 14),
    "AEAD_AES_256_GCM": Suite(32, 12),
    "AEAD_AES_128_GCM": Suite(16, 12),
    "AES_CM_128_HMAC_SHA1_32": Suite(16, 14),
}
LINES_MAX: Final = 32  # Of one m= line: every suite that there is, twice.
VALUE_CHARS_MAX: Final = 1024
MKI_BYTES_MAX: Final = 128  # RFC 4568 §6.1.

_LINE: Final = re.compile(
    r"([0-9]{1,9})[ \t]+([A-Za-z0-9_]{1,64})[ \t]+(\S+)((?:[ \t]+\S+)*)[ \t]*", re.ASCII
)
_LIFETIME: Final = re.compile(r"(2\^)?[0-9]{1,20}", re.ASCII)
_MKI: Final = re.compile(r"[0-9]{1,40}:([0-9]{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Crypto:
    """One line that we can do."""

    tag: int
    suite: str
    master: bytes = field(repr=False)  # Key and salt.
    mki_size: int = 0  # In each packet of who sends this line.

    def __str__(self) -> str:
        """As it is written behind `a=crypto:`."""
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.master).decode()}"


def parse(value: str) -> Crypto | None:
    """None: well-formed, but not for us (unknown suite, several keys, weaker than usual)."""
    match = _LINE.fullmatch(value) if len(value) <= VALUE_CHARS_MAX else None
    if match is None:
        raise ParseError("not a crypto line")  # Without its text: there may be a key in it.
    tag, suite, keys, parameters = match.groups()
    sizes = SUITES.get(suite)
    if sizes is None or ";" in keys or not all(map(_is_harmless, parameters.split())):
        return None
    method, _, info = keys.partition(":")
    if method.lower() != "inline":
        return None
    coded, *rest = info.split("|")
    try:
        master = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ParseError("a key that is not base64") from None
    if len(master) != sizes.master:
        raise ParseError(f"a key of {len(master)} bytes for {suite}")
    return Crypto(int(tag), suite, master, _mki_size(rest))


def _is_harmless(parameter: str) -> bool:
    """Session parameters (§6.3): a hint, or one that says itself that it may be ignored."""
    return parameter.startswith(("WSH=", "-"))


def _mki_size(rest: list[str]) -> int:
    """Of `lifetime|MKI:length`, both optional (§6.1)."""
    if len(rest) == 2 and _LIFETIME.fullmatch(rest[0]):
        rest = rest[1:]
    elif len(rest) == 1 and _LIFETIME.fullmatch(rest[0]):
        return 0
    if not rest:
        return 0
    match = _MKI.fullmatch(rest[0]) if len(rest) == 1 else None
    if match is None or not 1 <= int(match[1]) <= MKI_BYTES_MAX:
        raise ParseError("bad parameters of a key")
    return int(match[1])


def choose(values: Iterable[str]) -> Crypto | None:
    """The first line that we can do, in the order of who offers (§5.1.2); one without an MKI
    before one with it. Broken lines count as not there: the next one may be right."""
    usable: list[Crypto] = []
    for _, value in zip(range(LINES_MAX), values, strict=False):
        try:
            crypto = parse(value)
        except ParseError:
            continue
        if crypto is not None:
            usable.append(crypto)
    return min(usable, key=lambda crypto: crypto.mki_size > 0, default=None)
