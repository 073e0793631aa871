"""Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3.

The keys of client transactions begin with "<", of server transactions with ">"; the key
of a session is its local tag. So no key of one kind is ever one of another.
"""

from sip.building import MAGIC_COOKIE
from sip.message import Request, Response


def _sender(request: Request) -> str:
    """Who sent it (§17.2.3), mostly as it is written."""
    value = request.first["Via"]
    if "," in value or '"' in value:
        via = request.via
        return f"{via.transport} {via.host}:{via.port}"
    return value.partition(";")[0]


def client_key(branch: str, method: str) -> str:
    """`method` is that of CSeq: a CANCEL has the branch of its INVITE."""
    return f"<{branch} {method}"


def client_key_of(response: Response) -> str:
    method = response.first.get("CSeq", "").rpartition(" ")[2]
    return f"<{response.branch} {method}"


def server_key(request: Request, method: str) -> str:
    """`method` is INVITE for its ACK and CANCEL, else the request's own."""
    branch = request.branch
    if branch.startswith(MAGIC_COOKIE) and branch != MAGIC_COOKIE:
        return f">{method} {branch} {_sender(request)}"
    # RFC 2543, or the mere cookie, which says nothing (RFC 4475 §3.2.1): what such a client
    # keeps the same in an INVITE, its ACK and its CANCEL. Its To gets a tag on the way.
    cseq = request.cseq.number
    return f">{method} {request.uri} {request.call_id} {cseq} {request.from_tag} {request.via}"


def merge_key(request: Request) -> str:
    """Equal for copies of one request that came by different ways (§8.2.2.2)."""
    cseq = request.cseq
    return f"{cseq.number} {cseq.method} {request.from_tag} {request.call_id}"
