"""baresip as a phone: its own configuration, a tone as its voice, a recording of what it heard.

Driven over its `ctrl_tcp` module (JSON in netstrings). What has to be known about baresip 1.0.0:

- it listens for TLS on its SIP port + 1, so ports are spaced by 10;
- without `net_interface 127.0.0.1` (`lo` it refuses) its SDP has the address of the first real
  interface;
- its `mwi` module subscribes again without a pause when refused, so it is loaded only on request;
  1 ms after its start it subscribes once more for each subscription there is, the new ones among
  them, so it never ends if we have answered the REGISTER by then;
- a second source: when the SSRC changes after the very first packet of a call, it
  may drop every packet from then on ("dropping ... (Connection timed out)"; seen twice, why is
  not known);
- events that come before the control connection are lost, so `wait_registered` reads the trace;
- what it heard is recorded only up to the first hold;
- after SIGTERM it waits for answers, up to 32 s; the second SIGTERM ends it at once.
"""

import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop import tones
from tests.interop.mulaw import decode
from tests.interop.programs import HOST, PATIENCE_SECONDS, Program, eventually, free_ports, need
from tests.interop.wire import Wire

MODULES = Path("/usr/lib/baresip/modules")
TONE_SECONDS = 120.0  # longer than any call here: at the end of the file baresip hangs up
CONTROL_BUFFER = 65_536
_COLOURS = re.compile(r"\x1b?\[[0-9;]*m")

CONFIG = """\
poll_method epoll
sip_listen {own}:{sip}
net_interface {address}
call_local_timeout 120
call_max_calls 4
audio_source aufile,{tone}
audio_player aubridge,nil
audio_alert aubridge,nil
audio_buffer 20-160
rtp_ports {rtp}-{rtp_last}
jitter_buffer_delay 1-5
rtp_stats yes
snd_path {recordings}
ctrl_tcp_listen {host}:{control}
module_path {modules}
module g711.so
module aubridge.so
module aufile.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""
ACCOUNT = (
    "<sip:{user}@{server};transport={transport}>;regint={regint};answermode={answer};"
    "audio_codecs={codecs};ptime=20{login}\n"
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of baresip: its type ("CALL_ESTABLISHED"), its parameter, and when it was read."""

    type: str
    param: str
    peer: str
    at: float


def netstring(message: dict[str, str]) -> bytes:
    body = json.dumps(message).encode()
    return b"%d:%s," % (len(body), body)


def take_netstring(buffer: bytearray) -> dict[str, Any] | None:
    """The first whole message of the buffer, removed from it."""
    digits, colon, _ = buffer.partition(b":")
    if not colon:
        return None
    begin = len(digits) + 1
    end = begin + int(digits)
    if len(buffer) <= end:
        return None
    message: dict[str, Any] = json.loads(bytes(buffer[begin:end]))
    del buffer[: end + 1]
    return message


class Control:
    """The control connection: a thread reads, notes the time, and tells those who wait."""

    def __init__(self, port: int) -> None:
        self.connection = eventually(
            lambda: self._connect(port), f"baresip listens for control on {port}"
        )
        self.events: list[Event] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.changed = threading.Condition()
        self._tokens = 0
        self._acknowledge_at_once()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @staticmethod
    def _connect(port: int) -> socket.socket | None:
        try:
            connection = socket.create_connection((HOST, port), timeout=1.0)
        except OSError:
            return None
        connection.settimeout(None)
        return connection

    def _acknowledge_at_once(self) -> None:
        """Else Nagle at its end and delayed ACKs at ours make events up to 40 ms late."""
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _read(self) -> None:
        buffer = bytearray()
        while True:
            try:
                data = self.connection.recv(CONTROL_BUFFER)
            except OSError:
                return
            if not data:
                return
            at = time.monotonic()
            self._acknowledge_at_once()
            buffer += data
            with self.changed:
                while (message := take_netstring(buffer)) is not None:
                    self._take(message, at)
                self.changed.notify_all()

    def _take(self, message: dict[str, Any], at: float) -> None:
        if message.get("event"):
            param, peer = str(message.get("param", "")), str(message.get("peeruri", ""))
            self.events.append(Event(message["type"], param, peer, at))
        else:
            self.answers[str(message.get("token", ""))] = message

    def command(self, name: str, params: str = "", timeout: float = PATIENCE_SECONDS) -> str:
        with self.changed:
            self._tokens += 1
            token = f"t{self._tokens}"
            message = {"command": name, "token": token}
            self.connection.sendall(netstring({**message, "params": params} if params else message))
            if not self.changed.wait_for(lambda: token in self.answers, timeout):
                pytest.fail(f"baresip did not answer /{name} {params}")
            answer = self.answers.pop(token)
        assert answer["ok"], f"/{name} {params}: {answer['data']}"
        return _COLOURS.sub("", str(answer["data"]))

    def close(self) -> None:
        with contextlib.suppress(OSError):  # already reset by a killed phone
            self.connection.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self.connection.close()


