"""What control costs in calls and registrations, from bytes to bytes, without a socket or a clock.

The phones of the drivers' company live through a few seconds once, in virtual time; what came to
the exchange is written down and given to fresh ones. So only the exchange is measured, and two
versions of it are given the very same. `python -m benchmarks.plain live CASE CALLS` lives it once,
for a profiler or for counting instructions.
"""

import gc
import json
import sys
import time
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final

from benchmarks.peers import company
from media import protocol as media
from pbx.calls.media_pool import ToWorker
from pbx.config.document import parse
from pbx.config.load import validate
from pbx.config.secrets import extension_secret, with_secrets
from pbx.exchange import Exchange, Output
from pbx.plan import Plan
from pbx.planning import make_plan
from sip.digest import answer_challenge
from sip.endpoint import EndpointConfig
from sip.events import Send
from sip.flow import Address, Flow
from sip.parser import parse as parse_message
from sip.registration import RegistrarLimits

Figure = tuple[str, float, str]
Input = tuple[str, tuple[Any, ...]]  # A method of the exchange, and what it is given.
OURS: Final[Address] = ("127.0.0.1", 5090)
PHONES: Final = Flow("udp", OURS, ("127.0.0.2", 7060))
CALLER: Final = Flow("udp", OURS, ("127.0.0.3", 6060))
DESK: Final = Flow("udp", OURS, ("127.0.0.4", 6070))
LATENCY: Final = 0.0002  # Of the network, seconds.
RATE: Final = 50.0  # A second.
END: Final = 100.0  # By then every timer of a call has run out.
REGISTERED: Final = 14.0  # And here nobody has been asked whether he is still there.
ROUNDS: Final = 5
CALLS: Final = {"plain": 200, "queue": 100, "ring_all": 3, "register": 500}
EXTENSIONS: Final = {"plain": "plain", "queue": "q500-rrmemory", "ring_all": "q500-ringall"}

_SDP: Final = (
    b"v=0\r\no=- 100 100 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
)
_REQUEST: Final = (
    "{method} sip:{to}@127.0.0.1:5090 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {host};branch=z9hG4bK-{key}-{cseq}{method}\r\n"
    'From: "bench" <sip:9{key}@{host}>;tag=u{key}\r\nTo: <sip:{to}@127.0.0.1:5090>{tag}\r\n'
    "Call-ID: {key}-1@127.0.0.3\r\nCSeq: {cseq} {method}\r\n"
    "Contact: <sip:9{key}@{host}>\r\nMax-Forwards: 70\r\n{more}Content-Length: {length}\r\n\r\n"
)


def make_exchange(plan: Plan) -> Exchange:
    return Exchange(
        plan,
        secret=b"plain",
        seed=1,
        epoch=1e9,
        workers=1,
        ports=(20_000, 31_999),
        sip_config=EndpointConfig(supported=("100rel", "replaces", "timer"), session_expires=1800),
        registrar=RegistrarLimits(),
        strict=True,
    )


def bench_plan() -> Plan:
    text = Path(__file__).with_name("plain.json")
    configuration = company.configuration(text.parent, *OURS[1:], 18_090, 1)
    configuration["secrets"] = ""
    document = parse(json.dumps(configuration), "company.json")
    config = validate(document)
    secrets = {extension_secret(f"p{n:05d}"): f"pw{n:05d}" for n in range(1, company.ACCOUNTS + 1)}
    config = with_secrets(config, secrets)
    contacts = {extension.contact for extension in config.extensions.values()}
    return make_plan(config, {contact: PHONES for contact in contacts if contact})


