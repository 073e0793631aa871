import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.building import host_port
from sip.dialog import Dialog, DialogState
from sip.errors import RemoteError
from sip.message import Request
from tests.sip.sample import answer_to, make_request

RECORD_ROUTES = [
    ("Record-Route", "<sip:p2.example;lr>, <sip:p1.example;lr>"),
    ("Record-Route", "<sip:p0.example;lr>"),
]
VIA = "SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bK-x"


def uac() -> Dialog:
    invite = make_request("INVITE")
    return Dialog.uac(invite, answer_to(invite, 200, headers=RECORD_ROUTES))


def uas() -> Dialog:
    return Dialog.uas(make_request("INVITE", headers=RECORD_ROUTES), "b")


def test_both_sides_see_the_same_dialog_from_their_ends() -> None:
    a, b = uac(), uas()
    assert a.id == ("call-1", "a", "b")
    assert b.id == ("call-1", "b", "a")
    assert (a.local, a.remote) == (b.remote, b.local)
    assert a.route_set == b.route_set[::-1]  # §12.1.1, §12.1.2
    assert a.route_set == (
        "<sip:p0.example;lr>",
        "<sip:p1.example;lr>",
        "<sip:p2.example;lr>",
    )
    assert (a.remote_target, b.remote_target) == (
        "sip:bob@192.0.2.2:5060",
        "sip:alice@192.0.2.1:5060",
    )
    assert (a.local_cseq, b.remote_cseq) == (1, 1)
    assert (a.state, b.state) == (DialogState.CONFIRMED, DialogState.EARLY)


def test_request_bytes() -> None:
    dialog = uac()
    assert dialog.request("BYE", VIA, [("Reason", "Q.850;cause=16")]) == Request(
        "BYE",
        "sip:bob@192.0.2.2:5060",
        [
            ("Via", VIA),
            ("Route", "<sip:p0.example;lr>"),
            ("Route", "<sip:p1.example;lr>"),
            ("Route", "<sip:p2.example;lr>"),
            ("Max-Forwards", "70"),
            ("From", "<sip:alice@192.0.2.1>;tag=a"),
            ("To", "<sip:bob@192.0.2.2>;tag=b"),
            ("Call-ID", "call-1"),
            ("CSeq", "2 BYE"),
            ("Reason", "Q.850;cause=16"),
        ],
    )
    assert str(dialog.request("INFO", VIA).cseq) == "3 INFO"
    assert str(dialog.ack(1, VIA).cseq) == "1 ACK"


def test_strict_router_gets_its_own_uri() -> None:
    """RFC 3261 §12.2.1.1."""
    invite = make_request("INVITE")
    strict = [("Record-Route", "<sip:p1.example;lr>"), ("Record-Route", "<sip:p0.example?a=b>")]
    dialog = Dialog.uac(invite, answer_to(invite, 200, headers=strict))
    bye = dialog.request("BYE", VIA)
    assert bye.uri == "sip:p0.example"
    assert bye.get_all("Route") == ["<sip:p1.example;lr>", "<sip:bob@192.0.2.2:5060>"]


def test_remote_numbers_go_up() -> None:
    dialog = uas()
    dialog.check_remote_cseq(make_request("INFO", cseq=7))
    with pytest.raises(RemoteError) as caught:
        dialog.check_remote_cseq(make_request("INFO", cseq=6))
    assert caught.value.status == 500


def test_target_refresh() -> None:
    dialog = uas()
    moved = make_request("INVITE", cseq=2, source=("192.0.2.9", 5070))
    dialog.refresh_target(moved)
    assert dialog.remote_target == "sip:alice@192.0.2.9:5070"
    dialog.refresh_target(make_request("INFO", cseq=3))
    assert dialog.remote_target == "sip:alice@192.0.2.9:5070"


def test_a_contact_with_headers_makes_a_plain_target() -> None:
    invite = make_request("INVITE")
    invite.set("Contact", "<sip:a@192.0.2.1;ob;method=INVITE?Route=%3Csip:x%3E>")
    assert Dialog.uas(invite, "b").remote_target == "sip:a@192.0.2.1;ob"


def test_bad_routes() -> None:
    many = [("Record-Route", "<sip:p.example;lr>")] * 33
    for routes in (many, [("Record-Route", "<<<")]):
        with pytest.raises(RemoteError):
            _ = Dialog.uas(make_request("INVITE", headers=routes), "b")
        # An answer cannot be refused: it makes a dialog all the same.
        invite = make_request("INVITE")
        dialog = Dialog.uac(invite, answer_to(invite, 200, headers=routes))
        assert dialog.route_set == ()


@given(st.lists(st.integers(0, 100), max_size=20))
def test_any_numbers(numbers: list[int]) -> None:
    dialog = uas()
    highest = dialog.remote_cseq
    for number in numbers:
        request = make_request("INFO", cseq=number)
        if number >= highest:
            dialog.check_remote_cseq(request)
            highest = number
        else:
            with pytest.raises(RemoteError):
                dialog.check_remote_cseq(request)
        assert dialog.remote_cseq == highest


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("192.0.2.1", 5060), "192.0.2.1:5060"),
        (("2001:db8::1", 5061), "[2001:db8::1]:5061"),
        (("192.0.2.1", 0), "192.0.2.1"),
    ],
)
def test_host_and_port(address: tuple[str, int], text: str) -> None:
    assert host_port(address) == text
