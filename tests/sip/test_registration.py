from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.flow import Flow
from sip.message import Request
from sip.parser import parse
from sip.registration import (
    Binding,
    BindingChange,
    BindingKind,
    Registrar,
    RegistrarLimits,
    Reply,
)
from tests.data import need_testdata

AOR = "101"
UDP = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 5062))
WS = Flow("ws", ("192.0.2.1", 8080), ("198.51.100.8", 40000), connection=7)
LIMITS = RegistrarLimits(min_expires=60, max_expires=3600, default_expires=1800, contacts_max=3)

ADDED, REFRESHED = BindingKind.ADDED, BindingKind.REFRESHED
REMOVED, EXPIRED = BindingKind.REMOVED, BindingKind.EXPIRED


def register(
    *contacts: str, cseq: int = 1, call_id: str = "c1", expires: str | None = None, extra: str = ""
) -> Request:
    headers = [
        ("To", "<sip:101@192.0.2.1>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} REGISTER"),
        ("User-Agent", "test\x07phone"),
        *(("Contact", contact) for contact in contacts),
    ]
    if expires is not None:
        headers.append(("Expires", expires))
    if extra:
        name, _, value = extra.partition(": ")
        headers.append((name, value))
    return Request("REGISTER", "sip:192.0.2.1", headers)


def registrar() -> Registrar:
    return Registrar(LIMITS)


def kinds(changes: list[BindingChange]) -> list[tuple[BindingKind, str]]:
    return [(change.kind, change.binding.contact) for change in changes]


def contacts(desk: Registrar, aor: str = AOR) -> list[str]:
    return [binding.contact for binding in desk.bindings(aor)]


def test_a_binding_is_made() -> None:
    desk = registrar()
    request = register(
        '<sip:101@10.0.0.5:5062;x=1>;q=0.5;expires=600;+sip.instance="<urn:uuid:1>";reg-id=2',
        extra="Path: <sip:p1;lr>,<sip:p2;lr>",
    )
    reply, changes = desk.register(AOR, request, UDP, 100.0)
    binding = Binding(
        aor=AOR,
        contact="sip:101@10.0.0.5:5062;x=1",
        flow=UDP,
        expires_at=700.0,
        call_id="c1",
        cseq=1,
        q=0.5,
        instance="<urn:uuid:1>",
        reg_id=2,
        path=("<sip:p1;lr>", "<sip:p2;lr>"),
        user_agent="test phone",
        updated_at=100.0,
    )
    contact = '<sip:101@10.0.0.5:5062;x=1>;expires=600;q=0.5;+sip.instance="<urn:uuid:1>";reg-id=2'
    assert reply == Reply(200, [("Contact", contact)])
    assert changes == [BindingChange(AOR, binding, ADDED)]
    assert desk.bindings(AOR) == [binding]
    assert (len(desk), desk.next_deadline) == (1, 700.0)


def test_refresh_query_and_removal() -> None:
    desk = registrar()
    _ = desk.register(AOR, register("<sip:a@h>"), UDP, 0.0)
    _, changes = desk.register(AOR, register("<sip:a@h>", cseq=2, expires="60"), UDP, 10.0)
    assert kinds(changes) == [(REFRESHED, "sip:a@h")]
    assert desk.next_deadline == 70.0
    reply, changes = desk.register(AOR, register(cseq=3), UDP, 20.0)
    assert (reply, changes) == (Reply(200, [("Contact", "<sip:a@h>;expires=50")]), [])
    reply, changes = desk.register(AOR, register("<sip:a@h>;expires=0", cseq=4), UDP, 20.0)
    assert (reply, kinds(changes)) == (Reply(200, []), [(REMOVED, "sip:a@h")])
    assert (len(desk), desk.bindings(AOR)) == (0, [])
    assert desk.next_deadline is None


