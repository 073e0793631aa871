"""Our certificates for DTLS (RFC 8827 §6.5): made once, kept beside the secrets, renewed in time.

There are two, because a browser makes new keys within a call only for another certificate: a leg
that goes to another media worker shows the other one.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography import x509

from media.fingerprint import Fingerprint
from media.protocol import Identity
from pbx.certificates import make_certificate
from pbx.log import get_logger

DAYS: Final = 30  # As long as browsers let theirs live.
DAYS_LEFT_MIN: Final = 10  # A call may have begun with the old one, and goes on.
CHECK_SECONDS: Final = 3600.0
NAMES: Final = ("one", "two")
_DAY: Final = 86_400.0


class Identities:
    def __init__(
        self,
        directory: Path,
        loop: asyncio.AbstractEventLoop,
        on_new: Callable[["Identities"], None],
    ) -> None:
        """`on_new`: they are others than before, or are there for the first time."""
        self.identities: tuple[Identity, ...] = ()
        self._directory = directory
        self._loop = loop
        self._on_new = on_new
        self._timer: asyncio.TimerHandle | None = None

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(
            str(Fingerprint.of_pem(identity.certificate_pem)) for identity in self.identities
        )

    def start(self) -> None:
        """Read or make them, and look after them from now on."""
        self.renew(time.time())
        self._timer = self._loop.call_later(CHECK_SECONDS, self.start)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def renew(self, wall: float) -> None:
        present = self.identities or [self._read(name) for name in NAMES]
        kept = tuple(
            self._make(name) if identity is None or _is_old(identity, wall) else identity
            for name, identity in zip(NAMES, present, strict=True)
        )
        if kept != self.identities:
            self.identities = kept
            self._on_new(self)

    def _paths(self, name: str) -> tuple[Path, Path]:
        return self._directory / f"{name}.pem", self._directory / f"{name}-key.pem"

    def _read(self, name: str) -> Identity | None:
        """None: there is none, or it is broken."""
        certificate, key = self._paths(name)
        try:
            identity = Identity(certificate.read_text("ascii"), key.read_text("ascii"))
            _ = _is_old(identity, 0.0)
        except (OSError, ValueError):
            return None
        return identity

    def _make(self, name: str) -> Identity:
        """Its name says nothing: everybody whom we call reads it."""
        certificate, key = make_certificate(["dzvin"], DAYS)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            for path, data in zip(self._paths(name), (certificate, key), strict=True):
                _write(path, data)
        except OSError as error:  # It does as well, until the next start.
            text = f"{error.filename}: {error.strerror}"
            get_logger().warning("certificate for browsers not kept", text=text)
        return Identity(certificate.decode(), key.decode())


def _is_old(identity: Identity, wall: float) -> bool:
    """Raises ValueError for what is no certificate."""
    certificate = x509.load_pem_x509_certificate(identity.certificate_pem.encode())
    return certificate.not_valid_after_utc.timestamp() < wall + DAYS_LEFT_MIN * _DAY


def _write(path: Path, data: bytes) -> None:
    """At once or not at all, and for nobody else to read."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        _ = file.write(data)
    _ = new.replace(path)
