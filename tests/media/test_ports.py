import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.ports import PortPool


def test_pairs_begin_even_and_stay_inside() -> None:
    pool = PortPool(20_001, 20_006)
    assert [pool.take(), pool.take(), pool.take()] == [20_002, 20_004, None]
    assert (pool.in_use, pool.free) == (2, 0)


def test_a_range_that_ends_even_has_no_room_for_rtcp_at_its_end() -> None:
    pool = PortPool(20_000, 20_002)
    assert [pool.take(), pool.take()] == [20_000, None]


def test_a_port_rests_as_long_as_possible() -> None:
    pool = PortPool(20_000, 20_007)
    first = pool.take()
    assert first == 20_000
    pool.give(first)
    assert [pool.take() for _ in range(4)] == [20_002, 20_004, 20_006, 20_000]


def test_giving_back_what_was_not_taken_is_a_bug() -> None:
    pool = PortPool(20_000, 20_007)
    with pytest.raises(AssertionError):
        pool.give(20_000)


@given(st.integers(1, 65_535), st.integers(0, 60), st.lists(st.booleans(), max_size=100))
def test_no_port_is_out_twice(low: int, size: int, takes: list[bool]) -> None:
    high = min(low + size, 65_535)
    pool = PortPool(low, high)
    total, out = pool.free, list[int]()
    for take in takes:
        if take:
            port = pool.take()
            if port is None:
                assert len(out) == total
                continue
            assert port not in out
            assert port % 2 == 0
            assert low <= port < port + 1 <= high
            out.append(port)
        elif out:
            pool.give(out.pop())
        assert (pool.in_use, pool.free) == (len(out), total - len(out))