def test_expiry() -> None:
    desk = registrar()
    _ = desk.register(AOR, register("<sip:a@h>;expires=60, <sip:b@h>;expires=90"), UDP, 0.0)
    assert desk.on_time(59.9) == []
    assert kinds(desk.on_time(60.0)) == [(EXPIRED, "sip:a@h")]
    assert desk.next_deadline == 90.0
    assert kinds(desk.on_time(1000.0)) == [(EXPIRED, "sip:b@h")]
    assert desk.next_deadline is None


GRANTED = [
    ("<sip:a@h>", None, 1800),
    ("<sip:a@h>", "120", 120),
    ("<sip:a@h>;expires=90", "120", 90),
    ("<sip:a@h>", "86400", 3600),
    ("<sip:a@h>", "9" * 100, 3600),
    ("<sip:a@h>", "soon", 1800),
    ("<sip:a@h>;expires=-5", None, 1800),
    ("<sip:a@h>;expires=280297596632815", None, 3600),
]


@pytest.mark.parametrize(("contact", "expires", "seconds"), GRANTED)
def test_granted_time(contact: str, expires: str | None, seconds: int) -> None:
    desk = registrar()
    reply, _ = desk.register(AOR, register(contact, expires=expires), UDP, 5.0)
    assert reply == Reply(200, [("Contact", f"<sip:a@h>;expires={seconds}")])
    assert desk.next_deadline == 5.0 + seconds


def test_too_brief() -> None:
    desk = registrar()
    request = register("<sip:a@h>", "<sip:b@h>;expires=59")
    assert desk.register(AOR, request, UDP, 0.0) == (Reply(423, [("Min-Expires", "60")]), [])
    assert len(desk) == 0


def test_star() -> None:
    desk = registrar()
    _ = desk.register(AOR, register("<sip:a@h>", "<sip:b@h>"), UDP, 0.0)
    for expires in (None, "60", "x"):
        reply, changes = desk.register(AOR, register("*", cseq=2, expires=expires), UDP, 0.0)
        assert (reply, changes) == (Reply(400, []), [])
    both = register("*", "<sip:a@h>", cseq=2, expires="0")
    assert desk.register(AOR, both, UDP, 0.0) == (Reply(400, []), [])
    assert len(desk) == 2
    reply, changes = desk.register(AOR, register("*", cseq=2, expires="0"), UDP, 0.0)
    assert (reply, kinds(changes)) == (Reply(200, []), [(REMOVED, "sip:a@h"), (REMOVED, "sip:b@h")])


def test_all_or_nothing() -> None:
    """RFC 3261 §10.3 step 7: one contact out of order, and nothing changes."""
    desk = registrar()
    _ = desk.register(AOR, register("<sip:a@h>", cseq=5), UDP, 0.0)
    before = desk.bindings(AOR)
    late = register("<sip:new@h>", "<sip:a@h>;expires=0", cseq=5)
    assert desk.register(AOR, late, UDP, 1.0) == (Reply(500, []), [])
    assert desk.register(AOR, register("*", cseq=4, expires="0"), UDP, 1.0)[0].status == 500
    assert desk.bindings(AOR) == before
    other = register("<sip:a@h>;expires=0", cseq=1, call_id="after a restart of the phone")
    assert desk.register(AOR, other, UDP, 1.0)[0].status == 200


BAD_CONTACTS = [
    "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
    "<name:John_Smith>",
    "<tel:+123>",
    "<sip:a@h",
]


@pytest.mark.parametrize("contact", BAD_CONTACTS)
def test_bad_contacts_are_never_stored(contact: str) -> None:
    desk = registrar()
    reply, changes = desk.register(AOR, register("<sip:ok@h>", contact), UDP, 0.0)
    assert (reply.status, changes, len(desk)) == (400, [], 0)


def test_contacts_are_limited() -> None:
    desk = registrar()
    many = register(*(f"<sip:{n}@h>" for n in range(4)))
    assert desk.register(AOR, many, UDP, 0.0) == (Reply(403, []), [])
    assert len(desk) == 0
    _ = desk.register(AOR, register(*(f"<sip:{n}@h>" for n in range(3))), UDP, 0.0)
    assert desk.register(AOR, register("<sip:4@h>", call_id="c2"), UDP, 0.0)[0].status == 403
    swap = register("<sip:4@h>", "<sip:0@h>;expires=0", cseq=2)
    assert desk.register(AOR, swap, UDP, 0.0)[0].status == 200
    assert desk.register("102", register("<sip:4@h>"), UDP, 0.0)[0].status == 200


