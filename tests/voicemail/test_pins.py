"""PINs: their hashes, what is too easy, who is shut out for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.voicemail.pins import (
    LOCK_SECONDS,
    LOCK_SECONDS_MAX,
    LOCKS_MAX,
    Locks,
    hash_pin,
    is_pin,
    is_weak,
)


def test_a_hash_fits_its_pin_only() -> None:
    hashed = hash_pin("4071", "salt")
    assert "4071" not in hashed
    assert is_pin("4071", hashed)
    assert not is_pin("4072", hashed)
    assert not is_pin("", hash_pin("", "salt"))
    assert hashed != hash_pin("4071", "pepper")


@given(st.text(max_size=60))
def test_what_is_no_hash_is_nobodys(text: str) -> None:
    assert not is_pin("4071", text)
    assert not is_pin("4071", f"scrypt:1024:{text}")


@pytest.mark.parametrize(
    ("digits", "weak"),
    [
        ("4071", False),
        ("407", True),
        ("1111", True),
        ("1234", True),
        ("4321", True),
        ("8901", True),
        ("10245", True),  # The mailbox.
        ("1357", False),
        ("4" * 17, True),
        ("40a1", True),
        ("", True),
    ],
)
def test_what_is_tried_first_is_weak(digits: str, weak: bool) -> None:
    assert is_weak(digits, "10245", 4) is weak


def test_locks_grow_and_end() -> None:
    locks = Locks()
    assert not locks.is_locked("102", 0.0)
    assert [locks.failed("102", 0.0) for _ in range(8)] == [
        *(LOCK_SECONDS * 2**n for n in range(6)),
        *(LOCK_SECONDS_MAX, LOCK_SECONDS_MAX),
    ]
    assert locks.is_locked("102", LOCK_SECONDS_MAX - 1)
    assert not locks.is_locked("102", LOCK_SECONDS_MAX)
    assert not locks.is_locked("103", 0.0)
    locks.opened("102")
    assert locks.failed("102", 0.0) == LOCK_SECONDS


def test_there_are_not_too_many_locks() -> None:
    locks = Locks()
    for number in range(LOCKS_MAX + 10):
        _ = locks.failed(str(number), 0.0)
    assert not locks.is_locked("0", 1.0)
    assert locks.is_locked(str(LOCKS_MAX), 1.0)
