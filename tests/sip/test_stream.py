import re
from time import perf_counter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.message import Message
from sip.parser import MESSAGE_BYTES_MAX, Framed, KeepAlive, StreamParser, parse
from tests.data import need_testdata
from tests.sip.test_parser import INVITE, with_line

BYE = INVITE.replace(b"INVITE", b"BYE").replace(b"h: 4\r\n\r\nv=0\n", b"h: 0\r\n\r\n")


def feed(data: bytes, size: int) -> list[Framed]:
    parser = StreamParser()
    return [out for at in range(0, len(data), size) for out in parser.feed(data[at : at + size])]


def comparable(outputs: list[Framed]) -> list[object]:
    return [str(out) if isinstance(out, ParseError) else out for out in outputs]


@pytest.mark.parametrize("name", ["generic.txt", "lioneagle-sipparser.txt"])
def test_chunks_do_not_matter(name: str) -> None:
    data = need_testdata("stream", name).read_bytes()
    whole = feed(data, len(data))
    starts = re.findall(rb"(?m)^(?:SIP/2\.0 \d|[A-Z]+ \S+ SIP/2\.0)", data)
    assert len([out for out in whole if isinstance(out, Message)]) == len(starts)
    for size in (1, 7, 1460):
        assert feed(data, size) == whole


def test_call_flows_are_accepted() -> None:
    """RFC 3665, 5626, 3327, 3515, 4916: each message by datagram and by stream."""
    count = 0
    for path in sorted(need_testdata("callflows").rglob("*.yaml")):
        for text in yaml.safe_load(path.read_text(encoding="utf-8")):
            count += 1
            message = parse(text.replace("\n", "\r\n").encode())
            assert StreamParser().feed(bytes(message)) == [message]
    assert count > 200


PARTS = [INVITE, BYE, b"\r\n", b"\r\n\r\n", with_line(b"bad line"), with_line(b"Content-Length: 5")]


@given(st.lists(st.sampled_from(PARTS), max_size=6), st.lists(st.integers(1, 400), max_size=20))
def test_any_chunks_of_any_messages(parts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(parts)
    whole, parser = StreamParser(), StreamParser()
    expected = whole.feed(data)
    found: list[Framed] = []
    for size in [*sizes, len(data)]:
        found += parser.feed(data[:size])
        data = data[size:]
    assert comparable(found) == comparable(expected)
    assert (parser.broken, parser.pending) == (whole.broken, whole.pending)


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_any_bytes(chunks: list[bytes]) -> None:
    one, many = StreamParser(), StreamParser()
    whole = one.feed(b"".join(chunks))
    assert comparable([out for chunk in chunks for out in many.feed(chunk)]) == comparable(whole)


def test_keep_alives() -> None:
    """RFC 5626 §3.5.1. A single CRLF is an answer, or noise before a message (§7.5)."""
    parser = StreamParser()
    assert parser.feed(b"\r\n") == []
    assert parser.feed(b"\r") == []
    assert parser.feed(b"\n" + BYE + b"\r\n\r\n") == [KeepAlive(), parse(BYE), KeepAlive()]
    assert parser.pending == 0


def test_a_bad_message_between_good_ones() -> None:
    good, bad, after = StreamParser().feed(BYE + with_line(b"bad line") + BYE)
    assert good == after == parse(BYE)
    assert isinstance(bad, ParseError)
    assert bad.request is not None


FATAL = [
    (with_line(b"Content-Length: 5"), 400, True),
    (INVITE.replace(b"h: 4", b"h: -999"), 400, True),
    (INVITE.replace(b"h: 4", b"h: 4294967297"), 513, True),
    (INVITE.replace(b"h: 4", b"h: abc"), 400, True),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, False),
    (b"INVITE " + b"x" * MESSAGE_BYTES_MAX, 513, False),
    (b"X: a\r\n b" * 131_072, 513, False),
]


@pytest.mark.parametrize(("data", "status", "answerable"), FATAL)
def test_the_rest_is_ignored_when_the_end_is_unknown(
    data: bytes, status: int, answerable: bool
) -> None:
    parser = StreamParser()
    started = perf_counter()
    outputs = parser.feed(BYE + data + BYE)
    assert perf_counter() - started < 0.05
    assert outputs[0] == parse(BYE)
    error = outputs[1]
    assert isinstance(error, ParseError)
    assert len(outputs) == 2
    assert (error.status, error.request is not None) == (status, answerable)
    assert (parser.broken, parser.pending) == (True, 0)
    assert parser.feed(BYE) == []


def test_a_dripping_message_is_kept_within_bounds() -> None:
    parser = StreamParser()
    for _ in range(MESSAGE_BYTES_MAX):
        assert parser.feed(b"x") == [] or parser.broken
    assert parser.broken
    assert parser.pending == 0
