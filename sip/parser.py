"""Bytes to messages: datagrams (`parse`) and streams (`StreamParser`); RFC 3261 §7, §18.3.

Two levels, as in RFC 4475: the parser reads what has the form of a message, and `validate`
refuses requests that have the form but no sense.
"""

import re
from typing import Final, NamedTuple

from sip.errors import ParseError, RemoteError
from sip.headers import NameAddr, parse_contacts, plain_address, plain_via
from sip.message import Headers, Message, Request, Response
from sip.names import WIRE_NAMES, canonical_name
from sip.text import is_token, one_line
from sip.uri import Uri

MESSAGE_BYTES_MAX: Final = 65_535  # The longest datagram; streams get no more.
HEADERS_MAX: Final = 256  # Lines. A path of 70 hops with Record-Route has 140.
CHUNKS_MAX: Final = 256  # Of an incomplete message; more are put together, to save memory.

METHODS: Final = frozenset(
    {
        *("ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK"),
        *("PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"),
    }
)

_PLAIN_START: Final = re.compile(r'([A-Z]+) ([^\x00-\x20\x7f<>"]+) SIP/2\.0')
_FOLD: Final = re.compile(r"\r\n[ \t]+")
_REQUEST_URI: Final = re.compile(r'[^\x00-\x20\x7f<>"]+')
_VERSION: Final = re.compile(r"[sS][iI][pP]/([0-9]{1,3})\.([0-9]{1,3})")
_STATUS_LINE: Final = re.compile(r"[sS][iI][pP]/2\.0 +([1-6][0-9][0-9])(?: (.*))?")
_STATUSES: Final = frozenset(str(status) for status in range(100, 700))
_LENGTH_DIGITS_MAX: Final = 10
_LENGTH: Final = re.compile(rf"[0-9]{{1,{_LENGTH_DIGITS_MAX}}}")

# Without these a request cannot be answered (RFC 3261 §8.2.6.2).
_ANSWERABLE: Final = ("Via", "From", "To", "Call-ID", "CSeq")
# Of these a message has one; more are accepted when all are equal.
_SINGLE: Final = frozenset(
    ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Type", "Expires", "Event")
)
# Requests whose Contact somebody will use.
_CONTACT_METHODS: Final = frozenset({"INVITE", "REGISTER", "SUBSCRIBE", "REFER", "UPDATE"})
_SCHEMES: Final = frozenset({"sip", "sips", "tel"})


class KeepAlive(NamedTuple):
    """A double CRLF between messages (RFC 5626 §3.5.1): answer with a single one."""


class _Head(NamedTuple):
    message: Request | Response
    length: int | None  # Content-Length; None when absent.
    fault: ParseError | None  # What is wrong, when enough was read to answer.
    framed: bool  # Whether the end of the message is known in spite of the fault.


