import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.headers import (
    VALUES_MAX,
    CSeq,
    NameAddr,
    Reason,
    Via,
    parse_challenge,
    parse_contacts,
    parse_params,
    plain_address,
    plain_via,
    split_commas,
)
from sip.message import Request
from sip.uri import Uri

ALICE = Uri.parse("sip:alice@example.com")


@given(st.integers(0, 2**31 - 1), st.from_regex(r"[A-Z]{1,12}", fullmatch=True))
def test_cseq_round_trip(number: int, method: str) -> None:
    assert CSeq.parse(str(CSeq(number, method))) == CSeq(number, method)


BAD_CSEQS = ["", "1", "-1 INVITE", "2147483648 INVITE", "1 IN VITE", "٣ INVITE", "1\u00a0BYE"]


@pytest.mark.parametrize("value", BAD_CSEQS)
def test_bad_cseq(value: str) -> None:
    with pytest.raises(ParseError):
        _ = CSeq.parse(value)


def test_via() -> None:
    via = Via.parse("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKa;alias")
    params = (("rport", None), ("branch", "z9hG4bKa"), ("alias", None))
    assert via == Via("UDP", "192.0.2.1", 5060, params)
    assert (via.branch, via.received, via.rport) == ("z9hG4bKa", None, "")
    stamped = via.with_received("198.51.100.7", 40000)
    assert str(stamped) == (
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;alias;received=198.51.100.7;rport=40000"
    )
    assert (stamped.received, stamped.rport) == ("198.51.100.7", "40000")


def test_via_is_stamped_only_when_needed() -> None:
    via = Via.parse("SIP/2.0/TCP 192.0.2.1")
    assert via.with_received("192.0.2.1", 5060) is via
    asking = Via.parse("SIP/2.0/UDP 192.0.2.1;rport")
    assert str(asking.with_received("192.0.2.1", 70)) == (
        "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;rport=70"
    )
    assert str(via.with_received("192.0.2.2", 5060)) == "SIP/2.0/TCP 192.0.2.1;received=192.0.2.2"


def test_via_with_spaces_and_ipv6() -> None:
    via = Via.parse("SIP  / 2.0  / tcp     [2001:db8::9] : 70 ;  branch  =   z9hG4bK9ikj8  ")
    assert via == Via("TCP", "2001:db8::9", 70, (("branch", "z9hG4bK9ikj8"),))
    assert str(via) == "SIP/2.0/TCP [2001:db8::9]:70;branch=z9hG4bK9ikj8"


BAD_VIAS = [
    *("", "UDP h", "SIP/2.0/UDP", "SIP/2.0/UDP h;;", "SIP/2.0/UDP h;=x", "SIP/2.0/UDP h:70000"),
    *("SIP/2.0/UDP h;branch=", "SIP/2.0/UDP h;a=b,c", 'SIP/2.0/UDP h;a="b', "SIP/2.0/UDP h i"),
]


@pytest.mark.parametrize("value", BAD_VIAS)
def test_bad_via(value: str) -> None:
    with pytest.raises(ParseError):
        _ = Via.parse(value)


NAMES = [
    ("<sip:alice@example.com>;tag=1", NameAddr("", ALICE, (("tag", "1"),))),
    ("sip:alice@example.com;tag=1", NameAddr("", ALICE, (("tag", "1"),))),
    ("sip:alice@example.com", NameAddr("", ALICE)),
    ("caller<sip:alice@example.com>", NameAddr("caller", ALICE)),
    ("A. G. Bell <sip:alice@example.com>", NameAddr("A. G. Bell", ALICE)),
    ('"A \\"Q\\" \\\\B"<sip:alice@example.com>', NameAddr('A "Q" \\B', ALICE)),
    ('"" <sip:alice@example.com> ; tag = x', NameAddr("", ALICE, (("tag", "x"),))),
    ('"<sip:no>;tag=no" <sip:alice@example.com>', NameAddr("<sip:no>;tag=no", ALICE)),
    ('"a,b" <sip:alice@example.com>', NameAddr("a,b", ALICE)),
]


@pytest.mark.parametrize(("value", "expected"), NAMES)
def test_name_addr(value: str, expected: NameAddr) -> None:
    assert NameAddr.parse(value) == expected
    assert NameAddr.parse(str(expected)) == expected


BAD_NAMES = [
    *("", "<>", "<sip:a@h", "sip:a@h>", '"Mr. J. User <sip:j@example.com>', "<sip:a@h>;;", "*"),
    *("sip:user@example.com?Route=%3Csip:sip.example.com%3E", "<sip:a@h> x", "sip:a@h, sip:b@h"),
]


