import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import MediaError, NegotiationError, ParseError
from media.negotiation import (
    CODECS,
    Remote,
    make_answer,
    make_offer,
    offered_codecs,
    read_answer,
    security_of,
)
from media.sdp import Sdp
from media.sdp_security import Security
from tests.data import need_testdata

US = ("192.0.2.1", 20_000)
LAWS = ("PCMU", "PCMA")

OFFER = """v=0\r
o=- 7 7 IN IP4 198.51.100.9\r
s=phone\r
c=IN IP4 198.51.100.9\r
t=0 0\r
m=audio 4000 RTP/AVP 18 8 0 96\r
a=rtpmap:96 telephone-event/8000\r
a=fmtp:96 0-16\r
a=ptime:30\r
"""
REMOTE = Remote(("198.51.100.9", 4000), ("198.51.100.9", 4001), "PCMA", 8, 96, "sendrecv", 30)


def answer(
    offer: str | bytes, codecs: tuple[str, ...] = LAWS, direction: str | None = None
) -> tuple[str, Remote]:
    data = offer if isinstance(offer, bytes) else offer.encode()
    text, remote = make_answer(data, US, codecs, session_id=1, version=2, direction=direction)
    return text.decode(), remote


def offer(*codecs: str, **options: str | bool | bytes) -> bytes:
    return make_offer(US, codecs or LAWS, session_id=1, version=1, **options)  # type: ignore[arg-type]


def phone(*lines: str, session: str = "c=IN IP4 198.51.100.9") -> str:
    return "\r\n".join(["v=0", "o=- 7 7 IN IP4 h", "s=-", session, "t=0 0", *lines, ""])


def directions(text: str) -> list[str]:
    sdp = Sdp.parse(text)
    return [sdp.direction_of(media) for media in sdp.medias]


# --- offers ---


def test_offer() -> None:
    assert offer().decode() == (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        "m=audio 20000 RTP/AVP 0 8 101\r\n"
        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        "a=ptime:20\r\na=sendrecv\r\n"
    )


def test_offer_without_dtmf_on_ipv6_and_on_hold() -> None:
    text = make_offer(
        ("fd00::1", 4000), ["PCMA"], session_id=1, version=3, direction="sendonly", dtmf=False
    )
    assert text.decode() == (
        "v=0\r\no=- 1 3 IN IP6 fd00::1\r\ns=-\r\nc=IN IP6 fd00::1\r\nt=0 0\r\n"
        "m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendonly\r\n"
    )


def test_events_are_offered_on_the_clock_of_each_codec() -> None:
    codecs = Sdp.parse(offer("opus", "PCMA", "G722")).medias[0].codecs
    assert [(codec.name, codec.clock_rate, codec.payload_type) for codec in codecs] == [
        ("opus", 48_000, 111),
        ("PCMA", 8000, 8),
        ("G722", 8000, 9),
        ("telephone-event", 48_000, 110),
        ("telephone-event", 8000, 101),
    ]


def test_offering_again_keeps_the_lines_and_the_numbers() -> None:
    before = phone(
        "m=image 0 udptl t38",
        "m=audio 4000 RTP/AVP 8 111",
        "a=rtpmap:111 telephone-event/8000",
        "m=video 0 RTP/AVP 99 100",
    )
    text = offer("opus", "PCMA", previous=before.encode(), direction="inactive").decode()
    assert text.partition("t=0 0\r\n")[2] == (
        "m=image 0 udptl t38\r\n"
        "m=audio 20000 RTP/AVP 96 8 110 111\r\n"
        "a=rtpmap:96 opus/48000/2\r\n"
        "a=fmtp:96 useinbandfec=1;maxaveragebitrate=32000;stereo=0;sprop-stereo=0\r\n"
        "a=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n"
        "a=rtpmap:111 telephone-event/8000\r\na=fmtp:111 0-15\r\n"
        "a=ptime:20\r\na=inactive\r\n"
        "m=video 0 RTP/AVP 99 100\r\n"
    )
    assert read_answer(text.encode(), text.encode()).direction == "inactive"


def test_offering_again_what_was_offered_changes_nothing() -> None:
    assert offer(previous=offer()) == offer()


# --- answers ---


def test_answer_takes_our_first_codec_and_their_numbers() -> None:
    text, remote = answer(OFFER, ("G722", "PCMA", "PCMU"))
    assert text == (
        "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        "m=audio 20000 RTP/AVP 8 96\r\n"
        "a=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\n"
        "a=ptime:20\r\na=sendrecv\r\n"
    )
    assert remote == REMOTE


