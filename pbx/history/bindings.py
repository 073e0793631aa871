"""Registrations that outlive a restart: how they are written down, and which can be used again.

On disk all times are Unix seconds. A phone on UDP is where it was. One on TCP has lost its
connection; it can be called again if it listens where its contact says, which is so where nothing
translates addresses between us. Browsers and phones on TLS come back by themselves.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from sip.errors import ParseError
from sip.flow import Flow
from sip.registration import Binding
from sip.uri import Uri

DEFAULT_PORT: Final = 5060

CREATE: Final = """CREATE TABLE bindings (
    extension TEXT NOT NULL,
    contact TEXT NOT NULL,
    transport TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    call_id TEXT NOT NULL,
    cseq INTEGER NOT NULL,
    q REAL NOT NULL,
    instance TEXT,
    reg_id INTEGER,
    path TEXT NOT NULL,   -- JSON: list of URIs in <>.
    user_agent TEXT NOT NULL,
    PRIMARY KEY (extension, contact)
) WITHOUT ROWID"""
_COLUMNS: Final = (
    "extension, contact, transport, host, port, expires_at, updated_at, call_id, cseq, q, instance,"
    " reg_id, path, user_agent"
)
WRITE: Final = f"INSERT OR REPLACE INTO bindings ({_COLUMNS}) VALUES ({', '.join('?' * 14)})"
DROP: Final = "DELETE FROM bindings WHERE extension = ? AND contact = ?"
READ: Final = f"SELECT {_COLUMNS} FROM bindings WHERE expires_at > ? ORDER BY extension, updated_at"

_decode_path = msgspec.json.Decoder(tuple[str, ...]).decode


def lasting(binding: Binding, epoch: float) -> Binding | None:
    """As it is kept, its times in Unix seconds; None: it ends with this process."""
    flow = binding.flow
    if flow.transport != "udp" and callable_address(binding) is None:
        return None
    return replace(
        binding, expires_at=binding.expires_at + epoch, updated_at=binding.updated_at + epoch
    )


def callable_address(binding: Binding) -> tuple[str, int] | None:
    """Where a phone on TCP takes connections, if that can be known."""
    if binding.flow.transport != "tcp" or binding.path:
        return None
    try:
        uri = Uri.parse(binding.contact)
    except ParseError:
        return None
    if uri.host != binding.flow.remote[0] or (uri.param("transport") or "tcp").lower() != "tcp":
        return None
    return uri.host, uri.port or DEFAULT_PORT


def row_of(binding: Binding) -> tuple[str | int | float | None, ...]:
    transport, (host, port) = binding.flow.transport, binding.flow.remote
    return (
        *(binding.aor, binding.contact, transport, host, port),
        *(binding.expires_at, binding.updated_at, binding.call_id, binding.cseq, binding.q),
        *(binding.instance, binding.reg_id),
        msgspec.json.encode(binding.path).decode(),
        binding.user_agent,
    )


def binding_of(row: Sequence[object]) -> Binding:
    """ValueError if it was tampered with. Its flow says where the phone was; we may be elsewhere
    now, so the flow is to be made anew."""
    names = _COLUMNS.split(", ")
    fields = dict(zip(names, row, strict=True))
    fields["aor"] = fields.pop("extension")
    transport, host, port = (fields.pop(name) for name in ("transport", "host", "port"))
    fields["flow"] = Flow(str(transport), ("", 0), (str(host), msgspec.convert(port, int)))
    fields["path"] = _decode_path(str(fields["path"]))
    return msgspec.convert(fields, Binding)


def usable_again(
    kept: Iterable[Binding],
    extensions: Container[str],
    epoch: float,
    flow_to: Callable[[str, tuple[str, int]], Flow],
) -> list[Binding]:
    """After a restart: with flows and times of this process. `flow_to` makes a way to a phone on
    TCP: when the first call cannot connect it, the flow is closed, and the binding goes with it."""
    found: list[Binding] = []
    for binding in kept:
        if binding.aor not in extensions:
            continue
        transport = binding.flow.transport
        address = binding.flow.remote if transport == "udp" else callable_address(binding)
        if address is None:
            continue
        try:
            flow = flow_to(transport, address)
        except OSError:
            continue  # We do not listen on this transport any more.
        expires_at, updated_at = binding.expires_at - epoch, binding.updated_at - epoch
        found.append(replace(binding, flow=flow, expires_at=expires_at, updated_at=updated_at))
    return found
