"""Tests that spoil the network run in a network namespace of their own: nothing else is hit.

It needs rights to make one, and nftables. Loopback is all that there is inside.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.interop.programs import need

ROOT: Final = Path(__file__).parents[2]
TABLE: Final = "inet dzvin"
_SET_UP: Final = (
    f"ip link set lo up && nft add table {TABLE}"
    f" && nft add chain {TABLE} in '{{ type filter hook input priority 0; }}'"
)


def run_inside(
    tests: str,
    *,
    rule: str = "",
    variables: Mapping[str, str] | None = None,
    seconds: float,
) -> None:
    """pytest with these tests. `rule`: what is done with what arrives there, from the beginning."""
    need("unshare", "ip", "nft")
    set_up = f"{_SET_UP} && nft add rule {TABLE} in {rule}" if rule else _SET_UP
    if _bash(set_up).returncode != 0:
        pytest.skip("no right to make a network namespace with nftables")
    with TemporaryDirectory() as directory:  # baresip cuts long paths off.
        inner = f"{sys.executable} -m pytest -q -p no:cacheprovider --basetemp={directory}/in"
        done = _bash(f"{set_up} && exec {inner} {quote(tests)}", variables, seconds)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def drop(*matches: str) -> None:
    """From inside: packets of which one of these is true arrive no more."""
    for match in matches:
        _ = subprocess.run(["nft", f"add rule {TABLE} in {match} drop"], check=True)


def drop_nothing() -> None:
    _ = subprocess.run(["nft", f"flush chain {TABLE} in"], check=True)


def _bash(
    script: str, variables: Mapping[str, str] | None = None, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-n", "bash", "-c", script],
        cwd=ROOT,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
