"""Certificates for TLS: read from files, chosen by name, read again when the files change.

One context is given to every listener; it changes to the right certificate when a client has
said whom it calls (SNI, RFC 6066 §3), so new files count for the next connection, and those
that are open go on. A file that cannot be used changes nothing: the old certificate stays.
"""

import os
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sip.tls import server_context

OWN_DAYS: Final = 3650  # People tell each phone once to trust it.
OWN_DAYS_LEFT_MIN: Final = 30  # Then a new one is made at the next start.
COMMON_NAME_MAX: Final = 64  # RFC 5280, appendix A.1: ub-common-name.

Stamp = tuple[tuple[int, int, int], ...]


class CertificateError(Exception):
    """A certificate cannot be used; the text is one line that says which and why."""


class Pair(NamedTuple):
    """Two PEM files, or the same one twice."""

    certificate: Path
    key: Path


class _Loaded(NamedTuple):
    context: ssl.SSLContext
    names: frozenset[str]
    expires_at: float  # Unix seconds.
    stamp: Stamp


class Certificates:
    """All our certificates; the first one is for those who ask for no name of ours."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        """Raises CertificateError."""
        assert pairs
        self._loaded = {pair: _load(pair) for pair in pairs}
        first = pairs[0]
        self.context = server_context(first.certificate, first.key)
        self.context.sni_callback = self._choose

    @property
    def expires_at(self) -> float:
        """When the first of them will be no good any more: Unix seconds."""
        return min(loaded.expires_at for loaded in self._loaded.values())

    def use(self, pairs: Sequence[Pair]) -> None:
        """From now on these. Raises CertificateError: then nothing has changed."""
        self._loaded = {pair: self._fresh(pair) for pair in pairs}

    def reload(self) -> list[str]:
        """Read files again that have changed; returns what is wrong with them."""
        errors: list[str] = []
        loaded: dict[Pair, _Loaded] = {}
        for pair, old in self._loaded.items():
            try:
                loaded[pair] = self._fresh(pair)
            except CertificateError as error:
                loaded[pair] = old
                errors.append(str(error))
        self._loaded = loaded
        return errors

    def _fresh(self, pair: Pair) -> _Loaded:
        old = self._loaded.get(pair)
        return old if old is not None and _stamp(pair) == old.stamp else _load(pair)

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self.named((name or "").lower()).context

    def named(self, name: str) -> _Loaded:
        """The one for this host name; a wildcard stands for one label (RFC 6125 §6.4.3)."""
        wildcard = f"*.{name.partition('.')[2]}"
        loaded = self._loaded.values()
        for wanted in (name, wildcard):
            for one in loaded:
                if wanted in one.names:
                    return one
        return next(iter(loaded))


def _stamp(pair: Pair) -> Stamp:
    """What changes when a file is replaced or written to."""
    try:
        stats = [path.stat() for path in pair]
    except OSError as error:
        raise CertificateError(f"cannot read {error.filename}: {error.strerror}") from error
    return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


def _load(pair: Pair) -> _Loaded:
    stamp = _stamp(pair)
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        context = server_context(pair.certificate, pair.key)
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or str(error)
        raise CertificateError(f"certificate {pair.certificate}: {why}") from error
    expires_at = certificate.not_valid_after_utc.timestamp()
    return _Loaded(context, _names(certificate), expires_at, stamp)


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset()
    names = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    return frozenset(names | {str(ip) for ip in found.get_values_for_type(x509.IPAddress)})


# --- a certificate of our own


def own_certificate(directory: Path, names: Sequence[str]) -> Pair:
    """The self-signed one in this directory; made if there is none, or not for long.

    Raises CertificateError.
    """
    pair = Pair(directory / "own.pem", directory / "own-key.pem")
    try:
        if all(path.exists() for path in pair) and (
            _load(pair).expires_at > time.time() + OWN_DAYS_LEFT_MIN * 86_400
        ):
            return pair
        directory.mkdir(parents=True, exist_ok=True)
        certificate, key = make_certificate(names, OWN_DAYS)
        _write_secret(pair.key, key)
        _ = pair.certificate.write_bytes(certificate)
    except OSError as error:
        why = f"cannot write a certificate to {directory}: {error.strerror}"
        raise CertificateError(why) from error
    return pair


def make_certificate(names: Sequence[str], days: int) -> tuple[bytes, bytes]:
    """A self-signed certificate for these names and addresses, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:COMMON_NAME_MAX])])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # Phones' clocks are wrong.
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(encoding), private


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_secret(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)  # An old file might be readable by others.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        _ = file.write(data)
