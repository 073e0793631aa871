"""Caps on connections: exact outcomes, and what holds whatever happens."""

from hypothesis import given
from hypothesis import strategies as st

from sip.crowd import ADMITTED, REFUSED, Crowd, CrowdLimits, Entry, source_of

ONE, OTHER = "192.0.2.1", "192.0.2.2"


def test_room_for_everybody() -> None:
    crowd = Crowd(CrowdLimits())
    assert [crowd.enter(ONE, n) for n in range(100)] == [ADMITTED] * 100
    assert (len(crowd), crowd.half_open) == (100, 100)
    for n in range(100):
        crowd.heard(n)
        crowd.leave(n)
        crowd.leave(n)
    assert (len(crowd), crowd.half_open) == (0, 0)


def test_the_oldest_half_open_one_of_the_same_source_goes() -> None:
    crowd = Crowd(CrowdLimits(source_half_open_max=2))
    assert [crowd.enter(ONE, n) for n in (1, 2)] == [ADMITTED] * 2
    assert crowd.enter(OTHER, 3) == ADMITTED
    assert crowd.enter(ONE, 4) == Entry(True, 1)
    crowd.heard(2)
    assert crowd.enter(ONE, 5) == ADMITTED
    assert crowd.enter(ONE, 6) == Entry(True, 4)
    assert len(crowd) == 4


def test_a_source_that_has_all_it_may_have() -> None:
    crowd = Crowd(CrowdLimits(source_max=2))
    assert [crowd.enter(ONE, n) for n in (1, 2)] == [ADMITTED] * 2
    crowd.heard(1)
    assert crowd.enter(ONE, 3) == Entry(True, 2)
    crowd.heard(3)
    assert crowd.enter(ONE, 4) == REFUSED
    assert crowd.enter(OTHER, 5) == ADMITTED
    crowd.leave(1)
    assert crowd.enter(ONE, 6) == ADMITTED


def test_when_all_is_full_silent_ones_make_room_whoever_they_are() -> None:
    crowd = Crowd(CrowdLimits(all_max=3))
    for n in (1, 2, 3):
        assert crowd.enter(f"192.0.2.{n}", n) == ADMITTED
    assert crowd.enter(ONE, 4) == Entry(True, 1)
    for n in (2, 3, 4):
        crowd.heard(n)
    assert crowd.enter(OTHER, 5) == REFUSED


def test_sources() -> None:
    assert source_of(ONE) == ONE
    assert source_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert source_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert source_of("::1") == "::/64"


LIMITS = CrowdLimits(all_max=6, source_max=4, source_half_open_max=2)
Step = tuple[str, int]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["enter a", "enter b", "enter c", "heard", "leave"]), st.integers(0, 8)
        )
    )
)
def test_never_more_than_allowed(steps: list[Step]) -> None:
    """Beside a simple model: who is here, in order, and whether it was heard of."""
    crowd, here, number = Crowd(LIMITS), dict[int, tuple[str, bool]](), 0
    for what, which in steps:
        word, _, source = what.partition(" ")
        chosen = list(here)[which % len(here)] if here else -1
        if word == "enter":
            number += 1
            admitted, thrown_out = crowd.enter(source, number)
            if thrown_out is not None:
                oldest = [n for n, (owner, heard) in here.items() if not heard]
                same = [n for n in oldest if here[n][0] == source]
                assert admitted
                assert thrown_out in (oldest[0], *same[:1])
                del here[thrown_out]
            if admitted:
                here[number] = (source, False)
        elif word == "heard":
            crowd.heard(chosen)
            if chosen in here:
                here[chosen] = (here[chosen][0], True)
        else:
            crowd.leave(chosen)
            _ = here.pop(chosen, None)
        owners = [owner for owner, _ in here.values()]
        silent = [owner for owner, heard in here.values() if not heard]
        assert (len(crowd), crowd.half_open) == (len(here), len(silent))
        assert len(here) <= LIMITS.all_max
        assert max(map(owners.count, owners), default=0) <= LIMITS.source_max
        assert max(map(silent.count, silent), default=0) <= LIMITS.source_half_open_max
    for left in list(here):
        crowd.leave(left)
    assert (len(crowd), crowd.half_open) == (0, 0)