class Street:
    """The phones and the worker around an exchange; `inputs` is all that came to it."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.inputs: list[Input] = []
        self.sent = 0
        self.done = 0
        self.now = 10.0
        self._line: list[tuple[float, int, str, tuple[Any, ...]]] = []
        self._count = 0
        self._give("start", ())

    def at(self, seconds: float, name: str, *arguments: object) -> None:
        self._count += 1
        heappush(self._line, (self.now + seconds, self._count, name, arguments))

    def run(self, until: float) -> None:
        while True:
            due = self.exchange.next_deadline
            if min(due or until, self._line[0][0] if self._line else until) >= until:
                return
            at = self._line[0][0] if self._line else until
            if due is not None and due < at:
                self.now = max(self.now, due)
                self._give("on_time", ())
            elif self._line:
                self.now, _, name, arguments = heappop(self._line)
                getattr(self, name)(*arguments)
            else:
                return

    def _give(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.inputs.append((name, (*arguments, self.now)))
        for output in getattr(self.exchange, name)(*arguments, self.now):
            self._carry_out(output)

    def _carry_out(self, output: Output) -> None:
        if isinstance(output, Send):
            self.sent += 1
            self.at(LATENCY, "receive", output.flow, output.data)
        elif isinstance(output, ToWorker):
            self._command(output.command)

    # --- the worker

    def _command(self, command: media.Command) -> None:
        match command:
            case media.Close():
                event = media.Closed(command.session, media.SessionStats(sent=100, received=100))
                self.at(LATENCY, "worker", event)
            case _:
                pass

    def worker(self, event: media.Event) -> None:
        self._give("on_media", (0, event))

    # --- phones

    def datagram(self, data: bytes, flow: Flow) -> None:
        self._give("on_datagram", (data, flow))

    def receive(self, flow: Flow, data: bytes) -> None:
        word = data[: data.index(b" ")]
        if flow.remote == DESK.remote:
            if word == b"SIP/2.0":
                self._register_again(data)
            else:  # OPTIONS: whether it is still there.
                self.at(LATENCY, "datagram", _answer("200 OK", _lines(data), ";tag=o"), DESK)
        elif flow.remote == CALLER.remote:
            self._caller_hears(word, data)
        else:
            self._phone_hears(word, data)

    def _caller_hears(self, word: bytes, data: bytes) -> None:
        lines = _lines(data)
        key = lines["Call-ID"].partition("-")[0]
        if word != b"SIP/2.0":
            self.at(LATENCY, "datagram", _answer("200 OK", lines), CALLER)
            return
        if data[8:11] != b"200" or not lines["CSeq"].endswith("INVITE"):
            self.done += lines["CSeq"].endswith("BYE")
            return
        to, _, tag = lines["To"].partition(">")
        to = to.partition("sip:")[2].partition("@")[0]
        hold = float(key.partition("h")[2]) / 1000
        self.at(LATENCY, "datagram", _request("ACK", key, to, tag=tag), CALLER)
        self.at(hold, "datagram", _request("BYE", key, to, tag=tag, cseq=2), CALLER)

    def _phone_hears(self, word: bytes, data: bytes) -> None:
        if word not in (b"INVITE", b"BYE", b"CANCEL"):
            return
        lines = _lines(data)
        user = data.partition(b"sip:")[2].partition(b"@")[0].decode()
        tag = f";tag=s{lines['Call-ID'][:8]}"
        contact = f"Contact: <sip:{user}@127.0.0.2:7060>\r\n"
        key = lines["Call-ID"]
        if word == b"INVITE":
            self.at(LATENCY, "datagram", _answer("180 Ringing", lines, tag, contact), PHONES)
            self._ringing = getattr(self, "_ringing", {})
            self._ringing[key] = lines
            seconds = 0.0 if user == "uas" else 0.2 + len(self._ringing) % 97 / 33
            self.at(seconds + LATENCY, "answer", key, tag, contact)
        elif word == b"BYE":
            self.at(LATENCY, "datagram", _answer("200 OK", lines), PHONES)
        else:
            invite = self._ringing.pop(key, None)
            self.at(LATENCY, "datagram", _answer("200 OK", lines, tag), PHONES)
            if invite is not None:
                refused = _answer("487 Request Terminated", invite, tag)
                self.at(LATENCY, "datagram", refused, PHONES)

    def answer(self, key: str, tag: str, contact: str) -> None:
        lines = self._ringing.pop(key, None)
        if lines is not None:
            body = _SDP % (b"127.0.0.2", b"127.0.0.2", 42_000)
            self.datagram(_answer("200 OK", lines, tag, contact, body), PHONES)

    # --- what they do

    def call(self, number: int, extension: str, hold_ms: int) -> None:
        body = _SDP % (b"127.0.0.3", b"127.0.0.3", 41_000)
        key = f"{number}h{hold_ms}"
        self.datagram(_request("INVITE", key, extension, body=body), CALLER)

    def register(self, number: int, credentials: str = "", cseq: int = 1) -> None:
        user = f"p{number:05d}"
        lines = (
            "REGISTER sip:127.0.0.1:5090 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.4:6070;branch=z9hG4bKr{number}c{cseq}\r\n"
            f"From: <sip:{user}@127.0.0.1>;tag=r{number}\r\nTo: <sip:{user}@127.0.0.1>\r\n"
            f"Call-ID: reg{number}\r\nCSeq: {cseq} REGISTER\r\n"
            f"Contact: <sip:{user}@127.0.0.4:6070>\r\nMax-Forwards: 70\r\nExpires: 3600\r\n"
            f"{credentials}Content-Length: 0\r\n\r\n"
        )
        self.datagram(lines.encode(), DESK)

    def _register_again(self, data: bytes) -> None:
        response: Any = parse_message(data)
        number = int(response.call_id.removeprefix("reg"))
        if response.status != 401:
            self.done += response.status == 200
            return
        user, password = f"p{number:05d}", f"pw{number:05d}"
        uri = "sip:127.0.0.1:5090"
        name, value = answer_challenge(
            response, "REGISTER", uri, user, cnonce="abcd", password=password
        )
        self.at(LATENCY, "register", number, f"{name}: {value}\r\n", 2)


def _lines(data: bytes) -> dict[str, str]:
    head = data.partition(b"\r\n\r\n")[0].decode()
    return {n: v for n, _, v in (line.partition(": ") for line in head.split("\r\n")[1:])}


def _answer(
    status: str, lines: dict[str, str], tag: str = "", more: str = "", body: bytes = b""
) -> bytes:
    copied = "".join(f"{n}: {lines[n]}\r\n" for n in ("Via", "From"))
    rest = "".join(f"{n}: {lines[n]}\r\n" for n in ("Call-ID", "CSeq"))
    kind = "Content-Type: application/sdp\r\n" if body else ""
    text = (
        f"SIP/2.0 {status}\r\n{copied}To: {lines['To']}{tag}\r\n{rest}{more}{kind}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return text.encode() + body


def _request(
    method: str, key: str, to: str, *, tag: str = "", cseq: int = 1, body: bytes = b""
) -> bytes:
    more = "Content-Type: application/sdp\r\n" if body else ""
    text = _REQUEST.format(
        method=method, key=key, to=to, tag=tag, cseq=cseq, more=more, length=len(body),
        host="127.0.0.3:6060",
    )  # fmt: skip
    return text.encode() + body


def live(case: str, calls: int) -> Street:
    """Everything that a case is made of, until all timers have run out."""
    street = Street(make_exchange(bench_plan()))
    hold = {"plain": 1000, "queue": 2300, "ring_all": 3000}.get(case, 0)
    for number in range(1, calls + 1):
        at = number / (RATE if case != "ring_all" else 0.25)
        if case == "register":
            street.at(at / 10, "register", number)
        else:
            street.at(at, "call", number, EXTENSIONS[case], hold)
    street.run(END if case != "register" else REGISTERED)
    assert street.done == calls, (street.done, calls)
    return street


def replay(exchange: Exchange, inputs: list[Input]) -> float:
    """Seconds of CPU."""
    steps = [(getattr(exchange, name), arguments) for name, arguments in inputs]
    _ = gc.collect()
    gc.freeze()
    gc.disable()
    begin = time.process_time()
    for method, arguments in steps:
        _ = method(*arguments)
        _ = exchange.next_deadline  # As the edge asks after each.
        exchange.inputs.clear()
    spent = time.process_time() - begin
    gc.enable()
    return spent


def measure(case: str) -> list[Figure]:
    calls = CALLS[case]
    inputs = live(case, calls).inputs
    plan = bench_plan()
    times: list[float] = []
    for _ in range(ROUNDS):
        exchange = make_exchange(plan)
        _ = replay(exchange, inputs[:1])
        times.append(replay(exchange, inputs[1:]))
    wake_ups = sum(name == "on_time" for name, _ in inputs)
    return [
        (f"control_{case}_us", round(min(times) / calls * 1e6, 1), "us"),
        (f"control_{case}_wake_ups", round(wake_ups / calls, 2), ""),
        (f"control_{case}_inputs", round(len(inputs) / calls, 2), ""),
    ]


def run() -> list[Figure]:
    return [figure for case in CALLS for figure in measure(case)]


if __name__ == "__main__":
    for line in [*measure(sys.argv[1])]:
        print(*line)
