"""sipvicious, under its own name and under a false one, from an address of its own.

Its svwar knows no way to choose the address to send from, and none of the programs how to call
themselves otherwise, so a copy of it is changed in these two points.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PLACE = Path("/usr/share/sipvicious/sipvicious")
SYSTEM_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True, slots=True)
class Found:
    output: str

    @property
    def nothing(self) -> bool:
        return "found nothing" in self.output or "| Extension |" not in self.output


class Scanner:
    def __init__(self, directory: Path, host: str, user_agent: str = "friendly-scanner") -> None:
        if not PLACE.is_dir():
            pytest.skip("not installed: sipvicious")
        self._root = directory
        copy = directory / "sipvicious"
        _ = shutil.copytree(PLACE, copy)
        for file in copy.rglob("*.py"):
            text = file.read_text()
            text = text.replace("friendly-scanner", user_agent)
            _ = file.write_text(text.replace("bindingip=''", f"bindingip='{host}'"))

    def run(self, program: str, *arguments: str, timeout: float = 40.0) -> Found:
        code = f"import sys; sys.path.insert(0, {str(self._root)!r}); sys.argv[0] = {program!r};"
        code += f"from sipvicious.{program} import main; main()"
        command = [SYSTEM_PYTHON if Path(SYSTEM_PYTHON).exists() else sys.executable, "-c", code]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=timeout, check=False,
            cwd=self._root, env={"HOME": str(self._root), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        return Found(done.stdout + done.stderr)
