"""`pbx demo` as a stranger starts it: phones register, callers wait, agents talk, and it ends."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.interop


def start(*options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "pbx.cli", "demo", "--callers", "5", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_calls_are_answered_and_sound_moves() -> None:
    demo = start("--seconds", "12")
    told, complained = demo.communicate(timeout=40)
    assert demo.returncode == 0, complained
    assert complained == ""
    conversations = re.search(r"(\d+) conversations. The demo is over.", told)
    assert conversations is not None, told
    assert int(conversations[1]) >= 1
    heard = [int(number) for number in re.findall(r"(\d+) sound packets heard", told)]
    assert heard == sorted(heard)
    assert heard[-1] > 500


def test_ctrl_c_ends_it_cleanly() -> None:
    demo = start()
    assert demo.stdout is not None
    assert "calls" in demo.stdout.readline()
    demo.send_signal(signal.SIGINT)
    told, complained = demo.communicate(timeout=20)
    assert (demo.returncode, complained) == (0, "")
    assert told.endswith("The demo is over.\n")
