"""Small messages and flows for the tests of the machines."""

from collections.abc import Iterable

from sip.flow import Flow
from sip.message import Request, Response, respond

ALICE = ("192.0.2.1", 5060)
BOB = ("192.0.2.2", 5060)
UDP = Flow("udp", ALICE, BOB)
TCP = Flow("tcp", ALICE, BOB, 1)

Headers = Iterable[tuple[str, str]]


def make_request(
    method: str,
    *,
    branch: str = "z9hG4bK-1",
    cseq: int = 1,
    to_tag: str = "",
    from_tag: str = "a",
    call_id: str = "call-1",
    uri: str = "sip:bob@192.0.2.2",
    headers: Headers = (),
    body: bytes = b"",
    source: tuple[str, int] = ALICE,
) -> Request:
    tag = f";tag={to_tag}" if to_tag else ""
    lines = [
        ("Via", f"SIP/2.0/UDP {source[0]}:{source[1]};rport;branch={branch}"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:alice@192.0.2.1>;tag={from_tag}"),
        ("To", f"<sip:bob@192.0.2.2>{tag}"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} {method}"),
    ]
    if method in ("INVITE", "UPDATE"):
        lines.append(("Contact", f"<sip:alice@{source[0]}:{source[1]}>"))
        if body:
            lines.append(("Content-Type", "application/sdp"))
    return Request(method, uri, [*lines, *headers], body)


def answer_to(
    request: Request, status: int, *, to_tag: str = "b", headers: Headers = (), body: bytes = b""
) -> Response:
    contact = [("Contact", "<sip:bob@192.0.2.2:5060>")] if 100 < status < 300 else []
    return respond(
        request,
        status,
        to_tag="" if status == 100 else to_tag,
        headers=[*contact, *headers],
        body=body,
    )
