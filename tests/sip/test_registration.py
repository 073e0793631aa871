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
UNREACHABLE, REACHABLE = BindingKind.UNREACHABLE, BindingKind.REACHABLE


def register(
    *contacts: str,
    cseq: int = 1,
    call_id: str = "c1",
    expires: str | None = None,
    extra: str = "",
    agent: str = "test\x07phone",
) -> Request:
    headers = [
        ("To", "<sip:101@192.0.2.1>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} REGISTER"),
        ("User-Agent", agent),
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
    other = register("<sip:4@h>", call_id="c2", agent="another phone")
    assert desk.register(AOR, other, UDP, 0.0) == (Reply(403, []), [])
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


def full(*contacts: str, agent: str = "test phone") -> Registrar:
    """With as many devices as may be, registered one after the other."""
    desk = registrar()
    for now, contact in enumerate(contacts):
        request = register(contact, call_id=f"full {now}", agent=agent)
        assert desk.register(AOR, request, UDP, float(now))[0].status == 200
    assert len(desk) == LIMITS.contacts_max
    return desk


def test_too_many_of_the_same_software_push_out_the_oldest() -> None:
    desk = full("<sip:0@h>", "<sip:1@h>", "<sip:2@h>")
    _, changes = desk.register(
        AOR, register("<sip:3@h>", call_id="c2", agent="test phone"), UDP, 9.0
    )
    assert kinds(changes) == [(ADDED, "sip:3@h"), (REMOVED, "sip:0@h")]
    assert contacts(desk) == ["sip:3@h", "sip:2@h", "sip:1@h"]


def test_too_many_flows_of_an_instance_push_out_the_oldest() -> None:
    """RFC 5626 §4.2.1; another instance is another phone, and stays."""
    instance = '+sip.instance="<urn:uuid:1>"'
    desk = full(
        '<sip:0@h>;+sip.instance="<urn:uuid:0>"',
        *(f"<sip:{n}@h>;reg-id={n};{instance}" for n in (1, 2)),
    )
    third = register(f"<sip:3@h>;reg-id=3;{instance}", call_id="c2", agent="test phone")
    assert kinds(desk.register(AOR, third, UDP, 9.0)[1]) == [
        (ADDED, "sip:3@h"),
        (REMOVED, "sip:1@h"),
    ]
    stranger = register('<sip:4@h>;+sip.instance="<urn:uuid:4>"', call_id="c3", agent="test phone")
    assert desk.register(AOR, stranger, UDP, 9.0) == (Reply(403, []), [])


def test_who_does_not_answer_makes_room_first() -> None:
    desk = full("<sip:0@h>", "<sip:1@h>", "<sip:2@h>")
    assert kinds(desk.mark(AOR, "sip:1@h", reachable=False)) == [(UNREACHABLE, "sip:1@h")]
    new = register("<sip:3@h>", call_id="c2", agent="another phone")
    _, changes = desk.register(AOR, new, UDP, 9.0)
    assert kinds(changes) == [(ADDED, "sip:3@h"), (REMOVED, "sip:1@h")]


def test_a_lower_limit_drops_nobody_who_is_there() -> None:
    desk = full("<sip:0@h>", "<sip:1@h>", "<sip:2@h>", agent="")
    desk.limits = replace(LIMITS, contacts_max=2)
    again = register("<sip:0@h>", call_id="full 0", cseq=2, agent="")
    assert desk.register(AOR, again, UDP, 9.0)[0].status == 200
    new = register("<sip:3@h>", call_id="c2", agent="")
    assert desk.register(AOR, new, UDP, 9.0)[0].status == 403
    assert len(desk) == 3


def test_who_does_not_answer_is_not_called_until_it_does() -> None:
    desk = registrar()
    for contact in ("<sip:a@h>", "<sip:b@h>"):
        _ = desk.register(AOR, register(contact, call_id=contact), UDP, 0.0)
    assert kinds(desk.mark(AOR, "sip:a@h", reachable=False)) == [(UNREACHABLE, "sip:a@h")]
    assert desk.mark(AOR, "sip:a@h", reachable=False) == []
    assert desk.mark(AOR, "sip:c@h", reachable=False) == []
    assert (contacts(desk), len(desk), len(desk.everything())) == (["sip:b@h"], 2, 2)
    assert kinds(desk.mark(AOR, "sip:a@h", reachable=True)) == [(REACHABLE, "sip:a@h")]
    assert desk.mark(AOR, "sip:a@h", reachable=True) == []
    assert sorted(contacts(desk)) == ["sip:a@h", "sip:b@h"]


def test_a_registration_is_a_sign_of_life() -> None:
    desk = registrar()
    _ = desk.register(AOR, register("<sip:a@h>"), UDP, 0.0)
    _ = desk.mark(AOR, "sip:a@h", reachable=False)
    _, changes = desk.register(AOR, register("<sip:a@h>", cseq=2), UDP, 1.0)
    assert kinds(changes) == [(REFRESHED, "sip:a@h"), (REACHABLE, "sip:a@h")]
    assert contacts(desk) == ["sip:a@h"]


def test_what_is_known_of_a_device_goes_with_its_binding() -> None:
    desk = registrar()
    _ = desk.register(AOR, register("<sip:a@h>"), UDP, 0.0)
    _ = desk.mark(AOR, "sip:a@h", reachable=False)
    assert kinds(desk.on_time(1800.0)) == [(EXPIRED, "sip:a@h")]
    _ = desk.register(AOR, register("<sip:a@h>", call_id="c2"), UDP, 2000.0)
    assert contacts(desk) == ["sip:a@h"]


def test_bindings_of_an_earlier_life() -> None:
    desk, later = registrar(), registrar()
    for n, contact in enumerate(["<sip:a@h>", "<sip:b@h>;expires=60"]):
        _ = desk.register(AOR, register(contact, call_id=contact), UDP, float(n))
    later.restore(desk.everything(), 61.0)
    assert (contacts(later), len(later), later.next_deadline) == (["sip:a@h"], 1, 1800.0)
    old = register("<sip:a@h>", call_id="<sip:a@h>")
    assert later.register(AOR, old, UDP, 62.0)[0].status == 500  # Its CSeq is remembered.
    later.restore([replace(desk.everything()[0], contact="sip:z@h")], 62.0)
    assert contacts(later) == ["sip:a@h"]  # Who has registered meanwhile knows better.


def test_a_path_is_kept_for_requests() -> None:
    """RFC 3327 §5.3: all of it, in its order."""
    desk = registrar()
    request = register("<sip:a@h>")
    for value in ("<sip:edge;lr>, <sip:p2;lr>", "<sip:p3;lr;x=1>"):
        request.add("Path", value)
    reply, _ = desk.register(AOR, request, UDP, 0.0)
    assert [name for name, _ in reply.headers] == ["Contact"]  # It did not say it supports path.
    (binding,) = desk.bindings(AOR)
    assert binding.routes == [
        ("Route", "<sip:edge;lr>"),
        ("Route", "<sip:p2;lr>"),
        ("Route", "<sip:p3;lr;x=1>"),
    ]


@pytest.mark.parametrize("path", ["<sip:edge", ", ".join(["<sip:p;lr>"] * 17)])
def test_a_path_that_leads_nowhere(path: str) -> None:
    desk = registrar()
    request = register("<sip:a@h>", extra=f"Path: {path}")
    assert desk.register(AOR, request, UDP, 0.0) == (Reply(400, []), [])


def test_no_gruu_is_handed_out() -> None:
    desk = registrar()
    contact = '<sip:a@h>;+sip.instance="<urn:uuid:1>"'
    request = register(contact, extra="Supported: gruu, outbound, path")
    reply, _ = desk.register(AOR, request, WS, 0.0)
    assert reply.headers == [
        ("Contact", '<sip:a@h>;expires=1800;+sip.instance="<urn:uuid:1>"'),
    ]


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


@given(st.lists(STEP | st.sampled_from(["close", "dead", "alive"]), max_size=20))
def test_changes_tell_the_whole_story(
    steps: list[tuple[str, list[str], int, str | None, Flow, int] | str],
) -> None:
    """Whoever follows the changes knows the bindings; and nothing stays for ever."""
    desk, followed, now = registrar(), dict[tuple[str, str], Binding](), 0.0
    dead: set[tuple[str, str]] = set()

    def follow(changes: list[BindingChange]) -> None:
        for change in changes:
            key = (change.aor, change.binding.contact)
            if change.kind in {ADDED, REFRESHED}:
                assert (key in followed) == (change.kind is REFRESHED)
                followed[key] = change.binding
            elif change.kind is UNREACHABLE:
                assert key in followed
                assert key not in dead
                dead.add(key)
            elif change.kind is REACHABLE:
                dead.remove(key)
            else:
                assert followed.pop(key) == change.binding
                dead.discard(key)

    for step in steps:
        if step in ("dead", "alive"):
            for binding in desk.everything():
                follow(desk.mark(binding.aor, binding.contact, reachable=step == "alive"))
            continue
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
        held = {(b.aor, b.contact): b for b in desk.everything()}
        alive = {(b.aor, b.contact) for a in ("101", "102") for b in desk.bindings(a)}
        assert held == followed
        assert alive == followed.keys() - dead
        assert len(desk) == len(held)
        assert desk.next_deadline == min((b.expires_at for b in held.values()), default=None)
    follow(desk.on_time(now + 10_000.0))
    assert (followed, len(desk), desk.next_deadline) == ({}, 0, None)
