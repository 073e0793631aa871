"""A phone whose network is gone for ten seconds: its call and its registration go on.

It runs in a network namespace of its own (`silence_in_namespace`).
"""

import pytest

from tests.interop.browser import modules
from tests.interop.namespaces import run_inside
from tests.interop.programs import need

pytestmark = [pytest.mark.interop, pytest.mark.slow]

INSIDE = "tests/interop/silence_in_namespace.py"
SECONDS = 150


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_desk_phone_whose_packets_vanish(transport: str) -> None:
    need("baresip")
    run_inside(f"{INSIDE}::test_a_desk_phone[{transport}]", seconds=SECONDS)


def test_a_peer_that_acknowledges_nothing() -> None:
    run_inside(f"{INSIDE}::test_who_acknowledges_nothing_is_gone", seconds=SECONDS)


def test_a_browser_whose_packets_vanish() -> None:
    need("baresip")
    _ = modules()  # Inside there is no network to fetch them from.
    run_inside(f"{INSIDE}::test_a_browser", seconds=SECONDS)
