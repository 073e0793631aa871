"""Keys in a description (RFC 4568): what is understood, what is not for us, what is broken."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import sdes
from media.errors import ParseError
from media.sdes import SUITES, Crypto

KEY = bytes(range(30))
CODED = base64.b64encode(KEY).decode()
USUAL = "AES_CM_128_HMAC_SHA1_80"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"1 {USUAL} inline:{CODED}", Crypto(1, USUAL, KEY)),
        (f"1  {USUAL}\tinline:{CODED} ", Crypto(1, USUAL, KEY)),
        (f"7 AES_CM_128_HMAC_SHA1_32 INLINE:{CODED}", Crypto(7, "AES_CM_128_HMAC_SHA1_32", KEY)),
        (f"1 {USUAL} inline:{CODED}|2^20", Crypto(1, USUAL, KEY)),
        (f"1 {USUAL} inline:{CODED}|1048576|1:4", Crypto(1, USUAL, KEY, 4)),
        (f"1 {USUAL} inline:{CODED}|1:32", Crypto(1, USUAL, KEY, 32)),
        (f"1 {USUAL} inline:{CODED} WSH=64 -LATER=1", Crypto(1, USUAL, KEY)),
        (f"1 {USUAL} inline:{CODED} UNENCRYPTED_SRTP", None),
        (f"1 {USUAL} inline:{CODED} KDR=1", None),
        (f"1 {USUAL} inline:{CODED}|2^20|1:4;inline:{CODED}|2^20|2:4", None),
        (f"1 F8_128_HMAC_SHA1_80 inline:{CODED}", None),
        (f"1 {USUAL} uri:https://keys", None),
    ],
)
def test_lines(value: str, expected: Crypto | None) -> None:
    assert sdes.parse(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"x {USUAL} inline:{CODED}",
        f"1 {USUAL}",
        f"1 {USUAL} inline:{CODED[:-4]}",
        f"1 {USUAL} inline:{CODED[:-1]}!",
        f"1 {USUAL} inline:{CODED}|2^20|1:0",
        f"1 {USUAL} inline:{CODED}|2^20|1:129",
        f"1 {USUAL} inline:{CODED}|2^20|1:4|5",
        f"1 {USUAL} inline:{CODED}|soon",
        f"1 {USUAL} inline:{CODED}{' ' * 1024}",
        f"\u0661 {USUAL} inline:{CODED}",
    ],
)
def test_broken_lines(value: str) -> None:
    with pytest.raises(ParseError) as error:
        _ = sdes.parse(value)
    assert CODED[:8] not in str(error.value)


def test_a_key_is_shown_to_nobody() -> None:
    crypto = Crypto(1, USUAL, KEY)
    assert repr(crypto) == f"Crypto(tag=1, suite='{USUAL}', mki_size=0)"


def test_the_first_that_we_can_do_is_chosen_one_without_an_mki_before_others() -> None:
    lines = [
        "broken",
        f"1 F8_128_HMAC_SHA1_80 inline:{CODED}",
        f"2 {USUAL} inline:{CODED}|2^20|1:4",
        f"3 AES_CM_128_HMAC_SHA1_32 inline:{CODED}",
        f"4 {USUAL} inline:{CODED}",
    ]
    chosen = sdes.choose(lines)
    assert chosen is not None
    assert chosen.tag == 3
    assert sdes.choose(lines[:3]) == Crypto(2, USUAL, KEY, 4)
    assert sdes.choose(lines[:2]) is None
    assert sdes.choose(["broken"] * sdes.LINES_MAX + lines) is None


@given(st.integers(1, 10**9 - 1), st.sampled_from(list(SUITES)), st.data())
def test_there_and_back(tag: int, suite: str, data: st.DataObject) -> None:
    size = SUITES[suite].master
    crypto = Crypto(tag, suite, data.draw(st.binary(min_size=size, max_size=size)))
    assert sdes.parse(str(crypto)) == crypto


@given(
    st.text(max_size=80), st.sampled_from(["", f"1 {USUAL} inline:", f"1 {USUAL} inline:{CODED}|"])
)
def test_any_text(text: str, start: str) -> None:
    try:
        found = sdes.parse(start + text)
    except ParseError:
        return
    assert found is None or len(found.master) == SUITES[found.suite].master
