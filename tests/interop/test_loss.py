"""SIP over a network that loses datagrams: every call comes through all the same.

The calls run in a network namespace of their own (`loss_in_namespace`), whose loopback drops a
share of all UDP datagrams, so nothing else on this machine is hit. It needs rights to make one.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.programs import need

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
DROP = (
    "ip link set lo up && nft add table inet loss"
    " && nft add chain inet loss in '{ type filter hook input priority 0; }'"
    " && nft add rule inet loss in iifname lo meta l4proto udp"
    " numgen random mod 100 '<' %d drop"
)
INSIDE = "tests/interop/loss_in_namespace.py"
SECONDS = 240


def _may_make_namespaces() -> bool:
    done = subprocess.run(
        ["unshare", "-n", "bash", "-c", DROP % 1], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize("percent", [5, 10])
def test_calls_through_a_network_that_loses(percent: int, tmp_path: Path) -> None:
    need("unshare", "ip", "nft", "sipp")
    if not _may_make_namespaces():
        pytest.skip("no right to make a network namespace with nftables")
    inner = f"{sys.executable} -m pytest -q -p no:cacheprovider --basetemp={tmp_path}/in {INSIDE}"
    done = subprocess.run(
        ["unshare", "-n", "bash", "-c", f"{DROP % percent} && exec {inner}"],
        cwd=ROOT,
        env={**os.environ, "LOSS_PERCENT": str(percent)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
