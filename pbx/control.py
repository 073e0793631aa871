"""The control socket: what only the admin of this machine may do to the running PBX.

A Unix socket beside the history, open to the user who runs the PBX and to root, and to nobody who
comes over a network. One line of JSON asks, one answers: `{"do": "unban", …}`, then `{"ok": …}` or
`{"error": "…"}`.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

NAME: Final = "control.sock"
LINE_BYTES_MAX: Final = 65_536
ANSWER_BYTES_MAX: Final = 16 << 20  # 10,000 bans are 2 MB.
PATIENCE_SECONDS: Final = 5.0
CLIENTS_MAX: Final = 16
PATH_BYTES_MAX: Final = 100  # Of the 108 that the kernel has room for (unix(7)).
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid.

Question = dict[str, Any]
Command = Callable[[Question], object]


class ControlError(Exception):
    """No answer; the text says why and what to do."""


class Refusal(ValueError):
    """A command cannot be done; the text is for who asked."""


class ControlSocket:
    """`commands` by name; each is called in the loop and gives what JSON can say."""

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self.path = path
        self._commands = commands
        self._server: asyncio.Server | None = None
        self._clients = 0

    async def start(self) -> None:
        """OSError when the socket cannot be made."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_socket():
            if _answers(self.path):
                raise FileExistsError(f"another PBX answers at {self.path}")
            self.path.unlink()  # Of one that was killed.
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short(self.path) as path:
                before = os.umask(0o177)  # From the first moment on for us alone.
                try:
                    bound.bind(path)
                finally:
                    _ = os.umask(before)
            bound.setblocking(False)
            self._server = await asyncio.start_unix_server(
                self._serve, sock=bound, limit=LINE_BYTES_MAX
            )
        except BaseException:
            bound.close()
            raise

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        self.path.unlink(missing_ok=True)
        await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= CLIENTS_MAX and _is_admin(writer.get_extra_info("socket")):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    writer.write(self._answer(await reader.readuntil(b"\n")) + b"\n")
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # It has gone, or is not what we talk with.
        finally:
            self._clients -= 1
            writer.close()

    def _answer(self, line: bytes) -> bytes:
        try:
            question = msgspec.json.decode(line, type=Question)
            command = self._commands.get(str(question.get("do")))
            if command is None:
                known = ", ".join(sorted(self._commands))
                raise Refusal(f"no such command; there are: {known}")
            return msgspec.json.encode({"ok": command(question)})
        except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
            return msgspec.json.encode({"error": str(error)})


def ask(path: Path, question: Question) -> Any:  # noqa: ANN401
    """The answer of the PBX that runs there. ControlError when there is none."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking, _short(path) as place:
            asking.settimeout(PATIENCE_SECONDS)
            asking.connect(place)
            asking.sendall(msgspec.json.encode(question) + b"\n")
            line = _read_line(asking)
    except PermissionError:
        text = f"{path}: only the user who runs the PBX may do that, and root (sudo)"
        raise ControlError(text) from None
    except OSError as error:
        why = error.strerror or str(error)
        text = (
            f"no PBX answers at {path}: {why}\nIs it running (pbx run)? Is it elsewhere: --control"
        )
        raise ControlError(text) from None
    try:
        answer = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise ControlError(f"what answers at {path} is no PBX of this version") from None
    if "error" in answer:
        raise Refusal(answer["error"])
    return answer.get("ok")


def _read_line(asking: socket.socket) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < ANSWER_BYTES_MAX:
        more = asking.recv(65_536)
        if not more:
            break
        line += more
    return bytes(line)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking, _short(path) as place:
        try:
            asking.connect(place)
        except OSError:
            return False
        return True


def _is_admin(client: socket.socket) -> bool:
    """The permissions of the file say so already; not every file system has them."""
    raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(raw)
    return user in (0, os.getuid())


@contextlib.contextmanager
def _short(path: Path) -> Generator[str]:
    """A name of the socket that fits into a socket address, however deep it lies."""
    whole = str(path)
    if len(os.fsencode(whole)) <= PATH_BYTES_MAX:
        yield whole
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
