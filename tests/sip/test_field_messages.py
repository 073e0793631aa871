"""Every message that others have published or sent is accepted by an endpoint, not just parsed."""

from collections.abc import Callable, Iterator

import pytest
import yaml

from sip.endpoint import Endpoint, EndpointConfig
from sip.events import InviteReceived, RequestReceived, Send
from sip.flow import Flow
from sip.message import Message, Request, Response
from sip.parser import StreamParser, parse, validate
from sip.tokens import Tokens
from tests.data import need_testdata
from tests.sip.sample import BOB

FLOW = Flow("tcp", BOB, ("192.0.2.1", 5060), 1)
# What a network's own phones may insist on is a matter of configuration.
ABLE = ("path", "outbound", "sec-agree", "replaces", "100rel", "timer", "gruu", "from-change")

OMITTED = (
    ("Via", "SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK-1"),
    ("From", "<sip:alice@example.com>;tag=a"),
    ("To", "<sip:bob@example.com>"),
    ("Call-ID", "call-1"),
    ("Contact", "<sip:alice@192.0.2.1>"),
)


def call_flows() -> Iterator[Message]:
    for path in sorted(need_testdata("callflows").rglob("*.yaml")):
        for text in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield parse(text.replace("\n", "\r\n").encode())


def streams() -> Iterator[Message]:
    for path in sorted(need_testdata("stream").glob("*.txt")):
        for found in StreamParser().feed(path.read_bytes()):
            if isinstance(found, Message):
                yield found


def clients() -> Iterator[Message]:
    for path in sorted(need_testdata("live-clients").glob("*.sip")):
        yield parse(path.read_bytes())


def complete(message: Message) -> None:
    """Examples in an RFC leave out what they are not about (RFC 5626 §9)."""
    for name, value in OMITTED:
        if message.get(name) is None:
            message.add(name, value)


@pytest.mark.parametrize("source", [call_flows, streams, clients])
def test_each_is_accepted(source: Callable[[], Iterator[Message]]) -> None:
    """With a session or an event; 481 where it belongs to a dialog that we do not have."""
    count = 0
    for message in source():
        count += 1
        assert isinstance(message, Request | Response)
        complete(message)
        validate(message)
        endpoint = Endpoint(EndpointConfig(supported=ABLE), Tokens(b"secret"), None)
        outputs = endpoint.on_message(message, FLOW, 0.0)
        if isinstance(message, Response) or message.method == "ACK":
            assert outputs == []
            continue
        statuses = [
            response.status
            for output in outputs
            if isinstance(output, Send) and isinstance(response := parse(output.data), Response)
        ]
        if message.method == "CANCEL" or (message.to_tag and message.method != "REGISTER"):
            assert statuses == [481], message
        elif message.method in {"PUBLISH", "BYE"}:
            assert statuses in ([405], [481]), message
        elif message.method == "INVITE":
            assert statuses == [100], (message, statuses)
            assert isinstance(outputs[-1], InviteReceived)
        else:
            assert statuses == [], (message, statuses)
            assert isinstance(outputs[-1], RequestReceived)
    assert count > 10
