"""Fingerprints of certificates, as a description names them (RFC 8122 §5)."""

import hashlib
import ssl
from dataclasses import dataclass
from typing import Final

from media.errors import ParseError

# The strongest that both sides know counts; SHA-1 and MD5 are no proof of anything.
ALGORITHMS: Final[dict[str, int]] = {"sha-512": 64, "sha-384": 48, "sha-256": 32}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    algorithm: str  # "sha-256"
    value: str  # "AB:CD:…"

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"

    @classmethod
    def parse(cls, text: str) -> "Fingerprint":
        """The value of `a=fingerprint`. Raises `ParseError`."""
        algorithm, _, value = text.strip().partition(" ")
        algorithm = algorithm.lower()
        size = ALGORITHMS.get(algorithm)
        if size is None:
            raise ParseError(f"a fingerprint by {algorithm[:16]!r}")
        pairs = value.strip().split(":")
        if len(pairs) != size or any(len(pair) != 2 for pair in pairs):
            raise ParseError(f"not a fingerprint: {value[:16]!r}")
        try:
            digest = bytes.fromhex("".join(pairs))
        except ValueError:
            raise ParseError(f"not a fingerprint: {value[:16]!r}") from None
        if len(digest) != size:
            raise ParseError(f"not a fingerprint: {value[:16]!r}")
        return cls(algorithm, digest.hex(":").upper())

    @classmethod
    def of(cls, der: bytes, algorithm: str = "sha-256") -> "Fingerprint":
        digest = hashlib.new(algorithm.replace("-", ""), der).digest()
        return cls(algorithm, digest.hex(":").upper())

    @classmethod
    def of_pem(cls, certificate: str) -> "Fingerprint":
        """Raises ValueError."""
        return cls.of(ssl.PEM_cert_to_DER_cert(certificate))

    def fits(self, der: bytes) -> bool:
        return self.algorithm in ALGORITHMS and self.of(der, self.algorithm) == self
