"""Parts of the requests that we send: what each of them must have (RFC 3261 §8.1.1)."""

from functools import lru_cache
from typing import Final

from sip.flow import Address, Flow
from sip.message import Request

MAX_FORWARDS: Final = "70"  # RFC 3261 §8.1.1.6.
MAGIC_COOKIE: Final = "z9hG4bK"  # RFC 3261 §8.1.1.7.


def host_port(address: Address) -> str:
    """As in a URI or Via. Port 0: we listen nowhere, only our connections can be answered."""
    host, port = address
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def via_of(flow: Flow, branch: str) -> str:
    """Always with rport (RFC 3581 §3): half the peers sit behind a NAT."""
    return f"{_via_start(flow.transport, flow.local)}{branch}"


def contact_of(flow: Flow) -> str:
    """Where requests within a dialog reach us."""
    return _contact(flow.transport, flow.local)


# We have few addresses: of a host with several, the one that the peer sees.
@lru_cache(maxsize=256)
def _via_start(transport: str, local: Address) -> str:
    return f"SIP/2.0/{transport.upper()} {host_port(local)};rport;branch="


@lru_cache(maxsize=256)
def _contact(transport: str, local: Address) -> str:
    if transport == "udp":
        return f"<sip:{host_port(local)}>"
    transport = "ws" if transport == "wss" else transport  # RFC 7118 §5.2: one for both.
    return f"<sip:{host_port(local)};transport={transport}>"


def body_headers(body: bytes, content_type: str) -> list[tuple[str, str]]:
    return [("Content-Type", content_type)] if body else []


def again(
    request: Request, via: str, cseq: int, changed: tuple[tuple[str, str], ...] = ()
) -> Request:
    """The same request once more, in a transaction of its own (RFC 3261 §22.2, RFC 4028 §7.4).

    `changed` are headers that it has instead of others. Old credentials do not go with it.
    """
    gone = {"Via", "CSeq", "Authorization", "Proxy-Authorization", *(name for name, _ in changed)}
    kept = [header for header in request.headers if header[0] not in gone]
    lines = [("Via", via), *kept, ("CSeq", f"{cseq} {request.method}"), *changed]
    return Request(request.method, request.uri, lines, request.body)


def along(invite: Request, method: str, to: str | None = None) -> Request:
    """An ACK or CANCEL that takes the way of this INVITE and has its Via (§9.1, §17.1.1.3)."""
    first = invite.first
    routes = invite.get_all("Route") if "Route" in first else ()
    lines = [
        ("Via", first.get("Via", "")),
        *[("Route", route) for route in routes],
        ("Max-Forwards", MAX_FORWARDS),
        ("From", first.get("From", "")),
        ("To", to or first.get("To", "")),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq.number} {method}"),
    ]
    return Request(method, invite.uri, lines)
