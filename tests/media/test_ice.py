"""The lite agent: who is believed, who is answered what, and when consent is gone."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import stun
from media.ice import (
    CONSENT_SECONDS,
    PASSWORDS_MAX,
    PLACES_MAX,
    REFUSALS_PER_SECOND,
    Chosen,
    Credentials,
    IceLite,
    IceState,
    Lost,
    Reply,
)
from media.stun import Address, Attribute, Class
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


def renewed(number: int) -> Credentials:
    return Credentials(f"new{number}", f"{number}" * 22)


def check_with(ours: Credentials, *, use: bool = True) -> bytes:
    return check(f"{ours.ufrag}:them", ours.pwd, use=use)


def test_a_restart_keeps_the_way_until_there_is_another() -> None:
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    ice.restart(renewed(1))
    assert (ice.ours, ice.chosen, ice.is_peer(HERE)) == (renewed(1), HERE, True)
    assert ice.on_datagram(check_with(renewed(1)), THERE, 1.0)[1:] == [Chosen(THERE)]


def test_who_chose_a_new_port_before_our_answer_came_stays_with_the_old_password() -> None:
    """Chromium: a pair of its new port and our old description is chosen and never given up."""
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    _ = ice.on_datagram(GOOD, THERE, 0.0)
    ice.restart(renewed(1))
    assert ice.is_peer(THERE)  # It speaks from there already.
    reply, *rest = ice.on_datagram(USE, THERE, 1.0)
    assert isinstance(reply, Reply)
    assert stun.parse(reply.data).is_signed_with(OURS.pwd.encode())
    assert rest == [Chosen(THERE)]
    for now in (10.0, 20.0, 30.0, 40.0):
        _ = ice.on_datagram(USE, THERE, now)
        assert ice.on_time(now) == []
    assert ice.next_deadline == 40.0 + CONSENT_SECONDS


def test_a_choice_of_before_a_restart_does_not_undo_one_of_after_it() -> None:
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    ice.restart(renewed(1))
    _ = ice.on_datagram(check_with(renewed(1)), THERE, 1.0)
    assert len(ice.on_datagram(USE, HERE, 2.0)) == 1
    assert ice.chosen == THERE
    assert ice.on_datagram(check_with(renewed(1)), HERE, 3.0)[1:] == [Chosen(HERE)]


def test_the_same_place_chosen_anew_counts_as_chosen_after_the_restart() -> None:
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    ice.restart(renewed(1))
    assert ice.on_datagram(check_with(renewed(1)), HERE, 1.0)[1:] == []
    assert ice.on_datagram(USE, THERE, 2.0)[1:] == []
    assert ice.chosen == HERE


def test_a_refusal_is_signed_with_the_password_of_the_question() -> None:
    ice = agent()
    ice.restart(renewed(1))
    (reply,) = ice.on_datagram(check("ours:them", OURS.pwd, (0x7F00, b"")), HERE, 0.0)
    assert isinstance(reply, Reply)
    assert stun.parse(reply.data).is_signed_with(OURS.pwd.encode())


def test_names_and_passwords_do_not_mix() -> None:
    ice = agent()
    ice.restart(renewed(1))
    assert status(list(ice.on_datagram(check("ours:them", renewed(1).pwd), HERE, 0.0))) == 401
    assert status(list(ice.on_datagram(check("new1:them", OURS.pwd), HERE, 0.0))) == 401


def test_passwords_are_bounded() -> None:
    ice = agent()
    for number in range(1, 10):
        ice.restart(renewed(number))
        ice.restart(renewed(number))
    known = [
        number
        for number in range(1, 10)
        if stun.parse(reply_to(ice, check_with(renewed(number)))).kind is Class.SUCCESS
    ]
    assert known == list(range(10 - PASSWORDS_MAX, 10))
    assert status(list(ice.on_datagram(USE, HERE, 0.0))) == 401


def reply_to(ice: IceLite, data: bytes) -> bytes:
    reply = ice.on_datagram(data, HERE, 0.0)[0]
    assert isinstance(reply, Reply)
    return reply.data


def test_another_peer_knows_no_password_of_before() -> None:
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    _ = ice.on_datagram(GOOD, THERE, 0.0)
    ice.restart(renewed(1), same_peer=False)
    assert (ice.is_peer(HERE), ice.is_peer(THERE)) == (True, False)  # Sound goes on to HERE.
    assert status(list(ice.on_datagram(USE, THERE, 1.0))) == 401
    assert ice.on_datagram(check_with(renewed(1)), THERE, 1.0)[1:] == [Chosen(THERE)]


def test_a_restart_before_anything_was_chosen() -> None:
    ice = agent()
    _ = ice.on_datagram(GOOD, HERE, 0.0)
    ice.restart(renewed(1))
    assert (ice.state, ice.place) == (IceState.FOUND, HERE)
    ice.restart(renewed(2), same_peer=False)
    assert (ice.state, ice.place) == (IceState.WAITING, None)
    ice.restart(renewed(3), same_peer=False)
    assert ice.state is IceState.WAITING


def test_places_are_bounded_and_the_chosen_one_stays() -> None:
    ice = agent()
    _ = ice.on_datagram(USE, HERE, 0.0)
    for port in range(1000, 1000 + 3 * PLACES_MAX):
        _ = ice.on_datagram(GOOD, ("192.0.2.9", port), 1.0)
    assert ice.is_peer(HERE)
    assert sum(ice.is_peer(("192.0.2.9", port)) for port in range(1000, 2000)) == PLACES_MAX - 1


class Checked(NamedTuple):
    ours: Credentials
    use: bool
    place: Address


class Broken(NamedTuple):
    data: bytes
    place: Address


class Restarted(NamedTuple):
    same_peer: bool


Step = Checked | Broken | Restarted | float

places = st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2"]), st.integers(1, 40))
passwords = st.sampled_from([OURS, renewed(1), renewed(2), Credentials("ours", "wrong")])
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Checked, passwords, st.booleans(), places),
    st.builds(Broken, st.sampled_from([b"\0", GOOD[:-1]]), places),
    st.floats(0, 40),
    st.builds(Restarted, st.booleans()),
)


@given(st.lists(steps, max_size=40))
def test_any_life(life: list[Step]) -> None:
    """Sound goes only where a check passed from within the last 30 s."""
    ice, now, told, restarts = agent(), 0.0, [OURS], 0
    passed: dict[Address, float] = {}
    for step in life:
        match step:
            case Checked(ours, use, place):
                _ = ice.on_datagram(check_with(ours, use=use), place, now)
                if ours in told:
                    passed[place] = now
            case Broken(data, place):
                assert ice.on_datagram(data, place, now) == []
            case Restarted(same_peer):
                restarts += 1
                ours = renewed(restarts)
                ice.restart(ours, same_peer=same_peer)
                told = [*(told if same_peer else ()), ours][-PASSWORDS_MAX:]
            case _:
                now += step
                _ = ice.on_time(now)
        if ice.chosen is not None:
            assert now - passed[ice.chosen] < CONSENT_SECONDS
            assert ice.state is IceState.CHOSEN


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert agent().on_datagram(data, HERE, 0.0) == []
