"""Parts of the requests that we send: what each of them must have (RFC 3261 §8.1.1)."""

from functools import lru_cache
from typing import Final

from sip.flow import Address, Flow

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
    return f"<sip:{host_port(local)};transport={transport}>"


def body_headers(body: bytes, content_type: str) -> list[tuple[str, str]]:
    return [("Content-Type", content_type)] if body else []
