import contextlib
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import ParseError
from media.sdp import FORMATS_MAX, LINES_MAX, MEDIAS_MAX, SDP_BYTES_MAX, Codec, Media, Sdp
from tests.data import need_testdata

PHONE = b"""v=0\r
o=- 2742882515 2016366872 IN IP4 192.0.2.2\r
s=-\r
c=IN IP4 192.0.2.2\r
b=AS:117\r
t=0 0\r
a=tool:baresip 1.0.0\r
m=audio 44054 RTP/AVP 0 8 101\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=sendonly\r
a=rtcp:44060 IN IP4 192.0.2.9\r
a=rtcp-mux\r
a=ptime:30\r
"""


def media(*lines: str, session: str = "") -> tuple[Sdp, Media]:
    sdp = Sdp.parse(f"v=0\n{session}" + "\n".join(lines))
    return sdp, sdp.medias[0]


def test_a_phone() -> None:
    sdp = Sdp.parse(PHONE)
    audio = Media(
        "audio",
        44054,
        "RTP/AVP",
        ("0", "8", "101"),
        attributes=(
            ("rtpmap", "0 PCMU/8000"),
            ("rtpmap", "8 PCMA/8000"),
            ("rtpmap", "101 telephone-event/8000"),
            ("fmtp", "101 0-15"),
            ("sendonly", None),
            ("rtcp", "44060 IN IP4 192.0.2.9"),
            ("rtcp-mux", None),
            ("ptime", "30"),
        ),
    )
    assert sdp == Sdp(
        "- 2742882515 2016366872 IN IP4 192.0.2.2",
        (audio,),
        "192.0.2.2",
        (("tool", "baresip 1.0.0"),),
        bandwidths=("AS:117",),
    )
    assert sdp.to_bytes() == PHONE
    assert audio.codecs == (
        Codec("PCMU", 8000, 0),
        Codec("PCMA", 8000, 8),
        Codec("telephone-event", 8000, 101, "0-15"),
    )
    assert (audio.direction, sdp.direction_of(audio)) == ("sendonly", "sendonly")
    assert (audio.rtcp, audio.rtcp_mux, audio.ptime) == (("192.0.2.9", 44060), True, 30)
    assert (sdp.host_of(audio), audio.secure, sdp.attribute("tool")) == (
        "192.0.2.2",
        False,
        "baresip 1.0.0",
    )
    assert (audio.attribute("rtcp-mux"), audio.attribute("crypto")) == ("", None)


# --- odd things of real phones ---


def test_static_payload_types_need_no_rtpmap() -> None:
    _, audio = media("m=audio 4000 RTP/AVP 8 0 18 9 13 77 99", "a=fmtp:18 annexb=no")
    assert audio.codecs == (
        Codec("PCMA", 8000, 8),
        Codec("PCMU", 8000, 0),
        Codec("G729", 8000, 18, "annexb=no"),
        Codec("G722", 8000, 9),
        Codec("CN", 8000, 13),
    )


def test_fmtp_before_rtpmap() -> None:
    """Yealink."""
    _, audio = media(
        "m=audio 4000 RTP/AVP 101", "a=fmtp:101 0-15", "a=rtpmap:101 telephone-event/8000"
    )
    assert audio.codecs == (Codec("telephone-event", 8000, 101, "0-15"),)


def test_connection_at_media_level_alone_and_after_the_bandwidth() -> None:
    """Cisco."""
    sdp, audio = media("m=audio 4000 RTP/AVP 0", "b=TIAS:96000", "c=IN IP4 192.0.2.7")
    assert (sdp.connection, sdp.host_of(audio)) == (None, "192.0.2.7")
    assert audio.bandwidths == ("TIAS:96000",)


def test_connection_of_the_media_is_nearer_than_that_of_the_session() -> None:
    sdp, audio = media(
        "m=audio 4000 RTP/AVP 0", "c=IN IP6 fd00::2", session="c=IN IP4 192.0.2.1/127\n"
    )
    assert sdp.host_of(audio) == "fd00::2"
    assert sdp.host_of(Media("audio", 1, "RTP/AVP", ("0",))) == "192.0.2.1"
    assert Sdp("-").host_of(audio) == "fd00::2"


def test_empty_session_name_and_attributes_nobody_knows() -> None:
    sdp, audio = media("m=audio 4000 RTP/AVP 0", "a=X-nat", session="s= \na=X-nat:0\n")
    assert sdp.attributes == (("X-nat", "0"),)
    assert audio.attributes == (("X-nat", None),)
    assert Sdp.parse(sdp.to_bytes()) == sdp


