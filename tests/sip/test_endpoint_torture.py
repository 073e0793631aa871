"""RFC 4475 on the wire, messages of real phones, and noise: what goes out in answer."""

import json
from pathlib import Path
from random import Random

import pytest

from sip.auth import Gate
from sip.endpoint import Endpoint, EndpointConfig
from sip.events import (
    InviteReceived,
    Output,
    RequestReceived,
    Send,
)
from sip.flow import Flow
from sip.message import Response
from sip.parser import parse
from sip.tokens import Tokens
from tests.data import need_testdata

US = ("192.0.2.2", 5060)
FLOW = Flow("udp", US, ("192.0.2.1", 5060))
EXPECT = json.loads(need_testdata("rfc4475-expect.json").read_text())


def make(*trusted: str, gate: bool = True) -> Endpoint:
    guard = Gate("dzvin", {}, trusted, b"gate") if gate else None
    return Endpoint(EndpointConfig(), Tokens(b"secret"), guard)


def answers(outputs: list[Output]) -> set[str]:
    """In the words of the table: "process", "silent" or a status."""
    if any(isinstance(output, InviteReceived | RequestReceived) for output in outputs):
        return {"process"}
    sent = [parse(output.data) for output in outputs if isinstance(output, Send)]
    statuses = {str(message.status) for message in sent if isinstance(message, Response)}
    return statuses or {"silent"}


@pytest.mark.parametrize("sender", ["everybody", "trusted", "stranger"])
@pytest.mark.parametrize("name", sorted(EXPECT))
def test_rfc4475(name: str, sender: str) -> None:
    data = need_testdata("rfc4475", f"{name}.dat").read_bytes()
    endpoint = make(*(["192.0.2.0/24"] if sender == "trusted" else []), gate=sender != "everybody")
    outputs = endpoint.on_datagram(data, FLOW, 0.0)
    allowed = set(EXPECT[name]["allow"])
    if sender == "stranger" and EXPECT[name]["kind"] != "response":
        allowed.add("401")
    if name == "regaut01" and sender != "stranger":
        allowed.add("process")  # Whoever needs no credentials may have odd ones.
    assert answers(outputs) <= allowed
    for output in outputs:
        if isinstance(output, Send):
            assert output.flow == FLOW  # Never to an address that the message names.
    # The same again, as from a client that did not hear us: no worse, and nothing new.
    again = endpoint.on_datagram(data, FLOW, 0.5)
    assert answers(again) - {"100"} <= allowed | {"silent"}
    assert all(isinstance(output, Send) for output in again)


@pytest.mark.parametrize(
    "path", sorted(need_testdata("live-clients").glob("*.sip")), ids=lambda path: path.stem
)
def test_real_phones_are_served(path: Path) -> None:
    """Each request is challenged, or processed when its sender is trusted; nothing is refused."""
    data = path.read_bytes()
    message = parse(data)
    for trusted in ([], ["192.0.2.0/24"]):
        found = answers(make(*trusted).on_datagram(data, FLOW, 0.0))
        if isinstance(message, Response) or message.method == "ACK":
            assert found == {"silent"}
        elif message.to_tag and message.method != "REGISTER":
            assert found == {"481"}
        elif message.method == "OPTIONS" or trusted:
            assert found == {"process"}
        else:
            assert found == {"401"}


def test_ten_thousand_datagrams_of_noise() -> None:
    """Random bytes, and real messages with random wounds."""
    random = Random(1)
    good = [path.read_bytes() for path in sorted(need_testdata("rfc4475").glob("*.dat"))]
    good += [path.read_bytes() for path in sorted(need_testdata("live-clients").glob("*.sip"))]
    endpoint = make(gate=False)
    for number in range(10_000):
        if number % 4 == 0:
            data = random.randbytes(random.randrange(200))
        else:
            wounded = bytearray(random.choice(good))
            for _ in range(random.randrange(1, 8)):
                at = random.randrange(len(wounded))
                wounded[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
            data = bytes(wounded)
        now = number / 100
        outputs = endpoint.on_datagram(data, FLOW, now)
        for output in outputs:
            if isinstance(output, InviteReceived):
                outputs = endpoint.reject(output.session, 404, now)
            elif isinstance(output, RequestReceived):
                outputs = endpoint.respond(output.transaction, 404, now)
        deadline = endpoint.next_deadline
        if deadline is not None and deadline <= now:
            _ = endpoint.on_time(now)
    while (deadline := endpoint.next_deadline) is not None:
        _ = endpoint.on_time(deadline)
    assert not any(endpoint.leftovers().values())
