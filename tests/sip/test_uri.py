import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.uri import URI_CHARS_MAX, Uri, same_uri

GOOD = [
    "sip:alice@atlanta.example",
    "sip:alice:secretword@atlanta.example;transport=tcp",
    "sips:alice@atlanta.example?subject=project%20x&priority=urgent",
    "sip:+1-212-555-1212:1234@gateway.example;user=phone",
    "sip:atlanta.example;method=REGISTER?to=alice%40atlanta.example",
    "sip:alice;day=tuesday@atlanta.example",
    "sip:[2001:db8::10]:5070",
    "sip:user;par=u%40example.net@example.com",
    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,w!*p$d_too.(d)@example.com",
    "tel:+1-201-555-0123;phone-context=example.com",
    "urn:service:sos",
]


@pytest.mark.parametrize("text", GOOD)
def test_prints_what_it_parsed(text: str) -> None:
    assert str(Uri.parse(text)) == text


def test_parts() -> None:
    uri = Uri.parse("SIP:al%69ce:pw@[2001:db8::1]:5070;transport=tcp;lr?Subject=x")
    params = (("transport", "tcp"), ("lr", None))
    assert uri == Uri("sip", "al%69ce", "2001:db8::1", 5070, params, "Subject=x", "pw")
    assert uri.user_unescaped == "alice"
    assert (uri.param("transport"), uri.param("lr"), uri.param("maddr")) == ("tcp", "", None)
    assert uri.has_param("lr")
    assert Uri.parse("tel:+380441234567") == Uri("tel", "+380441234567", "", None)
    assert Uri.parse("isbn:2983792873") == Uri("isbn", None, "2983792873", None)


def test_characters_beyond_ascii_are_escaped() -> None:
    assert str(Uri.parse("sip:оля@example.com")) == "sip:%D0%BE%D0%BB%D1%8F@example.com"
    assert str(Uri.parse("sip:m\udcfcller@example.com")) == "sip:m%FCller@example.com"


BAD = [
    *("", "sip:", "sip:@h", "sip:a@", "sip:a@b@c", "sip:a@h:", "sip:a@h:65536", "sip:a@h:-1"),
    *("sip:a b@h", "sip:a@h;", "sip:a@h;;x", "sip:a@h;=x", "sip:a@ho<st", "sip:[::1", "<sip:a@h>"),
    *("sip:a@h\r\nVia: x", "sip:a\0@h", "tel:", "tel:abcxyz", "nothing", "sip:юзер"),
    "sip:a@h;x=" + "y" * URI_CHARS_MAX,
    "sip:a@h" + ";x" * 100,
]


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str) -> None:
    with pytest.raises(ParseError):
        _ = Uri.parse(text)


EQUAL = [
    ("sip:%61lice@atlanta.example;transport=TCP", "sip:alice@AtLanTa.example;Transport=tcp"),
    ("sip:carol@chicago.example", "sip:carol@chicago.example;newparam=5"),
    ("sip:carol@chicago.example;newparam=5", "sip:carol@chicago.example;security=on"),
    (
        "sip:biloxi.example;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.example",
        "sip:biloxi.example;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.example",
    ),
    (
        "sip:alice@atlanta.example?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.example?priority=urgent&subject=project%20x",
    ),
    ("tel:+1-201-555-0123", "tel:+1(201)555.0123"),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.example;Transport=udp", "sip:alice@AtLanTa.example;Transport=UDP"),
    ("sip:bob@biloxi.example", "sip:bob@biloxi.example:5060"),
    ("sip:bob@biloxi.example", "sip:bob@biloxi.example;transport=udp"),
    ("sip:bob@biloxi.example", "sip:bob@biloxi.example:6000;transport=tcp"),
    ("sip:carol@chicago.example", "sip:carol@chicago.example?Subject=next%20meeting"),
    ("sip:carol@chicago.example;security=on", "sip:carol@chicago.example;security=off"),
    ("sip:a@h", "sips:a@h"),
    ("sip:%00@host5.example.com", "sip:%00%00@host5.example.com"),
]


@pytest.mark.parametrize(("a", "b"), EQUAL)
def test_the_same(a: str, b: str) -> None:
    """RFC 3261 §19.1.4, first list."""
    assert same_uri(Uri.parse(a), Uri.parse(b))
    assert same_uri(Uri.parse(b), Uri.parse(a))


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_not_the_same(a: str, b: str) -> None:
    """RFC 3261 §19.1.4, second list."""
    assert not same_uri(Uri.parse(a), Uri.parse(b))
    assert not same_uri(Uri.parse(b), Uri.parse(a))


ODD = st.lists(
    st.sampled_from(["sip:", "sips:", "tel:", "a", "@", ":", ";", "=", "?", "[", "]", "%4", "1"])
).map("".join)


@given(ODD | st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(ParseError):
        uri = Uri.parse(text)
        assert Uri.parse(str(uri)) == uri
        assert same_uri(uri, uri)
        assert str(uri).isascii()
        assert not set(str(uri)) & set(' \r\n\0<>"')
