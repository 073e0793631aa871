"""The endpoint under hostile input: bounded time, bounded memory, no stranger's word anywhere."""

import resource
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.auth import Account, Gate, answer_challenge, make_ha1
from sip.core import ALLOW
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import InviteReceived, Output, RequestReceived, Send
from sip.flow import Flow
from sip.guard import Banned, Guard, GuardConfig
from sip.headers import NameAddr
from sip.message import Request, Response
from sip.parser import StreamParser, parse
from sip.tokens import Tokens
from sip.uri import Uri

FLOW = Flow("udp", ("10.0.0.1", 5060), ("198.51.100.7", 5062))
TCP = Flow("tcp", ("10.0.0.1", 5060), ("198.51.100.7", 5062), 1)
OTHER = Flow("udp", ("10.0.0.1", 5060), ("198.51.100.8", 5062))
PASSWORD = "correct horse"
SECONDS_MAX = 0.05  # Of CPU, for the worst of one datagram.
HEADERS = (
    *("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Route", "Record-Route"),
    *("Authorization", "Proxy-Authorization", "Require", "Supported", "Allow", "User-Agent"),
    *("Subject", "Content-Type", "Content-Encoding", "Expires", "Event", "Accept", "Path"),
    *("Refer-To", "Replaces", "Reason", "Session-Expires", "RAck", "X-Own"),
)
SIZES = (0, 1, 512, 8_192, 64_000)


def make(config: GuardConfig | None = None, *, guarded: bool = True) -> Endpoint:
    account = Account("101", make_ha1("101", "dzvin", PASSWORD))
    gate = Gate("dzvin", {"101": account}, (), b"s")
    endpoint = Endpoint(EndpointConfig(), Tokens(b"t"), gate)
    if guarded:
        endpoint.guard = Guard(config or GuardConfig(burst=1e9, rate=1e9, unanswered_max=10**9))
    return endpoint


