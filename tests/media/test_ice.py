"""The lite agent: who is believed, who is answered what, and when consent is gone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import stun
from media.ice import (
    CONSENT_SECONDS,
    PLACES_MAX,
    REFUSALS_PER_SECOND,
    Chosen,
    Credentials,
    IceLite,
    IceState,
    Lost,
    Reply,
)
from media.stun import Attribute, Class
from tests.media.callers import check

OURS = Credentials("ours", "o" * 22)
HERE, THERE = ("192.0.2.1", 4000), ("192.0.2.2", 5000)
GOOD = check("ours:them", OURS.pwd, use=False)
USE = check("ours:them", OURS.pwd)


def agent() -> IceLite:
    return IceLite(OURS)


def status(outputs: list[object]) -> int:
    (reply,) = outputs
    assert isinstance(reply, Reply)
    message = stun.parse(reply.data)
    assert message.kind is Class.ERROR
    value = message.attribute(Attribute.ERROR_CODE)
    assert value is not None
    return stun.read_error_code(value)


def test_a_check_is_answered_and_shows_where_the_peer_is() -> None:
    ice = agent()
    (reply,) = ice.on_datagram(GOOD, HERE, 0.0)
    assert isinstance(reply, Reply)
    assert reply.address == HERE
    answer = stun.parse(reply.data)
    assert answer.kind is Class.SUCCESS
    assert answer.transaction == stun.parse(GOOD).transaction
    assert answer.is_signed_with(OURS.pwd.encode())
    mapped = answer.attribute(Attribute.XOR_MAPPED_ADDRESS)
    assert mapped is not None
    assert stun.read_xor_address(mapped, answer.transaction) == HERE
    assert (ice.state, ice.place, ice.chosen) == (IceState.FOUND, HERE, None)
    assert ice.is_peer(HERE)
    assert not ice.is_peer(THERE)


def test_the_peer_chooses_and_chooses_again() -> None:
    ice = agent()
    assert ice.on_datagram(USE, HERE, 0.0)[1:] == [Chosen(HERE)]
    assert ice.on_datagram(USE, HERE, 1.0)[1:] == []
    assert ice.on_datagram(GOOD, THERE, 2.0)[1:] == []
    assert (ice.state, ice.chosen, ice.place) == (IceState.CHOSEN, HERE, HERE)
    assert ice.on_datagram(USE, THERE, 3.0)[1:] == [Chosen(THERE)]
    assert ice.chosen == THERE


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (stun.build(Class.REQUEST, bytes(12)), 400),
        (stun.build(Class.REQUEST, bytes(12), key=OURS.pwd.encode()), 400),
        (stun.build(Class.REQUEST, bytes(12), ((Attribute.USERNAME, b"ours:them"),)), 400),
        (check("them:ours", OURS.pwd), 401),
        (check("ours", OURS.pwd), 401),
        (check("ours:them", "wrong"), 401),
        (check("ours:them", OURS.pwd, (0x7F00, b"")), 420),
        (check("ours:them", OURS.pwd, (Attribute.ICE_CONTROLLED, bytes(8))), 487),
    ],
)
def test_what_is_refused(data: bytes, answer: int) -> None:
    ice = agent()
    assert status(list(ice.on_datagram(data, HERE, 0.0))) == answer
    assert (ice.state, ice.refused, ice.is_peer(HERE)) == (IceState.WAITING, 1, False)


def test_who_knows_the_password_gets_a_signed_refusal_that_names_what_is_unknown() -> None:
    ice = agent()
    (reply,) = ice.on_datagram(check("ours:them", OURS.pwd, (0x7F00, b"")), HERE, 0.0)
    assert isinstance(reply, Reply)
    message = stun.parse(reply.data)
    assert message.attribute(Attribute.UNKNOWN_ATTRIBUTES) == b"\x7f\0"
    assert message.is_signed_with(OURS.pwd.encode())


def test_strangers_get_few_answers() -> None:
    ice = agent()
    wrong = check("ours:them", "wrong")
    answers = [len(ice.on_datagram(wrong, HERE, 5.0)) for _ in range(50)]
    assert sum(answers) == REFUSALS_PER_SECOND
    assert ice.on_datagram(wrong, HERE, 6.0)


@pytest.mark.parametrize("kind", [Class.INDICATION, Class.SUCCESS, Class.ERROR])
def test_only_requests_are_answered(kind: Class) -> None:
    data = stun.build(kind, bytes(12), ((Attribute.USERNAME, b"ours:them"),), key=OURS.pwd.encode())
    assert agent().on_datagram(data, HERE, 0.0) == []


def test_consent_goes_and_comes_back() -> None:
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    _ = ice.on_datagram(USE, HERE, 2.5)
    assert ice.next_deadline == 2.5 + CONSENT_SECONDS
    assert ice.on_time(32.0) == []
    assert ice.on_time(32.5) == [Lost()]
    assert (ice.state, ice.chosen, ice.is_peer(HERE)) == (IceState.WAITING, None, False)
    assert ice.next_deadline is None
    assert ice.on_datagram(USE, HERE, 40.0)[1:] == [Chosen(HERE)]


def test_a_restart_keeps_the_way_until_there_is_another() -> None:
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    _ = ice.on_datagram(GOOD, THERE, 0.0)
    ice.restart(Credentials("new", "n" * 22))
    assert ice.is_peer(HERE)
    assert not ice.is_peer(THERE)
    assert status(list(ice.on_datagram(USE, THERE, 1.0))) == 401
    assert ice.on_datagram(check("new:them", "n" * 22), THERE, 1.0)[1:] == [Chosen(THERE)]


def test_a_restart_before_anything_was_chosen() -> None:
    ice = agent()
    _ = ice.on_datagram(GOOD, HERE, 0.0)
    ice.restart(Credentials("new", "n" * 22))
    assert (ice.state, ice.place) == (IceState.WAITING, None)
    ice.restart(Credentials("newer", "n" * 22))
    assert ice.state is IceState.WAITING


def test_places_are_bounded_and_the_chosen_one_stays() -> None:
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    for port in range(1000, 1000 + 3 * PLACES_MAX):
        _ = ice.on_datagram(GOOD, ("192.0.2.9", port), 1.0)
    assert ice.is_peer(HERE)
    assert sum(ice.is_peer(("192.0.2.9", port)) for port in range(1000, 2000)) == PLACES_MAX - 1


places = st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2"]), st.integers(1, 40))
steps = st.one_of(
    st.tuples(st.sampled_from([GOOD, USE, check("ours:them", "wrong"), b"\0", GOOD[:-1]]), places),
    st.floats(0, 40),
    st.just("restart"),
)


@given(st.lists(steps, max_size=40))
def test_any_life(life: list[object]) -> None:
    """Sound goes only where a check passed from within the last 30 s."""
    ice, now, passed = agent(), 0.0, {}
    for step in life:
        if isinstance(step, tuple):
            data, place = step
            _ = ice.on_datagram(data, place, now)
            if data in (GOOD, USE):
                passed[place] = now
        elif isinstance(step, float):
            now += step
            _ = ice.on_time(now)
        else:
            ice.restart(OURS)
        if ice.chosen is not None:
            assert now - passed[ice.chosen] < CONSENT_SECONDS
            assert ice.state is IceState.CHOSEN


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert agent().on_datagram(data, HERE, 0.0) == []