@pytest.mark.parametrize("value", BAD_NAMES)
def test_bad_name_addr(value: str) -> None:
    with pytest.raises(ParseError):
        _ = NameAddr.parse(value)


def test_tags() -> None:
    caller = NameAddr("Олена", ALICE, (("x", None),))
    assert str(caller.with_tag("t1")) == '"Олена" <sip:alice@example.com>;x;tag=t1'
    assert caller.with_tag("t1").with_tag("t2").tag == "t2"
    assert caller.tag == ""
    assert caller.with_tag("t1").with_tag("") == caller


def test_params_lose_their_quotes_only_when_asked_for() -> None:
    contact = NameAddr.parse('<sip:a@h>;+sip.instance="<urn:uuid:1>";reg-id=1')
    assert contact.params == (("+sip.instance", '"<urn:uuid:1>"'), ("reg-id", "1"))
    assert contact.param("+sip.instance") == "<urn:uuid:1>"
    assert (contact.param("reg-id"), contact.param("q")) == ("1", None)


def test_control_characters_never_come_out() -> None:
    evil = NameAddr('x\r\nVia: "evil"\0\x07', ALICE, (("a", "b\r\nTo: c"),))
    assert str(evil) == '"x Via: \\"evil\\" " <sip:alice@example.com>;a=b To: c'


def test_commas() -> None:
    assert split_commas('a, "b,\\",c" <d,e> ;f="g,h",,i ') == ["a", '"b,\\",c" <d,e> ;f="g,h"', "i"]
    assert split_commas("") == []
    for bad in ('"a, b', "<a, b", "a," * (VALUES_MAX + 2)):
        with pytest.raises(ParseError):
            _ = split_commas(bad)


def test_contacts() -> None:
    assert parse_contacts(["*"]) == "*"
    both = parse_contacts(["<sip:a@h>, <sip:b@h>;q=0.5", "sip:c@h"])
    assert [str(contact) for contact in both] == ["<sip:a@h>", "<sip:b@h>;q=0.5", "<sip:c@h>"]
    with pytest.raises(ParseError):
        _ = parse_contacts(["*", "<sip:a@h>"])


def test_reason() -> None:
    value = 'Q.850 ;cause=16 ;text="Normal call clearing", SIP;cause=200'
    assert Reason.parse(value) == Reason("Q.850", 16, "Normal call clearing")
    elsewhere = Reason("SIP", 200, "Call completed elsewhere")
    assert str(elsewhere) == 'SIP;cause=200;text="Call completed elsewhere"'
    assert Reason.parse("SIP;cause=x") == Reason("SIP")
    with pytest.raises(ParseError):
        _ = Reason.parse(";cause=1")


def test_challenge() -> None:
    value = (
        'Digest  realm="a \\"b\\", c", nonce="n=" ,qop="auth,auth-int",stale=FALSE,algorithm=MD5'
    )
    assert parse_challenge(value) == {
        "realm": 'a "b", c',
        "nonce": "n=",
        "qop": "auth,auth-int",
        "stale": "FALSE",
        "algorithm": "MD5",
    }
    for bad in (
        "",
        "Basic x",
        "NoOneKnowsThisScheme opaque-data=here",
        'Digest realm="a',
        "Digest a b",
    ):
        with pytest.raises(ParseError):
            _ = parse_challenge(bad)
    with pytest.raises(ParseError):
        _ = parse_challenge('Digest realm="a", realm="b"')


PIECES = st.sampled_from(
    [*'"\\<>;,= \t*?é1\0\udcff', "\r\n", "sip:", "a@h", "tag", "SIP/2.0/UDP ", "Digest "]
)
TEXTS = st.lists(PIECES, max_size=24).map("".join) | st.text(max_size=60)


@given(TEXTS)
def test_any_text_parses_or_is_refused(text: str) -> None:
    for parse in (CSeq.parse, Via.parse, NameAddr.parse, Reason.parse):
        with contextlib.suppress(ParseError):
            value = parse(text)
            assert parse(str(value)) == value
            assert not set(str(value)) & set("\r\n\0")
    for parse_list in (split_commas, parse_params, parse_challenge):
        with contextlib.suppress(ParseError):
            _ = parse_list(text)
    with contextlib.suppress(ParseError):
        _ = parse_contacts([text])


@given(st.text(max_size=30), st.sampled_from(["", "t"]))
def test_any_display_name_stays_in_its_quotes(display: str, tag: str) -> None:
    text = str(NameAddr(display, ALICE).with_tag(tag))
    parsed = NameAddr.parse(text)
    assert (parsed.uri, parsed.tag) == (ALICE, tag)
    assert parsed.display.isprintable() or not parsed.display.isascii()
    assert split_commas(text) == [text]