def request(method: str, number: int = 1, changes: dict[str, str] | None = None) -> bytes:
    lines = {
        "Via": f"SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK{number}",
        "From": "<sip:101@10.0.0.1>;tag=a",
        "To": "<sip:500@10.0.0.1>",
        "Call-ID": f"c{number}@x",
        "CSeq": f"{number} {method}",
        "Max-Forwards": "70",
        "Contact": "<sip:101@198.51.100.7:5062>",
        **(changes or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    text = f"{method} sip:500@10.0.0.1 SIP/2.0\r\n{head}Content-Length: 0\r\n\r\n"
    return text.encode("utf-8", "surrogateescape")


def statuses(outputs: list[Output]) -> list[int]:
    found = [parse(output.data) for output in outputs if isinstance(output, Send)]
    return [message.status for message in found if isinstance(message, Response)]


# --- who must prove something ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", sorted({*ALLOW, "PRACK", "PUBLISH"} - {"ACK", "CANCEL", "OPTIONS"})
)
def test_without_credentials_nothing_but_a_challenge(method: str) -> None:
    endpoint = make()
    changes = {"Event": "presence"} if method in ("SUBSCRIBE", "PUBLISH", "NOTIFY") else {}
    changes |= {"Refer-To": "<sip:900@x>"} if method == "REFER" else {}
    changes |= {"RAck": "1 1 INVITE"} if method == "PRACK" else {}
    before = endpoint.leftovers()
    outputs = endpoint.on_datagram(request(method, 1, changes), FLOW, 1.0)
    # In a dialog only: 481 says that there is none; unsupported: 405.
    allowed = {"BYE": {481, 401}, "INFO": {481, 401}, "PRACK": {481, 401, 405}, "UPDATE": {481}}
    assert set(statuses(outputs)) <= allowed.get(method, {401, 405})
    assert not any(isinstance(output, InviteReceived | RequestReceived) for output in outputs)
    assert endpoint.leftovers() == before


def test_a_flood_of_challenges_leaves_nothing_behind() -> None:
    endpoint = make()
    for number in range(5_000):
        outputs = endpoint.on_datagram(request("INVITE", number), FLOW, 1.0 + number / 1000)
        assert statuses(outputs) == [401]
    assert set(endpoint.leftovers().values()) == {0}
    assert endpoint.gate is not None
    assert endpoint.gate.nonces_in_use == 0


def signed(endpoint: Endpoint, number: int, password: str, nc: int = 1, flow: Flow = FLOW) -> bytes:
    """A REGISTER that answers a fresh challenge of this flow."""
    outputs = endpoint.on_datagram(request("REGISTER", number), flow, 1.0)
    (challenge,) = [parse(o.data) for o in outputs if isinstance(o, Send)]
    assert isinstance(challenge, Response)
    header = answer_challenge(
        challenge, "REGISTER", "sip:500@10.0.0.1", "101", password=password, cnonce="abc", nc=nc
    )
    return request("REGISTER", number + 1, {header[0]: header[1]})


def test_a_captured_request_is_good_once_and_from_one_place() -> None:
    endpoint = make()
    data = signed(endpoint, 1, PASSWORD)
    elsewhere = endpoint.on_datagram(data.replace(b"K2", b"K9"), OTHER, 1.0)
    assert (statuses(elsewhere), b"stale=true" in elsewhere[0].data) == ([401], True)  # type: ignore[union-attr]
    assert any(isinstance(o, RequestReceived) for o in endpoint.on_datagram(data, FLOW, 1.0))
    again = endpoint.on_datagram(data.replace(b"K2", b"K8").replace(b"c2@", b"c8@"), FLOW, 2.0)
    assert (statuses(again), b"stale=true" in again[0].data) == ([401], True)  # type: ignore[union-attr]
    foreign = signed(make(), 31, PASSWORD).replace(b'nonce="', b'nonce="AA')
    assert statuses(endpoint.on_datagram(foreign, FLOW, 2.0)) == [401]
    late = signed(endpoint, 21, PASSWORD)
    assert statuses(endpoint.on_datagram(late, FLOW, 1000.0)) == [401]


def test_ten_wrong_passwords_and_then_silence_for_that_address_alone() -> None:
    endpoint = make()
    bans: list[Output] = []
    for guess in range(10):
        outputs = endpoint.on_datagram(signed(endpoint, 1 + 2 * guess, str(guess)), FLOW, 1.0)
        assert statuses(outputs) == [401]
        bans += [o for o in outputs if isinstance(o, Banned)]
    assert bans == [Banned("198.51.100.7", "", "password", 600.0)]
    assert endpoint.on_datagram(request("OPTIONS", 99), FLOW, 2.0) == []
    assert statuses(endpoint.on_datagram(request("REGISTER", 99), OTHER, 2.0)) == [401]


def test_a_phone_with_a_wrong_password_is_alone_in_quarantine() -> None:
    endpoint = make()
    good = Flow("udp", FLOW.local, (FLOW.remote[0], 6000))
    assert any(
        isinstance(o, RequestReceived)
        for o in endpoint.on_datagram(signed(endpoint, 1, PASSWORD, flow=good), good, 1.0)
    )
    for guess in range(10):
        data = signed(endpoint, 101 + 2 * guess, str(guess)).replace(
            b'username="101"', b'username="102"'
        )
        assert statuses(endpoint.on_datagram(data, FLOW, 1.0)) == [401]
    silent = signed(endpoint, 201, "x").replace(b'username="101"', b'username="102"')
    assert endpoint.on_datagram(silent, FLOW, 1.0) == []
    assert any(
        isinstance(o, RequestReceived)
        for o in endpoint.on_datagram(signed(endpoint, 301, PASSWORD, flow=good), good, 1.0)
    )


def test_our_calls_do_not_answer_the_challenge_of_a_stranger() -> None:
    """Whoever is called without a login, or with one for another realm, learns nothing."""
    endpoint = make()
    _ = endpoint.invite(
        "c1.1", uri="sip:x@198.51.100.7:5062", flow=FLOW, body=b"", now=1.0,
        from_=NameAddr("", Uri("sip", "101", "10.0.0.1", None), ()),
        to=NameAddr("", Uri("sip", "x", "198.51.100.7", None), ()),
    )  # fmt: skip
    sent = endpoint.request(
        "k", "OPTIONS", uri="sip:x@198.51.100.7", flow=FLOW, now=1.0,
        from_=NameAddr("", Uri("sip", "101", "10.0.0.1", None), ()),
        to=NameAddr("", Uri("sip", "x", "198.51.100.7", None), ()),
    )  # fmt: skip
    (options,) = [parse(o.data) for o in sent if isinstance(o, Send)]
    assert isinstance(options, Request)
    lines = [
        (name, value)
        for name, value in options.headers
        if name in ("Via", "From", "Call-ID", "CSeq")
    ]
    lines += [("To", "<sip:x@198.51.100.7>;tag=z")]
    lines += [("WWW-Authenticate", 'Digest realm="dzvin", nonce="n", algorithm=MD5, qop="auth"')]
    for output in endpoint.on_datagram(bytes(Response(401, "", lines)), FLOW, 1.1):
        assert not isinstance(output, Send)


# --- large and strange ----------------------------------------------------------------------------


def hostile() -> Iterator[tuple[str, bytes]]:
    vias = "".join(f"Via: SIP/2.0/UDP 10.9.8.7;branch=z9hG4bK{n}\r\n" for n in range(10_000))
    yield "vias", request("INVITE").replace(b"Max-Forwards", vias.encode() + b"Max-Forwards")
    one = ",".join(f"SIP/2.0/UDP 10.9.8.7;branch=z9hG4bK{n}" for n in range(10_000))
    yield "vias in a line", request("INVITE", 1, {"Via": one})
    folded = "x" + "\r\n y" * 250_000
    yield "folded", request("INVITE", 1, {"Subject": folded})
    parts = "".join(
        f"--b{n}\r\nContent-Type: multipart/mixed;boundary=b{n + 1}\r\n\r\n" for n in range(2_000)
    )
    body = parts.encode()
    head = {"Content-Type": "multipart/mixed;boundary=b0"}
    text = request("INVITE", 1, head).replace(
        b"Content-Length: 0", b"Content-Length: %d" % len(body)
    )
    yield "multipart", text + body
    yield "quotes", request("INVITE", 1, {"From": '"' + '\\"' * 30_000})
    yield "angles", request("INVITE", 1, {"From": "<" * 60_000})
    yield "parameters", request("INVITE", 1, {"To": "<sip:a@b>" + ";a=b" * 15_000})
    yield "digits", request("INVITE", 1, {"CSeq": "9" * 60_000 + " INVITE"})
    yield (
        "credentials",
        request("INVITE", 1, {"Authorization": "Digest " + 'realm="dzvin",' * 4_000}),
    )
    yield "commas", request("INVITE", 1, {"Contact": "," * 60_000})
    yield "spaces", request("INVITE", 1, {"Via": " " * 60_000})
    yield "zeros", bytes(65_000)


@pytest.mark.parametrize(("name", "data"), list(hostile()), ids=[name for name, _ in hostile()])
def test_the_worst_datagram_costs_little(name: str, data: bytes) -> None:
    endpoint = make()
    began = time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outputs = endpoint.on_datagram(data, FLOW, 1.0)
    assert time.process_time() - began < SECONDS_MAX
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 20_000
    assert not any(isinstance(o, InviteReceived | RequestReceived) for o in outputs)
    assert set(endpoint.leftovers().values()) == {0}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("header", HEADERS)
def test_any_size_of_any_header_over_udp_and_tcp(header: str, size: int) -> None:
    endpoint = make()
    data = request("INVITE", 1, {header: "a" * size})
    began = time.process_time()
    _ = endpoint.on_datagram(data, FLOW, 1.0)
    for item in StreamParser().feed(data):
        if isinstance(item, Request | Response):
            _ = endpoint.on_message(item, TCP, 1.0)
    assert time.process_time() - began < SECONDS_MAX
    assert set(endpoint.leftovers().values()) == {0}


NASTY = (
    "\r\n",
    "\n",
    "\r",
    "\0",
    '"',
    "\\",
    "%00",
    "<",
    ">",
    ";",
    ",",
    ":",
    "\udc80",
    "\u202e",
    "{{",
)


@given(
    st.sampled_from(("REGISTER", "INVITE", "OPTIONS", "BYE", "ACK", "SUBSCRIBE", "CANCEL")),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(("cut", "twice", "put", "flip")),
                       st.sampled_from((*NASTY, "9" * 20, "-1", " " * 50, "sip:", "tag=")),
                       st.integers(1, 40)), min_size=1, max_size=6),
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_mutated_messages_hurt_nobody(
    method: str, changes: list[tuple[int, str, str, int]]
) -> None:
    data = bytearray(request(method))
    for at, kind, text, count in changes:
        at = min(at, len(data))
        if kind == "cut":
            del data[at : at + count]
        elif kind == "twice":
            data[at:at] = data[at : at + count] * 3
        elif kind == "put":
            data[at:at] = text.encode("utf-8", "surrogateescape") * count
        elif at < len(data):
            data[at] ^= 1 << (count % 8)
    endpoint = make()
    began = time.process_time()
    outputs = endpoint.on_datagram(bytes(data), FLOW, 1.0)
    assert time.process_time() - began < SECONDS_MAX
    for output in outputs:
        if isinstance(output, Send):
            head = output.data.partition(b"\r\n\r\n")[0]
            assert b"\0" not in head
            assert b"\n" not in head.replace(b"\r\n", b"")
            _ = parse(output.data)


