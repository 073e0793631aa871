"""The session description in a message, also where it is one part of several: RFC 5621.

Trunks send `multipart/mixed` with the signalling of a telephone network, a location or a
recording's metadata beside the SDP. We read the SDP and leave what we need not understand.
"""

import re
from typing import Final, NamedTuple

from sip.errors import ParseError, RemoteError
from sip.message import Message
from sip.names import canonical_name
from sip.text import unquote

SDP: Final = "application/sdp"

PARTS_MAX: Final = 32  # Of one body; the most that we know of has four.
DEPTH_MAX: Final = 4  # Bodies within bodies.
_BOUNDARY: Final = re.compile(r";\s*boundary\s*=\s*(\"[^\"]{1,72}\"|[^\s;\"]{1,70})", re.IGNORECASE)
_HANDLING: Final = re.compile(r";\s*handling\s*=\s*\"?(\w+)", re.IGNORECASE)


class Part(NamedTuple):
    content_type: str  # With its parameters.
    disposition: str
    body: bytes

    @property
    def kind(self) -> str:
        return kind_of(self.content_type)

    @property
    def required(self) -> bool:
        """Whether we must refuse what we do not understand (RFC 3261 §20.11).

        It is the default of the header. A part without the header is none of those that
        anybody insists on.
        """
        handling = _HANDLING.search(self.disposition)
        return self.disposition != "" and (handling is None or handling[1].lower() == "required")


def kind_of(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def session_description(message: Message) -> bytes:
    """The SDP of a message; b"" if there is none. Never raises."""
    content_type = message.first.get("Content-Type", SDP)
    if content_type == SDP or not message.body:
        return message.body
    try:
        found = find_description(content_type, message.body)
    except RemoteError:
        return b""
    return found or b""


def find_description(content_type: str, body: bytes, depth: int = 0) -> bytes | None:
    """The SDP of a body; None if there is none.

    Raises RemoteError(415) for a part that must be understood and is not, ParseError for
    bodies that cannot be read.
    """
    kind = kind_of(content_type)
    if kind == SDP:
        return body
    if not kind.startswith("multipart/"):
        return None
    if depth == DEPTH_MAX:
        raise ParseError("bodies too deep")
    found = None
    for part in read_parts(content_type, body):
        inner = find_description(part.content_type, part.body, depth + 1)
        if inner is not None:
            # RFC 2046 §5.1.4: the last of several alternatives is the best one.
            found = inner if found is None or kind == "multipart/alternative" else found
        elif part.required and part.body and kind != "multipart/alternative":
            raise RemoteError(f"{part.kind} is required", status=415)
    return found


def read_parts(content_type: str, body: bytes) -> list[Part]:
    """RFC 2046 §5.1. A part may be empty, and the last mark may be missing."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise ParseError(f"no boundary in {content_type[:64]!r}")
    mark = b"\r\n--" + unquote(boundary[1]).encode("utf-8", "surrogateescape")
    text = b"\r\n" + body
    parts: list[Part] = []
    begin = -1  # Of a part; before the first mark is nothing but a preamble.
    at = 0
    for _ in range(PARTS_MAX):
        at = text.find(mark, at)
        if at < 0:
            break
        end = text.find(b"\r\n", at + len(mark))
        line = text[at + len(mark) : end if end >= 0 else len(text)].strip(b" \t")
        if line in (b"", b"--"):  # Else it is a longer mark, of a body within.
            if begin >= 0:
                parts.append(_read_part(text[begin:at]))
            begin = end + 2
            if line or end < 0:
                return parts
        at += len(mark)
    else:
        raise ParseError("too many parts")
    return parts if begin < 0 else [*parts, _read_part(text[begin:])]


def _read_part(data: bytes) -> Part:
    if data.startswith(b"\r\n"):
        head, body = b"", data[2:]
    else:
        head, _, body = data.partition(b"\r\n\r\n")
    fields: dict[str, str] = {}
    for line in head.decode("utf-8", "surrogateescape").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            fields[canonical_name(name)] = value.strip()
    return Part(
        fields.get("Content-Type", "text/plain"), fields.get("Content-Disposition", ""), body
    )