def test_every_line_is_answered_in_its_place() -> None:
    text, remote = answer(
        phone(
            "m=audio 5000 RTP/SAVP 0",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
            "m=image 5002 udptl t38",
            "m=audio 0 RTP/AVP 0",
            "m=audio 4000 RTP/AVPF 0",
            "m=audio 5004 RTP/AVP 0",
            "m=video 5006 RTP/AVP 99 100",
            "m=application 9 UDP/BFCP",
        )
    )
    assert [line for line in text.split("\r\n") if line.startswith("m=")] == [
        "m=audio 0 RTP/SAVP 0",
        "m=image 0 udptl t38",
        "m=audio 0 RTP/AVP 0",
        "m=audio 20000 RTP/AVPF 0",
        "m=audio 0 RTP/AVP 0",
        "m=video 0 RTP/AVP 99 100",
        "m=application 0 UDP/BFCP 0",
    ]
    assert remote.address == ("198.51.100.9", 4000)


def test_events_of_another_clock_are_not_taken() -> None:
    te = "a=rtpmap:97 telephone-event/48000"
    _, remote = answer(phone("m=audio 4000 RTP/AVP 0 97", te))
    assert remote.dtmf_payload_type is None
    both = phone(
        "m=audio 4000 RTP/AVP 96 97 98",
        "a=rtpmap:96 opus/48000/2",
        te,
        "a=rtpmap:98 telephone-event/8000",
    )
    text, remote = answer(both, ("opus",))
    assert (remote.codec, remote.payload_type, remote.dtmf_payload_type) == ("opus", 96, 97)
    assert "m=audio 20000 RTP/AVP 96 97\r\n" in text


def test_a_known_name_on_another_clock_is_another_codec() -> None:
    wide = phone("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 PCMU/16000")
    assert offered_codecs(wide.encode()) == []
    with pytest.raises(NegotiationError, match="no common codec"):
        _ = answer(wide)


@pytest.mark.parametrize(
    ("theirs", "wanted", "ours"),
    [
        ("sendrecv", None, "sendrecv"),
        ("sendonly", None, "recvonly"),
        ("recvonly", None, "sendonly"),
        ("inactive", None, "inactive"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
        ("recvonly", "sendrecv", "sendonly"),
        ("sendonly", "recvonly", "recvonly"),
        ("sendrecv", "inactive", "inactive"),
        ("inactive", "sendrecv", "inactive"),
    ],
)
@pytest.mark.parametrize("level", ["session", "media"])
def test_directions(theirs: str, wanted: str | None, ours: str, level: str) -> None:
    session = f"a={theirs}\r\nc=IN IP4 198.51.100.9" if level == "session" else "c=IN IP4 1.2.3.4"
    lines = ["m=audio 4000 RTP/AVP 0"] + ([f"a={theirs}"] if level == "media" else [])
    text, remote = answer(phone(*lines, session=session), direction=wanted)
    assert directions(text) == [ours]
    assert remote.direction == theirs
    assert remote.held == (theirs in ("sendonly", "inactive")) == (not remote.receives)
    assert remote.sends == (theirs in ("sendrecv", "sendonly"))


@pytest.mark.parametrize("host", ["IP4 0.0.0.0", "IP6 ::"])
@pytest.mark.parametrize(
    ("line", "direction", "ours"),
    [
        ("a=sendrecv", "sendonly", "recvonly"),
        ("a=X", "sendonly", "recvonly"),
        ("a=sendonly", "sendonly", "recvonly"),
        ("a=recvonly", "inactive", "inactive"),
        ("a=inactive", "inactive", "inactive"),
    ],
)
def test_hold_by_address(host: str, line: str, direction: str, ours: str) -> None:
    text, remote = answer(phone("m=audio 4000 RTP/AVP 0", line, session=f"c=IN {host}"))
    assert (remote.direction, remote.held, remote.receives) == (direction, True, False)
    assert directions(text) == [ours]


@pytest.mark.parametrize(
    ("line", "rtcp"),
    [
        ("a=X", ("198.51.100.9", 4001)),
        ("a=rtcp:4005", ("198.51.100.9", 4005)),
        ("a=rtcp:4005 IN IP4 198.51.100.7", ("198.51.100.7", 4005)),
        ("a=rtcp:4005 IN IP4 0.0.0.0", ("198.51.100.9", 4005)),
        ("a=rtcp:4005 IN IP4 224.0.0.1", ("198.51.100.9", 4005)),
        ("a=rtcp:1 IN IP7 X", ("198.51.100.9", 1)),
    ],
)
def test_rtcp_address(line: str, rtcp: tuple[str, int]) -> None:
    assert answer(phone("m=audio 4000 RTP/AVP 0", line))[1].rtcp == rtcp


def test_there_is_no_port_after_the_last() -> None:
    assert answer(phone("m=audio 65535 RTP/AVP 0"))[1].rtcp == ("198.51.100.9", 65_535)


@pytest.mark.parametrize(("line", "ptime"), [("10", 10), ("60", 60), ("25", 20), ("200", 20)])
def test_ptime(line: str, ptime: int) -> None:
    assert answer(phone("m=audio 4000 RTP/AVP 0", f"a=ptime:{line}"))[1].ptime == ptime


@pytest.mark.parametrize(
    "session",
    [
        "c=IN IP4 phone.example.com",
        "c=IN IP4 239.1.2.3/32",
        "c=IN IP4 255.255.255.255",
        "c=IN IP6 fe80::1%eth0",
        "b=AS:1",
    ],
)
def test_addresses_that_no_packet_is_sent_to(session: str) -> None:
    with pytest.raises(NegotiationError, match="no usable address"):
        _ = answer(phone("m=audio 4000 RTP/AVP 0", session=session))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "no audio is offered"),
        (("m=video 4000 RTP/AVP 0",), "no audio is offered"),
        (("m=audio 0 RTP/AVP 0",), "no audio is offered"),
        (("m=audio 4000 RTP/AVP 18 9",), "no common codec"),
        (("m=audio 4000 RTP/SAVP 0",), "RTP/SAVP alone"),
        (("m=audio 4000 UDP/TLS/RTP/SAVPF 0",), "UDP/TLS/RTP/SAVPF alone"),
    ],
)
def test_no_answer(lines: tuple[str, ...], why: str) -> None:
    with pytest.raises(NegotiationError, match=why):
        _ = answer(phone(*lines))


