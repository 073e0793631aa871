"""What descriptions say about encryption: offers, answers, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import negotiation, sdes
from media.errors import MediaError, NegotiationError
from media.negotiation import make_answer, make_offer, read_answer, securities_of
from media.protocol import Dtls, Srtp
from media.sdp_security import PLAIN, Secrets, Security, Terms, Told, offer_dtls, offer_sdes
from tests.media.callers import certificate

US, THEM = ("192.0.2.1", 4000), ("198.51.100.9", 6000)
PRINT = str(certificate("server").fingerprint)
OURS = Secrets(b"o" * 32, PRINT, ("10.0.0.1",))
THEIRS = Secrets(b"t" * 32, str(certificate("caller").fingerprint))
ANY = Terms(OURS)
LAWS = ("PCMU", "PCMA")


def offer(told: Told = PLAIN, codecs: tuple[str, ...] = LAWS) -> bytes:
    return make_offer(THEM, codecs, session_id=1, version=1, told=told)


def browser(secrets: Secrets = THEIRS) -> bytes:
    return offer(offer_dtls(secrets, *THEM)).replace(b"a=ice-lite\r\n", b"")


def answered(data: bytes, terms: Terms | None = ANY) -> tuple[str, negotiation.Remote]:
    body, remote = make_answer(data, US, LAWS, session_id=2, version=1, terms=terms)
    return body.decode(), remote


def lines(text: str) -> list[str]:
    return text.split("\r\n")


def test_our_offer_with_keys() -> None:
    text = offer(offer_sdes(OURS)).decode()
    assert "m=audio 6000 RTP/SAVP 0 8 101" in lines(text)
    cryptos = [line.removeprefix("a=crypto:") for line in lines(text) if "crypto" in line]
    parsed = [sdes.parse(crypto) for crypto in cryptos]
    assert [(crypto.tag, crypto.suite) for crypto in parsed if crypto] == [
        (1, "AES_CM_128_HMAC_SHA1_80"),
        (2, "AEAD_AES_256_GCM"),
        (3, "AEAD_AES_128_GCM"),
        (4, "AES_CM_128_HMAC_SHA1_32"),
    ]
    assert len({crypto.master for crypto in parsed if crypto}) == 4


def test_our_offer_to_a_browser() -> None:
    data = make_offer(US, LAWS, session_id=1, version=1, told=offer_dtls(OURS, *US))
    assert lines(data.decode())[4:] == [
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=ice-lite",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=mid:0",
        "a=msid:dzvin audio",
        "a=rtcp-mux",
        f"a=ice-ufrag:{OURS.ufrag}",
        f"a=ice-pwd:{OURS.pwd}",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host",
        "a=candidate:2 1 udp 2130706175 10.0.0.1 4000 typ host",
        "a=end-of-candidates",
        f"a=fingerprint:{PRINT}",
        "a=setup:actpass",
        "a=sendrecv",
        "",
    ]


@pytest.mark.parametrize("suite", sdes.SUITES)
def test_both_sides_have_the_same_keys(suite: str) -> None:
    keep = sdes.Crypto(9, suite, THEIRS.master(suite))
    data = offer(Told("RTP/SAVP", f"a=crypto:1 NONE inline:AA\r\na=crypto:{keep}\r\n"))
    body, remote = answered(data)
    assert remote.srtp == Srtp(suite, OURS.master(suite), THEIRS.master(suite))
    back = read_answer(data, body.encode())
    assert back.srtp == Srtp(suite, THEIRS.master(suite), OURS.master(suite))
    assert (remote.dtls, back.dtls) == (None, None)


@pytest.mark.parametrize(
    ("setup", "active", "ours", "part"),
    [
        ("actpass", None, "passive", False),
        ("actpass", False, "passive", False),
        ("actpass", True, "active", True),
        ("active", True, "passive", False),
        ("passive", None, "active", True),
        ("", None, "passive", False),
    ],
)
def test_who_begins(setup: str, active: bool | None, ours: str, part: bool) -> None:
    line = f"a=setup:{setup}\r\n".encode() if setup else b""
    data = browser().replace(b"a=setup:actpass\r\n", line)
    body, remote = answered(data, Terms(OURS, active=active))
    assert f"a=setup:{ours}" in lines(body)
    algorithm, _, value = THEIRS.fingerprint.partition(" ")
    assert remote.dtls == Dtls(
        algorithm, value, part, OURS.ufrag, OURS.pwd, THEIRS.ufrag, THEIRS.pwd, PRINT
    )
    if setup == "actpass":
        back = read_answer(data, body.replace("a=ice-lite\r\n", "").encode()).dtls
        algorithm, _, value = PRINT.partition(" ")
        assert back == Dtls(
            *(algorithm, value, not part, THEIRS.ufrag, THEIRS.pwd, OURS.ufrag, OURS.pwd),
            THEIRS.fingerprint,
        )


def test_a_phone_that_does_dtls_without_ice() -> None:
    data = b"\r\n".join(
        line for line in browser().split(b"\r\n") if b"ice" not in line and b"candid" not in line
    )
    body, remote = answered(data)
    assert "ice" not in body
    assert "candidate" not in body
    assert remote.dtls is not None
    assert remote.dtls.peer_ufrag == ""
    assert remote.address == THEM


def test_a_browser_without_any_address() -> None:
    """Candidates come later, or have names that only its own network knows."""
    data = browser().replace(b"c=IN IP4 198.51.100.9", b"c=IN IP4 0.0.0.0")
    data = data.replace(b"m=audio 6000", b"m=audio 9")
    _, remote = answered(data)
    assert (remote.direction, remote.held) == ("sendrecv", False)
    _, remote = answered(data.replace(b"IP4 0.0.0.0", b"IP4 4f-7.local"))
    assert remote.direction == "sendrecv"


def test_only_our_line_stays_in_the_group() -> None:
    video = b"m=video 6000 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n"
    data = browser().replace(b"BUNDLE 0", b"BUNDLE 0 1") + video
    body, _ = answered(data)
    assert "a=group:BUNDLE 0" in lines(body)
    assert "m=video 0 UDP/TLS/RTP/SAVPF 96" in lines(body)
    body, _ = answered(data.replace(b"a=group:BUNDLE 0 1\r\n", b""))
    assert "BUNDLE" not in body


def test_the_encrypted_line_of_two_is_taken() -> None:
    data = offer() + b"m=audio 6002 RTP/SAVP 0\r\n" + offer_sdes(THEIRS).lines.encode()
    body, remote = answered(data)
    assert [line[:20] for line in lines(body) if line.startswith("m=")] == [
        "m=audio 0 RTP/AVP 0 ",
        "m=audio 4000 RTP/SAV",
    ]
    assert remote.srtp is not None
    _, remote = answered(data, Terms(OURS, frozenset({Security.NONE})))
    assert remote.srtp is None


@pytest.mark.parametrize(
    ("data", "terms"),
    [
        (offer(offer_sdes(THEIRS)), None),
        (offer(offer_sdes(THEIRS)), Terms(OURS, frozenset({Security.DTLS, Security.NONE}))),
        (offer(Told("RTP/SAVP")), ANY),
        (browser(), None),
        (browser(), Terms(OURS, frozenset({Security.SDES}))),
        (browser(), Terms(Secrets(b"o" * 32))),
        (browser().replace(b"sha-256 ", b"sha-1 "), ANY),
        (browser().replace(b"actpass", b"holdconn"), ANY),
        (browser().replace(THEIRS.pwd.encode(), b"short"), ANY),
        (offer(), Terms(OURS, frozenset({Security.SDES, Security.DTLS}))),
    ],
)
def test_offers_that_are_refused(data: bytes, terms: Terms | None) -> None:
    with pytest.raises(NegotiationError):
        _ = answered(data, terms)


def test_answers_that_are_refused() -> None:
    keys, dtls, plain = offer(offer_sdes(OURS)), browser(OURS), offer()
    unknown = sdes.Crypto(7, "AEAD_AES_128_GCM", b"k" * 28)
    foreign = offer(Told("RTP/SAVP", f"a=crypto:{unknown}\r\n"))
    for ours, theirs in (
        (keys, plain),
        (keys, browser()),
        (keys, offer(Told("RTP/SAVP"))),
        (keys, foreign),
        (plain, offer(offer_sdes(THEIRS))),
        (dtls, plain),
        (dtls, offer(offer_sdes(THEIRS))),
        (dtls, browser()),  # actpass is no answer.
    ):
        with pytest.raises(NegotiationError):
            _ = read_answer(ours, theirs)


def test_a_restart_is_another_password_and_the_same_key() -> None:
    again = Secrets(OURS.seed, restarts=1)
    assert again.pwd != OURS.pwd
    assert again.ufrag != OURS.ufrag
    assert again.master("AEAD_AES_256_GCM") == OURS.master("AEAD_AES_256_GCM")
    assert "ooo" not in repr(OURS)


pieces = st.sampled_from(
    [
        *("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "a=fingerprint:sha-256 AA", "a=setup:x"),
        *("a=ice-ufrag:a", "a=ice-pwd:b", "a=group:BUNDLE", "a=mid:", "a=mid:0", "a=ice-lite"),
        *("m=audio 5 RTP/SAVP 0", "m=audio 5 RTP/AVP 0", "m=audio 5 UDP/TLS/RTP/SAVPF 0"),
        *(f"a=fingerprint:{PRINT}", "a=setup:actpass", "c=IN IP4 0.0.0.0", "a=crypto:"),
        *offer_sdes(THEIRS).lines.split("\r\n")[:4],
    ]
)


@given(st.lists(pieces | st.text(max_size=20), max_size=16))
def test_any_description(parts: list[str]) -> None:
    data = ("v=0\r\n" + "\r\n".join(parts) + "\r\n").encode()
    try:
        assert securities_of(data) <= set(Security)
        body, remote = answered(data)
    except MediaError:
        pass
    else:
        assert b"crypto" in body.encode() if remote.srtp else True
    for ours in (offer(), offer(offer_sdes(OURS)), browser(OURS)):
        try:
            remote = read_answer(ours, data)
        except MediaError:
            continue
        assert (remote.srtp is not None) is (b"RTP/SAVP " in ours)
