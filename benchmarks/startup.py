"""From the command to the first answer, with 1,500 extensions and 500 agents."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers import company
from benchmarks.server import ROOT, SIP_PORT, WEB_PORT, median, wait_until_well

Figure = tuple[str, float, str]
ROUNDS = 3


def run() -> list[Figure]:
    times: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="dzvin-bench-") as name:
            config = company.write(Path(name), sip_port=SIP_PORT, web_port=WEB_PORT)
            command = [sys.executable, "-m", "pbx.cli", "run", str(config)]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
            try:
                times.append(wait_until_well(process))
            finally:
                process.terminate()
                _ = process.wait(15)
    return [("startup_1500_extensions_ms", round(median(times) * 1000), "ms")]