def parse(data: bytes) -> Request | Response:
    """One datagram. Octets after Content-Length are ignored (§18.3)."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise ParseError(f"{len(data)} bytes", status=513)
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")  # §7.5
    head, empty_line, body = data.partition(b"\r\n\r\n")
    if not empty_line:
        head, newline, body = data[:-2], data[-2:], b""
        if newline != b"\r\n":  # With it only the empty line is missing, and no body.
            raise ParseError("no end of headers")
    message, length, fault, _ = _read_head(head.decode("utf-8", "surrogateescape"))
    if fault is not None:
        raise fault
    if length is not None and length != len(body):
        if length > len(body):
            why = f"Content-Length {length}, but {len(body)} bytes"
            raise ParseError(why, request=_answerable(message))
        body = body[:length]
    message.body = body
    return message


def validate(message: Request | Response, *, stamped: bool = False) -> None:
    """Refuse with RemoteError(status) what parses but makes no sense (RFC 4475 §3.1.2, §3.3).

    `stamped`: its Via is known to be good.
    """
    cseq, first = message.cseq, message.first
    if not stamped and plain_via(first.get("Via", "")) is None:
        _ = message.via
    _ = message.call_id
    if plain_address(first.get("From", "")) is None:
        _ = message.from_
    if plain_address(first.get("To", "")) is None:
        _check_to(message)
    if len(first) != len(message.headers):
        _check_duplicates(message)
    if isinstance(message, Response):
        return
    if cseq.method != message.method:
        raise RemoteError(f"CSeq {cseq} in {message.method}")
    if Uri.parse(message.uri).scheme not in _SCHEMES:
        raise RemoteError(f"scheme of {message.uri[:64]!r}", status=416)
    forwards = first.get("Max-Forwards", "70")
    if forwards != "70" and (_LENGTH.fullmatch(forwards) is None or int(forwards) > 255):
        raise RemoteError(f"bad Max-Forwards {forwards[:32]!r}")
    if message.method in _CONTACT_METHODS:
        _check_contact(message)
    for name in ("Route", "Record-Route"):
        if name in first:
            _ = [NameAddr.parse(value) for value in message.values(name)]


def _check_duplicates(message: Message) -> None:
    for name in {name for name, _ in message.headers} & _SINGLE:
        if len(set(message.get_all(name))) > 1:
            raise RemoteError(f"several values of {name}")


def _check_to(message: Message) -> None:
    uri = message.to.uri
    if message.cseq.method == "REGISTER" and isinstance(message, Request) and not uri.is_sip:
        raise RemoteError(f"cannot register {uri.scheme}:")


def _check_contact(request: Request) -> None:
    first = request.first
    alone = "Contact" in first and len(first) == len(request.headers)
    if alone and plain_address(first["Contact"]) is not None:
        return
    contacts = parse_contacts(request.get_all("Contact"))
    if request.method == "INVITE" and (contacts == "*" or len(contacts) != 1):
        raise RemoteError("INVITE needs one Contact")


def _read_head(head: str) -> _Head:
    """All but the body. Raises ParseError when nothing can be made of it."""
    lines = head.split("\r\n")
    if len(lines) > HEADERS_MAX:
        raise ParseError(f"{len(lines)} headers")
    joined = "".join(lines)
    if "\r" in joined or "\n" in joined or "\0" in joined:
        return _read_odd_head(head)
    start = lines[0]
    message: Request | Response
    if start[:8] == "SIP/2.0 " and start[11:12] == " " and start[8:11] in _STATUSES:
        message = Response(int(start[8:11]), start[12:])
    else:
        message, fault = _read_start(start)
        if fault is not None:
            return _read_odd_head(head)
    del lines[0]
    names = WIRE_NAMES
    try:
        # Measured: faster than one regular expression for all lines.
        headers = [
            (names[word], value.strip())
            for word, _, value in [line.partition(" ") for line in lines]
        ]
    except ParseError:
        return _read_odd_head(head)
    message.headers = headers
    first = dict(headers)
    if len(first) != len(headers):  # Later entries win in dict(), so the order is turned round.
        first = dict(headers[::-1])
    length: int | None = None
    if "Content-Length" in first:
        length = _take_length(headers, first)
        if length is None:
            return _read_odd_head(head)
    message.index(first)
    return _Head(message, length, None, True)


def _take_length(headers: Headers, first: dict[str, str]) -> int | None:
    """Take Content-Length out; its value, None when it needs a closer look."""
    value = first.pop("Content-Length")
    if headers[-1][0] == "Content-Length":
        del headers[-1]
    else:
        headers.remove(("Content-Length", value))
    if len(first) != len(headers) and any(name == "Content-Length" for name, _ in headers):
        return None
    plain = value.isascii() and value.isdigit() and len(value) <= _LENGTH_DIGITS_MAX
    return int(value) if plain else None


def _read_odd_head(head: str) -> _Head:
    """The same for heads that are folded, oddly spelt, or wrong in some place."""
    unfolded = _FOLD.sub(" ", head)  # §7.3.1
    start, *lines = unfolded.split("\r\n")
    message, fault = _read_start(start)
    if any("\r" in line or "\n" in line for line in lines) or "\r" in start or "\n" in start:
        fault = ParseError("bare CR or LF")
    lengths: list[str] = []
    for line in lines:
        name, colon, value = line.partition(":")
        try:
            canonical = canonical_name(name if colon else "")
        except ParseError as error:
            fault = fault or error
            continue
        # NUL is legal in a quoted string (RFC 4475 §3.1.1.2), and dangerous to those behind us.
        value = value.replace("\0", " ").strip()
        if canonical == "Content-Length":
            lengths.append(value)
        else:
            message.headers.append((canonical, value))
    length, framed = _content_length(lengths)
    if not framed:
        fault = fault or ParseError(f"bad Content-Length {lengths[0][:32]!r}")
    if fault is not None:
        fault.request = _answerable(message)
    return _Head(message, length, fault, framed)


def _read_start(line: str) -> tuple[Request | Response, ParseError | None]:
    if line[3:4] != "/":  # As in "SIP/2.0 200 OK"; no method that we know has it.
        plain = _PLAIN_START.fullmatch(line)
        if plain is not None and (method := plain[1]) in METHODS:
            return Request(method, plain[2]), None
    status = _STATUS_LINE.fullmatch(line)
    if status is not None:
        return Response(int(status[1]), one_line(status[2] or "")), None
    return _read_odd_request(line)


def _read_odd_request(line: str) -> tuple[Request, ParseError | None]:
    """A request line with an unknown method, or one that we refuse with an answer."""
    method, _, rest = line.partition(" ")
    uri, _, version = rest.rstrip(" ").rpartition(" ")
    match = _VERSION.fullmatch(version)
    if match is None or not is_token(method):
        raise ParseError(f"not SIP: {line[:64]!r}")
    request = Request(method, uri)
    if (int(match[1]), int(match[2])) != (2, 0):
        return request, ParseError(f"version {version}", status=505)
    if rest != f"{uri} {version}" or _REQUEST_URI.fullmatch(uri) is None:
        return request, ParseError(f"bad request line {line[:64]!r}")
    return request, None


def _content_length(values: list[str]) -> tuple[int | None, bool]:
    """Its value, and whether it can be relied on. Equal repetitions are common (Twilio)."""
    if not values:
        return None, True
    numbers = {int(value) if _LENGTH.fullmatch(value) else -1 for value in values}
    if len(numbers) != 1 or -1 in numbers:
        return None, False
    return numbers.pop(), True


def _answerable(message: Request | Response) -> Request | None:
    """The request, if a response to it could be built and would be understood."""
    if isinstance(message, Response) or message.method == "ACK":
        return None
    return None if any(message.get(name) is None for name in _ANSWERABLE) else message


Framed = Request | Response | KeepAlive | ParseError
"""What is found in a stream."""


class StreamParser:
    """Finds the messages in a stream (RFC 3261 §18.3). Plain state; one for each connection.

    After a fault that leaves the end of the message unknown, `broken` is true, the rest
    of the stream is ignored, and the connection should be closed.
    """

    __slots__ = ("_body_length", "_breaks", "_chunks", "_head", "_size", "broken")

    def __init__(self) -> None:
        self.broken = False
        self._chunks: list[bytes] = []  # Received and not used yet.
        self._size = 0  # Of all chunks.
        self._breaks = 0  # CRLFs since the last message, as far as not reported.
        self._head: Request | Response | ParseError | None = None  # Waits for its body.
        self._body_length = 0

    @property
    def pending(self) -> int:
        """Bytes of an incomplete message."""
        return self._size

    def feed(self, data: bytes) -> list[Framed]:
        outputs: list[Framed] = []
        if self.broken or not data:
            return outputs
        self._chunks.append(data)
        self._size += len(data)
        if not self._may_complete(data):
            if len(self._chunks) > CHUNKS_MAX:
                self._chunks = [b"".join(self._chunks)]
            return outputs
        buffer = b"".join(self._chunks)
        at = 0
        while not self.broken:
            end = self._step(buffer, at, outputs)
            if end == at:
                break
            at = end
        rest = b"" if self.broken else buffer[at:]
        self._chunks = [rest] if rest else []
        self._size = len(rest)
        return outputs

    def _may_complete(self, data: bytes) -> bool:
        """Cheap refusal, so that a message that drips in is not joined for every byte."""
        if self._head is not None:
            return self._size >= self._body_length
        return b"\n" in data or self._size >= MESSAGE_BYTES_MAX

    def _step(self, buffer: bytes, at: int, outputs: list[Framed]) -> int:
        """Use up one part of the buffer; returns where the next begins, `at` if more is needed."""
        if self._head is not None:
            end = at + self._body_length
            if len(buffer) < end:
                return at
            if not isinstance(self._head, ParseError):
                self._head.body = buffer[at:end]
            outputs.append(self._head)
            self._head = None
            return end
        if buffer.startswith(b"\r\n", at):
            self._breaks += 1
            if self._breaks == 2:
                self._breaks = 0
                outputs.append(KeepAlive())
            return at + 2
        end = buffer.find(b"\r\n\r\n", at, at + MESSAGE_BYTES_MAX)
        if end >= 0:
            self._breaks = 0
            return self._take_head(buffer[at:end], end + 4, outputs)
        if len(buffer) - at >= MESSAGE_BYTES_MAX:
            self._break(ParseError("endless headers", status=513), outputs)
        return at

    def _take_head(
        self,
        data: bytes,
        end: int,
        outputs: list[Framed],
    ) -> int:
        try:
            head = _read_head(data.decode("utf-8", "surrogateescape"))
        except ParseError as error:
            self._break(error, outputs)
            return end
        found = head.message if head.fault is None else head.fault
        length = head.length or 0  # Absent means none: some peers leave it out.
        if head.fault is not None and not head.framed:
            self._break(head.fault, outputs)
        elif length > MESSAGE_BYTES_MAX:
            why = f"body of {length} bytes"
            refusal = ParseError(why, status=513, request=_answerable(head.message))
            self._break(refusal, outputs)
        elif length:
            self._head, self._body_length = found, length
        else:
            outputs.append(found)
        return end

    def _break(self, error: ParseError, outputs: list[Framed]) -> None:
        self.broken = True
        outputs.append(error)
