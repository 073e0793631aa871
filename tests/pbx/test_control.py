"""The control socket: who may ask, what is answered, and what `pbx bans` makes of it."""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pbx.cli import app
from pbx.control import ControlError, ControlSocket, Question, Refusal, ask


def refuse(question: Question) -> object:
    raise Refusal(f"not {question['what']}")


COMMANDS: dict[str, Callable[[Question], object]] = {
    "echo": lambda question: question,
    "refuse": refuse,
    "bans": lambda question: [],
    "unban": lambda question: [f"{question['source']} is heard again"],
    "ban": lambda question: [f"{question['source']} {question.get('seconds')}"],
}


def with_socket(path: Path, then: Callable[[Path], Any]) -> Any:  # noqa: ANN401
    """What `then`, in a thread, gets from a socket that is there."""

    async def run() -> Any:  # noqa: ANN401
        control = ControlSocket(path, COMMANDS)
        await control.start()
        try:
            return await asyncio.to_thread(then, path)
        finally:
            await control.stop()

    return asyncio.run(run())


def raw(path: Path, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(5.0)
        asking.connect(str(path))
        asking.sendall(data)
        asking.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: asking.recv(65_536), b""))


def test_a_question_and_its_answer(tmp_path: Path) -> None:
    question = {"do": "echo", "text": "Київ\n"}
    assert with_socket(tmp_path / "c.sock", lambda path: ask(path, question)) == question


def test_a_refusal_and_an_unknown_command(tmp_path: Path) -> None:
    def both(path: Path) -> list[str]:
        found = []
        for question in ({"do": "refuse", "what": "now"}, {"do": "x"}, {"do": "refuse"}):
            with pytest.raises(Refusal) as error:
                _ = ask(path, question)
            found.append(str(error.value))
        return found

    assert with_socket(tmp_path / "c.sock", both) == [
        "not now",
        "no such command; there are: ban, bans, echo, refuse, unban",
        "'what'",
    ]


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"no json\n", b"[]\n", b'{"do": 1}\n', b"\xff\n", b"x" * 100_000]
)
def test_nonsense_harms_nobody(tmp_path: Path, data: bytes) -> None:
    def then(path: Path) -> Any:  # noqa: ANN401
        told = raw(path, data)
        assert told == b"" or "error" in json.loads(told)
        return ask(path, {"do": "bans"})

    assert with_socket(tmp_path / "c.sock", then) == []


def test_only_its_owner_may_open_it_and_it_is_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    assert with_socket(path, lambda path: path.stat().st_mode & 0o777) == 0o600
    assert not path.exists()


def test_it_works_however_deep_it_lies(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 100) / ("e" * 100) / "control.sock"
    assert len(os.fsencode(path)) > 108
    assert with_socket(path, lambda path: ask(path, {"do": "bans"})) == []


def test_the_socket_of_one_that_was_killed_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(str(path))
    dead.close()
    assert with_socket(path, lambda path: ask(path, {"do": "bans"})) == []


def test_the_socket_of_one_that_runs_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"

    def second(path: Path) -> Any:  # noqa: ANN401
        with pytest.raises(FileExistsError, match="another PBX answers"):
            asyncio.run(ControlSocket(path, {}).start())
        return ask(path, {"do": "bans"})

    assert with_socket(path, second) == []


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"no PBX answers at .*: No such file"):
        _ = ask(tmp_path / "c.sock", {"do": "bans"})


# --- the commands ---------------------------------------------------------------------------------


def pbx(path: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*words, "--control", str(path)])
    return result.exit_code, result.output


def test_commands(tmp_path: Path) -> None:
    def all_of_them(path: Path) -> list[tuple[int, str]]:
        return [
            pbx(path, "bans"),
            pbx(path, "bans", "--json"),
            pbx(path, "ban", "203.0.113.7"),
            pbx(path, "ban", "203.0.113.7", "--for", "1h30m"),
            pbx(path, "ban", "203.0.113.7", "--for", "soon"),
            pbx(path, "unban", "203.0.113.7"),
        ]

    assert with_socket(tmp_path / "c.sock", all_of_them) == [
        (0, "Nobody is banned.\n"),
        (0, "[]\n"),
        (0, "203.0.113.7 None\n"),
        (0, "203.0.113.7 5400.0\n"),
        (2, "--for soon: a time such as 30m, 12h or 7d\n"),
        (0, "203.0.113.7 is heard again\n"),
    ]


def test_without_a_pbx_the_command_says_so(tmp_path: Path) -> None:
    code, told = pbx(tmp_path / "c.sock", "bans")
    assert code == 3
    assert told.startswith(f"no PBX answers at {tmp_path}/c.sock: No such file or directory\n")
