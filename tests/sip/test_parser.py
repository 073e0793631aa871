import contextlib
import random
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError, RemoteError
from sip.message import Request, Response
from sip.parser import HEADERS_MAX, MESSAGE_BYTES_MAX, StreamParser, parse, validate
from tests.data import TESTDATA

SECONDS_MAX = 0.05  # No message may cost more, whatever it holds.

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@example.com>;tag=a\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.1>\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)


def with_line(line: bytes) -> bytes:
    return INVITE.replace(b"Content-Length", line + b"\r\nContent-Length")


def without(name: bytes) -> bytes:
    return b"\r\n".join(x for x in INVITE.split(b"\r\n") if not x.startswith(name + b":"))


def real_messages() -> list[bytes]:
    """Messages that others have sent; our own when the test data is absent."""
    paths = [*TESTDATA.glob("live-clients/*.sip"), *TESTDATA.glob("rfc4475/*.dat")]
    return [INVITE, *(path.read_bytes() for path in sorted(paths))]


REAL = real_messages()


def test_request() -> None:
    message = parse(INVITE)
    assert isinstance(message, Request)
    assert (message.method, message.uri, message.body) == (
        "INVITE",
        "sip:bob@example.com",
        b"v=0\n",
    )
    assert [name for name, _ in message.headers] == [
        *("Via", "From", "To", "Call-ID", "CSeq", "Contact"),
    ]
    assert bytes(message) == INVITE
    validate(message)


def test_response() -> None:
    message = parse(b"SIP/2.0 180 Es klingelt\r\nv: SIP/2.0/UDP h\r\n\r\n")
    assert isinstance(message, Response)
    assert (message.status, message.reason, message.via.host) == (180, "Es klingelt", "h")
    assert parse(b"SIP/2.0 200\r\nv: SIP/2.0/UDP h\r\n\r\n").start_line == "SIP/2.0 200 OK"


def test_same_message_in_other_words() -> None:
    folded = INVITE.replace(b": <sip:alice", b":\r\n\t <sip:alice").replace(b"CSeq: ", b"cseq :")
    compact = folded.replace(b"From", b"F").replace(b"Via: ", b"v:").replace(b"Contact", b"m")
    assert parse(folded) == parse(compact) == parse(b"\r\n\r\n" + INVITE) == parse(INVITE)


def test_body_of_a_datagram() -> None:
    """RFC 3261 §18.3: longer is cut, shorter is an error, absent means to the end."""
    assert parse(INVITE + b"more").body == b"v=0\n"
    assert parse(without(b"Content-Length") + b"more").body == b"v=0\nmore"
    with pytest.raises(ParseError) as refusal:
        _ = parse(INVITE[:-1])
    assert refusal.value.request is not None
    assert refusal.value.request.call_id == "c1"


REFUSED = [
    (b"", 400, False),
    (b"\r\n\r\n", 400, False),
    (b"hello", 400, False),
    (b"GET / HTTP/1.1\r\n\r\n", 400, False),
    (b"SIP/2.0 099 No\r\n\r\n", 400, False),
    (b"SIP/2.0 4294967301 No\r\n\r\n", 400, False),
    (INVITE[:120], 400, False),
    (b"x" * (MESSAGE_BYTES_MAX + 1), 513, False),
    (with_line(b"\r\n".join([b"X: 1"] * HEADERS_MAX)), 400, False),
    (INVITE.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), 505, True),
    (INVITE.replace(b"bob@example.com SIP", b"bob@example.com  SIP"), 400, True),
    (INVITE.replace(b" sip:bob@example.com ", b" <sip:bob@example.com> "), 400, True),
    (INVITE.replace(b" sip:bob@example.com ", b" sip:bob@example.com\t"), 400, False),
    (with_line(b"Content-Length: 5"), 400, True),
    (with_line(b"Content-Length: -4"), 400, True),
    (with_line(b"no colon here"), 400, True),
    (with_line(b"Via"), 400, True),
    (with_line(b"Sub\0ject: x"), 400, True),
    (with_line(b"X: a\rb"), 400, True),
    (with_line(b"X: a\nTo: b"), 400, True),
    (with_line(b": x"), 400, True),
    (with_line(b"no colon").replace(b"INVITE", b"ACK"), 400, False),
    (without(b"Via").replace(b"h: 4", b"h: x"), 400, False),
]


@pytest.mark.parametrize(("data", "status", "answerable"), REFUSED)
def test_refused(data: bytes, status: int, answerable: bool) -> None:
    with pytest.raises(ParseError) as refusal:
        _ = parse(data)
    assert refusal.value.status == status
    assert (refusal.value.request is not None) == answerable


