"""SIP over a network that loses datagrams: every call comes through all the same.

The calls run in a network namespace of their own (`loss_in_namespace`), whose loopback drops a
share of all UDP datagrams.
"""

import pytest

from tests.interop.namespaces import run_inside
from tests.interop.programs import need

pytestmark = [pytest.mark.interop, pytest.mark.slow]

DROP = "iifname lo meta l4proto udp numgen random mod 100 '<' %d drop"
INSIDE = "tests/interop/loss_in_namespace.py"
SECONDS = 240


@pytest.mark.parametrize("percent", [5, 10])
def test_calls_through_a_network_that_loses(percent: int) -> None:
    need("sipp")
    variables = {"LOSS_PERCENT": str(percent)}
    run_inside(INSIDE, rule=DROP % percent, variables=variables, seconds=SECONDS)