def test_equal_uris_are_one_binding() -> None:
    desk = registrar()
    _ = desk.register(AOR, register("<sip:%61@H.example>"), UDP, 0.0)
    _, changes = desk.register(AOR, register("<sip:a@h.EXAMPLE;ob>", cseq=2), UDP, 0.0)
    assert kinds(changes) == [(ADDED, "sip:a@h.EXAMPLE;ob"), (REMOVED, "sip:%61@H.example")]
    assert len(desk) == 1


def test_escaped_nulls_are_two_bindings() -> None:
    """RFC 4475 §3.1.1.4."""
    request = parse(need_testdata("rfc4475", "escnull.dat").read_bytes())
    assert isinstance(request, Request)
    desk = registrar()
    assert desk.register(AOR, request, UDP, 0.0)[0].status == 200
    assert sorted(contacts(desk)) == ["sip:%00%00@host5.example.com", "sip:%00@host5.example.com"]


def test_the_same_instance_takes_its_place_again() -> None:
    """RFC 5626 §6: a phone that started anew, on another port."""
    desk = registrar()
    instance = '+sip.instance="<urn:uuid:1>"'
    _ = desk.register(AOR, register(f"<sip:a@h:1>;{instance}"), UDP, 0.0)
    _, changes = desk.register(AOR, register(f"<sip:a@h:2>;{instance}", call_id="c2"), UDP, 1.0)
    assert kinds(changes) == [(ADDED, "sip:a@h:2"), (REMOVED, "sip:a@h:1")]
    two_flows = [f"<sip:a@h:{n}>;reg-id={n};{instance}" for n in (3, 4)]
    _ = desk.register(AOR, register(*two_flows, call_id="c3"), UDP, 2.0)
    assert sorted(contacts(desk)) == ["sip:a@h:2", "sip:a@h:3", "sip:a@h:4"]
    _ = desk.register(AOR, register(two_flows[0].replace("h:3", "h:9"), call_id="c4"), UDP, 3.0)
    assert sorted(contacts(desk)) == ["sip:a@h:2", "sip:a@h:4", "sip:a@h:9"]


def test_one_request_may_bind_one_instance_twice() -> None:
    desk = registrar()
    both = [f'<sip:a@h:{n}>;+sip.instance="<urn:uuid:1>"' for n in (1, 2)]
    _ = desk.register(AOR, register(*both), UDP, 0.0)
    assert len(desk) == 2


def test_the_same_connection_takes_its_place_again() -> None:
    desk = registrar()
    _ = desk.register(AOR, register("<sip:x1@a.invalid>"), WS, 0.0)
    _, changes = desk.register(AOR, register("<sip:x2@a.invalid>", call_id="c2"), WS, 1.0)
    assert kinds(changes) == [(ADDED, "sip:x2@a.invalid"), (REMOVED, "sip:x1@a.invalid")]
    _ = desk.register(AOR, register("<sip:x3@a.invalid>", call_id="c3"), UDP, 2.0)
    assert len(desk) == 2


def test_a_closed_connection_takes_its_bindings_along() -> None:
    desk = registrar()
    _ = desk.register(AOR, register("<sip:ws@a.invalid>"), WS, 0.0)
    _ = desk.register(AOR, register("<sip:udp@h>", call_id="c2"), UDP, 0.0)
    _ = desk.register("102", register("<sip:ws2@a.invalid>", call_id="c3"), WS, 0.0)
    assert kinds(desk.flow_closed(WS)) == [
        (REMOVED, "sip:ws@a.invalid"),
        (REMOVED, "sip:ws2@a.invalid"),
    ]
    assert contacts(desk) == ["sip:udp@h"]
    assert desk.flow_closed(WS) == []


