"""Where the third-party test data lies: messages of real phones, vectors, reference files."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTDATA = Path(os.environ.get("TESTDATA", ROOT.parent / "shared/testdata"))


def need_testdata(*parts: str) -> Path:
    """The path of one piece of test data; skips the test (or the module) where it is absent."""
    path = TESTDATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no test data at {path}: set TESTDATA", allow_module_level=True)
    return path
