"""SRTP: the vector of RFC 3711, both directions in each suite, and what is not the peer's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp, rtp
from media.errors import ParseError
from media.protocol import Srtp
from media.sdes import SUITES
from media.srtp import Cipher, Keys, cipher_of, without_mki

USUAL = "AES_CM_128_HMAC_SHA1_80"


def pair(suite: str = USUAL) -> tuple[Cipher, Cipher]:
    a, b = (bytes([n]) * SUITES[suite].master for n in (1, 2))
    return Cipher(Keys(suite, a, b)), Cipher(Keys(suite, b, a))


def packet(seq: int, payload: bytes = b"\x55" * 160, ssrc: int = 7) -> bytes:
    return rtp.pack(0, seq, seq * 160, ssrc) + payload


def test_a_packet_as_libsrtp_tests_it() -> None:
    """The reference packet of libsrtp, for key and salt of RFC 3711 appendix B.3."""
    master = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6")
    plain = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
    encrypted = bytes.fromhex(
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
    )
    cipher = Cipher(Keys(USUAL, master, master))
    assert cipher.protect(plain) == encrypted
    assert cipher.unprotect(encrypted) == plain


@pytest.mark.parametrize("suite", SUITES)
def test_both_directions(suite: str) -> None:
    one, other = pair(suite)
    report = rtcp.pack_report(rtcp.ReceiverReport(7, ()), "cname")
    for a, b in ((one, other), (other, one)):
        for seq in (65_534, 65_535, 0, 1):
            protected = a.protect(memoryview(packet(seq)))
            assert protected[12:172] != packet(seq)[12:]
            assert b.unprotect(memoryview(protected)) == packet(seq)
        assert b.unprotect_rtcp(a.protect_rtcp(report)) == report


def test_what_is_not_the_peers() -> None:
    one, other = pair()
    good = one.protect(packet(1))
    stranger, _ = pair("AES_CM_128_HMAC_SHA1_32")
    for bad in (packet(1), good[:-1], b"", good[:11], stranger.protect(packet(1)), bytes(2000)):
        with pytest.raises(ParseError):
            _ = other.unprotect(bad)
        with pytest.raises(ParseError):
            _ = other.unprotect_rtcp(bad)
    assert other.unprotect(good) == packet(1)
    with pytest.raises(ParseError):  # A second time.
        _ = other.unprotect(good)
    with pytest.raises(ParseError):
        _ = one.protect(bytes(2000))


def test_disorder_repetitions_and_other_streams_go_through() -> None:
    one, other = pair()
    for seq in (10, 12, 11):
        assert other.unprotect(one.protect(packet(seq))) == packet(seq)
    assert one.protect(packet(12)) == one.protect(packet(12))
    assert other.unprotect(one.protect(packet(40_000, ssrc=9))) == packet(40_000, ssrc=9)


def test_a_direction_whose_key_stays_goes_on_with_its_counters() -> None:
    """One side changes its key in a re-INVITE, after the sequence numbers ran over."""
    one, other = pair()
    for seq in (65_535, 0):
        _ = other.unprotect(one.protect(packet(seq)))
    fresh = bytes([9]) * 30
    one2 = cipher_of(one.keys._replace(receive=fresh), one)
    other2 = cipher_of(other.keys._replace(send=fresh), other)
    assert other2.unprotect(one2.protect(packet(1))) == packet(1)
    assert one2.unprotect(other2.protect(packet(5))) == packet(5)
    with pytest.raises(ParseError):
        _ = other2.unprotect(Cipher(one2.keys).protect(packet(2)))


@pytest.mark.parametrize("suite", SUITES)
def test_packets_that_name_their_key(suite: str) -> None:
    """A peer whose packets have an MKI; ours have none."""
    size = SUITES[suite].master
    a, b = bytes([1]) * size, bytes([2]) * size
    peer, ours = Cipher(Keys(suite, b, a)), cipher_of(Keys(suite, a, b, 4))
    tag, report_tag = {"8": (10, 10), "3": (4, 10)}.get(
        suite[-2] if "SHA1" in suite else "", (0, 0)
    )
    sent = peer.protect(packet(1))
    end = len(sent) - tag
    assert ours.unprotect(sent[:end] + b"\0\0\0\1" + sent[end:]) == packet(1)
    report = rtcp.pack_report(rtcp.ReceiverReport(7, ()), "cname")
    sent = peer.protect_rtcp(report)
    end = len(sent) - report_tag
    assert ours.unprotect_rtcp(sent[:end] + b"\0\0\0\1" + sent[end:]) == report
    assert peer.unprotect(ours.protect(packet(2))) == packet(2)


def test_keys_are_shown_to_nobody() -> None:
    keys = Keys.of(Srtp(USUAL, bytes(30), bytes(30)))
    assert f"{keys} {Srtp(USUAL, bytes(30), bytes(30))}" == f"Keys({USUAL}) Srtp({USUAL})"


@pytest.mark.parametrize("suite", ["NULL", USUAL])
def test_what_cannot_be_keys(suite: str) -> None:
    with pytest.raises(ValueError, match="no keys of"):
        _ = Keys.of(Srtp(suite, bytes(29), bytes(30)))


@given(st.binary(max_size=300), st.integers(1, 128), st.sampled_from([0, 4, 10]))
def test_any_bytes(data: bytes, size: int, tag: int) -> None:
    one, _ = pair()
    for take in (one.unprotect, one.unprotect_rtcp):
        with pytest.raises(ParseError):
            _ = take(data)
    try:
        assert len(without_mki(data, size, tag)) == len(data) - size
    except ParseError:
        assert len(data) <= size + tag