def test_offered_codecs_in_their_order() -> None:
    assert offered_codecs(OFFER.encode()) == ["PCMA", "PCMU"]
    assert offered_codecs(phone("m=video 1 RTP/AVP 0").encode()) == []
    two = phone("m=audio 1 RTP/SAVP 0", "m=audio 3 RTP/AVP 8")
    assert offered_codecs(two.encode()) == ["PCMA"]
    with pytest.raises(ParseError):
        _ = offered_codecs(b"")


def test_security() -> None:
    plain, sdes = "m=audio 4000 RTP/AVP 0", "m=audio 4000 RTP/SAVP 0"
    dtls = ("m=audio 4000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:sha-256 00")
    assert security_of(phone(plain).encode()) is Security.NONE
    assert security_of(phone(sdes).encode()) is Security.SDES
    assert security_of(phone(*dtls).encode()) is Security.DTLS
    assert security_of(phone(sdes, plain).encode()) is Security.NONE
    assert security_of(phone().encode()) is Security.NONE


# --- answers to us ---


def test_reading_an_answer() -> None:
    theirs = phone(
        "m=audio 4000 RTP/AVP 18 8 0 97", "a=rtpmap:97 telephone-event/8000", "a=sendonly"
    )
    assert read_answer(offer(), theirs.encode()) == Remote(
        ("198.51.100.9", 4000), ("198.51.100.9", 4001), "PCMA", 8, 97, "sendonly", 20
    )


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "no audio"),
        (("m=video 0 RTP/AVP 0",), "no audio"),
        (("m=audio 0 RTP/AVP 0",), "audio is refused"),
        (("m=audio 4000 RTP/SAVP 0",), "not offered"),
        (("m=audio 4000 RTP/AVP 9",), "no codec that was offered"),
        (("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), "no codec"),
    ],
)
def test_bad_answers(lines: tuple[str, ...], why: str) -> None:
    with pytest.raises(NegotiationError, match=why):
        _ = read_answer(offer(), phone(*lines).encode())


def test_answer_that_leaves_refused_lines_out() -> None:
    again = offer(previous=phone("m=video 0 RTP/AVP 99", "m=audio 4000 RTP/AVP 0").encode())
    assert [media.kind for media in Sdp.parse(again).medias] == ["video", "audio"]
    assert read_answer(again, phone("m=audio 4000 RTP/AVP 0").encode()).codec == "PCMU"


ports = st.integers(1, 65_535)
codec_lists = st.lists(st.sampled_from(sorted(CODECS)), min_size=1, max_size=4, unique=True)
wishes = st.sampled_from(("sendrecv", "sendonly", "recvonly", "inactive"))