def test_a_connection_is_remembered_until_its_last_owner_leaves() -> None:
    desk = registrar()
    for aor in ("101", "102"):
        _ = desk.register(aor, register(f"<sip:{aor}@a.invalid>"), WS, 0.0)
    _ = desk.register("101", register("*", cseq=2, expires="0"), WS, 1.0)
    assert kinds(desk.flow_closed(WS)) == [(REMOVED, "sip:102@a.invalid")]


def test_order_is_by_q_and_then_the_newest() -> None:
    desk = registrar()
    for now, contact in enumerate(["<sip:low@h>;q=0.1", "<sip:old@h>", "<sip:new@h>;q=1.000"]):
        _ = desk.register(AOR, register(contact, call_id=contact), UDP, now)
    assert contacts(desk) == ["sip:new@h", "sip:old@h", "sip:low@h"]


def test_outbound_and_path_are_confirmed() -> None:
    desk = registrar()
    contact = '<sip:a@h>;reg-id=1;+sip.instance="<urn:uuid:1>"'
    request = register(contact, extra="Supported: path, outbound")
    request.add("Path", "<sip:edge;lr>")
    reply, _ = desk.register(AOR, request, WS, 0.0)
    assert reply.headers[1:] == [("Path", "<sip:edge;lr>"), ("Require", "outbound")]


def test_callers_clock_is_the_only_clock() -> None:
    desk, other = registrar(), registrar()
    for one in (desk, other):
        _ = one.register(AOR, register("<sip:a@h>"), UDP, 3.0)
    assert desk.bindings(AOR) == other.bindings(AOR)
    assert desk.bindings(AOR) == [replace(desk.bindings(AOR)[0], expires_at=1803.0)]


STEP = st.tuples(
    st.sampled_from(["101", "102"]),
    st.lists(
        st.sampled_from(
            [
                "<sip:a@h>",
                "<sip:b@h>;expires=0",
                "<sip:c@h>;expires=60",
                '<sip:d@h>;+sip.instance="<i>";reg-id=1',
                '<sip:e@h>;+sip.instance="<i>";reg-id=1',
                '<sip:f@h>;+sip.instance="<i>"',
                "*",
                "<bad",
            ]
        ),
        max_size=3,
    ),
    st.integers(1, 4),
    st.sampled_from([None, "0", "100"]),
    st.sampled_from([UDP, WS]),
    st.integers(0, 100),
)


@given(st.lists(STEP | st.just("close"), max_size=20))
def test_changes_tell_the_whole_story(
    steps: list[tuple[str, list[str], int, str | None, Flow, int] | str],
) -> None:
    """Whoever follows the changes knows the bindings; and nothing stays for ever."""
    desk, followed, now = registrar(), dict[tuple[str, str], Binding](), 0.0

    def follow(changes: list[BindingChange]) -> None:
        for change in changes:
            key = (change.aor, change.binding.contact)
            if change.kind in {ADDED, REFRESHED}:
                assert (key in followed) == (change.kind is REFRESHED)
                followed[key] = change.binding
            else:
                assert followed.pop(key) == change.binding

    for step in steps:
        if isinstance(step, str):
            follow(desk.flow_closed(WS))
            assert all(binding.flow != WS for binding in followed.values())
            continue
        aor, wanted, cseq, expires, flow, seconds = step
        now += seconds
        follow(desk.on_time(now))
        reply, changes = desk.register(
            aor, register(*wanted, cseq=cseq, expires=expires), flow, now
        )
        follow(changes)
        assert reply.status == 200 or not changes
        assert len(desk.bindings(aor)) <= LIMITS.contacts_max
        held = {(b.aor, b.contact): b for a in ("101", "102") for b in desk.bindings(a)}
        assert held == followed
        assert len(desk) == len(held)
        assert desk.next_deadline == min((b.expires_at for b in held.values()), default=None)
    follow(desk.on_time(now + 10_000.0))
    assert (followed, len(desk), desk.next_deadline) == ({}, 0, None)
