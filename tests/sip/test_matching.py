import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.deadlines import STALE_MAX, Deadlines
from sip.matching import client_key, client_key_of, server_key
from tests.sip.sample import answer_to, make_request


def key(via: str, method: str = "INVITE") -> str:
    request = make_request(method)
    request.set("Via", via)
    return server_key(request, "INVITE")


def test_invite_its_ack_and_its_cancel_have_one_key() -> None:
    keys = {
        server_key(make_request(method, to_tag=tag), "INVITE")
        for method, tag in (("INVITE", ""), ("ACK", "b"), ("CANCEL", ""))
    }
    assert keys == {">INVITE z9hG4bK-1 SIP/2.0/UDP 192.0.2.1:5060"}
    assert server_key(make_request("CANCEL"), "CANCEL") not in keys


@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP a.example:5060;branch=z9hG4bK-2;rport",
        "SIP/2.0/UDP a.example:5060;rport;branch=z9hG4bK-2",
        "SIP/2.0/UDP a.example:5060;rport;branch=z9hG4bK-2 ",
    ],
)
def test_the_order_of_parameters_does_not_matter(via: str) -> None:
    assert key(via) == ">INVITE z9hG4bK-2 SIP/2.0/UDP a.example:5060"


def test_several_values_in_one_line() -> None:
    one = key("SIP/2.0/UDP a:1;branch=z9hG4bK-2, SIP/2.0/UDP b:2;branch=z9hG4bK-3")
    assert one == ">INVITE z9hG4bK-2 UDP a:1"
    assert one == key("SIP / 2.0 / UDP a:1;branch=z9hG4bK-2, SIP/2.0/UDP c:3")


@pytest.mark.parametrize("branch", ["", ";branch=z9hG4bK", ";branch=1"])
def test_without_a_branch_of_rfc_3261_the_call_decides(branch: str) -> None:
    """The mere cookie is no key (RFC 4475 §3.2.1)."""
    via = f"SIP/2.0/UDP a:1{branch}"
    old = make_request("INVITE")
    old.set("Via", via)
    other = make_request("INVITE", call_id="call-2")
    other.set("Via", via)
    ack = make_request("ACK", to_tag="b")
    ack.set("Via", via)
    assert server_key(old, "INVITE") == server_key(ack, "INVITE")
    assert server_key(old, "INVITE") != server_key(other, "INVITE")


def test_responses_find_their_request() -> None:
    cancel = answer_to(make_request("CANCEL"), 200)
    assert client_key_of(cancel) == client_key("z9hG4bK-1", "CANCEL")


def test_deadlines_come_in_order_and_stale_ones_never() -> None:
    assert Deadlines().next is None
    deadlines = Deadlines()
    for name, at in (("a", 3.0), ("b", 1.0), ("c", 2.0), ("b", 4.0), ("c", None), ("a", 3.0)):
        deadlines.arm(name, at)
    assert (deadlines.next, len(deadlines)) == (3.0, 2)
    assert deadlines.take_due(2.9) == []
    assert deadlines.take_due(9.0) == ["a", "b"]
    assert len(deadlines) == 0
    assert deadlines.next is None


def test_stale_deadlines_do_not_pile_up() -> None:
    deadlines = Deadlines()
    for number in range(10 * STALE_MAX):
        deadlines.arm("a", 1000.0 + number)
    assert len(deadlines) == 1
    assert deadlines._entries == sum(map(len, deadlines._keys.values())) <= STALE_MAX + 2
    assert sorted(deadlines._times) == sorted(deadlines._keys)
    assert deadlines.take_due(1e9) == ["a"]


def test_what_is_far_away_is_met_together_at_the_next_beat() -> None:
    deadlines = Deadlines()
    deadlines.arm("absorb", 42.01, 10.01)
    deadlines.arm("forget", 42.4, 10.2)
    deadlines.arm("repeat", 14.2, 10.2)  # A retransmission is not late.
    assert deadlines.next == 14.2
    assert deadlines.take_due(14.2) == ["repeat"]
    assert deadlines.next == 42.5
    deadlines.arm("absorb", 42.01, 10.5)  # As before.
    assert deadlines.take_due(42.4) == []
    assert deadlines.take_due(42.5) == ["absorb", "forget"]
    assert len(deadlines) == deadlines._entries == 0


STEPS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", ""]), st.none() | st.integers(0, 9)))


@given(STEPS)
def test_deadlines_agree_with_a_dictionary(steps: list[tuple[str, int | None]]) -> None:
    """Each step arms a machine, or (without one) takes what is due."""
    deadlines, model = Deadlines(), dict[str, int]()
    for name, at in steps:
        if name:
            deadlines.arm(name, at)
            _ = model.pop(name, None)
            if at is not None:
                model[name] = at
        else:
            due = deadlines.take_due(at or 0)
            assert sorted(due) == sorted(n for n, when in model.items() if when <= (at or 0))
            times = [model.pop(n) for n in due]
            assert times == sorted(times)
        assert (deadlines.next, len(deadlines)) == (min(model.values(), default=None), len(model))
