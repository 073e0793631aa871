"""Replaces, Refer-To, Referred-By and the contacts of a 3xx."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.headers import NameAddr
from sip.message import Response
from sip.redirection import redirect_targets
from sip.replaces import Replaces, refer_target, refer_to, referred_by, replaced_by
from sip.uri import Uri
from tests.sip.sample import make_request

# Call-IDs and tags have more characters than a URI allows: they are escaped there.
WORDS = st.text("abcXYZ0189-.!%*_+`'~()<>:\\\"/[]?{}@", min_size=1, max_size=40)
TAGS = st.text("abcXYZ0189-.!%*_+`'~", min_size=1, max_size=40)
REPLACES = st.builds(Replaces, WORDS, TAGS, TAGS, st.booleans())
BOB = Uri.parse("sip:bob@192.0.2.2:5070;transport=tcp")


def test_replaces() -> None:
    parsed = Replaces.parse("425928@bobster.example.org;to-tag=7743;from-tag=6472")
    assert parsed == Replaces("425928@bobster.example.org", "7743", "6472")
    spaced = Replaces.parse(" 98732@x ; from-tag=r33th4x0r ; To-Tag = ff87ff ; early-only; a=b ")
    assert spaced == Replaces("98732@x", "ff87ff", "r33th4x0r", early_only=True)


@pytest.mark.parametrize("value", ["", "x", "x;to-tag=1", "x;from-tag=1", ";to-tag=1;from-tag=2"])
def test_replaces_without_a_dialog(value: str) -> None:
    with pytest.raises(ParseError):
        _ = Replaces.parse(value)


@given(REPLACES)
def test_replaces_round_trip(replaces: Replaces) -> None:
    assert Replaces.parse(str(replaces)) == replaces


@given(REPLACES)
def test_refer_to_round_trip(replaces: Replaces) -> None:
    refer = make_request("REFER", headers=[("Refer-To", refer_to(BOB, replaces))])
    assert refer_target(refer) == (BOB, replaces)


@given(st.text(max_size=80))
def test_replaces_of_anything(text: str) -> None:
    try:
        replaces = Replaces.parse(text)
    except ParseError:
        return
    assert Replaces.parse(str(replaces)) == replaces


@given(st.text(max_size=120))
def test_refer_to_anything(text: str) -> None:
    refer = make_request("REFER", headers=[("Refer-To", text)])
    try:
        target = refer_target(refer)
    except ParseError:
        return
    assert target.uri.headers == ""


def test_a_refer_to_of_a_real_phone() -> None:
    value = (
        "<sip:3002@192.0.2.9:5060;user=phone?Replaces=12adf2f34456gs5%3Bto-tag%3D12345%3B"
        "from-tag%3D54321&Require=replaces>;method=INVITE"
    )
    target = refer_target(make_request("REFER", headers=[("Refer-To", value)]))
    assert target.uri == Uri.parse("sip:3002@192.0.2.9:5060;user=phone")
    assert target.replaces == Replaces("12adf2f34456gs5", "12345", "54321")
    assert refer_to(BOB) == "<sip:bob@192.0.2.2:5070;transport=tcp>"


def test_a_refer_has_one_target() -> None:
    for count in (0, 2):
        with pytest.raises(ParseError):
            _ = refer_target(make_request("REFER", headers=[("Refer-To", "<sip:a@b>")] * count))


def test_an_invite_that_replaces() -> None:
    value = "c1;to-tag=t;from-tag=f"
    assert replaced_by(make_request("INVITE")) is None
    invite = make_request("INVITE", headers=[("Replaces", value)])
    assert replaced_by(invite) == Replaces("c1", "t", "f")
    with pytest.raises(ParseError):
        _ = replaced_by(make_request("INVITE", headers=[("Replaces", value)] * 2))


def test_referred_by() -> None:
    assert referred_by(make_request("INVITE")) is None
    invite = make_request(
        "INVITE", headers=[("Referred-By", '"Olena" <sip:101@192.0.2.1>;cid="x"')]
    )
    assert referred_by(invite) == NameAddr.parse('"Olena" <sip:101@192.0.2.1>;cid="x"')


def moved(*contacts: str) -> list[str]:
    response = Response(302, headers=[("Contact", contact) for contact in contacts])
    return [str(target.uri) for target in redirect_targets(response)]


def test_where_a_302_sends_us() -> None:
    assert moved("<sip:a@192.0.2.3>") == ["sip:a@192.0.2.3"]
    assert moved(
        "<sip:a@192.0.2.3>;q=0.3, <sip:b@192.0.2.3>;q=0.9", "<tel:+380441234567>", "<sip:c@x>;q=0.9"
    ) == ["tel:+380441234567", "sip:b@192.0.2.3", "sip:c@x", "sip:a@192.0.2.3"]
    assert moved("<sip:a@x>;q=none", "<mailto:a@x>", "bad <", "*", "<sip:b@x>;q=7") == [
        "sip:a@x",
        "sip:b@x",
    ]
    assert moved() == []
    assert len(moved(*(f"<sip:{n}@x>" for n in range(50)))) == 10


@given(st.lists(st.text(max_size=40), max_size=5))
def test_contacts_of_anything(lines: list[str]) -> None:
    _ = moved(*lines)
