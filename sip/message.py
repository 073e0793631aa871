"""Requests and responses (RFC 3261 §7), and the response that belongs to a request (§8.2.6)."""

import re
from collections.abc import Iterable
from typing import Final

from sip.errors import LocalError, ParseError
from sip.headers import CSeq, NameAddr, Via, split_commas
from sip.names import canonical_name
from sip.text import is_token, one_line

Headers = list[tuple[str, str]]

# Requests that make a dialog, so that the path must be in the answer (RFC 3261 §12.1.1,
# RFC 6665 §4.2.1, RFC 3515 §2.4.1).
_DIALOG_MAKERS: Final = frozenset({"INVITE", "SUBSCRIBE", "REFER"})

_COPIED: Final = ("From", "To", "Call-ID", "CSeq")  # Into each response (§8.2.6.2).
_HEAD_NAMES: Final = frozenset({"Via", *_COPIED})
_TRYING_LINES: Final = 8
_NOT_IN_A_LINE: Final = re.compile(r"[\x00-\x20\x7f]")
_BRANCH: Final = ";branch="
_TAG: Final = ">;tag="


class Message:
    """What requests and responses share. Treat as immutable once built.

    `headers` has canonical names ("Via", "Call-ID"), in order, with unfolded values, and never
    Content-Length, which follows from `body`. The typed views are parsed when first asked for
    and raise ParseError when the header is missing or bad.
    """

    __slots__ = (
        "_branch",
        "_cseq",
        "_first",
        "_from",
        "_from_tag",
        "_to",
        "_to_tag",
        "_via",
        "body",
        "headers",
    )

    def __init__(self, headers: Headers | None = None, body: bytes = b"") -> None:
        self.headers: Headers = [] if headers is None else headers
        self.body = body
        self._first: dict[str, str] | None = None
        self._via: Via | None = None
        self._cseq: CSeq | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._branch: str | None = None
        self._from_tag: str | None = None
        self._to_tag: str | None = None

    @property
    def start_line(self) -> str:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Message)
            and self.start_line == other.start_line
            and self.headers == other.headers
            and self.body == other.body
        )

    __hash__ = None  # type: ignore[assignment]

    def index(self, first: dict[str, str]) -> None:
        """For the parser: the first value of each name, when it is known anyway."""
        self._first = first

    @property
    def first(self) -> dict[str, str]:
        """The first value of each header, by its canonical name. Not to be changed."""
        if self._first is None:
            # Later entries win in dict(), so the order is turned round.
            self._first = dict(self.headers[::-1])
        return self._first

    def get(self, name: str) -> str | None:
        """The first value."""
        first = self._first or self.first
        value = first.get(name)
        if value is None and (canonical := canonical_name(name)) != name:
            return first.get(canonical)
        return value

    def get_all(self, name: str) -> list[str]:
        """Each line; one line may hold several values: see `values`."""
        if self.get(name) is None:
            return []
        name = canonical_name(name)
        return [value for key, value in self.headers if key == name]

    def values(self, name: str) -> list[str]:
        """Each value of a header that is a list (Route, Supported, Allow …)."""
        return [item for line in self.get_all(name) for item in split_commas(line)]

    def add(self, name: str, value: str) -> None:
        self.headers.append((canonical_name(name), value))
        self._forget()

    def set(self, name: str, value: str) -> None:
        """In place of the first; all others of that name go."""
        name = canonical_name(name)
        at = next((n for n, (key, _) in enumerate(self.headers) if key == name), None)
        if at is None:
            self.headers.append((name, value))
        else:
            before = self.headers[:at]
            after = [header for header in self.headers[at:] if header[0] != name]
            self.headers[:] = [*before, (name, value), *after]
        self._forget()

    def remove(self, name: str) -> None:
        name = canonical_name(name)
        self.headers[:] = [header for header in self.headers if header[0] != name]
        self._forget()

    @property
    def call_id(self) -> str:
        return self._require("Call-ID")

    @property
    def cseq(self) -> CSeq:
        cseq = self._cseq
        if cseq is None:
            cseq = self._cseq = CSeq.parse(self._require("CSeq"))
        return cseq

    @property
    def via(self) -> Via:
        """The topmost."""
        if self._via is None:
            value = self._require("Via")
            if "," in value:
                value = next(iter(split_commas(value)), "")
            self._via = Via.parse(value)
        return self._via

    @property
    def branch(self) -> str:
        """Of the topmost Via, mostly without parsing it: it is asked for in every message."""
        branch = self._branch
        if branch is None:
            headers = self.headers
            # Ours have it first; no need to know the others.
            via_first = bool(headers) and headers[0][0] == "Via"
            value = headers[0][1] if via_first else self._require("Via")
            before, found, branch = value.partition(_BRANCH)
            if not found or "," in value or '"' in before:
                branch = self.via.branch
            else:
                branch = branch.partition(";")[0].rstrip(" \t")
            self._branch = branch
        return branch

    @property
    def from_(self) -> NameAddr:
        if self._from is None:
            self._from = NameAddr.parse(self._require("From"))
        return self._from

    @property
    def to(self) -> NameAddr:
        if self._to is None:
            self._to = NameAddr.parse(self._require("To"))
        return self._to

    @property
    def from_tag(self) -> str:
        tag = self._from_tag
        if tag is None:
            tag = self._from_tag = _plain_tag(self._require("From")) or self.from_.tag
        return tag

    @property
    def to_tag(self) -> str:
        tag = self._to_tag
        if tag is None:
            value = self._require("To")
            bare = value[-1:] == ">" and value.count(">") == 1 == value.count("<")
            tag = self._to_tag = "" if bare else _plain_tag(value) or self.to.tag
        return tag

    @property
    def contact(self) -> NameAddr | None:
        """The first; None when there is none, or "*"."""
        line = self.get("Contact")
        values = split_commas(line) if line else []
        return NameAddr.parse(values[0]) if values and values[0] != "*" else None

    def stamp(self, host: str, port: int) -> bool:
        """Write the source into the topmost Via (RFC 3261 §18.2.1, RFC 3581 §4).

        The one change made to a received message, by whoever received it. Raises ParseError
        for a Via that cannot be read; returns whether it could be.
        """
        line = self._require("Via")
        text = Via.stamp(line, host, port)
        if text is None:
            stamped = self.via.with_received(host, port)
            if stamped is self._via:
                return True
            others = split_commas(line)[1:] if "," in line else []
            text = ", ".join([str(stamped), *others]) if others else str(stamped)
        if text != line:
            headers = self.headers
            at = 0 if headers[0][0] == "Via" else headers.index(("Via", line))
            headers[at] = ("Via", text)
            self.first["Via"] = text
            self._via = None
        return True

    def __bytes__(self) -> bytes:
        headers = self.headers
        head = "\r\n".join([self.start_line, *map(": ".join, headers)])
        breaks = len(headers)
        if (
            head.count("\r") != breaks
            or head.count("\n") != breaks
            or "\0" in head
            or "\r\nContent-Length:" in head
        ):
            head = self._clean_head()
        head = f"{head}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        return head.encode("utf-8", "surrogateescape") + self.body

    def _clean_head(self) -> str:
        """The head when a value holds something that would break out of its line."""
        lines = [
            f"{one_line(name)}: {one_line(value)}"
            for name, value in self.headers
            if name != "Content-Length"
        ]
        return "\r\n".join([one_line(self.start_line), *lines])

    def _require(self, name: str) -> str:
        value = (self._first or self.first).get(name)
        if value is None:
            raise ParseError(f"no {name}")
        return value

    def _forget(self) -> None:
        self._first = self._via = self._cseq = self._from = self._to = None
        self._branch = self._from_tag = self._to_tag = None


