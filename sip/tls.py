"""TLS without sockets: bytes of the network on one side, plain bytes on the other.

The connection below is plain TCP to the event loop, so caps and patience hold from its first
moment, before a handshake has cost anything.
"""

import ssl
from pathlib import Path
from typing import Final

READ_BYTES: Final = 65_536
TlsError = ssl.SSLError


class TlsLayer:
    """One side of one TLS connection. `take` has what must be sent after every other call."""

    __slots__ = ("_incoming", "_object", "_outgoing", "closed", "ready")

    def __init__(self, context: ssl.SSLContext, *, server_name: str | None = None) -> None:
        """`server_name`: whom we call, and whose certificate we want; None: we are called."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_name is None,
            server_hostname=server_name,
        )
        self.ready = False  # The handshake is done.
        self.closed = False  # The peer has said that nothing more will come.

    def begin(self) -> None:
        """The client's first words."""
        _ = self._shake_hands()

    def feed(self, data: bytes) -> bytes:
        """What came from the network; returns what it says. Raises TlsError: close then."""
        _ = self._incoming.write(data)
        if not self.ready and not self._shake_hands():
            return b""
        parts: list[bytes] = []
        try:
            while part := self._object.read(READ_BYTES):
                parts.append(part)
            self.closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        return b"".join(parts)

    def write(self, data: bytes) -> None:
        assert self.ready
        _ = self._object.write(data)

    def end(self) -> None:
        """Say that nothing more will come."""
        try:
            self._object.unwrap()
        except ssl.SSLError:
            return  # The peer has not said it yet: nobody waits for that.

    def take(self) -> bytes:
        """What must be sent to the network."""
        return self._outgoing.read()

    def _shake_hands(self) -> bool:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.ready = True
        return True


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """For those who call us. Raises OSError (TlsError is one) if the files are no pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(certificate, key)
    return context


def client_context(*, verify: bool = True, authorities: Path | None = None) -> ssl.SSLContext:
    """For those whom we call. Without `authorities` (PEM) those of the system are believed."""
    context = ssl.create_default_context(
        ssl.Purpose.SERVER_AUTH, cafile=None if authorities is None else str(authorities)
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
