import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import LocalError, ParseError
from sip.headers import CSeq
from sip.message import REASON_PHRASES, Request, Response, respond, trying
from sip.names import canonical_name
from sip.parser import parse
from sip.tokens import Tokens
from tests.sip.sample import make_request


def invite() -> Request:
    return Request(
        "INVITE",
        "sip:bob@example.com",
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1, SIP/2.0/UDP h2;branch=z9hG4bK2"),
            ("Record-Route", "<sip:p2;lr>"),
            ("Via", "SIP/2.0/UDP h3;branch=z9hG4bK3"),
            ("Record-Route", "<sip:p1;lr>"),
            ("From", "<sip:alice@example.com>;tag=a"),
            ("To", "<sip:bob@example.com>"),
            ("Call-ID", "c1"),
            ("CSeq", "7 INVITE"),
            ("Timestamp", "54"),
            ("Contact", "<sip:alice@192.0.2.1>"),
            ("Supported", "path, outbound"),
            ("Supported", "timer"),
        ],
        b"v=0\r\n",
    )


def test_views() -> None:
    request = invite()
    assert (request.call_id, request.cseq) == ("c1", CSeq(7, "INVITE"))
    assert (request.from_tag, request.to_tag, request.via.branch) == ("a", "", "z9hG4bK1")
    assert str(request.contact) == "<sip:alice@192.0.2.1>"
    assert request.values("Supported") == ["path", "outbound", "timer"]
    assert request.get("call-id") == "c1"
    assert request.get_all("v")[1] == "SIP/2.0/UDP h3;branch=z9hG4bK3"


def test_views_of_a_bare_message() -> None:
    bare = Request("OPTIONS", "sip:h")
    assert (bare.contact, bare.get("Via"), bare.get_all("Via")) == (None, None, [])
    for view in ("call_id", "cseq", "via", "from_", "to", "from_tag", "to_tag"):
        with pytest.raises(ParseError):
            _ = getattr(bare, view)


def test_changes_show_in_the_views() -> None:
    request = invite()
    assert request.cseq.number == 7
    request.set("cseq", "8 INVITE")
    request.set("Via", "SIP/2.0/UDP h9;branch=z9hG4bK9")
    request.set("Expires", "60")
    request.remove("Record-Route")
    request.add("m", "<sip:other@h>")
    assert request.cseq.number == 8
    assert request.get_all("Via") == ["SIP/2.0/UDP h9;branch=z9hG4bK9"]
    assert request.headers[0] == ("Via", "SIP/2.0/UDP h9;branch=z9hG4bK9")
    assert request.get("Expires") == "60"
    assert request.get("Record-Route") is None
    assert request.get_all("Contact") == ["<sip:alice@192.0.2.1>", "<sip:other@h>"]


def test_stamp_changes_the_topmost_via_only() -> None:
    request = invite()
    request.stamp("198.51.100.1", 5071)
    assert request.get_all("Via") == [
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;received=198.51.100.1;rport=5071, "
        "SIP/2.0/UDP h2;branch=z9hG4bK2",
        "SIP/2.0/UDP h3;branch=z9hG4bK3",
    ]
    assert request.via.rport == "5071"
    assert parse(bytes(request)).via == request.via


def test_content_length_follows_from_the_body() -> None:
    request = Request("INFO", "sip:h", [("Content-Length", "99"), ("X", "1")], b"body")
    assert bytes(request) == b"INFO sip:h SIP/2.0\r\nX: 1\r\nContent-Length: 4\r\n\r\nbody"


def test_response_copies_what_it_must() -> None:
    """RFC 3261 §8.2.6.2, §12.1.1."""
    request = invite()
    ringing = respond(request, 180, to_tag="b", headers=[("Contact", "<sip:bob@h>")])
    assert bytes(ringing).decode() == (
        "SIP/2.0 180 Ringing\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1, SIP/2.0/UDP h2;branch=z9hG4bK2\r\n"
        "Record-Route: <sip:p2;lr>\r\n"
        "Via: SIP/2.0/UDP h3;branch=z9hG4bK3\r\n"
        "Record-Route: <sip:p1;lr>\r\n"
        "From: <sip:alice@example.com>;tag=a\r\n"
        "To: <sip:bob@example.com>;tag=b\r\n"
        "Call-ID: c1\r\n"
        "CSeq: 7 INVITE\r\n"
        "Contact: <sip:bob@h>\r\n"
        "Content-Length: 0\r\n\r\n"
    )


