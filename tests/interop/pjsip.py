"""PJSIP as a phone with several lines: the PyPI wheel `pjsua2-python`, in a process of its own.

It has a wheel for some versions of Python only; without one its tests are skipped.
"""

import importlib.util
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop import tones
from tests.interop.programs import HOST, PATIENCE_SECONDS, Program, eventually, free_ports

ROOT = Path(__file__).parents[2]
TONE_SECONDS = 30.0  # It is played again and again.
RTP_PORTS = 30
CODECS = ("PCMU", "PCMA")


@dataclass(frozen=True, slots=True)
class Told:
    """What it said: `values` are those of the event."""

    event: str
    at: float
    values: dict[str, Any]


class Pjsip(Program):
    """Calls are numbered from 0; commands are for the last one unless another is named."""

    def __init__(
        self,
        directory: Path,
        user: str,
        *,
        tone_hz: float,
        server: str,
        password: str,
        timer: str = "optional",
        reliable: str = "optional",
        encryption: str = "disabled",
        codecs: tuple[str, ...] = CODECS,
    ) -> None:
        """`timer`: inactive, optional, required, always. `reliable`: not_used, optional,
        mandatory (100rel)."""
        if importlib.util.find_spec("pjsua2") is None:
            pytest.skip("not installed: pjsua2-python")
        self.user, self.tone_hz, self._server = user, tone_hz, server
        self._directory = directory
        directory.mkdir(parents=True)
        tone = directory / "tone.wav"
        tones.write_tone(tone, tone_hz, TONE_SECONDS)
        self.sip_port = free_ports(10 + RTP_PORTS)
        self.trace = directory / "trace"
        choices = {
            "user": user, "server": server, "password": password, "host": HOST,
            "port": self.sip_port, "rtp": self.sip_port + 10, "rtp_ports": RTP_PORTS,
            "tone": str(tone), "trace": str(self.trace), "codecs": codecs,
            "timer": timer, "reliable": reliable, "encryption": encryption,
        }  # fmt: skip
        _ = (directory / "choices").write_text(json.dumps(choices))
        command = [sys.executable, "-m", "tests.interop.pjsip_phone", str(directory / "choices")]
        self._tokens = self._recordings = 0
        self._seen: dict[tuple[str, str], int] = {}
        super().__init__(command, directory / "log", cwd=ROOT, commands=True)

    # --- what it says

    def told(self, event: str = "") -> list[Told]:
        """Every event of this kind so far."""
        found: list[Told] = []
        for line in self.output().splitlines(keepends=True):
            if line.startswith('{"event"') and line.endswith("\n"):
                values = json.loads(line)
                told = Told(values.pop("event"), values.pop("at"), values)
                if event in ("", told.event):
                    found.append(told)
        return found

    def wait(self, event: str, timeout: float = PATIENCE_SECONDS, **values: object) -> Told:
        """The next such event after the last one that was waited for in these words."""
        key = (event, repr(sorted(values.items())))
        seen = self._seen.get(key, 0)

        def look() -> list[Told]:
            return [t for t in self.told(event) if values.items() <= t.values.items()][seen:]

        if not self.running:
            pytest.fail(f"{self.user} ended: {self.output()[-2000:]}")
        found = eventually(look, f"{self.user}: {event} {values}", timeout)
        self._seen[key] = seen + 1
        return found[0]

    def wait_registered(self) -> None:
        _ = self.wait("registered", 10.0)

    def wait_incoming(self, timeout: float = PATIENCE_SECONDS) -> Told:
        return self.wait("incoming", timeout)

    def wait_established(self, call: int | None = None, timeout: float = PATIENCE_SECONDS) -> None:
        _ = self.wait("call", timeout, **self._of(call), state="confirmed")

    def wait_ringing(self, call: int | None = None, timeout: float = PATIENCE_SECONDS) -> None:
        _ = self.wait("call", timeout, **self._of(call), state="early")

    def wait_closed(self, call: int | None = None, timeout: float = PATIENCE_SECONDS) -> Told:
        return self.wait("call", timeout, **self._of(call), state="disconnected")

    @property
    def _last(self) -> int:
        return max((t.values["call"] for t in self.told() if "call" in t.values), default=0)

    def _of(self, call: int | None) -> dict[str, int]:
        return {} if call is None else {"call": call}

    # --- what it does

    def command(self, name: str, **values: object) -> int:
        self._tokens += 1
        token = self._tokens
        self.say(json.dumps({"do": name, "token": token, **values}))
        answer = self.wait("answer", token=token)
        assert "error" not in answer.values, (name, values, answer.values["error"])
        result: int = answer.values["result"]
        return result

    def uri(self, number: str) -> str:
        return f"sip:{number}@{self._server}"

    def dial(self, number: str) -> int:
        """The number of the new call."""
        return self.command("call", uri=self.uri(number))

    def accept(self, call: int | None = None) -> None:
        self._on("answer", call, status=200)

    def reject(self, call: int | None = None, status: int = 486) -> None:
        self._on("answer", call, status=status)

    def hang_up(self, call: int | None = None) -> None:
        self._on("hang_up", call)

    def hold(self, call: int | None = None) -> None:
        self._on("hold", call)
        _ = self.wait("media", **self._of(call), state="held by us")

    def resume(self, call: int | None = None) -> None:
        self._on("resume", call)
        _ = self.wait("media", **self._of(call), state="active")

    def ask_for_an_offer(self, call: int | None = None) -> None:
        self._on("ask_for_an_offer", call)

    def press(self, digits: str, call: int | None = None) -> None:
        self._on("press", call, digits=digits)

    def transfer(self, number: str, call: int | None = None) -> None:
        """Blind."""
        self._on("transfer", call, uri=self.uri(number))

    def transfer_to_call(self, call: int, other: int) -> None:
        """Attended: whom we talk to in `call` gets the other side of `other`."""
        _ = self.command("transfer_to_call", call=call, other=other)

    def wait_transferred(self, status: int = 200, timeout: float = PATIENCE_SECONDS) -> None:
        """It was told how its transfer ended."""
        _ = self.wait("transfer", timeout, status=status, last=True)

    def _on(self, name: str, call: int | None, **values: object) -> None:
        _ = self.command(name, call=self._last if call is None else call, **values)

    # --- what it heard and saw

    def start_listening(self) -> None:
        """To what all its calls bring from now on."""
        self._recordings += 1
        _ = self.command("listen", file=str(self._recording))

    def stop_listening(self) -> tones.Samples:
        _ = self.command("stop_listening")
        return tones.read(self._recording)

    @property
    def _recording(self) -> Path:
        return self._directory / f"heard-{self._recordings}.wav"

    def received(self, start: str) -> list[str]:
        """The SIP messages it received that begin with `start` ("CANCEL", "SIP/2.0 401")."""
        _ = self.command("flush")
        trace = self.trace.read_text(errors="replace").replace("\r\n", "\n")
        found = re.findall(r"\.RX \d+ bytes [^\n]*:\n(.*?)\n--end msg--", trace, re.DOTALL)
        return [message for message in found if message.startswith(start)]

    def end(self, grace: float = 3.0) -> int:
        if self.running:
            self.thaw()
            self.say(json.dumps({"do": "quit", "token": 0}))
            eventually(lambda: not self.running or None, f"{self.user} ends", grace)
        return super().end(grace)