def test_direction_of_the_session() -> None:
    sdp, audio = media("m=audio 4000 RTP/AVP 0", session="a=inactive\n")
    assert (audio.direction, sdp.direction_of(audio)) == (None, "inactive")
    sdp, audio = media("m=audio 4000 RTP/AVP 0", "a=sendrecv", session="a=sendonly\n")
    assert sdp.direction_of(audio) == "sendrecv"
    sdp, audio = media("m=audio 4000 RTP/AVP 0")
    assert sdp.direction_of(audio) == "sendrecv"


@pytest.mark.parametrize(
    ("line", "codec"),
    [
        ("a=rtpmap:96 pcmu/8000", Codec("PCMU", 8000, 96)),
        ("a=rtpmap:96 Telephone-Event/8000 ", Codec("telephone-event", 8000, 96)),
        ("a=rtpmap:96  PCMA/8000/1", Codec("PCMA", 8000, 96)),
        ("a=rtpmap:96 opus/48000/2", Codec("opus", 48000, 96, channels=2)),
        ("a=rtpmap:96 PCMU", Codec("PCMU", 8000, 96)),
        ("a=rtpmap:96 x-own/16000", Codec("x-own", 16000, 96)),
    ],
)
def test_rtpmaps(line: str, codec: Codec) -> None:
    assert media("m=audio 4000 RTP/AVP 96", line)[1].codecs == (codec,)


@pytest.mark.parametrize(
    "line", ["a=rtpmap:96", "a=rtpmap:96 ", "a=rtpmap:96 a/b", "a=rtpmap:97 X/1"]
)
def test_what_explains_nothing_is_left_out(line: str) -> None:
    assert media("m=audio 4000 RTP/AVP 96", line)[1].codecs == ()


@pytest.mark.parametrize(
    ("line", "ptime"),
    [("a=ptime:20", 20), ("a=ptime:20.0", 20), ("a=ptime:0.125", None), ("a=ptime:x", None)],
)
def test_ptime(line: str, ptime: int | None) -> None:
    assert media("m=audio 4000 RTP/AVP 0", line)[1].ptime == ptime


@pytest.mark.parametrize(
    ("line", "rtcp"),
    [
        ("a=rtcp:53020", (None, 53020)),
        ("a=rtcp:53020 IN IP6 ::1", ("::1", 53020)),
        ("a=rtcp:1 IN IP7 X", (None, 1)),
        ("a=rtcp:0", None),
        ("a=rtcp:70000", None),
        ("a=rtcp", None),
    ],
)
def test_rtcp(line: str, rtcp: tuple[str | None, int] | None) -> None:
    assert media("m=audio 4000 RTP/AVP 0", line)[1].rtcp == rtcp


def test_fax_and_other_lines() -> None:
    sdp = Sdp.parse("v=0\nm=image 5000 udptl t38\na=T38FaxVersion:0\nm=audio 4000/2 RTP/SAVPF 0\n")
    assert [(m.kind, m.port, m.formats, m.codecs) for m in sdp.medias] == [
        ("image", 5000, ("t38",), ()),
        ("audio", 4000, ("0",), (Codec("PCMU", 8000, 0),)),
    ]
    assert [m.secure for m in sdp.medias] == [False, True]
    assert sdp.medias[1].port_count == 2


def test_line_ends_and_padding() -> None:
    expected = Sdp.parse(PHONE)
    assert Sdp.parse(PHONE.replace(b"\r\n", b"\n")) == expected
    assert Sdp.parse(PHONE.replace(b"\r\n", b" \r\n")) == expected
    assert Sdp.parse(b"\r\n" + PHONE.replace(b"\r\n", b"\r\n\r\n") + b"\0\0") == expected
    assert Sdp.parse(PHONE.decode()) == expected


def test_bytes_that_are_no_utf_8() -> None:
    assert Sdp.parse(b"v=0\ns=\xc0\xff\n").name == "\ufffd\ufffd"


# --- bad ones ---


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "v=1\n",
        "o=- 1 1 IN IP4 192.0.2.1\nv=0\n",
        "m=audio 4000 RTP/AVP 0\n",
        "v=0\nm=audio 4000\n",
        "v=0\nm=audio x RTP/AVP 0\n",
        "v=0\nm=audio 65536 RTP/AVP 0\n",
        "v=0\nm=audio -1 RTP/AVP 0\n",
        "v=0\nm=audio \u0661 RTP/AVP 0\n",
        "v=0\nm=audio 4000/0 RTP/AVP 0\n",
        "v=0\n m=audio 4000 RTP/AVP 0\n",
        "v=0\nc=IN IP4\n",
        "v=0\nnonsense\n",
    ],
)
def test_bad_sdp(text: str) -> None:
    with pytest.raises(ParseError):
        _ = Sdp.parse(text)


