"""Kamailio as a provider: registrar and proxy with passwords, on a port of its own."""

import os
import signal
import socket
from pathlib import Path

from tests.interop.programs import HOST, Program, children, eventually, free_ports, need

REALM = "provider.test"
PASSWORD = "the-password-of-all-accounts"
CONFIG = Path(__file__).with_name("kamailio.cfg")

PING = (
    "OPTIONS sip:{host}:{port} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {host}:{own};branch=z9hG4bKping\r\n"
    "Max-Forwards: 5\r\nFrom: <sip:ping@{host}>;tag=1\r\nTo: <sip:{host}:{port}>\r\n"
    "Call-ID: ping\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Kamailio(Program):
    def __init__(self, directory: Path) -> None:
        need("kamailio")
        directory.mkdir(parents=True)
        self.port = free_ports()
        text = CONFIG.read_text()
        for name, value in (
            ("HOST", HOST),
            ("PORT", str(self.port)),
            ("REALM", REALM),
            ("PASSWORD", PASSWORD),
        ):
            text = text.replace(name, value)
        config = directory / "kamailio.cfg"
        config.write_text(text)
        command = [
            *("kamailio", "-DD", "-E", "-f", str(config), "-m", "16", "-M", "4"),
            *("-P", str(directory / "pid"), "-Y", str(directory), "-w", str(directory)),
        ]
        super().__init__(command, directory / "log", cwd=directory)
        eventually(self._answers, "Kamailio answers", 10.0)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def freeze(self) -> None:
        """Kamailio is several processes: all of them."""
        for pid in sorted(children(self.pid)):
            os.kill(pid, signal.SIGSTOP)
        super().freeze()

    def thaw(self) -> None:
        super().thaw()
        for pid in sorted(children(self.pid)):
            os.kill(pid, signal.SIGCONT)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.bind((HOST, 0))
            own = probe.getsockname()[1]
            ping = PING.format(host=HOST, port=self.port, own=own)
            _ = probe.sendto(ping.encode(), (HOST, self.port))
            try:
                return probe.recv(4096).startswith(b"SIP/2.0 200")
            except OSError:
                return False