# --- what is used as text, without being taken apart ------------------------------------------

PARAM_NAMES = st.sampled_from(
    ["branch", "rport", "received", "alias", "tag", "Tag", "x", "method", ""]
)
PARAM_VALUES = st.sampled_from(
    ["", "=", "=1", "=z9hG4bK.a", "=a b", '="q"', "=a=b", "=[::1]", "=ä"]
)
SOME_PARAMS = st.lists(st.builds("{}{}".format, PARAM_NAMES, PARAM_VALUES), max_size=4).map(
    lambda params: "".join(f";{param}" for param in params)
)
HOSTS = st.sampled_from(["192.0.2.1", "h.example", "[2001:db8::1]", "", "a b", "x,y"])
PORTS = st.sampled_from(["", ":5060", ":05060", ":0", ":65535", ":70000", ":"])
PROTOCOLS = st.sampled_from(["SIP/2.0/UDP ", "SIP/2.0/tcp ", "sip/2.0/UDP ", "SIP / 2.0 / UDP "])
ANY_VIA = st.builds("{}{}{}{}".format, PROTOCOLS, HOSTS, PORTS, SOME_PARAMS)
SOME_NAMES = st.sampled_from(["", "Al ", '"A. B" ', '"a"', '"<sip:x>;tag=1" ', '"\\"" ', '"', "ä "])
SOME_USERS = st.sampled_from(["", "a@", "+49*1#@", "a:b@", "%41@", "a@b@", "ä@", ":@"])
SCHEMES = st.sampled_from(["sip:", "sips:", "SIP:", "tel:", "x:", ""])
ANY_URI = st.builds("{}{}{}{}{}".format, SCHEMES, SOME_USERS, HOSTS, PORTS, SOME_PARAMS)
ANY_ADDRESS = st.builds("{}<{}>{}".format, SOME_NAMES, ANY_URI, SOME_PARAMS) | ANY_URI


@given(ANY_VIA)
def test_a_via_is_stamped_as_text_as_it_would_be_in_parts(value: str) -> None:
    if plain_via(value) is not None:
        assert str(Via.parse(value)) == value
    text = Via.stamp(value, "192.0.2.1", 5060)
    if text is not None:
        assert text == str(Via.parse(value).with_received("192.0.2.1", 5060))


@given(ANY_ADDRESS)
def test_a_plain_address_says_what_the_parts_say(value: str) -> None:
    plain = plain_address(value)
    if plain is not None:
        address = NameAddr.parse(value)
        assert plain[1] == str(address.uri)
        assert address.uri.is_sip
        assert not address.uri.has_param("method")
        assert plain[2] is None or plain[2] == address.tag


def test_common_values_are_plain() -> None:
    assert plain_via("SIP/2.0/UDP 192.0.2.1:50600;rport;branch=z9hG4bK-1") is not None
    assert Via.stamp("SIP/2.0/UDP h:5060;branch=z9hG4bK-1", "h", 1) is not None
    plain = plain_address('"Alice B" <sip:+49123@192.0.2.1:50600;transport=udp>;tag=1-a.b')
    assert plain is not None
    assert plain.groups() == ("sip:+49123@192.0.2.1:50600;transport=udp", "1-a.b")


def is_good(parse: Callable[[str], object], value: str) -> bool:
    try:
        _ = parse(value)
    except ParseError:
        return False
    return True


@pytest.mark.parametrize(
    "value",
    [
        "<sip:a@h;method=BYE>",
        "<sip:a@h?Subject=x>",
        "<sip:a@h:05060>",
        "<SIP:a@h>",
        "<sip:%41@h>",
        "<tel:+1>",
        '"\\"" <sip:h>',
        "sip:a@h",
        "<sip:h>;TAG=a",
    ],
)
def test_unusual_addresses_are_taken_apart(value: str) -> None:
    assert is_good(NameAddr.parse, value)
    assert plain_address(value) is None


@given(ANY_VIA, ANY_ADDRESS, ANY_ADDRESS)
def test_branch_and_tags_are_those_of_the_parts(via: str, from_: str, to: str) -> None:
    message = Request("OPTIONS", "sip:h", [("Via", via), ("From", from_), ("To", to)])
    if is_good(Via.parse, via):
        assert message.branch == Via.parse(via).branch
    if is_good(NameAddr.parse, from_):
        assert message.from_tag == NameAddr.parse(from_).tag
    if is_good(NameAddr.parse, to):
        assert message.to_tag == NameAddr.parse(to).tag
