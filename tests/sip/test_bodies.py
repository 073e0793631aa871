"""Bodies of several parts (RFC 5621): we find the description and mind what is required."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.bodies import (
    DEPTH_MAX,
    PARTS_MAX,
    SDP,
    Part,
    find_description,
    read_parts,
    session_description,
)
from sip.errors import ParseError, RemoteError
from sip.events import InviteReceived, SessionProgress
from sip.message import Request, Response
from tests.sip.sample import answer_to, make_request
from tests.sip.test_endpoint import calling, events, make, over, receive, sent

MIXED = "multipart/mixed;boundary=unique-1"
OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"


def part(kind: str, body: bytes, disposition: str = "") -> bytes:
    head = f"Content-Type: {kind}\r\n" if kind else ""
    head += f"Content-Disposition: {disposition}\r\n" if disposition else ""
    return head.encode() + b"\r\n" + body


def body_of(*parts: bytes, boundary: bytes = b"unique-1") -> bytes:
    mark = b"--" + boundary
    return mark + b"\r\n" + (b"\r\n" + mark + b"\r\n").join(parts) + b"\r\n" + mark + b"--\r\n"


SDP_PART = part(SDP, OFFER)
ISUP = part("application/isup;version=itu-t92+", b"\x01\x00\r\n--\x49", "signal;handling=optional")


def test_parts() -> None:
    assert read_parts(MIXED, b"preamble\r\n" + body_of(SDP_PART, ISUP) + b"epilogue") == [
        Part(SDP, "", OFFER),
        Part(
            "application/isup;version=itu-t92+", "signal;handling=optional", b"\x01\x00\r\n--\x49"
        ),
    ]
    quoted = 'multipart/mixed; Boundary="unique-1"; x=y'
    assert read_parts(quoted, body_of(SDP_PART)) == [Part(SDP, "", OFFER)]


def test_marks_with_padding_and_without_an_end() -> None:
    body = b"--unique-1 \t\r\n" + SDP_PART + b"\r\n--unique-1\r\n" + part("text/plain", b"x")
    assert [p.body for p in read_parts(MIXED, body)] == [OFFER, b"x"]
    assert read_parts(MIXED, b"--unique-1") == []
    assert read_parts(MIXED, b"") == []


def test_an_empty_part_is_a_part() -> None:
    """An empty part after, or before, the description harms nobody."""
    for parts in ((SDP_PART, b""), (b"", SDP_PART), (b"\r\n", SDP_PART), (SDP_PART, b"X: y")):
        assert find_description(MIXED, body_of(*parts)) == OFFER
    assert read_parts(MIXED, b"--unique-1\r\n--unique-1\r\n\r\n--unique-1--") == [
        Part("text/plain", "", b""),
        Part("text/plain", "", b""),
    ]


def test_parts_within_parts() -> None:
    """With a boundary that begins like the outer one; of alternatives the last counts."""
    first = part(SDP, b"v=0 first")
    text = part("text/html", b"<b>", "render")
    inner = body_of(first, SDP_PART, text, boundary=b"unique-11")
    nested = part('multipart/alternative; boundary="unique-11"', inner)
    assert find_description(MIXED, body_of(ISUP, nested)) == OFFER
    assert find_description(MIXED, body_of(first, SDP_PART)) == b"v=0 first"


def test_what_must_be_understood() -> None:
    for disposition in ("signal;handling=required", "signal", 'session; HANDLING="required"'):
        with pytest.raises(RemoteError) as refusal:
            _ = find_description(MIXED, body_of(SDP_PART, part("a/b", b"x", disposition)))
        assert refusal.value.status == 415
    for disposition in ("signal;handling=optional", ""):
        body = body_of(SDP_PART, part("a/b", b"x", disposition))
        assert find_description(MIXED, body) == OFFER


def test_limits() -> None:
    with pytest.raises(ParseError):
        _ = find_description("multipart/mixed", b"")
    with pytest.raises(ParseError):
        _ = find_description(MIXED, body_of(*[SDP_PART] * (PARTS_MAX + 1)))
    body, kind = OFFER, SDP
    for depth in range(DEPTH_MAX + 1):
        body = body_of(part(kind, body), boundary=b"%d" % depth)
        kind = f"multipart/mixed;boundary={depth}"
    with pytest.raises(ParseError):
        _ = find_description(kind, body)


@given(st.binary(max_size=200), st.sampled_from([MIXED, "multipart/x;boundary=a", "a/b", SDP]))
def test_any_body(body: bytes, kind: str) -> None:
    message = Response(200, headers=[("Content-Type", kind)], body=body)
    found = session_description(message)
    assert found in (body, b"") or found in body


@given(st.lists(st.binary(max_size=50).filter(lambda data: b"--u" not in data), max_size=5))
def test_parts_round_trip(bodies: list[bytes]) -> None:
    parts = [part("x/y", body) for body in bodies]
    expected = [Part("x/y", "", body) for body in bodies]
    assert (
        read_parts("multipart/mixed;boundary=u", body_of(*parts, boundary=b"u"))[: len(expected)]
        == expected
    )


# --- at the endpoint --------------------------------------------------------------------


def invite_with(body: bytes) -> Request:
    invite = make_request("INVITE", body=body)
    invite.set("Content-Type", MIXED)
    return invite


def test_an_invite_of_several_parts_becomes_its_description() -> None:
    (event,) = events(receive(make(), invite_with(body_of(ISUP, SDP_PART))))
    assert isinstance(event, InviteReceived)
    assert (event.request.body, event.request.get("Content-Type")) == (OFFER, SDP)


def test_an_invite_of_several_parts_without_a_description_asks_for_an_offer() -> None:
    (event,) = events(receive(make(), invite_with(body_of(ISUP, b""))))
    assert isinstance(event, InviteReceived)
    assert event.request.body == b""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (body_of(SDP_PART, part("a/b", b"x", "signal;handling=required")), 415),
        (body_of(*[b""] * 99), 400),
    ],
)
def test_an_invite_of_several_parts_that_is_refused(body: bytes, status: int) -> None:
    endpoint = make()
    (response,) = sent(receive(endpoint, invite_with(body)))
    assert isinstance(response, Response)
    assert response.status == status
    if status == 415:
        assert response.get("Accept") == f"{SDP}, multipart/mixed, multipart/alternative"
    assert over(endpoint)


def test_early_media_of_several_parts() -> None:
    endpoint = make()
    invite = calling(endpoint)
    ringing = answer_to(
        invite, 183, headers=[("Content-Type", MIXED)], body=body_of(ISUP, SDP_PART)
    )
    assert events(receive(endpoint, ringing)) == [SessionProgress("out", 183, OFFER)]