class Request(Message):
    __slots__ = ("method", "uri")

    def __init__(
        self, method: str, uri: str, headers: Headers | None = None, body: bytes = b""
    ) -> None:
        self.headers = [] if headers is None else headers
        self.body = body
        self._first = self._via = self._cseq = self._from = self._to = None
        self._branch = self._from_tag = self._to_tag = None
        self.method = method
        self.uri = uri  # As it came: `Uri.parse` it when needed.

    @property
    def start_line(self) -> str:
        uri = self.uri
        if " " in uri or not uri.isprintable():
            uri = _NOT_IN_A_LINE.sub(lambda found: f"%{ord(found[0]):02X}", uri)
        return f"{self.method} {uri} SIP/2.0"

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri[:64]} {self.get('CSeq')} {self.get('Call-ID')}>"


class Response(Message):
    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str = "", headers: Headers | None = None, body: bytes = b""
    ) -> None:
        if not 100 <= status <= 699:
            raise LocalError(f"no such status: {status}")
        self.headers = [] if headers is None else headers
        self.body = body
        self._first = self._via = self._cseq = self._from = self._to = None
        self._branch = self._from_tag = self._to_tag = None
        self.status = status
        self.reason = reason or REASON_PHRASES.get(status, "")

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.get('CSeq')} {self.get('Call-ID')}>"


def trying(invite: Request) -> bytes:
    """`bytes(respond(invite, 100))`, which each INVITE gets at once."""
    first = invite.first
    if len(first) != len(invite.headers) or "Timestamp" in first or not first.keys() >= _HEAD_NAMES:
        return bytes(respond(invite, 100))
    head = (
        f"SIP/2.0 100 Trying\r\nVia: {first['Via']}\r\nFrom: {first['From']}\r\n"
        f"To: {first['To']}\r\nCall-ID: {first['Call-ID']}\r\nCSeq: {first['CSeq']}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    if head.count("\r") != _TRYING_LINES or head.count("\n") != _TRYING_LINES or "\0" in head:
        return bytes(respond(invite, 100))
    return head.encode("utf-8", "surrogateescape")


def respond(
    request: Request,
    status: int,
    *,
    to_tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    reason: str = "",
) -> Response:
    """The response to `request`, with what §8.2.6.2 wants copied.

    `to_tag` is added unless the request had one. Works for bad requests as far as they go:
    nothing is parsed but To, and only if a tag is to be added.
    """
    first = request.first
    if 100 < status < 300 and "Record-Route" in first and request.method in _DIALOG_MAKERS:
        made = [header for header in request.headers if header[0] in ("Via", "Record-Route")]
    elif len(first) == len(request.headers) and "Via" in first:
        made = [("Via", first["Via"])]
    else:
        made = [header for header in request.headers if header[0] == "Via"]
    if to_tag and "To" in first and not _has_tag(request):
        made += [
            (name, f"{first[name]};tag={to_tag}" if name == "To" else first[name])
            for name in _COPIED
            if name in first
        ]
    else:
        made += [(name, first[name]) for name in _COPIED if name in first]
    if status == 100 and (timestamp := first.get("Timestamp")) is not None:
        made.append(("Timestamp", timestamp))  # §8.2.6.1
    made += headers
    return Response(status, reason, made, body)


def _plain_tag(value: str) -> str:
    """The tag of a From or To as most are; "" when it takes a closer look."""
    tag = value.partition(_TAG)[2]
    # A token to the end of the value is no part of anything quoted.
    return tag if is_token(tag) else ""


def _has_tag(request: Request) -> bool:
    try:
        return request.to_tag != ""
    except ParseError:
        return True  # It cannot be read, so nothing is hung on it.


REASON_PHRASES: Final[dict[int, str]] = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    439: "First Hop Lacks Outbound Support",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}