@given(codec_lists, codec_lists, ports, ports, wishes, wishes, st.booleans())
def test_both_sides_agree(
    a: list[str], b: list[str], port_a: int, port_b: int, wish_a: str, wish_b: str, dtmf: bool
) -> None:
    sent = make_offer(
        ("192.0.2.1", port_a), a, session_id=1, version=1, direction=wish_a, dtmf=dtmf
    )
    if not set(a) & set(b):
        with pytest.raises(NegotiationError):
            _ = make_answer(sent, ("fd00::2", port_b), b, session_id=2, version=1)
        return
    back, offerer = make_answer(
        sent, ("fd00::2", port_b), b, session_id=2, version=1, direction=wish_b
    )
    answerer = read_answer(sent, back)
    assert (offerer.address, answerer.address) == (("192.0.2.1", port_a), ("fd00::2", port_b))
    assert offerer.codec == answerer.codec == next(name for name in b if name in a)
    assert offerer.payload_type == answerer.payload_type
    assert offerer.dtmf_payload_type == answerer.dtmf_payload_type
    assert (offerer.dtmf_payload_type is not None) == dtmf
    # Nobody sends what the other does not take.
    assert not answerer.sends or offerer.receives
    assert not answerer.receives or offerer.sends


@given(
    st.binary(max_size=120), st.sampled_from((b"", b"v=0\nc=IN IP4 1.2.3.4\nm=audio 1 RTP/AVP "))
)
def test_only_media_errors(data: bytes, start: bytes) -> None:
    with contextlib.suppress(MediaError):
        text, _ = make_answer(start + data, US, LAWS, session_id=1, version=1)
        assert len(Sdp.parse(text).medias) == len(Sdp.parse(start + data).medias)
    with contextlib.suppress(MediaError):
        _ = read_answer(offer(), start + data)
    with contextlib.suppress(ParseError):
        _ = (offered_codecs(start + data), security_of(start + data))


# --- real phones ---


@pytest.mark.parametrize("name", ["baresip-v1.0.0-x86-64-linux", "sipp-uac", "linphonec-5.1.65"])
def test_phones_are_answered(name: str) -> None:
    message = need_testdata("live-clients", f"{name}__invite.sip").read_bytes()
    body = message.partition(b"\r\n\r\n")[2]
    text, remote = answer(body)
    assert (remote.codec, remote.dtmf_payload_type, remote.direction) == ("PCMU", 101, "sendrecv")
    assert "m=audio 20000 RTP/AVP 0 101\r\n" in text
    assert security_of(body) is Security.NONE


def test_browsers_are_recognised() -> None:
    body = need_testdata("chromium156-offer-audio.sdp").read_bytes()
    assert security_of(body) is Security.DTLS
    assert offered_codecs(body) == ["opus", "G722", "PCMU", "PCMA"]
    with pytest.raises(NegotiationError):
        _ = answer(body)


@pytest.mark.parametrize(
    ("lines", "ptime"),
    [
        ((), 20),
        (("a=ptime:30",), 30),
        (("a=ptime:30", "a=maxptime:60"), 30),
        (("a=ptime:40", "a=maxptime:30"), 30),
        (("a=maxptime:10",), 10),
        (("a=maxptime:5",), 10),  # There is nothing shorter.
        (("a=maxptime:35", "a=ptime:60"), 30),
        (("a=ptime:25",), 20),
    ],
)
def test_how_much_sound_goes_in_a_packet(lines: tuple[str, ...], ptime: int) -> None:
    _, remote = answer(phone("m=audio 4000 RTP/AVP 0", *lines))
    assert remote.ptime == ptime


def test_what_a_peer_says_of_opus() -> None:
    offer = phone(
        "m=audio 4000 RTP/AVP 107 9",
        "a=rtpmap:107 OPUS/48000/2",
        "a=fmtp:107 useinbandfec=1; maxaveragebitrate=20000",
    )
    text, remote = answer(offer, ("opus", "G722"))
    assert (remote.codec, remote.payload_type, remote.fmtp) == (
        "opus",
        107,
        "useinbandfec=1; maxaveragebitrate=20000",
    )
    assert "a=fmtp:107 useinbandfec=1;maxaveragebitrate=32000;stereo=0;sprop-stereo=0" in text
    text, remote = answer(offer, ("G722", "opus"))
    assert (remote.codec, remote.fmtp) == ("G722", "")
    assert "m=audio 20000 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\na=ptime:20\r\n" in text