@pytest.mark.parametrize(
    "data",
    [
        b"v=0\n" + b"a=" + b"x" * SDP_BYTES_MAX,
        b"v=0\n" + b"a=x\n" * (LINES_MAX + 1),
        b"v=0\n" + b"m=audio 0 RTP/AVP 0\n" * (MEDIAS_MAX + 1),
        b"v=0\nm=audio 0 RTP/AVP" + b" 0" * (FORMATS_MAX + 1),
    ],
)
def test_limits(data: bytes) -> None:
    with pytest.raises(ParseError):
        _ = Sdp.parse(data)


def test_many_lines_take_no_time() -> None:
    for count in (LINES_MAX - 10, 10_000):
        data = b"v=0\nm=audio 4000 RTP/AVP 0\n" + b"a=rtpmap:0 PCMU/8000\n" * count
        began = perf_counter()
        with contextlib.suppress(ParseError):
            assert len(Sdp.parse(data).medias[0].codecs) == 1
        assert perf_counter() - began < 0.05


@given(st.binary(max_size=200))
def test_only_parse_errors(data: bytes) -> None:
    for start in (b"", b"v=0\n", b"v=0\nm=audio ", b"v=0\nm=audio 1 RTP/AVP 0 96\na=", b"v=0\nc="):
        with contextlib.suppress(ParseError):
            sdp = Sdp.parse(start + data)
            for line in sdp.medias:
                _ = (line.codecs, line.ptime, line.rtcp, sdp.direction_of(line), sdp.host_of(line))
            assert Sdp.parse(sdp.to_bytes()) == sdp


LINES = st.sampled_from(
    [
        *(
            "o=- 1 2 IN IP4 h",
            "s=",
            "s=x ",
            "c=IN IP4 192.0.2.1",
            "c=IN IP6 ::1",
            "b=AS:1",
            "t=1 2",
        ),
        *("i=x", "a=", "a=:", "a=x", "a=x:", "a=x: y", "a=sendonly", "a=rtpmap:0 PCMA/8000", ""),
        *("m=audio 1 RTP/AVP 0", "m=video 0/3 RTP/SAVP", "m=image 2 udptl t38", "v=1", " ", "z=\0"),
    ]
)


@given(st.lists(LINES | st.text(max_size=5).map(lambda text: f"a=k:{text}"), max_size=20))
def test_round_trip(lines: list[str]) -> None:
    with contextlib.suppress(ParseError):
        sdp = Sdp.parse("\r\n".join(["v=0", *lines]))
        assert Sdp.parse(sdp.to_bytes()) == sdp
        assert Sdp.parse(str(sdp)) == sdp


# --- descriptions of many products ---


def bodies() -> list[tuple[str, bytes]]:
    files = sorted(need_testdata("sdp-transform").glob("*.sdp"))
    found = [(path.name, path.read_bytes()) for path in files]
    browser = need_testdata("chromium156-offer-audio.sdp")
    found.append((browser.name, browser.read_bytes()))
    for path in sorted(need_testdata("live-clients").glob("*.sip")):
        _, _, body = path.read_bytes().partition(b"\r\n\r\n")
        if body.startswith(b"v="):
            found.append((path.name, body))
    return found


def test_all_products_parse_and_come_back() -> None:
    found = bodies()
    assert len(found) >= 25 + 1 + 10
    for name, body in found:
        sdp = Sdp.parse(body)
        assert len(sdp.medias) == body.count(b"\nm="), name
        assert Sdp.parse(sdp.to_bytes()) == sdp, name


def test_codecs_of_products() -> None:
    names = {
        name: [codec.name for codec in Sdp.parse(body).medias[0].codecs] for name, body in bodies()
    }
    assert names["chromium156-offer-audio.sdp"] == [
        *("opus", "red", "G722", "PCMU", "PCMA", "CN", "telephone-event", "telephone-event")
    ]
    assert names["ts-refclk-media.sdp"] == ["PCMU"]
    assert names["tcp-active.sdp"] == []
    assert names["linphonec-5.1.65__invite.sip"] == [
        *("opus", "speex", "speex", "PCMU", "PCMA", "G729"),
        *["telephone-event"] * 3,
    ]
