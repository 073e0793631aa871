"""Odd things that real phones and trunks send, one test for each."""

import pytest

from sip.errors import ParseError, RemoteError
from sip.message import Request, respond
from sip.parser import StreamParser, parse, validate
from sip.uri import Uri
from tests.sip.test_parser import INVITE, with_line


def test_content_type_and_length_twice_with_equal_values() -> None:
    """Twilio; also written differently."""
    twice = with_line(
        b"Content-Type: application/sdp\r\nContent-Type: application/sdp\r\nContent-Length: 04"
    )
    message = parse(twice)
    validate(message)
    assert message.body == b"v=0\n"
    assert message.get("Content-Type") == "application/sdp"
    assert bytes(message).count(b"Content-Length") == 1
    assert StreamParser().feed(twice) == [message]


def test_content_length_twice_with_different_values() -> None:
    with pytest.raises(ParseError) as refusal:
        _ = parse(with_line(b"Content-Length: 3"))
    assert refusal.value.status == 400
    assert refusal.value.request is not None


def test_content_type_twice_with_different_values() -> None:
    message = parse(with_line(b"Content-Type: application/sdp\r\nc: text/plain"))
    with pytest.raises(RemoteError) as refusal:
        validate(message)
    assert refusal.value.status == 400


def test_no_space_after_the_colon() -> None:
    assert parse(INVITE.replace(b": ", b":")) == parse(INVITE)


def test_spaces_before_the_colon_and_after_the_value() -> None:
    odd = INVITE.replace(b"To: <sip:bob@example.com>", b"To  :   <sip:bob@example.com>\t ")
    assert parse(odd) == parse(INVITE)


def test_ack_without_from_tag() -> None:
    """Cisco 7960."""
    ack = parse(INVITE.replace(b"INVITE", b"ACK").replace(b";tag=a", b""))
    validate(ack)
    assert ack.from_tag == ""


def test_no_branch_no_tag_compact_form() -> None:
    """3Com; RFC 2543."""
    message = parse(
        b"INVITE sip:102@192.0.2.1 SIP/2.0\r\n"
        b"v:SIP/2.0/UDP 192.0.2.9:5060\r\n"
        b"f:sip:101@192.0.2.1\r\n"
        b"t:sip:102@192.0.2.1\r\n"
        b"i:7@192.0.2.9\r\n"
        b"CSeq:1 INVITE\r\n"
        b"m:sip:101@192.0.2.9\r\n"
        b"c:application/sdp\r\n"
        b"l:3\r\n\r\nv=0"
    )
    validate(message)
    assert (message.via.branch, message.from_tag, message.to_tag) == ("", "", "")
    assert (message.call_id, message.get("Content-Type")) == ("7@192.0.2.9", "application/sdp")


def test_contact_with_headers_and_escapes() -> None:
    text = b"Contact: <sip:a%3Bb@192.0.2.1:5062;transport=udp?X-Route=%3Csip%3Ap%3Blr%3E>;q=0.5"
    message = parse(INVITE.replace(b"Contact: <sip:alice@192.0.2.1>", text))
    validate(message)
    contact = message.contact
    assert contact is not None
    assert contact.uri == Uri(
        "sip", "a%3Bb", "192.0.2.1", 5062, (("transport", "udp"),), "X-Route=%3Csip%3Ap%3Blr%3E"
    )
    assert contact.uri.user_unescaped == "a;b"
    assert contact.param("q") == "0.5"


def test_long_push_parameters() -> None:
    """Linphone: pn-prid of more than 150 bytes in the URI."""
    prid = "d" * 163 + ":APA91b" + "x" * 140
    value = f"<sip:a@192.0.2.1;pn-provider=fcm;pn-param=8712;pn-prid={prid};transport=tls>"
    message = parse(
        INVITE.replace(b"Contact: <sip:alice@192.0.2.1>", b"Contact: " + value.encode())
    )
    validate(message)
    assert message.contact is not None
    assert message.contact.uri.param("pn-prid") == prid
    assert str(message.contact) == value


def test_three_via_in_one_line() -> None:
    """T-Mobile."""
    line = (
        b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK3,SIP/2.0/TCP 192.0.2.2:5062;branch=z9hG4bK2;"
        b'x="a,b" , SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1'
    )
    message = parse(INVITE.replace(b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", line))
    validate(message)
    assert message.via.branch == "z9hG4bK3"
    assert [value.rpartition("=")[2] for value in message.values("Via")] == [
        "z9hG4bK3",
        '"a,b"',
        "z9hG4bK1",
    ]
    message.stamp("198.51.100.1", 5060)
    assert message.via.received == "198.51.100.1"
    assert len(message.values("Via")) == 3


def test_cyrillic_display_name() -> None:
    """snom, in UTF-8; with and without quotes."""
    for name in ("\u041e\u043b\u0435\u043d\u0430", '"\u041e\u043b\u0435\u043d\u0430 \u0406."'):
        data = INVITE.replace(b"From: ", f"From: {name} ".encode())
        message = parse(data)
        validate(message)
        assert message.from_.display == name.strip('"')
        assert bytes(message) == data


def test_empty_values() -> None:
    message = parse(with_line(b"Subject:\r\nSupported: \r\nAllow: INVITE,,ACK,"))
    validate(message)
    assert (message.get("Subject"), message.values("Supported")) == ("", [])
    assert message.values("Allow") == ["INVITE", "ACK"]


def test_tags_with_more_than_token_characters() -> None:
    message = parse(INVITE.replace(b"tag=a", b"tag=as7/1~60@h=="))
    validate(message)
    assert message.from_tag == "as7/1~60@h=="


def test_lower_case_version_and_odd_method() -> None:
    data = INVITE.replace(b"SIP/2.0\r\n", b"sip/2.0\r\n", 1)
    assert parse(data) == parse(INVITE)
    assert parse(INVITE.replace(b"INVITE", b"x-NEW")).start_line.startswith("x-NEW sip:")


def test_a_response_needs_no_sense_to_be_copied() -> None:
    request = parse(with_line(b"Route: <sip:unclosed"))
    with pytest.raises(RemoteError):
        validate(request)
    assert isinstance(request, Request)
    assert respond(request, 400, to_tag="t").to_tag == "t"
