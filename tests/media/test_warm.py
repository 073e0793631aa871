"""A worker imports its slow parts beforehand: the first recording or room stops nobody's sound."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import asyncio, sys, threading
from media.engine import Engine
from media.protocol import Record

async def main():
    engine = Engine(asyncio.get_running_loop(), lambda event: None)
    engine.warm()
    while threading.active_count() > 1:  # It ends when all is imported.
        await asyncio.sleep(0.01)
    before = set(sys.modules)
    engine.command(Record("r", "/dev/null/r", "nobody"))
    print(sorted(set(sys.modules) - before))
    engine.close()

asyncio.run(asyncio.wait_for(main(), 20))
"""


def test_a_recording_imports_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
