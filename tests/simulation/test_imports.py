"""The simulation needs the standard library and the distribution core, and nothing that is real."""

import ast
import sys
from pathlib import Path

import pytest

from tests.data import ROOT

SOURCES = sorted((ROOT / "pbx/simulation").glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_imports(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        for module in modules_of(node):
            assert module.split(".")[0] in sys.stdlib_module_names or f"{module}.".startswith(
                ("pbx.distribution.", "pbx.simulation.")
            ), f"{path.name}: {module}"


def modules_of(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            return [node.module or ""]
        case _:
            return []
