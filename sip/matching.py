"""Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3.

The keys of client transactions begin with "<", of server transactions with ">"; the key
of a session is its local tag. So no key of one kind is ever one of another.
"""

from typing import Final

from sip.building import MAGIC_COOKIE
from sip.message import Message, Request, Response

_BRANCH: Final = ";branch="


def _branch_and_sender(message: Message) -> tuple[str, str]:
    """Of the topmost Via, mostly without parsing it: this is done for every message."""
    value = message.get("Via") or ""
    start = value.find(_BRANCH)
    if start < 0 or "," in value or '"' in value:
        via = message.via
        return via.branch, f"{via.transport} {via.host}:{via.port}"
    end = value.find(";", start + 1)
    branch = value[start + len(_BRANCH) : end] if end > 0 else value[start + len(_BRANCH) :]
    return branch.rstrip(" \t"), value[: value.index(";")]


def client_key(branch: str, method: str) -> str:
    """`method` is that of CSeq: a CANCEL has the branch of its INVITE."""
    return f"<{branch} {method}"


def client_key_of(response: Response) -> str:
    method = (response.get("CSeq") or "").rpartition(" ")[2]
    return f"<{_branch_and_sender(response)[0]} {method}"


def server_key(request: Request, method: str) -> str:
    """`method` is INVITE for its ACK and CANCEL, else the request's own."""
    branch, sender = _branch_and_sender(request)
    if branch.startswith(MAGIC_COOKIE) and branch != MAGIC_COOKIE:
        return f">{method} {branch} {sender}"
    # RFC 2543, or the mere cookie, which says nothing (RFC 4475 §3.2.1): what such a client
    # keeps the same in an INVITE, its ACK and its CANCEL. Its To gets a tag on the way.
    cseq = request.cseq.number
    return f">{method} {request.uri} {request.call_id} {cseq} {request.from_tag} {request.via}"


def merge_key(request: Request) -> str:
    """Equal for copies of one request that came by different ways (§8.2.2.2)."""
    return f"{request.cseq} {request.from_tag} {request.call_id}"
