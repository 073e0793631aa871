"""linphonec (Debian's linphone-cli) as a phone: commands on standard input, what happens is read
from what it prints.

- its sound comes from and goes to files (`soundcard use files`): `play` and `record` for each call;
- it writes its database under $HOME, so it has one of its own;
- it numbers its calls from 1.
"""

import re
from pathlib import Path

import pytest

from tests.interop import tones
from tests.interop.programs import PATIENCE_SECONDS, Program, eventually, free_ports, need

TONE_SECONDS = 120.0
RTP_PORTS = 30

SETTINGS = """\
[sip]
sip_port={sip}
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
register_only_when_network_is_up=0
default_proxy=0
[rtp]
audio_rtp_port={rtp}-{rtp_last}
[sound]
echocancellation=0
[net]
download_bw=0
upload_bw=0
[proxy_0]
reg_proxy=<sip:{server};transport=udp>
reg_identity=sip:{user}@{server}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
passwd={password}
realm=*
"""


class Linphone(Program):
    def __init__(
        self, directory: Path, user: str, *, tone_hz: float, server: str, password: str
    ) -> None:
        need("linphonec")
        self.user, self.tone_hz, self._server = user, tone_hz, server
        self._directory = directory
        (directory / ".local/share/linphone").mkdir(parents=True)
        tone = directory / "tone.wav"
        tones.write_tone(tone, tone_hz, TONE_SECONDS)
        self.sip_port = free_ports(10 + RTP_PORTS)
        settings = SETTINGS.format(
            sip=self.sip_port, rtp=self.sip_port + 10, rtp_last=self.sip_port + 9 + RTP_PORTS,
            server=server, user=user, password=password,
        )  # fmt: skip
        _ = (directory / "linphonerc").write_text(settings)
        self._recordings = 0
        self._seen: dict[str, int] = {}
        self.trace = directory / "trace"
        command = ["linphonec", "-c", str(directory / "linphonerc"), "-d", "6"]
        command += ["-l", str(self.trace)]
        environment = {"HOME": str(directory)}
        super().__init__(command, directory / "log", env=environment, commands=True)
        self.say("soundcard use files")
        self.say(f"play {tone}")

    # --- what it says

    def wait(self, pattern: str, timeout: float = PATIENCE_SECONDS) -> re.Match[str]:
        """The next place in what it printed after the last one that was waited for with this."""
        seen = self._seen.get(pattern, 0)

        def look() -> list[re.Match[str]]:
            return list(re.finditer(pattern, self.output()))[seen:]

        if not self.running:
            pytest.fail(f"{self.user} ended: {self.output()[-2000:]}")
        found = eventually(look, f"{self.user}: {pattern}", timeout)
        self._seen[pattern] = seen + 1
        return found[0]

    def wait_registered(self) -> None:
        """By the trace: it prints nothing about that."""
        _ = eventually(
            lambda: "LinphoneRegistrationOk" in self.traced(),
            f"{self.user} is registered",
            10.0,
        )

    def wait_incoming(self) -> None:
        _ = self.wait(r"Receiving new incoming call from .*, assigned id \d+")

    def wait_ringing(self) -> None:
        _ = self.wait(r"Call \d+ to .* ringing")

    def wait_established(self) -> None:
        _ = self.wait(r"Call \d+ with .* connected")

    def wait_closed(self) -> None:
        _ = self.wait(r"Call \d+ with .* (ended|error)")

    # --- what it does

    def uri(self, number: str) -> str:
        return f"sip:{number}@{self._server}"

    def dial(self, number: str) -> None:
        self.say(f"call {self.uri(number)}")

    def accept(self) -> None:
        self.say("answer")

    def hang_up(self) -> None:
        self.say("terminate")

    def hold(self) -> None:
        self.say("pause")
        _ = self.wait(r"Call \d+ with .* is now paused")

    def resume(self) -> None:
        self.say("resume")
        _ = self.wait(r"Resuming call \d+")

    def transfer(self, number: str) -> None:
        self.say(f"transfer {self.uri(number)}")

    def transfer_to_call(self, call: int, other: int) -> None:
        self.say(f"transfer {call} --to-call {other}")

    # --- what it heard

    def start_listening(self) -> None:
        """Only while it talks: a call on hold has no sound to record."""
        self._recordings += 1
        self.say(f"record {self._recording}")
        _ = eventually(self._recording.exists, f"{self.user} records")

    def stop_listening(self) -> tones.Samples:
        return tones.read(self._recording)

    @property
    def _recording(self) -> Path:
        return self._directory / f"heard-{self._recordings}.wav"

    def traced(self) -> str:
        """Its log, with every SIP message."""
        return self.trace.read_text(errors="replace") if self.trace.exists() else ""

    def end(self, grace: float = 4.0) -> int:
        if self.running:
            self.thaw()
            self.say("quit")
            _ = eventually(lambda: not self.running, f"{self.user} ends", grace)
        return super().end(grace)