SENSELESS = [
    *((without(name), 400) for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact")),
    (INVITE.replace(b"1 INVITE", b"1 BYE"), 400),
    (INVITE.replace(b"1 INVITE", b"4294967296 INVITE"), 400),
    (INVITE.replace(b" sip:bob@example.com SIP", b" http:bob SIP"), 416),
    (INVITE.replace(b" sip:bob@example.com SIP", b" sip:@ SIP"), 400),
    (INVITE.replace(b" sip:bob@", b" sip:" + b"b" * 3000 + b"@", 1), 414),
    (with_line(b"Max-Forwards: 256"), 400),
    (with_line(b"Max-Forwards: x"), 400),
    (with_line(b"Max-Forwards: 1\r\nMax-Forwards: 2"), 400),
    (with_line(b"Call-ID: c2"), 400),
    (with_line(b"Contact: <sip:second@h>"), 400),
    (with_line(b"Record-Route: <sip:h"), 400),
    (INVITE.replace(b"<sip:alice@192.0.2.1>", b"*"), 400),
]


@pytest.mark.parametrize(("data", "status"), SENSELESS)
def test_senseless(data: bytes, status: int) -> None:
    message = parse(data)
    with pytest.raises(RemoteError) as refusal:
        validate(message)
    assert refusal.value.status == status


def test_no_control_character_survives() -> None:
    message = parse(with_line(b'Subject: "a\\\0b\0"'))
    assert message.get("Subject") == '"a\\ b "'
    assert parse(bytes(message)) == message


def test_bytes_that_are_not_utf8_come_back_as_they_were() -> None:
    data = INVITE.replace(b"<sip:alice@example", b'"M\xfcller" <sip:alice@example')
    message = parse(data)
    assert message.from_.display == "M\ufffdller"
    assert bytes(message) == data


def use(message: Request | Response) -> None:
    """Everything that can be asked of a message."""
    for view in ("call_id", "cseq", "via", "from_", "to", "contact", "from_tag", "to_tag"):
        with contextlib.suppress(ParseError):
            _ = getattr(message, view)
    with contextlib.suppress(RemoteError):
        validate(message)


def check(data: bytes) -> None:
    """Parses or is refused, and what parses survives being printed."""
    try:
        message = parse(data)
    except ParseError as error:
        if error.request is not None:
            _ = bytes(error.request)
        return
    use(message)
    again = parse(bytes(message))
    assert again == message
    use(again)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    check(data)


@given(st.binary(max_size=80), st.sampled_from([b"Via: ", b"From:", b"X: ", b"CSeq: ", b""]))
def test_any_header(value: bytes, name: bytes) -> None:
    check(with_line(name + value))


TOKENS = [b"\r\n", b"\r\n ", b";", b",", b'"', b"<", b">", b":", b"@", b"\0", b"\xff", b"=", b"*"]


@given(st.sampled_from(REAL), st.integers(0, 2**32))
def test_any_mutation_of_a_real_message(data: bytes, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        end = at + rng.choice([0, 0, 1, 2, 30])
        piece = rng.choice([b"", *TOKENS, bytes([rng.randrange(256)]), data[end : end + 20]])
        data = data[:at] + piece + data[end:]
    check(data)


@pytest.mark.parametrize("data", REAL, ids=range(len(REAL)))
def test_real_messages_survive_being_printed(data: bytes) -> None:
    check(data)


CLIENTS = sorted(TESTDATA.glob("live-clients/*.sip"))


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: path.stem)
def test_real_clients_are_accepted(path: Path) -> None:
    message = parse(path.read_bytes())
    validate(message)
    assert parse(bytes(message)) == message


HUGE = {
    "10,000 Via": b"\r\n".join([b"Via: SIP/2.0/UDP h;branch=z9hG4bK1"] * 10_000),
    "many Via in a line": b"Via: " + b",".join([b"SIP/2.0/UDP h"] * 4000),
    "folded": b"X: a" + b"\r\n b" * 15_000,
    "folded with spaces": b"X: a" + b"\r\n" + b" " * 60_000 + b"b",
    "parameters": b"Contact: <sip:a@h>" + b";a=b" * 15_000,
    "quotes": b"Contact: " + b'"\\' * 30_000,
    "angles": b"Contact: " + b"<" * 60_000,
    "commas": b"Contact: " + b"," * 60_000,
    "spaces": b"Via: SIP/2.0/UDP" + b" " * 60_000 + b"\x01",
    "URI": b"Contact: <sip:" + b"a" * 60_000 + b">",
    "URI parameters": b"Contact: <sip:h" + b";a" * 30_000 + b">",
    "numbers": b"Max-Forwards: " + b"9" * 60_000,
    "name": b"X" * 60_000 + b": 1",
    "bytes": b"Subject: " + b"\xff" * 60_000,
}


@pytest.mark.parametrize("name", HUGE)
def test_no_message_takes_long(name: str) -> None:
    line = HUGE[name]
    data = with_line(line)
    swapped = without(line.partition(b":")[0]).replace(b"CSeq", line + b"\r\nCSeq")
    started = process_time()
    for variant in (data, swapped):
        check(variant)
        for output in StreamParser().feed(variant):
            if isinstance(output, Request | Response):
                use(output)
    # Four readings, and each is allowed the time of one.
    assert process_time() - started < 4 * SECONDS_MAX
