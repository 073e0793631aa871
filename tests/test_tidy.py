"""The house rules a formatter and a type checker cannot see."""

import ast
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for top in ("sip", "media", "pbx") for p in (ROOT / top).rglob("*.py"))
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60

# The only files that may touch the event loop, sockets, the clock or dice.
EDGES = (
    "sip/local_hosts.py",
    "sip/streams.py",
    "sip/lookup.py",
    "sip/transport.py",
    "sip/udp.py",
    "sip/websocket.py",
    "media/engine.py",
    "media/worker.py",
    "media/client.py",
    "media/ports.py",
    "media/recorder.py",
    "media/writer.py",
    "media/sockets.py",
    "media/ticks.py",
    "media/decoding.py",
    "pbx/app.py",
    "pbx/certificates.py",
    "pbx/cli.py",
    "pbx/cli/*",
    "pbx/commands/*",
    "pbx/control.py",
    "pbx/day_file.py",
    "pbx/defence.py",
    "pbx/diary.py",
    "pbx/identities.py",
    "pbx/journal.py",
    "pbx/listening.py",
    "pbx/local_time.py",
    "pbx/mail.py",
    "pbx/store.py",
    "pbx/voicemail/service.py",
    "pbx/voicemail/spool.py",
    "pbx/metrics.py",
    "pbx/notify.py",
    "pbx/recording/keeper.py",
    "pbx/web/*",
    "pbx/demo/*",
    "pbx/log.py",
)
EDGE_ONLY = {
    *("asyncio", "concurrent", "multiprocessing", "subprocess", "threading", "uvloop"),
    *("select", "selectors", "signal", "socket"),
    *("datetime", "time"),
    *("secrets", "uuid"),
}
MAY_PRINT = ("pbx/cli.py", "pbx/cli/*", "pbx/commands/*", "pbx/demo/*")
BANNED = {
    "print": "the logger",
    "breakpoint": "nothing",
    "eval": "a parser",
    "exec": "a module",
    "os.urandom": "an injected generator",
    **{
        f"random.{name}": "an injected Random"
        for name in ("random", "choice", "choices", "randint", "randrange", "shuffle", "uniform")
    },
}
VAGUE_NAMES = {"common", "utils", "util", "helpers", "helper", "misc"}


def is_any(where: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(where, pattern) for pattern in patterns)


def name_of(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def modules_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names]


def faults_of_text(text: str, where: str) -> Iterator[str]:
    if len(text.splitlines()) > FILE_LINES_MAX:
        yield f"over {FILE_LINES_MAX} lines"
    if VAGUE_NAMES & set(re.split(r"[/.]", where)):
        yield "a name that says nothing: call it after what it is about"
    for todo in re.finditer(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", text):
        yield f"{text.count(chr(10), 0, todo.start()) + 1}: {todo[0]} without an issue number"


def faults_of_import(node: ast.Import | ast.ImportFrom, where: str) -> Iterator[str]:
    for module in modules_of(node):
        top = module.split(".")[0]
        if top in EDGE_ONLY and not is_any(where, EDGES):
            yield f"{node.lineno}: {module} may be imported only at the edges"
        if where.startswith("pbx/distribution/") and not (
            top in sys.stdlib_module_names or f"{module}.".startswith("pbx.distribution.")
        ):
            yield f"{node.lineno}: {module}: pbx.distribution needs only the standard library"


def faults_of_node(node: ast.AST, where: str) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} is over {FUNCTION_LINES_MAX} lines"
        case ast.Import() | ast.ImportFrom():
            yield from faults_of_import(node, where)
        case ast.Call() if (banned := name_of(node.func)) in BANNED:
            if banned != "print" or not is_any(where, MAY_PRINT):
                yield f"{node.lineno}: {banned}() is banned, use {BANNED[banned]}"
        case ast.ExceptHandler(type=None):
            yield f"{node.lineno}: bare except"
        case _:
            pass


def faults_of(text: str, where: str) -> list[str]:
    faults = list(faults_of_text(text, where))
    for node in ast.walk(ast.parse(text)):
        faults += faults_of_node(node, where)
    return faults


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_tidy(path: Path) -> None:
    where = path.relative_to(ROOT).as_posix()
    faults = faults_of(path.read_text(), where)
    assert not faults, "\n".join(f"{where}:{fault}" for fault in faults)


@pytest.mark.parametrize(
    ("where", "text", "fault"),
    [
        ("sip/dialog.py", "import time", "1: time may be imported only at the edges"),
        ("sip/dialog.py", "from asyncio import sleep", "1: asyncio may be imported only at the"),
        ("pbx/calls/x.py", "def f():\n    print(1)", "2: print() is banned, use the logger"),
        ("pbx/calls/x.py", "import random\nrandom.random()", "2: random.random() is banned"),
        ("pbx/calls/x.py", "try: pass\nexcept: pass", "2: bare except"),
        ("pbx/utils.py", "", "a name that says nothing"),
        ("pbx/x.py", "# TO" + "DO: later", "1: TO" + "DO without an issue number"),
        ("pbx/x.py", "x = 1\n" * 601, "over 600 lines"),
        ("pbx/x.py", "def f():\n" + "    x = 1\n" * 60, "1: f is over 60 lines"),
        ("pbx/distribution/core.py", "import pbx.config", "1: pbx.config: pbx.distribution needs"),
        ("pbx/distribution/core.py", "import numpy", "1: numpy: pbx.distribution needs"),
    ],
)
def test_a_fault_is_seen(where: str, text: str, fault: str) -> None:
    assert [found.startswith(fault) for found in faults_of(text, where)] == [True]


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("pbx/web/pages.py", "import asyncio, time"),
        ("pbx/cli.py", "print(1)"),
        ("pbx/x.py", "# TO" + "DO(#12): later"),
        (
            "pbx/distribution/core.py",
            "import heapq, pbx.distribution.config",
        ),
        ("pbx/distribution/core.py", "from random import Random\nRandom(1).random()"),
    ],
)
def test_what_is_allowed_is_no_fault(where: str, text: str) -> None:
    assert faults_of(text, where) == []
