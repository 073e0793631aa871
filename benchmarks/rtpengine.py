"""rtpengine beside us, if it is installed: in user space, commanded over its NG protocol.

It passes on the sound of the same phones as our worker does, at an address of its own.
"""

import re
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PATIENCE_SECONDS = 2.0
START_SECONDS = 5.0
RETRY_SECONDS = 0.1
HOST, CONTROL_PORT = "127.0.9.4", 2223
PORTS = 20_000, 31_999
THREADS = 2
_MEDIA = re.compile(rb"m=audio (\d+)")

Phone = tuple[str, int]


class Refused(Exception):
    """It does not do what it is asked for."""


class Rtpengine:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._socket.connect((HOST, CONTROL_PORT))

    def close(self) -> None:
        self._socket.close()

    def call(self, number: int, caller: Phone, agent: Phone) -> tuple[int, int]:
        """A call between the two: at which of its ports it hears each of them."""
        call = {"call-id": str(number), "from-tag": "a", "ICE": "remove"}
        offered = self._ask({**call, "command": "offer", "sdp": _sdp(caller)})
        answered = self._ask({**call, "command": "answer", "to-tag": "b", "sdp": _sdp(agent)})
        return _port(answered), _port(offered)

    def wait(self) -> None:
        """Until it listens."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                _ = self._ask({"command": "ping"})
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return

    def _ask(self, command: Mapping[str, str]) -> bytes:
        cookie = secrets.token_hex(8).encode()
        _ = self._socket.send(cookie + b" " + _bencoded(command))
        reply = b""
        while not reply.startswith(cookie):
            reply = self._socket.recv(65_536)
        if b"6:result2:ok" not in reply and b"6:result4:pong" not in reply:
            raise Refused(f"rtpengine: {reply!r}")
        return reply


@contextmanager
def running() -> Iterator[Rtpengine]:
    with subprocess.Popen(
        [
            *("rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--log-level=3"),
            *("--table=-1", f"--interface={HOST}", f"--listen-ng={HOST}:{CONTROL_PORT}"),
            *(f"--port-min={PORTS[0]}", f"--port-max={PORTS[1]}", f"--num-threads={THREADS}"),
        ],
        stderr=subprocess.DEVNULL,
    ) as process:
        found = Rtpengine(process.pid)
        try:
            found.wait()
            yield found
        finally:
            found.close()
            process.terminate()


def _sdp(phone: Phone) -> str:
    host, port = phone
    lines = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0")
    sound = (f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=sendrecv")
    return "".join(f"{line}\r\n" for line in (*lines, *sound))


def _port(reply: bytes) -> int:
    found = _MEDIA.search(reply)
    if found is None:
        raise Refused(f"rtpengine: no port in {reply!r}")
    return int(found[1])


def _bencoded(command: Mapping[str, str]) -> bytes:
    words = [word.encode() for item in sorted(command.items()) for word in item]
    return b"d%be" % b"".join(b"%d:%b" % (len(word), word) for word in words)