@pytest.mark.parametrize("nasty", NASTY)
def test_what_strangers_write_begins_no_header_of_ours(nasty: str) -> None:
    """Display names and users of one message go into others: never as a line of their own."""
    endpoint = make()
    name = f"A{nasty}X-Evil: 1"
    caller = NameAddr(name, Uri("sip", "101", "10.0.0.1", None), ())
    outputs = endpoint.invite(
        "c1.1", uri="sip:x@198.51.100.7:5062", flow=FLOW, body=b"v=0", now=1.0,
        from_=caller, to=NameAddr("", Uri("sip", "x", "198.51.100.7", None), ()),
        headers=[("X-Call", name), ("Subject", name)],
    )  # fmt: skip
    (sent,) = [output.data for output in outputs if isinstance(output, Send)]
    message = parse(sent)
    assert "X-Evil" not in {header for header, _ in message.headers}
    assert message.body == b"v=0"
    assert b"\0" not in sent


@given(st.lists(st.sampled_from(("REGISTER", "SUBSCRIBE", "MESSAGE")), min_size=60, max_size=60))
@settings(max_examples=10, deadline=None)
def test_a_phone_in_a_tight_loop_is_soon_not_heard(methods: list[str]) -> None:
    endpoint = make()
    _ = endpoint.on_datagram(signed(endpoint, 1, PASSWORD), FLOW, 1.0)
    received = endpoint.counters["received"]
    for number, method in enumerate(methods * 20):
        _ = endpoint.on_datagram(request(method, 1000 + number, {"Event": "x"}), FLOW, 2.0)
    assert endpoint.counters["received"] - received <= 52