def test_response_copies_no_more_than_it_must() -> None:
    request = invite()
    trying = respond(request, 100)
    assert (trying.get("Record-Route"), trying.to_tag, trying.get("Timestamp")) == (None, "", "54")
    busy = respond(request, 486, to_tag="b", reason="In a meeting")
    assert (busy.get("Record-Route"), busy.reason, busy.to_tag) == (None, "In a meeting", "b")
    request.set("To", "<sip:bob@example.com>;tag=old")
    assert respond(request, 200, to_tag="new").to_tag == "old"


def test_response_to_a_request_that_lacks_nearly_all() -> None:
    bare = Request("OPTIONS", "sip:h", [("To", '"unclosed')])
    assert respond(bare, 400, to_tag="x").headers == [("To", '"unclosed')]


def test_phrases() -> None:
    assert Response(486).reason == REASON_PHRASES[486] == "Busy Here"
    assert Response(299).start_line == "SIP/2.0 299 "
    for status in (0, 99, 700):
        with pytest.raises(LocalError):
            _ = Response(status)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_value_becomes_another_header(uri: str, value: str, name: str) -> None:
    request = Request(
        "MESSAGE", f"sip:{uri}", [("Subject", value), (name or "N", "x"), ("To", "t")]
    )
    data = bytes(request)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert len(lines) - 1 in (3, 4)  # Content-Length given by name goes.
    assert lines[0].startswith(b"MESSAGE sip:")
    assert lines[0].endswith(b" SIP/2.0")
    assert lines[0].count(b" ") == 2
    assert not any(byte in line for line in lines for byte in (b"\r", b"\n", b"\0"))
    assert (lines[-1], body) == (b"Content-Length: 0", b"")


def test_injection_by_reason_phrase() -> None:
    evil = Response(486, "Busy\r\nContact: <sip:evil@h>\r\n\r\n", [("To", "a\nb\0c")])
    assert bytes(evil) == (
        b"SIP/2.0 486 Busy Contact: <sip:evil@h> \r\nTo: a b c\r\nContent-Length: 0\r\n\r\n"
    )


NAMES = [
    ("call-id", "Call-ID"),
    ("I", "Call-ID"),
    ("cseq", "CSeq"),
    ("www-authenticate", "WWW-Authenticate"),
    ("MaX-fOrWaRdS", "Max-Forwards"),
    ("v", "Via"),
    ("x-dzvin-CALL", "X-Dzvin-Call"),
    ("Content-Length   ", "Content-Length"),
]


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_canonical_names(name: str, expected: str) -> None:
    assert canonical_name(name) == expected
    assert canonical_name(expected) == expected


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "é", "a\0", "x" * 200])
def test_bad_names(name: str) -> None:
    with pytest.raises(ParseError):
        _ = canonical_name(name)


def test_tokens_are_reproducible_and_do_not_repeat() -> None:
    one, two, other = Tokens(b"s"), Tokens(b"s"), Tokens(b"t" * 100)
    first = [one.token() for _ in range(50)]
    assert first == [two.token() for _ in range(50)]
    assert len({*first, *(other.token() for _ in range(50))}) == 100
    assert all(len(token) == 16 and int(token, 16) >= 0 for token in first)
    assert len(one.token(32)) == 32


def test_trying_is_the_100_of_respond() -> None:
    request = make_request("INVITE", body=b"v=0")
    assert trying(request) == bytes(respond(request, 100))
    for name, value in (
        ("Timestamp", "54"),
        ("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK9"),
        ("To", "<sip:a@b>\r\nX: smuggled"),
        ("To", "<sip:a\0b@c>"),
    ):
        odd = make_request("INVITE", body=b"v=0")
        if name == "To":
            odd.set(name, value)
        else:
            odd.add(name, value)
        assert trying(odd) == bytes(respond(odd, 100))
    bare = Request("INVITE", "sip:a@b", [("Via", "x")])
    assert trying(bare) == bytes(respond(bare, 100))