class Baresip(Program):
    """One phone. Wait for what it says; ask for what it heard after the call."""

    def __init__(
        self,
        directory: Path,
        user: str,
        *,
        tone_hz: float = tones.CALLER_HZ,
        server: str = "",
        password: str = "",
        answer: str = "manual",
        transport: str = "udp",
        codecs: str = "PCMU,PCMA",
        modules: tuple[str, ...] = (),
        contacts: str = "",
        register_seconds: int = 600,
        encryption: str = "",
        address: str = HOST,
    ) -> None:
        """`server` is HOST:PORT of the registrar; without it the phone only takes direct calls.
        `encryption`: srtp (if the other side does), srtp-mand, dtls_srtp. `address`: its own."""
        need("baresip")
        self.user, self.tone_hz = user, tone_hz
        self.sip_port = free_ports(40)
        self._host = f"[{address}]" if ":" in address else address
        self.recordings = directory / "recordings"
        self.recordings.mkdir(parents=True)
        tone = directory / "tone.wav"
        tones.write_tone(tone, tone_hz, TONE_SECONDS)
        control = self.sip_port + 5
        config = CONFIG.format(
            host=HOST, own=self._host, address=address, sip=self.sip_port, tone=tone,
            recordings=self.recordings, modules=MODULES, control=control,
            rtp=self.sip_port + 10, rtp_last=self.sip_port + 39,
        )  # fmt: skip
        # Its 1 ms must be over when the network is first looked at, so it comes before all others.
        early = "module mwi.so\n" if "mwi" in modules else ""
        config = config.replace("module g711.so\n", f"{early}module g711.so\n")
        others = (module for module in modules if module != "mwi")
        config += "".join(f"module_app {module}.so\n" for module in others)
        for codec in ("g722", "opus"):
            config += f"module {codec}.so\n" if codec in codecs.lower() else ""
        # Its voice is a file at 8 kHz, whatever the codec.
        config += "ausrc_srate 8000\nausrc_channels 1\n"
        if encryption:
            config += f"module {encryption.partition('-')[0]}.so\n"
        login = (
            f';auth_user={user};auth_pass={password};outbound="sip:{server};transport={transport}"'
        )
        account = ACCOUNT.format(
            user=user, server=server or f"{self._host}:{self.sip_port}", transport=transport,
            regint=register_seconds if server else 0, answer=answer, codecs=codecs,
            login=login if server else "",
        )  # fmt: skip
        if encryption:
            account = account.rstrip("\n") + f";mediaenc={encryption}\n"
        (directory / "config").write_text(config)
        (directory / "accounts").write_text(account)
        (directory / "contacts").write_text(contacts)
        super().__init__(["baresip", "-f", str(directory), "-v", "-s"], directory / "log")
        try:
            self.control = Control(control)
        except BaseException:
            super().end()
            raise
        self._seen: dict[str, int] = {}
        self._server = server
        self._held = False
        self._wire: Wire | None = None
        self._heard_before = 0

    @property
    def rtp_ports(self) -> range:
        """Where its sound arrives."""
        return range(self.sip_port + 10, self.sip_port + 40)

    @property
    def address(self) -> str:
        return f"sip:{self.user}@{self._host}:{self.sip_port}"

    # What it says.

    def wait(self, event_type: str, timeout: float = PATIENCE_SECONDS) -> Event:
        """The next event of this type after the last one of it that was waited for."""
        control, seen = self.control, self._seen.get(event_type, 0)

        def events() -> list[Event]:
            return [event for event in control.events if event.type == event_type]

        with control.changed:
            if not control.changed.wait_for(lambda: len(events()) > seen, timeout):
                have = [event.type for event in control.events]
                pytest.fail(f"{self.user}: no new {event_type} within {timeout} s, only {have}")
            self._seen[event_type] = seen + 1
            return events()[seen]

    def happened(self, event_type: str) -> list[Event]:
        """Every event of this type so far."""
        with self.control.changed:
            return [event for event in self.control.events if event.type == event_type]

    def wait_registered(self) -> None:
        """By the trace: the event may have come before the control connection."""
        eventually(lambda: self._registered("SIP/2.0 200"), f"{self.user} is registered")

    def wait_refused(self) -> None:
        """Its registration was refused although it sent a password."""
        sent_password = "Authorization: "
        eventually(
            lambda: sent_password in self.output() and len(self.received("SIP/2.0 401")) >= 2,
            f"the registration of {self.user} is refused",
        )

    def _registered(self, answer: str) -> bool:
        return any(" REGISTER\n" in message for message in self.received(answer))

    def wait_incoming(self, timeout: float = PATIENCE_SECONDS) -> Event:
        return self.wait("CALL_INCOMING", timeout)

    def wait_ringing(self, timeout: float = PATIENCE_SECONDS) -> Event:
        return self.wait("CALL_RINGING", timeout)

    def wait_established(self, timeout: float = PATIENCE_SECONDS) -> Event:
        return self.wait("CALL_ESTABLISHED", timeout)

    def wait_closed(self, timeout: float = PATIENCE_SECONDS) -> Event:
        return self.wait("CALL_CLOSED", timeout)

    # What it does.

    def dial(self, target: str) -> float:
        """Call a number at the registrar, or a whole URI. When it was sent."""
        at = time.monotonic()
        self.control.command("dial", target)
        return at

    def accept(self) -> float:
        at = time.monotonic()
        self.control.command("accept")
        return at

    def hang_up(self) -> float:
        """End the call, or reject the one that rings (baresip says 486)."""
        at = time.monotonic()
        self.control.command("hangup")
        return at

    def hold(self) -> None:
        self._held = True
        self.control.command("hold")

    def resume(self) -> None:
        self.control.command("resume")

    def transfer(self, number: str) -> None:
        """Blind: with a REFER."""
        self.control.command("transfer", f"sip:{number}@{self._server}")

    def press(self, digits: str) -> None:
        for digit in digits:
            self.control.command("sndcode", digit)

    # What it heard and saw.

    def start_listening(self) -> None:
        """To what it hears from now on. After its first hold only the wire knows that."""
        if self._held:
            self._wire = Wire()
            _ = self._wire.__enter__()
        else:
            self._heard_before = len(self.heard())

    def stop_listening(self) -> tones.Samples:
        wire, self._wire = self._wire, None
        if wire is None:
            return self.heard()[self._heard_before :]
        wire.__exit__(None, None, None)
        return decode(b"".join(packet.payload for packet in wire.to(self.rtp_ports)))

    def heard(self, call: int = -1) -> tones.Samples:
        """What it heard in its last call (or the call with this number), 8 kHz."""
        files = sorted(
            self.recordings.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime
        )
        assert files, f"{self.user} recorded nothing"
        return tones.read(files[call])

    def traced(self) -> list[str]:
        """Every SIP message that it sent or received, in order, the direction in the first line."""
        text = _COLOURS.sub("", self.output()).replace("\r\n", "\n")
        return [part.split("\n#\n")[0] for part in re.split(r"\n?#\n(?=UDP|TCP)", text)[1:]]

    def received(self, start: str) -> list[str]:
        """The messages it received that begin with `start` ("CANCEL", "SIP/2.0 401")."""
        into = f"-> {self._host}:{self.sip_port}"
        found = [message.partition("\n") for message in self.traced()]
        return [body for head, _, body in found if head.endswith(into) and body.startswith(start)]

    def end(self, grace: float = 1.0) -> int:
        """Hang up, un-register, end. A second SIGTERM when the other side does not answer."""
        self.thaw()
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGTERM)
        code = super().end(grace)
        self.control.close()
        return code
